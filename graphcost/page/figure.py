"""What charts are made of that no reader can change: a frame, axes, and marks that each stand for a layer.

Finished facts go in, templates turn what comes out into SVG. Nothing here knows an operator or a file. Charts that
other sizes or measures change are laid out by scripts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ..table import Form
from .scales import Tick, label, rounded, step, values

MIN_BAR_WIDTH = 2.5
"""Bars that would be narrower stand side by side without a gap."""
WIDE, HALF, HEIGHT = 1200, 590, 250
"""Units are CSS pixels in a window wide enough for the whole report."""


@dataclass(frozen=True)
class Box:
    """Where a chart's marks stand in its drawing."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top


@dataclass(frozen=True)
class Mark:
    """A rectangle that stands for something of a row of the analysis; `title` says what when it is pointed at."""

    x: float
    y: float
    width: float
    height: float
    row: int
    title: str
    style: str = ""
    """Its class in the style sheet: `k0` and on for kinds of operation, "accent", or "unknown"."""


@dataclass(frozen=True)
class Chart:
    """A chart with axes: `across` is the horizontal one."""

    key: str
    title: str
    summary: str
    """The chart in words."""
    measure: str
    """The key of the column it shows; "" for the memory."""
    across_title: str
    up_title: str
    width: int = WIDE
    height: int = HEIGHT
    box: Box = Box(0, 0, 0, 0)
    across: tuple[Tick, ...] = ()
    up: tuple[Tick, ...] = ()
    marks: tuple[Mark, ...] = ()
    legend: tuple[tuple[int, str], ...] = ()
    """The kinds of operation in it."""
    caption: str = ""


class Axis(NamedTuple):
    """A vertical axis from zero: how high one unit of what is measured is, and the ticks."""

    unit: float
    ticks: tuple[Tick, ...]


def amount_axis(highest: float, form: Form, box: Box, ticks: int = 5) -> Axis:
    """An axis that the highest value fits on."""
    marked = values(highest, form, ticks)
    unit = box.height / marked[-1]
    return Axis(unit, tuple(Tick(rounded(box.bottom - value * unit), label(value, form)) for value in marked))


def layer_ticks(count: int, box: Box) -> tuple[Tick, ...]:
    """Ticks under the middle of layers, numbered from 1."""
    slot = box.width / max(count, 1)
    distance = step(count, "short", max(int(box.width / 60), 1))
    shown = [1] if distance > 1 and count else []
    shown += range(distance, count + 1, distance)
    return tuple(Tick(rounded(box.left + slot * (number - 0.5)), str(number)) for number in shown)


def shorten(text: str, most: int) -> str:
    """A text of at most `most` characters, without its middle where it is longer."""
    if len(text) <= most:
        return text
    head = (most - 1) // 3
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"
