"""The command's options: what they say, and what is refused before anything is read or written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from graphcost import cli

DET1 = "prototxt/det1.prototxt"
DIGITS = "9" * 5000


@pytest.fixture(autouse=True)
def in_the_checkout(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line in which the command refuses them."""
    assert cli.main([*arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("graphcost: error: ") and err.count("\n") == 1 and len(err) < 500
    return err


REFUSED = {
    "an empty name": ((""), "a model's name is empty"),
    "two formats": ((DET1, "--format", "md", "--format", "json"), "--format is given twice, as md and as json"),
    "two values": ((DET1, "--dim", "N=1", "--dim", "N=2"), "N is given twice, as 1 and as 2"),
    "an input twice": ((DET1, "--input", "data=1x3x9x9", "--input", "data=1x3x8x8"), "data is given twice"),
    "digits of a size": ((DET1, "--input", f"1x3x8x{DIGITS}"), "has a size of 5,000 digits"),
    "digits of a dimension": ((DET1, "--dim", f"N={DIGITS}"), "has a size of 5,000 digits"),
    "digits of an anchor": ((DET1, "--anchor-sizes", "8=" + "9" * 400), "should be a stride and sizes"),
    "fewer axes": ((DET1, "--input", "3x12x12"), "data has 4 axes in the file, [1, 3, 12, 12], and 3 are given"),
    "a phase of onnx": (("onnx_models/vgg16.onnx", "--phase", "test"), "--phase: selects layers of a Caffe net"),
    "a list and a model": ((DET1, "--list-ops"), "a list of what there is takes no model"),
    "an unknown dimension": ((DET1, "--dim", "Q=3"), "has no dimension Q"),
    "one of many": ((DET1, "prototxt/det2.prototxt", "--dim", "Q=3"), "no model has a dimension Q"),
    "a value for a shape": ((DET1, "--input", "data=true"), "true is a value and no size: --value data=true gives"),
    "no value": ((DET1, "--value", "data"), "should be an input and its value, as in use_cache=true"),
    "raw json": ((DET1, "--format", "json", "--csv-raw"), "is about --format csv"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_meant_is_refused_in_one_line(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, reason = REFUSED[what]
    assert reason in refused(capsys, *([arguments] if isinstance(arguments, str) else arguments))


def test_the_same_value_twice_is_no_contradiction(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([DET1, "--format", "csv", "--format", "csv", "--columns", "name"]) == 0


def test_fewer_axes_are_taken_where_they_are_meant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(
        'input: "x" input_shape { dim: 1 dim: 3 dim: 4 } layer { name: "r" type: "ReLU" bottom: "x" top: "y" }'
    )
    assert "x:=SHAPE says that it is meant" in refused(capsys, str(path), "--input", "x=3x4")
    for given in ("x:=3x4", ":=3x4"):
        assert cli.main([str(path), "--input", given, "--columns", "output", "--format", "csv"]) == 0
        assert "3x4" in capsys.readouterr().out


def test_no_output_takes_the_place_of_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, link = tmp_path / "net.prototxt", tmp_path / "link.json"
    model.write_bytes(Path(DET1).read_bytes())
    link.symlink_to(model)
    before = model.read_bytes()
    for option in (["-o", str(model), "--format", "md"], ["-o", str(link)], ["--plan", str(link)]):
        assert "it would be written over" in refused(capsys, str(model), *option)
    assert model.read_bytes() == before


def test_two_outputs_have_two_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "x.json")
    assert "is written by --output too" in refused(capsys, DET1, "-o", path, "--plan", path)
    assert not Path(path).exists()


def test_a_link_that_leads_to_itself_is_no_place_to_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loop = tmp_path / "loop.md"
    loop.symlink_to(loop)
    assert "cannot be written" in refused(capsys, DET1, "-o", str(loop))


def test_a_name_as_long_as_the_file_system_allows_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("r" * 252 + ".md")
    assert cli.main([DET1, "-o", str(path)]) == 0
    assert path.read_text(encoding="utf-8").startswith("# det1")
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_closed_standard_output_is_an_error_in_one_line() -> None:
    command = f"{sys.executable} -m graphcost {DET1} >&-"
    run = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert run.returncode == 2 and run.stderr == "graphcost: error: standard output: is closed\n"


def test_what_nothing_foresaw_is_one_line_and_no_failed_gate(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GRAPHCOST_DEBUG", raising=False)
    monkeypatch.setattr("graphcost.importers.load", lambda *_, **__: {}[2])
    assert cli.main([DET1]) == 3
    assert capsys.readouterr().err == (
        f"graphcost: error: {DET1}: internal error: KeyError: 2 (GRAPHCOST_DEBUG=1 shows where; please report it)\n"
    )
    assert cli.main([DET1, "prototxt/det2.prototxt"]) == 2  # a row for each, which says so
    assert capsys.readouterr().out.count("internal error: KeyError: 2") == 2
    monkeypatch.setenv("GRAPHCOST_DEBUG", "1")
    with pytest.raises(KeyError):
        cli.main([DET1])
