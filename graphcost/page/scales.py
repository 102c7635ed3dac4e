"""Axes of charts: where their ticks stand and what is written there.

Linear axes begin at zero and end at a tick. Decimal ticks are 1, 2 or 5 times a power of ten, bytes powers of two.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log2, log10

from ..table import Form

_UNITS = {"bytes": (1024, ("B", "KiB", "MiB", "GiB", "TiB")), "short": (1000, ("", "k", "M", "G", "T", "P", "E"))}


@dataclass(frozen=True)
class Tick:
    """A place on an axis in the units of the drawing, and its label."""

    at: float
    text: str


def step(span: float, form: Form, ticks: int = 5) -> int:
    """The distance between ticks, so that about as many as `ticks` cover `span`; 1 at least."""
    raw = max(span / ticks, 1)
    if form == "bytes":
        return int(2 ** ceil(log2(raw)))
    power = 10 ** floor(log10(raw))
    return next(int(factor * power) for factor in (1, 2, 5, 10) if factor * power >= raw)


def values(top: float, form: Form, ticks: int = 5) -> list[int]:
    """The values of ticks from zero to the first that is not below `top`."""
    distance = step(top, form, ticks)
    return [distance * at for at in range(max(ceil(top / distance), 1) + 1)]


def label(value: float, form: Form) -> str:
    """A tick's text: 250, 1.5 M, 64 KiB."""
    base, units = _UNITS.get(form, _UNITS["short"])
    power = 0
    while value >= base and power < len(units) - 1:
        value /= base
        power += 1
    return f"{value:g} {units[power]}".rstrip() if value else "0"


def powers(low: float, high: float) -> list[float]:
    """Powers of ten from the one not above `low` to the one not below `high`, two at least: a logarithmic axis."""
    first, last = floor(log10(low)), ceil(log10(high))
    return [10.0**power for power in range(first, max(last, first + 1) + 1)]


def rounded(value: float) -> float:
    """To a hundredth of a pixel, a whole number where it is one: reports stay small."""
    short = round(value, 2)
    return int(short) if short == int(short) else short
