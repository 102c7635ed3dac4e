"""Operators that pick elements by position, and those that put them back.

Indices are read one by one, so what a pick reads of its tensor is what it gives out. Those that pick by what elements
are stand in `selection`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from ..dims import Dim, Extent, Undecided, ceil_div, maximum, minimum
from ..graph import Scalar, Shape, Tensor, UnknownShape
from ..rules import GLOBAL, NO_WORK, Facts, Window, Work, data_dependent, rule
from ..shapes import axis_of
from ..windows import AxisMap, along, identity, mapped
from . import movement, values
from .shape_values import opened

FAR = 2**31 - 1
"""Bounds at least this far are exporters' way of saying "to the end"."""
ENDS = (2**31 - 1, 2**63 - 1)
"""Ends that ONNX Runtime takes for "as far as there is" whichever way a slice goes; ONNX would clamp them."""


# --- ranges of positions ----------------------------------------------------------------------------------------------


@rule("Slice")
def slice_(x: Tensor, *, starts: Sequence[int], ends: Sequence[int], axes: Sequence[int] | None = None) -> Facts:
    """Part of each given axis; bounds below 0 count from the end and are cut to the tensor.

    https://onnx.ai/onnx/operators/onnx__Slice.html
    """
    return sliced(x, tuple(starts), tuple(ends), axes)


@rule("Slice", since=10)
def slice_from(
    x: Tensor, starts: Tensor, ends: Tensor, axes: Tensor | None = None, steps: Tensor | None = None
) -> Facts:
    """Part of each axis that the fourth input names, in steps; bounds are cut to the tensor.

    https://onnx.ai/onnx/operators/onnx__Slice.html
    """
    which = values.ints(axes)
    if axes is not None and which is None:  # any axis may be cut
        y = Tensor(tuple(data_dependent(axis) for axis in range(x.rank)), x.dtype)
        return Facts((y,), NO_WORK, GLOBAL)
    count = len(which) if which is not None else _length(starts, ends)
    if count > x.rank:
        raise ValueError(f"{count} axes to cut of a tensor of {x.rank}")
    jumps = None if steps is None else _bounds(steps, count)
    facts = sliced(x, _bounds(starts, count), _bounds(ends, count), which, jumps)
    others = tuple(0 if given is None else given.size for given in (starts, ends, axes, steps))
    return replace(facts, elements_read=(facts.outputs[0].size, *others))


rule("com.microsoft.DynamicSlice", "DynamicSlice")(slice_from)


def _length(*limits: Tensor) -> int:
    """How many axes are cut. Raises UnknownShape when no bound tells."""
    for bound in limits:
        if bound.ranked and bound.rank == 1 and isinstance(bound.shape[0], int):
            return bound.shape[0]
    raise UnknownShape("how many axes are cut is not known")


def _bounds(given: Tensor, count: int) -> Sequence[Scalar]:
    found = (None,) * count if given.value is None else given.value
    if len(found) != count:
        raise ValueError(f"{len(found)} bounds for {count} axes")
    return found


def sliced(
    x: Tensor,
    starts: Sequence[Scalar],
    ends: Sequence[Scalar],
    axes: Sequence[int] | None,
    steps: Sequence[Scalar] | None = None,
) -> Facts:
    """Part of some axes; an extent whose bounds are not known, or may count from either end, is open."""
    targets = range(len(starts)) if axes is None else [axis_of(axis, x.rank) for axis in axes]
    if len(targets) > x.rank or not len(starts) == len(ends) == len(targets):
        raise ValueError(f"{len(starts)} starts and {len(ends)} ends for {len(targets)} axes of {x.rank}")
    shape: list[Extent | None] = list(x.shape)
    origin: list[Extent | None] = [0] * x.rank
    jump = [1] * x.rank
    for at, axis in enumerate(targets):
        step = 1 if steps is None else steps[at]
        origin[axis], shape[axis] = _span_if_known(x.shape[axis], starts[at], ends[at], step)
        jump[axis] = step if isinstance(step, int) else 1
    y = Tensor(opened(shape), x.dtype)
    if x.value is not None and values.small(y.shape) and all(isinstance(start, int) for start in origin):
        begins = [start for start in origin if isinstance(start, int)]
        offsets = map(values.walk, y.shape, values.strides(x.shape), begins, jump)
        y = replace(y, value=values.gather(x, *offsets))
    return Facts(
        (y,), NO_WORK, _crop(x, y, origin, jump), elements_read=(y.size,), slice_offsets=_piece(x, y, origin, jump)
    )


def _piece(x: Tensor, y: Tensor, origin: Sequence[Extent | None], jump: Sequence[int]) -> tuple[Extent, ...]:
    """Where a slice lies in its tensor when it is one piece of it: only the first axis longer than 1 is cut."""
    first = next((axis for axis, extent in enumerate(x.shape) if extent != 1), 0)
    cut = [axis for axis in range(x.rank) if y.shape[axis] != x.shape[axis] or origin[axis] != 0 or jump[axis] != 1]
    if not cut:
        return (0,)
    if cut != [first] or jump[first] != 1 or (start := origin[first]) is None:
        return ()
    return movement.slice_offsets(x, first, [start], 1)


def _span_if_known(size: Extent, start: Scalar, end: Scalar, step: Scalar) -> tuple[Extent | None, Extent | None]:
    if isinstance(start, (int, Dim)) and isinstance(end, (int, Dim)) and isinstance(step, int):
        try:
            return span(size, start, end, step)
        except Undecided:
            pass
    return None, None


def span(size: Extent, start: Extent, end: Extent, step: int) -> tuple[Extent, Extent]:
    """Where a slice of an axis begins, and how many elements it takes.

    A slice of known length at a symbolic place is taken to lie inside an axis of known size: table[past : past + 1].
    Raises Undecided when a bound may count from either end, ValueError for a step of 0.
    https://github.com/microsoft/onnxruntime/blob/main/onnxruntime/core/providers/cpu/tensor/slice_helper.h
    """
    if step == 0:
        raise ValueError("a step of 0 goes nowhere")
    length = end - start
    end = -end if step < 0 and end in ENDS else end
    if isinstance(size, int) and isinstance(start, Dim) and start >= 0 and isinstance(length, int):
        return start, max(0, -(-length // step))
    low, high = (0, size) if step > 0 else (-1, size - 1)

    def clamp(bound: Extent, low: int) -> Extent:
        if isinstance(bound, int) and abs(bound) >= FAR:
            return high if bound > 0 else minimum(low, high)
        counted = bound + size if bound < 0 else bound
        return minimum(maximum(counted, low), high)

    begin, stop = clamp(start, 0), clamp(end, low)  # backward too, the first element is the first that can be taken
    if step < 0:
        return begin, maximum(0, ceil_div(begin - stop, -step))
    return begin, maximum(0, ceil_div(stop - begin, step))


def _crop(x: Tensor, y: Tensor, origin: Sequence[Extent | None], jump: Sequence[int]) -> Window:
    """A slice as a window: one tap along each axis, starting at the origin."""
    places = tuple([_sliced_axis(axis, *cut) for axis, cut in enumerate(zip(origin, jump, strict=True))])
    starts = [start for start in origin[2:] if isinstance(start, int)]
    cuts = x.shape[2:] != y.shape[2:] or any(step != 1 for step in jump[2:])
    if not cuts or x.rank < 3 or len(starts) != x.rank - 2 or any(step < 1 for step in jump[2:]):
        return mapped(places)
    ones = (1,) * len(starts)
    return Window(ones, tuple(jump[2:]), tuple(-start for start in starts), ones, maps=(places,))


def _sliced_axis(axis: int, start: Extent | None, step: int) -> int | AxisMap:
    """How a slice reads an axis."""
    if start == 0 and step == 1:
        return axis
    return AxisMap(axis, stride=step, pad=-start if isinstance(start, int) else None)


# --- by index ---------------------------------------------------------------------------------------------------------


def inside(index: int, extent: int) -> int:
    """An index, those below 0 counting from the end. Raises ValueError outside an axis."""
    if not -extent <= index < extent:
        raise ValueError(f"index {index} is outside an axis of {extent}")
    return index % extent


@rule("Gather")
def gather(x: Tensor, indices: Tensor, *, axis: int = 0) -> Facts:
    """x [*before, N, *after], indices [*any] -> [*before, *any, *after].

    https://onnx.ai/onnx/operators/onnx__Gather.html
    """
    at = axis_of(axis, x.rank)
    y = Tensor((*x.shape[:at], *indices.shape, *x.shape[at + 1 :]), x.dtype)
    chosen = values.ints(indices)
    if chosen is not None and x.value is not None and values.small(y.shape):
        axes = values.axis_offsets(x.shape)
        stride, extent = values.strides(x.shape)[at], values.count((x.shape[at],))
        axes[at] = [inside(index, extent) * stride for index in chosen]
        y = replace(y, value=values.gather(x, *axes))
    picked = _picked(at, x.shape[at], indices, chosen)
    places = (*range(at), picked, *range(at + indices.rank, x.rank + indices.rank - 1))
    return Facts((y,), NO_WORK, mapped(places), elements_read=(y.size, indices.size))


def _picked(axis: int, extent: Extent, indices: Tensor, chosen: Sequence[int] | None) -> AxisMap | None:
    """How an axis is read by a list of indices, or by one; None, all of it, where they are not known."""
    if not chosen or indices.rank > 1 or not all(isinstance(index, int) for index in chosen):
        return None
    if min(chosen) < 0 and not isinstance(extent, int):
        return None
    picks = [inside(index, extent) if isinstance(extent, int) else index for index in chosen]
    if indices.rank == 0:
        return AxisMap(0, stride=0, pad=-picks[0])
    steps = {after - before for before, after in pairwise(picks)} or {0}
    if len(steps) == 1:
        return AxisMap(axis, stride=steps.pop(), pad=-picks[0])
    return AxisMap(axis, picks=tuple(picks))


@rule("GatherElements")
def gather_elements(x: Tensor, indices: Tensor, *, axis: int = 0) -> Facts:
    """An element per index, which replaces its own position along `axis` -> the shape of the indices.

    https://onnx.ai/onnx/operators/onnx__GatherElements.html
    """
    at = axis_of(axis, x.rank)
    if indices.rank != x.rank:
        raise ValueError(f"indices of {indices.rank} axes on a tensor of {x.rank}")
    value = None
    places = _element_places(x, indices, at)
    if places is not None and x.value is not None:
        value = tuple([x.value[place] for place in places])
    window = mapped(*along({at}, x.rank).maps, identity(x.rank))
    return Facts(
        (Tensor(indices.shape, x.dtype, value),), NO_WORK, window,
        elements_read=(indices.size, indices.size),
    )  # fmt: skip


def _element_places(x: Tensor, indices: Tensor, axis: int) -> list[int] | None:
    """Where in the contents of x each index points that stands for a position along one axis."""
    chosen = values.ints(indices)
    if chosen is None or not values.small(x.shape) or not values.small(indices.shape):
        return None
    strides = values.strides(x.shape)
    others = [0 if at == axis else stride for at, stride in enumerate(strides)]
    base = values.offsets(*map(values.walk, indices.shape, others))
    extent = values.count((x.shape[axis],))
    return [place + inside(index, extent) * strides[axis] for place, index in zip(base, chosen, strict=True)]


@rule("GatherND", "com.microsoft.GatherND")
def gather_nd(x: Tensor, indices: Tensor, *, batch_dims: int = 0) -> Facts:
    """x [*batch, *located, *rest], indices [*batch, *any, located] -> [*batch, *any, *rest].

    https://onnx.ai/onnx/operators/onnx__GatherND.html
    """
    rest = _rest(x, indices, batch_dims)
    y = Tensor((*indices.shape[:-1], *rest), x.dtype)
    starts = _starts(x, indices, batch_dims)
    if starts is not None and x.value is not None and values.small(y.shape):
        y = replace(y, value=values.gather(x, starts, range(values.count(rest))))
    return Facts((y,), NO_WORK, GLOBAL, elements_read=(y.size, indices.size))


def _rest(x: Tensor, indices: Tensor, batch: int = 0) -> Shape:
    """The axes that an index of several numbers leaves whole. Raises UnknownShape when their number is not known."""
    if not 0 <= batch < indices.rank:
        raise ValueError(f"indices of {indices.rank} axes, {batch} of them batch")
    located = indices.shape[-1]
    if not isinstance(located, int):
        raise UnknownShape("how many axes the indices name is not known")
    if batch + located > x.rank:
        raise ValueError(f"indices of {located} axes on a tensor of {x.rank}, {batch} of them batch")
    return x.shape[batch + located :]


def _starts(x: Tensor, indices: Tensor, batch: int = 0) -> list[int] | None:
    """Where in the contents of x the part begins that each index of several numbers points to."""
    chosen = values.ints(indices)
    if chosen is None or not values.small(x.shape) or not values.small(indices.shape[:-1]):
        return None
    located = values.count(indices.shape[-1:])
    strides = values.strides(x.shape)
    base = values.offsets(
        *map(values.walk, indices.shape[:batch], strides), *([0] * values.count((e,)) for e in indices.shape[batch:-1])
    )
    axes = range(batch, batch + located)
    return [
        start + sum(
            inside(index, values.count((x.shape[axis],))) * strides[axis]
            for axis, index in zip(axes, chosen[number * located : (number + 1) * located], strict=True)
        )
        for number, start in enumerate(base)
    ]  # fmt: skip


COMBINE: dict[str, tuple[Work, Callable[[Any, Any], Any]]] = {
    "none": (NO_WORK, lambda old, new: new),
    "add": (Work(adds=1), lambda old, new: values.exact(old, new, lambda a, b: a + b)),
    "mul": (Work(muls=1), lambda old, new: values.exact(old, new, lambda a, b: a * b)),
    "max": (Work(compares=1), values.largest),
    "min": (Work(compares=1), values.smallest),
}
"""How an update joins what it meets: work per update, and what becomes of the contents."""


def _scattered(x: Tensor, updates: Tensor, places: Sequence[int] | None, reduction: str) -> Facts:
    """x with each update put in at its place."""
    if reduction not in COMBINE:
        raise ValueError(f"no reduction {reduction!r}")
    work, combine = COMBINE[reduction]
    value = None
    if x.value is not None and updates.value is not None and places is not None:
        contents = list(x.value)
        for place, update in zip(places, updates.value, strict=False):
            old = contents[place]
            known = reduction == "none" or (old is not None and update is not None)
            contents[place] = combine(old, update) if known else None
        value = tuple(contents)
    return Facts((Tensor(x.shape, x.dtype, value),), work * updates.size, mapped(identity(x.rank)))


@rule("Scatter", "ScatterElements")
def scatter_elements(x: Tensor, indices: Tensor, updates: Tensor, *, axis: int = 0, reduction: str = "none") -> Facts:
    """x with an update put in per index, which replaces its own position along `axis` -> the shape of x.

    https://onnx.ai/onnx/operators/onnx__ScatterElements.html
    """
    at = axis_of(axis, x.rank)
    if indices.rank != x.rank:
        raise ValueError(f"indices of {indices.rank} axes on a tensor of {x.rank}")
    return _scattered(x, updates, _element_places(x, indices, at), reduction)


@rule("ScatterND")
def scatter_nd(x: Tensor, indices: Tensor, updates: Tensor, *, reduction: str = "none") -> Facts:
    """x [*located, *rest], indices [*any, located], updates [*any, *rest] -> the shape of x.

    https://onnx.ai/onnx/operators/onnx__ScatterND.html
    """
    places = None
    rest = _rest(x, indices)
    if x.value is not None and values.small((*indices.shape[:-1], *rest)):
        starts = _starts(x, indices)
        places = None if starts is None else values.offsets(starts, range(values.count(rest)))
    return _scattered(x, updates, places, reduction)


@rule("TensorScatter", harmless=("axis", "mode"))
def tensor_scatter(cache: Tensor, update: Tensor, indices: Tensor | None = None) -> Facts:
    """A cache with an update written into it -> the shape of the cache.

    https://onnx.ai/onnx/operators/onnx__TensorScatter.html
    """
    return Facts((Tensor(cache.shape, cache.dtype),), NO_WORK, mapped(identity(cache.rank)))


@rule("ReverseSequence", harmless=("batch_axis", "time_axis"))
def reverse_sequence(x: Tensor, lengths: Tensor | None = None) -> Facts:
    """The start of each sequence turned round -> the same shape. The lengths were an attribute once.

    https://onnx.ai/onnx/operators/onnx__ReverseSequence.html
    """
    return Facts((Tensor(x.shape, x.dtype),), NO_WORK, GLOBAL)
