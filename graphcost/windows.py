"""Which elements of its inputs a position of an operator's output sees: the vocabulary in which rules state it.

What slides a kernel is a `Window` of kernel, stride, padding and dilation, as files spell it. What treats each axis in
its own way (a transposition, a softmax along one axis, a product of matrices) has an index map, as compilers call it:
for each axis of an input, the axis of the output that leads along it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Literal

from .frozen import frozen_dataclass

if TYPE_CHECKING:
    from fractions import Fraction

    from .graph import Shape

Border = Literal["", "edge", "reflect", "wrap", "repeat"]
"""What stands beyond the ends of an axis: nothing that is seen; its last element; the axis mirrored at its last
element; the axis again, as padding; the axis again and again, as its repetitions."""


@frozen_dataclass(frozen=True, slots=True)
class AxisMap:
    """The indices along an axis of an input that position o along `axis` of the output sees.

    They are `(o * stride - pad + dilation * t) / up` for t in range(kernel), where that is whole; or `picks[o]`.
    """

    axis: int
    kernel: int = 1
    stride: int | Fraction = 1
    """Negative where an axis is turned round, 0 where every position sees the same."""
    pad: int | Fraction | None = 0
    """Padding before the first index; negative where a crop starts inside; None where a symbol decides it."""
    dilation: int = 1
    up: int = 1
    border: Border = ""
    picks: tuple[int, ...] = ()


IndexMap = tuple[int | AxisMap | None, ...]
"""An entry per axis of an input: an axis of the output, each position of which sees the same position; a rule for
another relation; or None, where every position of the output sees all of the axis."""

FIRST = AxisMap(0, stride=0)
"""Every position sees the first index: an extent of 1 that is broadcast."""


@frozen_dataclass(frozen=True, slots=True)
class Window:
    """Which elements of its inputs an output position sees.

    Output position o reads the inputs at `(o * stride - pad + dilation * t) / up` for t in range(kernel), where that
    is whole: a convolution has `up` 1, an upsampling or transposed convolution has its factor there. Each has an entry
    per spatial axis (the trailing axes of the tensor); the axes before those are mixed, but for the batch.
    """

    kernel: tuple[int, ...] = ()
    stride: tuple[int | Fraction, ...] = ()
    pad: tuple[int | Fraction, ...] = ()
    """Padding before the first input; negative where a crop starts inside."""
    dilation: tuple[int, ...] = ()
    up: tuple[int, ...] = ()
    """Upsampling factor per axis; empty means 1 everywhere."""
    maps: tuple[IndexMap | None, ...] = ()
    """Where there are any, an index map per input, which goes before the kernel; of an input whose map is None the
    kernel tells, and of those that the tuple leaves off all is seen."""
    joins: int | None = None
    """The axis of the output along which the inputs of its rank lie one after another."""
    cuts: int | None = None
    """The axis of the first input along which the outputs lie one after another."""
    mixes: bool = False
    """Whether each output sees all of every input that no map speaks of."""
    known: bool = True
    """Whether anything is known of what is seen."""


POINTWISE = Window()
"""Each output position sees the same position of every input."""
GLOBAL = Window(mixes=True)
"""Each output sees all of the input: dense layers, global pooling, attention, whatever mixes positions."""
NOT_KNOWN = Window(known=False)
"""For an operator of which no more than the shapes is known."""


def mapped(*maps: IndexMap | None) -> Window:
    """The window of an operator that is stated by index maps alone, one for each input; all of other inputs is seen."""
    return Window(maps=maps, mixes=True)


def along(axes: Collection[int], rank: int) -> Window:
    """Each position sees all of its first input along `axes`, and of the other axes what stands at the same place."""
    return mapped(tuple(None if axis in axes else axis for axis in range(rank)))


def reordered(order: Sequence[int]) -> Window:
    """Axis i of the output is axis order[i] of the first input."""
    return mapped(tuple(order.index(axis) for axis in range(len(order))))


def stretched(shape: Shape, wanted: Shape) -> IndexMap:
    """The map of an input that is broadcast to a shape, the axes aligned at the right."""
    lead = len(wanted) - len(shape)
    return tuple([
        FIRST if extent == 1 and wanted[axis] != 1 else axis for axis, extent in enumerate(shape, lead)
    ])  # fmt: skip


def identity(rank: int) -> IndexMap:
    """The map of an input that is seen at the same place."""
    return tuple(range(rank))
