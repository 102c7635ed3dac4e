"""What is known of a tensor that stands for several: the results of two branches, those of every step of a loop.

Abstract interpretation: `join` is the least that holds of both, `widen` gives up an extent that changes for a symbol,
so that a loop's state settles after a few runs of its body (`control.fixpoint`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from ..dims import Dim, Extent, symbol, symbols
from ..graph import Tensor, TensorSequence, Unranked
from ..rules import FRESH, data_dependent
from ..shapes import axis_of

ITEMS = 256
"""Items up to which those of a sequence are told apart: as many are copied wherever one is put in or taken out."""


def scalar(tensor: Tensor | None) -> Extent | None:
    """The one element of an integer or boolean tensor, None when it is not known."""
    if tensor is None or tensor.value is None or len(tensor.value) != 1:
        return None
    value = tensor.value[0]
    return int(value) if isinstance(value, (bool, int)) else value if isinstance(value, Dim) else None


def join(a: Tensor, b: Tensor, output: int = 0) -> Tensor:
    """What is known of a tensor that is `a` or `b`: extents in which they differ are decided by data."""
    if a == b:
        return a
    if isinstance(a, TensorSequence) and isinstance(b, TensorSequence):
        items = None
        if a.items is not None and b.items is not None and len(a.items) == len(b.items):
            items = tuple(map(join, a.items, b.items))
        element = b.element if a.items == () else a.element if b.items == () else join(a.element, b.element, output)
        return TensorSequence(element, items, a.length if a.length == b.length else None)
    dtype = a.dtype if a.dtype != "unknown" else b.dtype
    if not a.ranked or not b.ranked or a.rank != b.rank:
        return Unranked(dtype)
    extents = enumerate(zip(a.shape, b.shape, strict=True))
    shape = tuple(x if x == y else data_dependent(axis_id(output, axis)) for axis, (x, y) in extents)
    value = None
    if a.shape == b.shape and a.value is not None and b.value is not None:
        value = tuple(x if x == y else None for x, y in zip(a.value, b.value, strict=True))
    return Tensor(shape, dtype, value)


def sequence_of(items: Sequence[Tensor], dtype: str = "unknown") -> TensorSequence:
    """A sequence of these tensors."""
    element = reduce(join, items) if items else Unranked(dtype)
    return TensorSequence(element, tuple(items) if len(items) <= ITEMS else None, len(items))


def is_open(extent: Extent) -> bool:
    """Whether it stands for a number that only data tells and that has no name yet."""
    return any(name.startswith(FRESH) for name in symbols(extent))


def axis_id(output: int, axis: int) -> int:
    """A number for each axis of each output, so that what data decides in one is not taken for that in another."""
    return 100 * output + axis


def widen(given: Tensor, made: Tensor, name: str, attempt: int) -> Tensor:
    """A tensor that stands for both: one of the body's inputs called `name`, and what becomes of it in a step."""
    if given == made:
        return given
    if isinstance(given, TensorSequence) and isinstance(made, TensorSequence):
        element = made.element if given.items == () else join(given.element, made.element)
        length = given.length if given.length == made.length else symbol(f"{name}_length", lower=0)
        return TensorSequence(element, None, None if given.length is None or made.length is None else length)
    dtype = given.dtype if given.dtype != "unknown" else made.dtype
    if not given.ranked or not made.ranked or given.rank != made.rank or attempt == 2:
        return Unranked(dtype)
    extents = enumerate(zip(given.shape, made.shape, strict=True))
    shape = tuple(x if x == y else symbol(f"{name}_{axis}", lower=0) for axis, (x, y) in extents)
    value = None
    if given.value is not None and made.value is not None and given.shape == made.shape:
        value = tuple(x if x == y else None for x, y in zip(given.value, made.value, strict=True))
        value = None if set(value) <= {None} else value
    return Tensor(shape, dtype, value)


def stack(tensor: Tensor, length: Extent, axis: int) -> Tensor:
    """As many such tensors as `length` says, along a new axis."""
    if not tensor.ranked:
        return Unranked(tensor.dtype)
    at = axis_of(axis, tensor.rank + 1)
    return Tensor((*tensor.shape[:at], length, *tensor.shape[at:]), tensor.dtype)


def common_extent(extents: Sequence[Extent]) -> Extent:
    """The extent that tensors have in common, a number if any knows it. Raises ValueError when numbers differ."""
    numbers = {extent for extent in extents if isinstance(extent, int)}
    if len(numbers) > 1:
        raise ValueError(f"sequences of different lengths: {sorted(numbers)}")
    return numbers.pop() if numbers else extents[0]
