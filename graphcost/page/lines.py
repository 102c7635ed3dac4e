"""A figure at many sizes as a line: where its points stand, in units of a drawing. Points without a figure are gaps."""

from __future__ import annotations

from dataclasses import dataclass

from ..printable import printable
from ..sections import Series
from ..table import show
from .figure import HALF, HEIGHT, Box, amount_axis
from .scales import Tick, rounded

LABELS = 6
"""Points that are named below the axis."""


@dataclass(frozen=True)
class Dot:
    """A point and what it says when it is pointed at."""

    x: float
    y: float
    title: str


@dataclass(frozen=True)
class Line:
    """A chart of one quantity; `path` is SVG path data."""

    title: str
    width: int
    height: int
    box: Box
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    path: str
    dots: tuple[Dot, ...]


def line(series: Series) -> Line | None:
    """The chart of a series; None where fewer than two points have a figure, or all are 0."""
    known = [value for _, value in series.points if value is not None]
    if len(known) < 2 or max(known) <= 0:
        return None
    box = Box(64, 16, HALF - 16, HEIGHT - 32)
    axis = amount_axis(max(known), series.form, box)
    apart = box.width / max(len(series.points) - 1, 1)
    places = [rounded(box.left + at * apart) for at in range(len(series.points))]
    path, dots, gap = [], [], True
    for x, (name, value) in zip(places, series.points, strict=True):
        if value is None:
            gap = True
            continue
        y = rounded(box.bottom - value * axis.unit)
        path.append(f"{'M' if gap else 'L'}{x} {y}")
        dots.append(Dot(x, y, f"{printable(name)}: {show(value, series.form)}"))
        gap = False
    every = max(1, -(-(len(places) - 1) // (LABELS - 1)))
    ticks = [Tick(places[at], printable(series.points[at][0])) for at in range(0, len(places), every)]
    return Line(series.title, HALF, HEIGHT, box, tuple(ticks), axis.ticks, "".join(path), tuple(dots))
