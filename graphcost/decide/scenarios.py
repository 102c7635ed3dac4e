"""Several sizes of one network side by side: named scenarios, and sweeps over the values of dimensions.

One analysis, and a substitution for each point; see `points.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

from ..analysis import Analysis
from ..dims import Dim, Extent, identifier, symbols
from ..errors import ModelError
from ..limits import MAX_DIGITS
from ..quantities import Quantity, find
from ..report import Report
from ..sections import Section, Series
from ..table import Form, Table, counted, show
from .points import Points
from .ties import resolved, tied

DEFAULT = ("params", "macs", "ops", "activation_bytes", "peak_activation_bytes", "reads", "writes")
ACROSS = 8
"""Points that have a column each; of more, each has a row."""
ANALYSED = 32
"""Points that are analysed one by one where formulas do not hold."""
MOST_POINTS = 100_000
_RANGE = re.compile(r"(\d+)\.\.(\d+)(?::(\d+))?")


@dataclass(frozen=True)
class Scenario:
    """Sizes of open dimensions under a name."""

    name: str
    sizes: Mapping[str, int]


@dataclass(frozen=True)
class Point:
    """The figures of a scenario; None where one is not known, or the network cannot have these sizes."""

    scenario: Scenario
    sizes: Mapping[str, int]
    """Those given, and those that follow from them."""
    totals: Mapping[str, int | float | None]
    groups: Mapping[str, int | float | None]
    tokens: int | float | None = None
    """Positions that a run adds to the caches."""
    cache_bytes: int | float | None = None
    """Bytes that the caches keep after it."""

    @property
    def tokens_per_second(self) -> float | None:
        """The most positions a second on the device; None without caches or a bound on the time."""
        seconds = self.totals.get("time_bound")
        return self.tokens / seconds if self.tokens is not None and seconds else None


class Scenarios:
    """The figures of an analysis in some scenarios.

    `by` groups the layers as reports do, and the groups have the figures of `column`. Raises ModelError for a dimension
    that is not open, for sizes that contradict each other or leave another one open.
    """

    def __init__(
        self,
        analysis: Analysis,
        scenarios: Sequence[Scenario],
        quantities: Sequence[str] = (),
        by: str | None = None,
        column: str = "macs",
    ) -> None:
        self.analysis, self.ties = tied(analysis.opened(name for each in scenarios for name in each.sizes))
        self.scenarios = scenarios
        device = ("time_bound",) if analysis.target.device else ()
        self.quantities = [find(name, "--columns") for name in quantities or (*DEFAULT, *device)]
        self.by, self.column = by, find(column, "--sort").column
        self._sizes = [self._resolved(scenario) for scenario in scenarios]

    def _resolved(self, scenario: Scenario) -> dict[str, int]:
        option = f"scenario {scenario.name}"
        sizes = {identifier(name): size for name, size in scenario.sizes.items()}
        known = {*self.analysis.free_symbols, *self.ties}
        for name, given in zip(sizes, scenario.sizes, strict=True):
            if name not in known:
                open_ = ", ".join(sorted(known)) or "none (--input data=1x3xHxW makes some)"
                raise ModelError(
                    option, "", f"{self.analysis.model.path} has no open dimension {given}; open are: {open_}"
                )
        found = resolved(sizes, self.ties, option)
        missing = [name for name in self._needed if name not in found and name not in self.analysis.assumptions]
        if missing:
            raise ModelError(
                option, "", f"{', '.join(missing)} is open too: say {missing[0]}=... there, or --dim {missing[0]}=..."
            )
        return found

    @cached_property
    def _needed(self) -> list[str]:
        """The dimensions of the inputs that are still open; those that data decides are not asked for."""
        shapes = [tensor.shape for tensor in self.analysis.inputs.values() if tensor.ranked]
        return list(dict.fromkeys(name for shape in shapes for extent in shape for name in sorted(symbols(extent))))

    @cached_property
    def points(self) -> list[Point]:
        """The figures of each scenario, in their order."""
        points, groups = Points(self.analysis), self._groups()
        points.analysed = self.by_analyses
        found = []
        for scenario, sizes in zip(self.scenarios, self._sizes, strict=True):
            totals = {quantity.name: points.total(quantity, sizes) for quantity in self.quantities}
            cells = {name: points.number(value, sizes) for name, value in groups.items()}
            found.append(Point(scenario, sizes, totals, cells, *points.cache(sizes)))
        return found

    @cached_property
    def formulas_hold(self) -> bool:
        """Whether an analysis of the first scenario that the network can have finds what the formulas say.

        It may not where a slice is of one piece, or a tensor of the size of another, at some sizes only.
        """
        points = Points(self.analysis)
        for sizes in self._sizes:
            if points.fits(sizes):
                said = [points.total(quantity, sizes) for quantity in self.quantities]
                points.analysed = True
                return said == [points.total(quantity, sizes) for quantity in self.quantities]
        return True

    @cached_property
    def by_analyses(self) -> bool:
        """Whether each point is analysed anew, as the formulas do not hold and there are few."""
        return not self.formulas_hold and len(self._sizes) <= ANALYSED

    def _groups(self) -> dict[str, Extent | float | None]:
        """The figure of each group of layers, as a formula."""
        if not self.by:
            return {}
        _, (names, values), _ = Report(self.analysis, by=self.by, columns=["name", self.column.key]).values()
        pairs = zip(map(str, names), values, strict=True)
        return {name: value if isinstance(value, int | float | Dim) else None for name, value in pairs}

    @property
    def bounds(self) -> list[Quantity]:
        """The quantities whose totals are lower bounds."""
        return [quantity for quantity in self.quantities if not quantity.is_exact(self.analysis)]


# --- what options say -------------------------------------------------------------------------------------------------


def scenario(text: str, named: Mapping[str, Mapping[str, str]]) -> Scenario:
    """`prefill:sequence=512,past=0`, or the name of one that stands in a file of budgets. Raises ModelError."""
    name, colon, sizes = text.partition(":")
    if not colon:
        if name not in named:
            known = f"; named are {', '.join(named)}" if named else ""
            reason = f"{text[:80]!r} should be a name and sizes, as in prefill:sequence=512,past=0{known}"
            raise ModelError("--scenario", "", reason)
        return Scenario(name, {dim: _size(value, "--scenario", text) for dim, value in named[name].items()})
    found: dict[str, int] = {}
    for part in sizes.split(","):
        dim, equals, value = part.partition("=")
        if not equals or not dim.strip():
            raise ModelError(
                "--scenario", "", f"{text[:80]!r} should be a name and sizes, as in prefill:sequence=512,past=0"
            )
        if dim.strip() in found:
            raise ModelError("--scenario", "", f"{dim.strip()} is given twice in {text[:80]!r}")
        found[dim.strip()] = _size(value.strip(), "--scenario", text)
    return Scenario(name, found)


def sweep(texts: Sequence[str]) -> list[Scenario]:
    """`batch=1,2,4` and `H=224..640:32`: a scenario for each value; of several dimensions for each combination."""
    axes = []
    for text in texts:
        dim, equals, listed = text.partition("=")
        if not equals or not dim:
            raise ModelError(
                "--sweep", "", f"{text[:80]!r} should be a dimension and sizes: batch=1,2,4 or H=224..640:32"
            )
        values = [value for part in listed.split(",") for value in _values(part.strip(), text)]
        axes.append([(dim.strip(), value) for value in values])
    number = 1
    for axis in axes:
        number *= len(axis)
    if number > MOST_POINTS:
        raise ModelError("--sweep", "", f"{number:,} points are too many; at most {MOST_POINTS:,} are computed")
    points = product(*axes)
    return [Scenario(", ".join(f"{dim}={value}" for dim, value in point), dict(point)) for point in points if point]


def _values(part: str, text: str) -> Iterable[int]:
    if (match := _RANGE.fullmatch(part)) is None or len(part) > MAX_DIGITS:
        return [_size(part, "--sweep", text)]
    first, last, step = (int(each) if each else 1 for each in match.groups())
    if not step or last < first:
        raise ModelError("--sweep", "", f"{part!r} in {text[:80]!r} has no sizes: 224..640:32 goes up by 32")
    if (last - first) // step >= MOST_POINTS:
        raise ModelError("--sweep", "", f"{part!r} has more than {MOST_POINTS:,} sizes")
    return range(first, last + 1, step)


def _size(text: str, option: str, whole: str) -> int:
    if not text.isdecimal() or len(text) > MAX_DIGITS:
        raise ModelError(option, "", f"{text[:40]!r} in {whole[:80]!r} should be a size of 0 or more")
    return int(text)


# --- shown ------------------------------------------------------------------------------------------------------------


def section(
    scenarios: Sequence[Scenario], quantities: Sequence[str] = (), by: str | None = None, column: str | None = None
) -> Section:
    """A section of reports with the figures of some scenarios."""
    found: dict[int, Scenarios] = {}

    def of(analysis: Analysis) -> Scenarios:
        if id(analysis) not in found:
            found[id(analysis)] = Scenarios(analysis, scenarios, quantities, by, column or "macs")
        return found[id(analysis)]

    return Section(
        "scenarios",
        "several sizes side by side",
        lambda analysis: tables(of(analysis)),
        lambda analysis: data(of(analysis)),
        series=lambda analysis: series(of(analysis)),
    )


def series(found: Scenarios) -> list[Series]:
    """The totals that differ from one point to another."""
    names = [point.scenario.name for point in found.points]
    drawn = []
    for quantity in found.quantities:
        values = [point.totals[quantity.name] for point in found.points]
        if len(set(values)) > 1:
            title = f"{quantity.name} ({quantity.column.unit})" if quantity.column.unit else quantity.name
            drawn.append(Series(title, quantity.column.form, tuple(zip(names, values, strict=True))))
    return drawn


def csv_lines(points: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """What `data` gives, as a line for each scenario under titles: its name, sizes and totals."""
    sizes = list(dict.fromkeys(name for point in points for name in point["sizes"]))
    totals = list(points[0]["totals"]) if points else []
    more = [key for key in _OF_CACHES if any(key in point for point in points)]
    lines: list[list[Any]] = [["scenario", *sizes, *totals, *more]]
    for point in points:
        given = [point["sizes"].get(name) for name in sizes]
        lines.append(
            [point["name"], *given, *(point["totals"][name] for name in totals), *(point.get(k) for k in more)]
        )
    return lines


def tables(found: Scenarios) -> list[Table]:
    """The totals of each scenario, and its groups."""
    names = [quantity.name for quantity in found.quantities]
    forms = [quantity.column.form for quantity in found.quantities]
    exact = [quantity not in found.bounds for quantity in found.quantities]
    cells = [
        [_text(point.totals[name], form, sure) for name, form, sure in zip(names, forms, exact, strict=True)]
        for point in found.points
    ]
    notes = [f"{name} = {formula}, as the file declares." for name, formula in found.ties.items()]
    for key, (form, value) in _OF_CACHES.items():
        if any(value(point) is not None for point in found.points):
            names.append(key)
            cells = [[*row, show(value(point), form)] for row, point in zip(cells, found.points, strict=True)]
    if "tokens_per_second" in names:
        notes.append("time_bound: the least time to the first token, or of one more token; tokens_per_second: at most.")
    unfit = sum(all(total is None for total in point.totals.values()) for point in found.points)
    if unfit:
        notes.append(f"?: {counted(unfit, 'point')} whose sizes the network cannot have, or that are not known.")
    if not found.formulas_hold and not found.by_analyses:
        notes.append("Peaks, reads and writes may be less: at some sizes more tensors share memory than formulas show.")
    shown = [_table("Scenarios", "total", names, [p.scenario.name for p in found.points], cells, notes)]
    if found.by:
        groups = list(found.points[0].groups) if found.points else []
        form = found.column.form
        rows = [[_text(point.groups[name], form, True) for name in groups] for point in found.points]
        heading = f"{found.column.title} by {found.by}"
        shown.append(_table(heading, found.by, groups, [p.scenario.name for p in found.points], rows, []))
    return shown


_OF_CACHES: dict[str, tuple[Form, Callable[[Point], int | float | None]]] = {
    "new_tokens": ("count", lambda point: point.tokens),
    "kv_cache_bytes": ("bytes", lambda point: point.cache_bytes),
    "tokens_per_second": ("ratio", lambda point: point.tokens_per_second),
}
"""Figures of models with caches."""


def _text(value: float | None, form: str, exact: bool) -> str:
    text = show(value, form)
    return text if exact or value is None else f">= {text}"


def _table(
    heading: str,
    what: str,
    names: Sequence[str],
    points: Sequence[str],
    cells: Sequence[Sequence[str]],
    notes: list[str],
) -> Table:
    """A column for each point, or where there are many a row."""
    if len(points) <= ACROSS:
        rows = [(name, *(column[at] for column in cells)) for at, name in enumerate(names)]
        return Table((what, *points), (False, *(True for _ in points)), rows, notes=notes, heading=heading)
    lines = [(name, *row) for name, row in zip(points, cells, strict=True)]
    return Table(("sizes", *names), (False, *(True for _ in names)), lines, notes=notes, heading=heading)


def data(found: Scenarios) -> list[dict[str, Any]]:
    """Plain values for JSON."""
    exact = {quantity.name: quantity not in found.bounds for quantity in found.quantities}
    return [
        {
            "name": point.scenario.name,
            "sizes": dict(point.sizes),
            "totals": dict(point.totals),
            "exact": all(exact.values()),
            **{key: value(point) for key, (_, value) in _OF_CACHES.items() if value(point) is not None},
            **({"by": found.by, "column": found.column.key, "groups": dict(point.groups)} if found.by else {}),
        }
        for point in found.points
    ]
