"""The contents of small tensors that steer shapes: what elementwise arithmetic and rearrangement do to them.

A value is a flat row-major tuple of numbers, Dims, and None for an element that is not known. Nothing larger than
LIMIT elements is ever followed. Floating-point values are exact enough for scales; a Dim stays a Dim in a float
tensor while it is only scaled by whole numbers, and is given up otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from math import prod
from typing import Any

from ..dims import Dim, Extent, Undecided, bounds
from ..graph import BITS, Scalar, Shape, Tensor
from ..shapes import broadcast

LIMIT = 4096
"""Elements of the largest tensor whose contents are followed; shapes have at most dozens."""

Value = tuple[Scalar, ...] | None


def small(shape: Shape) -> bool:
    """Whether the contents of a tensor of this shape are worth following."""
    size = prod(shape)
    return isinstance(size, int) and size <= LIMIT


def count(shape: Shape) -> int:
    """Elements of a tensor of known shape. Raises Undecided for a symbolic one."""
    size = prod(shape)
    if not isinstance(size, int):
        raise Undecided(f"how many elements {size} are depends on its symbols")
    return size


def is_float(dtype: str) -> bool:
    return "float" in dtype


def elementwise(function: Callable[..., Any], *operands: Tensor) -> Value:
    """`function` of the operands' elements, stretched to one shape; None where it cannot say."""
    if any(operand.value is None for operand in operands):
        return None
    shape = broadcast(*(operand.shape for operand in operands))
    if not small(shape):
        return None
    columns = [stretch(operand, shape) for operand in operands]
    if None in columns:
        return None
    return tuple(_apply(function, elements) for elements in zip(*columns, strict=True))


def _apply(function: Callable[..., Any], elements: Sequence[Scalar]) -> Scalar:
    if None in elements:
        return None
    try:
        result = function(*elements)
    except (Undecided, ArithmeticError, TypeError, ValueError):
        return None
    return result if isinstance(result, (int, float, Dim)) else None


def stretch(x: Tensor, shape: Shape) -> Value:
    """The contents of a tensor broadcast to `shape`."""
    if x.value is None or not small(shape):
        return None
    if x.shape == shape:
        return x.value
    if len(x.value) == 1:
        return x.value * count(shape)
    lead = len(shape) - x.rank
    return rearrange(x, shape, lambda index: [i if e != 1 else 0 for i, e in zip(index[lead:], x.shape, strict=True)])


def rearrange(x: Tensor, shape: Shape, source: Callable[[tuple[int, ...]], Sequence[int]]) -> Value:
    """The contents of a tensor of `shape` whose element at an index is that of `x` at `source(index)`."""
    if x.value is None or not small(shape) or not all(isinstance(extent, int) for extent in x.shape):
        return None
    steps = strides(x.shape)
    value = x.value
    return tuple(value[sum(i * s for i, s in zip(source(index), steps, strict=True))] for index in indices(shape))


def strides(shape: Shape) -> list[int]:
    """Elements between neighbours along each axis."""
    return [count(shape[axis + 1 :]) for axis in range(len(shape))]


def indices(shape: Shape) -> Iterator[tuple[int, ...]]:
    """Every index of a tensor of known shape, row by row."""
    return product(*(range(extent) for extent in shape if isinstance(extent, int)))


def integers(x: Tensor | None) -> tuple[Extent, ...] | None:
    """The contents of a tensor of sizes or positions; None when it is absent or any of it is not known."""
    if x is None or x.value is None:
        return None
    if not all(isinstance(element, (int, Dim)) for element in x.value):
        return None
    return tuple(element for element in x.value if isinstance(element, (int, Dim)))


def whole(x: Tensor | None) -> tuple[int, ...] | None:
    """The contents of a tensor of plain integers; None when it is absent or any of it is not known."""
    found = integers(x)
    if found is None or not all(isinstance(element, int) for element in found):
        return None
    return tuple(int(element) for element in found if isinstance(element, int))


def cast(value: Value, dtype: str) -> Value:
    """Contents as another element type: truncated to integers, made floats, or truth values."""
    if value is None or dtype in ("string", "unknown") or "complex" in dtype:
        return None
    return tuple(_cast(element, dtype) for element in value)


def _cast(element: Scalar, dtype: str) -> Scalar:
    if element is None:
        return None
    if isinstance(element, Dim):
        return (bounds(element)[0] or 0) > 0 or None if dtype == "bool" else element
    if dtype == "bool":
        return bool(element)
    if is_float(dtype):
        return float(element)
    try:
        number = int(element)
    except (ValueError, OverflowError):
        return None
    bits = BITS.get(dtype, 64)
    if dtype.startswith("uint"):
        return number % (1 << bits)
    return (number + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


def exact(a: Scalar, b: Scalar, function: Callable[[Any, Any], Any]) -> Any:
    """A product or sum in which a Dim may meet a float: only a whole float can join it."""
    if isinstance(a, Dim) and isinstance(b, float):
        return function(a, int(b)) if b.is_integer() else None
    if isinstance(b, Dim) and isinstance(a, float):
        return function(int(a), b) if a.is_integer() else None
    return function(a, b)


def equal(a: Any, b: Any) -> bool | None:
    """Whether two elements are the same; None when that depends on a symbol."""
    if a == b:
        return True
    if not isinstance(a, Dim) and not isinstance(b, Dim):
        return False
    least, most = bounds(a - b)
    return False if (least is not None and least > 0) or (most is not None and most < 0) else None


def divide(a: Any, b: Any) -> Any:
    """Division: integers toward zero, as C; a Dim is never negative, so its floor is that."""
    if isinstance(a, float) or isinstance(b, float):
        if isinstance(a, Dim) or isinstance(b, Dim):
            return exact(a, b, lambda x, y: x // y if x % y == 0 else None)
        return a / b
    if isinstance(a, Dim) or isinstance(b, Dim):
        return a // b
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
