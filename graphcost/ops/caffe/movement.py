"""Layers that join, cut, reshape, repeat or reorder, and compute nothing."""

from __future__ import annotations

from itertools import accumulate, pairwise
from math import prod

from ...dims import Extent, bounds
from ...graph import Tensor
from ...rules import GLOBAL, NO_WORK, Facts, Window, Work, data_dependent, rule
from ...shapes import axis_of, of_rank, show_shape
from .. import movement, windowed
from .fields import Value, blob, blob_shape, choice, listed, whole


@rule("caffe.Concat")
def concat(*bottoms: Tensor, axis: Value = 1, concat_dim: Value = None) -> Facts:
    """Bottoms joined along `axis` (`concat_dim` before 2014)."""
    return movement.concat(*bottoms, axis=whole(axis if concat_dim is None else concat_dim, "axis"))


@rule("caffe.Slice")
def slice_(
    x: Tensor, *, axis: Value = 1, slice_dim: Value = None, slice_point: Value = None, outputs: int = 1
) -> Facts:
    """A bottom cut along `axis` at the given points, or into equal parts."""
    at = axis_of(whole(axis if slice_dim is None else slice_dim, "axis"), x.rank)
    size, points = x.shape[at], [whole(point, "slice_point") for point in listed(slice_point)]
    lengths: list[Extent]
    if points:
        if len(points) != outputs - 1:
            raise ValueError(f"{len(points)} slice points make {len(points) + 1} parts; there are {outputs} tops")
        edges: list[Extent] = [0, *points, size]
        lengths = [end - start for start, end in pairwise(edges)]
        if any(isinstance(length, int) and length < 1 for length in lengths):
            raise ValueError(f"slice points {points} do not cut an extent of {size} into parts")
    else:
        if isinstance(size, int) and size % outputs:
            raise ValueError(f"an extent of {size} cannot be cut into {outputs} equal parts")
        lengths = [size // outputs] * outputs
    tops = tuple(Tensor((*x.shape[:at], length, *x.shape[at + 1 :])) for length in lengths)
    starts = [0, *accumulate(lengths[:-1])]
    return Facts(tops, NO_WORK, Window(cuts=at), slice_offsets=movement.slice_offsets(x, at, starts, outputs))


@rule("caffe.Split")
def split(x: Tensor, *, outputs: int = 1) -> Facts:
    """The bottom, once for each top."""
    return Facts((Tensor(x.shape),) * outputs, NO_WORK, is_view=True, slice_offsets=(0,) * outputs)


@rule("caffe.Silence")
def silence(*bottoms: Tensor, **others: Value) -> Facts:
    """Takes its bottoms, so that they are no outputs of the net, and looks at none."""
    return Facts((), NO_WORK, elements_read=(0,) * len(bottoms))


@rule("caffe.HDF5Output")
def hdf5_output(*bottoms: Tensor, **others: Value) -> Facts:
    """Reads its bottoms and makes no top."""
    return Facts((), NO_WORK)


@rule("caffe.Crop")
def crop(x: Tensor, reference: Tensor, *, axis: Value = 2, offset: Value = None) -> Facts:
    """x cut to the reference's extents from `axis` on, starting at `offset` (none, one for all, or one per axis)."""
    at = axis_of(whole(axis, "axis"), x.rank)
    offsets = windowed.per_axis(tuple(whole(entry, "offset") for entry in listed(offset)), x.rank - at, 0)
    y = Tensor((*x.shape[:at], *of_rank(reference.shape, x.rank, "the second blob")[at:]))
    for size, wanted, start in zip(x.shape[at:], y.shape[at:], offsets, strict=True):
        most = bounds(size - wanted - start)[1]
        if most is not None and most < 0:
            raise ValueError(f"cannot cut {wanted} elements from {start} on out of {size}")
    spatial_offsets = ((0,) * at + offsets)[2:]
    ones = (1,) * len(spatial_offsets)
    return Facts((y,), NO_WORK, Window(ones, ones, tuple(-o for o in spatial_offsets), ones), elements_read=(y.size, 0))


@rule("caffe.CROP")
def crop_v1(x: Tensor, reference: Tensor) -> Facts:
    """Height and width of the second bottom (the FCN branch's layer, before Crop); where it cuts is not stated."""
    y = Tensor((*x.shape[:2], *reference.shape[2:]))
    return Facts((y,), NO_WORK, GLOBAL, elements_read=(y.size, 0))


@rule("caffe.MergeCrop", harmless=("forward", "backward"))
def merge_crop(x: Tensor, other: Tensor, *, operation: Value = None) -> Facts:
    """The second bottom cut to the first's extents and joined to its channels, or added to them (Greentea)."""
    if operation is not None and choice(operation, "STACK", "ADD") == "ADD":
        return Facts((Tensor(x.shape, x.dtype),), Work(adds=x.size))
    return Facts((Tensor((x.shape[0], x.shape[1] + other.shape[1], *x.shape[2:])),), NO_WORK, GLOBAL)


@rule("caffe.Reshape")
def reshape(
    x: Tensor, *, shape: Value = (), axis: Value = 0, num_axes: Value = -1, pixelshuffler: Value = None
) -> Facts:
    """The span of axes from `axis` replaced by `shape`: 0 copies the bottom's extent, one -1 takes what is left.

    A fork's `pixelshuffler` p ignores the shape: [N, C, H, W] -> [N, C / p^2, H p, W p].
    """
    if pixelshuffler is not None:
        return movement.depth_to_space(x, blocksize=whole(pixelshuffler, "pixelshuffler", 1))
    wanted = [whole(extent, "dim") for extent in blob_shape(shape)]
    start = whole(axis, "axis")
    start = start if start >= 0 else x.rank + start + 1
    span = whole(num_axes, "num_axes")
    end = x.rank if span == -1 else start + span
    if not 0 <= start <= end <= x.rank:
        raise ValueError(f"axes {start} to {end} are outside a blob of {x.rank} axes")
    middle: list[Extent] = []
    for at, extent in enumerate(wanted):
        if extent == 0 and start + at >= x.rank:
            raise ValueError(f"dim 0 copies axis {start + at} of a blob of {x.rank} axes")
        middle.append(x.shape[start + at] if extent == 0 else extent)
    result = [*x.shape[:start], *middle, *x.shape[end:]]
    if middle.count(-1) > 1:
        raise ValueError("only one dim can be -1")
    if -1 in middle:
        rest = prod(extent for extent in result if extent != -1)
        left = x.size % rest
        if isinstance(left, int) and left:
            raise ValueError(f"{x.size} elements cannot be shaped into multiples of {rest}")
        result[start + middle.index(-1)] = x.size // rest
    elif isinstance(x.size, int) and prod(result) != x.size:
        raise ValueError(f"{show_shape(x.shape)} has {x.size} elements, {show_shape(result)} has {prod(result)}")
    return movement.as_view(x, tuple(result))


@rule("caffe.Flatten")
def flatten(x: Tensor, *, axis: Value = 1, end_axis: Value = -1) -> Facts:
    """Axes `axis` to `end_axis` merged into one."""
    return movement.flat(x, whole(axis, "axis"), whole(end_axis, "end_axis"))


@rule("caffe.Tile")
def tile(x: Tensor, *, axis: Value = 1, tiles: Value = None) -> Facts:
    """The bottom repeated `tiles` times along `axis`."""
    at = axis_of(whole(axis, "axis"), x.rank)
    length = x.shape[at] * whole(tiles, "tiles", 1)
    return Facts((Tensor((*x.shape[:at], length, *x.shape[at + 1 :])),), NO_WORK, GLOBAL)


@rule("caffe.BatchReindex")
def batch_reindex(x: Tensor, index: Tensor) -> Facts:
    """[N, ...] and [M] -> [M, ...]."""
    y = Tensor((index.shape[0], *x.shape[1:]))
    return Facts((y,), NO_WORK, elements_read=(y.size, index.size))


@rule("caffe.Filter")
def filter_(*bottoms: Tensor) -> Facts:
    """The items of each bottom but the last that the last selects; how many, the data decides."""
    tops = tuple(Tensor((data_dependent(), *bottom.shape[1:])) for bottom in bottoms[:-1])
    return Facts(tops, Work(compares=bottoms[-1].size))


@rule("caffe.Parameter")
def parameter(*, shape: Value = ()) -> Facts:
    """A learned blob as a top."""
    w = blob(*(whole(extent, "dim") for extent in blob_shape(shape)))
    return Facts((w,), NO_WORK, weights=(w,))


@rule("caffe.Permute", "caffe.Transpose")
def permute(x: Tensor, *, order: Value = (), dim: Value = ()) -> Facts:
    """Axes in another order; those that it does not name follow."""
    given = [whole(axis, "order") for axis in listed(order or dim or ())]
    rest = [axis for axis in range(x.rank) if axis not in given]
    facts = movement.transpose(x, perm=(*given, *rest))
    return Facts(facts.outputs, facts.work, facts.window)


@rule("caffe.Squeeze")
def squeeze(x: Tensor, *, axis: Value = None) -> Facts:
    """The given axes of extent 1 go, or all of them."""
    return movement.squeeze(x, axes=tuple(whole(a, "axis") for a in listed(axis)) or None)


@rule("caffe.Pad")
def pad(x: Tensor, *, paddings: Value = ()) -> Facts:
    """Each axis i grows by paddings[2i] + paddings[2i + 1]."""
    amounts = [whole(amount, "paddings") for amount in listed(paddings)]
    return movement.pad(x, pads=(*amounts[::2], *amounts[1::2]))


@rule("caffe.SpaceToBatchND")
def space_to_batch_nd(x: Tensor, *, block_shape: Value = (), paddings: Value = ()) -> Facts:
    """The batch times the blocks; each axis from 1 on, padded, divided by its block (TensorFlow)."""
    blocks = [whole(b, "block_shape", 1) for b in listed(block_shape)]
    pads = [whole(p, "paddings") for p in listed(paddings)]
    shape = list(x.shape)
    for axis, block in enumerate(blocks, 1):
        shape[axis] = (shape[axis] + pads[2 * axis - 2] + pads[2 * axis - 1]) // block
    return Facts((Tensor((shape[0] * prod(blocks), *shape[1:])),), NO_WORK, GLOBAL)


@rule("caffe.BatchToSpaceND")
def batch_to_space_nd(x: Tensor, *, block_shape: Value = (), crops: Value = ()) -> Facts:
    """The batch divided by the blocks; each axis from 1 on times its block, less its crops (TensorFlow)."""
    blocks = [whole(b, "block_shape", 1) for b in listed(block_shape)]
    cuts = [whole(c, "crops") for c in listed(crops)] or [0] * (2 * len(blocks))
    shape = list(x.shape)
    for axis, block in enumerate(blocks, 1):
        shape[axis] = shape[axis] * block - cuts[2 * axis - 2] - cuts[2 * axis - 1]
    return Facts((Tensor((shape[0] // prod(blocks), *shape[1:])),), NO_WORK, GLOBAL)


@rule("caffe.ShuffleChannel", harmless=("group",))
def shuffle_channel(x: Tensor) -> Facts:
    """[N, C, ...] -> the same maps in another order."""
    return Facts((Tensor(x.shape, x.dtype),), NO_WORK)


@rule("caffe.Reverse", "caffe.Flip", harmless=("axis", "flip_width", "flip_height"))
def reversed_(x: Tensor) -> Facts:
    """[*any] -> the same elements in another order, which moves positions."""
    return Facts((Tensor(x.shape, x.dtype),), NO_WORK, GLOBAL)


@rule("caffe.Affinity")
def affinity(x: Tensor, *others: Tensor, outputs: int = 1, **fields: Value) -> Facts:
    """[N, C, H, W] -> [1, 2, H, W]; its cost is not stated (Greentea)."""
    return Facts((Tensor((1, 2, *x.shape[2:])),) * outputs, None, GLOBAL)
