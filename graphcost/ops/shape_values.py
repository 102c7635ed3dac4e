"""Operators that make tensors out of shapes, ranges and constants, and those that read shapes."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, isfinite, prod
from typing import Any

from ..dims import Dim, Extent, ceil_div, maximum
from ..graph import Scalar, Shape, Tensor, Unranked, element_type
from ..rules import NO_WORK, Facts, Work, data_dependent, rule
from . import values


def filled(shape: Sequence[Extent], dtype: str, element: Scalar) -> Tensor:
    """A tensor of one number; its contents are followed where it is small."""
    extents = tuple(shape)
    known = element is not None and values.small(extents)
    return Tensor(extents, dtype, (element,) * values.count(extents) if known else None)


def shaped(sizes: Tensor, dtype: str) -> Tensor:
    """A tensor whose shape is the contents of another; extents that are not known there are open."""
    found = values.extents(sizes)
    return Unranked(dtype) if found is None else Tensor(opened(found), dtype)


def opened(extents: Sequence[Extent | None]) -> Shape:
    """A shape in which data decides the extents that are None."""
    return tuple(data_dependent(axis) if extent is None else extent for axis, extent in enumerate(extents))


# --- constants --------------------------------------------------------------------------------------------------------


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
    tensors: list[Tensor | None] = [
        value,
        sparse_value,
        None if value_int is None else Tensor((), "int64", (value_int,)),
        None if value_ints is None else _listed(value_ints, "int64"),
        None if value_float is None else Tensor((), "float32", (value_float,)),
        None if value_floats is None else _listed(value_floats, "float32"),
        None if value_string is None else Tensor((), "string"),
        None if value_strings is None else Tensor((len(value_strings),), "string"),
    ]
    spelled = next((tensor for tensor in tensors if tensor is not None), None)
    if spelled is None:
        raise ValueError("no attribute has its value")
    return Facts((spelled,), NO_WORK, weights=(spelled,))


def _listed(numbers: Sequence[int] | Sequence[float], dtype: str) -> Tensor:
    return Tensor((len(numbers),), dtype, tuple(numbers) if len(numbers) <= values.LIMIT else None)


@rule("ConstantOfShape")
def constant_of_shape(shape: Tensor, *, value: Tensor | None = None) -> Facts:
    """A tensor of the given shape, every element `value` (float 0 unless given). It is a weight, if the shape is
    constant.

    https://onnx.ai/onnx/operators/onnx__ConstantOfShape.html
    """
    y = shaped(shape, "float32" if value is None else value.dtype)
    if y.ranked:
        y = filled(y.shape, y.dtype, 0.0 if value is None else values.item(value))
    return Facts((y,), NO_WORK, weights=(y,), weight_classes=("tables",))


@rule("ConstantFill")
def constant_fill(
    given: Tensor | None = None,
    *,
    shape: Sequence[int] | None = None,
    extra_shape: Sequence[int] | None = None,
    input_as_shape: int = 0,
    value: float = 0.0,
    dtype: int = 1,
) -> Facts:
    """A tensor of the given shape, or of the input's, or of the shape that the input spells; removed in version 9."""
    kind = element_type(dtype)
    if given is None:
        return Facts((filled((*(shape or ()), *(extra_shape or ())), kind, value),), NO_WORK)
    own = shaped(given, kind).shape if input_as_shape else given.shape
    return Facts((filled((*own, *(extra_shape or ())), kind, value),), NO_WORK)


@rule("GivenTensorFill")
def given_tensor_fill(
    given: Tensor | None = None,
    *,
    shape: Sequence[int] | None = None,
    extra_shape: Sequence[int] | None = None,
    input_as_shape: int = 0,
) -> Facts:
    """Numbers spelled in an attribute, under the given shape; removed in version 9."""
    facts = constant_fill(given, shape=shape, extra_shape=extra_shape, input_as_shape=input_as_shape)
    y = Tensor(facts.outputs[0].shape)
    return Facts((y,), NO_WORK, weights=(y,))


# --- shapes -----------------------------------------------------------------------------------------------------------


@rule("Shape")
def shape(x: Tensor, *, start: int = 0, end: int | None = None) -> Facts:
    """[*extents] -> [rank], the extents from `start` to `end`.  https://onnx.ai/onnx/operators/onnx__Shape.html"""
    part = x.shape[start:end]
    return Facts((Tensor((len(part),), "int64", tuple(part)),), NO_WORK, elements_read=(0,))


@rule("Size")
def size(x: Tensor) -> Facts:
    """[*any] -> a scalar, the number of elements.  https://onnx.ai/onnx/operators/onnx__Size.html"""
    return Facts((Tensor((), "int64", (prod(x.shape),)),), NO_WORK, elements_read=(0,))


# --- ranges -----------------------------------------------------------------------------------------------------------


@rule("Range", harmless=("stash_type",), weights={"start": "settings", "limit": "settings", "delta": "settings"})
def range_(start: Tensor, limit: Tensor, delta: Tensor) -> Facts:
    """Scalars -> [max(0, ceil((limit - start) / delta))].  https://onnx.ai/onnx/operators/onnx__Range.html"""
    first, last, step = (values.item(x) for x in (start, limit, delta))
    length = steps(first, last, step)
    value = None
    if isinstance(length, int) and length <= values.LIMIT:
        counting = Tensor((length,), start.dtype, tuple(range(length)))
        one, by = (Tensor((), x.dtype, x.value) for x in (start, delta))
        value = values.elementwise(lambda a, b, at: a + at * b, one, by, counting)
    return Facts((Tensor((length,), start.dtype, value),), Work(adds=length))


@rule("com.microsoft.Range", weights={"start": "settings", "limit": "settings", "delta": "settings"})
def range_by_one(start: Tensor, limit: Tensor, delta: Tensor | None = None) -> Facts:
    """As Range, of steps of 1 unless given."""
    return range_(start, limit, delta or Tensor((), start.dtype, (1.0 if values.is_float(start.dtype) else 1,)))


def steps(first: Any, last: Any, step: Any) -> Extent:
    """How many numbers lie from `first` up to but without `last`; open where that is not known.

    Raises ValueError when a step leads nowhere, Undecided when the sign of a step depends on a symbol.
    """
    given = (first, last, step)
    if None in given:
        return data_dependent()
    if not isinstance(step, Dim) and step == 0:
        raise ValueError("a step of 0 goes nowhere")
    if any(isinstance(element, Dim) for element in given):
        if any(isinstance(element, float) and not element.is_integer() for element in given):
            return data_dependent()
        first, last, step = (int(element) if isinstance(element, float) else element for element in given)
        return maximum(0, ceil_div(last - first, step) if step > 0 else ceil_div(first - last, -step))
    if isinstance(first, float) or isinstance(last, float) or isinstance(step, float):
        count = (last - first) / step
        return max(0, ceil(count)) if isfinite(count) else data_dependent()
    return max(0, -int((first - last) // step))
