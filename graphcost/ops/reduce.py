"""Reductions along axes, and running sums."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

from ..dims import Extent, maximum, minimum
from ..graph import Shape, Tensor, UnknownShape
from ..rules import GLOBAL, Facts, Work, rule
from ..shapes import axis_of
from . import values


def _total(elements: Sequence[Any]) -> Any:
    return sum(elements[1:], elements[0])


def _product(elements: Sequence[Any]) -> Any:
    result = elements[0]
    for element in elements[1:]:
        result = result * element
    return result


# Work for each element that comes in, work for each that goes out, and what becomes of contents that steer shapes.
REDUCTIONS: dict[str, tuple[Work, Work, Callable[[Sequence[Any]], Any] | None]] = {
    "ReduceSum": (Work(adds=1), Work(), _total),
    "ReduceMean": (Work(adds=1), Work(divs=1), None),
    "ReduceMax": (Work(compares=1), Work(), lambda e: max(e) if isinstance(e[0], float) else maximum(*e)),
    "ReduceMin": (Work(compares=1), Work(), lambda e: min(e) if isinstance(e[0], float) else minimum(*e)),
    "ReduceProd": (Work(muls=1), Work(), _product),
    "ReduceL1": (Work(adds=1, compares=1), Work(), None),
    "ReduceL2": (Work(adds=1, muls=1), Work(exps=1), None),
    "ReduceLogSum": (Work(adds=1), Work(exps=1), None),
    "ReduceLogSumExp": (Work(adds=1, exps=1), Work(exps=1), None),
    "ReduceSumSquare": (Work(adds=1, muls=1), Work(), None),
}


def _reduction(kind: str, inside: Work, outside: Work, function: Callable[[Sequence[Any]], Any] | None) -> None:
    @rule(kind)
    def reduce(
        x: Tensor,
        given: Tensor | None = None,
        *,
        axes: Sequence[int] | None = None,
        keepdims: int = 1,
        noop_with_empty_axes: int = 0,
    ) -> Facts:
        wanted = axes if given is None else values.whole(given)
        if wanted is None and given is not None:
            raise UnknownShape("which axes are reduced is not known")
        if not wanted and noop_with_empty_axes:
            return Facts((x,), inside * 0, view=True)
        reduced = {axis_of(axis, x.rank) for axis in wanted} if wanted else set(range(x.rank))
        y = Tensor(_left(x.shape, reduced, bool(keepdims)), x.dtype)
        if function is not None and x.value is not None:
            y = Tensor(y.shape, y.dtype, _reduced(x, reduced, function))
        return Facts((y,), inside * x.size + outside * y.size, GLOBAL)

    reduce.__doc__ = (
        f"{kind}: the given axes become 1, or go; all of them when none is given. The axes are an attribute, later an"
        f" input.  https://onnx.ai/onnx/operators/onnx__{kind}.html"
    )


def _left(shape: Shape, reduced: set[int], keep: bool) -> Shape:
    kept: list[Extent] = []
    for axis, extent in enumerate(shape):
        if axis not in reduced:
            kept.append(extent)
        elif keep:
            kept.append(1)
    return tuple(kept)


def _reduced(x: Tensor, reduced: set[int], function: Callable[[Sequence[Any]], Any]) -> values.Value:
    """The contents of a reduction, group by group."""
    if x.value is None or not values.small(x.shape):
        return None
    groups: dict[tuple[int, ...], list[Any]] = {}
    for index, element in zip(values.indices(x.shape), x.value, strict=True):
        groups.setdefault(tuple(i for axis, i in enumerate(index) if axis not in reduced), []).append(element)
    return tuple(None if None in group else function(group) for group in groups.values())


for _kind, (_inside, _outside, _function) in REDUCTIONS.items():
    _reduction(_kind, _inside, _outside, _function)


@rule("ArgMax", "ArgMin")
def arg_max(x: Tensor, *, axis: int = 0, keepdims: int = 1) -> Facts:
    """[*any] -> int64 with `axis` 1, or gone.  https://onnx.ai/onnx/operators/onnx__ArgMax.html"""
    at = axis_of(axis, x.rank)
    return Facts((Tensor(_left(x.shape, {at}, bool(keepdims)), "int64"),), Work(compares=x.size), GLOBAL)


@rule("CumSum")
def cum_sum(x: Tensor, axis: Tensor, *, exclusive: int = 0, reverse: int = 0) -> Facts:
    """[*any] -> the same shape.  https://onnx.ai/onnx/operators/onnx__CumSum.html"""
    value = None
    if x.value is not None and x.rank == 1 and None not in x.value and not exclusive and not reverse:
        value = tuple(accumulate(x.value, lambda a, b: a + b))
    return Facts((Tensor(x.shape, x.dtype, value),), Work(adds=x.size), GLOBAL)


@rule("CumProd")
def cum_prod(x: Tensor, axis: Tensor) -> Facts:
    """[*any] -> the same shape.  https://onnx.ai/onnx/operators/onnx__CumProd.html"""
    return Facts((Tensor(x.shape, x.dtype),), Work(muls=x.size), GLOBAL)
