"""Sequences and optionals: operators that pack tensors, take them out, and run a body for each.

What is known of a sequence is its items, up to so many, else one tensor that stands for all of them, and how many they
are. An optional is its element: https://onnx.ai/onnx/operators/onnx__Optional.html
"""

from __future__ import annotations

from collections.abc import Callable

from ..dims import Extent, ceil_div, total
from ..graph import UNKNOWN, Tensor, TensorSequence, UnknownShape, element_type
from ..rules import NO_WORK, Body, Facts, data_dependent, rule
from ..shapes import axis_of
from . import values
from .abstract import ITEMS, axis_id, is_open, join, scalar, sequence_of, stack
from .movement import concat

RUNS = 64
"""Items up to which SequenceMap runs its body for each."""


@rule("SequenceMap")
def sequence_map(first: Tensor, *others: Tensor, body: Body, outputs: int) -> Facts:
    """A sequence, and sequences or tensors -> a sequence of each of the body's results, which is run for every item.

    https://onnx.ai/onnx/operators/onnx__SequenceMap.html
    """
    if not isinstance(first, TensorSequence):
        raise UnknownShape("the input is not known to be a sequence")
    given = (first, *others)
    sequences = [tensor for tensor in given if isinstance(tensor, TensorSequence)]
    if first.items is None or len(first.items) > RUNS or any(sequence.items is None for sequence in sequences):
        results = body(*[each.element if isinstance(each, TensorSequence) else each for each in given])
        times = data_dependent() if first.length is None else first.length
        made_of = tuple([TensorSequence(result, None, first.length) for result in results])
        return Facts(made_of, NO_WORK, trip_counts=(times,))
    columns: list[tuple[Tensor, ...]] = []
    for at in range(len(first.items)):
        run = body.accumulate if columns else body
        columns.append(run(*[_item(each, at) if isinstance(each, TensorSequence) else each for each in given]))
    made = list(zip(*columns, strict=True)) or [()] * outputs
    return Facts(tuple([sequence_of(items) for items in made]), NO_WORK, trip_counts=(1,))


def _item(sequence: TensorSequence, at: int) -> Tensor:
    items = sequence.items or ()
    if not -len(items) <= at < len(items):
        raise ValueError(f"item {at} of a sequence of {len(items)}")
    return items[at]


def _sequence(tensor: Tensor) -> TensorSequence:
    """The tensor as a sequence; one of which nothing is known may be any."""
    return tensor if isinstance(tensor, TensorSequence) else TensorSequence(UNKNOWN)


@rule("SequenceConstruct")
def sequence_construct(*items: Tensor) -> Facts:
    """Tensors -> a sequence of them. https://onnx.ai/onnx/operators/onnx__SequenceConstruct.html"""
    return Facts((sequence_of(items),), NO_WORK)


@rule("SequenceEmpty")
def sequence_empty(*, dtype: int = 1) -> Facts:
    """A sequence of nothing. https://onnx.ai/onnx/operators/onnx__SequenceEmpty.html"""
    return Facts((sequence_of((), element_type(dtype)),), NO_WORK)


@rule("SequenceInsert")
def sequence_insert(sequence: Tensor, item: Tensor, position: Tensor | None = None) -> Facts:
    """The sequence with an item more. https://onnx.ai/onnx/operators/onnx__SequenceInsert.html"""
    known, at = _sequence(sequence), scalar(position)
    if known.items is not None and (position is None or isinstance(at, int)):
        where = at if isinstance(at, int) else len(known.items)
        if where < 0:
            where += len(known.items)
        return Facts((sequence_of((*known.items[:where], item, *known.items[where:])),), NO_WORK)
    element = item if known.items == () else join(known.element, item)
    return Facts((TensorSequence(element, None, _changed(known, 1)),), NO_WORK)


def _changed(sequence: TensorSequence, by: int) -> Extent | None:
    """The length of a sequence with so many items more or less."""
    return None if sequence.length is None else sequence.length + by


@rule("SequenceErase")
def sequence_erase(sequence: Tensor, position: Tensor | None = None) -> Facts:
    """The sequence with an item less, the last by default. https://onnx.ai/onnx/operators/onnx__SequenceErase.html"""
    known = _sequence(sequence)
    at = scalar(position) if position is not None else -1
    if known.items is None or not isinstance(at, int):
        return Facts((TensorSequence(known.element, None, _changed(known, -1)),), NO_WORK)
    _item(known, at)
    kept = list(known.items)
    del kept[at]
    return Facts((sequence_of(kept, known.element.dtype),), NO_WORK)


@rule("SequenceAt")
def sequence_at(sequence: Tensor, position: Tensor) -> Facts:
    """An item of the sequence. https://onnx.ai/onnx/operators/onnx__SequenceAt.html"""
    known, at = _sequence(sequence), scalar(position)
    if known.items is not None and isinstance(at, int):
        return Facts((_item(known, at),), NO_WORK)
    return Facts((known.element,), NO_WORK)


@rule("SequenceLength")
def sequence_length(sequence: Tensor) -> Facts:
    """How many items it has, a scalar. https://onnx.ai/onnx/operators/onnx__SequenceLength.html"""
    length = _sequence(sequence).length
    return Facts((Tensor((), "int64", None if length is None else (length,)),), NO_WORK)


@rule("SplitToSequence")
def split_to_sequence(x: Tensor, split: Tensor | None = None, *, axis: int = 0, keepdims: int = 1) -> Facts:
    """Pieces of `x` along `axis`: of one (without that axis unless `keepdims`), of `split`, or of each size in it.

    https://onnx.ai/onnx/operators/onnx__SplitToSequence.html
    """
    at = axis_of(axis, x.rank)
    extent = x.shape[at]

    def piece(size: Extent) -> Tensor:
        kept = () if split is None and not keepdims else (size,)
        return Tensor((*x.shape[:at], *kept, *x.shape[at + 1 :]), x.dtype)

    size = None if split is None else scalar(split)
    if split is None:
        return Facts((_pieces(piece, extent, 1),), NO_WORK)
    if split.rank == 0 and isinstance(size, int) and size > 0:
        return Facts((_pieces(piece, extent, size),), NO_WORK)
    sizes = values.extents(split) if split.rank == 1 else None
    if sizes is None:
        return Facts((TensorSequence(piece(data_dependent(at))),), NO_WORK)
    whole = None if None in sizes else total([each for each in sizes if each is not None])
    if isinstance(whole, int) and isinstance(extent, int) and whole != extent:
        raise ValueError(f"pieces of {list(sizes)} do not make up an extent of {extent}")
    opened = [data_dependent(axis_id(number, at)) if each is None else each for number, each in enumerate(sizes)]
    return Facts((sequence_of([piece(each) for each in opened]),), NO_WORK)


def _pieces(piece: Callable[[Extent], Tensor], extent: Extent, size: int) -> TensorSequence:
    """The pieces of one size into which an extent is cut; the last may be smaller."""
    if isinstance(extent, int) and extent // size <= ITEMS:
        return sequence_of([piece(min(size, extent - start)) for start in range(0, extent, size)])
    return TensorSequence(piece(size if size == 1 else data_dependent()), None, ceil_div(extent, size))


@rule("ConcatFromSequence")
def concat_from_sequence(sequence: Tensor, *, axis: int, new_axis: int = 0) -> Facts:
    """The items joined along `axis`, or stacked along a new one.

    https://onnx.ai/onnx/operators/onnx__ConcatFromSequence.html
    """
    known = _sequence(sequence)
    length = data_dependent(STACKED) if known.length is None else known.length
    if new_axis:
        return Facts((stack(known.element, length, axis),), NO_WORK)
    element = known.element
    at = axis_of(axis, element.rank)
    if known.items and not any(is_open(item.shape[at]) for item in known.items):
        return concat(*known.items, axis=axis)
    joined = data_dependent(STACKED) if is_open(element.shape[at]) else element.shape[at] * length
    return Facts((Tensor((*element.shape[:at], joined, *element.shape[at + 1 :]), element.dtype),), NO_WORK)


STACKED = 99
"""Instead of an axis, of the extent along which items of a sequence are joined: none of theirs is taken for it."""


@rule("Optional")
def optional(x: Tensor | None = None, *, type: Tensor = UNKNOWN) -> Facts:
    """An optional that holds `x`, or nothing. https://onnx.ai/onnx/operators/onnx__Optional.html"""
    return Facts((x or type,), NO_WORK)


@rule("OptionalGetElement")
def optional_get_element(x: Tensor) -> Facts:
    """What the optional holds. https://onnx.ai/onnx/operators/onnx__OptionalGetElement.html"""
    return Facts((x,), NO_WORK)


@rule("OptionalHasElement")
def optional_has_element(x: Tensor | None = None) -> Facts:
    """Whether it holds anything, a scalar. https://onnx.ai/onnx/operators/onnx__OptionalHasElement.html"""
    return Facts((Tensor((), "bool", (0,) if x is None else None),), NO_WORK)
