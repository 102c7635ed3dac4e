"""The arithmetic of shapes that rules share: broadcasting, axes, and how shapes are written in messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from .dims import Dim, Extent, TooLarge, Undecided, maximum
from .graph import Shape

T = TypeVar("T")


def broadcast(*shapes: Shape) -> Shape:
    """Numpy's broadcasting: align at the right, an extent of 1 stretches. Raises ValueError when extents differ.

    Where one extent is symbolic and another is a number above 1, the number is the answer that makes the model valid.
    """
    if shapes and shapes.count(shapes[0]) == len(shapes):  # as mostly
        return shapes[0]
    rank = max(map(len, shapes), default=0)
    result: list[Extent] = [1] * rank
    for shape in shapes:
        for axis, extent in enumerate(shape, rank - len(shape)):
            result[axis] = _stretch(result[axis], extent, shapes)
    return tuple(result)


def _stretch(a: Extent, b: Extent, shapes: Sequence[Shape]) -> Extent:
    if a == b or b == 1:
        return a
    if a == 1:
        return b
    if isinstance(a, Dim) and isinstance(b, Dim):
        return maximum(a, b)
    if isinstance(a, Dim):
        return b
    if isinstance(b, Dim):
        return a
    raise ValueError("shapes do not broadcast: " + " and ".join(map(show_shape, shapes)))


def show_shape(shape: Iterable[Extent]) -> str:
    """A shape as people write it: [1, 3, H, W]."""
    return "[" + ", ".join(map(str, shape)) + "]"


def axis_of(axis: int, rank: int) -> int:
    """A possibly negative axis as an index. Raises ValueError when it is out of range."""
    if not -rank <= axis < rank:
        raise ValueError(f"axis {axis} is outside a tensor of {rank} axes")
    return axis % rank if rank else 0


def of_rank(shape: Shape, rank: int, name: str, *, or_more: bool = False) -> Shape:
    """The shape of an input that is called `name` and has so many axes. Raises ValueError when it has others."""
    if len(shape) == rank or (or_more and len(shape) > rank):
        return shape
    raise ValueError(f"{name} should have rank {rank}{' or more' if or_more else ''}, and has rank {len(shape)}")


def one_per_axis(values: Sequence[T], axes: int, name: str) -> Sequence[T]:
    """An attribute or operand that should have an entry for each axis. Raises ValueError when it has not."""
    if len(values) != axes:
        raise ValueError(f"{len(values)} {name} for {axes} axes")
    return values


def quotient(a: Extent, b: Extent) -> Extent | None:
    """a / b where that is known to be whole, else None."""
    if isinstance(a, int) and isinstance(b, int):
        return a // b if b and a % b == 0 else None
    try:
        found = a // b
    except (Undecided, TooLarge, ZeroDivisionError):
        return None
    return found if found * b == a else None


def joins(elements: Extent, results: Extent) -> Extent:
    """How often two are joined until only `results` of so many elements are left: never where there are none.

    Over nothing at all a reduction puts out what it begins with.
    """
    return 0 if elements == 0 else elements - results
