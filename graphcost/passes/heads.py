"""The heads of a detector: the convolutions whose values become its boxes.

Found by structure, not by names: back from the model's outputs, and from what layers that make boxes read, through
operators that only move values or change them one by one, to the convolutions that computed them. A network that is no
detector has heads too when its outputs are such maps, as in segmentation; whether a map holds boxes is in no file.
Not known: heads whose values are picked by what they hold before an output, or that end inside a loop's body.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..rules import NO_WORK
from .index_maps import convolves
from .rows import Row


def find(rows: Sequence[Row], outputs: Iterable[str]) -> list[Row]:
    """The rows, of those of the outer graph, that are heads, in order; `outputs` are the model's."""
    wanted = set(outputs)
    heads = []
    for row in reversed(rows):
        if row.facts is not None and row.facts.is_detection:
            wanted.update(name for name, _ in row.read)
        if wanted.isdisjoint(row.op.outputs):
            continue
        if _is_head(row):
            heads.append(row)
        elif _carries(row):
            wanted.update(name for name, _ in row.read)
    return heads[::-1]


def _is_head(row: Row) -> bool:
    """Whether it slides a kernel that multiplies, without enlarging the map."""
    return row.facts is not None and convolves(row) and not row.facts.window.up


def _slides(row: Row) -> bool:
    return row.facts is not None and bool(row.facts.window.kernel)


def _carries(row: Row) -> bool:
    """Whether its outputs are values that it reads: moved, or changed one by one."""
    facts = row.facts
    if facts is None or row.op.bodies or _slides(row) or (facts.work is not None and facts.work.macs != 0):
        return False
    return facts.work == NO_WORK or facts.elementwise or _same_shape(row)


def _same_shape(row: Row) -> bool:
    x, y = row.inputs[0] if row.inputs else None, row.outputs[0] if row.outputs else None
    return x is not None and y is not None and x.ranked and y.ranked and x.shape == y.shape
