"""Boxes: the elements of an input that some positions of a tensor see, followed back operator by operator.

What is needed of a tensor is an interval along each axis, or, of an axis that was made by merging others, an interval
along each of those: of H * W positions the rows 2 to 4 and in them the columns 5 to 7. Where several readers need
something of a tensor the box holds what any of them needs, and all between.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from ..dims import Extent
from ..graph import Shape
from ..windows import AxisMap, IndexMap
from .index_maps import View

Interval = tuple[int, int]


class Digit(NamedTuple):
    """An interval along an axis, or along one of those that were merged into it, of `extent` positions."""

    extent: int
    low: int
    high: int


Needed = tuple[Digit, ...] | None
"""What is needed along an axis: an interval along each of the axes merged into it, the outermost first; None is all."""
Box = tuple[Needed, ...]


def interval(needed: Needed, extent: Extent) -> Interval:
    """The first and the last position that is needed. Raises ValueError when all is, and the extent is no number."""
    if needed is None:
        return 0, number(extent) - 1
    low = high = 0
    for digit in needed:
        low, high = low * digit.extent + digit.low, high * digit.extent + digit.high
    return low, high


def hull(a: Box, b: Box, shape: Shape) -> Box:
    """What either box holds, and all between."""
    return tuple([_hull(one, other, extent) for one, other, extent in zip(a, b, shape, strict=True)])


def _hull(a: Needed, b: Needed, extent: Extent) -> Needed:
    if a == b or a is None or b is None:
        return a if a == b else None
    if [digit.extent for digit in a] != [digit.extent for digit in b]:
        a, b = _as_one(a, extent), _as_one(b, extent)
    return tuple([
        Digit(one.extent, min(one.low, other.low), max(one.high, other.high)) for one, other in zip(a, b, strict=True)
    ])  # fmt: skip


def _as_one(needed: Sequence[Digit], extent: Extent) -> tuple[Digit, ...]:
    return (Digit(number(extent), *interval(tuple(needed), extent)),)


def number(extent: Extent) -> int:
    if not isinstance(extent, int):
        raise ValueError(f"an extent of {extent} has no box: give it a value")
    return extent


# --- back through one operator ----------------------------------------------------------------------------------------


def back(box: Box, found: IndexMap | View, shape: Shape, after: Shape) -> Box | None:
    """What a box of an operator's output, of shape `after`, needs of an operand of `shape`; None when nothing is.

    Raises ValueError where an extent that matters is not a number.
    """
    if isinstance(found, View):
        return _reshaped(box, found)
    if not found:
        return (None,) * len(shape)
    needed: list[Needed] = []
    for entry, extent in zip(found, shape, strict=True):
        if entry is None:
            needed.append(None)
        elif isinstance(entry, int) and extent == after[entry]:
            needed.append(box[entry])
        else:
            rule = AxisMap(entry) if isinstance(entry, int) else entry
            seen = _seen(rule, interval(box[rule.axis], after[rule.axis]), number(extent))
            if seen is None:
                return None
            needed.append((Digit(number(extent), *seen),))
    return tuple(needed)


def _seen(entry: AxisMap, positions: Interval, extent: int) -> Interval | None:
    """First and last index along an axis of `extent` that positions see; None when all they see is padding."""
    if entry.pad is None:
        return 0, extent - 1
    if entry.picks:
        picked = entry.picks[positions[0] : positions[1] + 1]
        return (min(picked), max(picked)) if picked else None
    ends = sorted(position * entry.stride - entry.pad for position in positions)
    low, high = -(-ends[0] // entry.up), (ends[1] + entry.dilation * (entry.kernel - 1)) // entry.up
    return None if low > high else _within(low, high, extent, entry.border)


def _within(low: int, high: int, extent: int, border: str) -> Interval | None:
    """Indices of an axis that stand for those from low to high, some of which may be beyond its ends."""
    if low >= 0 and high < extent:
        return low, high
    if border == "edge":
        return min(max(low, 0), extent - 1), min(max(high, 0), extent - 1)
    if border == "reflect" and extent > 1:
        return _mirrored(low, high, extent - 1)
    if border in ("wrap", "repeat"):
        turn = low // extent
        return (low % extent, high % extent) if turn == high // extent else (0, extent - 1)
    low, high = max(low, 0), min(high, extent - 1)
    return None if low > high else (low, high)


def _mirrored(low: int, high: int, last: int) -> Interval:
    """The indices 0 to `last` that low..high stand for, mirrored at either end as often as need be."""
    turns = range(-(-low // last), high // last + 1)
    if len(turns) > 1:
        return 0, last
    ends = [abs((index + last) % (2 * last) - last) for index in (low, high, *(turn * last for turn in turns))]
    return min(ends), max(ends)


# --- under another shape ----------------------------------------------------------------------------------------------


def _reshaped(box: Box, view: View) -> Box | None:
    """The same elements under the shape that they had before."""
    before, after = view.before, view.after
    if 0 in after or 0 in before:
        return None
    same = 0
    while same < min(len(before), len(after)) and before[same] == after[same]:
        same += 1
    if all(needed is None for needed in box[same:]):
        return (*box[:same], *[None] * (len(before) - same))
    digits = [
        digit
        for needed, extent in zip(box[same:], after[same:], strict=True)
        for digit in needed or (Digit(number(extent), 0, number(extent) - 1),)
    ]
    extents = list(map(number, before[same:]))
    if prod(extents) != prod(digit.extent for digit in digits):
        return (None,) * len(before)
    return (*box[:same], *(_grouped(digits, extents) or _grouped([_one(digits)], extents) or ()))


def _one(digits: Sequence[Digit]) -> Digit:
    """Digits as one: the interval from the first element to the last."""
    return Digit(prod(digit.extent for digit in digits), *interval(tuple(digits), 0))


def _grouped(digits: Sequence[Digit], extents: Sequence[int]) -> list[Needed] | None:
    """The digits of each axis of a shape, those cut that belong to several; None where one cannot be cut evenly."""
    left = list(digits)
    needed: list[Needed] = []
    for extent in reversed(extents):
        own: list[Digit] = []
        while extent > 1:
            digit = left.pop()
            if digit.extent == 1:
                continue
            if digit.extent > extent:
                if digit.extent % extent:
                    return None
                coarse, digit = _cut(digit, extent)
                left.append(coarse)
            elif extent % digit.extent:
                return None
            own.append(digit)
            extent //= digit.extent
        needed.append(tuple(reversed(own)) or (Digit(1, 0, 0),))
    return needed[::-1]


def _cut(digit: Digit, extent: int) -> tuple[Digit, Digit]:
    """A digit as two, of which the finer has `extent` positions."""
    (low, first), (high, last) = divmod(digit.low, extent), divmod(digit.high, extent)
    fine = Digit(extent, first, last) if low == high else Digit(extent, 0, extent - 1)
    return Digit(digit.extent // extent, low, high), fine
