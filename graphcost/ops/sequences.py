"""Sequences and optionals: operators that pack tensors, take them out, and run a body for each.

What is known of a sequence is its items, up to so many, else one tensor that stands for all of them. An optional is its
element: https://onnx.ai/onnx/operators/onnx__Optional.html
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from ..dims import Dim, Extent
from ..graph import UNKNOWN, Tensor, TensorSequence, UnknownShape, Unranked, element_type
from ..rules import NO_WORK, Body, Facts, data_dependent, rule
from ..shapes import axis_of
from .abstract import ITEMS, join, scalar, stack
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
        times = data_dependent() if first.items is None else len(first.items)
        return Facts(tuple(map(TensorSequence, results)), NO_WORK, trip_counts=(times,))
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


def sequence_of(items: Sequence[Tensor], dtype: str = "unknown") -> TensorSequence:
    """A sequence of these tensors."""
    element = reduce(join, items) if items else Unranked(dtype)
    return TensorSequence(element, tuple(items) if len(items) <= ITEMS else None)


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
    return Facts((TensorSequence(item if known.items == () else join(known.element, item)),), NO_WORK)


@rule("SequenceErase")
def sequence_erase(sequence: Tensor, position: Tensor | None = None) -> Facts:
    """The sequence with an item less, the last by default. https://onnx.ai/onnx/operators/onnx__SequenceErase.html"""
    known = _sequence(sequence)
    at = scalar(position) if position is not None else -1
    if known.items is None or not isinstance(at, int):
        return Facts((TensorSequence(known.element),), NO_WORK)
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
    items = _sequence(sequence).items
    return Facts((Tensor((), "int64", None if items is None else (len(items),)),), NO_WORK)


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

    sizes: Sequence[Extent | None] | None = None
    if split is None:
        if not isinstance(extent, int) or extent > ITEMS:
            return Facts((TensorSequence(piece(1)),), NO_WORK)
        sizes = [1] * extent
    elif split.rank == 0 and isinstance(size := scalar(split), int) and size > 0:
        if not isinstance(extent, int) or extent // size > ITEMS:
            return Facts((TensorSequence(piece(data_dependent(at))),), NO_WORK)
        sizes = [min(size, extent - start) for start in range(0, extent, size)]
    elif split.rank == 1 and split.value is not None:
        sizes = [size if isinstance(size, (int, Dim)) else None for size in split.value]
        if (
            None not in sizes
            and isinstance(total := sum(size for size in sizes if size is not None), int)
            and total != extent
        ):
            raise ValueError(f"pieces of {list(sizes)} do not make up an extent of {extent}")
    if sizes is None:
        return Facts((TensorSequence(piece(data_dependent(at))),), NO_WORK)
    return Facts((sequence_of([piece(data_dependent(at) if size is None else size) for size in sizes]),), NO_WORK)


@rule("ConcatFromSequence")
def concat_from_sequence(sequence: Tensor, *, axis: int, new_axis: int = 0) -> Facts:
    """The items joined along `axis`, or stacked along a new one.

    https://onnx.ai/onnx/operators/onnx__ConcatFromSequence.html
    """
    known = _sequence(sequence)
    if known.items and all(item.ranked for item in known.items):
        if not new_axis:
            return concat(*known.items, axis=axis)
        one = reduce(join, known.items)
        return Facts((stack(one, len(known.items), axis),), NO_WORK)
    if new_axis:
        return Facts((stack(known.element, data_dependent(), axis),), NO_WORK)
    shape = list(known.element.shape)
    at = axis_of(axis, len(shape))
    shape[at] = data_dependent(at)
    return Facts((Tensor(tuple(shape), known.element.dtype),), NO_WORK)


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
