"""thop (pytorch-OpCounter): multiply-accumulates of modules, with normalisation, softmax and pooling priced in.

What a module's own forward function computes (an addition, a product, a functional softmax) is not seen.
"""

from __future__ import annotations

from math import prod

from ..dims import Extent
from ..graph import Tensor
from ..passes.rows import Row
from . import Convention, Metric
from .families import adaptive, by_ends, cell, groups, halves, length, linear, linear_resize, macs, taps


@by_ends
def count(row: Row, x: Tensor, y: Tensor, kind: str) -> Extent | None:
    """MACs without bias; batch and layer norm 4 in; softmax 3n - 1 a row; adaptive pool taps + 1 an output; PReLU in.

    Average pool out, whatever its kernel; resize 1, 11 or 259 out; transposed convolution by its output's positions.
    """
    if kind == "conv" or linear(row):
        return macs(row)
    if kind == "deconv":
        return y.size * x.shape[1] // groups(row) * taps(row, x)
    if kind == "recurrent":
        return _recurrent(row)
    if half := halves(row):
        return 2 * half * x.size
    if kind in ("layer_norm", "instance_norm"):
        return 4 * x.size
    if kind == "softmax":
        return 3 * x.size - x.size // length(row, x)
    if kind == "average_pool":
        if not adaptive(row):
            return y.size
        return y.size * (prod(x.shape[2:]) // prod(y.shape[2:]) + 1)
    if kind == "upsample":
        cubic = row.op.attrs.get("mode") == "cubic"
        return y.size * (259 if cubic else 11 if linear_resize(row) else 1)
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
        ),
    ),
)
