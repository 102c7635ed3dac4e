"""The roofline of a device as a drawing: each layer by what it calculates for a byte, and how fast it can be at most.

Both axes are logarithmic. What the bound is made of is the business of `passes.roofline`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log10
from typing import Any

from ..analysis import Analysis
from ..columns import type_text
from ..passes.roofline import Roofline, compute_dtype
from ..table import show
from .figure import HEIGHT, OPEN, WIDE, Box, Chart, Mark
from .kinds import KINDS, kind
from .scales import Tick, label, powers, rounded

HIGHER = 100
"""How much higher than the other charts."""
RADIUS = 4.5
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
    """Where it holds for layers that find their operands in fast memory."""


@dataclass(frozen=True)
class Scatter:
    """The layers under the roofs, none while sizes are open; the middle of a mark is where a layer stands."""

    chart: Chart
    roofs: tuple[Roof, ...]


@dataclass(frozen=True)
class _Point:
    row: int
    intensity: float
    """Multiply-accumulates for each byte that the layer reads or writes."""
    speed: float
    """Multiply-accumulates a second at most."""


def scatter(analysis: Analysis) -> Scatter | None:
    """The layers that multiply, under the roofs of the target's device; None without a device or such layers."""
    roofline = analysis.roofline
    points = _points(analysis, roofline) if roofline is not None else []
    if roofline is None:
        return None
    if not points:
        return (
            Scatter(_chart(roofline, summary="Not known yet.", caption=OPEN), ())
            if analysis.free_symbols and analysis.work.macs != 0
            else None
        )
    device = roofline.device
    peaks: dict[float, list[str]] = {}
    for dtype in dict.fromkeys(compute_dtype(analysis.rows[p.row], analysis.fused_traffic.rows[p.row]) for p in points):
        if (peak := device.peak(dtype)) is not None:
            peaks.setdefault(peak, []).append(dtype)
    ridges = [peak / device.bandwidth for peak in peaks]
    xs = powers(min(p.intensity for p in points), max(*ridges, *(p.intensity for p in points)))
    ys = powers(min(p.speed for p in points), max(*peaks, *(p.speed for p in points)))
    box = BOX
    x = _scale(xs[0], xs[-1], box.left, box.right)
    y = _scale(ys[0], ys[-1], box.bottom, box.top)
    marks = tuple(_mark(analysis, roofline, point, x(point.intensity), y(point.speed)) for point in points)
    kinds = sorted({kind(analysis.rows[point.row]) for point in points})
    bound = sum(roofline.rows[point.row].by == "memory" for point in points)
    without = len(analysis.rows) - len(points)
    chart = _chart(
        roofline,
        summary=f"{len(points)} layers by MACs for each byte and MACs a second at most; memory binds {bound} of them.",
        across=tuple(Tick(rounded(x(value)), label(value, "short")) for value in xs),
        up=tuple(Tick(rounded(y(value)), label(value, "short")) for value in ys),
        marks=marks,
        legend=tuple((which, KINDS[which]) for which in kinds),
        caption="A layer above the slope need not fetch every byte from main memory."
        + (f" {without} layers without MACs, or of unknown cost, are not in it." if without else ""),
    )
    roofs = [_flat(peak, dtypes, device.bandwidth, x, y, box) for peak, dtypes in peaks.items()]
    return Scatter(chart, (_slope(device.bandwidth, max(peaks), xs[0], ys[0], x, y), *roofs))


def _chart(roofline: Roofline, **drawn: Any) -> Chart:
    return Chart(
        key="roofline",
        title=f"Roofline of {roofline.device.title}",
        measure="",
        across_title="MACs for each byte read or written, operators folded together",
        up_title="MACs a second, at most",
        width=WIDE,
        height=HEIGHT + HIGHER,
        box=BOX,
        **drawn,
    )


def _points(analysis: Analysis, roofline: Roofline) -> list[_Point]:
    points = []
    rows = zip(analysis.rows, analysis.fused_traffic.rows, roofline.rows, strict=True)
    for at, (row, moved, bound) in enumerate(rows):
        macs = analysis.evaluate(row.work.macs) if row.work is not None else None
        nbytes = analysis.evaluate(moved.nbytes)
        if macs and nbytes and bound.seconds:
            points.append(_Point(at, macs / nbytes, macs / bound.seconds))
    return points


def _mark(analysis: Analysis, roofline: Roofline, point: _Point, x: float, y: float) -> Mark:
    row, bound = analysis.rows[point.row], roofline.rows[point.row]
    text = (
        f"{row.name} ({type_text(row)}): {point.intensity:,.1f} MACs for each byte,"
        f" {show(bound.seconds, 'time')} at least, bound by {bound.by}"
    )
    place = rounded(x - RADIUS), rounded(y - RADIUS)
    return Mark(*place, 2 * RADIUS, 2 * RADIUS, point.row, text, f"k{kind(row)}")


def _slope(
    bandwidth: float,
    peak: float,
    least: float,
    slowest: float,
    x: Callable[[float], float],
    y: Callable[[float], float],
) -> Roof:
    """What the bandwidth allows, up to the highest peak."""
    start = max(least, slowest / bandwidth)
    ridge = peak / bandwidth
    path = f"M{rounded(x(start))} {rounded(y(start * bandwidth))}L{rounded(x(ridge))} {rounded(y(peak))}"
    middle = (start * ridge) ** 0.5
    at = rounded(x(middle) - 10), rounded(y(middle * bandwidth) - 6)
    return Roof(path, *at, "end", f"{show(bandwidth, 'short')}B/s")


def _flat(
    peak: float,
    dtypes: list[str],
    bandwidth: float,
    x: Callable[[float], float],
    y: Callable[[float], float],
    box: Box,
) -> Roof:
    """What the arithmetic allows with operands of some types."""
    height = rounded(y(peak))
    text = f"{show(peak, 'short')}MAC/s in {', '.join(dtypes)}"
    ridge = rounded(x(peak / bandwidth))
    path, beyond = f"M{ridge} {height}H{box.right}", f"M{box.left} {height}H{ridge}"
    return Roof(path, box.right, height - 6, "end", text, beyond)


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """From values to places, logarithmically."""
    first, span = log10(low), log10(high) - log10(low)
    return lambda value: start + (end - start) * (log10(value) - first) / span
