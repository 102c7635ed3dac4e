"""What a report can say beside or instead of its table of layers: a section is tables for people and data for JSON.

Adding one is a file here that makes a `SECTION`, and its flag in the command.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from ..analysis import Analysis
from ..table import Table

NAMES = tuple(sorted(module.name for module in iter_modules(__path__)))
"""The modules of this package; each has a SECTION."""


@dataclass(frozen=True)
class Section:
    """One aspect of an analysis, laid out."""

    name: str
    """Its flag without the dashes, and its key in JSON."""
    doc: str
    lay_out: Callable[[Analysis], list[Table]]
    data: Callable[[Analysis], Any]
    """Plain values for JSON: integers, formulas in text, None for what is not known."""
    beside: bool = False
    """Shown with the table of layers; otherwise a report for people shows it in that table's place."""


def find(name: str) -> Section:
    """A section by name. Raises KeyError."""
    if name not in NAMES:
        raise KeyError(name)
    section: Section = import_module(f".{name}", __name__).SECTION
    return section
