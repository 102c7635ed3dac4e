"""The bar chart: a measure by layer in the order of execution, each bar stacked by kind of operation.

What is measured, and of which layers, is the caller's; a layer of which it is not known is marked as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from ..table import counted, show
from .figure import HEIGHT, OPEN, Box, Chart, Layer, Mark, Measured, amount_axis, layer_ticks, layers_per_bar
from .kinds import KINDS
from .scales import rounded

WIDEST = 48.0
"""A bar of a short network is no wider."""


class _Part(NamedTuple):
    """The layers of one kind in a bar."""

    kind: int
    amount: int
    largest: Layer


@dataclass(frozen=True)
class _Bar:
    """A layer, or a few neighbours that share a bar."""

    layers: Sequence[Layer]

    @cached_property
    def parts(self) -> list[_Part]:
        """What it is stacked of, from below; what comes to nothing is no part."""
        by_kind: dict[int, list[tuple[int, Layer]]] = {}
        for layer in self.layers:
            if layer.amount is not None and layer.amount > 0:
                by_kind.setdefault(layer.kind, []).append((layer.amount, layer))
        return [
            _Part(kind, sum(amount for amount, _ in members), max(members, key=lambda member: member[0])[1])
            for kind, members in sorted(by_kind.items())
        ]

    @property
    def amount(self) -> int:
        return sum(part.amount for part in self.parts)

    @property
    def unknown(self) -> Layer | None:
        """The first layer whose amount is not known."""
        return next((layer for layer in self.layers if layer.amount is None), None)


def bar_chart(key: str, title: str, measured: Measured, width: int) -> Chart:
    """A bar per layer, or per few neighbours where there are many; none while sizes that matter are open."""
    column, layers = measured.column, measured.layers
    box = Box(72, 12, width - 20, HEIGHT - 44)
    per = layers_per_bar(len(layers), box)
    starts = range(0, len(layers), per) if measured.total is not None else ()
    bars = [_Bar(layers[start : start + per]) for start in starts]
    axis = amount_axis(max((bar.amount for bar in bars), default=0), column.form, box)
    slot = box.width / max(len(bars), 1)
    thick = min(slot * 0.8, WIDEST) if slot >= 3 else slot
    marks = [
        mark
        for number, bar in enumerate(bars)
        for mark in _marks(bar, box.left + slot * (number + 0.5) - thick / 2, thick, axis.unit, box, measured)
    ]
    return Chart(
        key=key,
        title=title,
        summary=_summary(measured),
        measure=column.key,
        across_title="layer",
        up_title=column.title,
        width=width,
        box=box,
        across=layer_ticks(len(layers), box),
        up=axis.ticks,
        marks=tuple(marks),
        legend=tuple((kind, KINDS[kind]) for kind in sorted({part.kind for bar in bars for part in bar.parts})),
        caption=OPEN if measured.total is None else f"{per} layers per bar." if per > 1 else "",
    )


def _marks(bar: _Bar, x: float, width: float, unit: float, box: Box, measured: Measured) -> Iterator[Mark]:
    """The parts of a bar one on the other, and as high as the chart what says that something is not known."""
    y = box.bottom
    for part in bar.parts:
        height = part.amount * unit
        y -= height
        place = rounded(x), rounded(y), rounded(width), rounded(height)
        yield Mark(*place, part.largest.number, _title(bar, part, measured), f"k{part.kind}")
    if (layer := bar.unknown) is not None:
        text = f"{layer.name}: {measured.column.title} unknown"
        yield Mark(rounded(x), box.top, rounded(width), box.height, layer.number, text, "unknown")


def _title(bar: _Bar, part: _Part, measured: Measured) -> str:
    """What a part of a bar says when it is pointed at."""
    column, total, largest = measured.column, measured.total, part.largest
    share = f", {show(part.amount / total, 'share')}" if total else ""
    figure = f"{show(part.amount, column.form)} {column.title}{share}"
    if len(bar.layers) == 1:
        return f"{largest.name} ({largest.type}): {figure}"
    first, last = bar.layers[0].number + 1, bar.layers[-1].number + 1
    return f"layers {first} to {last}, {KINDS[part.kind]}: {figure}; largest: {largest.name}"


def _summary(measured: Measured) -> str:
    """The chart in words."""
    column, total, count = measured.column, measured.total, len(measured.layers)
    subject = f"{column.title} of {counted(count, 'layer')} in execution order"
    if not total:
        return f"{subject}: {'none' if total == 0 else 'unknown'}."
    largest = max(measured.layers, key=lambda layer: layer.amount or 0)
    most = largest.amount or 0
    share = show(most / total, "share")
    return (
        f"{subject}: total {show(total, column.form)}, largest {show(most, column.form)} ({share}) in {largest.name}."
    )
