"""The chart of measured times: a bar for each layer in the order of execution, coloured by how near it is to its bound.

A bar is a group of rows that ran as one, at the row that multiplies most. Times are of the sizes that were measured:
under others the chart is hidden.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from .. import times
from ..analysis import Analysis
from ..passes.timing import Group
from ..printable import printable
from ..table import counted, show
from .figure import HEIGHT, MIN_BAR_WIDTH, WIDE, Box, Chart, Mark, layer_ticks
from .scales import Tick, label, rounded, values

BOX = Box(72, 12, WIDE - 20, HEIGHT - 44)
UNIT = 1e-6
"""Seconds of a unit of the axis."""
EFFICIENCIES = (0.1, 0.3, 0.6)
"""Where the classes of efficiency end: below the first, below the second, ..."""
WIDEST = 48.0


def timings(analysis: Analysis) -> Chart | None:
    """The measured time of each group; None where nothing was measured."""
    timing = analysis.timing
    if timing is None or not timing.groups:
        return None
    groups = sorted(timing.groups, key=lambda group: group.leader)
    highest = round(max(group.seconds for group in groups) / UNIT, 3)
    marked = values(highest, "short")
    unit = BOX.height / marked[-1]
    coloured = analysis.roofline is not None
    return Chart(
        key="times",
        title="Measured time by layer",
        summary=_summary(analysis, groups),
        measure="",
        across_title="layer" if len(groups) == len(analysis.layer_rows) else "layers that ran as one",
        up_title="time, us",
        box=BOX,
        across=layer_ticks(len(groups), BOX),
        up=tuple(Tick(rounded(BOX.bottom - value * unit), label(value, "short")) for value in marked),
        marks=tuple(_marks(analysis, groups, unit)),
        legend=tuple(enumerate(_classes())) if coloured else (),
        caption=f"Measured: {timing.source}." + (" Colours: bound / time." if coloured else ""),
    )


def _classes() -> list[str]:
    """The classes of efficiency in words."""
    ends = [f"{100 * end:.0f}%" for end in EFFICIENCIES]
    between = [f"{low} to {high}" for low, high in pairwise(ends)]
    return [f"below {ends[0]}", *between, f"{ends[-1]} and more"]


def _marks(analysis: Analysis, groups: Sequence[Group], unit: float) -> Iterator[Mark]:
    slot = BOX.width / len(groups)
    width = min(slot * 0.8, WIDEST) if slot >= MIN_BAR_WIDTH else slot
    for number, group in enumerate(groups):
        height = group.seconds / UNIT * unit
        left = BOX.left + slot * (number + 0.5) - width / 2
        place = rounded(left), rounded(BOX.bottom - height), rounded(width), rounded(height)
        yield Mark(*place, group.leader, _text(analysis, group), _style(analysis, group))


def _style(analysis: Analysis, group: Group) -> str:
    """The class of a bar in the style sheet: `e0` is far from the bound."""
    bound = times.bound(analysis, group)
    if bound is None or not group.seconds:
        return "accent"
    return f"e{sum(bound / group.seconds >= end for end in EFFICIENCIES)}"


def _text(analysis: Analysis, group: Group) -> str:
    """What a bar says when it is pointed at."""
    parts = [f"{printable(analysis.rows[group.leader].name)}: {show(group.seconds, 'time')}"]
    if group.spread is not None:
        parts.append(f"± {show(group.spread, 'share')}")
    if (bound := times.bound(analysis, group)) is not None:
        parts.append(f"at least {show(bound, 'time')}")
    if len(group.rows) > 1:
        parts.append(f"with {counted(len(group.rows) - 1, 'layer')} fused")
    return ", ".join(parts)


def _summary(analysis: Analysis, groups: Sequence[Group]) -> str:
    """The chart in words."""
    slowest = max(groups, key=lambda group: group.seconds)
    name = printable(analysis.rows[slowest.leader].name)
    total = sum(group.seconds for group in groups)
    return (
        f"{counted(len(groups), 'layer')} in execution order: total {show(total, 'time')},"
        f" slowest {name} with {show(slowest.seconds, 'time')}."
    )
