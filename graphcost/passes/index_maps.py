"""How an operator reads an input: the index map that its facts and the shapes give, in one form for all windows.

An index map has an entry per axis of the input (see `windows`). A reshape is told by its two shapes instead, and where
nothing is known of what is seen, or positions are mixed, it is ALL.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..dims import Extent
from ..graph import Shape, Tensor
from ..windows import FIRST, AxisMap, IndexMap, Window
from .rows import Row


@dataclass(frozen=True, slots=True)
class View:
    """The same elements in the same order under another shape."""

    before: Shape
    after: Shape


ALL: IndexMap = ()
"""All of the input is seen."""


def operands(row: Row) -> Iterator[tuple[int, str]]:
    """The inputs whose elements an operator reads: their number and name."""
    reads = (row.facts.elements_read if row.facts else None) or ()
    for number, name in enumerate(row.op.inputs):
        if number >= len(reads) or reads[number] != 0:
            yield number, name


def convolves(row: Row) -> bool:
    """Whether an operator slides a kernel that multiplies."""
    facts = row.facts
    return facts is not None and facts.work is not None and bool(facts.window.kernel) and facts.work.macs != 0


def index_map(row: Row, number: int, output: int = 0) -> IndexMap | View:
    """How input `number` is read for an output, by number."""
    facts, x = row.facts, row.inputs[number]
    y = row.outputs[output] if output < len(row.outputs) else None
    if facts is None or row.op.bodies or x is None or y is None or not (x.ranked and y.ranked):
        return ALL
    first = row.outputs[0]
    if facts.is_view and number == 0 and (output == 0 or y.shape == first.shape):
        return tuple(range(x.rank)) if x.shape == y.shape else View(x.shape, y.shape)
    window = facts.window
    if window.cuts is not None:
        return _part(x, window.cuts, [tensor.shape for tensor in row.outputs[:output]]) if number == 0 else ALL
    found = _stated(row, window, number, x, first)
    return found if output == 0 or y.shape == first.shape else _narrowed(found, y, first)


def _stated(row: Row, window: Window, number: int, x: Tensor, y: Tensor) -> IndexMap:
    """How an input is read for the first output."""
    if window.joins is not None:
        return _joined(row, number, window.joins)
    if window.maps:
        stated = window.maps[number] if number < len(window.maps) else ALL
        if stated is not None:
            return stated if len(stated) == x.rank else ALL
    if window.kernel:
        return _sliding(window, x, y)
    if window.mixes or not window.known:
        return ALL
    elementwise = row.facts is not None and row.facts.elementwise
    return _broadcast(x.shape, y.shape) if elementwise else _same_positions(x.shape, y.shape)


def _sliding(window: Window, x: Tensor, y: Tensor) -> IndexMap:
    """A window over the trailing axes; of those before, the batch stays and the channels are mixed."""
    first = x.rank - len(window.kernel)
    if first < 0 or x.rank != y.rank:
        return ALL
    ups = window.up or (1,) * len(window.kernel)
    entries = zip(window.kernel, window.stride, window.pad, window.dilation, ups, strict=True)
    lead = [0 if axis == 0 and x.shape[0] == y.shape[0] else None for axis in range(first)]
    return (*lead, *(AxisMap(axis, *entry) for axis, entry in enumerate(entries, first)))


def _same_positions(before: Shape, after: Shape) -> IndexMap:
    """Spatial axes that are as they were; whether batch and channels are mixed is not stated."""
    if len(before) != len(after) or before[2:] != after[2:]:
        return ALL
    return (*[None] * min(2, len(before)), *range(2, len(before)))


def _broadcast(before: Shape, after: Shape) -> IndexMap:
    """An operand of elementwise arithmetic, aligned at the right as numpy does, where no other alignment fits."""
    shift = len(after) - len(before)
    if shift < 0 or (shift and any(_fits(before, after[offset:]) for offset in range(shift))):
        return ALL
    return tuple([
        axis + shift if extent == after[axis + shift] else FIRST if extent == 1 else None
        for axis, extent in enumerate(before)
    ])  # fmt: skip


def _fits(shape: Shape, other: Shape) -> bool:
    """Whether a shape may be broadcast to the first axes of another."""
    pairs = zip(shape, other, strict=False)
    return all(a in (1, b) or not (isinstance(a, int) and isinstance(b, int)) for a, b in pairs)


def _joined(row: Row, number: int, axis: int) -> IndexMap:
    """One of several inputs that lie one after another along an axis; those of another rank are not among them."""
    x, rank = row.inputs[number], row.outputs[0].rank
    if x is None or x.rank != rank:
        return ALL
    before = [part for part in row.inputs[:number] if part is not None and (not part.ranked or part.rank == rank)]
    offset: Extent | None = 0
    for part in before:
        offset = offset + part.shape[axis] if part.ranked and offset is not None else None
    return _shifted(rank, axis, offset)


def _part(x: Tensor, axis: int, before: list[Shape]) -> IndexMap:
    """One of several parts of an input, those before it being of the given shapes."""
    offset: Extent = 0
    for shape in before:
        offset = offset - shape[axis]
    return _shifted(x.rank, axis, offset)


def _shifted(rank: int, axis: int, pad: Extent | None) -> IndexMap:
    moved = AxisMap(axis, pad=pad if isinstance(pad, int) else None)
    return tuple(moved if at == axis and pad != 0 else at for at in range(rank))


def _narrowed(found: IndexMap, y: Tensor, first: Tensor) -> IndexMap:
    """The map of an output of another shape than the first has: what leads along an axis must be there in both."""
    if y.rank != first.rank:
        return ALL
    alike = [a == b for a, b in zip(y.shape, first.shape, strict=True)]
    return tuple(
        entry if entry is not None and alike[entry if isinstance(entry, int) else entry.axis] else None
        for entry in found
    )
