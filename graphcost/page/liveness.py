"""The chart of memory: live activation bytes over the steps of execution, the peak, and the tensors live there.

What is live when is the business of `passes.memory`; while sizes that matter are open, nothing is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from ..analysis import Analysis
from ..printable import printable
from ..table import counted, show
from .figure import HALF, HEIGHT, NAME_CHARS, OPEN, Box, Chart, Mark, amount_axis, layer_ticks, layers_per_bar, shorten
from .scales import rounded

MAX_NAMED = 6
"""Tensors named beside the peak of the memory."""
CHAR_WIDTH = 7.5
"""Of what is written at the peak, at most on average."""
SUBJECT = "Live activation bytes"
BOX = Box(72, 28, HALF - 20, HEIGHT - 44)


@dataclass(frozen=True)
class Peak:
    """The peak of the memory: where its mark stands, what is written there, and what is live."""

    x: float
    y: float
    text: str
    anchor: str
    """Where the text lies from its mark: "start", "middle" or "end"."""
    row: int
    tensors: tuple[tuple[str, str], ...]
    """Names and bytes, largest first."""
    others: str = ""


@dataclass(frozen=True)
class Memory:
    """Live activations over the execution steps, as an area."""

    chart: Chart
    path: str
    peak: Peak | None = None


class _Step(NamedTuple):
    """The bytes that are live while a row runs."""

    row: int
    name: str
    nbytes: int


def memory_chart(analysis: Analysis) -> Memory:
    """A step for each row that runs by itself, or the highest of a few neighbours where there are many."""
    memory = analysis.memory
    count = len(memory.step_of)
    steps = []
    if memory.peak_bytes is not None:
        rows = zip(memory.step_of, memory.curve, strict=True)
        steps = [_Step(row, printable(analysis.rows[row].name), nbytes) for row, nbytes in rows]
    per = layers_per_bar(count, BOX)
    slot = BOX.width / max(ceil(count / per), 1)
    axis = amount_axis(max((step.nbytes for step in steps), default=0), "bytes", BOX, 4)
    marks = [
        _mark(max(steps[start : start + per], key=lambda step: step.nbytes), BOX.left + slot * number, slot, axis.unit)
        for number, start in enumerate(range(0, len(steps), per))
    ]
    peak = _peak(analysis, slot / per, axis.unit)
    chart = Chart(
        key="memory",
        title="Live activations",
        summary=f"{SUBJECT} over {counted(count, 'execution step')}: {peak.text if peak else 'unknown'}.",
        measure="",
        across_title="execution step",
        up_title="bytes",
        width=HALF,
        box=BOX,
        across=layer_ticks(count, BOX),
        up=axis.ticks,
        marks=tuple(marks),
        caption=OPEN if peak is None else f"Maximum of {per} steps." if per > 1 else "",
    )
    return Memory(chart, _outline(marks, slot), peak)


def _mark(step: _Step, x: float, width: float, unit: float) -> Mark:
    height = step.nbytes * unit
    text = f"{step.name}: {show(step.nbytes, 'bytes')} live"
    return Mark(rounded(x), rounded(BOX.bottom - height), rounded(width), rounded(height), step.row, text)


def _outline(marks: Sequence[Mark], width: float) -> str:
    """The area under the steps as SVG path data, "" where there are none."""
    if not marks:
        return ""
    steps = "".join(f"V{mark.y}H{rounded(mark.x + width)}" for mark in marks)
    return f"M{BOX.left} {BOX.bottom}{steps}V{BOX.bottom}Z"


def _peak(analysis: Analysis, slot: float, unit: float) -> Peak | None:
    """The peak, where a step is `slot` wide; None while it is not known."""
    found = analysis.memory.peak
    if found is None:
        return None
    row = list(analysis.memory.step_of)[found.step]
    x = BOX.left + slot * (found.step + 0.5)
    rest = found.tensors[MAX_NAMED:]
    text = f"peak {show(found.nbytes, 'bytes')} at {shorten(printable(analysis.rows[row].name), NAME_CHARS)}"
    return Peak(
        x=rounded(x),
        y=rounded(BOX.bottom - found.nbytes * unit),
        text=text,
        anchor=anchor(x, len(text) * CHAR_WIDTH, BOX),
        row=row,
        tensors=tuple((printable(name), show(nbytes, "bytes")) for name, nbytes in found.tensors[:MAX_NAMED]),
        others=f"{counted(len(rest), 'more tensor')}, {show(sum(nbytes for _, nbytes in rest), 'bytes')}"
        if rest
        else "",
    )


def anchor(x: float, length: float, box: Box) -> str:
    """Which part of a text of some length to put at a place, so that it stays over the marks."""
    if x + length <= box.right:
        return "start"
    return "end" if x - length >= box.left else "middle"
