"""DeepSpeed's flops profiler, and calflops after it: two operations a multiply-accumulate, one an activated element.

They replace functions of torch.nn.functional; additions and products that are written as operators are not seen.
"""

from __future__ import annotations

from math import prod

from ..dims import Extent
from ..graph import Tensor
from ..passes.rows import Row
from . import Convention, Metric
from .families import bias, by_ends, cell, halves, macs


@by_ends
def flops(row: Row, x: Tensor, y: Tensor, kind: str) -> Extent | None:
    """2 x MACs (+ convolution bias); batch norm 2 in; layer and group norm 5 in; activation, softmax, pool in."""
    if kind in ("conv", "deconv"):
        return 2 * macs(row) + (y.size if bias(row) else 0)
    if kind == "recurrent":
        return _recurrent(row)
    if half := halves(row):
        return half * x.size
    if kind in ("layer_norm", "group_norm", "instance_norm"):
        return 5 * x.size
    if kind == "upsample":  # to a size: the positions of the output; by a factor: the input's elements
        return prod(y.shape[2:]) if len(row.op.inputs) == 4 and row.op.inputs[3] else x.size
    return x.size if kind in _ONE else 2 * macs(row)


_ONE = {
    "relu", "relu6", "prelu", "leaky_relu", "elu", "gelu", "silu", "softmax", "max_pool", "average_pool",
}  # fmt: skip


def _recurrent(row: Row) -> Extent | None:
    """Per step: two operations a product but for the first of each sum, the biases, the sums of the states."""
    inner = cell(row)
    if inner is None:
        return None
    products = 2 * inner.rows * (inner.depth + inner.hidden - 1)
    return inner.runs * (products + inner.activations + inner.biases)


CONVENTION = Convention(
    name="deepspeed",
    tool="DeepSpeed flops profiler, calflops",
    source="https://github.com/deepspeedai/DeepSpeed/blob/master/deepspeed/profiling/flops_profiler/profiler.py",
    metrics=(
        Metric(
            "flops",
            "operations",
            "2 x MACs, an operation for each activated, pooled or normalised element",
            flops,
            word="flops",
            per_mac=2,
        ),
    ),
)
