"""Weights that a file does not carry but takes as inputs, as one does that was exported without its parameters."""

from __future__ import annotations

from collections.abc import Mapping

from .. import ops
from ..dims import total
from ..graph import Model, Tensor
from ..rules import LEARNED, NUMBER, STATISTICS
from .weight_names import is_parameter_name

SHOWN = 3


def weights_among_inputs(model: Model) -> list[str]:
    """The inputs that operators of the outer graph read where they take a weight.

    A matrix product takes either operand from anywhere: there the name has to be one of a parameter too.
    """
    found: dict[str, None] = {}
    for op in model.dag:
        given = [(at, name) for at, name in enumerate(op.inputs) if at and name in model.inputs]
        if not given or (rule := ops.find(op.kind, model.opsets.get(op.kind.rpartition(".")[0], 1))) is None:
            continue
        for at, name in given:
            use = rule.class_of(at)
            certain = use in (LEARNED, STATISTICS) and not rule.class_of(0)
            if certain or (use in (LEARNED, STATISTICS, NUMBER) and is_parameter_name(name)):
                found[name] = None
    return list(found)


def warning(names: list[str], inputs: Mapping[str, Tensor]) -> str:
    """One line that names them, "" where there are none."""
    if not names:
        return ""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    elements = total(inputs[name].size for name in names if inputs[name].ranked)
    count = f"{elements:,}" if isinstance(elements, int) else str(elements)
    listed = f"{', '.join(names[:SHOWN])}{more} ({count} elements)"
    return f"weights are among the inputs: {listed}; they are not counted as parameters"
