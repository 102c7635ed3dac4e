"""What a report says: rows of cells, totals, assumptions and coverage, as text that templates only lay out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from itertools import chain
from typing import TYPE_CHECKING, Any, Self, TypedDict

from . import columns, conventions, export, rule_stub, sections
from .analysis import Analysis
from .columns import Column, find
from .dims import Dim, substitute
from .errors import ArgumentError
from .naming import grouped
from .notation import ColumnNotation, Notation
from .passes import caches
from .suggest import no_such
from .table import EXPLAINED, LONG, Table, Value, counted, formula, is_abbreviated, shape_text, shapes_text, show

if TYPE_CHECKING:
    from .graph import Tensor
    from .passes.rows import Row
    from .sections import Section
    from .target import Target

GROUPS = ("op", "scope", "stage")
INPUTS = 5
"""Inputs that the headline names, those that are alike in one pattern; of more it says how many."""
NOTES = 3
"""Operators of which the assumptions say what was counted, before they only count them."""
OTHERS = {
    "statistics": "statistics",
    "settings": "settings",
    "quantisation": "scales and zero points",
    "tables": "in tables",
    "states": "in states",
    "copies": "in copies",
}
"""What the headline calls weights that are not learned, after their number."""
AS_USUAL = Notation()
HEADLINE = 240
"""Letters of a total's formula where it stands by itself."""
TTY_ROWS, TTY_TOP = 60, 40
"""Rows that a terminal gets unasked, and of more than these the most expensive so many."""


def default_top(analysis: Analysis) -> int:
    """`top` of a Report for readers who do not scroll through it: 0 is all rows."""
    return TTY_TOP if len(analysis.layer_rows) > TTY_ROWS else 0


class ReportOptions(TypedDict, total=False):
    """The keywords of a Report, which say how an analysis is laid out."""

    style: str
    columns: Sequence[str] | str | None
    sort: str | None
    top: int
    by: str | None
    sections: Sequence[str | Section]
    all: bool
    notation: Notation


class Report:
    """A laid-out analysis: text that `render` writes in a format.

    `columns` are keys of the reference's table, also as one text parted by commas; `sort` a column, largest first;
    `top` keeps that many rows (0: all); `by` groups rows by "op", "scope" or "stage"; `style` is "default" or a
    convention with a table of its own, whose columns and rows are the tool's; `sections` are names of
    `graphcost.sections`, or such objects; `all` shows the operators too that only make constants; `notation` says
    how `tables` write numbers. Raises ArgumentError, a ModelError, for a column, style, group or section that does not
    exist.
    """

    def __init__(
        self,
        analysis: Analysis,
        *,
        style: str = "default",
        columns: Sequence[str] | str | None = None,
        sort: str | None = None,
        top: int = 0,
        by: str | None = None,
        sections: Sequence[str | Section] = (),
        all: bool = False,
        notation: Notation = AS_USUAL,
    ) -> None:
        self.analysis = analysis
        self.notation = notation.check()
        self.rows: Sequence[int] = range(len(analysis.rows)) if all else analysis.layer_rows
        """The numbers of the rows that the table is of."""
        given = sections.split(",") if isinstance(sections, str) else sections
        self.sections = [_section(each) if isinstance(each, str) else each for each in given]
        self.style = style
        self.by = by
        if by is not None and by not in GROUPS:
            raise ArgumentError("by", no_such("grouping", by, GROUPS))
        if not isinstance(top, int) or top < 0:
            raise ArgumentError("top", f"{top} rows cannot be shown; 0 shows all")
        if style != "default" and (columns or sort or top or by):
            raise ArgumentError("style", f"{style} has rows and columns of its own: no columns, sort, top or by")
        if isinstance(columns, str):
            columns = [key.strip() for key in columns.split(",")]
        self._build_table = None if style == "default" else _build_table(style)
        on_device = ("time_bound", "bound_by") if analysis.target.device else ()
        measured = ("time", "duration", "achieved", "bandwidth") if analysis.timing is not None else ()
        efficiency = ("efficiency",) if measured and on_device else ()
        self.columns_given = bool(columns)
        self.keys = tuple(columns or (*(_GROUPED if by else _DEFAULT), *on_device, *measured, *efficiency))
        for key in self.keys:
            find(key)
        if sort:
            find(sort, "sort")
        self.sort = sort
        self.top = top

    def with_constants(self) -> Self:
        """The same report with the rows of operators that only make constants."""
        report = copy(self)
        report.rows = range(len(self.analysis.rows))
        return report

    @property
    def title(self) -> str:
        model = self.analysis.model
        return f"{model.name or 'network'} ({'Caffe' if model.format == 'caffe' else model.format.upper()})"

    @property
    def summary(self) -> list[str]:
        """The figures a person reads first."""
        a = self.analysis
        peak = a.memory.peak
        parts = self._inputs
        parts.append(counted(len(a.layer_rows), "layer"))
        params, nbytes, macs = (self.total(find(key), HEADLINE) for key in ("learned_params", "param_bytes", "macs"))
        active = a.active_parameters
        working = f", {self.show(active, 'count', HEADLINE)} active per token" if active != a.parameters.total else ""
        weights = " + ".join([f"{params} parameters", *self.other_weights])
        parts += [f"{weights} ({nbytes}){working}", f"{macs} MACs"]
        if peak is not None:
            parts.append(f"peak activations {self.total(find('peak'), HEADLINE)} at {peak.name}")
        else:
            parts.append("peak activations unknown")
        return [*parts, *([self._cache()] if a.caches else [])]

    def _cache(self) -> str:
        """What a token takes in the caches, and what all of them take where that is known."""
        found, evaluate = self.analysis.caches, self.analysis.evaluate
        text = (
            f"KV cache {self.show(caches.bytes_per_token(found), 'bytes', HEADLINE)} a token in {found[0].after.dtype}"
        )
        kept, tokens = evaluate(caches.nbytes(found)), evaluate(found[0].tokens)
        return text if kept is None else f"{text}, {show(kept, 'bytes')} at {counted(tokens or 0, 'token')}"

    @property
    def other_weights(self) -> list[str]:
        """What the file carries besides learned parameters: `53,120 statistics`."""
        others = self.analysis.parameters.others
        return [f"{self.show(size, 'count', LONG)} {OTHERS[kind]}" for kind, size in others.items()]

    def _units(self, notation: Notation | None, column: Column, cells: Sequence[Value]) -> ColumnNotation | None:
        """How a column's numbers are written; None where a size is open in one of them: a formula has no unit."""
        if notation is None:
            return None
        total = [] if column.total is None else [column.total(self.analysis)]
        numbers = [
            self.analysis.evaluate(each) if isinstance(each, Dim) else each for each in {*cells, *total} - {None}
        ]
        if None in numbers:
            return None
        return notation.of_column(
            column.form, column.title, [each for each in numbers if isinstance(each, int | float)]
        )

    def _written(
        self, values: Sequence[Value], column: Column, at: Sequence[int], units: ColumnNotation | None = None
    ) -> list[str]:
        """The cells of a column, of the rows `at`; each distinct value is written once."""
        if column.tensors is not None and self.analysis.assumptions and not self.by:
            values = self._shapes(column, at)
        distinct = set(values)
        long = {each for each in distinct if len(str(each)) > LONG}
        if column.short_text is not None and not self.by and long:
            short_text, analysis = column.short_text, self.analysis
            values = [short_text(analysis, i) if each in long else each for i, each in zip(at, values, strict=True)]
            distinct = set(values)
        written = {each: self.show(each, column.form, LONG, units) for each in distinct}
        return [written[value] for value in values]

    def _shapes(self, column: Column, at: Sequence[int]) -> list[Value]:
        """The cells of a column of shapes, under the assumptions."""
        assert column.tensors is not None
        analysis, sizes = self.analysis, self.analysis.assumptions
        cells: list[Value] = []
        for index in at:
            tensors = [tensor.substitute(sizes) for tensor in column.tensors(analysis, index)]
            text = shapes_text(tensors)
            cells.append(shapes_text(tensors, brief=True) if len(text) > LONG else text)
        return cells

    def total(self, column: Column, most: int | None = None, units: ColumnNotation | None = None) -> str:
        """A column's total as text, "" when it has none; a lower bound says so."""
        if column.total is None:
            return ""
        total = column.total(self.analysis)
        text = self.show(total, column.form, most, units)
        return text if total is None or column.total_is_exact(self.analysis) else f">= {text}"

    def show(self, value: Value, form: str, most: int | None = None, units: ColumnNotation | None = None) -> str:
        """A value as text; a formula is evaluated under the assumptions when they suffice.

        Of a formula of more than `most` letters it is said what it depends on.
        """
        if isinstance(value, Dim):
            value = substitute(value, self.analysis.assumptions)
            if isinstance(value, Dim):
                return formula(value, most)
        if units is not None and units.scale and isinstance(value, int | float):
            return units.write(value)
        return show(value, form)

    @property
    def coverage(self) -> str:
        """Whether everything was counted, and if not, what was not."""
        a = self.analysis
        if a.complete:
            return "complete"
        if not a.rows:
            return "nothing to count: the graph has no operators"
        number = sum(a.unknown.values())
        causes = ", ".join(f"{kind} x{count}" for kind, count in a.unknown.items())
        parts = [f"the cost of {counted(number, 'operator')} is not known ({causes})"] if number else []
        if a.dependent:
            verb = "depends" if a.dependent == 1 else "depend"
            parts.append(f"{counted(a.dependent, 'more operator' if parts else 'operator')} {verb} on unknown shapes")
        return "lower bounds: " + "; ".join(parts)

    @property
    def rules_wanted(self) -> list[str]:
        """The first lines of a rule for operators that have none."""
        return rule_stub.stubs(self.analysis.rows) if self.analysis.unknown else []

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
        if a.defaults:
            numbers = [f"{name} = {number}" for name, number in a.defaults.items()]
            change = f"set with --dim {next(iter(a.defaults))}=300"
            parts.append(f"data-dependent dimensions, as before the network runs: {_first(numbers)} ({change})")
        parts += [f"parameters: {_first(a.parameters.guesses, NOTES)}"] if a.parameters.guesses else []
        counted_of = [f"{name}: {note}" for name, note in a.notes.items()]
        parts += [_first(counted_of, NOTES)] if counted_of else []
        return "; ".join([*parts, *_target_notes(a.target)])

    @property
    def table(self) -> Table:
        """The table of layers in the chosen style; that of a tool is of numbers wherever the assumptions make them.

        Each cell has a unit of its own, as scripts that change sizes write it too.
        """
        return self._layers(None)

    def _layers(self, notation: Notation | None) -> Table:
        table = self._build_table(self.analysis.assumed) if self._build_table else self._default_table(notation)
        if self.analysis.free_symbols and is_abbreviated(chain.from_iterable([table.total, *table.rows])):
            table.notes.append(EXPLAINED)
        return table

    @property
    def tables(self) -> list[Table]:
        """The tables of the chosen sections, after that of the layers unless one of them takes its place.

        Its columns have one unit each, by `notation`.
        """
        asked = [table for section in self.sections for table in section.tables(self.analysis)]
        return [self._layers(self.notation), *asked] if all(section.beside for section in self.sections) else asked

    @property
    def data(self) -> dict[str, Any]:
        """The JSON object: that of the analysis, and a key for each section."""
        return {**export.to_dict(self.analysis), **{each.name: each.data(self.analysis) for each in self.sections}}

    @property
    def _inputs(self) -> list[str]:
        """The inputs as the headline has them."""
        shapes = {name: self.shape_text(tensor) for name, tensor in self.analysis.inputs.items()}
        kinds = {name: (text, self.analysis.inputs[name].dtype) for name, text in shapes.items()}
        groups = grouped(kinds)
        parts = [
            f"input {pattern} {shapes[members[0]]}" if len(members) == 1 else f"inputs {pattern}: {shapes[members[0]]}"
            for pattern, members in groups[:INPUTS]
        ]
        rest = sum(len(members) for _, members in groups[INPUTS:])
        return [*parts, f"and {counted(rest, 'more input')}"] if rest else parts

    def shape_text(self, tensor: Tensor) -> str:
        """A shape under the assumptions."""
        return shape_text(tensor.substitute(self.analysis.assumptions))

    @property
    def data_keys(self) -> tuple[str, ...]:
        """The columns of a format for programs: unless they were chosen, all weights beside the learned ones too."""
        if self.columns_given:
            return self.keys
        keys = [key for each in self.keys for key in (("params", each) if each == "learned_params" else (each,))]
        return (*keys, "constant") if not self.by and len(self.rows) < len(self.analysis.rows) else tuple(keys)

    def values(
        self, columns: Sequence[str] = (), rows: Sequence[int] | None = None
    ) -> tuple[list[Column], list[Sequence[Value]], list[int]]:
        """The columns, the unformatted cells of each after grouping, sorting and cutting, and each row's number.

        `columns` and `rows` are those of the report unless they are given; a group's number is its place among groups.
        """
        chosen, rows = [find(key) for key in columns or self.keys], self.rows if rows is None else rows
        cells = self._cells(chosen, rows)
        order = list(range(len(cells[0]))) if cells else []
        if self.sort or 0 < self.top < len(order):
            (values,) = self._cells([find(self.sort or "macs")], rows)
            keys = list(map(self._sort_key, values))
            largest = sorted(order, key=keys.__getitem__, reverse=True)[: self.top or None]
            order = largest if self.sort else sorted(largest)
            cells = [[column[at] for at in order] for column in cells]
        return chosen, cells, order if self.by else [rows[at] for at in order]

    def _cells(self, chosen: Sequence[Column], rows: Sequence[int]) -> list[Sequence[Value]]:
        """Each column's cell for some rows, or every group of them."""
        analysis = self.analysis
        if not self.by:
            return [self._values(column, rows) for column in chosen]
        groups: dict[str, list[int]] = {}
        for at in rows:
            groups.setdefault(_group(analysis.rows[at], self.by), []).append(at)
        return [
            list(groups)
            if column.key == "name"
            else [_group_value(analysis, column, members) for members in groups.values()]
            for column in chosen
        ]

    def _values(self, column: Column, rows: Sequence[int]) -> list[Value]:
        """A column's value for some rows; one that is the same for rows of one signature is computed once for them."""
        analysis = self.analysis
        if not column.per_signature:
            return [column.value(analysis, at) for at in rows]
        firsts, places = analysis.distinct_rows
        known: dict[int, Value] = {}
        values = []
        for at in rows:
            place = places[at]
            if place not in known:
                known[place] = column.value(analysis, firsts[place])
            values.append(known[place])
        return values

    def _sort_key(self, value: Value) -> tuple[int, float, str]:
        """Where a value stands in an order: text by itself, then numbers; what is not known may be the largest."""
        number = self.analysis.evaluate(value) if isinstance(value, Dim) else value
        if isinstance(number, str):
            return (0, 0.0, number)
        return (1, float(number), "") if number is not None else (2, 0.0, "")

    def _default_table(self, notation: Notation | None) -> Table:
        chosen, columns, order = self.values()
        numeric = tuple(column.form != "text" for column in chosen)
        pairs = list(zip(columns, chosen, strict=True))
        notations = [self._units(notation, column, cells) for cells, column in pairs]
        written = [
            self._written(cells, column, order, units) for (cells, column), units in zip(pairs, notations, strict=True)
        ]
        total = [self.total(column, LONG, units) for column, units in zip(chosen, notations, strict=True)]
        if total and not total[0]:
            total[0] = "total"
        every = self.analysis.rows
        hidden = (len({_group(every[at], self.by) for at in self.rows}) if self.by else len(self.rows)) - len(order)
        notes = [f"{counted(hidden, 'more row')} not shown (--top 0 shows all)"] if hidden > 0 else []
        notes += self._constants_note()
        notes += dict.fromkeys(note for column in chosen for note in column.notes(self.analysis))
        unknown = [] if self.by or self.analysis.complete else [row.status != "known" for row in every]
        marked = frozenset(i for i, at in enumerate(order) if unknown and unknown[at])
        at = () if self.by else tuple(order)
        shown = list(zip(*written, strict=True))
        titles = tuple(units.title if units else column.title for column, units in zip(chosen, notations, strict=True))
        return Table(titles, numeric, shown, tuple(total), notes, marked=marked, at=at)

    def _constants_note(self) -> list[str]:
        """How many operators are not shown because they only make constants."""
        constants = len(self.analysis.rows) - len(self.rows)
        if not constants:
            return []
        return [f"{counted(len(self.rows), 'operator')}; {counted(constants, 'constant')} not shown, --all shows them"]


def _first(words: Sequence[str], most: int = 8) -> str:
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")


def _target_notes(target: Target) -> list[str]:
    """In words, what of the target decides sizes, their lives and their moves."""
    weights = target.weights_dtype or target.dtype
    parts = [f"activations as {target.dtype}"] if target.dtype else []
    parts += [f"weights as {weights}"] if weights else []
    words = [", ".join(parts)] if parts else []
    words += ["int8 weights and activations, int32 biases, float32 scales"] if target.quantize else []
    words += ["scalings and shifts by constants folded"] if target.quantize or target.fold_bn else []
    words += ["input and output buffers are the caller's"] if target.io == "caller" else []
    words += ["bytes read and written with operators fused"] if target.fuse else []
    return words + (["run in the order with the lowest peak that was found"] if target.reorder else [])


_DEFAULT = columns.DEFAULT
_GROUPED = ("name", "count", "learned_params", "macs", "ops", "activation", "share")


def _section(name: str) -> Section:
    """Raises ArgumentError when there is no such section."""
    try:
        return sections.find(name)
    except KeyError:
        raise ArgumentError("sections", no_such("section", name, sections.SECTIONS)) from None


def _build_table(style: str) -> Callable[[Analysis], Table]:
    """How a convention lays its table out. Raises ArgumentError where it has no table, or does not exist."""
    try:
        found = conventions.find(style)
    except KeyError:
        styles = ["default", *(c.name for c in conventions.known() if c.table)]
        raise ArgumentError("style", no_such("style", style, styles)) from None
    if found.table is None:
        metrics = ",".join(f"{style}.{metric.key}" for metric in found.metrics)
        raise ArgumentError("style", f"{style} has no table of its own, only figures: the columns name,{metrics}")
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
