"""JSON is written piece by piece, a line for each layer, and what it holds is the same as if it were made at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from graphcost import ModelError, analyze, files
from graphcost.commands.shared import write_out
from graphcost.data_text import Elements, Members, json_pieces, json_text, whole
from harness import HEAD, layer


def rows(count: int, made: list[int]) -> Iterator[dict[str, int]]:
    for number in range(count):
        made.append(number)
        yield {"n": number}


def test_a_list_of_objects_has_a_line_for_each() -> None:
    text = '{\n "a": 1,\n "b": [\n  {"n": 0},\n  {"n": 1}\n ],\n "c": {\n  "x": {"n": 2}\n }\n}\n'
    assert json_text({"a": 1, "b": [{"n": 0}, {"n": 1}], "c": {"x": {"n": 2}}}) == text
    assert json_text({"a": 1, "b": Elements(rows(2, [])), "c": Members([("x", {"n": 2})])}) == text
    assert json.loads(text) == whole({"a": 1, "b": Elements(rows(2, [])), "c": Members([("x", {"n": 2})])})


def test_what_has_no_elements_is_empty() -> None:
    assert json_text({"b": Elements(()), "c": Members(())}) == json_text({"b": [], "c": {}})


def test_an_element_is_made_when_it_is_written_and_none_is_kept() -> None:
    made: list[int] = []
    pieces = json_pieces({"layers": Elements(rows(1000, made))})
    seen = [next(pieces) for _ in range(10)]
    assert len(made) <= len(seen)


def test_a_report_holds_one_layer_at_a_time(root: Path) -> None:
    """However many layers there are: the longest piece is a layer's line, or the one of the totals."""
    report = analyze(root / "onnx_models/retinaface.onnx").report()
    layers = report.parts["layers"]
    assert isinstance(layers, Elements)
    text = report.render("json")
    assert json.loads(text) == report.data
    assert sum(1 for _ in layers.lines()) == len(report.analysis.rows)


def test_a_file_whose_pieces_cannot_all_be_made_is_not_written(tmp_path: Path) -> None:
    def pieces() -> Iterator[str]:
        yield "half"
        raise ModelError("net", "conv9", "cannot be")

    (tmp_path / "out.json").write_text("the last good one")
    with pytest.raises(ModelError, match="cannot be"):
        files.write(pieces(), tmp_path / "out.json")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["the last good one"]


def test_nothing_is_printed_when_the_pieces_cannot_all_be_made(capsys: pytest.CaptureFixture[str]) -> None:
    def pieces() -> Iterator[str]:
        yield "half"
        raise ModelError("net", "conv9", "cannot be")

    with pytest.raises(ModelError):
        write_out(pieces(), None)
    assert capsys.readouterr().out == ""


def test_bytes_and_text_are_written_as_they_are(tmp_path: Path) -> None:
    for number, content in enumerate((b"\xff\x00", "text", iter(["te", "xt"]))):
        files.write(content, tmp_path / str(number))
    assert [(tmp_path / name).read_bytes() for name in "012"] == [b"\xff\x00", b"text", b"text"]


def test_what_layers_have_in_common_is_computed_once_and_given_to_each_anew() -> None:
    """Three of one signature: a change to what JSON has of one is none to another's."""
    net = HEAD + "".join(layer(f"r{at}", "ReLU", f"r{at - 1}" if at else "data") for at in range(3))
    analysis = analyze(net.encode())
    assert len({row.signature for row in analysis.rows}) == 1
    first, second, _ = analysis.to_dict()["layers"]
    first["output_shapes"][0][0] = first["work"]["compares"] = "changed"
    assert second["output_shapes"] == [[1, 3, 8, 8]] and second["work"]["compares"] == 3 * 8 * 8
