"""What a report says: rows of cells, totals, assumptions and coverage, as text that templates only lay out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from . import columns, conventions, export, sections
from .analysis import Analysis
from .columns import Column, find
from .dims import Dim
from .errors import ModelError
from .table import EXPLAINED, LONG, Table, Value, counted, formula, is_abbreviated, shape_text, show

if TYPE_CHECKING:
    from .graph import Tensor
    from .passes.rows import Row
    from .sections import Section
    from .target import Target

GROUPS = ("op", "scope", "stage")
INPUTS = 12
"""Inputs that the headline names; of more it says how many."""
NOTES = 3
"""Operators of which the assumptions say what was counted, before they only count them."""
HEADLINE = 240
"""Letters of a total's formula where it stands by itself."""
TTY_ROWS, TTY_TOP = 60, 40
"""Rows that a terminal gets unasked, and of more than these the most expensive so many."""


def default_top(analysis: Analysis) -> int:
    """`top` of a Report for readers who do not scroll through it: 0 is all rows."""
    return TTY_TOP if len(analysis.rows) > TTY_ROWS else 0


class Report:
    """A laid-out analysis: text that `render` writes in a format.

    `columns` are keys of `--list-columns`; `sort` a column, largest first; `top` keeps that many rows (0: all); `by`
    groups rows by "op", "scope" or "stage"; `style` is "default" or a convention with a table of its own, whose columns
    and rows are the tool's; `sections` are names of `graphcost.sections`, or such objects. Raises ModelError for a
    column, style, group or section that does not exist.
    """

    def __init__(
        self,
        analysis: Analysis,
        *,
        style: str = "default",
        columns: Sequence[str] | None = None,
        sort: str | None = None,
        top: int = 0,
        by: str | None = None,
        sections: Sequence[str | Section] = (),
    ) -> None:
        self.analysis = analysis
        self.sections = [_section(each) if isinstance(each, str) else each for each in sections]
        self.style = style
        self.by = by
        if by is not None and by not in GROUPS:
            raise ModelError("--by", "", f"no grouping {by!r}; there are {', '.join(GROUPS)}")
        if style != "default" and (columns or sort or top or by):
            raise ModelError("--style", "", f"{style} has rows and columns of its own: no columns, sort, top or by")
        self._build_table = None if style == "default" else _build_table(style)
        on_device: tuple[str, ...] = ("time_bound", "bound_by") if analysis.target.device else ()
        if analysis.device is not None and analysis.device.calibration is not None:
            on_device += ("time_estimate",)
        measured = ("time", "duration", "achieved", "bandwidth") if analysis.timing is not None else ()
        efficiency = ("efficiency",) if measured and on_device else ()
        self.columns_given = bool(columns)
        self.keys = tuple(columns or (*(_GROUPED if by else _DEFAULT), *on_device, *measured, *efficiency))
        for key in (*self.keys, *([sort] if sort else [])):
            find(key)
        self.sort = sort
        self.top = top

    @property
    def title(self) -> str:
        model = self.analysis.model
        return f"{model.name or 'network'} ({'Caffe' if model.format == 'caffe' else model.format.upper()})"

    @property
    def summary(self) -> list[str]:
        """The figures a person reads first."""
        a = self.analysis
        peak = a.memory.peak
        parts = [f"input {name} {shape_text(tensor)}" for name, tensor in list(a.inputs.items())[:INPUTS]]
        parts += [counted(len(a.inputs) - INPUTS, "more input")] if len(a.inputs) > INPUTS else []
        parts.append(counted(len(a.rows), "layer"))
        params, nbytes, macs = (self.total(find(key), HEADLINE) for key in ("params", "param_bytes", "macs"))
        parts += [f"{params} parameters ({nbytes})", f"{macs} MACs"]
        if peak is not None:
            parts.append(f"peak activations {self.total(find('peak'), HEADLINE)} at {peak.name}")
        else:
            parts.append("peak activations unknown")
        return parts

    def _written(self, values: Sequence[Value], column: Column, at: Sequence[int]) -> list[str]:
        """The cells of a column, of the rows `at`; each distinct value is written once."""
        distinct = set(values)
        long = {each for each in distinct if len(str(each)) > LONG}
        if column.short_text is not None and not self.by and long:
            short_text, analysis = column.short_text, self.analysis
            values = [short_text(analysis, i) if each in long else each for i, each in zip(at, values, strict=True)]
            distinct = set(values)
        written = {each: each if isinstance(each, str) else self.show(each, column.form, LONG) for each in distinct}
        return [written[value] for value in values]

    def total(self, column: Column, most: int | None = None) -> str:
        """A column's total as text, "" when it has none; a lower bound says so."""
        if column.total is None:
            return ""
        total = column.total(self.analysis)
        text = self.show(total, column.form, most)
        return text if total is None or column.total_is_exact(self.analysis) else f">= {text}"

    def show(self, value: Value, form: str, most: int | None = None) -> str:
        """A value as text; a formula is evaluated under the assumptions when they suffice.

        Of a formula of more than `most` letters it is said what it depends on.
        """
        if isinstance(value, Dim):
            number = self.analysis.evaluate(value)
            return formula(value, most) if number is None else show(number, form)
        return show(value, form)

    @property
    def coverage(self) -> str:
        """Whether everything was counted, and if not, what was not."""
        a = self.analysis
        if a.complete:
            return "complete"
        number = sum(a.unknown.values())
        causes = ", ".join(f"{kind} x{count}" for kind, count in a.unknown.items())
        parts = [f"the cost of {counted(number, 'operator')} is not known ({causes})"] if number else []
        if a.dependent:
            verb = "depends" if a.dependent == 1 else "depend"
            parts.append(f"{counted(a.dependent, 'more operator' if parts else 'operator')} {verb} on unknown shapes")
        return "lower bounds: " + "; ".join(parts)

    @property
    def assumptions(self) -> str:
        """What a printed number takes for granted, "" when nothing is open."""
        a = self.analysis
        known = ", ".join(f"{name} = {value}" for name, value in a.assumptions.items())
        open_ = [name for name in a.free_symbols if name not in a.assumptions]
        parts = [f"batch {known} (default; --dim changes it)"] if known else []
        if open_:
            parts.append(f"symbolic dimensions: {_first(open_)} (set with --dim {open_[0]}=...)")
        if a.declared:
            numbers = [f"{name} = {number}" for name, number in a.declared.items()]
            parts.append(
                f"data-dependent dimensions, taken from the declared shapes: {_first(numbers)} (--dim changes them)"
            )
        counted_of = [f"{name}: {note}" for name, note in a.notes.items()]
        parts += [_first(counted_of, NOTES)] if counted_of else []
        return "; ".join([*parts, *_target_notes(a.target)])

    @property
    def table(self) -> Table:
        """The table of layers in the chosen style; that of a tool is of numbers wherever the assumptions make them."""
        table = self._build_table(self.analysis.assumed) if self._build_table else self._default_table()
        if self.analysis.free_symbols and is_abbreviated(chain.from_iterable([table.total, *table.rows])):
            table.notes.append(EXPLAINED)
        return table

    @property
    def tables(self) -> list[Table]:
        """The tables of the chosen sections, after that of the layers unless one of them takes its place."""
        asked = [table for section in self.sections for table in section.tables(self.analysis)]
        return [self.table, *asked] if all(section.beside for section in self.sections) else asked

    @property
    def data(self) -> dict[str, Any]:
        """The JSON object: that of the analysis, and a key for each section."""
        return {**export.to_dict(self.analysis), **{each.name: each.data(self.analysis) for each in self.sections}}

    def values(self) -> tuple[list[Column], list[Sequence[Value]], list[int]]:
        """The columns, the unformatted cells of each after grouping, sorting and cutting, and each row's number."""
        chosen = [find(key) for key in self.keys]
        columns = self._cells(chosen)
        order = list(range(len(columns[0]))) if columns else []
        if self.sort or 0 < self.top < len(order):
            (values,) = self._cells([find(self.sort or "macs")])
            keys = list(map(self._sort_key, values))
            largest = sorted(order, key=keys.__getitem__, reverse=True)[: self.top or None]
            order = largest if self.sort else sorted(largest)
            columns = [[cells[at] for at in order] for cells in columns]
        return chosen, columns, order

    def _cells(self, chosen: Sequence[Column]) -> list[Sequence[Value]]:
        """Each column's cell for every row, or every group of rows."""
        analysis, every = self.analysis, range(len(self.analysis.rows))
        if not self.by:
            return [self._values(column) for column in chosen]
        groups: dict[str, list[int]] = {}
        for at in every:
            groups.setdefault(_group(analysis.rows[at], self.by), []).append(at)
        return [
            list(groups) if column.key == "name" else [_group_value(analysis, column, rows) for rows in groups.values()]
            for column in chosen
        ]

    def _values(self, column: Column) -> list[Value]:
        """A column's value for every row; one that is the same for rows of one signature is computed once for them."""
        analysis = self.analysis
        if not column.per_signature:
            return [column.value(analysis, at) for at in range(len(analysis.rows))]
        known: dict[object, Value] = {}
        values = []
        for at, row in enumerate(analysis.rows):
            signature = (at,) if row.signature is None else row.signature
            if signature not in known:
                known[signature] = column.value(analysis, at)
            values.append(known[signature])
        return values

    def _sort_key(self, value: Value) -> tuple[int, float, str]:
        """Where a value stands in an order: text by itself, then numbers; what is not known may be the largest."""
        number = self.analysis.evaluate(value) if isinstance(value, Dim) else value
        if isinstance(number, str):
            return (0, 0.0, number)
        return (1, float(number), "") if number is not None else (2, 0.0, "")

    def _default_table(self) -> Table:
        chosen, columns, order = self.values()
        numeric = tuple(column.form != "text" for column in chosen)
        written = [self._written(cells, column, order) for cells, column in zip(columns, chosen, strict=True)]
        total = [self.total(column, LONG) for column in chosen]
        if total and not total[0]:
            total[0] = "total"
        every = self.analysis.rows
        hidden = (len({_group(row, self.by) for row in every}) if self.by else len(every)) - len(order)
        notes = [f"{counted(hidden, 'more row')} not shown (--top 0 shows all)"] if hidden > 0 else []
        notes += dict.fromkeys(note for column in chosen for note in column.notes(self.analysis))
        unknown = [] if self.by or self.analysis.complete else [row.status != "known" for row in every]
        marked = frozenset(i for i, at in enumerate(order) if unknown and unknown[at])
        at = () if self.by else tuple(order)
        shown = list(zip(*written, strict=True))
        return Table(tuple(c.title for c in chosen), numeric, shown, tuple(total), notes, marked=marked, at=at)


def _first(words: Sequence[str], most: int = 8) -> str:
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")


def _target_notes(target: Target) -> list[str]:
    """In words, what of the target decides sizes, their lives and their moves."""
    weights = target.weights_dtype or target.dtype
    parts = [f"activations as {target.dtype}"] if target.dtype else []
    parts += [f"weights as {weights}"] if weights else []
    words = [", ".join(parts)] if parts else []
    words += ["input and output buffers are the caller's"] if target.io == "caller" else []
    words += ["bytes read and written with operators fused"] if target.fuse else []
    return words + (["run in the order with the lowest peak that was found"] if target.reorder else [])


_DEFAULT = columns.DEFAULT
_GROUPED = ("name", "count", "params", "macs", "ops", "activation", "share")


def _section(name: str) -> Section:
    """Raises ModelError when there is no such section."""
    try:
        return sections.find(name)
    except KeyError:
        raise ModelError("", "", f"no section {name!r}; there are {', '.join(sections.SECTIONS)}") from None


def _build_table(style: str) -> Callable[[Analysis], Table]:
    """How a convention lays its table out. Raises ModelError when there is no such convention, or it has no table."""
    try:
        found = conventions.find(style)
    except KeyError:
        styles = ", ".join(["default", *(c.name for c in conventions.known() if c.table)])
        raise ModelError("--style", "", f"no style {style!r}; there are {styles}") from None
    if found.table is None:
        metrics = ",".join(f"{style}.{metric.key}" for metric in found.metrics)
        raise ModelError("--style", "", f"{style} has no table of its own, only figures: --columns name,{metrics}")
    return found.table


def _group_value(analysis: Analysis, column: Column, rows: Sequence[int]) -> Value:
    """What a column says of a group of rows: mostly their sum."""
    if column.group_value is not None:
        return column.group_value(analysis, rows)
    values = [column.value(analysis, at) for at in rows]
    if column.form == "text":
        distinct = dict.fromkeys(map(str, values))
        return next(iter(distinct)) if len(distinct) == 1 else f"({len(distinct)} kinds)"
    if column.aggregate == "max":
        return _largest(values)
    parts = [value for value in values if value not in (None, "")]
    return sum(parts[1:], parts[0]) if parts else "" if column.form == "share" else None


def _largest(values: Sequence[Value]) -> Value:
    """The largest number among values; None when all that there are is not known, "" when there are none."""
    numbers = [value for value in values if isinstance(value, int)]
    return max(numbers) if numbers else None if None in values else ""


def _group(row: Row, by: str) -> str:
    return row.op.type if by == "op" else (row.scope or "(root)") if by == "scope" else _stage(row.outputs)


def _stage(outputs: Sequence[Tensor]) -> str:
    """The resolution an operator works at: the spatial extents of its first output."""
    first = outputs[0] if outputs else None
    if first is None or not first.ranked:
        return "?"
    return "x".join(map(str, first.shape[2:])) or "flat"
