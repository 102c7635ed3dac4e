"""How the numbers of a column are written: with three significant digits in one unit, which its head names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .errors import ModelError
from .table import significant

COUNTS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
BYTES = {"": 1, "k": 2**10, "M": 2**20, "G": 2**30, "T": 2**40, "P": 2**50}
TIMES = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
JOINED = ("MACs", "FLOPs")
"""Titles that take the unit in front, as people write it: GMACs."""
MOST_DIGITS = 15
"""Significant digits of a number that a machine computes with."""


@dataclass(frozen=True)
class Notation:
    """What a reader asked for: a unit for all counts ("k", "M", "G", "T"; bytes by 1,024), digits, or exact numbers."""

    unit: str = ""
    precision: int = 3
    exact: bool = False

    def check(self) -> Notation:
        """Itself. Raises ModelError for a unit or a number of digits that there is not."""
        if self.unit not in COUNTS:
            raise ModelError("--unit", "", f"no unit {self.unit!r}; there are {', '.join(filter(None, COUNTS))}")
        if not 1 <= self.precision <= MOST_DIGITS:
            raise ModelError("--precision", "", f"{self.precision} digits cannot be shown; 1 to {MOST_DIGITS} can")
        if self.exact and self.unit:
            raise ModelError("--exact", "", "shows whole numbers, which have no unit: leave out --unit")
        return self

    def of_column(self, form: str, title: str, numbers: Iterable[float]) -> ColumnNotation:
        """How a column of such numbers is written, and its title with the unit."""
        if form == "time" and not self.exact:
            largest = max(numbers, default=0)
            unit = next((unit for unit, size in TIMES.items() if largest >= size), "ns")
            return ColumnNotation(f"{title} ({unit})", TIMES[unit], self.precision)
        if form not in ("count", "short", "bytes") or (form == "count" and not self.unit):
            return ColumnNotation(title, 0, self.precision)
        units = BYTES if form == "bytes" else COUNTS
        unit = "" if self.exact else self.unit or _unit(units, max(numbers, default=0))
        named = ("B" if not unit else f"{unit.upper()}iB") if form == "bytes" else unit
        if title in JOINED:
            title = f"{named}{title}"
        elif named:
            title = f"{title} ({named})"
        return ColumnNotation(title, units[unit], self.precision)


AS_USUAL = Notation()


@dataclass(frozen=True)
class ColumnNotation:
    """How the numbers of one column are written."""

    title: str
    scale: float
    """What a number is divided by; 0: the column's own form says how its numbers are written."""
    precision: int

    def write(self, number: float) -> str:
        """A number in the column's unit; a whole one in single units stays as it is."""
        if self.scale == 1 and isinstance(number, int):
            return f"{number:,}"
        return significant(number / self.scale, self.precision)


def _unit(units: dict[str, int], largest: float) -> str:
    """The unit that leaves the largest number at 1 or above."""
    return next((unit for unit, size in reversed(units.items()) if largest >= size), "")
