"""Constant scalings and shifts folded into the operator before them, as deployment tools do with batch normalisation.

An elementwise operator that only multiplies and adds constants, one for each channel or one for all, changes nothing
but the weights and the bias of the convolution or matrix product that makes its operand, if nobody else reads that.
What is folded is a view of its operand: it costs nothing and holds nothing. The operator before it has a bias from then
on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..dims import Extent
from ..graph import Model, Tensor
from ..rules import NO_WORK, Facts, Work
from .rows import Inference, Row, Weight, sign

FOLDED = "folded into "


def fold(model: Model, inference: Inference) -> Inference:
    """The rows of a model with what can be folded; those of bodies stay as they are."""
    walk = _Walk(model, inference.rows)
    rows = [walk.step(at, row) for at, row in enumerate(inference.rows)]
    for at, channels in walk.biases.items():
        rows[at] = _with_bias(rows[at], channels)
    sign(rows)
    return replace(inference, rows=rows)


class _Walk:
    """The rows of the outer graph in order."""

    def __init__(self, model: Model, rows: Sequence[Row]) -> None:
        self.outputs = frozenset(model.outputs)
        self.readers: dict[str, int] = {}
        for row in rows:
            for name in dict.fromkeys(row.op.all_inputs):
                self.readers[name] = self.readers.get(name, 0) + 1
        self.home: dict[str, tuple[int, str]] = {}
        """For a tensor the row whose weights scale it, and that row's name."""
        self.biases: dict[int, Extent] = {}
        """The rows that something is folded into, and their channels."""

    def step(self, at: int, row: Row) -> Row:
        """The row, or what is left of it when it is folded."""
        if row.name != row.op.name or row.facts is None or row.work is None or not row.outputs:
            return row
        if row.work.macs != 0 and row.weights and row.outputs[0].ranked:
            self.home[row.op.outputs[0]] = at, row.name
            return row
        source = row.op.inputs[0] if row.op.inputs else ""
        if source not in self.home or self.readers[source] != 1 or source in self.outputs or not is_affine(row):
            return row
        into, name = self.home[source]
        self.home[row.op.outputs[0]] = into, name
        self.biases[into] = _channels(row.outputs[0])
        view = Facts(row.outputs, NO_WORK, is_view=True, note=FOLDED + name)
        return replace(row, facts=view, weights=(), why=FOLDED + name)


def is_affine(row: Row) -> bool:
    """Whether a row only multiplies and adds constants, by channel or all alike, to its first input."""
    facts, work = row.facts, row.work
    if facts is None or work is None or not facts.elementwise or not row.weights or row.op.bodies:
        return False
    if any(kind != 0 for kind in (work.macs, work.compares)) or (work.muls == work.adds == 0):
        return False
    first = row.inputs[0] if row.inputs else None
    constant = row.constant_inputs or (False,) * len(row.inputs)
    if first is None or not first.ranked or first.rank < 2 or constant[0] or not all(constant[1:]):
        return False
    channels = _channels(first)
    weights = (each.tensor for each in row.weights if "float" in each.tensor.dtype)  # others steer shapes of these
    held = [*weights, *(tensor for tensor in row.inputs[1:] if tensor is not None)]
    return first.shape == row.outputs[0].shape and all(_by_channel(each, first, channels) for each in held)


def _by_channel(constant: Tensor, data: Tensor, channels: Extent) -> bool:
    """Whether a constant has one element, or one for each channel and nothing else."""
    if not constant.ranked:
        return False
    if constant.size == 1:
        return True
    axis_from_end = 1 if data.rank == 2 else data.rank - 1
    if constant.size != channels:
        return False
    return constant.rank == 1 or (constant.rank >= axis_from_end and constant.shape[-axis_from_end] == channels)


def _channels(tensor: Tensor) -> Extent:
    """The extent of the axis that weights of a convolution or a fully connected layer make."""
    return tensor.shape[1] if tensor.rank > 1 else 1


def _with_bias(row: Row, channels: Extent) -> Row:
    """A row that has a bias: one more weight, unless it has a vector already."""
    floats = [each.tensor for each in row.weights if each.tensor.ranked and "float" in each.tensor.dtype]
    rank = max((tensor.rank for tensor in floats), default=0)
    if row.facts is None or not floats or any(tensor.rank < rank for tensor in floats):
        return row
    bias = Tensor((channels,), floats[0].dtype)
    work = row.facts.work and row.facts.work + Work(adds=row.outputs[0].size)
    facts = replace(row.facts, work=work, weights=(*row.facts.weights, bias))
    return replace(row, facts=facts, weights=(*row.weights, Weight(("bias", row.name), bias)))


def folded(rows: Iterable[Row]) -> list[str]:
    """The names of the rows that were folded."""
    return [row.name for row in rows if row.why.startswith(FOLDED)]
