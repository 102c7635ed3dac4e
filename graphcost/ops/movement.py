"""Operators that move, repeat or rename elements and compute nothing: reshaping, joining, cutting up, padding.

What picks elements by index (Slice, Gather, ...) stands in `indexing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from ..dims import Dim, Extent, Undecided, ceil_div, floor_div, total
from ..graph import Scalar, Shape, Tensor, UnknownShape
from ..rules import NO_WORK, Facts, Window, data_dependent, rule
from ..shapes import axis_of, broadcast, of_rank, show_shape
from ..windows import AxisMap, Border, mapped, reordered, stretched
from . import values
from .shape_values import opened, shaped


def concat(*parts: Tensor, axis: int) -> Facts:
    """Tensors joined along `axis`; their other extents agree. Raises ValueError when they do not."""
    if not parts:
        raise ValueError("needs at least 1 input")
    first = parts[0]
    at = axis_of(axis, first.rank)
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
    shape[at] = total([part.shape[at] for part in parts])
    return Facts((Tensor(tuple(shape), first.dtype),), NO_WORK, Window(joins=at))


def permute(x: Tensor, order: Sequence[int]) -> Facts:
    """Axes in another order. Raises ValueError unless `order` names each axis once."""
    if sorted(order) != list(range(x.rank)):
        raise ValueError(f"order {list(order)} does not name each of {x.rank} axes once")
    return Facts((Tensor(tuple(x.shape[axis] for axis in order), x.dtype),), NO_WORK, reordered(order))


def flat(x: Tensor, start: int, end: int) -> Facts:
    """Axes `start` to `end` (both included) merged into one; no bytes move."""
    first, last = axis_of(start, x.rank), axis_of(end, x.rank)
    merged: Extent = 1
    for extent in x.shape[first : last + 1]:
        merged = merged * extent
    return Facts((Tensor((*x.shape[:first], merged, *x.shape[last + 1 :]), x.dtype),), NO_WORK, is_view=True)


# --- the same elements under another shape ----------------------------------------------------------------------------


def as_view(x: Tensor, shape: Shape) -> Facts:
    """The same elements, contents too, under another shape: no bytes move."""
    value = x.value if x.value is not None and values.small(shape) and prod(shape) == len(x.value) else None
    return Facts((Tensor(shape, x.dtype, value),), NO_WORK, is_view=True)


@rule("Reshape")
def reshape(x: Tensor, *, shape: Sequence[int]) -> Facts:
    """[*any] -> the given shape: 0 copies an extent, one -1 takes what is left.

    https://onnx.ai/onnx/operators/onnx__Reshape.html
    """
    return as_view(x, reshape_shape(x, tuple(shape), copies=True))


@rule("Reshape", since=5)
def reshape_to(x: Tensor, target: Tensor, *, allowzero: int = 0) -> Facts:
    """[*any] -> the shape that the second input spells: 0 copies an extent (unless allowzero), one -1 takes what is
    left. One extent that is not known is what is left, too.

    https://onnx.ai/onnx/operators/onnx__Reshape.html
    """
    wanted = values.extents(target)
    if wanted is None:
        raise UnknownShape("the shape to take is not known")
    if not x.ranked:
        stated = tuple(extent for extent in wanted if extent is not None and (isinstance(extent, Dim) or extent > 0))
        if len(stated) < len(wanted):
            raise UnknownShape("the shape of an input is not known")
        return Facts((Tensor(stated, x.dtype),), NO_WORK, is_view=True)
    return as_view(x, reshape_shape(x, wanted, copies=not allowzero))


def reshape_shape(x: Tensor, wanted: Sequence[Extent | None], copies: bool) -> Shape:
    """The shape that Reshape gives. Raises ValueError when the elements do not come out even."""
    shape = _with_copies(x, wanted) if copies else list(wanted)
    if shape.count(-1) > 1:
        raise ValueError(f"more than one extent of {list(wanted)} is -1")
    open_axes = [axis for axis, extent in enumerate(shape) if extent is None or extent == -1]
    if len(open_axes) == 1:
        shape[open_axes[0]] = _left_over(x, prod(extent for extent in shape if extent is not None and extent != -1))
        return opened(shape)
    result = opened([None if extent == -1 else extent for extent in shape])
    if not open_axes and _differ(x.size, size := prod(result)):
        raise ValueError(f"{show_shape(x.shape)} has {x.size} elements, {show_shape(result)} has {size}")
    return result


def _with_copies(x: Tensor, wanted: Sequence[Extent | None]) -> list[Extent | None]:
    """The shape wanted, each 0 of it replaced by the extent of the input's axis."""
    for axis, extent in enumerate(wanted):
        if extent == 0 and axis >= x.rank:
            raise ValueError(f"extent {axis} is to be copied from a tensor of {x.rank} axes")
    return [x.shape[axis] if extent == 0 else extent for axis, extent in enumerate(wanted)]


def _differ(a: Extent, b: Extent) -> bool:
    """Whether two extents are known to be different numbers."""
    return isinstance(a, int) and isinstance(b, int) and a != b


def _left_over(x: Tensor, rest: Extent) -> Extent | None:
    if rest == 0:
        return 0
    if isinstance(rest, int) and isinstance(x.size, int) and x.size % rest:
        raise ValueError(f"{x.size} elements of {show_shape(x.shape)} do not divide into {rest}")
    return floor_div(x.size, rest)


@rule("Flatten")
def flatten(x: Tensor, *, axis: int = 1) -> Facts:
    """[*any] -> a matrix: the axes before `axis`, and the others.  https://onnx.ai/onnx/operators/onnx__Flatten.html"""
    at = axis + x.rank if axis < 0 else axis
    if not 0 <= at <= x.rank:
        raise ValueError(f"axis {axis} is outside a tensor of {x.rank} axes")
    return as_view(x, (prod(x.shape[:at]), prod(x.shape[at:])))


def known_axes(given: Tensor | None) -> Sequence[int] | None:
    """The axes that an input names; None when there is no input. Raises UnknownShape when it is not known."""
    if given is None:
        return None
    axes = values.ints(given)
    if axes is None:
        raise UnknownShape("which axes are meant is not known")
    return axes


@rule("Squeeze")
def squeeze(x: Tensor, *, axes: Sequence[int] | None = None) -> Facts:
    """Axes of extent 1 go: those given, or all.  https://onnx.ai/onnx/operators/onnx__Squeeze.html"""
    if not axes:
        gone = {axis for axis, extent in enumerate(x.shape) if not extent - 1}  # raises Undecided for a symbol
    else:
        gone = {axis_of(axis, x.rank) for axis in axes}
    for axis in gone:
        if isinstance(x.shape[axis], int) and x.shape[axis] != 1:
            raise ValueError(f"axis {axis} has extent {x.shape[axis]}, not 1")
    return as_view(x, tuple(extent for axis, extent in enumerate(x.shape) if axis not in gone))


@rule("Squeeze", since=13)
def squeeze_axes(x: Tensor, axes: Tensor | None = None) -> Facts:
    """Axes of extent 1 go: those the second input names, or all.  https://onnx.ai/onnx/operators/onnx__Squeeze.html"""
    return squeeze(x, axes=known_axes(axes))


@rule("Unsqueeze")
def unsqueeze(x: Tensor, *, axes: Sequence[int]) -> Facts:
    """Axes of extent 1 are put in at the given places of the result.

    https://onnx.ai/onnx/operators/onnx__Unsqueeze.html
    """
    rank = x.rank + len(axes)
    new = {axis_of(axis, rank) for axis in axes}
    if len(new) != len(axes):
        raise ValueError(f"axes {list(axes)} name one twice")
    old = iter(x.shape)
    return as_view(x, tuple(1 if axis in new else next(old) for axis in range(rank)))


@rule("Unsqueeze", since=13)
def unsqueeze_axes(x: Tensor, axes: Tensor) -> Facts:
    """The same, the second input naming the places.  https://onnx.ai/onnx/operators/onnx__Unsqueeze.html"""
    return unsqueeze(x, axes=known_axes(axes) or ())


@rule("com.microsoft.ExpandDims")
def expand_dims(x: Tensor, axis: Tensor) -> Facts:
    """An axis of extent 1 is put in."""
    return unsqueeze(x, axes=(known_axes(axis) or ())[:1])


@rule("Transpose")
def transpose(x: Tensor, *, perm: Sequence[int] | None = None) -> Facts:
    """Axes in another order, reversed unless given.  https://onnx.ai/onnx/operators/onnx__Transpose.html"""
    order = tuple(perm) if perm else tuple(range(x.rank))[::-1]
    facts = permute(x, order)
    if x.value is None:
        return facts
    axes = values.axis_offsets(x.shape)
    value = values.gather(x, *(axes[axis] for axis in order))
    return replace(facts, outputs=(replace(facts.outputs[0], value=value),))


# --- joining and cutting up -------------------------------------------------------------------------------------------


@rule("Concat")
def concat_from_channels(*parts: Tensor, axis: int = 1) -> Facts:
    """Tensors that agree but for `axis` -> one.  https://onnx.ai/onnx/operators/onnx__Concat.html"""
    return concat_along(*parts, axis=axis)


@rule("Concat", since=4)
def concat_along(*parts: Tensor, axis: int) -> Facts:
    """Tensors that agree but for `axis` -> one.  https://onnx.ai/onnx/operators/onnx__Concat.html"""
    facts = concat(*parts, axis=axis)
    y, at = facts.outputs[0], axis_of(axis, parts[0].rank)
    return replace(facts, outputs=(replace(y, value=_joined(parts, y.shape, at)),))


@rule("com.microsoft.ConcatTraining")
def concat_training(*parts: Tensor, axis: int, outputs: int = 1) -> Facts:
    """Concat, and the extent of each part along `axis`."""
    facts = concat_along(*parts, axis=axis)
    lengths = Tensor((len(parts),), "int64", tuple(part.shape[axis_of(axis, part.rank)] for part in parts))
    return replace(facts, outputs=(*facts.outputs, lengths)[:outputs])


def _joined(parts: Sequence[Tensor], shape: Shape, axis: int) -> values.Value:
    """The contents of a concatenation; those of a part that are not known are None, each."""
    if not values.small(shape) or all(part.value is None for part in parts):
        return None
    rows = values.count(shape[:axis])
    widths = [values.count(part.shape[axis:]) for part in parts]
    if sum(widths) * rows != values.count(shape) or not all(values.small(part.shape) for part in parts):
        return None
    contents = [
        part.value if part.value is not None else (None,) * (rows * width)
        for part, width in zip(parts, widths, strict=True)
    ]
    return tuple([
        element
        for row in range(rows)
        for content, width in zip(contents, widths, strict=True)
        for element in content[row * width : (row + 1) * width]
    ])  # fmt: skip


@rule("Split")
def split(
    x: Tensor, lengths: Tensor | None = None, *, axis: int = 0, split: Sequence[int] | None = None, outputs: int = 1
) -> Facts:
    """A tensor cut along `axis` at the given lengths (in version 1 also an input), or into equal parts.

    https://onnx.ai/onnx/operators/onnx__Split.html
    """
    return split_at(x, lengths, axis=axis) if lengths is not None else split_along(x, axis, split, outputs)


@rule("Split", since=13)
def split_at(
    x: Tensor, lengths: Tensor | None = None, *, axis: int = 0, num_outputs: int | None = None, outputs: int = 1
) -> Facts:
    """A tensor cut along `axis` at the lengths of the second input, or into parts of which the last may be smaller.

    https://onnx.ai/onnx/operators/onnx__Split.html
    """
    if lengths is None:
        return split_along(x, axis, None, outputs, num_outputs)
    wanted = values.extents(lengths)
    return split_along(x, axis, (None,) * outputs if wanted is None else wanted, outputs)


def split_along(
    x: Tensor, axis: int, lengths: Sequence[Extent | None] | None, outputs: int, pieces: int | None = None
) -> Facts:
    """A tensor in parts along an axis. Raises ValueError when they do not add up to it.

    One part of unknown length is what the others leave.
    """
    at = axis_of(axis, x.rank)
    size = x.shape[at]
    parts = _stated_parts(size, lengths) if lengths else _equal_parts(size, outputs, pieces or outputs)
    tops: list[Tensor] = []
    starts: list[Extent] = []
    start: Extent | None = 0
    for number, length in enumerate(parts):
        tops.append(slice_along(x, at, start, data_dependent(number) if length is None else length))
        starts += [] if start is None else [start]
        start = None if start is None or length is None else start + length
    return Facts(tuple(tops), NO_WORK, Window(cuts=at), slice_offsets=slice_offsets(x, at, starts, len(parts)))


def _equal_parts(size: Extent, outputs: int, pieces: int) -> list[Extent | None]:
    """The lengths of so many equal parts of an extent, of which the last may be smaller."""
    part = ceil_div(size, pieces)
    if isinstance(size, int) and isinstance(part, int):
        return [min(part, max(0, size - part * number)) for number in range(outputs)]
    return [*[part] * (outputs - 1), size - part * (outputs - 1)]


def _stated_parts(size: Extent, lengths: Sequence[Extent | None]) -> list[Extent | None]:
    """The lengths as stated, the only unknown one what the others leave of the extent."""
    parts = list(lengths)
    stated = total([part for part in parts if part is not None])
    if parts.count(None) == 1:
        parts[parts.index(None)] = size - stated
    elif None not in parts and _differ(stated, size):
        raise ValueError(f"parts {list(lengths)} do not add up to {size}")
    return parts


def slice_offsets(x: Tensor, axis: int, starts: Sequence[Extent], outputs: int) -> tuple[Extent, ...]:
    """Where parts of a tensor that begin at `starts` along an axis lie in it, in elements; () where a part is not one
    piece, because an axis before has more than one position, or where its start is not known.
    """
    if len(starts) != outputs or any(extent != 1 for extent in x.shape[:axis]):
        return ()
    row = prod(x.shape[axis + 1 :])
    return tuple(start * row for start in starts)


def slice_along(x: Tensor, axis: int, start: Extent | None, length: Extent, step: int = 1) -> Tensor:
    """The part of a tensor of `length` positions from `start` on along an axis."""
    shape = (*x.shape[:axis], length, *x.shape[axis + 1 :])
    if x.value is None or not isinstance(start, int) or not isinstance(length, int) or not values.small(shape):
        return Tensor(shape, x.dtype)
    axes = values.axis_offsets(x.shape)
    axes[axis] = values.walk(length, values.strides(x.shape)[axis], start, step)
    return Tensor(shape, x.dtype, values.gather(x, *axes))


# --- growing ----------------------------------------------------------------------------------------------------------


@rule("Expand")
def expand(x: Tensor, target: Tensor) -> Facts:
    """A tensor broadcast with the shape that the second input spells.

    https://onnx.ai/onnx/operators/onnx__Expand.html
    """
    wanted = shaped(target, x.dtype).shape
    shape = broadcast(x.shape, wanted)
    return Facts((Tensor(shape, x.dtype, values.broadcast(x, shape)),), NO_WORK, mapped(stretched(x.shape, shape)))


@rule("Tile")
def tile_axis(x: Tensor, tiles: Tensor, axis: Tensor) -> Facts:
    """One axis repeated so many times.  https://onnx.ai/onnx/operators/onnx__Tile.html"""
    at = values.ints(axis)
    if not at:
        raise UnknownShape("which axis is repeated is not known")
    times: list[Scalar] = [1] * x.rank
    times[axis_of(at[0], x.rank)] = values.item(tiles)
    return repeated(x, times)


@rule("Tile", since=6)
def tile(x: Tensor, repeats: Tensor) -> Facts:
    """Each axis repeated so many times.  https://onnx.ai/onnx/operators/onnx__Tile.html"""
    return repeated(x, values.extents(repeats) or (None,) * x.rank)


def repeated(x: Tensor, times: Sequence[Scalar]) -> Facts:
    """Each axis of a tensor so many times over, one after the other."""
    if len(times) != x.rank:
        raise ValueError(f"{len(times)} repeats for {x.rank} axes")
    shape = opened([
        extent * time if isinstance(time, (int, Dim)) else None for extent, time in zip(x.shape, times, strict=True)
    ])  # fmt: skip
    value = None
    if x.value is not None and values.small(shape):
        axes = zip(values.axis_offsets(x.shape), times, strict=True)
        value = values.gather(x, *(offsets * values.count((time,)) for offsets, time in axes if isinstance(time, int)))
    places = (axis if time == 1 else AxisMap(axis, border="repeat") for axis, time in enumerate(times))
    return Facts((Tensor(shape, x.dtype, value),), NO_WORK, mapped(tuple(places)))


@rule("Pad")
def pad(
    x: Tensor,
    *,
    pads: Sequence[int] | None = None,
    paddings: Sequence[int] | None = None,
    mode: str = "constant",
    value: float = 0.0,
) -> Facts:
    """Each axis grows by its two pads, which may be negative; version 1 calls them `paddings`.

    https://onnx.ai/onnx/operators/onnx__Pad.html
    """
    fill = Tensor((), x.dtype, values.cast((value,), x.dtype))
    return padded(x, range(x.rank), tuple(pads or paddings or ()), mode, fill)


@rule("Pad", since=11, weights={"fill": "settings"})
def pad_by(
    x: Tensor, pads: Tensor, fill: Tensor | None = None, axes: Tensor | None = None, *, mode: str = "constant"
) -> Facts:
    """Each axis, or each that is named, grows by its two pads, which may be negative.

    https://onnx.ai/onnx/operators/onnx__Pad.html
    """
    which = known_axes(axes)
    grown = range(x.rank) if which is None else [axis_of(axis, x.rank) for axis in which]
    amounts = values.extents(pads)
    if amounts is None or (len(amounts) == 1 and pads.value is None):
        amounts = (None,) * (2 * len(grown))
    return padded(x, grown, amounts, mode, fill)


rule("com.microsoft.Pad")(pad_by)


def padded(
    x: Tensor, axes: Sequence[int], pads: Sequence[Extent | None], mode: str, fill: Tensor | None = None
) -> Facts:
    """A tensor of which the given axes grow: all the pads before, then all those behind."""
    if len(pads) != 2 * len(axes):
        raise ValueError(f"{len(pads)} pads for {len(axes)} axes, which have two each")
    shape: list[Extent | None] = list(x.shape)
    before: list[Extent | None] = [0] * x.rank
    for axis, start, end in zip(axes, pads, pads[len(axes) :], strict=False):
        shape[axis] = None if start is None or end is None else x.shape[axis] + start + end
        before[axis] = start
    y = Tensor(opened(shape), x.dtype)
    if x.value is not None and mode == "constant" and values.small(y.shape):
        y = replace(y, value=_framed(x, y.shape, before, values.item(fill) if fill else 0))
    return Facts((y,), NO_WORK, _frame(x, y, before, mode))


def _framed(x: Tensor, shape: Shape, before: Sequence[Extent | None], fill: Scalar) -> values.Value:
    """The contents of a tensor with others around it."""
    outside = -values.count(x.shape) * (x.rank + 1) - 1  # so far off that no other axis brings it back
    axes = [
        [at * stride if 0 <= at < values.count((size,)) else outside for at in _positions(start, extent)]
        for size, extent, start, stride in zip(x.shape, shape, before, values.strides(x.shape), strict=True)
    ]
    value = x.value or ()
    return tuple([value[place] if place >= 0 else fill for place in values.offsets(*axes)])


def _positions(start: Extent | None, extent: Extent) -> range:
    """The positions of the input at which those of the output stand. Raises Undecided for a symbolic start."""
    if not isinstance(start, int) or not isinstance(extent, int):
        raise Undecided("where the input begins in the output depends on its symbols")
    return range(-start, extent - start)


def _frame(x: Tensor, y: Tensor, before: Sequence[Extent | None], mode: str) -> Window:
    """Padding as a window of one tap that begins before the input; what stands there is nothing, or some of it."""
    ends = [None if b is None else after - size - b for size, after, b in zip(x.shape, y.shape, before, strict=True)]
    places = tuple([_framed_axis(axis, *pads, mode) for axis, pads in enumerate(zip(before, ends, strict=True))])
    starts = tuple(start for start in before[2:] if isinstance(start, int))
    if len(starts) < x.rank - 2 or (x.shape[2:] == y.shape[2:] and not any(starts)):
        return mapped(places)
    ones = (1,) * len(starts)
    return Window(ones, ones, starts, ones, maps=(places,))


def _framed_axis(axis: int, before: Extent | None, after: Extent | None, mode: str) -> int | AxisMap | None:
    """How an axis is read between its two pads; None, all of it, where one end is cut and more than the last element is
    copied behind the other.
    """
    if before == 0 and after == 0:
        return axis
    if mode == "constant":
        return AxisMap(axis, pad=before if isinstance(before, int) else None)
    border = _BORDERS.get(mode)
    if border is None or not isinstance(before, int):
        return None
    if border != "edge" and not (isinstance(after, int) and min(before, after) * max(before, after) >= 0):
        return None
    return AxisMap(axis, pad=before, border=border)


_BORDERS: dict[str, Border] = {"edge": "edge", "reflect": "reflect", "wrap": "wrap"}


# --- images -----------------------------------------------------------------------------------------------------------


@rule("DepthToSpace", harmless=("mode",))
def depth_to_space(x: Tensor, *, blocksize: int) -> Facts:
    """[N, C, H, W] -> [N, C/b^2, H*b, W*b].  https://onnx.ai/onnx/operators/onnx__DepthToSpace.html"""
    n, c, h, w = of_rank(x.shape, 4, "input")
    y = Tensor((n, _whole(c, blocksize * blocksize), h * blocksize, w * blocksize), x.dtype)
    block, back = (blocksize, blocksize), (blocksize - 1, blocksize - 1)
    return Facts((y,), NO_WORK, Window(block, (1, 1), back, (1, 1), block))  # as a nearest-neighbour resize


@rule("SpaceToDepth", harmless=("mode",))
def space_to_depth(x: Tensor, *, blocksize: int) -> Facts:
    """[N, C, H, W] -> [N, C*b^2, H/b, W/b].  https://onnx.ai/onnx/operators/onnx__SpaceToDepth.html"""
    n, c, h, w = of_rank(x.shape, 4, "input")
    block = (blocksize, blocksize)
    y = Tensor((n, c * blocksize * blocksize, _whole(h, blocksize), _whole(w, blocksize)), x.dtype)
    return Facts((y,), NO_WORK, Window(block, block, (0, 0), (1, 1)))


def _whole(extent: Extent, parts: int) -> Extent:
    """An extent divided into parts. Raises ValueError when it does not come out even."""
    if parts < 1 or (isinstance(extent, int) and extent % parts):
        raise ValueError(f"an extent of {extent} does not divide into {parts}")
    return extent // parts


@rule("Crop")
def crop(x: Tensor, *, border: Sequence[int] = (0, 0, 0, 0), scale: Sequence[int] | None = None) -> Facts:
    """[N, C, H, W] without a border (left, top, right, bottom), or cut to `scale`; removed in version 10."""
    n, c, h, w = of_rank(x.shape, 4, "input")
    if len(border) != 4 or (scale and len(scale) != 2):
        raise ValueError("border should be left, top, right and bottom, and scale a height and a width")
    left, top, right, bottom = border
    height, width = scale or (h - top - bottom, w - left - right)
    y = Tensor((n, c, height, width), x.dtype)
    places = (0, 1, AxisMap(2, pad=-top), AxisMap(3, pad=-left))
    window = Window((1, 1), (1, 1), (-top, -left), (1, 1), maps=(places,))
    return Facts((y,), NO_WORK, window, elements_read=(y.size,))


@rule("CenterCropPad")
def center_crop_pad(x: Tensor, target: Tensor, *, axes: Sequence[int] | None = None) -> Facts:
    """The given axes, or all, cut or padded evenly to the sizes that the second input spells.

    https://onnx.ai/onnx/operators/onnx__CenterCropPad.html
    """
    chosen = range(x.rank) if axes is None else [axis_of(axis, x.rank) for axis in axes]
    sizes = values.extents(target) or (None,) * len(chosen)
    if len(sizes) != len(chosen):
        raise ValueError(f"{len(sizes)} sizes for {len(chosen)} axes")
    shape: list[Extent | None] = list(x.shape)
    places: list[int | AxisMap] = list(range(x.rank))
    for axis, size in zip(chosen, sizes, strict=True):
        shape[axis] = size
        if size != x.shape[axis]:
            places[axis] = AxisMap(axis, pad=_centred(x.shape[axis], size))
    y = Tensor(opened(shape), x.dtype)
    return Facts((y,), NO_WORK, mapped(tuple(places)), elements_read=(y.size,))


def _centred(size: Extent, wanted: Extent | None) -> int | None:
    """The padding before an axis that is brought to a size evenly, below 0 where it is cut; None for symbols."""
    if not isinstance(size, int) or not isinstance(wanted, int):
        return None
    return (wanted - size) // 2 if wanted > size else -((size - wanted) // 2)
