"""thop (pytorch-OpCounter): multiply-accumulates of modules, with normalisation, softmax and pooling priced in.

What a module's own forward function computes (an addition, a product, a functional softmax) is not seen.
"""

from __future__ import annotations

from math import prod

from ..dims import Extent
from ..graph import Tensor
from ..passes.rows import Row
from . import Convention, Metric
from .families import affine, by_ends, cell, groups, halves, linear, lines, macs, over_channels, share, taps

_RESIZES = {("linear", 3): 5, ("linear", 4): 11, ("linear", 5): 0, ("cubic", 4): 259}
"""What a resize costs for each output, by its mode and the axes of its input; 1 where it takes the nearest."""


@by_ends
def count(row: Row, x: Tensor, y: Tensor, kind: str) -> Extent | None:
    """MACs without bias; batch, layer and instance norm 4 in, 2 in without an affine part; softmax 3n - 1 a row.

    Average pool out, whatever its kernel, adaptive pool taps + 1 an output; PReLU in; resize 1, 5, 11 or 259 out;
    transposed convolution by its output's positions. Group norm, SiLU, GELU and log-softmax are not in its table.
    """
    if kind == "conv" or linear(row):
        return macs(row)
    if kind == "deconv":
        return y.size * share(x.shape[1], groups(row)) * taps(row, x)
    if kind == "recurrent":
        return _recurrent(row)
    if half := halves(row):
        return 2 * half * x.size
    if kind in ("layer_norm", "instance_norm"):
        return (4 if affine(row) else 2) * x.size
    if kind == "softmax":
        return 0 if over_channels(row) else 3 * x.size - lines(row, x)
    if kind == "average_pool":
        return y.size
    if kind == "adaptive_average_pool":
        return y.size * (share(prod(x.shape[2:]), prod(y.shape[2:])) + 1)
    if kind == "upsample":
        mode = "linear" if row.op.type == "Interp" else str(row.op.attrs.get("mode", "nearest"))
        return y.size * _RESIZES.get((mode, x.rank), 1)
    return x.size if kind == "prelu" else 0


def _recurrent(row: Row) -> Extent | None:
    """Per step: each gate's products, sum, and two biases, then the products and sums of the states."""
    inner = cell(row)
    if inner is None:
        return None
    hidden = inner.hidden
    gate = hidden * (inner.depth + hidden) + hidden + (2 * hidden if inner.biased else 0)
    states = {4: 4, 3: 4, 1: 0}[inner.gates]
    return inner.runs * (inner.gates * gate + states * hidden)


CONVENTION = Convention(
    name="thop",
    tool="thop",
    source="https://github.com/Lyken17/pytorch-OpCounter/blob/master/thop/vision/basic_hooks.py",
    metrics=(
        Metric(
            "macs",
            "multiply-accumulates",
            "MACs of modules, with normalisation, softmax and average pooling priced in",
            count,
            functional=lambda row: 0,
            word="macs",
            calls=True,
            exact=True,
        ),
    ),
)
