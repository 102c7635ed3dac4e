"""Reports as spreadsheets (.xlsx, by xlsxwriter): a sheet of layers and one of totals, numbers as numbers.

Sizes that a report assumes are put in. What is not known is an empty cell, a total that is only a lower bound is text,
`>= 44760`; so are formulas of sizes that stay open, and integers that a spreadsheet, which counts in binary64, would
round. No text becomes a formula or a link, whatever a model's names begin with.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from copy import copy
from datetime import datetime
from typing import Any, TypeAlias

from .. import columns
from ..analysis import TOTALS, Analysis
from ..columns import Column
from ..dims import to_json
from ..errors import ModelError
from ..printable import printable
from ..report import Report
from ..summary import Summary
from ..table import Value
from ..version import __version__

LETTERS = 32_767
ROWS = 1_048_576
"""What a cell and a sheet have room for."""
WIDE = 50
"""Letters that a column is at most wide."""
MADE = datetime(2000, 1, 1)
"""When each file says that it was made, so that the same report is the same file."""
_PLACES = {"share": "0.0%", "ratio": "0.0", "time": "0.000E+00"}
"""How numbers are shown, by the form of their column; others as whole numbers in groups of three digits."""
Row: TypeAlias = Sequence[object]


def write(report: Report) -> bytes:
    """The spreadsheet of one model. Raises ModelError where xlsxwriter is not installed."""
    assumed = copy(report)
    assumed.analysis = report.analysis.assumed
    layers, forms = _layers(assumed)
    totals = [("quantity", "value", "unit", "what it is"), *_totals(assumed.analysis), (), *_about(report)]
    return _workbook({"layers": (layers, forms), "totals": (totals, ())})


def write_summary(summary: Summary) -> bytes:
    """The spreadsheet of several models, a row for each. Raises ModelError where xlsxwriter is not installed."""
    titles, *rows = summary.lines
    return _workbook({"models": ([titles, *([_plain(cell) for cell in row] for row in rows)], ())})


def _layers(report: Report) -> tuple[list[Row], list[str]]:
    """The rows under their titles, and the form of each column; a tool's own table is of text."""
    if report.style != "default":
        return [row for block in report.table.blocks for row in (block.titles, *block.rows)], []
    chosen, cells, _ = report.values(report.data_keys, range(len(report.analysis.rows)))
    rows = zip(*([_plain(cell) for cell in column] for column in cells), strict=True)
    return [[column.key for column in chosen], *rows], [column.form for column in chosen]


def _totals(analysis: Analysis) -> Iterator[Row]:
    """The totals that JSON has, each with its unit and definition."""
    for quantity in TOTALS:
        column = _column(quantity)
        value = _plain(to_json(analysis.total(quantity)))
        bound = value is not None and not analysis.complete
        yield quantity, f">= {value}" if bound else value, column.unit, column.doc


def _column(quantity: str) -> Column:
    """The column whose total a quantity is."""
    return columns.find({"activation_bytes": "activation", "peak_activation_bytes": "peak"}.get(quantity, quantity))


def _about(report: Report) -> Iterator[Row]:
    """What is to be known of the figures."""
    yield "model", report.title
    yield "coverage", report.coverage
    yield from (("not known", each) for each in report.causes)
    if report.assumptions:
        yield "assumptions", report.assumptions
    yield from (("warning", each) for each in report.analysis.warnings)
    yield "generator", f"graphcost {__version__}"


def _plain(value: Value | object) -> object:
    """A value as a cell can hold it: a formula as text, and a number that binary64 would round."""
    value = value if value is None or isinstance(value, str | float) else to_json(value)  # type: ignore[arg-type]
    return str(value) if isinstance(value, int) and int(float(value)) != value else value


def _workbook(sheets: dict[str, tuple[Sequence[Row], Sequence[str]]]) -> bytes:
    """A file of sheets, each of rows under a row of titles and the forms of its columns."""
    try:
        import xlsxwriter
    except ImportError:
        reason = "xlsx needs xlsxwriter: pip install 'graphcost[xlsx]', or pip install xlsxwriter"
        raise ModelError("--format", "", reason) from None
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    book.set_properties({"created": MADE})
    bold = book.add_format({"bold": True})
    numbers = {form: book.add_format({"num_format": text}) for form, text in _PLACES.items()}
    whole = book.add_format({"num_format": "#,##0"})
    for name, (rows, forms) in sheets.items():
        if len(rows) > ROWS:
            raise ModelError(
                "--format", "", f"xlsx has room for {ROWS:,} rows, and {len(rows):,} are needed; csv has all"
            )
        styles = [numbers.get(form, whole) for form in forms]
        _fill(book.add_worksheet(name), rows, bold, styles, whole)
    book.close()
    return content.getvalue()


def _fill(sheet: Any, rows: Sequence[Row], bold: object, styles: Sequence[object], usual: object) -> None:
    """Write the rows, the first as titles that stay in sight, columns as wide as what they hold."""
    widths: dict[int, int] = {}
    for number, row in enumerate(rows):
        for at, cell in enumerate(row):
            if isinstance(cell, int | float):
                sheet.write_number(number, at, cell, styles[at] if at < len(styles) else usual)
            elif cell is not None and cell != "":
                sheet.write_string(number, at, _text(str(cell)), None if number else bold)
            widths[at] = max(widths.get(at, 0), _width(cell))
    for at, width in widths.items():
        sheet.set_column(at, at, min(width, WIDE) + 2)
    sheet.freeze_panes(1, 1)


def _width(cell: object) -> int:
    """The letters that a cell shows, digits in groups of three."""
    return len(f"{cell:,}" if isinstance(cell, int) else "0.0000000" if isinstance(cell, float) else str(cell or ""))


def _text(text: str) -> str:
    text = printable(text)
    return text if len(text) <= LETTERS else text[: LETTERS - 1] + "…"
