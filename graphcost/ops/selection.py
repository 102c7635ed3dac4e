"""Operators that select elements by what they are: those that are not zero, that differ, that are the largest.

How many there are is decided by the data, and known where the contents are.
"""

from __future__ import annotations

from collections import Counter

from ..dims import Dim, Extent, Undecided, bounds
from ..graph import Tensor
from ..rules import GLOBAL, NO_WORK, Facts, Work, data_dependent, rule
from ..shapes import axis_of
from ..windows import along
from . import values
from .indexing import gather


def _chosen(x: Tensor) -> list[int] | None:
    """The places of the elements that are not zero; None where that is not known of every one."""
    if x.value is None or None in x.value:
        return None
    try:
        return [place for place, element in enumerate(x.value) if element]
    except Undecided:
        return None


@rule("NonZero")
def non_zero(x: Tensor) -> Facts:
    """[*any] -> [rank, found], a scalar's rank being 1; the data decides how many.

    https://onnx.ai/onnx/operators/onnx__NonZero.html
    """
    work = Work(compares=x.size)
    rank = max(x.rank, 1)
    found = _chosen(x)
    if found is None:
        return Facts((Tensor((rank, data_dependent()), "int64"),), work)
    places = [place // stride % extent for extent, stride in _axes(x) for place in found]
    return Facts((Tensor((rank, len(found)), "int64", tuple(places)),), work)


def _axes(x: Tensor) -> list[tuple[int, int]]:
    """Extent and stride of each axis of a tensor of known shape."""
    extents = [values.count((extent,)) for extent in x.shape] or [1]
    return list(zip(extents, values.strides(tuple(extents)), strict=True))


@rule("Compress")
def compress(x: Tensor, condition: Tensor, *, axis: int | None = None) -> Facts:
    """The positions along an axis, or the elements, that the condition selects; the data decides how many. What the
    condition says beyond the end of the axis is not read.

    https://onnx.ai/onnx/operators/onnx__Compress.html
    """
    flat = x if axis is not None else Tensor((x.size,), x.dtype, x.value)
    at = axis_of(axis or 0, flat.rank)
    chosen, length = _chosen(condition), flat.shape[at]
    if chosen is None:
        y = Tensor((*flat.shape[:at], data_dependent(at), *flat.shape[at + 1 :]), x.dtype)
    else:
        inside = tuple([place for place in chosen if isinstance(length, Dim) or place < length])
        y = gather(flat, Tensor((len(inside),), "int64", inside), axis=at).outputs[0]
    window = GLOBAL if axis is None else along({at}, x.rank)
    return Facts((y,), NO_WORK, window, elements_read=(y.size, condition.size))


def sorting(size: Extent, length: Extent) -> Work | None:
    """Comparisons of sorting `size` elements in runs of `length`: size * ceil(log2(length)); None for a symbol."""
    return Work(compares=size * max(length - 1, 0).bit_length()) if isinstance(length, int) else None


@rule("Unique")
def unique(x: Tensor, *, axis: int | None = None, sorted: int = 1, outputs: int = 1) -> Facts:
    """The distinct elements or slices, where each first stands, which one each is, and how often it occurs.

    They are in rising order, or as they come.  https://onnx.ai/onnx/operators/onnx__Unique.html
    """
    flat = x if axis is not None else Tensor((x.size,), x.dtype, x.value)
    at = axis_of(axis or 0, flat.rank)
    length = flat.shape[at]
    work = sorting(x.size, length)
    if (known := _distinct(flat, at, in_order=bool(sorted))) is not None:
        first, inverse, counts = [Tensor((len(numbers),), "int64", tuple(numbers)) for numbers in known]
        y = gather(flat, first, axis=at).outputs[0]
        return Facts((y, first, inverse, counts)[:outputs], work, GLOBAL)
    found = data_dependent(at)
    y = Tensor((*flat.shape[:at], found, *flat.shape[at + 1 :]), x.dtype)
    each = Tensor((found,), "int64")
    return Facts((y, each, Tensor((length,), "int64"), each)[:outputs], work, GLOBAL)


def _distinct(x: Tensor, axis: int, *, in_order: bool) -> tuple[list[int], list[int], list[int]] | None:
    """Of the distinct parts of a tensor along an axis: where each first stands, which of them each part is, and how
    often each occurs; None where that is not known.
    """
    if x.value is None or any(each is None or isinstance(each, Dim) or each != each for each in x.value):
        return None
    axes, stride = values.axis_offsets(x.shape), values.strides(x.shape)[axis]
    parts = [
        values.gather(x, *axes[:axis], [place * stride], *axes[axis + 1 :])
        for place in range(values.count((x.shape[axis],)))
    ]
    counts = Counter(parts)
    first = {part: place for place, part in reversed([*enumerate(parts)])}
    order = sorted(counts, key=lambda part: part or ()) if in_order else list(counts)
    number = {part: at for at, part in enumerate(order)}
    return [first[part] for part in order], [number[part] for part in parts], [counts[part] for part in order]


@rule("com.microsoft.Unique")
def unique_of_vector(x: Tensor, *, outputs: int = 3) -> Facts:
    """[N] -> the distinct elements in the order they come, which one each is, and how often it occurs."""
    y, _, inverse, counts = unique(x, sorted=0, outputs=4).outputs
    return Facts((y, inverse, counts)[:outputs], sorting(x.size, x.size), GLOBAL)


@rule("TopK")
def top_k(x: Tensor, *, k: int, axis: int = -1) -> Facts:
    """[*any] -> values and indices, `k` along `axis`.  https://onnx.ai/onnx/operators/onnx__TopK.html

    Each element is compared with a heap of k: ceil(log2(k + 1)) comparisons.
    """
    return best(x, k, axis)


@rule("TopK", since=10, harmless=("largest", "sorted"))
def top_k_of(x: Tensor, k: Tensor, *, axis: int = -1) -> Facts:
    """[*any] -> values and indices, as many as the second input says.

    https://onnx.ai/onnx/operators/onnx__TopK.html
    """
    number = values.item(k)
    return best(x, number if isinstance(number, (int, Dim)) else None, axis)


def best(x: Tensor, k: Extent | None, axis: int) -> Facts:
    """The k largest or smallest along an axis, and where they stand; k is open when it is not known."""
    at = axis_of(axis, x.rank)
    size = x.shape[at]
    if isinstance(k, int) and isinstance(size, int) and not 0 <= k <= size:
        raise ValueError(f"the best {k} of an axis of {size}")
    shape = (*x.shape[:at], data_dependent(at) if k is None else k, *x.shape[at + 1 :])
    limits = [bounds(extent)[1] for extent in (k, size) if extent is not None]
    most = next((limit for limit in limits if limit is not None), None)
    work = None if most is None else Work(compares=x.size * most.bit_length())  # ceil(log2(k + 1))
    note = "" if isinstance(k, int) or most is None else f"comparisons are those of the best {most}, which is the most"
    return Facts((Tensor(shape, x.dtype), Tensor(shape, "int64")), work, along({at}, x.rank), note=note)
