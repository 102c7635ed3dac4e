"""How other tools count: each convention is a small object of functions over finished facts.

Facts are ours and counted once; a convention says what its tool would have printed for them, including its quirks.
Adding one is a file here that makes a `Convention`, or `register` from a plugin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Literal

from ..dims import Extent, total
from ..graph import UnknownShape
from ..passes.rows import Row
from ..registry import Registry
from ..table import Table
from .distinct import distinct
from .modules import derived, functional, parameterised, superseded
from .patterns import calls

if TYPE_CHECKING:
    from ..analysis import Analysis


@dataclass(frozen=True)
class Metric:
    """One quantity as a tool counts it for an operator; None where the tool has nothing to say."""

    key: str
    unit: str
    doc: str
    value: Callable[[Row], Extent | None]
    """For one run of the operator."""
    form: Literal["count", "short", "bytes"] = "count"
    functional: Callable[[Row], Extent | None] | None = None
    """The same where no module of its own stands behind the operator; None: that makes no difference."""
    word: str = ""
    """What the tool calls the sum when it quotes that for a model: MACs, FLOPs, MAdd, ...; "" when it does not."""
    per_mac: int = 1
    """Operations that it counts for a multiply-accumulate."""
    per_image: bool = False
    """It counts one image of a batch."""
    repeats: bool = True
    """In a loop it counts anew each time."""
    calls: bool = False
    """It looks at the framework's module: `value` is of the calls that an exporter wrote as operators (patterns.py)."""
    once: bool = False
    """It tells of a module that is called again the last call alone."""
    exact: bool = False
    """It knows modules by their exact class: those of another class are functional calls to it."""
    per_signature: bool = False
    """It has the same value for rows that `distinct` puts together; those that come along do."""

    def rows(self, analysis: Analysis) -> Iterable[tuple[int, int]]:
        """The numbers of the rows to ask about, and how many rows each stands for."""
        return distinct(analysis) if self.per_signature else ((at, 1) for at in range(len(analysis.rows)))

    def of(self, analysis: Analysis, at: int) -> Extent | None:
        """What the tool counts for row `at` in one forward run; None where that needs a shape that is not known."""
        values = [value for _, value in self.parts(analysis, at)]
        return None if None in values else sum((value for value in values if value is not None), 0)

    def parts(self, analysis: Analysis, at: int) -> list[tuple[Row, Extent | None]]:
        """The same by the calls that the tool sees in place of the row: one, several or none."""
        count = self.value
        if self.functional is not None and self._is_functional(analysis, at):
            count = self.functional
        rows = calls(analysis)[at] if self.calls else (analysis.rows[at],)
        again = self.once and at in superseded(analysis)
        return [(row, 0 if again else self._in_all(row, count)) for row in rows]

    def _is_functional(self, analysis: Analysis, at: int) -> bool:
        row = analysis.rows[at]
        return at in functional(analysis) or (at in derived(analysis) and (self.exact or not parameterised(row)))

    def _in_all(self, row: Row, count: Callable[[Row], Extent | None]) -> Extent | None:
        """What is counted for a row in all its runs."""
        try:
            value = count(row)
        except UnknownShape:
            return None
        return value * row.trip_count if value is not None and self.repeats and row.trip_count != 1 else value

    def total(self, analysis: Analysis) -> Extent:
        """The sum over all rows of which the tool has something to say."""
        values = ((self.of(analysis, at), count) for at, count in self.rows(analysis))
        return total(value * count for value, count in values if value is not None)


@dataclass(frozen=True)
class Convention:
    """A tool's accounting, and, where it prints a table of its own, how that is laid out."""

    name: str
    tool: str
    source: str
    """Link to the code that the formulas were read from."""
    metrics: tuple[Metric, ...]
    table: Callable[[Analysis], Table] | None = None

    @property
    def quoted(self) -> tuple[Metric, ...]:
        """The metrics whose sum the tool quotes as what a model costs."""
        return tuple(metric for metric in self.metrics if metric.word)


def _load(name: str) -> Convention:
    convention: Convention = import_module(f".{name}", __name__).CONVENTION
    return replace(convention, metrics=tuple([replace(each, per_signature=True) for each in convention.metrics]))


SHARED = ("distinct", "families", "modules", "patterns")
"""The modules of this package that conventions share; each of the others makes a CONVENTION."""
_MODULES = sorted(module.name for module in iter_modules(__path__) if module.name not in SHARED)
CONVENTIONS: Registry[Convention] = Registry("convention", _MODULES, _load)


def register(convention: Convention, *, replace: bool = False) -> None:
    """Add a convention under its name. Raises ValueError when the name is taken and `replace` is not set."""
    CONVENTIONS.register(convention.name, convention, replace=replace)


def known() -> tuple[Convention, ...]:
    """Every convention, by name."""
    return tuple([CONVENTIONS[name] for name in sorted(CONVENTIONS)])


def find(name: str) -> Convention:
    """A convention by name. Raises KeyError."""
    return CONVENTIONS[name]


def metric(convention: str, key: str) -> Metric | None:
    """A convention's metric, None when there is none of that name."""
    if convention not in CONVENTIONS:
        return None
    return next((metric for metric in find(convention).metrics if metric.key == key), None)
