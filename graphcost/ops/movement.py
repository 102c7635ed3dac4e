"""Operators that move, select or rename elements and compute nothing."""

from __future__ import annotations

from collections.abc import Sequence

from ..dims import Dim, Extent
from ..graph import Tensor
from ..rules import GLOBAL, NO_WORK, Facts
from ..shapes import axis_of, show_shape


def concat(*parts: Tensor, axis: int) -> Facts:
    """Tensors joined along `axis`; their other extents agree. Raises ValueError when they do not."""
    first = parts[0]
    at = axis_of(axis, first.rank)
    length: Extent = 0
    shape = list(first.shape)
    for part in parts:
        if part.rank != first.rank:
            raise ValueError(f"cannot join {show_shape(first.shape)} and {show_shape(part.shape)}: their ranks differ")
        for other, extent in enumerate(part.shape):
            if other == at or extent == shape[other]:
                continue
            if isinstance(extent, int) and isinstance(shape[other], int):
                shapes = f"{show_shape(first.shape)} and {show_shape(part.shape)}"
                raise ValueError(f"cannot join {shapes} along axis {at}: axis {other} differs")
            if isinstance(shape[other], Dim) and isinstance(extent, int):
                shape[other] = extent
        length += part.shape[at]
    shape[at] = length
    return Facts((Tensor(tuple(shape), first.dtype),), NO_WORK)


def permute(x: Tensor, order: Sequence[int]) -> Facts:
    """Axes in another order. Raises ValueError unless `order` names each axis once."""
    if sorted(order) != list(range(x.rank)):
        raise ValueError(f"order {list(order)} does not name each of {x.rank} axes once")
    return Facts((Tensor(tuple(x.shape[axis] for axis in order), x.dtype),), NO_WORK)


def flat(x: Tensor, start: int, end: int) -> Facts:
    """Axes `start` to `end` (both included) merged into one; no bytes move."""
    first, last = axis_of(start, x.rank), axis_of(end, x.rank)
    merged: Extent = 1
    for extent in x.shape[first : last + 1]:
        merged = merged * extent
    return Facts((Tensor((*x.shape[:first], merged, *x.shape[last + 1 :]), x.dtype),), NO_WORK, GLOBAL, view=True)
