"""Operators that move, select or rename elements and compute nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod

from ..dims import Dim, Extent, Undecided, bounds, ceil_div, maximum, minimum
from ..graph import Scalar, Shape, Tensor, UnknownShape
from ..rules import GLOBAL, NO_WORK, POINTWISE, Facts, Window, Work, decided_by_data, rule
from ..shapes import axis_of, broadcast, show_shape
from . import values
from .shape_values import shaped


def concat(*parts: Tensor, axis: int) -> Facts:
    """Tensors joined along `axis`; their other extents agree. Raises ValueError when they do not."""
    first = parts[0]
    at = axis_of(axis, first.rank)
    length: Extent = 0
    shape = list(first.shape)
    for part in parts:
        if part.rank != first.rank:
            raise ValueError(f"cannot join {show_shape(first.shape)} and {show_shape(part.shape)}: their ranks differ")
        for other, extent in enumerate(part.shape):
            if other == at or extent == shape[other]:
                continue
            if isinstance(extent, int) and isinstance(shape[other], int):
                shapes = f"{show_shape(first.shape)} and {show_shape(part.shape)}"
                raise ValueError(f"cannot join {shapes} along axis {at}: axis {other} differs")
            if isinstance(shape[other], Dim) and isinstance(extent, int):
                shape[other] = extent
        length += part.shape[at]
    shape[at] = length
    return Facts((Tensor(tuple(shape), first.dtype),), NO_WORK)


def permute(x: Tensor, order: Sequence[int]) -> Facts:
    """Axes in another order. Raises ValueError unless `order` names each axis once."""
    if sorted(order) != list(range(x.rank)):
        raise ValueError(f"order {list(order)} does not name each of {x.rank} axes once")
    return Facts((Tensor(tuple(x.shape[axis] for axis in order), x.dtype),), NO_WORK)


def flat(x: Tensor, start: int, end: int) -> Facts:
    """Axes `start` to `end` (both included) merged into one; no bytes move."""
    first, last = axis_of(start, x.rank), axis_of(end, x.rank)
    merged: Extent = 1
    for extent in x.shape[first : last + 1]:
        merged = merged * extent
    return Facts((Tensor((*x.shape[:first], merged, *x.shape[last + 1 :]), x.dtype),), NO_WORK, GLOBAL, view=True)


def keep(x: Tensor, shape: Shape) -> Tensor:
    """The same elements, contents too, under another shape."""
    return Tensor(shape, x.dtype, x.value)


def moved(x: Tensor, shape: Shape, source: Callable[[tuple[int, ...]], Sequence[int]]) -> Tensor:
    """A tensor of `shape` whose element at an index is that of `x` at `source(index)`."""
    return Tensor(shape, x.dtype, values.rearrange(x, shape, source) if x.value is not None else None)


def _spatially(before: Shape, after: Shape) -> Window:
    """POINTWISE if the spatial axes are as they were, GLOBAL if they were mixed with others."""
    return POINTWISE if len(before) == len(after) and before[2:] == after[2:] else GLOBAL


@rule("Concat")
def concat_onnx(*parts: Tensor, axis: int = 1) -> Facts:
    """Tensors that agree but for `axis` -> one (the default is of version 1).

    https://onnx.ai/onnx/operators/onnx__Concat.html
    """
    facts = concat(*parts, axis=axis)
    y, at = facts.outputs[0], axis_of(axis, parts[0].rank)
    if not values.small(y.shape) or any(part.value is None for part in parts):
        return facts
    inner = [values.count(part.shape[at:]) for part in parts]
    rows = values.count(y.shape[:at])
    flat = [
        element
        for row in range(rows)
        for part, size in zip(parts, inner, strict=True)
        for element in (part.value or ())[row * size : (row + 1) * size]
    ]
    return replace(facts, outputs=(Tensor(y.shape, y.dtype, tuple(flat)),))


@rule("Reshape")
def reshape(
    x: Tensor, target: Tensor | None = None, *, shape: Sequence[int] | None = None, allowzero: int = 0
) -> Facts:
    """[*any] -> the given shape: 0 copies an extent (unless allowzero), one -1 takes what is left.

    The shape is an attribute in version 1.  https://onnx.ai/onnx/operators/onnx__Reshape.html
    """
    if target is None:
        target = Tensor((len(shape or ()),), "int64", tuple(shape or ()))
    if target.value is None:
        return Facts((shaped(target, x.dtype),), NO_WORK, GLOBAL, view=True)
    result: list[Extent] = []
    for at, extent in enumerate(target.value):
        if extent == 0 and not allowzero:
            result.append(x.shape[at] if at < x.rank else 0)
        else:
            result.append(decided_by_data(at) if extent is None or isinstance(extent, float) else extent)
    if -1 in result:
        at = result.index(-1)
        rest = prod(extent for other, extent in enumerate(result) if other != at)
        result[at] = x.size // rest if rest != 0 else 0
        if isinstance(rest, int) and isinstance(x.size, int) and rest and x.size % rest:
            raise ValueError(f"{x.size} elements cannot be shaped into multiples of {rest}")
    elif None in target.value and target.value.count(None) == 1:  # the one extent not known is what is left
        at = target.value.index(None)
        rest = prod(extent for other, extent in enumerate(result) if other != at)
        if rest != 0:
            result[at] = x.size // rest
    elif x.ranked and isinstance(x.size, int) and isinstance(size := prod(result), int) and size != x.size:
        raise ValueError(f"{show_shape(x.shape)} has {x.size} elements, {show_shape(result)} has {size}")
    window = _spatially(x.shape, tuple(result)) if x.ranked else GLOBAL
    return Facts((keep(x, tuple(result)) if x.ranked else Tensor(tuple(result), x.dtype),), NO_WORK, window, view=True)


@rule("Flatten")
def flatten(x: Tensor, *, axis: int = 1) -> Facts:
    """[*any] -> a matrix: the axes before `axis`, and the others.  https://onnx.ai/onnx/operators/onnx__Flatten.html"""
    at = axis + x.rank if axis < 0 else axis
    if not 0 <= at <= x.rank:
        raise ValueError(f"axis {axis} is outside a tensor of {x.rank} axes")
    return Facts((keep(x, (prod(x.shape[:at]), prod(x.shape[at:]))),), NO_WORK, GLOBAL, view=True)


def _axes(given: Tensor | None, attribute: Sequence[int] | None) -> Sequence[int] | None:
    """Axes from an input, or from an attribute as before; None when there are none. Raises UnknownShape."""
    if given is None:
        return attribute
    axes = values.whole(given)
    if axes is None:
        raise UnknownShape("which axes are meant is not known")
    return axes


@rule("Squeeze")
def squeeze(x: Tensor, given: Tensor | None = None, *, axes: Sequence[int] | None = None) -> Facts:
    """Axes of extent 1 go: those given, or all.  https://onnx.ai/onnx/operators/onnx__Squeeze.html"""
    wanted = _axes(given, axes)
    if wanted is None:
        gone = {axis for axis, extent in enumerate(x.shape) if extent == 1}
    else:
        gone = {axis_of(axis, x.rank) for axis in wanted}
    for axis in gone:
        if isinstance(x.shape[axis], int) and x.shape[axis] != 1:
            raise ValueError(f"axis {axis} has extent {x.shape[axis]}, not 1")
    shape = tuple(extent for axis, extent in enumerate(x.shape) if axis not in gone)
    return Facts((keep(x, shape),), NO_WORK, GLOBAL, view=True)


@rule("Unsqueeze")
def unsqueeze(x: Tensor, given: Tensor | None = None, *, axes: Sequence[int] | None = None) -> Facts:
    """Axes of extent 1 are put in at the given places of the result.

    https://onnx.ai/onnx/operators/onnx__Unsqueeze.html
    """
    wanted = _axes(given, axes) or ()
    rank = x.rank + len(wanted)
    new = {axis_of(axis, rank) for axis in wanted}
    if len(new) != len(wanted):
        raise ValueError(f"axes {list(wanted)} name one twice")
    old = iter(x.shape)
    shape = tuple(1 if axis in new else next(old) for axis in range(rank))
    return Facts((keep(x, shape),), NO_WORK, GLOBAL, view=True)


@rule("Transpose")
def transpose(x: Tensor, *, perm: Sequence[int] | None = None) -> Facts:
    """Axes in another order, reversed unless given.  https://onnx.ai/onnx/operators/onnx__Transpose.html"""
    order = tuple(perm) if perm else tuple(reversed(range(x.rank)))
    facts = permute(x, order)
    shape = facts.outputs[0].shape
    back = [order.index(axis) for axis in range(x.rank)]
    y = moved(x, shape, lambda index: [index[axis] for axis in back])
    return Facts((y,), NO_WORK, POINTWISE if order[2:] == tuple(range(2, x.rank)) else GLOBAL)


@rule("Split")
def split(
    x: Tensor,
    given: Tensor | None = None,
    *,
    axis: int = 0,
    split: Sequence[int] | None = None,
    num_outputs: int | None = None,
    outputs: int = 1,
) -> Facts:
    """A tensor cut along `axis`: at the given lengths, or into parts of which only the last may be smaller.

    https://onnx.ai/onnx/operators/onnx__Split.html
    """
    at = axis_of(axis, x.rank)
    size = x.shape[at]
    lengths: Sequence[Extent]
    if given is not None or split:
        found = values.integers(given) if given is not None else tuple(split or ())
        lengths = found if found is not None else [decided_by_data(part) for part in range(outputs)]
        if isinstance(total := sum(lengths), int) and isinstance(size, int) and total != size:
            raise ValueError(f"parts {list(lengths)} do not add up to {size}")
    else:
        part = ceil_div(size, num_outputs or outputs)
        lengths = [*[part] * (outputs - 1), size - part * (outputs - 1)]
    tops, start = [], 0
    for length in lengths:
        shape = (*x.shape[:at], length, *x.shape[at + 1 :])
        begin = start if isinstance(start, int) else None
        tops.append(_from(x, shape, at, begin) if begin is not None else Tensor(shape, x.dtype))
        start = start + length  # type: ignore[assignment]
    return Facts(tuple(tops), NO_WORK, POINTWISE if at < 2 else GLOBAL, view=at == 0 and outputs == 1)


def _from(x: Tensor, shape: Shape, axis: int, start: int) -> Tensor:
    """The part of `x` that starts at `start` along an axis."""
    return moved(x, shape, lambda index: [i + start if at == axis else i for at, i in enumerate(index)])


FAR = 2**31 - 1
"""Bounds at least this far are exporters' way of saying "to the end"."""


@rule("Slice")
def slice_(
    x: Tensor,
    first: Tensor | None = None,
    last: Tensor | None = None,
    which: Tensor | None = None,
    step: Tensor | None = None,
    *,
    starts: Sequence[int] | None = None,
    ends: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
) -> Facts:
    """Part of each given axis; bounds below 0 count from the end and are cut to the tensor.

    Bounds are attributes before version 10.  https://onnx.ai/onnx/operators/onnx__Slice.html
    """
    begin: Sequence[Scalar] | None = starts if first is None else first.value
    end: Sequence[Scalar] | None = ends if last is None else last.value
    chosen = _axes(which, axes)
    count = len(begin or end or chosen or ())
    if first is not None and begin is None and first.ranked and isinstance(first.shape[0], int):
        count = first.shape[0]
    targets = [axis_of(axis, x.rank) for axis in (chosen if chosen is not None else range(count))]
    strides = (step.value if step.value is not None else (None,) * count) if step is not None else (1,) * count
    shape = list(x.shape)
    origin: list[Extent | None] = [0] * x.rank
    jump: list[int] = [1] * x.rank
    for at, axis in enumerate(targets):
        a = begin[at] if begin is not None else None
        b = end[at] if end is not None else None
        s = strides[at]
        if a is None or b is None or not isinstance(s, int) or isinstance(a, float) or isinstance(b, float):
            shape[axis], origin[axis] = decided_by_data(axis), None
            continue
        origin[axis], shape[axis] = _span(x.shape[axis], a, b, s)
        jump[axis] = s
    y = Tensor(tuple(shape), x.dtype)
    if x.value is not None and all(isinstance(o, int) for o in origin):
        begins = [o for o in origin if isinstance(o, int)]
        y = moved(x, y.shape, lambda index: [o + i * s for o, i, s in zip(begins, index, jump, strict=True)])
    return Facts((y,), NO_WORK, _crop(x, y, origin, jump), reads=(y.size,))


def _span(size: Extent, start: Extent, end: Extent, step: int) -> tuple[Extent, Extent]:
    """Where a slice of an axis begins, and how many elements it takes."""
    if step == 0:
        raise ValueError("a step of 0 goes nowhere")
    low, high = (0, size) if step > 0 else (-1, size - 1)

    def clamp(bound: Extent) -> Extent:
        if isinstance(bound, int) and abs(bound) >= FAR:
            return high if bound > 0 else low
        least, most = bounds(bound)
        if most is not None and most < 0:
            bound = bound + size
        elif least is None or least < 0:
            raise Undecided(f"whether {bound} counts from the end depends on its symbols")
        return minimum(maximum(bound, low), high)

    begin, stop = clamp(start), clamp(end)
    return begin, maximum(0, ceil_div(stop - begin, step) if step > 0 else ceil_div(begin - stop, -step))


def _crop(x: Tensor, y: Tensor, origin: Sequence[Extent | None], jump: Sequence[int]) -> Window:
    """A slice of spatial axes as a window: one tap, starting at the origin."""
    if x.rank < 3 or x.shape[2:] == y.shape[2:]:
        return POINTWISE
    starts = [o for o in origin[2:] if isinstance(o, int)]
    if len(starts) != x.rank - 2:
        return GLOBAL
    ones = (1,) * len(starts)
    return Window(ones, tuple(jump[2:]), tuple(-start for start in starts), ones)


@rule("Gather")
def gather(x: Tensor, indices: Tensor, *, axis: int = 0) -> Facts:
    """x [*before, N, *after], indices [*any] -> [*before, *any, *after].

    https://onnx.ai/onnx/operators/onnx__Gather.html
    """
    at = axis_of(axis, x.rank)
    shape = (*x.shape[:at], *indices.shape, *x.shape[at + 1 :])
    y = Tensor(shape, x.dtype)
    picked = values.whole(indices)
    if picked is not None and x.value is not None and isinstance(size := x.shape[at], int):
        if any(not -size <= index < size for index in picked):
            raise ValueError(f"indices {list(picked)[:8]} are outside an axis of {size}")
        lookup = Tensor(indices.shape, "int64", picked)
        steps = values.strides(indices.shape)
        end = at + indices.rank

        def source(index: tuple[int, ...]) -> list[int]:
            number = (lookup.value or ())[sum(i * s for i, s in zip(index[at:end], steps, strict=True))]
            return [*index[:at], int(number) % size, *index[end:]]  # type: ignore[arg-type]

        y = moved(x, shape, source)
    return Facts((y,), NO_WORK, POINTWISE if at < 2 and indices.rank == 1 else GLOBAL, reads=(y.size, indices.size))


@rule("GatherElements")
def gather_elements(x: Tensor, indices: Tensor, *, axis: int = 0) -> Facts:
    """An element per index -> the shape of the indices.  https://onnx.ai/onnx/operators/onnx__GatherElements.html"""
    return Facts((Tensor(indices.shape, x.dtype),), NO_WORK, GLOBAL, reads=(indices.size, indices.size))


@rule("GatherND")
def gather_nd(x: Tensor, indices: Tensor, *, batch_dims: int = 0) -> Facts:
    """indices [*any, depth] -> [*any, *x.shape[batch_dims + depth:]].

    https://onnx.ai/onnx/operators/onnx__GatherND.html
    """
    depth = indices.shape[-1]
    if not isinstance(depth, int):
        raise UnknownShape("how many axes the indices name is not known")
    if batch_dims + depth > x.rank:
        raise ValueError(f"indices of {depth} axes on a tensor of {x.rank} with {batch_dims} of batch")
    y = Tensor((*indices.shape[:-1], *x.shape[batch_dims + depth :]), x.dtype)
    return Facts((y,), NO_WORK, GLOBAL, reads=(y.size, indices.size))


@rule("ScatterND")
def scatter_nd(x: Tensor, indices: Tensor, updates: Tensor, *, reduction: str = "none") -> Facts:
    """x with the updates put in -> the shape of x.  https://onnx.ai/onnx/operators/onnx__ScatterND.html"""
    value = None
    where, new = values.whole(indices), updates.value
    if x.value is not None and where is not None and new is not None and reduction == "none" and x.rank == 1:
        changed = list(x.value)
        for at, element in zip(where, new, strict=False):
            if -len(changed) <= at < len(changed):
                changed[at] = element
        value = tuple(changed)
    return Facts((Tensor(x.shape, x.dtype, value),), _scattered(updates, reduction), GLOBAL)


@rule("Scatter", "ScatterElements")
def scatter(x: Tensor, indices: Tensor, updates: Tensor, *, axis: int = 0, reduction: str = "none") -> Facts:
    """x with the updates put in -> the shape of x.  https://onnx.ai/onnx/operators/onnx__ScatterElements.html"""
    value = None
    where, new = values.whole(indices), updates.value
    if x.value is not None and where is not None and new is not None and reduction == "none" and x.rank == 1:
        changed = list(x.value)
        for at, element in zip(where, new, strict=False):
            if -len(changed) <= at < len(changed):
                changed[at] = element
        value = tuple(changed)
    return Facts((Tensor(x.shape, x.dtype, value),), _scattered(updates, reduction), GLOBAL)


def _scattered(updates: Tensor, reduction: str) -> Work:
    """What combining the updates with what is there costs."""
    kinds = {"add": Work(adds=1), "mul": Work(muls=1), "max": Work(compares=1), "min": Work(compares=1)}
    return kinds[reduction] * updates.size if reduction in kinds else NO_WORK


@rule("Expand")
def expand(x: Tensor, target: Tensor) -> Facts:
    """A tensor broadcast with the given shape.  https://onnx.ai/onnx/operators/onnx__Expand.html"""
    wanted = shaped(target, x.dtype)
    shape = broadcast(x.shape, wanted.shape)
    return Facts((Tensor(shape, x.dtype, values.stretch(x, shape)),), NO_WORK, GLOBAL)


@rule("Tile")
def tile(x: Tensor, repeats: Tensor, axis: Tensor | None = None) -> Facts:
    """Each axis repeated; in version 1, one axis so many times.  https://onnx.ai/onnx/operators/onnx__Tile.html"""
    if axis is not None:
        one, at = values.integers(repeats), values.whole(axis)
        if one is None or at is None:
            raise UnknownShape("how often which axis is repeated is not known")
        times: tuple[Scalar, ...] = tuple(one[0] if a == axis_of(at[0], x.rank) else 1 for a in range(x.rank))
    else:
        times = repeats.value if repeats.value is not None else (None,) * x.rank
    if len(times) != x.rank:
        raise ValueError(f"{len(times)} repeats for {x.rank} axes")
    shape = tuple(
        decided_by_data(a) if t is None or isinstance(t, float) else extent * t
        for a, (extent, t) in enumerate(zip(x.shape, times, strict=True))
    )
    source = x.shape
    y = moved(x, shape, lambda index: [i % e for i, e in zip(index, source, strict=True) if isinstance(e, int)])
    return Facts((y,), NO_WORK, GLOBAL)


@rule("Pad")
def pad(
    x: Tensor,
    amounts: Tensor | None = None,
    fill: Tensor | None = None,
    which: Tensor | None = None,
    *,
    pads: Sequence[int] | None = None,
    paddings: Sequence[int] | None = None,
) -> Facts:
    """Each axis grows by its two pads, which may be negative; an attribute before version 11.

    https://onnx.ai/onnx/operators/onnx__Pad.html
    """
    axes = [axis_of(axis, x.rank) for axis in (_axes(which, None) or range(x.rank))]
    given: Sequence[Scalar] | None = (pads or paddings or ()) if amounts is None else amounts.value
    if given is None:
        given = (None,) * (2 * len(axes))
    if len(given) != 2 * len(axes):
        raise ValueError(f"{len(given)} pads for {len(axes)} axes, which have two each")
    shape, before = list(x.shape), [0] * x.rank
    complete = True
    for at, axis in enumerate(axes):
        a, b = given[at], given[at + len(axes)]
        if a is None or b is None or isinstance(a, float) or isinstance(b, float):
            shape[axis], complete = decided_by_data(axis), False
        else:
            shape[axis] = x.shape[axis] + a + b
            before[axis] = a if isinstance(a, int) else 0
    ones = (1,) * max(x.rank - 2, 0)
    window = Window(ones, ones, tuple(before[2:]), ones) if complete and x.rank > 2 else GLOBAL
    return Facts((Tensor(tuple(shape), x.dtype),), NO_WORK, window)


@rule("DepthToSpace")
def depth_to_space(x: Tensor, *, blocksize: int) -> Facts:
    """[N, C, H, W] -> [N, C/b^2, H*b, W*b].  https://onnx.ai/onnx/operators/onnx__DepthToSpace.html"""
    n, c, h, w = x.shape
    b = blocksize
    y = Tensor((n, c // (b * b), h * b, w * b), x.dtype)
    return Facts((y,), NO_WORK, Window((b, b), (1, 1), (b - 1, b - 1), (1, 1), (b, b)))


@rule("SpaceToDepth")
def space_to_depth(x: Tensor, *, blocksize: int) -> Facts:
    """[N, C, H, W] -> [N, C*b^2, H/b, W/b].  https://onnx.ai/onnx/operators/onnx__SpaceToDepth.html"""
    n, c, h, w = x.shape
    b = blocksize
    y = Tensor((n, c * b * b, h // b, w // b), x.dtype)
    return Facts((y,), NO_WORK, Window((b, b), (b, b), (0, 0), (1, 1)))


@rule("ReverseSequence")
def reverse_sequence(x: Tensor, lengths: Tensor) -> Facts:
    """[*any] -> the same shape.  https://onnx.ai/onnx/operators/onnx__ReverseSequence.html"""
    return Facts((keep(Tensor(x.shape, x.dtype), x.shape),), NO_WORK, GLOBAL)


@rule("Trilu")
def trilu(x: Tensor, k: Tensor | None = None) -> Facts:
    """[*batch, M, N] -> the same shape, a triangle kept.  https://onnx.ai/onnx/operators/onnx__Trilu.html"""
    return Facts((Tensor(x.shape, x.dtype),), NO_WORK)


@rule("Compress")
def compress(x: Tensor, condition: Tensor, *, axis: int | None = None) -> Facts:
    """The slices of an axis (or elements) that the condition selects; the data decides how many.

    https://onnx.ai/onnx/operators/onnx__Compress.html
    """
    size: Extent = decided_by_data()
    if condition.value is not None and None not in condition.value:
        size = sum(bool(element) for element in condition.value)
    if axis is None:
        return Facts((Tensor((size,), x.dtype),), NO_WORK, GLOBAL)
    at = axis_of(axis, x.rank)
    return Facts((Tensor((*x.shape[:at], size, *x.shape[at + 1 :]), x.dtype),), NO_WORK, GLOBAL)


@rule("Unique")
def unique(x: Tensor, *, axis: int | None = None, outputs: int = 1) -> Facts:
    """The distinct elements or slices, where each first stands, which one each is, and how often it occurs.

    Sorting takes about n * log2(n) comparisons, which are counted.  https://onnx.ai/onnx/operators/onnx__Unique.html
    """
    found = decided_by_data()
    if axis is None:
        y, length = Tensor((found,), x.dtype), x.size
    else:
        at = axis_of(axis, x.rank)
        y, length = Tensor((*x.shape[:at], found, *x.shape[at + 1 :]), x.dtype), x.shape[at]
    counts = Tensor((found,), "int64")
    return Facts((y, counts, Tensor((length,), "int64"), counts)[:outputs], sorting(x.size, length), GLOBAL)


def sorting(size: Extent, length: Extent) -> Work:
    """Comparisons of sorting `size` elements in runs of `length`: size * ceil(log2(length))."""
    if not isinstance(length, int):
        raise Undecided(f"how deep a sort of {length} elements goes depends on its symbols")
    return Work(compares=size * max((length - 1).bit_length(), 0))


@rule("TopK")
def top_k(x: Tensor, count: Tensor | None = None, *, k: int | None = None, axis: int = -1) -> Facts:
    """[*any] -> values and indices, `k` along `axis`; a heap of k takes ceil(log2 k) + 1 comparisons an element.

    https://onnx.ai/onnx/operators/onnx__TopK.html
    """
    at = axis_of(axis, x.rank)
    wanted = k if count is None else count.value[0] if count.value else None
    best: Extent = decided_by_data(at) if wanted is None or isinstance(wanted, float) else wanted
    shape = (*x.shape[:at], best, *x.shape[at + 1 :])
    depth = (best - 1).bit_length() + 1 if isinstance(best, int) and best > 0 else 1
    work = Work(compares=x.size * depth)
    return Facts((Tensor(shape, x.dtype), Tensor(shape, "int64")), work, GLOBAL)


@rule("CenterCropPad")
def center_crop_pad(x: Tensor, target: Tensor, *, axes: Sequence[int] | None = None) -> Facts:
    """The given axes cut or padded to the given sizes.  https://onnx.ai/onnx/operators/onnx__CenterCropPad.html"""
    sizes = shaped(target, x.dtype).shape
    at = [axis_of(axis, x.rank) for axis in axes] if axes else range(x.rank)
    shape = list(x.shape)
    for axis, size in zip(at, sizes, strict=False):
        shape[axis] = size
    return Facts((Tensor(tuple(shape), x.dtype),), NO_WORK, GLOBAL)


@rule("Crop")
def crop(x: Tensor, *, border: Sequence[int] = (0, 0, 0, 0), scale: Sequence[int] | None = None) -> Facts:
    """[N, C, H, W] without a border (left, top, right, bottom), or cut to `scale`; removed in version 10."""
    n, c, h, w = x.shape
    left, top, right, bottom = border
    size = tuple(scale) if scale else (h - top - bottom, w - left - right)
    return Facts((Tensor((n, c, *size), x.dtype),), NO_WORK, Window((1, 1), (1, 1), (-top, -left), (1, 1)))


@rule("TensorScatter")
def tensor_scatter(cache: Tensor, update: Tensor, indices: Tensor | None = None) -> Facts:
    """A cache with an update written into it -> the shape of the cache.

    https://onnx.ai/onnx/operators/onnx__TensorScatter.html
    """
    return Facts((Tensor(cache.shape, cache.dtype),), NO_WORK, GLOBAL)
