"""How other tools count: each convention is a small object of functions over finished facts.

Facts are ours and counted once; a convention says what its tool would have printed for them, warts included. Adding
one is a file here that makes a `Convention`, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Literal

from ..dims import Extent
from ..passes.infer import Cost
from ..table import Table

if TYPE_CHECKING:
    from ..analysis import Analysis

NAMES = tuple(sorted(module.name for module in iter_modules(__path__) if module.name != "families"))
"""The modules of this package that have a CONVENTION."""


@dataclass(frozen=True)
class Metric:
    """One quantity as a tool counts it for an operator; None where the tool has nothing to say."""

    key: str
    unit: str
    doc: str
    value: Callable[[Cost], Extent | None]
    form: Literal["count", "short", "bytes"] = "count"


@dataclass(frozen=True)
class Convention:
    """A tool's accounting, and, where it prints a table of its own, how that is laid out."""

    name: str
    tool: str
    source: str
    """Link to the code that the formulas were read from."""
    metrics: tuple[Metric, ...]
    lay_out: Callable[[Analysis], Table] | None = None
    total: str = ""
    """The metric that the tool quotes as a model's total."""
    word: str = ""
    """What the tool calls that total: MACs, FLOPs, MAdd, ..."""


def known() -> tuple[Convention, ...]:
    """Every convention, by name."""
    return tuple(find(name) for name in sorted(NAMES))


def find(name: str) -> Convention:
    """A convention by name. Raises KeyError."""
    if name not in NAMES:
        raise KeyError(name)
    convention: Convention = import_module(f".{name}", __name__).CONVENTION
    return convention


def metric(convention: str, key: str) -> Metric | None:
    """A convention's metric, None when there is none of that name."""
    if convention not in NAMES:
        return None
    return next((metric for metric in find(convention).metrics if metric.key == key), None)
