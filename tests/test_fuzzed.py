"""One test for each kind of failure that damaged and random networks have shown (scripts/fuzz)."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from onnx import helper

from graphcost.cli import main
from harness import HEAD, conv, onnx_text, parsed, proto, saved

FORMATS = ("md", "text", "html", "csv", "json")


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """The one line in which a command refuses."""
    code = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert code == 2 and out == "" and err.count("\n") == 1 and err.startswith("graphcost: error: ")
    return err


def test_a_number_that_no_integer_holds_is_refused_by_the_parser_of_onnx_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its C++ raises std::out_of_range, which comes as an IndexError."""
    (tmp_path / "net.onnxtxt").write_text(onnx_text(f"g (float[{10**30}] x) => (float[] y) {{ y = Relu(x) }}"))
    assert "a number is too large" in refused(capsys, tmp_path / "net.onnxtxt")


def test_tools_that_count_by_channels_count_no_vector(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An LRN of one axis has no channels to multiply by."""
    model = saved(proto([helper.make_node("LRN", ["x"], ["y"], size=3)], {"x": [4]}), tmp_path)
    assert main([str(model), "--reconcile"]) == 0
    assert "burden" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [(), ("--device", "ethos-u55"), ("--reconcile",), ("--memory",), ("--fuse",)], ids=str
)
@pytest.mark.parametrize("kind", ["Relu", "Softmax", "ReduceMean", "GlobalAveragePool", "NonZero"])
def test_a_batch_of_none_is_answered_or_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, arguments: tuple[str, ...]
) -> None:
    model = saved(proto([helper.make_node(kind, ["x"], ["y"])], {"x": ["N", 3, 4]}), tmp_path)
    assert main([str(model), "--dim", "N=0", *arguments]) in (0, 2)
    assert "internal error" not in capsys.readouterr().err


@pytest.mark.parametrize("version", [2**31, 2**40, 2**63 - 1, -1])
def test_a_version_of_the_operator_set_that_does_not_exist_is_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], version: int
) -> None:
    model = proto([helper.make_node("Warp", ["x"], ["y"])], {"x": [2]})
    model.opset_import[0].version = version
    assert main([str(saved(model, tmp_path))]) in (0, 2)
    assert "internal error" not in capsys.readouterr().err


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("char", ["\u202e", "\u200b", "\x1b", "\x01", "\x9b"], ids=ascii)
def test_no_format_prints_what_moves_or_hides_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], format: str, char: str
) -> None:
    """Bidirectional overrides, characters without width, controls of a terminal, in the name of a layer."""
    (tmp_path / "net.prototxt").write_text(HEAD + conv(f"a{char}b"), encoding="utf-8")
    assert main([str(tmp_path / "net.prototxt"), "--format", format]) == 0
    out = capsys.readouterr().out
    assert not {each for each in out if unicodedata.category(each) in ("Cc", "Cf")} - {"\n", "\r", "\t"}
    if format == "json":
        assert f"a{char}b" in json.loads(out)["tensors"]


CONSTANT_BRANCHES = """
g (bool c) => (float[2] y) {
    y = If (c) <then_branch = t () => (float[2] a) { k = Constant <value = float[2] {1, 2}> () a = Relu(k) },
                else_branch = e () => (float[2] b) { b = Constant <value = float[2] {3, 4}> () }>
}
"""


def test_the_page_draws_a_body_that_works_on_constants_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "net.onnxtxt").write_text(onnx_text(CONSTANT_BRANCHES))
    assert parsed(CONSTANT_BRANCHES).outputs
    assert main([str(tmp_path / "net.onnxtxt"), "--format", "html"]) == 0
    assert capsys.readouterr().out.rstrip().endswith("</html>")


def test_a_shape_that_is_no_message_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.prototxt").write_text('layer { shape: "d" type: "Input" top: "a" }')
    assert "a shape should be { dim: ... }, not 'd'" in refused(capsys, tmp_path / "net.prototxt", "--format", "json")


def test_the_course_lists_a_pool_of_a_vector(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without positions to pool over it has channels alone."""
    model = saved(proto([helper.make_node("GlobalAveragePool", ["x"], ["y"])], {"x": [4]}), tmp_path)
    assert main([str(model), "--style", "cs231n"]) == 0
    assert "[1x1x4]" in capsys.readouterr().out


def test_what_the_runtime_prints_of_a_file_that_it_cannot_run_stays_out_of_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = pytest.importorskip("onnxruntime")

    def refuse(*_: object, **__: object) -> None:
        print("EP Error")
        raise RuntimeError("no such thing")

    monkeypatch.setattr(runtime, "InferenceSession", refuse)
    model = saved(proto([helper.make_node("Relu", ["x"], ["y"])], {"x": [1, 4]}), tmp_path)
    assert "no such thing" in refused(capsys, model, "--measure")
