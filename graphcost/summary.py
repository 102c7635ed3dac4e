"""Several models side by side: a row of totals for each; one that cannot be read says why in their place.

Of a model only what stands in its row is kept, so that there may be any number of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import export
from .columns import Column, find
from .dims import Dim
from .errors import ArgumentError
from .notation import AS_USUAL, Notation
from .report import Report
from .table import EXPLAINED, LONG, Table, Value, counted, is_abbreviated, shapes_text

DEFAULT = ("count", "learned_params", "macs", "ops", "peak")
UNKNOWN, LOWER = "?", ">= "
"""A total that is not known, and what a lower bound begins with."""
DATA = ("count", "params", "learned_params", "macs", "ops", "peak")
"""The same for programs."""


@dataclass(frozen=True)
class Failure:
    """What stands in the place of a report when a file cannot be read."""

    path: str
    reason: str


@dataclass(frozen=True)
class ModelRow:
    """What is kept of a model."""

    path: str
    error: str = ""
    """Why it could not be read."""
    used_dims: frozenset[str] = frozenset()
    """The dimensions given a value that it has."""
    missing: str = ""
    """What its totals leave out, where they are lower bounds."""
    inputs: str = ""
    inputs_text: str = ""
    """The same as people read it, under the assumptions."""
    totals: dict[str, Value] = field(default_factory=dict)
    """By the keys of the columns; counts are integers, or formulas while sizes are open, None where not known."""
    numbers: dict[str, Value] = field(default_factory=dict)
    """The same as numbers where the assumptions of a report make them, as one batch; None where they do not."""
    size: int | None = None
    """Bytes of its file."""
    modified: str = ""
    """When that was changed last; with the size it tells whether the file is still the same."""
    texts: tuple[str, ...] = ()
    """The totals as people read them."""
    sort_key: tuple[int, float] = (0, 0.0)
    """Where it stands in an order."""
    data: dict[str, Any] | None = None
    """Its JSON object, when that was asked for."""

    @property
    def complete(self) -> bool:
        """Whether it could be read and every total is exact."""
        return not self.error and not self.missing


@dataclass(frozen=True)
class RowMaker:
    """What a summary keeps of each model; picklable, so that models may be read in other processes.

    Raises ModelError for a column that does not exist or has no total.
    """

    keys: tuple[str, ...] = ()
    """Of columns that have a total; () for the usual ones."""
    sort: str | None = None
    """One of these, by which rows can be ordered."""
    objects: bool = False
    """Whether the JSON object is kept too."""

    def __post_init__(self) -> None:
        for key in self.keys:
            _column_with_total(key)
        if self.sort is not None:
            _column_with_total(self.sort, "sort")

    @property
    def columns(self) -> list[Column]:
        """Those that people read."""
        return [find(key) for key in self.keys or DEFAULT]

    @property
    def data_keys(self) -> tuple[str, ...]:
        """Of the columns of formats for programs."""
        return tuple([find(key).key for key in self.keys]) or DATA

    def __call__(self, result: Report | Failure) -> ModelRow:
        if isinstance(result, Failure):
            return ModelRow(result.path, error=result.reason)
        analysis, columns = result.analysis, self.columns
        totals = {key: _total(result, find(key)) for key in self.data_keys}
        return ModelRow(
            analysis.model.path,
            used_dims=frozenset(analysis.dims.keys() - set(analysis.unused_dims)),
            missing="" if analysis.complete else result.coverage,
            inputs=shapes_text(analysis.inputs.values()),
            inputs_text=shapes_text([t.substitute(analysis.assumptions) for t in analysis.inputs.values()], brief=True),
            totals=totals,
            numbers={key: analysis.evaluate(each) if isinstance(each, Dim) else each for key, each in totals.items()},
            texts=tuple([result.total(column, LONG) for column in columns]),
            sort_key=(0, 0.0) if self.sort is None else _sort_key(result, find(self.sort)),
            data=result.data if self.objects else None,
        )


class Summary:
    """What several models cost in total: `Summary(reports).table`.

    `results` are reports, failures or rows made of them by a RowMaker with the same options; they may be a generator:
    each report is let go before the next but one is made. `columns` are keys of columns
    that have a total; with `sort`, one of them, the largest model comes first; `top` keeps that many rows (0: all).
    What is not known may be the largest; what could not be read comes last. `objects` keeps the JSON object of each
    model for `data`. `notation` says how numbers are written, `compare` adds by how much each model differs from the
    first. Raises ModelError for a column that does not exist or has no total.
    """

    def __init__(
        self,
        results: Iterable[Report | Failure | ModelRow],
        *,
        columns: Sequence[str] | None = None,
        sort: str | None = None,
        top: int = 0,
        objects: bool = False,
        notation: Notation = AS_USUAL,
        compare: bool = False,
    ) -> None:
        make = RowMaker(tuple(columns or ()), sort, objects)
        self.notation = notation.check()
        self.compare = compare
        self.keys = make.keys or DEFAULT
        """Of the columns that people read."""
        self.columns = make.columns
        self.data_keys = make.data_keys
        """The columns of a format for programs."""
        self.rows = [each if isinstance(each, ModelRow) else make(each) for each in results]
        self.failed = any(row.error for row in self.rows)
        self.used_dims = frozenset[str]().union(*[row.used_dims for row in self.rows])
        """The dimensions given a value that some model has."""
        self.incomplete = [(row.path, row.missing) for row in self.rows if row.missing]
        """The models whose totals are lower bounds, and what these leave out."""
        if sort is not None:
            self.rows.sort(key=lambda row: row.sort_key, reverse=True)
        self.hidden = len(self.rows) - top if 0 < top < len(self.rows) else 0
        if self.hidden:
            del self.rows[top:]

    @property
    def table(self) -> Table:
        """A model's path, its inputs and its totals as people read them."""
        blank = ("",) * len(self.columns)
        written = [
            self._column(at, key, column) for at, (key, column) in enumerate(zip(self.keys, self.columns, strict=True))
        ]
        rows = [
            (row.path, f"error: {row.error}", *blank)
            if row.error
            else (row.path, row.inputs_text, *(cells[at] for _, cells in written))
            for at, row in enumerate(self.rows)
        ]
        numeric = (False, False, *(column.form != "text" for column in self.columns))
        notes = [f"{counted(self.hidden, 'more model')} not shown (--top 0 shows all)"] if self.hidden else []
        if is_abbreviated(text for row in self.rows for text in row.texts):
            notes.append(EXPLAINED)
        failed = frozenset(at for at, row in enumerate(self.rows) if row.error)
        titles = ("model", "input", *(title for title, _ in written))
        return Table(titles, numeric, rows, notes=notes, marked=failed)

    def _column(self, place: int, key: str, column: Column) -> tuple[str, list[str]]:
        """A column's title with its unit, and its cell for each row; where one has a formula each has its own unit."""
        texts = ["" if row.error else row.texts[place] for row in self.rows]
        values = [row.numbers.get(key) for row in self.rows]
        numbers = [value for value in values if isinstance(value, int | float)]
        formulas = any(value is None and text not in ("", UNKNOWN) for value, text in zip(values, texts, strict=True))
        units = None if formulas else self.notation.of_column(column.form, column.title, numbers)
        cells = []
        for text, value in zip(texts, values, strict=True):
            if units is not None and units.scale and isinstance(value, int | float):
                text = f"{LOWER if text.startswith(LOWER) else ''}{units.write(value)}"
            cells.append(text)
        if self.compare:
            cells[1:] = [cell + _change(values[0], value) for cell, value in zip(cells[1:], values[1:], strict=True)]
        return (column.title if units is None else units.title), cells

    @property
    def lines(self) -> list[tuple[Value, ...]]:
        """The same unformatted, under titles; whether each model's totals are exact, and why it could not be read."""
        unread = (None,) * (len(self.data_keys) + 2)
        return [
            ("model", "input", *self.data_keys, "complete", "error"),
            *(
                (row.path, *unread, row.error)
                if row.error
                else (
                    row.path,
                    row.inputs,
                    *(row.totals[key] for key in self.data_keys),
                    "no" if row.missing else "yes",
                    None,
                )
                for row in self.rows
            ),
        ]

    @property
    def data(self) -> list[dict[str, Any]]:
        """The JSON object of each model; of one that cannot be read its path and the reason.

        Raises ValueError when the objects were not kept.
        """
        found = []
        for row in self.rows:
            if row.data is None and not row.error:
                raise ValueError("a summary without its models' objects: make it with objects=True")
            found.append(row.data or _unread(row.path, row.error))
        return found


def _change(first: Value, value: Value) -> str:
    """How much more than the first model has: ` (+12.5%)`; "" where one of them is not known."""
    if not isinstance(first, int | float) or not first or not isinstance(value, int | float):
        return ""
    return f" ({value / first - 1:+.1%})"


def _unread(path: str, error: str) -> dict[str, Any]:
    """What stands in the place of a model's JSON object where it cannot be read."""
    return {"schema": export.SCHEMA, "generator": export.GENERATOR, "model": {"path": path}, "error": error}


def _column_with_total(key: str, argument: str = "columns") -> Column:
    """A column that has a total. Raises ArgumentError."""
    column = find(key, argument)
    if column.total is None:
        raise ArgumentError(argument, f"{key} has no total, and several models are compared by theirs")
    return column


def _total(report: Report, column: Column) -> Value:
    assert column.total is not None
    return column.total(report.analysis)


def _sort_key(report: Report, column: Column) -> tuple[int, float]:
    total = _total(report, column)
    number = report.analysis.evaluate(total) if isinstance(total, Dim) else total
    return (1, float(number)) if isinstance(number, int | float) else (2, 0.0)
