"""Control flow: operators that run bodies, which are graphs of their own.

A body is called like a function: given tensors it answers with tensors. A loop whose state changes from step to step is
unrolled where its steps are few; elsewhere its state is generalised until a run of the body changes it no more, a
fixpoint. A loop that counters end is followed until they do. Not known: how often a loop runs that its data ends, and
which branch data chooses; what is counted instead stands in the row's note.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from ..dims import Dim, Extent, Undecided, symbols
from ..errors import ModelError
from ..graph import UNKNOWN, Tensor, TensorSequence
from ..rules import NO_WORK, Body, Facts, Work, data_dependent, rule
from ..shapes import axis_of
from .abstract import axis_id, common_extent, is_open, join, scalar, stack, widen

STEPS = 64
"""Steps up to which a loop whose tensors change is unrolled."""
COUNTED = (1024, 512, 256, 128)
"""Steps up to which a loop is unrolled to see when its condition ends it, the most of them that its body affords."""
CONTENTS = 4096
"""Elements up to which contents that steps add are kept in what is stacked of them."""
ENDLESS = 2**31
"""A trip count from which on it is no limit: exporters write 2**63 - 1 for a loop that only its condition ends."""
ATTEMPTS = 4
"""Runs of a body in search of a fixpoint; the third gives up the rank of what still changes."""
LIMIT, TRIPS = 98, 99
"""Instead of an axis, of the extents that data decides: a loop's trip limit, and how often it runs. No tensor has so
many axes, so neither is taken for an extent of an output."""


# --- branches ---------------------------------------------------------------------------------------------------------


@rule("If")
def if_(condition: Tensor, *, then_branch: Body, else_branch: Body) -> Facts:
    """condition: one boolean -> what the chosen branch makes. Unless it is known, the more expensive one is counted,
    and both where that depends on open sizes: the totals are then upper bounds.

    https://onnx.ai/onnx/operators/onnx__If.html
    """
    chosen = scalar(condition)
    if isinstance(chosen, int):
        return Facts(then_branch() if chosen else else_branch(), NO_WORK, trip_counts=_counts(bool(chosen)))
    one, other = _possible(then_branch), _possible(else_branch)
    if one is None and other is None:
        then_branch()  # raises its reason
    if one is None or other is None:
        note = f"the {'then' if one is None else 'else'}_branch contradicts its inputs, so it is never taken"
        return Facts(one or other or (), NO_WORK, trip_counts=_counts(then=one is not None), note=note)
    if len(one) != len(other):
        raise ValueError(f"the branches make {len(one)} and {len(other)} tensors")
    outputs = tuple([join(a, b, at) for at, (a, b) in enumerate(zip(one, other, strict=True))])
    try:
        then = more_expensive(then_branch.work, else_branch.work)
    except Undecided as reason:
        return Facts(outputs, NO_WORK, trip_counts=(1, 1), note=f"data decides; counted: both branches, since {reason}")
    note = f"data decides; counted: {'then_branch' if then else 'else_branch'}, the more expensive"
    return Facts(outputs, NO_WORK, trip_counts=_counts(then), note=note)


def _counts(then: bool) -> tuple[int, int]:
    """How often each branch runs, in the order of their names: else_branch, then_branch."""
    return (0, 1) if then else (1, 0)


def _possible(branch: Body) -> tuple[Tensor, ...] | None:
    """What a branch makes; None when its operators contradict one another, so that a model that runs never takes it."""
    try:
        return branch()
    except ModelError:
        return None


def more_expensive(a: Work, b: Work) -> bool:
    """Whether `a` costs no less than `b`, by multiply-accumulates, then by operations.

    Raises Undecided where that depends on open sizes.
    """
    return a.ops >= b.ops if a.macs == b.macs else a.macs > b.macs


# --- loops ------------------------------------------------------------------------------------------------------------


@rule("Loop", weights={"state": "states"})
def loop(limit: Tensor | None = None, condition: Tensor | None = None, *state: Tensor, body: Body) -> Facts:
    """limit: trip count, condition: one boolean, state: carried tensors -> their last values, then what each step adds.

    body: step, condition, *state -> condition, *state, *additions; these are stacked along a new first axis.
    https://onnx.ai/onnx/operators/onnx__Loop.html
    """
    most, enters = _trip_limit(limit), 1 if condition is None else scalar(condition)
    if enters == 0 or (isinstance(most, int) and most <= 0):
        return _skipped(body, state)
    step = body.step
    lead = (_loop_input(body, 0, "int64", step), _loop_input(body, 1, "bool", 1 if enters == 1 else None))
    general = fixpoint(body, lead, state, 1, steps=step)
    goes_on = enters == 1 and scalar(general.condition) == 1
    if enters == 1 and not (goes_on and general.given == state):
        if (unrolled := unroll(body, most, state, to_the_limit=goes_on)) is not None:
            return unrolled
        general = fixpoint(body, lead, state, 1, steps=step)  # the body's rows are those of its last run
    trips = most if goes_on and most is not None else data_dependent(TRIPS)
    outputs = general.after(trips, [0] * len(general.additions))
    if goes_on or most is None:
        return Facts(outputs, NO_WORK, trip_counts=(trips,))
    note = "its condition may end it before the trip count that is counted"
    return Facts(outputs, NO_WORK, trip_counts=(most,), note=note)


def _trip_limit(limit: Tensor | None) -> Extent | None:
    """The most steps of a loop: a number, a symbol where data gives it, None where only its condition ends it."""
    if limit is None:
        return None
    most = scalar(limit)
    if most is None:
        return data_dependent(LIMIT)
    return None if isinstance(most, int) and most >= ENDLESS else most


def _skipped(body: Body, state: Sequence[Tensor]) -> Facts:
    """A loop of no steps: the state as it came in, and additions of length 0."""
    first = (_loop_input(body, 0, "int64", 0), _loop_input(body, 1, "bool", 1))
    additions = body(*first, *state)[1 + len(state) :]
    return Facts((*state, *(stack(each, 0, 0) for each in additions)), NO_WORK, trip_counts=(0,))


def _loop_input(body: Body, at: int, dtype: str, value: Extent | None) -> Tensor:
    """The step or the condition that a loop hands to its body: a scalar, or a vector of one where the body says so."""
    stated = [*body.inputs.values(), UNKNOWN, UNKNOWN][at]
    shape = (1,) if stated.ranked and stated.rank == 1 else ()
    return Tensor(shape, dtype, None if value is None else (value,))


def unroll(body: Body, most: Extent | None, state: tuple[Tensor, ...], *, to_the_limit: bool) -> Facts | None:
    """A loop step by step; None when it takes too many, or when data ends it.

    Of one that always runs `to_the_limit` few are followed: how often it runs is known anyway.
    """
    longest = STEPS if to_the_limit else next(filter(body.affords, COUNTED), STEPS)
    if isinstance(most, Dim) or (to_the_limit and most is not None and most > longest):
        return None
    steps: list[Sequence[Tensor]] = []
    while most is None or len(steps) < most:
        if len(steps) == longest:
            return None
        run = body.accumulate if steps else body
        going, *results = run(_loop_input(body, 0, "int64", len(steps)), _loop_input(body, 1, "bool", 1), *state)
        state = tuple(results[: len(state)])
        steps.append(results[len(state) :])
        goes_on = scalar(going)
        if not isinstance(goes_on, int):
            return None
        if not goes_on:
            break
    stacked = [_stack_all(each, at) for at, each in enumerate(zip(*steps, strict=True), len(state))]
    return Facts((*state, *stacked), NO_WORK, trip_counts=(1,))  # the rows already hold the work of every step


def _stack_all(tensors: Sequence[Tensor], output: int) -> Tensor:
    """What the steps added, along a new first axis."""
    one = reduce(lambda a, b: join(a, b, output), tensors)
    if not one.ranked:
        return one
    values = [tensor.value for tensor in tensors]
    value = None
    if None not in values and sum(len(each or ()) for each in values) <= CONTENTS:
        value = tuple(element for each in values for element in each or ())
    return Tensor((len(tensors), *one.shape), one.dtype, value)


# --- a state that stands for that of any step -------------------------------------------------------------------------


def fixpoint(
    body: Body,
    lead: Sequence[Tensor],
    state: Sequence[Tensor],
    skip: int,
    rest: Sequence[Tensor] = (),
    steps: Extent = 0,
) -> Carried:
    """Generalise the state until the body gives back no more than it was given; `skip` results precede its state.

    `steps` is the symbol that stands for the number of the step among what the body is given, if any does.
    """
    given = tuple(state)
    names = list(body.inputs)[len(lead) :]
    for attempt in range(ATTEMPTS):
        results = body(*lead, *given, *rest)
        if len(results) < skip + len(given) or len(names) < len(given):
            raise ValueError(
                f"{len(given)} tensors are carried, but the body takes {len(names)} and makes {len(results)}"
            )
        made = results[skip : skip + len(given)]
        wider = tuple([widen(*each, attempt) for each in zip(given, made, names, strict=False)])
        if wider == given:
            break
        given = wider
    return Carried(state, given, results, skip, symbols(steps))


class Carried:
    """What a loop's body makes of tensors that stand for those of any step."""

    def __init__(
        self,
        start: Sequence[Tensor],
        given: tuple[Tensor, ...],
        results: Sequence[Tensor],
        skip: int,
        step: frozenset[str] = frozenset(),
    ) -> None:
        self.start = start
        self.given = given
        self.condition = results[0] if skip else None
        self.made = results[skip : skip + len(given)]
        self.additions = results[skip + len(given) :]
        self.step = step

    def after(self, trips: Extent, axes: Sequence[int]) -> tuple[Tensor, ...]:
        """The tensors after so many steps: the last state, and the additions of all steps stacked along `axes`."""
        changing = self._changing()
        states = zip(self.start, self.given, self.made, strict=True)
        last = [self._state_after(*tensors, trips, changing, at) for at, tensors in enumerate(states)]
        additions = enumerate(zip(self.additions, axes, strict=True), len(last))
        stacked = [stack(_open_extents(tensor, changing, at), trips, axis) for at, (tensor, axis) in additions]
        return (*last, *stacked)

    def _changing(self) -> frozenset[str]:
        """The symbols that stand for extents which are others in each step."""
        pairs = [pair for x, y in zip(self.start, self.given, strict=True) for pair in _sizes(x, y)]
        return self.step.union(name for first, any_ in pairs if first != any_ for name in symbols(any_))

    @staticmethod
    def _state_after(
        start: Tensor, given: Tensor, made: Tensor, trips: Extent, changing: frozenset[str], output: int
    ) -> Tensor:
        """A carried tensor after so many steps: what each step adds to an extent, it adds `trips` times."""
        if isinstance(given, TensorSequence):
            return _sequence_after(start, given, made, trips, changing)
        if not (start.ranked and given.ranked and made.ranked) or start.shape == given.shape:
            return given
        shape: list[Extent] = []
        for axis, (first, before, after) in enumerate(zip(start.shape, given.shape, made.shape, strict=True)):
            growth = after - before
            if first == before:
                shape.append(first)
            elif symbols(growth) & changing or is_open(trips):
                shape.append(data_dependent(axis_id(output, axis)))
            else:
                shape.append(first + trips * growth)
        return Tensor(tuple(shape), given.dtype)


def _sizes(start: Tensor, given: Tensor) -> list[tuple[Extent, Extent]]:
    """Pairs of the sizes of a carried tensor or sequence: as it came in, and as it stands for that of any step."""
    if isinstance(start, TensorSequence) and isinstance(given, TensorSequence):
        first, any_ = start.length, given.length
        return [] if first is None or any_ is None else [(first, any_)]
    return list(zip(start.shape, given.shape, strict=True)) if start.ranked and given.ranked else []


def _open_extents(tensor: Tensor, changing: frozenset[str], output: int) -> Tensor:
    """A tensor of one step as that of any: extents that change are decided by data."""
    if not tensor.ranked or not any(symbols(extent) & changing for extent in tensor.shape):
        return tensor
    extents = enumerate(tensor.shape)
    shape = [data_dependent(axis_id(output, axis)) if symbols(e) & changing else e for axis, e in extents]
    return Tensor(tuple(shape), tensor.dtype)


def _sequence_after(
    start: Tensor, given: TensorSequence, made: Tensor, trips: Extent, changing: frozenset[str]
) -> TensorSequence:
    """A carried sequence after so many steps: what each step adds to its length, it adds `trips` times."""
    element = _open_extents(given.element, changing, 0)
    if given.items is not None or not isinstance(start, TensorSequence) or not isinstance(made, TensorSequence):
        return given
    first, before, after = start.length, given.length, made.length
    if first == before or first is None or before is None or after is None:
        return TensorSequence(element, None, before if first == before else None)
    growth = after - before
    if symbols(growth) & changing or is_open(trips):
        return TensorSequence(element)
    return TensorSequence(element, None, first + trips * growth)


# --- scans ------------------------------------------------------------------------------------------------------------


@rule("Scan", since=9, harmless=("scan_input_directions", "scan_output_directions"))
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
    length = common_extent(lengths)
    result = fixpoint(body, (), state, 0, slices)
    axes = (*scan_output_axes, *[0] * len(result.additions))[: len(result.additions)]
    return Facts(result.after(length, axes), NO_WORK, trip_counts=(length,))


@rule("Scan", harmless=("directions",))
def scan_8(lengths: Tensor | None = None, *tensors: Tensor, body: Body, num_scan_inputs: int) -> Facts:
    """As Scan since 9, but all have a batch axis first, which the body does not see, and sequences run along axis 1.

    https://onnx.ai/onnx/operators/onnx__Scan.html
    """
    carried = len(tensors) - num_scan_inputs
    if num_scan_inputs < 1 or carried < 0:
        raise ValueError(f"{num_scan_inputs} of {len(tensors)} inputs cannot be sequences")
    batch = common_extent([tensor.shape[0] for tensor in tensors])
    length = common_extent([tensor.shape[1] for tensor in tensors[carried:]])
    state = [Tensor(tensor.shape[1:], tensor.dtype) for tensor in tensors[:carried]]
    slices = [Tensor(tensor.shape[2:], tensor.dtype) for tensor in tensors[carried:]]
    result = fixpoint(body, (), state, 0, slices)
    outputs = result.after(length, [0] * len(result.additions))
    return Facts(tuple([stack(each, batch, 0) for each in outputs]), NO_WORK, trip_counts=(batch * length,))
