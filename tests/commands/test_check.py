"""`graphcost check` and `graphcost baseline`."""

from __future__ import annotations

import json
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from graphcost import cli
from harness import HEAD, conv, layer

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model of 3,888 MACs and one of which not all is known."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.prototxt").write_text(HEAD + conv("a"))
    (tmp_path / "w.prototxt").write_text(HEAD + conv("a") + layer("w", "Warp9", "a"))
    return tmp_path


def command(capsys: Capture, *words: str) -> tuple[int, str, str]:
    code = cli.main(list(words))
    return (code, *capsys.readouterr())


def test_all_gates_pass(folder: Path, capsys: Capture) -> None:
    code, out, err = command(capsys, "check", "a.prototxt", "--max", "macs=4k", "--max", "peak_activation_bytes=2KiB")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "pass       a.prototxt  max macs: 3.9 k of 4.0 k",
        "pass       a.prototxt  max peak_activation_bytes: 1.3 KiB of 2.0 KiB",
        "2 gates of 1 model: 2 passed, 0 failed, 0 undecided",
    ]


@pytest.mark.parametrize(
    ("model", "limit", "word"), [("a", "1k", "FAIL"), ("w", "4k", "UNDECIDED"), ("w", "1k", "FAIL")]
)
def test_a_gate_that_does_not_pass_is_exit_code_1(
    model: str, limit: str, word: str, folder: Path, capsys: Capture
) -> None:
    code, out, _ = command(capsys, "check", f"{model}.prototxt", "--max", f"macs={limit}")
    assert code == 1 and out.startswith(word)


def test_a_lower_bound_may_be_allowed(folder: Path, capsys: Capture) -> None:
    assert command(capsys, "check", "w.prototxt", "--max", "macs=4k", "--allow-incomplete")[0] == 0


def test_a_model_that_cannot_be_read_is_exit_code_2_and_the_others_go_on(folder: Path, capsys: Capture) -> None:
    code, out, err = command(capsys, "check", "gone.onnx", "a.prototxt", "--max", "macs=4k")
    assert code == 2 and "gone.onnx" in err and "ERROR      gone.onnx" in out and "pass       a.prototxt" in out


def test_budgets_of_a_file_are_found_and_options_come_last(folder: Path, capsys: Capture) -> None:
    Path("graphcost.toml").write_text('models = ["a.prototxt"]\n[max]\nmacs = "1k"\n')
    assert command(capsys, "check")[0] == 1
    assert command(capsys, "check", "--max", "macs=4k")[0] == 0
    Path("other.toml").write_text('complete = true\n[[model]]\npath = "*.prototxt"\n')
    code, out, _ = command(capsys, "check", "--config", "other.toml")
    assert code == 1 and "FAIL       w.prototxt  complete: incomplete" in out and "pass       a.prototxt" in out


def test_growth_is_from_a_baseline(folder: Path, capsys: Capture) -> None:
    assert command(capsys, "baseline", "a.prototxt", "-o", "costs.json")[0] == 0
    Path("a.prototxt").write_text(HEAD + conv("a", outputs=5))
    code, out, _ = command(capsys, "check", "a.prototxt", "--baseline", "costs.json", "--max-growth", "params=10%")
    assert code == 1 and "growth of params: +25.0% of 10%" in out and "layers: a +28" in out
    assert command(capsys, "check", "a.prototxt", "--baseline", "costs.json", "--max-growth", "params=25%")[0] == 0
    code, out, _ = command(capsys, "diff", "costs.json", "a.prototxt", "--format", "json")
    assert json.loads(out)["totals"]["params"]["delta"] == 28


def test_a_baseline_may_be_in_a_revision_of_git(folder: Path, capsys: Capture) -> None:
    command(capsys, "baseline", "a.prototxt", "-o", "costs.json")
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "costs.json"], [*identity, "commit", "-qm", "costs"]):
        subprocess.run(["git", *words], check=True, capture_output=True)
    Path("costs.json").unlink()
    arguments = ["check", "a.prototxt", "--max-growth", "macs=0"]
    assert command(capsys, *arguments, "--baseline", "HEAD:costs.json")[0] == 0
    code, _, err = command(capsys, *arguments, "--baseline", "nowhere:costs.json")
    assert code == 2 and "git cannot show nowhere:costs.json" in err and err.count("\n") == 1
    assert command(capsys, *arguments, "--baseline", "--output=x:costs.json")[0] == 2


def test_annotations_of_github_name_the_file_and_escape_what_they_say(folder: Path, capsys: Capture) -> None:
    Path("a,b.prototxt").write_text(HEAD + conv("100%"))
    _, out, _ = command(capsys, "check", "a,b.prototxt", "--max", "macs=1k", "--format", "github")
    first = out.splitlines()[0]
    assert first == (
        "::error file=a%2Cb.prototxt,title=graphcost max macs::fail: 3.9 k of 1.0 k (over by 2.9 k; layers: 100%25 3.9 k)"
    )


def test_junit_counts_gates_and_holds_any_name(folder: Path, capsys: Capture) -> None:
    Path("a.prototxt").write_text(HEAD + conv('<a & \\001\\">'))
    assert cli.main(["check", "a.prototxt", "gone.onnx", "--max", "macs=1k", "--complete", "-o", "out.xml"]) == 2
    suites = ElementTree.parse("out.xml").getroot().findall("testsuite")
    assert [suite.attrib["failures"] + suite.attrib["errors"] for suite in suites] == ["10", "01"]
    assert [case.attrib["name"] for case in suites[0]] == ["max macs", "complete"]
    failure = suites[0][0][0]
    assert failure.attrib["type"] == "fail" and "<a & " in (failure.text or "")


def test_markdown_is_a_table_for_a_comment(folder: Path, capsys: Capture) -> None:
    _, out, _ = command(capsys, "check", "a.prototxt", "--max", "macs=1k", "--format", "md")
    assert out.startswith("# graphcost: fail\n") and "| ❌ fail  | a.prototxt | max macs |" in out


def test_json_has_exact_figures(folder: Path, capsys: Capture) -> None:
    _, out, _ = command(capsys, "check", "a.prototxt", "--max", "macs=1k", "--format", "json")
    data = json.loads(out)
    gate = data["models"][0]["gates"][0]
    assert data["verdict"] == "fail" and (gate["limit"], gate["value"]) == (1000, 3888)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["check", "a.prototxt"], "no budget: there is no graphcost.toml here"),
        (["check", "--max", "macs=1"], "no model given, and the budgets name none"),
        (["check", "a.prototxt", "--max", "macs"], "should be a quantity and its limit, as in macs=4.2G"),
        (["check", "a.prototxt", "--max", "macs=1", "--max", "macs=2"], "--max: macs is given twice, with two limits"),
        (["check", "a.prototxt", "--max", "mac=1"], "--max: no quantity 'mac'; did you mean macs"),
        (["check", "a.prototxt", "--max", "time_bound=1ms"], "are times on a device"),
        (["check", "a.prototxt", "--max-growth", "macs=1%"], "growth is from a baseline: --baseline FILE"),
        (["check", "a.prototxt", "--max", "macs=1", "--format", "pdf"], "no format 'pdf' here; there are text, md"),
        (["check", "a.prototxt", "--max", "macs=1", "-o", "out.pdf"], "no format has the suffix '.pdf'"),
        (["check", "a.prototxt", "--max", "macs=1", "--config", "gone.toml"], "gone.toml: cannot be read"),
        (["check", "a.prototxt", "--max-growth", "macs=1", "--baseline", "gone.json"], "gone.json: cannot be read"),
        (["baseline"], "no model given"),
        (["baseline", "a.prototxt", "gone.onnx", "-o", "costs.json"], "gone.onnx"),
        (["baseline", "a.prototxt", "--format", "md"], "a baseline is json"),
    ],
)
def test_what_cannot_be_read_is_exit_code_2_and_nothing_is_written(
    words: list[str], reason: str, folder: Path, capsys: Capture
) -> None:
    code, _, err = command(capsys, *words)
    assert code == 2 and reason in err and err.count("\n") == 1
    assert sorted(path.name for path in folder.iterdir()) == ["a.prototxt", "w.prototxt"]
