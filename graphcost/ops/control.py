"""Control flow, sequences and optionals: operators that run bodies, and those that pack tensors.

A body is asked like any operator: given tensors it answers with tensors. What a loop carries is followed step by step
where it changes and the steps are few, and generalised elsewhere. Not known: how often a loop runs that its data
ends, and which branch data chooses; what is counted instead stands in the row's note.

An optional is its element: https://onnx.ai/onnx/operators/onnx__Optional.html
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from ..dims import Dim, Extent, Undecided, symbol, symbols
from ..errors import ModelError
from ..graph import UNKNOWN, Tensor, TensorSequence, UnknownShape, Unranked, element_type
from ..rules import FRESH, NO_WORK, Body, Facts, Work, data_dependent, rule
from ..shapes import axis_of
from .movement import concat

STEPS = 64
"""Steps up to which a loop whose tensors change is followed one by one."""
ENDLESS = 2**31
"""A trip count from which on it is no limit: exporters write 2**63 - 1 for a loop that only its condition ends."""
ITEMS = 4096
"""Items up to which those of a sequence are told apart."""


def scalar(tensor: Tensor | None) -> Extent | None:
    """The one element of an integer or boolean tensor, None when it is not known."""
    if tensor is None or tensor.value is None or len(tensor.value) != 1:
        return None
    value = tensor.value[0]
    return int(value) if isinstance(value, (bool, int)) else value if isinstance(value, Dim) else None


def either(a: Tensor, b: Tensor, output: int = 0) -> Tensor:
    """What is known of a tensor that is `a` or `b`: extents in which they differ are decided by data."""
    if a == b:
        return a
    if isinstance(a, TensorSequence) and isinstance(b, TensorSequence):
        items = None
        if a.items is not None and b.items is not None and len(a.items) == len(b.items):
            items = tuple(map(either, a.items, b.items))
        element = b.element if a.items == () else a.element if b.items == () else either(a.element, b.element, output)
        return TensorSequence(element, items)
    dtype = a.dtype if a.dtype != "unknown" else b.dtype
    if not a.ranked or not b.ranked or a.rank != b.rank:
        return Unranked(dtype)
    extents = enumerate(zip(a.shape, b.shape, strict=True))
    shape = tuple(x if x == y else data_dependent(_own(output, axis)) for axis, (x, y) in extents)
    value = None
    if a.shape == b.shape and a.value is not None and b.value is not None:
        value = tuple(x if x == y else None for x, y in zip(a.value, b.value, strict=True))
    return Tensor(shape, dtype, value)


def _own(output: int, axis: int) -> int:
    """A number for each axis of each output, so that what data decides in one is not taken for that in another."""
    return 100 * output + axis


@rule("If")
def if_(condition: Tensor, *, then_branch: Body, else_branch: Body) -> Facts:
    """condition: one boolean -> what the chosen branch makes. Unless it is known, the dearer branch is counted.

    https://onnx.ai/onnx/operators/onnx__If.html
    """
    chosen = scalar(condition)
    if isinstance(chosen, int):
        outputs = then_branch() if chosen else else_branch()
        return Facts(
            outputs, NO_WORK, trip_counts=(0, 1) if chosen else (1, 0)
        )  # bodies stand in the order of their names
    one, other = _possible(then_branch), _possible(else_branch)
    if one is None or other is None:
        if one is None and other is None:
            then_branch()  # raises its reason
        outputs = one or other or ()
        note = f"the {'then' if one is None else 'else'}_branch contradicts its inputs, so it is never taken"
        return Facts(outputs, NO_WORK, trip_counts=(1, 0) if one is None else (0, 1), note=note)
    if len(one) != len(other):
        raise ValueError(f"the branches make {len(one)} and {len(other)} tensors")
    outputs = tuple([either(a, b, at) for at, (a, b) in enumerate(zip(one, other, strict=True))])
    then_is_dearer, why = _dearer(then_branch.work, else_branch.work)
    note = f"data decides; counted: {'then_branch' if then_is_dearer else 'else_branch'}, {why}"
    return Facts(outputs, NO_WORK, trip_counts=(0, 1) if then_is_dearer else (1, 0), note=note)


def _possible(branch: Body) -> tuple[Tensor, ...] | None:
    """What a branch makes; None when its operators contradict one another, so that a model that runs never takes it."""
    try:
        return branch()
    except ModelError:
        return None


def _dearer(a: Work, b: Work) -> tuple[bool, str]:
    """Whether `a` costs no less than `b`, by multiply-accumulates, then by operations."""
    try:
        return ((a.ops >= b.ops) if a.macs == b.macs else (a.macs > b.macs)), "the dearer"
    except Undecided as reason:
        return True, f"though {reason}"


@rule("Loop")
def loop(limit: Tensor | None = None, condition: Tensor | None = None, *state: Tensor, body: Body) -> Facts:
    """limit: trip count, condition: one boolean, state: carried tensors -> their last values, then what each step adds.

    body: step, condition, *state -> condition, *state, *additions; these are stacked along a new first axis.
    https://onnx.ai/onnx/operators/onnx__Loop.html
    """
    most: Extent | None = scalar(limit)
    if limit is not None and most is None:
        most = data_dependent(_own(len(state), 0))
    elif isinstance(most, int) and most >= ENDLESS:
        most = None
    enters = 1 if condition is None else scalar(condition)
    if enters == 0 or (isinstance(most, int) and most <= 0):
        additions = body(_first(body, 0, "int64", 0), _first(body, 1, "bool", 1), *state)[1 + len(state) :]
        return Facts((*state, *(_stacked(each, 0, 0) for each in additions)), NO_WORK, trip_counts=(0,))
    lead = (_first(body, 0, "int64", None), _first(body, 1, "bool", 1 if enters == 1 else None))
    carried = _settle(body, lead, state, 1)
    sure = enters == 1 and scalar(carried.condition) == 1
    if not (sure and carried.given == state) and enters == 1:
        followed = _follow(body, most, state)
        if followed is not None:
            return followed
        carried = _settle(body, lead, state, 1)
    trips = most if sure and most is not None else data_dependent(_own(len(state), 1))
    outputs = carried.after(trips, [0] * len(carried.additions))
    if trips == most or most is None:
        return Facts(outputs, NO_WORK, trip_counts=(trips,))
    return Facts(
        outputs, NO_WORK, trip_counts=(most,), note="its condition may end it before the trip count that is counted"
    )


def _first(body: Body, at: int, dtype: str, value: int | None) -> Tensor:
    """The step or the condition that a loop hands to its body: a scalar, or a vector of one where the body says so."""
    stated = [*body.inputs.values(), UNKNOWN, UNKNOWN][at]
    shape = (1,) if stated.ranked and stated.rank == 1 else ()
    return Tensor(shape, dtype, None if value is None else (value,))


class _Carried:
    """What a loop's body makes of tensors that stand for those of any step."""

    def __init__(
        self, start: Sequence[Tensor], given: tuple[Tensor, ...], results: Sequence[Tensor], skip: int
    ) -> None:
        self.start = start
        self.given = given
        self.condition = results[0] if skip else None
        self.made = results[skip : skip + len(given)]
        self.additions = results[skip + len(given) :]

    def after(self, trips: Extent, axes: Sequence[int]) -> tuple[Tensor, ...]:
        """The tensors after so many steps: the last state, and the additions of all steps stacked along `axes`."""
        moving = {
            name
            for before, given in zip(self.start, self.given, strict=True)
            if before.ranked and given.ranked
            for x, y in zip(before.shape, given.shape, strict=True)
            if x != y
            for name in symbols(y)
        }
        states = zip(self.start, self.given, self.made, strict=True)
        last = [self.state_after(*tensors, trips, moving, at) for at, tensors in enumerate(states)]
        stacked = []
        for at, (tensor, axis) in enumerate(zip(self.additions, axes, strict=True), len(last)):
            if tensor.ranked and any(symbols(extent) & moving for extent in tensor.shape):
                shape = [data_dependent(_own(at, n)) if symbols(e) & moving else e for n, e in enumerate(tensor.shape)]
                tensor = Tensor(tuple(shape), tensor.dtype)
            stacked.append(_stacked(tensor, trips, axis))
        return (*last, *stacked)

    def state_after(
        self, start: Tensor, given: Tensor, made: Tensor, trips: Extent, moving: set[str], output: int
    ) -> Tensor:
        """A carried tensor after so many steps: what each step adds to an extent, it adds `trips` times."""
        if not (start.ranked and given.ranked and made.ranked) or start.shape == given.shape:
            return given
        shape: list[Extent] = []
        for axis, (first, before, after) in enumerate(zip(start.shape, given.shape, made.shape, strict=True)):
            growth = after - before
            if first == before:
                shape.append(first)
            elif symbols(growth) & moving or _is_open(trips):
                shape.append(data_dependent(_own(output, axis)))
            else:
                shape.append(first + trips * growth)
        return Tensor(tuple(shape), given.dtype)


def _is_open(trips: Extent) -> bool:
    """Whether it is the stand-in for a number that only data tells."""
    return any(name.startswith(FRESH) for name in symbols(trips))


def _settle(
    body: Body, lead: Sequence[Tensor], state: Sequence[Tensor], skip: int, rest: Sequence[Tensor] = ()
) -> _Carried:
    """Generalise the state until the body gives back no more than it was given; `skip` results precede its state."""
    given = tuple(state)
    names = list(body.inputs)[len(lead) :]
    for attempt in range(4):
        results = body(*lead, *given, *rest)
        if len(results) < skip + len(given) or len(names) < len(given):
            raise ValueError(
                f"{len(given)} tensors are carried, but the body takes {len(names)} and makes {len(results)}"
            )
        made = results[skip : skip + len(given)]
        wider = tuple([_widen(*each, attempt) for each in zip(given, made, names, strict=False)])
        if wider == given:
            break
        given = wider
    return _Carried(state, given, results, skip)


def _widen(given: Tensor, made: Tensor, name: str, attempt: int) -> Tensor:
    """A tensor that stands for both: one of the body's inputs called `name`, and what becomes of it in a step."""
    if given == made:
        return given
    if isinstance(given, TensorSequence) and isinstance(made, TensorSequence):
        return TensorSequence(made.element if given.items == () else either(given.element, made.element))
    dtype = given.dtype if given.dtype != "unknown" else made.dtype
    if not given.ranked or not made.ranked or given.rank != made.rank or attempt == 2:
        return Unranked(dtype)
    extents = enumerate(zip(given.shape, made.shape, strict=True))
    shape = tuple(x if x == y else symbol(f"{name}_{axis}", lower=0) for axis, (x, y) in extents)
    value = None
    if given.value is not None and made.value is not None and given.shape == made.shape:
        value = tuple(x if x == y else None for x, y in zip(given.value, made.value, strict=True))
        value = None if set(value) <= {None} else value
    return Tensor(shape, dtype, value)


def _follow(body: Body, most: Extent | None, state: tuple[Tensor, ...]) -> Facts | None:
    """A loop step by step; None when it takes too many, or when data ends it."""
    if isinstance(most, Dim) or (most is not None and most > STEPS):
        return None
    steps: list[Sequence[Tensor]] = []
    while most is None or len(steps) < most:
        if len(steps) == STEPS:
            return None
        run = body.again if steps else body
        going, *results = run(_first(body, 0, "int64", len(steps)), _first(body, 1, "bool", 1), *state)
        state = tuple(results[: len(state)])
        steps.append(results[len(state) :])
        goes_on = scalar(going)
        if not isinstance(goes_on, int):
            return None
        if not goes_on:
            break
    stacked = [_joined(each, at) for at, each in enumerate(zip(*steps, strict=True), len(state))]
    return Facts((*state, *stacked), NO_WORK, trip_counts=(1,))  # the rows already hold the work of every step


def _joined(tensors: Sequence[Tensor], output: int) -> Tensor:
    """What the steps added, along a new first axis."""
    one = reduce(lambda a, b: either(a, b, output), tensors)
    if not one.ranked:
        return one
    values = [tensor.value for tensor in tensors]
    value = None
    if None not in values and sum(len(each or ()) for each in values) <= ITEMS:
        value = tuple(element for each in values for element in each or ())
    return Tensor((len(tensors), *one.shape), one.dtype, value)


def _stacked(tensor: Tensor, length: Extent, axis: int) -> Tensor:
    """As many such tensors as `length` says, along a new axis."""
    if not tensor.ranked:
        return Unranked(tensor.dtype)
    at = axis_of(axis, tensor.rank + 1)
    return Tensor((*tensor.shape[:at], length, *tensor.shape[at:]), tensor.dtype)


@rule("Scan", since=9)
def scan(
    *tensors: Tensor,
    body: Body,
    num_scan_inputs: int,
    scan_input_axes: Sequence[int] = (),
    scan_output_axes: Sequence[int] = (),
) -> Facts:
    """states, then sequences -> last states, then what the steps made, stacked. The body sees a slice of each sequence.

    https://onnx.ai/onnx/operators/onnx__Scan.html
    """
    carried = len(tensors) - num_scan_inputs
    if num_scan_inputs < 1 or carried < 0:
        raise ValueError(f"{num_scan_inputs} of {len(tensors)} inputs cannot be sequences")
    state, sequences = tensors[:carried], tensors[carried:]
    lengths, slices = [], []
    for sequence, axis in zip(sequences, (*scan_input_axes, *[0] * num_scan_inputs), strict=False):
        at = axis_of(axis, sequence.rank)
        lengths.append(sequence.shape[at])
        slices.append(Tensor((*sequence.shape[:at], *sequence.shape[at + 1 :]), sequence.dtype))
    length = _agreed(lengths)
    result = _settle(body, (), state, 0, slices)
    axes = (*scan_output_axes, *[0] * len(result.additions))[: len(result.additions)]
    return Facts(result.after(length, axes), NO_WORK, trip_counts=(length,))


@rule("Scan")
def scan_8(lengths: Tensor | None = None, *tensors: Tensor, body: Body, num_scan_inputs: int) -> Facts:
    """As Scan since 9, but all have a batch axis first, which the body does not see, and sequences run along axis 1.

    https://onnx.ai/onnx/operators/onnx__Scan.html
    """
    carried = len(tensors) - num_scan_inputs
    if num_scan_inputs < 1 or carried < 0:
        raise ValueError(f"{num_scan_inputs} of {len(tensors)} inputs cannot be sequences")
    batch = _agreed([tensor.shape[0] for tensor in tensors])
    length = _agreed([tensor.shape[1] for tensor in tensors[carried:]])
    state = [Tensor(tensor.shape[1:], tensor.dtype) for tensor in tensors[:carried]]
    slices = [Tensor(tensor.shape[2:], tensor.dtype) for tensor in tensors[carried:]]
    result = _settle(body, (), state, 0, slices)
    outputs = result.after(length, [0] * len(result.additions))
    return Facts(tuple([_stacked(each, batch, 0) for each in outputs]), NO_WORK, trip_counts=(batch * length,))


def _agreed(extents: Sequence[Extent]) -> Extent:
    """The extent that tensors have in common, a number if any knows it. Raises ValueError when numbers differ."""
    numbers = {extent for extent in extents if isinstance(extent, int)}
    if len(numbers) > 1:
        raise ValueError(f"sequences of different lengths: {sorted(numbers)}")
    return numbers.pop() if numbers else extents[0]


@rule("SequenceMap")
def sequence_map(first: Tensor, *others: Tensor, body: Body, outputs: int) -> Facts:
    """A sequence, and sequences or tensors -> a sequence of each of the body's results, which is asked for every item.

    https://onnx.ai/onnx/operators/onnx__SequenceMap.html
    """
    if not isinstance(first, TensorSequence):
        raise UnknownShape("the input is not known to be a sequence")
    given = (first, *others)
    sequences = [tensor for tensor in given if isinstance(tensor, TensorSequence)]
    if first.items is None or len(first.items) > STEPS or any(sequence.items is None for sequence in sequences):
        results = body(*[each.element if isinstance(each, TensorSequence) else each for each in given])
        times = data_dependent() if first.items is None else len(first.items)
        return Facts(tuple(map(TensorSequence, results)), NO_WORK, trip_counts=(times,))
    columns: list[tuple[Tensor, ...]] = []
    for at in range(len(first.items)):
        run = body.again if columns else body
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
    element = reduce(either, items) if items else Unranked(dtype)
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
    return Facts((TensorSequence(item if known.items == () else either(known.element, item)),), NO_WORK)


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
        one = reduce(either, known.items)
        return Facts((_stacked(one, len(known.items), axis),), NO_WORK)
    if new_axis:
        return Facts((_stacked(known.element, data_dependent(), axis),), NO_WORK)
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
