"""Several models side by side: a row of totals for each; one that cannot be read says why in their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .columns import Column, find
from .dims import Dim, symbols
from .errors import ModelError
from .report import Report
from .table import Table, Value, shapes_text

DEFAULT = ("count", "params", "macs", "ops", "peak")
LONG = 60
"""Letters of a formula that people can still compare."""


@dataclass(frozen=True)
class Failure:
    """What stands in the place of a report when a file cannot be read."""

    path: str
    reason: str


class Summary:
    """What several models cost in total: `Summary(reports).table`.

    `columns` are keys of columns that have a total; with `sort`, one of them, the dearest model comes first; `top`
    keeps that many rows (0: all). What is not known may be the dearest; what could not be read comes last. Raises
    ModelError for a column that does not exist or has no total.
    """

    def __init__(
        self,
        results: Sequence[Report | Failure],
        *,
        columns: Sequence[str] | None = None,
        sort: str | None = None,
        top: int = 0,
    ) -> None:
        self.columns = [_totalled(key) for key in columns or DEFAULT]
        self.results = list(results)
        if sort is not None:
            by = _totalled(sort)
            self.results.sort(key=lambda each: _weight(each, by), reverse=True)
        self.left_out = len(self.results) - top if 0 < top < len(self.results) else 0
        if self.left_out:
            del self.results[top:]

    @property
    def table(self) -> Table:
        """A model's path, its inputs and its totals as people read them."""
        rows: list[tuple[str, ...]] = []
        for each in self.results:
            if isinstance(each, Failure):
                rows.append((each.path, f"error: {each.reason}", *[""] * len(self.columns)))
            else:
                totals = (_text(each, column) for column in self.columns)
                rows.append((each.analysis.model.path, _inputs(each), *totals))
        numeric = (False, False, *(column.form != "text" for column in self.columns))
        notes = [f"{self.left_out} models are left out; --top 0 shows all."] if self.left_out else []
        failed = frozenset(at for at, each in enumerate(self.results) if isinstance(each, Failure))
        titles = ("model", "input", *(column.title for column in self.columns))
        return Table(titles, numeric, rows, notes=notes, marked=failed)

    @property
    def lines(self) -> list[tuple[Value, ...]]:
        """The same unformatted, under titles; whether each model's totals are exact, and why it could not be read."""
        lines: list[tuple[Value, ...]] = [
            ("model", "input", *(column.key for column in self.columns), "complete", "error")
        ]
        for each in self.results:
            if isinstance(each, Failure):
                lines.append((each.path, *[None] * (len(self.columns) + 2), each.reason))
            else:
                totals = (_total(each, column) for column in self.columns)
                complete = "yes" if each.analysis.complete else "no"
                lines.append((each.analysis.model.path, _inputs(each), *totals, complete, None))
        return lines

    @property
    def data(self) -> list[dict[str, Any]]:
        """The JSON object of each model; of one that cannot be read its path and the reason."""
        return [
            {"schema": 1, "model": {"path": each.path}, "error": each.reason}
            if isinstance(each, Failure)
            else each.data
            for each in self.results
        ]


def _totalled(key: str) -> Column:
    """A column that has a total. Raises ModelError."""
    column = find(key)
    if column.total is None:
        raise ModelError("--columns", "", f"{key} has no total, and several models are compared by theirs")
    return column


def _total(report: Report, column: Column) -> Value:
    assert column.total is not None
    return column.total(report.analysis)


def _text(report: Report, column: Column) -> str:
    """A total; of a formula too long to compare, what it depends on."""
    text, total = report.total(column), _total(report, column)
    if len(text) <= LONG or not isinstance(total, Dim):
        return text
    return f"formula in {', '.join(sorted(symbols(total)))}"


def _weight(result: Report | Failure, column: Column) -> tuple[int, float]:
    if isinstance(result, Failure):
        return (0, 0.0)
    total = _total(result, column)
    number = result.analysis.evaluate(total) if isinstance(total, Dim) else total
    return (1, float(number)) if isinstance(number, int | float) else (2, 0.0)


def _inputs(report: Report) -> str:
    return shapes_text(report.analysis.inputs.values())
