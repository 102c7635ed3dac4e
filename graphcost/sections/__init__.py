"""What a report can say beside or instead of its table of layers: a section is tables for people and data for JSON.

Adding one is a file here that makes a `SECTION`, or `register` from a plugin: `--section NAME` shows it, and for those
that come along a flag of the same name does too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from ..analysis import Analysis
from ..registry import Registry
from ..table import Form, Table


@dataclass(frozen=True)
class Series:
    """A figure at several sizes, which a page draws as a line."""

    title: str
    form: Form
    points: tuple[tuple[str, float | None], ...]
    """What each point is called, and its figure; None where there is none."""


def _no_series(analysis: Analysis) -> Sequence[Series]:
    """Those of a section that is not drawn; a function by name, so that reports can be pickled."""
    return ()


@dataclass(frozen=True)
class Section:
    """One aspect of an analysis."""

    name: str
    """What `--section` calls it, and its key in JSON."""
    doc: str
    tables: Callable[[Analysis], list[Table]]
    data: Callable[[Analysis], Any]
    """Plain values for JSON: integers, formulas in text, None for what is not known."""
    beside: bool = False
    """Shown with the table of layers; otherwise a report for people shows it in that table's place."""
    series: Callable[[Analysis], Sequence[Series]] = _no_series
    """What a page draws of it above its tables."""


def _load(name: str) -> Section:
    section: Section = import_module(f".{name}", __name__).SECTION
    return section


SECTIONS: Registry[Section] = Registry("section", sorted(module.name for module in iter_modules(__path__)), _load)


def register(section: Section, *, replace: bool = False) -> None:
    """Add a section under its name. Raises ValueError when the name is taken and `replace` is not set."""
    SECTIONS.register(section.name, section, replace=replace)


def find(name: str) -> Section:
    """A section by name. Raises KeyError."""
    return SECTIONS[name]
