"""Control flow, sequences and optionals: operators that run bodies, and those that pack tensors.

A body is asked like any operator: given tensors it answers with tensors. What a loop carries is followed step by step
where it changes and the steps are few, and generalised elsewhere. Not known: how often a loop runs that its data
ends, and which branch data chooses; what is counted instead stands in the row's note.

An optional is its element: https://onnx.ai/onnx/operators/onnx__Optional.html
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import prod

from ..dims import Dim, Extent, Undecided, symbol, symbols
from ..graph import DTYPES, UNKNOWN, Shape, Tensor, TensorSequence, Unranked
from ..rules import NO_WORK, Body, Facts, Work, decided_by_data, rule
from ..shapes import axis_of

STEPS = 64
"""Steps up to which a loop whose tensors change is followed one by one."""
ENDLESS = 2**31
"""A trip count from which on it is no limit: exporters write 2**63 - 1 for a loop that only its condition ends."""
ITEMS = 4096
"""Items up to which those of a sequence are told apart."""

_UNKNOWN_FLAG = Tensor((), "bool")
_TRUE = Tensor((), "bool", (1,))


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
    shape = tuple(x if x == y else decided_by_data(_own(output, axis)) for axis, (x, y) in extents)
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
        return Facts(outputs, NO_WORK, times=(0, 1) if chosen else (1, 0))  # bodies stand in the order of their names
    one, other = then_branch(), else_branch()
    if len(one) != len(other):
        raise ValueError(f"the branches make {len(one)} and {len(other)} tensors")
    outputs = tuple([either(a, b, at) for at, (a, b) in enumerate(zip(one, other, strict=True))])
    then_is_dearer, why = _dearer(then_branch.work, else_branch.work)
    note = f"data decides; counted: {'then_branch' if then_is_dearer else 'else_branch'}, {why}"
    return Facts(outputs, NO_WORK, times=(0, 1) if then_is_dearer else (1, 0), note=note)


def _dearer(a: Work, b: Work) -> tuple[bool, str]:
    """Whether `a` costs no less than `b`, by multiply-accumulates, then by operations."""
    try:
        return ((a.ops >= b.ops) if a.macs == b.macs else (a.macs > b.macs)), "the dearer"
    except Undecided as reason:
        return True, f"though {reason}"


@rule("Loop")
def loop(limit: Tensor | None = None, condition: Tensor | None = None, *state: Tensor, body: Body) -> Facts:
    """limit: trip count, condition: one boolean, state: carried tensors -> their last values, then what each step adds.

    body: step, condition, state -> condition, state, additions; these are stacked along a new first axis.
    https://onnx.ai/onnx/operators/onnx__Loop.html
    """
    most = scalar(limit)
    if limit is not None and most is None:
        most = decided_by_data(_own(len(state), 99))
    elif isinstance(most, int) and most >= ENDLESS:
        most = None
    enters = True if condition is None else scalar(condition)
    if enters == 0 or (isinstance(most, int) and most <= 0):
        added = body(_step(0), _TRUE, *state)[1 + len(state) :]
        return Facts((*state, *(_stacked(each, 0) for each in added)), NO_WORK, times=(0,))
    flag = _TRUE if enters else _UNKNOWN_FLAG
    carried, going, added = _settled(body, (flag, *state))
    goes_on = bool(enters) and scalar(going) == 1
    changed = [not _same_shape(a, b) for a, b in zip(state, carried, strict=True)]
    if not (goes_on and isinstance(most, int) and not any(changed)):
        followed = _followed(body, most, flag, state)
        if followed is not None:
            return followed
        carried, going, added = _settled(body, (flag, *state))
    trips = most if goes_on and most is not None else decided_by_data(_own(len(state), 98))
    outputs = [_after(a, b, c, trips, goes_on, at) for at, (a, b, c) in enumerate(zip(state, *carried_pair(carried), strict=True))]
    return Facts(tuple(outputs), NO_WORK)
