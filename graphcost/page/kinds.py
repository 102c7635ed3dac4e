"""Kinds of operation, by which charts are coloured: eight, so that colour-blind readers can tell them apart.

A kind follows from an operator's family, and where it has none from the facts its rule states.
"""

from __future__ import annotations

from ..conventions.families import family
from ..passes.rows import Row

KINDS = (
    "convolution",
    "matmul / fully connected",
    "attention / recurrent",
    "normalisation",
    "elementwise",
    "pooling",
    "data movement",
    "other",
)
"""Their names; a kind is a number into these, and has the colour `.kN` of the style sheet."""

_OF_FAMILY = {
    name: number
    for number, families in enumerate(
        (
            "conv deconv",
            "dense matmul",
            "attention recurrent",
            "batch_norm lrn layer_norm group_norm instance_norm normalize softmax log_softmax",
            "relu prelu leaky_relu relu6 elu sigmoid tanh gelu silu dropout eltwise scale power",
            "max_pool average_pool",
            "concat embedding",
        )
    )
    for name in families.split()
}
_CONVOLUTION, _DENSE, _, _, _ELEMENTWISE, _, _MOVEMENT, _OTHER = range(len(KINDS))


def kind(row: Row) -> int:
    """The kind of operation of a row.

    Without a family: what multiplies and accumulates convolves if it has a window, what has no arithmetic moves.
    """
    known = _OF_FAMILY.get(family(row))
    if known is not None:
        return known
    if row.facts is None or row.facts.work is None:
        return _OTHER
    if row.facts.work.macs != 0:
        return _CONVOLUTION if row.facts.window.kernel else _DENSE
    if row.facts.work.ops == 0:
        return _MOVEMENT
    return _ELEMENTWISE if row.facts.elementwise else _OTHER
