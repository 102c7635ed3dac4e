"""What is checked before a rule is asked and of what it answers, and how an operator is described in an error.

A rule holds arithmetic alone. That the operands are all there, that attributes have the types that the rule's
signature states, and that no size or count is absurd is checked here, once for all rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..dims import Dim, Extent
from ..graph import Op, Shape, Tensor
from ..rules import NO_WORK, Facts, Rule, Work
from ..shapes import show_shape

LARGEST = 2**50
"""Elements of the largest tensor believed; beyond it a size is a mistake in the file, or an attack."""

_NUMBERS = ("int", "float", "int | None", "float | None")


def check_arity(rule: Rule, inputs: tuple[Tensor | None, ...]) -> None:
    """Raise ValueError where an operand is missing that the rule cannot do without."""
    needed = inputs[: rule.min_inputs]
    if len(needed) < rule.min_inputs:
        raise ValueError(f"needs at least {rule.min_inputs} inputs and has {len(inputs)}")
    if all(needed):  # as mostly
        return
    for at, tensor in enumerate(needed):
        if tensor is None and not rule.may_be_left_out(at):
            raise ValueError(f"input {at} is left out, but is not optional")


def check_attributes(rule: Rule, attrs: Mapping[str, Any]) -> None:
    """Raise ValueError for an attribute that is missing, and for one that is not the number that the rule takes.

    A list multiplied by a size would grow.
    """
    for name in sorted(rule.required.difference(attrs)):
        raise ValueError(f"attribute {name} is missing")
    for name, value in attrs.items():
        if isinstance(value, (tuple, str)) and rule.function.__annotations__.get(name) in _NUMBERS:
            raise ValueError(f"attribute {name} should be one number, not {str(value)[:40]}")


def check_facts(facts: Facts) -> None:
    """Raise ValueError for a size or count that cannot be meant, and where one is no number at all."""
    for tensor in facts.outputs:
        if tensor.ranked:
            _check_shape(tensor.shape)
    work = facts.work
    if work is None or work is NO_WORK:
        return
    counts = work.counts
    for count in counts:
        if type(count) is int:
            if count < 0:
                kind = Work.__slots__[counts.index(count)]
                raise ValueError(f"its sizes do not fit: they make {count} {kind}")
        elif not isinstance(count, (int, Dim)):
            raise ValueError("an attribute of the wrong type")


def _check_shape(shape: Shape) -> None:
    size: Extent = 1
    for extent in shape:
        if type(extent) is not int and not isinstance(extent, (int, Dim)):
            raise ValueError(f"an output cannot have the shape {list(shape)}")
        size = size * extent
    if isinstance(size, int) and not 0 <= size <= LARGEST:
        raise ValueError(f"an output {show_shape(shape)} of {size} elements cannot be meant")


def describe(op: Op) -> str:
    """An operator in an error message: `fc7 (Gemm)`."""
    return f"{op.name} ({op.type})" if op.name else op.type


def situation(op: Op, inputs: Iterable[Tensor | None]) -> str:
    """What an operator was given: `inputs [1, 9216], [4096, 4096], attributes {transB: 1}`."""
    shapes = ", ".join(
        "none" if tensor is None else show_shape(tensor.shape) if tensor.ranked else "of unknown shape"
        for tensor in inputs
    )
    attrs = ", ".join(f"{name}: {value!r}" for name, value in op.attrs.items())
    return f"inputs {shapes or 'none'}, attributes {{{attrs[:300]}}}"
