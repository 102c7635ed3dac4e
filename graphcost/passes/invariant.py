"""What an inference finds that is the same at every size of the model's inputs: the rows that see constants alone, and
the weights that the others work with. Runs over one model at many sizes share it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..graph import Model, Op
from .rows import Row
from .weights import Attached, Behind, Scope


@dataclass(slots=True)
class Invariant:
    """The invariant part of the inference of one model."""

    rows: dict[Op, Row] = field(default_factory=dict)
    """Of operators that see constants alone, all of which are in `constants`."""
    constants: dict[str, Behind] = field(default_factory=dict)
    """What stands behind the graph's own weights and the results of these rows."""
    attached: dict[Op, Attached] = field(default_factory=dict)
    """Of operators that read activations too, their weights."""


def invariant(model: Model, rows: Iterable[Row], scope: Scope, data_decides: Callable[[Op], bool]) -> Invariant:
    """What of the rows that one run found holds at every size. `data_decides` an extent of an operator's results: the
    user may give that another value.
    """
    found = Invariant(constants={name: scope.constants[name] for name in model.weights})
    for row in rows:
        op = row.op
        if op.bodies or op not in model.dag:
            continue
        if row.constant and _is_fixed(row, found) and not data_decides(op):
            found.rows[op] = row
            found.constants.update((name, scope.constants[name]) for name in op.outputs if name)
        elif any(row.constant_inputs) and (attached := scope.attached_to(row)) is not None:
            found.attached[op] = attached
    return found


def _is_fixed(row: Row, found: Invariant) -> bool:
    """Whether a row that sees constants alone sees those that are known, and has its shapes of its rule."""
    op, facts = row.op, row.facts
    if facts is None or len(facts.outputs) != len(op.outputs) or not all(op.outputs):
        return False
    if not all(tensor.ranked for tensor in row.outputs):
        return False
    return all(name in found.constants for name in op.inputs if name)
