"""The roofline of a device as a drawing: each layer by its arithmetic intensity and its attainable speed.

Both axes are logarithmic. What the bound is made of is the business of `passes.roofline`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

from .. import times
from ..analysis import Analysis
from ..defining import type_text
from ..passes.roofline import Roofline, compute_dtype
from ..printable import printable
from ..table import counted, show
from .figure import HEIGHT, OPEN, WIDE, Box, Chart, Mark
from .kinds import KINDS, kind
from .scales import Tick, label, powers, rounded

HIGHER = 100
"""How much higher than the other charts."""
RADIUS = 4.5
SMALL = 3.0
"""The radius of a measured dot."""
MEASURED = " Rings: what was measured."
BOX = Box(72, 20, WIDE - 20, HEIGHT + HIGHER - 44)


@dataclass(frozen=True)
class Roof:
    """One limit of the device: its line, and what is written at it."""

    path: str
    x: float
    y: float
    anchor: str
    text: str
    beyond: str = ""
    """The line where it holds for layers whose operands are in fast memory."""


@dataclass(frozen=True)
class Scatter:
    """The layers under the roofs, none while sizes are open; the middle of a mark is where a layer stands."""

    chart: Chart
    roofs: tuple[Roof, ...]
    measured: tuple[Mark, ...] = ()
    """What groups of layers reached in their measured time."""


@dataclass(frozen=True)
class _Point:
    row: int
    intensity: float
    """Multiply-accumulates per byte that the layer reads or writes."""
    speed: float
    """Multiply-accumulates a second at most."""


@dataclass(frozen=True)
class _LogAxis:
    """A logarithmic axis from `start` to `end` of the drawing, with a tick at each power of ten."""

    values: Sequence[float]
    start: float
    end: float

    @classmethod
    def over(cls, values: Sequence[float], start: float, end: float) -> _LogAxis:
        """An axis that these values fit on."""
        return cls(powers(min(values), max(values)), start, end)

    def __call__(self, value: float) -> float:
        """Where a value stands in the drawing."""
        first, last = log10(self.values[0]), log10(self.values[-1])
        return self.start + (self.end - self.start) * (log10(value) - first) / (last - first)

    @property
    def ticks(self) -> tuple[Tick, ...]:
        return tuple(Tick(rounded(self(value)), label(value, "short")) for value in self.values)


@dataclass(frozen=True)
class _Plane:
    """The two axes of the drawing: MACs per byte, and MACs a second."""

    x: _LogAxis
    y: _LogAxis


def scatter(analysis: Analysis) -> Scatter | None:
    """The layers that multiply, under the roofs of the target's device; None without a device or such layers."""
    roofline = analysis.roofline
    if roofline is None:
        return None
    points = _points(analysis, roofline)
    if points:
        return _drawn(analysis, roofline, points)
    waiting = analysis.free_symbols and analysis.work.macs != 0
    return (
        Scatter(_chart(roofline, summary="Unknown until the symbolic dimensions have values.", caption=OPEN), ())
        if waiting
        else None
    )


def _points(analysis: Analysis, roofline: Roofline) -> list[_Point]:
    """The layers of which it is known what they multiply, move and take."""
    points = []
    for index, (row, moved, bound) in enumerate(
        zip(analysis.rows, analysis.fused_traffic.rows, roofline.rows, strict=True)
    ):
        macs = analysis.evaluate(row.work.macs) if row.work is not None else None
        nbytes = analysis.evaluate(moved.nbytes)
        if macs and nbytes and bound.seconds:
            points.append(_Point(index, macs / nbytes, macs / bound.seconds))
    return points


def _drawn(analysis: Analysis, roofline: Roofline, points: Sequence[_Point]) -> Scatter:
    bandwidth = roofline.device.bandwidth
    dtypes_of = _peaks(analysis, roofline, points)
    ridges = [peak / bandwidth for peak in dtypes_of]
    reached = _reached(analysis)
    plane = _Plane(
        _LogAxis.over([*ridges, *(point.intensity for point in [*points, *reached])], BOX.left, BOX.right),
        _LogAxis.over([*dtypes_of, *(point.speed for point in [*points, *reached])], BOX.bottom, BOX.top),
    )
    kinds = sorted({kind(analysis.rows[point.row]) for point in points})
    chart = _chart(
        roofline,
        summary=_summary(roofline, points),
        across=plane.x.ticks,
        up=plane.y.ticks,
        marks=tuple(_mark(analysis, roofline, point, plane) for point in points),
        legend=tuple((which, KINDS[which]) for which in kinds),
        caption=_caption(len(analysis.rows) - len(points)) + (MEASURED if reached else ""),
    )
    roofs = [_flat(peak, dtypes, bandwidth, plane) for peak, dtypes in dtypes_of.items()]
    marks = tuple(_reached_mark(analysis, point, plane) for point in reached)
    return Scatter(chart, (_slope(bandwidth, max(dtypes_of), plane), *roofs), marks)


def _reached(analysis: Analysis) -> list[_Point]:
    """The groups of layers that multiply, at the speed that was measured."""
    points = []
    for group in analysis.timing.groups if analysis.timing is not None else ():
        macs, nbytes = times.macs(analysis, group), times.nbytes(analysis, group)
        if macs and nbytes and group.seconds:
            points.append(_Point(group.leader, macs / nbytes, macs / group.seconds))
    return points


def _reached_mark(analysis: Analysis, point: _Point, plane: _Plane) -> Mark:
    row = analysis.rows[point.row]
    text = f"{printable(row.name)} ({printable(type_text(row))}): measured {show(point.speed, 'short')}MAC/s"
    corner = rounded(plane.x(point.intensity) - SMALL), rounded(plane.y(point.speed) - SMALL)
    return Mark(*corner, 2 * SMALL, 2 * SMALL, point.row, text)


def _peaks(analysis: Analysis, roofline: Roofline, points: Sequence[_Point]) -> dict[float, list[str]]:
    """The peaks of the device that matter here, each with the element types that it holds for."""
    used = dict.fromkeys(compute_dtype(analysis.rows[p.row], analysis.fused_traffic.rows[p.row]) for p in points)
    peaks: dict[float, list[str]] = {}
    for dtype in used:
        if (peak := roofline.device.peak(dtype)) is not None:
            peaks.setdefault(peak, []).append(dtype)
    return peaks


def _chart(roofline: Roofline, **drawn: Any) -> Chart:
    return Chart(
        key="roofline",
        title=f"Roofline of {roofline.device.title}",
        measure="",
        across_title="arithmetic intensity: MACs per byte read or written, operators fused",
        up_title="attainable MAC/s",
        width=WIDE,
        height=HEIGHT + HIGHER,
        box=BOX,
        **drawn,
    )


def _summary(roofline: Roofline, points: Sequence[_Point]) -> str:
    """The chart in words."""
    bound = sum(roofline.rows[point.row].by == "memory" for point in points)
    layers = counted(len(points), "layer")
    return f"{layers} by arithmetic intensity and attainable MAC/s, {bound} of {len(points)} memory-bound."


def _caption(without: int) -> str:
    """How to read the chart, and how many layers it does without."""
    missing = f" Not shown: {counted(without, 'layer')} without MACs or of unknown cost." if without else ""
    return f"Layers above the bandwidth line reuse data in fast memory.{missing}"


def _mark(analysis: Analysis, roofline: Roofline, point: _Point, plane: _Plane) -> Mark:
    row, bound = analysis.rows[point.row], roofline.rows[point.row]
    text = (
        f"{printable(row.name)} ({printable(type_text(row))}): {point.intensity:,.1f} MACs per byte,"
        f" at least {show(bound.seconds, 'time')}, {bound.by}-bound"
    )
    corner = rounded(plane.x(point.intensity) - RADIUS), rounded(plane.y(point.speed) - RADIUS)
    return Mark(*corner, 2 * RADIUS, 2 * RADIUS, point.row, text, f"k{kind(row)}")


def _slope(bandwidth: float, peak: float, plane: _Plane) -> Roof:
    """What the bandwidth allows, up to the highest peak."""
    x, y = plane.x, plane.y
    start = max(x.values[0], y.values[0] / bandwidth)
    ridge = peak / bandwidth
    path = f"M{rounded(x(start))} {rounded(y(start * bandwidth))}L{rounded(x(ridge))} {rounded(y(peak))}"
    middle = (start * ridge) ** 0.5
    place = rounded(x(middle) - 10), rounded(y(middle * bandwidth) - 6)
    return Roof(path, *place, "end", f"{show(bandwidth, 'short')}B/s")


def _flat(peak: float, dtypes: list[str], bandwidth: float, plane: _Plane) -> Roof:
    """What the arithmetic allows with operands of some types."""
    height = rounded(plane.y(peak))
    text = f"{show(peak, 'short')}MAC/s in {', '.join(dtypes)}"
    ridge = rounded(plane.x(peak / bandwidth))
    path, beyond = f"M{ridge} {height}H{BOX.right}", f"M{BOX.left} {height}H{ridge}"
    return Roof(path, BOX.right, height - 6, "end", text, beyond)
