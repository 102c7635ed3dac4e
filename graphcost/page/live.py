"""What the page's scripts compute with: exact numbers and formulas of every row, the totals, the symbols, the buffers.

A formula is text in Python's syntax, and so is an integer that a double cannot hold; null is what is not known. Each
column lists its distinct values once, and then which row has which. How a number is written and where it stands on the
page is the business of the scripts.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from ..analysis import TOTALS, Analysis
from ..columns import Column, find
from ..dims import Dim, Extent, lower_bounds
from ..graph import Tensor
from ..passes.roofline import calculates, compute_dtype, elements, repeats
from ..printable import printable
from ..report import Report
from ..sections.device import fit_row
from ..table import Value

OFFERED = (
    "name", "type", "kind", "scope", "input", "output", "learned_params", "params", "param_bytes", "macs", "ops",
    "activation", "share", "rf", "rf_stride", "status", "where",
)  # fmt: skip
"""The columns that a reader can choose from, beside those of the report."""
EXACT = 2**53
"""Integers below it are doubles too."""

SHAPES: dict[str, Callable[[Analysis, int], Iterable[Tensor | None]]] = {
    "input": lambda analysis, index: analysis.rows[index].inputs,
    "output": lambda analysis, index: analysis.rows[index].outputs,
}
"""Columns of shapes, and the tensors they show."""


def data(report: Report) -> dict[str, Any]:
    """What scripts read, plain values for JSON.

    `columns` has every operator's cells; `table` the keys and rows that the report shows, in its order, or `groups`,
    columns of sums; `constants` the rows that only make constants; `totals` the totals by name; `symbols` each with the
    value that is assumed for it, or null, and its lower bound; `memory` the buffers' sizes, births and deaths, and the
    row of each step, `known` when there is a peak at the assumed sizes, `fixed` when what a body keeps inside is of
    these; `sliding` rows whose windows must fit.
    """
    analysis, writer = report.analysis, _Writer()
    keys = OFFERED if report.by else dict.fromkeys((*OFFERED, *report.keys))
    columns = [writer.cells(find(key), analysis) for key in keys]
    table: dict[str, Any] = {"keys": [], "order": []}
    if report.style == "default":
        chosen, cells, order = report.values()
        table = {"keys": [column.key for column in chosen], "order": order}
        if report.by:
            table["groups"] = [writer.column(c, values, analysis) for c, values in zip(chosen, cells, strict=True)]
    totals = {key: writer.plain(analysis.total(key)) for key in TOTALS}
    memory = _memory(analysis, writer)
    order_of = {name: index for index, name in enumerate(analysis.free_symbols)}
    return {
        "rows": len(analysis.rows),
        "constants": [index for index, row in enumerate(analysis.rows) if row.constant],
        "complete": analysis.complete,
        "columns": columns,
        "table": table,
        "totals": totals,
        "memory": memory,
        "sliding": _sliding(analysis),
        "symbols": [
            {"name": name, "value": analysis.assumptions.get(name), "lower": lower}
            for name, lower in sorted(writer.lower.items(), key=lambda item: order_of.get(item[0], len(order_of)))
        ],
    }


class _Writer:
    """Writes values as JSON has them, and remembers the symbols it met."""

    def __init__(self) -> None:
        self.lower: dict[str, int] = {}
        """The lower bounds of their sizes."""

    def plain(self, value: Value) -> int | float | str | None:
        """The value itself, or text where JSON has no exact number for it."""
        if isinstance(value, Dim):
            for name, lower in lower_bounds(value).items():
                self.lower[name] = max(lower, self.lower.get(name, lower))
            return str(value)
        if isinstance(value, str):
            return printable(value)
        return str(value) if isinstance(value, int) and abs(value) >= EXACT else value

    def cells(self, column: Column, analysis: Analysis) -> dict[str, Any]:
        """A column of the table of layers."""
        every = range(len(analysis.rows))
        if column.key not in SHAPES:
            return self.column(column, [column.value(analysis, index) for index in every], analysis)
        shapes = [
            tuple(t.shape if t.ranked else None for t in SHAPES[column.key](analysis, index) if t is not None)
            for index in every
        ]
        return {**_head(column), "form": "shapes", **_coded(shapes, self._shapes)}

    def column(self, column: Column, values: Sequence[Value], analysis: Analysis) -> dict[str, Any]:
        """A column with a value for each row and its total, which may be a `bound`; shares follow from other totals."""
        head = _head(column)
        if column.total is not None:
            head["total"] = self.plain(column.total(analysis))
            head |= {} if column.total_is_exact(analysis) else {"bound": True}
        return head if column.key == "share" else {**head, **_coded(values, self.plain)}

    def _shapes(self, shapes: Iterable[tuple[Extent, ...] | None]) -> list[list[Any] | None]:
        return [None if shape is None else [self.plain(extent) for extent in shape] for shape in shapes]


def _head(column: Column) -> dict[str, Any]:
    """What a script must know of a column; `fixed` when its figures are of the assumed sizes and no formulas, `largest`
    when the figure of several rows is the largest of theirs.
    """
    formulas = column.key in OFFERED or (column.form in ("count", "short", "bytes") and column.aggregate != "max")
    head = {"key": column.key, "title": column.title, "unit": column.unit, "doc": column.doc, "form": column.form}
    more = {"fixed": not formulas, "largest": column.aggregate == "max"}
    return head | {key: True for key, value in more.items() if value}


def _coded(values: Sequence[Hashable], write: Callable[[Any], Any]) -> dict[str, Any]:
    """The distinct values in the order they first occur, and which of them each row has unless they are its own."""
    number: dict[Hashable, int] = {}
    which = [number.setdefault(value, len(number)) for value in values]
    distinct = {"values": [write(value) for value in number]}
    return distinct if len(number) == len(values) else {**distinct, "at": which}


def _memory(analysis: Analysis, writer: _Writer) -> dict[str, Any]:
    """The buffers of the outer graph: bytes as formulas, the steps they live from and to, and the row of each step."""
    buffers = analysis.memory.buffers
    inside = any(buffer.tensors[0] not in analysis.tensors for buffer in buffers)
    return {
        "bytes": _coded([buffer.size for buffer in buffers], writer.plain),
        "birth": [buffer.birth for buffer in buffers],
        "death": [buffer.death for buffer in buffers],
        "steps": list(analysis.memory.step_of),
        "fixed": inside and bool(analysis.free_symbols),
        "known": analysis.memory.peak is not None,
    }


_TOTALS_OF = {"weights": "param_bytes", "peak activations": "peak_activation_bytes"}
"""The total behind each thing that must fit a memory, by its name in `passes.roofline.fits`."""


def device(analysis: Analysis) -> dict[str, Any] | None:
    """What the bound on the report's device follows from; None without one.

    The bytes that each row moves are formulas, `dtype` is what it calculates in, with `peaks` for these; `repeats` has
    the rows whose weights an earlier one has read, and `fits` what must fit where: its name, the totals, the capacity.
    """
    on = analysis.device
    if on is None:
        return None
    writer, moved = _Writer(), analysis.fused_traffic.rows
    dtypes = list(map(compute_dtype, analysis.rows, moved))
    parts: dict[str, list[Extent | None]] = {
        "activation_reads": [each.activation_reads for each in moved],
        "weight_reads": [each.weight_reads for each in moved],
        "activation_writes": [each.activation_writes for each in moved],
        "trip_count": [row.trip_count for row in analysis.rows],
        "elements": [
            elements(row) if on.ops and each.nbytes != 0 else 0 for row, each in zip(analysis.rows, moved, strict=True)
        ],
    }
    fits = [fit for fit in analysis.fits if fit.place != "fast memory"]
    return {
        "bandwidth": on.bandwidth,
        "fast_memory": on.fast_memory,
        "levels": [[level.nbytes, level.bandwidth] for level in on.levels],
        "compressed": on.weights_compressed,
        "ops_rates": {dtype: on.ops_rate(dtype) for dtype in dict.fromkeys(dtypes)},
        "calculates": [int(calculates(row)) for row in analysis.rows] if on.levels or on.ops else [],
        "dtype": _coded(dtypes, str),
        "peaks": {dtype: on.peak(dtype) for dtype in dict.fromkeys(dtypes)},
        "repeats": sorted(repeats(analysis.rows)),
        "fits": [
            (fit_row(fit)[0], [_TOTALS_OF[part] for part in fit.what.split(" and ")], fit.capacity) for fit in fits
        ],
        **{key: _coded(values, writer.plain) for key, values in parts.items()},
    }


def _sliding(analysis: Analysis) -> list[int]:
    """The rows whose windows may not fit, as sizes are open: their outputs have a position at least."""
    return [
        index
        for index, row in enumerate(analysis.rows)
        if row.facts is not None
        and row.facts.window.kernel
        and any(isinstance(extent, Dim) for tensor in row.outputs if tensor.ranked for extent in tensor.shape[2:])
    ]
