"""Reductions along axes, and running sums."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from math import prod
from typing import Any

from ..dims import Extent
from ..graph import Shape, Tensor, UnknownShape
from ..rules import GLOBAL, NO_WORK, Facts, Window, Work, data_dependent, rule
from ..shapes import axis_of, joins
from ..windows import mapped
from . import values
from .pointwise import onnx_link

Fold = Callable[[Sequence[Any]], Any]

REDUCTIONS: dict[str, tuple[Work, Work, Work, Fold | None]] = {
    #                  of each element in  to join two    of each element out
    "ReduceSum":       (NO_WORK,           Work(adds=1),  NO_WORK,      sum),
    "ReduceMean":      (NO_WORK,           Work(adds=1),  Work(divs=1), lambda e: values.divide(sum(e), float(len(e)))),
    "ReduceMax":       (NO_WORK,           Work(compares=1), NO_WORK,   lambda e: values.largest(*e)),
    "ReduceMin":       (NO_WORK,           Work(compares=1), NO_WORK,   lambda e: values.smallest(*e)),
    "ReduceProd":      (NO_WORK,           Work(muls=1),  NO_WORK,      prod),
    "ReduceL1":        (Work(compares=1),  Work(adds=1),  NO_WORK,      None),
    "ReduceL2":        (Work(muls=1),      Work(adds=1),  Work(exps=1), None),
    "ReduceLogSum":    (NO_WORK,           Work(adds=1),  Work(exps=1), None),
    "ReduceLogSumExp": (Work(exps=1),      Work(adds=1),  Work(exps=1), None),
    "ReduceSumSquare": (Work(muls=1),      Work(adds=1),  NO_WORK,      None),
}  # fmt: skip
"""What an element costs, what joining two costs, what a result costs, and what becomes of contents."""

AXES_AS_INPUT = {"ReduceSum": 13}
"""Since which version a reduction takes its axes as an input; 18 for all others."""


def reduced_axes(axes: Sequence[int] | None, rank: int) -> set[int]:
    """The axes a reduction goes over, all when none is named. A scalar may be reduced along axis 0 or -1."""
    return {axis_of(axis, max(rank, 1)) for axis in axes} if axes else set(range(rank))


def without(shape: Shape, axes: set[int], keepdims: bool) -> Shape:
    """A shape in which the given axes are 1, or gone."""
    kept: list[Extent] = []
    for axis, extent in enumerate(shape):
        if axis not in axes:
            kept.append(extent)
        elif keepdims:
            kept.append(1)
    return tuple(kept)


def window_over(axes: set[int], rank: int, keepdims: bool = True) -> Window:
    """All is seen along the axes that are gone over, the same place along the others; GLOBAL where these are batch and
    channels of an image.
    """
    if rank > 2 and axes.issuperset(range(2, rank)):
        return GLOBAL
    left = [axis for axis in range(rank) if axis not in axes]
    return mapped(tuple([
        None if axis in axes else axis if keepdims else left.index(axis) for axis in range(rank)
    ]))  # fmt: skip


def groups(x: Tensor, axes: set[int]) -> list[list[Any]] | None:
    """The contents of a tensor, those that a reduction over `axes` joins together; None when they are not followed."""
    if x.value is None or not values.small(x.shape):
        return None
    left = values.strides(without(x.shape, axes, keepdims=True))
    target = [
        values.walk(extent, 0 if axis in axes else stride)
        for axis, (extent, stride) in enumerate(zip(x.shape, left, strict=True))
    ]
    found: list[list[Any]] = [[] for _ in range(values.count(without(x.shape, axes, keepdims=True)))]
    for place, element in zip(values.offsets(*target), x.value, strict=True):
        found[place].append(element)
    return found


def folded(x: Tensor, axes: set[int], function: Fold) -> values.Value:
    """The contents of a reduction; an element that is not known, or that the function refuses, is None."""
    found = groups(x, axes)
    return None if found is None else tuple([_fold(function, group, x.dtype) for group in found])


def _fold(function: Fold, group: Sequence[Any], dtype: str) -> Any:
    if None in group:
        return None
    try:
        return values.stored(function(group), dtype)
    except (ArithmeticError, TypeError, ValueError):
        return None


def _reduction(kind: str, inside: Work, join: Work, outside: Work, function: Fold | None) -> None:
    def over(x: Tensor, axes: Sequence[int] | None, keepdims: int) -> Facts:
        gone = reduced_axes(axes, x.rank)
        shape = without(x.shape, gone, bool(keepdims))
        y = Tensor(shape, x.dtype, folded(x, gone, function) if function else None)
        work = inside * x.size + join * joins(x.size, y.size) + outside * y.size
        return Facts((y,), work, window_over(gone, x.rank, bool(keepdims)))

    @rule(kind)
    def reduce(x: Tensor, *, axes: Sequence[int] | None = None, keepdims: int = 1) -> Facts:
        return over(x, axes, keepdims)

    @rule(kind, since=AXES_AS_INPUT.get(kind, 18))
    def reduce_axes(
        x: Tensor, axes: Tensor | None = None, *, keepdims: int = 1, noop_with_empty_axes: int = 0
    ) -> Facts:
        wanted = () if axes is None else values.ints(axes)
        if wanted is None:
            return _over_unknown(x, axes, keepdims)
        if not wanted and noop_with_empty_axes:
            return Facts((Tensor(x.shape, x.dtype, x.value),), (inside + outside) * x.size)
        return over(x, wanted, keepdims)

    reduce.__doc__ = f"{kind}: the given axes, or all, become 1, or go.  {onnx_link(kind)}"
    reduce_axes.__doc__ = f"{kind}: the axes that the second input names, or all, become 1, or go.  {onnx_link(kind)}"


def _over_unknown(x: Tensor, axes: Tensor | None, keepdims: int) -> Facts:
    """A reduction over axes that are not known: of its extents only the number is. Raises UnknownShape without that."""
    rank = x.rank
    if not keepdims:
        number = axes.shape[0] if axes is not None and axes.ranked and axes.rank == 1 else None
        if not isinstance(number, int):
            raise UnknownShape("which axes are reduced is not known")
        rank -= number
    return Facts((Tensor(tuple(data_dependent(axis) for axis in range(rank)), x.dtype),), None, GLOBAL)


for _kind, _row in REDUCTIONS.items():
    _reduction(_kind, *_row)


@rule("ArgMax", "ArgMin", harmless=("select_last_index",))
def arg_max(x: Tensor, *, axis: int = 0, keepdims: int = 1) -> Facts:
    """[*any] -> int64 with `axis` 1, or gone.  https://onnx.ai/onnx/operators/onnx__ArgMax.html"""
    gone = {axis_of(axis, x.rank)}
    y = Tensor(without(x.shape, gone, bool(keepdims)), "int64")
    return Facts((y,), Work(compares=joins(x.size, y.size)), window_over(gone, x.rank, bool(keepdims)))


# --- running sums -----------------------------------------------------------------------------------------------------


@rule("CumSum")
def cum_sum(x: Tensor, axis: Tensor, *, exclusive: int = 0, reverse: int = 0) -> Facts:
    """[*any] -> the same shape; an addition for each element but the first.

    https://onnx.ai/onnx/operators/onnx__CumSum.html
    """
    at, value = values.ints(axis), None
    if at and x.value is not None and None not in x.value and x.rank:
        value = _running(x, axis_of(at[0], x.rank), bool(exclusive), bool(reverse))
    return _scan(x, axis, Work(adds=1), value)


@rule("CumProd", harmless=("exclusive", "reverse"))
def cum_prod(x: Tensor, axis: Tensor) -> Facts:
    """[*any] -> the same shape; a product for each element but the first.

    https://onnx.ai/onnx/operators/onnx__CumProd.html
    """
    return _scan(x, axis, Work(muls=1), None)


def _scan(x: Tensor, axis: Tensor, work: Work, value: values.Value) -> Facts:
    at = values.ints(axis)
    gone = {axis_of(at[0], x.rank)} if at else set(range(x.rank))
    firsts = prod(without(x.shape, gone, keepdims=False)) if at else 0
    y = Tensor(x.shape, x.dtype, value)
    return Facts((y,), work * joins(x.size, firsts), window_over(gone, x.rank))


def _running(x: Tensor, axis: int, exclusive: bool, reverse: bool) -> values.Value:
    """The sums of the contents of a tensor from the start of an axis, or from its end, up to each position."""
    result: list[Any] = list(x.value or ())
    stride, extent = values.strides(x.shape)[axis], values.count((x.shape[axis],))
    others = [[0] if at == axis else along for at, along in enumerate(values.axis_offsets(x.shape))]
    for start in values.offsets(*others):
        places = range(start, start + extent * stride, stride)
        ordered = [*reversed(places)] if reverse else [*places]
        sums = list(accumulate([0, *[result[place] for place in ordered]]))
        for place, total in zip(ordered, sums if exclusive else sums[1:], strict=False):
            result[place] = values.stored(total, x.dtype)
    return tuple(result)
