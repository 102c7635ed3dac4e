"""What a report says: rows of cells, totals, assumptions and coverage, as text that templates only lay out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from functools import cached_property
from itertools import chain, count
from typing import TYPE_CHECKING, Any, Self, TypedDict

from . import columns
from .analysis import Analysis
from .columns import Column, find
from .data_text import whole
from .dims import Dim, Extent, substitute, symbol
from .errors import ArgumentError
from .expense import expense, most_expensive
from .grouping import GROUPS, group_value, groups
from .naming import Natural, grouped, natural
from .notation import AS_USUAL, ColumnNotation, Notation
from .suggest import no_such
from .table import EXPLAINED, LONG, Table, Value, counted, formula, is_abbreviated, shape_text, shapes_text, show
from .wording import assumptions, causes, coverage, first

if TYPE_CHECKING:
    from .graph import Tensor
    from .sections import Section

INPUTS = 5
"""Inputs that the headline names, those that are alike in one pattern; of more it says how many."""
OTHERS = {
    "statistics": "statistics",
    "settings": "settings",
    "quantisation": "scales and zero points",
    "tables": "in tables",
    "states": "in states",
    "copies": "in copies",
    "unknown": "of unknown use",
}
"""What the headline calls weights that are not learned, after their number."""
SYMBOL = 12
"""Letters of a symbol's name that a table has room for."""
SYMBOLS = 20
"""Short names that a legend explains, before it counts the others."""
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
    title: str


class Report:
    """A laid-out analysis: text that `render` writes in a format.

    `columns` are keys of the reference's table, also as one text parted by commas; `sort` a column, largest first;
    `top` keeps that many rows (0: all); `by` groups rows by "op", "scope" or "stage", or folds blocks that repeat by
    "fold"; `style` is "default" or a convention with a table of its own, whose columns and rows are the tool's;
    `sections` are names of `graphcost.sections`, or such objects; `all` shows the operators too that only make
    constants; `notation` says how `tables` write numbers; `title` stands over the report in place of the network's
    name and format. Raises ArgumentError, a ModelError, for a column, style, group or section that does not exist.
    """

    keeps_symbols = False
    """Whether an open formula has the symbols that are assumed, rather than their values."""

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
        title: str = "",
    ) -> None:
        self.analysis = analysis
        self.given_title = title
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
        on_device: tuple[str, ...] = ("time_bound", "bound_by") if analysis.target.device else ()
        if analysis.device is not None and analysis.device.calibration is not None:
            on_device += ("time_estimate",)
        measured = ("time", "duration", "achieved", "bandwidth") if analysis.timing is not None else ()
        efficiency = ("efficiency",) if measured and on_device else ()
        self.columns_given = bool(columns)
        self.keys = tuple(columns or (*(_GROUPED if by else _DEFAULT), *on_device, *measured, *efficiency))
        if by and "name" not in [find(key).key for key in self.keys]:
            self.keys = ("name", *self.keys)  # a group without its name says nothing
        for key in self.keys:
            find(key)
        if sort:
            find(sort, "sort")
        self.sort = sort
        self.top = top

    def of_whole_formulas(self) -> Self:
        """The same report, an open formula of which keeps the symbols that are assumed: readers give them values."""
        report = copy(self)
        report.keeps_symbols = True
        return report

    @property
    def title(self) -> str:
        """The one that was given, else the network's name and format."""
        if self.given_title:
            return self.given_title
        model = self.analysis.model
        return f"{model.name or 'network'} ({'Caffe' if model.format == 'caffe' else model.format.upper()})"

    @property
    def summary(self) -> list[str]:
        """The figures a person reads first."""
        a = self.analysis
        parts = self._inputs
        parts.append(counted(len(a.layer_rows), "layer"))
        params, nbytes, macs = (self.total(find(key), HEADLINE) for key in ("learned_params", "param_bytes", "macs"))
        active = a.active_parameters
        working = f", {self.show(active, 'count', HEADLINE)} active per token" if active != a.parameters.total else ""
        weights = " + ".join([f"{params} parameters", *self.other_weights])
        parts += [f"{weights} ({nbytes}){working}", f"{macs} MACs"]
        parts.append(f"peak activations {self._peak}")
        return [*parts, *([self._cache()] if a.caches else [])]

    @property
    def _peak(self) -> str:
        """How high the peak is and where, or what it depends on: at which layer it is may change with these sizes."""
        peak = self.analysis.memory.peak
        if peak is not None:
            return f"{self.total(find('peak'), HEADLINE)} at {peak.name}"
        waits = self.peak_waits
        return f"depend on {waits}" if waits else "unknown"

    @property
    def peak_waits(self) -> str:
        """The symbolic dimensions without a value on which the peak depends; "" where it is known, or not for these."""
        memory, assumed = self.analysis.memory, self.analysis.assumptions
        if memory.peak is not None:
            return ""
        found = memory.symbols
        names = [name for name in self.analysis.free_symbols if name in found and name not in assumed]
        return first([self.short_names.get(name, name) for name in names], INPUTS)

    def _cache(self) -> str:
        """What a token takes in the caches, and what all of them take where that is known."""
        from .passes import caches

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
        assumes = column.tensors is not None and bool(self.sizes) and not self.by
        if assumes:
            values = self._shapes(column, at)
        distinct = set(values)
        long = {each for each in distinct if len(str(each)) > LONG}
        if column.short_text is not None and not self.by and long and not assumes:
            short_text, analysis = column.short_text, self.analysis
            values = [short_text(analysis, i) if each in long else each for i, each in zip(at, values, strict=True)]
            distinct = set(values)
        written = {each: self.show(each, column.form, LONG, units) for each in distinct}
        return [written[value] for value in values]

    def _shapes(self, column: Column, at: Sequence[int]) -> list[Value]:
        """The cells of a column of shapes, under the assumptions."""
        assert column.tensors is not None
        analysis, sizes = self.analysis, self.sizes
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
            found = substitute(value, self.sizes)
            if isinstance(found, Dim):
                return formula(value if self.keeps_symbols else found, most)
            value = found
        if units is not None and units.scale and isinstance(value, int | float):
            return units.write(value)
        return show(value, form)

    @property
    def coverage(self) -> str:
        """Whether everything was counted, and if not, what was not."""
        return coverage(self.analysis)

    @property
    def causes(self) -> list[str]:
        """Why operators that have a rule are not known, the first few reasons."""
        return causes(self.analysis)

    @property
    def rules_wanted(self) -> list[str]:
        """The first lines of a rule for operators that have none."""
        if not self.analysis.unknown:
            return []
        from . import rule_stub

        return rule_stub.stubs(self.analysis.rows)

    @property
    def assumptions(self) -> str:
        """What a printed number takes for granted, "" when nothing is open."""
        return assumptions(self.analysis)

    @property
    def table(self) -> Table:
        """The table of layers in the chosen style; that of a tool is of numbers wherever the assumptions make them.

        Each cell has a unit of its own, as scripts that change sizes write it too.
        """
        return self._layers(None)

    def _layers(self, notation: Notation | None) -> Table:
        table = self._build_table(self.analysis.assumed) if self._build_table else self._default_table(notation)
        if self.analysis.free_symbols and is_abbreviated(
            chain.from_iterable([table.total, *(row for block in table.blocks for row in block.rows)])
        ):
            table.notes.append(EXPLAINED)
        return table

    @property
    def tables(self) -> list[Table]:
        """The tables of the chosen sections, after that of the layers unless one of them takes its place.

        Its columns have one unit each, by `notation`.
        """
        asked = [table for section in self.sections for table in section.tables(self.analysis)]
        if not all(section.beside for section in self.sections):
            return asked
        layers = self._layers(self.notation)
        return [*layers.parts, *asked]

    @property
    def data(self) -> dict[str, Any]:
        """The JSON object: that of the analysis, and a key for each section."""
        return whole(self.parts)

    @property
    def parts(self) -> dict[str, Any]:
        """The same with layers and tensors that are made when they are written."""
        from . import export

        return {**export.parts(self.analysis), **{each.name: each.data(self.analysis) for each in self.sections}}

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
        return shape_text(tensor.substitute(self.sizes))

    @cached_property
    def short_names(self) -> dict[str, str]:
        """For each open symbol whose name is too long for a table a short one: `d0`."""
        names = set(self.analysis.free_symbols)
        free = (name for name in map("d{}".format, count()) if name not in names)
        long = [name for name in self.analysis.free_symbols if len(name) > SYMBOL]
        return {name: next(free) for name in long if name not in self.analysis.assumptions}

    @cached_property
    def sizes(self) -> dict[str, Extent]:
        """What is put in the place of symbols where people read: what is assumed, and short names."""
        return {**self.analysis.assumptions, **{name: symbol(short) for name, short in self.short_names.items()}}

    @property
    def legend(self) -> list[str]:
        """What short names stand for: `d0 = p2o_DynamicDimension_0`."""
        names = [f"{short} = {name}" for name, short in self.short_names.items()]
        return [first(names, SYMBOLS)] if names else []

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
        if not self.by:
            return [self._values(column, rows) for column in chosen]
        found = groups(self.analysis, rows, self.by)
        return [
            [name for name, _ in found]
            if column.key == "name"
            else [group_value(self.analysis, column, members) for _, members in found]
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

    def _sort_key(self, value: Value) -> tuple[int, float, Natural]:
        """Where a value stands in an order: text by itself, then numbers; what is not known may be the largest."""
        number = self.analysis.evaluate(value) if isinstance(value, Dim) else value
        if isinstance(number, str):
            return (0, 0.0, natural(number))
        return (1, float(number), ()) if number is not None else (2, 0.0, ())

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
        hidden = len(groups(self.analysis, self.rows, self.by) if self.by else self.rows) - len(order)
        notes = [f"{counted(hidden, 'more row')} not shown (--top 0 shows all)"] if hidden > 0 else []
        notes += [*self.constants_note, *self.legend]
        notes += dict.fromkeys(note for column in chosen for note in column.notes(self.analysis))
        unknown = [] if self.by or self.analysis.complete else [row.status != "known" for row in every]
        marked = frozenset(i for i, at in enumerate(order) if unknown and unknown[at])
        at = () if self.by else tuple(order)
        shown = list(zip(*written, strict=True))
        titles = tuple(units.title if units else column.title for column, units in zip(chosen, notations, strict=True))
        keys = () if self.columns_given else tuple(column.key for column in chosen)
        return Table(titles, numeric, shown, tuple(total), notes, marked=marked, at=at, keys=keys)

    @cached_property
    def most_expensive(self) -> list[int]:
        """The numbers of the most expensive rows, largest first."""
        return most_expensive(self.analysis)

    @property
    def expense(self) -> str:
        """The most expensive layers in a line, each with its share; "" where there are few, or a share is open."""
        return expense(self.analysis, self.most_expensive)

    @property
    def constants_note(self) -> list[str]:
        """How many operators are not shown because they only make constants."""
        constants = len(self.analysis.rows) - len(self.rows)
        if not constants:
            return []
        return [f"{counted(len(self.rows), 'operator')}; {counted(constants, 'constant')} not shown, --all shows them"]


_DEFAULT = columns.DEFAULT
_GROUPED = ("name", "count", "learned_params", "macs", "ops", "activation", "share")


def _section(name: str) -> Section:
    """Raises ArgumentError when there is no such section."""
    from . import sections

    try:
        return sections.find(name)
    except KeyError:
        raise ArgumentError("sections", no_such("section", name, sections.SECTIONS)) from None


def _build_table(style: str) -> Callable[[Analysis], Table]:
    """How a convention lays its table out. Raises ArgumentError where it has no table, or does not exist."""
    from . import conventions

    try:
        found = conventions.find(style)
    except KeyError:
        styles = ["default", *(c.name for c in conventions.known() if c.table)]
        raise ArgumentError("style", no_such("style", style, styles)) from None
    if found.table is None:
        metrics = ",".join(f"{style}.{metric.key}" for metric in found.metrics)
        raise ArgumentError("style", f"{style} has no table of its own, only figures: the columns name,{metrics}")
    return found.table
