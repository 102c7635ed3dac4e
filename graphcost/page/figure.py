"""What the report's charts are made of: a frame, axes, and marks that each stand for a layer, in units of a drawing.

Finished facts go in, templates turn what comes out into SVG. Nothing here knows an operator or a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from ..columns import Column
from ..defining import type_text
from ..passes.rows import Row
from ..printable import printable
from ..table import Form
from .scales import Tick, label, rounded, step, values

MIN_BAR_WIDTH = 2.5
"""In a network so long that bars would be narrower, neighbouring layers share one."""
NAME_CHARS = 20
"""Characters of a name in a chart; a longer one loses its middle."""
WIDE, HALF, NARROW, HEIGHT = 1200, 590, 460, 250
"""Units are CSS pixels in a window wide enough for the whole report; shares are to be read in a narrow one too."""
OPEN = "Nothing to draw until the symbolic dimensions have values: set them under Input sizes above, or with --dim."


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


class Layer(NamedTuple):
    """A row of the analysis with its amount of what a chart measures."""

    number: int
    """Which row it is."""
    row: Row
    kind: int
    """The kind of operation, as `kinds` has it."""
    amount: int | None
    """None when it is not known, or a size that matters is open."""

    @property
    def name(self) -> str:
        return printable(self.row.name)

    @property
    def type(self) -> str:
        """The type with what defines it: `Convolution 3x3/2`."""
        return printable(type_text(self.row))


@dataclass(frozen=True)
class Measured:
    """Every layer by one measure."""

    column: Column
    layers: Sequence[Layer]
    total: int | None
    """Of what is known; None while sizes that matter are open."""


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


def layers_per_bar(count: int, box: Box) -> int:
    """How many layers share a bar."""
    return max(ceil(count * MIN_BAR_WIDTH / box.width), 1)


def shorten(text: str, most: int) -> str:
    """A text of at most `most` characters, without its middle where it is longer."""
    if len(text) <= most:
        return text
    head = (most - 1) // 3
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"
