"""`graphcost diff`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from graphcost import cli
from harness import HEAD, conv, layer


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two versions of a network."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.prototxt").write_text(HEAD + conv("a") + layer("r", "ReLU", "a"))
    (tmp_path / "new.prototxt").write_text(HEAD + conv("a", outputs=8) + layer("r", "ReLU", "a"))
    return tmp_path


def diff(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.main(["diff", *arguments])
    return (code, *capsys.readouterr())


def test_it_writes_totals_and_layers(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = diff(capsys, "old.prototxt", "new.prototxt")
    assert (code, err) == (0, "")
    assert "old.prototxt -> new.prototxt" in out and "+100.0%" in out and "0 layers unchanged · 2 changed" in out


def test_sizes_hold_for_both_sides(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """4 more outputs of 27 taps at (N - 2) x 6 positions."""
    _, out, _ = diff(capsys, "old.prototxt", "new.prototxt", "--input", "1x3xHx8", "--dim", "H=12", "--format", "json")
    assert json.loads(out)["totals"]["macs"]["delta"] == 4 * 27 * 10 * 6


def test_a_report_stands_for_a_model_and_the_suffix_names_the_format(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["old.prototxt", "-o", "old.json"]) == 0
    code, out, _ = diff(capsys, "old.json", "new.prototxt", "-o", "diff.csv")
    assert (code, out) == (0, "") and (models / "diff.csv").read_text().splitlines()[2].startswith("changed,a,a,")


def test_a_file_called_diff_is_a_model_when_it_is_given_as_a_path(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (models / "diff").write_text((models / "old.prototxt").read_text())
    assert cli.main(["./diff"]) == 0
    assert "| a " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["old.prototxt"], "the following arguments are required: NEW; see graphcost diff --help"),
        (["old.prototxt", "missing.onnx"], "missing.onnx"),
        (["old.prototxt", "new.prototxt", "--format", "pdf"], "no format 'pdf' here; there are md, text"),
        (["old.prototxt", "new.prototxt", "--columns", "mac"], "no column 'mac'; did you mean macs"),
        (["old.prototxt", "new.prototxt", "--dim", "H=3"], "neither model has a dimension H"),
        (["old.prototxt", "new.prototxt", "--top", "-1"], "-1 rows cannot be shown"),
        (
            ["old.prototxt", "new.prototxt", "--format", "md", "-o", "new.prototxt"],
            "is read as new.prototxt; it would be written over",
        ),
        (["-", "-"], "standard input can be one side"),
    ],
)
def test_what_cannot_be_read_is_one_line_and_nothing_is_written(
    arguments: list[str], reason: str, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = diff(capsys, *arguments)
    assert (code, out) == (2, "") and reason in err and err.count("\n") == 1
