"""convnet-burden: a multiply-accumulate as one operation, and prices for ReLU, pooling and LRN."""

from __future__ import annotations

from math import prod

from ..dims import Extent
from ..graph import Tensor
from ..passes.rows import Row
from . import Convention, Metric
from .families import bias, by_ends, linear, macs


@by_ends
def flops(row: Row, x: Tensor, y: Tensor, kind: str) -> Extent | None:
    """MACs + bias; ReLU 2 out; pool 2 out x the product of strides; sum out; LRN out + (2 + 2C)HW an image."""
    if kind in ("conv", "deconv") or linear(row):
        return macs(row) + (y.size if bias(row) else 0)
    if kind == "relu":
        return 2 * y.size
    if kind in ("max_pool", "average_pool"):
        stride = row.facts.window.stride if row.facts else ()
        return 2 * y.size * prod(int(s) for s in stride)
    if kind == "lrn" and len(x.shape) > 1:
        return y.size + x.shape[0] * (2 + 2 * x.shape[1]) * prod(x.shape[2:])
    return y.size if row.op.type in ("Eltwise", "Add", "Sum") else 0


CONVENTION = Convention(
    name="burden",
    tool="convnet-burden",
    source="https://github.com/albanie/convnet-burden/blob/master/core/burden.m",
    metrics=(Metric("flops", "multiply-accumulates", "MACs with biases, ReLU, pooling and LRN", flops, word="FLOPs"),),
)
