"""Operators that make tensors out of shapes, ranges and constants, and those that read shapes."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

from ..dims import Dim, Extent, ceil_div, maximum
from ..graph import Scalar, Tensor, Unranked, element_type
from ..rules import NO_WORK, Facts, Work, decided_by_data, rule
from ..shapes import axis_of
from . import values


@rule("Constant")
def constant(
    *,
    value: Tensor | None = None,
    sparse_value: Tensor | None = None,
    value_int: int | None = None,
    value_ints: Sequence[int] | None = None,
    value_float: float | None = None,
    value_floats: Sequence[float] | None = None,
    value_string: str | None = None,
    value_strings: Sequence[str] | None = None,
) -> Facts:
    """The tensor that one of the attributes spells.  https://onnx.ai/onnx/operators/onnx__Constant.html"""
    y = value or sparse_value
    if y is None and value_int is not None:
        y = Tensor((), "int64", (value_int,))
    elif y is None and value_ints is not None:
        y = Tensor((len(value_ints),), "int64", tuple(value_ints))
    elif y is None and value_float is not None:
        y = Tensor((), "float32", (value_float,))
    elif y is None and value_floats is not None:
        y = Tensor((len(value_floats),), "float32", tuple(value_floats))
    elif y is None and value_string is not None:
        y = Tensor((), "string")
    elif y is None and value_strings is not None:
        y = Tensor((len(value_strings),), "string")
    if y is None:
        raise ValueError("no value attribute")
    return Facts((y,), NO_WORK, weights=(y,))


@rule("ConstantOfShape")
def constant_of_shape(shape: Tensor, *, value: Tensor | None = None) -> Facts:
    """A tensor of the given shape, every element `value` (float 0 unless given).

    https://onnx.ai/onnx/operators/onnx__ConstantOfShape.html
    """
    element: Scalar = value.value[0] if value is not None and value.value else 0.0 if value is None else None
    y = shaped(shape, value.dtype if value is not None else "float32")
    if y.ranked and values.small(y.shape) and element is not None:
        y = Tensor(y.shape, y.dtype, (element,) * values.count(y.shape))
    return Facts((y,), NO_WORK, weights=(y,))


def shaped(shape: Tensor, dtype: str) -> Tensor:
    """A tensor whose shape is the contents of another; its extents are open where those are not known."""
    if shape.value is not None:
        extents = [decided_by_data(axis) if e is None else e for axis, e in enumerate(shape.value)]
        return Tensor(tuple(e if isinstance(e, Dim) else int(e) for e in extents), dtype)
    if shape.ranked and shape.rank == 1 and isinstance(shape.shape[0], int) and shape.shape[0] <= 32:
        return Tensor(tuple(decided_by_data(axis) for axis in range(shape.shape[0])), dtype)
    return Unranked(dtype)


@rule("Shape")
def shape_(x: Tensor, *, start: int = 0, end: int | None = None) -> Facts:
    """[*extents] -> [rank], the extents from `start` to `end`.  https://onnx.ai/onnx/operators/onnx__Shape.html"""
    part = x.shape[start:end]
    return Facts((Tensor((len(part),), "int64", tuple(part)),), NO_WORK, reads=(0,))


@rule("Size")
def size(x: Tensor) -> Facts:
    """[*any] -> a scalar, the number of elements.  https://onnx.ai/onnx/operators/onnx__Size.html"""
    return Facts((Tensor((), "int64", (x.size,)),), NO_WORK, reads=(0,))


@rule("Range")
def range_(start: Tensor, limit: Tensor, delta: Tensor) -> Facts:
    """Scalars -> [max(0, ceil((limit - start) / delta))].  https://onnx.ai/onnx/operators/onnx__Range.html"""
    first, last, step = (x.value[0] if x.value else None for x in (start, limit, delta))
    length = _steps(first, last, step)
    value = None
    if isinstance(length, int) and length <= values.LIMIT:
        value = values.elementwise(
            lambda a, b, at: a + at * b, start, delta, Tensor((length,), "int64", tuple(range(length)))
        )
    return Facts((Tensor((length,), start.dtype, value),), Work(adds=length))


def _steps(first: Any, last: Any, step: Any) -> Extent:
    """How many numbers lie from `first` up to but without `last`; open where one of them is not known."""
    given = (first, last, step)
    if None in given or step == 0 or len({isinstance(e, float) for e in given if not isinstance(e, Dim)}) > 1:
        return decided_by_data()
    if any(isinstance(element, float) for element in given):
        return (
            decided_by_data()
            if any(isinstance(element, Dim) for element in given)
            else max(0, ceil((last - first) / step))
        )
    return maximum(0, ceil_div(last - first, step))


@rule("NonZero")
def non_zero(x: Tensor) -> Facts:
    """[*any] -> [rank, found]; the data decides how many.  https://onnx.ai/onnx/operators/onnx__NonZero.html"""
    work = Work(compares=x.size)
    if x.value is not None and all(isinstance(element, (int, float)) for element in x.value):
        found = [index for index, e in zip(values.indices(x.shape), x.value, strict=True) if e]
        flat = tuple(index[axis] for axis in range(x.rank) for index in found)
        return Facts((Tensor((x.rank, len(found)), "int64", flat),), work)
    return Facts((Tensor((x.rank, decided_by_data()), "int64"),), work)


@rule("EyeLike")
def eye_like(x: Tensor, *, dtype: int = 0) -> Facts:
    """[M, N] -> [M, N], ones on a diagonal.  https://onnx.ai/onnx/operators/onnx__EyeLike.html"""
    return Facts((Tensor(x.shape, element_type(dtype, x.dtype)),), NO_WORK)


@rule("OneHot")
def one_hot(indices: Tensor, depth: Tensor, pair: Tensor, *, axis: int = -1) -> Facts:
    """indices [*any], depth: a scalar -> [*any] with `depth` put in at `axis`.

    https://onnx.ai/onnx/operators/onnx__OneHot.html
    """
    classes = depth.value[0] if depth.value else None
    extent: Extent = decided_by_data() if classes is None else classes if isinstance(classes, Dim) else int(classes)
    at = axis_of(axis, indices.rank + 1)
    y = Tensor((*indices.shape[:at], extent, *indices.shape[at:]), pair.dtype)
    return Facts((y,), NO_WORK)


def _random(kind: str) -> None:
    @rule(kind)
    def random(*, shape: Sequence[int] = (), dtype: int = 1) -> Facts:
        y = Tensor(tuple(shape), element_type(dtype, "float32"))
        return Facts((y,), Work(exps=y.size))

    random.__doc__ = f"{kind}: numbers of the given shape.  https://onnx.ai/onnx/operators/onnx__{kind}.html"


def _random_like(kind: str) -> None:
    @rule(kind)
    def random_like(x: Tensor, *, dtype: int = 0) -> Facts:
        return Facts((Tensor(x.shape, element_type(dtype, x.dtype)),), Work(exps=x.size))

    random_like.__doc__ = f"{kind}: [*any] -> the same shape.  https://onnx.ai/onnx/operators/onnx__{kind}.html"


for _kind in ("RandomNormal", "RandomUniform"):
    _random(_kind)
    _random_like(f"{_kind}Like")
_random_like("Bernoulli")


@rule("Multinomial")
def multinomial(x: Tensor, *, sample_size: int = 1, dtype: int = 6) -> Facts:
    """[batch, classes] -> [batch, sample_size].  https://onnx.ai/onnx/operators/onnx__Multinomial.html"""
    return Facts((Tensor((x.shape[0], sample_size), element_type(dtype, "int32")),), Work(exps=x.size, adds=x.size))
