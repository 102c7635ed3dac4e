"""Spreadsheets, opened by openpyxl: numbers are numbers, text is text, unknown is empty."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest

import graphcost
from graphcost import ArgumentError, ModelError, analyze, cli
from graphcost.formats import xlsx
from graphcost.render import rendered
from harness import HEAD, conv, layer

openpyxl = pytest.importorskip("openpyxl")
pytest.importorskip("xlsxwriter")

MACS = 4 * 6 * 6 * 3 * 3 * 3  # outputs x taps


def opened(net: str, shapes: dict[str, Any] | None = None, **options: Any) -> Any:
    """The spreadsheet of a Caffe net."""
    content = rendered(analyze(net.encode(), shapes=shapes).report(**options), "xlsx")
    assert isinstance(content, bytes)
    return openpyxl.load_workbook(io.BytesIO(content))


def rows(book: Any, sheet: str) -> list[dict[str, Any]]:
    """A row of a sheet by its titles."""
    titles, *found = book[sheet].iter_rows(values_only=True)
    return [dict(zip(titles, row, strict=True)) for row in found]


def test_a_row_for_each_layer_with_numbers_as_numbers() -> None:
    first, second = rows(opened(HEAD + conv("c") + layer("r", "ReLU", "c")), "layers")
    assert (first["name"], first["output"], first["macs"], first["params"]) == ("c", "1x4x6x6", MACS, 4 * 27 + 4)
    assert second["macs"] == 0 and first["share"] == pytest.approx(1, abs=0.1)


def test_the_totals_have_units_and_say_what_they_cover() -> None:
    totals = {row["quantity"]: row for row in rows(opened(HEAD + conv("c")), "totals")}
    assert totals["macs"]["value"] == MACS and totals["macs"]["unit"] == "multiply-accumulates"
    assert totals["param_bytes"]["value"] == (4 * 27 + 4) * 4
    assert totals["coverage"]["value"] == "complete"


def test_what_is_not_known_is_empty_and_a_lower_bound_says_so() -> None:
    book = opened(HEAD + conv("c") + layer("m", "Mystery", "c"))
    assert rows(book, "layers")[1]["macs"] is None
    totals = {row["quantity"]: row["value"] for row in rows(book, "totals")}
    assert totals["macs"] == f">= {MACS}" and "Mystery" in totals["coverage"]


def test_it_says_why_a_layer_that_has_a_rule_is_not_known() -> None:
    book = opened(HEAD + conv("c", "data", "kernel_size: 3 padd: 1"))
    totals = {row["quantity"]: row["value"] for row in rows(book, "totals")}
    assert totals["not known"] == "c (Convolution): field padd is not understood (nearest: pad)"


@pytest.mark.parametrize("name", ["=1+1", "@SUM(A1)", "+1", "https://example.com", "{=A1}"])
def test_a_name_like_a_formula_or_a_link_is_text(name: str) -> None:
    cell = opened(HEAD + conv(name))["layers"]["A2"]
    assert (cell.value, cell.data_type, cell.hyperlink) == (name, "s", None)


def test_assumed_sizes_are_put_in_and_open_ones_stay_formulas() -> None:
    net = HEAD + conv("c")
    assert rows(opened(net, {"data": "Nx3x8x8"}), "layers")[0]["macs"] == MACS  # N = 1
    row = rows(opened(net, {"data": "1x3xHx8"}), "layers")[0]
    assert row["macs"] == f"{MACS // 6}*H - {2 * MACS // 6}"


def test_an_integer_that_a_spreadsheet_would_round_is_text() -> None:
    batch, outputs = 10**6 + 1, 2001
    for channels, is_exact in {10**6: True, 10**6 + 1: False}.items():
        net = HEAD + conv("c", outputs=outputs)
        macs = batch * outputs * 9 * channels  # above 2^53; only the first is a multiple of 64
        found = rows(opened(net, {"data": (batch, channels, 3, 3)}), "layers")[0]["macs"]
        assert found == (macs if is_exact else str(macs))


def test_text_longer_than_a_cell_is_cut_and_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "LETTERS", 5)
    assert rows(opened(HEAD + conv("a_long_name")), "layers")[0]["name"] == "a_lo…"
    monkeypatch.setattr(xlsx, "ROWS", 1)
    with pytest.raises(ModelError, match="room for 1 rows, and 2 are needed"):
        opened(HEAD + conv("c"))


def test_columns_order_and_grouping_are_those_of_the_report() -> None:
    net = HEAD + conv("c") + layer("r", "ReLU", "c")
    assert opened(net, columns="macs,name", sort="name")["layers"]["A1"].value == "macs"
    assert [row["name"] for row in rows(opened(net, by="op"), "layers")] == ["Convolution", "ReLU"]
    assert opened(net, style="netscope")["layers"].max_row > 2


def test_the_same_report_is_the_same_file() -> None:
    report = analyze((HEAD + conv("c")).encode()).report()
    assert rendered(report, "xlsx") == rendered(report, "xlsx")


def test_the_command_writes_it_for_one_model_and_for_several(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.prototxt").write_text(HEAD + conv("c"))
    one, two = tmp_path / "one.xlsx", tmp_path / "two.xlsx"
    assert cli.main([str(tmp_path / "a.prototxt"), "-o", str(one)]) == 0
    assert openpyxl.load_workbook(one).sheetnames == ["layers", "totals"]
    assert cli.main([str(tmp_path / "a.prototxt"), str(tmp_path / "b.prototxt"), "-o", str(two)]) == 0
    assert [row["macs"] for row in rows(openpyxl.load_workbook(two), "models")] == [MACS, MACS]


def test_it_is_no_text_and_needs_a_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = analyze((HEAD + conv("c")).encode()).report()
    with pytest.raises(ArgumentError, match="xlsx is no text"):
        report.render("xlsx")
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(ModelError, match=r"pip install 'graphcost\[xlsx\]'"):
        graphcost.analyze((HEAD + conv("c")).encode()).save(tmp_path / "a.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_a_section_in_place_of_the_layers_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.prototxt").write_text(HEAD + conv("c"))
    words = [str(tmp_path / "a.prototxt"), "--memory", "-o", str(tmp_path / "a.xlsx")]
    assert cli.main(words) == 2
    assert "xlsx has a line for each layer" in capsys.readouterr().err
