"""What the positions of a tensor reach of an input: how that is followed through one operator, and joined.

Along each axis of the input a position reaches a span, whose start moves with the positions along the tensor's axes: a
`Step` is one such movement. After a reshape it may go by a part of a tensor's axis only (an axis of H * W positions
moves one row with every W of them); such a step is followed exactly until a window slides over it.

Not followed: rows that fall together after they were cut apart and joined in another order (a roll); how far a position
reaches is still known then, but no rule says where.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from ..dims import Dim, Extent
from ..graph import Shape
from ..shapes import quotient
from ..windows import AxisMap, IndexMap
from .index_maps import View

Number = int | Fraction


class Step(NamedTuple):
    """How a span moves with position p along an axis of the tensor: by stride * (p // every % modulo)."""

    axis: int
    stride: Number | None
    """None where no rule says how it moves."""
    every: Extent = 1
    modulo: Extent | None = None
    """None: up to the end of the axis."""

    @property
    def plain(self) -> bool:
        """Whether each position along the axis moves the span by the same distance."""
        return self.stride is not None and self.modulo is None and self.every == 1


class Reach(NamedTuple):
    """A span along an axis of the input: how long it is, where it starts at position 0, and how it moves."""

    size: Number
    start: Number
    steps: tuple[Step, ...]
    """By the tensor's axes; those of one axis from the coarsest to the finest."""


class Line(NamedTuple):
    """Several steps as one: a stride per position, and how far before and behind it the span may start."""

    stride: Number
    low: Number
    high: Number


Seen = tuple[Reach | None, ...]
"""What is reached along each axis of an input; None is all of it."""

_AXIS = attrgetter("axis")


def whole(number: Number) -> Number:
    """A fraction that is a whole number as an int."""
    return number if isinstance(number, int) or number.denominator != 1 else int(number)


def magnitude(number: Number) -> Number:
    """abs() of a number that keeps its type."""
    return number if number >= 0 else -number


def regular(reach: Reach) -> bool:
    """Whether a rule says how the span moves."""
    return None not in [step.stride for step in reach.steps]


# --- through one operator ---------------------------------------------------------------------------------------------


def through(seen: Seen, found: IndexMap | View, shape: Shape) -> Seen:
    """What an operator's output reaches by way of an operand of `shape` that reaches `seen`."""
    if isinstance(found, View):
        return tuple([reach and _reshaped(reach, found) for reach in seen])
    if not found:
        return (None,) * len(seen)
    if found == tuple(range(len(shape))):  # as most operators read most of their operands
        return seen
    return tuple([reach and _read(reach, found, shape, seen) for reach in seen])


def _read(reach: Reach, found: IndexMap, shape: Shape, seen: Seen) -> Reach | None:
    steps = reach.steps
    if len(steps) != 1 or not steps[0].plain:
        return _read_in_steps(reach, found, shape, seen)
    (axis, stride, *_), entry = steps[0], found[steps[0].axis]  # nearly every span moves along one axis alone
    if entry is None:
        return None
    if isinstance(entry, int):
        return reach if entry == axis else reach._replace(steps=(Step(entry, stride),))
    return _slid(reach.size, reach.start, stride, entry)


def _read_in_steps(reach: Reach, found: IndexMap, shape: Shape, seen: Seen) -> Reach | None:
    """The same for a span that moves in several steps."""
    size, start = reach.size, reach.start
    steps: list[Step] = []
    mixed = False
    for axis, group in groupby(reach.steps, _AXIS):
        entry, own = found[axis], tuple(group)
        if isinstance(entry, int):
            steps += [step._replace(axis=entry) for step in own]
            continue
        if entry is None:
            mixed = True
            after = _swept(size, start, own, shape[axis])
        else:
            after = _slid_in_steps(size, start, own, entry, shape[axis], is_shared(axis, seen))
        if after is None:
            return None
        size, start = after.size, after.start
        steps += after.steps
    if mixed and not steps:
        return None
    return Reach(size, start, tuple(sorted(steps, key=_AXIS)))


def _swept(size: Number, start: Number, steps: Sequence[Step], extent: Extent) -> Reach | None:
    """A span over all positions along an axis; None where it is not known how far that is."""
    for step in steps:
        count = step.modulo if step.modulo is not None else quotient(extent, step.every)
        if step.stride is None or not isinstance(count, int):
            return None
        distance = step.stride * (count - 1)
        size, start = size + magnitude(distance), start + min(distance, 0)
    return Reach(whole(size), whole(start), ())


def _slid_in_steps(
    size: Number, start: Number, steps: Sequence[Step], entry: AxisMap, extent: Extent, shared: bool
) -> Reach | None:
    """A window over an axis along which a span moves in steps: exact for one place, else as a line."""
    if entry.stride == 0 and entry.kernel == entry.up == 1 and isinstance(entry.pad, int):
        return _at(size, start, steps, -entry.pad)
    straight = None if shared and entry.kernel == 1 else line(steps, extent)
    if straight is None:
        return _slid(size, start, None, entry)
    return _slid(size + straight.high - straight.low, start + straight.low, straight.stride, entry)


def _at(size: Number, start: Number, steps: Sequence[Step], position: int) -> Reach | None:
    """A span at one position along an axis."""
    for step in steps:
        if step.stride is None or not isinstance(step.every, int) or isinstance(step.modulo, Dim):
            return None
        turn = position // step.every
        start += step.stride * (turn if step.modulo is None else turn % step.modulo)
    return Reach(size, whole(start), ())


def _slid(size: Number, start: Number, stride: Number | None, entry: AxisMap) -> Reach | None:
    """A window over an axis along which a span moves by a stride, or by no rule."""
    if stride is None or entry.pad is None or entry.picks or entry.border == "repeat":
        return Reach(size, start, (Step(entry.axis, None),)) if entry.kernel == 1 else None
    jump = stride if entry.up == 1 else Fraction(stride) / entry.up
    taps = entry.dilation * (entry.kernel - 1) * jump
    step = whole(jump * entry.stride)
    begin = start - entry.pad * jump + (taps if taps < 0 else 0)
    return Reach(whole(size + magnitude(taps)), whole(begin), (Step(entry.axis, step),) if step else ())


def is_shared(axis: int, seen: Seen) -> bool:
    """Whether positions along an axis move along several axes of the input, as those of H * W do."""
    return sum(1 for reach in seen if reach is not None and any(step.axis == axis for step in reach.steps)) > 1


def line(steps: Sequence[Step], extent: Extent) -> Line | None:
    """The steps along one axis of `extent` positions as one stride; None where that is not known.

    Position p is cut into digits, from the finest on: a digit of a step moves the span by the step's stride, one
    between steps by nothing. What a digit moves it further than the line does is how far the span may be off.
    """
    if len(steps) == 1 and steps[0].plain:
        return Line(steps[0].stride or 0, 0, 0)
    digits = _digits(steps)
    if digits is None:
        return None
    stride: Number = 0
    coarsest, every, count = digits[-1]
    if count is None or every * count == extent:  # the last step goes on to the end of the axis
        stride = Fraction(coarsest) / every
        digits.pop()
    low: Number = 0
    high: Number = 0
    for moved, every, count in digits:
        distance = (moved - stride * every) * ((count or 1) - 1)
        low, high = low + min(distance, 0), high + max(distance, 0)
    return Line(whole(stride), whole(low), whole(high))


def _digits(steps: Sequence[Step]) -> list[tuple[Number, int, int | None]] | None:
    """Stride, divisor and number of the digits that the steps along an axis go by, from the finest to the coarsest;
    None where some are not known."""
    digits: list[tuple[Number, int, int | None]] = []
    finer = 1
    for step in reversed(steps):
        stride, every, count = step.stride, step.every, step.modulo
        if stride is None or not isinstance(every, int) or isinstance(count, Dim):
            return None
        digits += [(0, finer, every // finer), (stride, every, count)]
        finer = every * (count or 1)
    return digits


# --- under another shape ----------------------------------------------------------------------------------------------


def _reshaped(reach: Reach, view: View) -> Reach | None:
    """The same span where the tensor takes another shape: each step keeps its place in the row-major order."""
    if 0 in view.before or 0 in view.after:
        return None
    before, after = _strides(view.before), _strides(view.after)
    steps: list[Step] = []
    for step in reach.steps:
        low = before[step.axis] * step.every
        high = before[step.axis] * view.before[step.axis] if step.modulo is None else low * step.modulo
        if low != high:
            steps += _placed(step.stride, low, high, view.after, after)
    return Reach(reach.size, reach.start, _merged(steps, view.after))


def _strides(shape: Shape) -> list[Extent]:
    """How many elements lie between neighbours along each axis."""
    strides: list[Extent] = []
    elements: Extent = 1
    for extent in reversed(shape):
        strides.append(elements)
        elements = elements * extent
    return strides[::-1]


def _placed(stride: Number | None, low: Extent, high: Extent, shape: Shape, strides: Sequence[Extent]) -> list[Step]:
    """The steps of a movement by `stride` with every `low` elements, up to `high`, in a tensor of `shape`."""
    touched = [axis for axis, extent in enumerate(shape) if extent != 1 and _meets(low, high, strides[axis], extent)]
    steps = []
    for axis in touched:
        step = _step(stride, low, high, axis, strides[axis], shape[axis])
        if step is None:
            return [Step(axis, None) for axis in touched]
        steps.append(step)
    return steps


def _meets(low: Extent, high: Extent, stride: Extent, extent: Extent) -> bool:
    """Whether what goes on with every `low` elements, up to `high`, may depend on the position along an axis."""
    return quotient(stride, high) is None and quotient(low, stride * extent) is None


def _step(moved: Number | None, low: Extent, high: Extent, axis: int, stride: Extent, extent: Extent) -> Step | None:
    """What an axis has of a movement; None where that is not a step of it."""
    begin, stop = _common(low, stride), _common(high, stride * extent, smaller=True)
    if moved is None or begin is None or stop is None:
        return None
    every, count, times = quotient(begin, stride), quotient(stop, begin), quotient(begin, low)
    if every is None or count is None or not isinstance(times, int):
        return None
    return Step(axis, moved * times, every, count)


def _common(a: Extent, b: Extent, smaller: bool = False) -> Extent | None:
    """The larger, or the smaller, of two numbers of which one divides the other; None where none does."""
    if quotient(a, b) is not None:
        return b if smaller else a
    return None if quotient(b, a) is None else a if smaller else b


def _merged(steps: Sequence[Step], shape: Shape) -> tuple[Step, ...]:
    """Steps by axis, those that go on from one another as one."""
    merged: list[Step] = []
    for step in sorted(steps, key=_AXIS):
        coarser = merged[-1] if merged and merged[-1].axis == step.axis else None
        if coarser is not None and (coarser.stride is None or step.stride is None):
            merged[-1] = Step(step.axis, None)
        elif coarser is not None and _goes_on(coarser, step):
            count = None if coarser.modulo is None or step.modulo is None else coarser.modulo * step.modulo
            merged[-1] = step._replace(modulo=count)
        else:
            merged.append(step)
    return tuple([_endless(step, shape[step.axis]) for step in merged])


def _goes_on(coarser: Step, finer: Step) -> bool:
    count, stride = finer.modulo, finer.stride
    if not isinstance(count, int) or stride is None:
        return False
    return coarser.every == finer.every * count and coarser.stride == stride * count


def _endless(step: Step, extent: Extent) -> Step:
    """A step that goes on to the end of its axis, said so."""
    return step._replace(modulo=None) if step.modulo is not None and step.every * step.modulo == extent else step


# --- where branches meet ----------------------------------------------------------------------------------------------


def union(a: Seen, b: Seen, shape: Shape) -> Seen | None:
    """What is reached by way of either of two operands; None when their strides disagree. `shape` is the result's."""
    if a is b and not any(reach and not regular(reach) for reach in a):
        return a
    found: list[Reach | None] = []
    for one, other in zip(a, b, strict=True):
        both = None if one is None or other is None else _both(one, other, shape)
        if both is not None and both[0].steps != both[1].steps:
            if [step.axis for step in both[0].steps] == [step.axis for step in both[1].steps]:
                return None
            both = None
        found.append(None if both is None else _hull(*both))
    return tuple(found)


def _both(one: Reach, other: Reach, shape: Shape) -> tuple[Reach, Reach] | None:
    """Two spans that move by rules, in like steps where that can be; None where all may be seen."""
    if one.steps == other.steps:
        return (one, other) if regular(one) else None
    straight = _straight(one, shape), _straight(other, shape)
    return None if straight[0] is None or straight[1] is None else (straight[0], straight[1])


def _straight(reach: Reach, shape: Shape) -> Reach | None:
    """A span that moves by one stride along each axis; None where it cannot be said so."""
    size, start = reach.size, reach.start
    steps = []
    for axis, group in groupby(reach.steps, _AXIS):
        straight = line(tuple(group), shape[axis])
        if straight is None:
            return None
        size, start = size + straight.high - straight.low, start + straight.low
        if straight.stride:
            steps.append(Step(axis, straight.stride))
    return Reach(whole(size), whole(start), tuple(steps))


def _hull(a: Reach, b: Reach) -> Reach:
    start, end = min(a.start, b.start), max(a.start + a.size, b.start + b.size)
    return Reach(whole(end - start), start, a.steps)


def end_to_end(a: Seen, b: Seen, axis: int, shape: Shape) -> Seen | None:
    """What is reached by two operands that lie one after another along an axis; None when strides disagree.

    A position along it belongs to one of them, so that it reaches no further than the longer span; if that starts
    elsewhere in either, no rule says where.
    """
    found: list[Reach | None] = []
    for one, other in zip(a, b, strict=True):
        if one is None or other is None:
            found.append(None)
        elif all(step.axis != axis for step in (*one.steps, *other.steps)):
            both = union((one,), (other,), shape)
            if both is None:
                return None
            found += both
        else:
            found.append(_either(one, other, axis))
    return tuple(found)


def _either(one: Reach, other: Reach, joined: int) -> Reach:
    size = max(one.size, other.size)
    if (one.start, one.steps) == (other.start, other.steps):
        return one._replace(size=size)
    kept, others = ([step for step in reach.steps if step.axis != joined] for reach in (one, other))
    if kept != others:
        axes = {step.axis for step in (*one.steps, *other.steps)}
        return Reach(size, 0, tuple([Step(axis, None) for axis in sorted(axes)]))
    return Reach(size, 0, tuple(sorted([*kept, Step(joined, None)], key=_AXIS)))


# --- as three numbers -------------------------------------------------------------------------------------------------


class Numbers(NamedTuple):
    """What is said of a span: its size, how far apart those of neighbours start, and where that of position 0 does."""

    size: Number
    stride: Number | None = None
    """None, as the start, where no rule says where a span starts."""
    start: Number | None = None
    along: int | None = None
    """The axis of the tensor whose neighbours are meant; None where none moves the span by a rule."""


def stated(seen: Seen, shape: Shape) -> Iterator[Numbers | None]:
    """The span along each axis of an input as a tensor of `shape` sees it; None is all of it.

    The stride is along the axis of the tensor that moves the span furthest; what other axes add belongs to the size.
    A position is one for all batches and channels: what these add (where blocks of pixels were folded into channels)
    belongs to the size, too.
    """
    if _simple(seen):
        yield from (reach and _along_one(reach) for reach in seen)
        return
    folded = _folded(seen)
    for reach in seen:
        yield None if reach is None else _stated(reach, folded, seen, shape)


def _simple(seen: Seen) -> bool:
    """Whether each span moves with the positions along one axis, and each along another."""
    axes = set()
    for reach in seen:
        if reach is not None:
            if len(reach.steps) != 1 or not reach.steps[0].plain or reach.steps[0].axis in axes:
                return False
            axes.add(reach.steps[0].axis)
    return True


def _along_one(reach: Reach) -> Numbers:
    step = reach.steps[0]
    return Numbers(reach.size, step.stride, reach.start, step.axis)


def _folded(seen: Seen) -> set[int]:
    """Which of the first two axes are batch or channels into which positions were folded: those that move a span
    besides spatial axes. Else they are spatial themselves, as in an image whose channels come last."""
    moved = [{step.axis for step in reach.steps} for reach in seen if reach is not None and len(reach.steps) > 1]
    return {axis for axes in moved if max(axes) > 1 for axis in axes if axis < 2}


def _stated(reach: Reach, folded: set[int], seen: Seen, shape: Shape) -> Numbers | None:
    spatial = [step for step in reach.steps if step.axis not in folded]
    all_channels = _swept_over(reach, [step for step in reach.steps if step.axis in folded], shape)
    if all_channels is None or not spatial:
        return None if all_channels is None else Numbers(all_channels.size, 0, all_channels.start)
    main = max(spatial, key=_distance).axis
    found = _swept_over(all_channels, [step for step in spatial if step.axis != main], shape)
    straight = line([step for step in spatial if step.axis == main], shape[main])
    if found is None or straight is None or is_shared(main, seen):
        return Numbers(all_channels.size)
    size, start = found.size + straight.high - straight.low, found.start + straight.low
    return Numbers(whole(size), straight.stride, whole(start), main)


def _swept_over(reach: Reach, steps: Sequence[Step], shape: Shape) -> Reach | None:
    """A span over all positions that move it by some steps; None where it is not known how far."""
    found: Reach | None = reach
    for axis, group in groupby(steps, _AXIS):
        found = found and _swept(found.size, found.start, tuple(group), shape[axis])
    return found


def _distance(step: Step) -> Number:
    return magnitude(step.stride or 0)
