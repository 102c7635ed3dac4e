"""The contents of small tensors that steer shapes: what arithmetic and rearrangement do to them.

A value is flat and row-major: numbers, truth values, Dims, and None for an element that is not known. Nothing larger
than LIMIT elements is ever followed. Floats are rounded as they are stored, so that a rounding decides as it does at
run time.

Not known: fractions of a Dim. A Dim stays what it is in a float tensor while it meets whole numbers only; half of a
Dim is given up unless the Dim is even by its form.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from math import prod
from typing import Any, TypeAlias

from ..dims import Dim, Extent, Undecided, floor_div, maximum, minimum
from ..graph import BITS, Scalar, Shape, Tensor
from ..shapes import broadcast as broadcast_shape

LIMIT = 4096
"""Elements of the largest tensor whose contents are followed; shapes have at most dozens."""
WIDEST = 2**64
"""No integer type holds what is not below this."""

Value: TypeAlias = tuple[Scalar, ...] | None


def small(shape: Shape) -> bool:
    """Whether the contents of a tensor of this shape are worth following: few elements, and no extent out of bounds."""
    if not all(isinstance(extent, int) and 0 <= extent <= LIMIT for extent in shape):
        return False
    return prod(shape) <= LIMIT


def count(shape: Shape) -> int:
    """Elements of a tensor of known shape. Raises Undecided for a symbolic one."""
    size = prod(shape)
    if not isinstance(size, int):
        raise Undecided(f"how many elements {size} are depends on its symbols")
    return size


def is_float(dtype: str) -> bool:
    return "float" in dtype


# --- reading them -----------------------------------------------------------------------------------------------------


def integers(x: Tensor | None) -> tuple[Extent, ...] | None:
    """The contents of a tensor of sizes or positions; None when it is absent or any of it is not known."""
    if x is None or not x.ranked:
        return None
    if x.value is None:
        return () if 0 in x.shape else None
    known = tuple(size for element in x.value if (size := _size(element)) is not None)
    return known if len(known) == len(x.value) else None


def ints(x: Tensor | None) -> tuple[int, ...] | None:
    """The contents of a tensor of plain integers; None when it is absent or any of it is not known."""
    known = integers(x)
    if known is None:
        return None
    plain = tuple(int(element) for element in known if isinstance(element, int))
    return plain if len(plain) == len(known) else None


def item(x: Tensor | None) -> Scalar:
    """The element of a scalar or of a tensor of one element; None when it is absent or not known."""
    return x.value[0] if x is not None and x.ranked and x.value is not None and len(x.value) == 1 else None


def extents(sizes: Tensor) -> tuple[Extent | None, ...] | None:
    """The shape that a vector spells, None for an extent that is not known; None when not even its rank is."""
    if not sizes.ranked:
        return None
    if sizes.value is not None:
        return tuple(map(_size, sizes.value))
    rank = sizes.shape[0] if sizes.rank == 1 else None
    return (None,) * rank if isinstance(rank, int) and rank <= LIMIT else None


def _size(element: Scalar) -> Extent | None:
    """An element as an extent; truth values are 0 and 1."""
    return element if isinstance(element, Dim) else int(element) if isinstance(element, int) else None


# --- rearranging them -------------------------------------------------------------------------------------------------


def strides(shape: Shape) -> list[int]:
    """Elements between neighbours along each axis."""
    return [count(shape[axis + 1 :]) for axis in range(len(shape))]


def walk(extent: Extent, stride: int, start: int = 0, step: int = 1) -> list[int]:
    """The offsets of `extent` positions along an axis. Raises Undecided for a symbolic extent."""
    return [(start + step * at) * stride for at in range(count((extent,)))]


def axis_offsets(shape: Shape) -> list[list[int]]:
    """For each axis, the offsets of its positions: what `offsets` takes to go through a tensor in order."""
    return [walk(extent, stride) for extent, stride in zip(shape, strides(shape), strict=True)]


def offsets(*axes: Sequence[int]) -> list[int]:
    """One offset of each axis added up, in all ways there are, row by row."""
    found = [0]
    for along in axes:
        found = [start + offset for start in found for offset in along]
    return found


def gather(x: Tensor, *axes: Sequence[int]) -> Value:
    """The elements of a tensor's contents at `offsets`: a transposition, a slice, a repetition, all are."""
    value = x.value
    return None if value is None else tuple([value[offset] for offset in offsets(*axes)])


def broadcast(x: Tensor, shape: Shape) -> Value:
    """The contents of a tensor broadcast to `shape`."""
    if x.value is None or not small(shape):
        return None
    if x.shape == shape:
        return x.value
    if len(x.value) == 1:
        return x.value * count(shape)
    lead = len(shape) - x.rank
    own = axis_offsets(x.shape)
    return gather(
        x, *([0] * count((e,)) if axis < lead or x.shape[axis - lead] == 1 else own[axis - lead]
             for axis, e in enumerate(shape))
    )  # fmt: skip


# --- arithmetic -------------------------------------------------------------------------------------------------------


def elementwise(function: Callable[..., Any], *operands: Tensor) -> Value:
    """`function` of the operands' elements, stretched to one shape; None where it cannot say.

    An element becomes None where the function raises ArithmeticError, TypeError or ValueError (Undecided is one), or
    answers with anything but a number.
    """
    for operand in operands:
        if operand.value is None:
            return None
    shape = broadcast_shape(*(operand.shape for operand in operands))
    columns = [column for operand in operands if (column := broadcast(operand, shape)) is not None]
    if len(columns) < len(operands):
        return None
    dtype = next((operand.dtype for operand in operands if is_float(operand.dtype)), operands[0].dtype)
    return tuple([_applied(function, elements, dtype) for elements in zip(*columns, strict=True)])


def _applied(function: Callable[..., Any], elements: Sequence[Scalar], dtype: str) -> Scalar:
    if None in elements:
        return None
    try:
        return stored(function(*elements), dtype)
    except (ArithmeticError, TypeError, ValueError):
        return None


def choose(condition: Tensor, x: Tensor, y: Tensor) -> Value:
    """Where: elements of x or of y. A choice that is not known is none where both are the same."""
    shape = broadcast_shape(condition.shape, x.shape, y.shape)
    if not small(shape) or (x.value is None and y.value is None):
        return None
    unknown = (None,) * count(shape)
    chosen, ones, others = (broadcast(operand, shape) or unknown for operand in (condition, x, y))
    return tuple([
        a if c is None and a == b else None if c is None or isinstance(c, Dim) else a if c else b
        for c, a, b in zip(chosen, ones, others, strict=True)
    ])  # fmt: skip


def stored(element: Any, dtype: str) -> Scalar:
    """An element as a tensor of `dtype` holds it; None when it holds no such number."""
    if isinstance(element, (bool, Dim)):
        return element
    if isinstance(element, int):
        return float(element) if is_float(dtype) else _wrapped(element, dtype) if abs(element) < WIDEST else None
    if not isinstance(element, float):
        return None
    layout = {"float16": "<e", "float32": "<f", "bfloat16": "<f"}.get(dtype, "<d")
    packed = struct.pack(layout, element)
    if dtype == "bfloat16" and element == element:  # half of a float32, to the nearest, to even from halfway; no NaN
        bits = int.from_bytes(packed, "little")
        packed = ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).to_bytes(4, "little")
    (rounded,) = struct.unpack(layout, packed)
    return float(rounded)


def cast(value: Value, dtype: str) -> Value:
    """Contents as another element type: cut to integers, made floats, or truth values."""
    if value is None or dtype in ("string", "unknown") or "complex" in dtype:
        return None
    return tuple([_cast(element, dtype) for element in value])


def _cast(element: Scalar, dtype: str) -> Scalar:
    try:
        if element is None:
            return None
        if dtype == "bool":
            return bool(element)
        if isinstance(element, Dim):
            return element
        if is_float(dtype):
            return stored(float(element), dtype)
        number = int(element)
    except (ValueError, OverflowError):  # Undecided; what is not a number has no integer
        return None
    return _wrapped(number, dtype)


def _wrapped(number: int, dtype: str) -> int:
    """A number as an integer type holds it, which leaves off the bits that it has no room for."""
    if -128 <= number < 128 and (number >= 0 or not dtype.startswith("uint")) and BITS.get(dtype, 64) >= 8:
        return number
    span = 1 << BITS.get(dtype, 64)
    return number % span if dtype.startswith("uint") else (number + span // 2) % span - span // 2


def exact(a: Scalar, b: Scalar, function: Callable[[Any, Any], Any]) -> Any:
    """A product or sum in which a Dim may meet a float: only a whole float can join it."""
    if isinstance(a, Dim) and isinstance(b, float):
        return function(a, int(b)) if b.is_integer() else None
    if isinstance(b, Dim) and isinstance(a, float):
        return function(int(a), b) if a.is_integer() else None
    return function(a, b)


def equal(a: Any, b: Any) -> bool:
    """Whether two elements are the same. Raises Undecided when that depends on a symbol."""
    if isinstance(a, Dim) or isinstance(b, Dim):
        return not exact(a, b, lambda x, y: x - y)
    return bool(a == b)


def divide(a: Any, b: Any) -> Any:
    """A quotient: of floats as it is, of integers toward zero as in C."""
    if isinstance(a, float) or isinstance(b, float):
        if isinstance(a, Dim) or isinstance(b, Dim):
            return exact(a, b, lambda x, y: floor_div(x, y) if x % y == 0 else None)
        return a / b
    if isinstance(a, Dim) or isinstance(b, Dim):
        if b < 0:
            a, b = -a, -b
        return floor_div(maximum(a, 0), b) - floor_div(maximum(-a, 0), b)
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def power(a: Any, b: Any) -> Any:
    """a ** b, while the result is a number that a tensor can hold."""
    if isinstance(a, float) or (isinstance(b, float) and not b.is_integer()):
        return None if isinstance(a, Dim) or isinstance(b, Dim) else float(a) ** float(b)
    return a ** int(b) if 0 <= b <= 64 else None


def remainder(a: Any, b: Any) -> Any:
    """a mod b with the sign of b, as in Python."""
    return exact(a, b, lambda x, y: x % y)


def largest(*elements: Any) -> Any:
    """The maximum, of extents too."""
    return max(elements) if all(isinstance(e, float) for e in elements) else maximum(*map(_extent, elements))


def smallest(*elements: Any) -> Any:
    """The minimum, of extents too."""
    return min(elements) if all(isinstance(e, float) for e in elements) else minimum(*map(_extent, elements))


def _extent(element: Any) -> Extent:
    """An element that is to be compared with a Dim. Raises TypeError for a fraction."""
    if isinstance(element, float) and element.is_integer():
        return int(element)
    if isinstance(element, (int, Dim)):
        return element
    raise TypeError(f"{element} is no extent")
