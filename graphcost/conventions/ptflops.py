"""ptflops (its pytorch backend): multiply-accumulates with biases, and prices for most other layers.

It hooks modules and, besides, replaces functions of torch.nn.functional. A module that calls such a function counts
twice, once as the module and once as the function: an nn.ReLU costs two operations an element, a bare relu one.
"""

from __future__ import annotations

from ..dims import Extent
from ..graph import Tensor
from ..passes.rows import Row
from . import Convention, Metric
from .families import adds_bias, bias, by_ends, cell, halves, linear, macs

_TWICE = {"relu", "prelu", "elu", "gelu", "max_pool", "average_pool"}
"""Families whose module calls the replaced function; the modules of LeakyReLU and ReLU6 call another."""


@by_ends
def count(row: Row, x: Tensor, y: Tensor, kind: str) -> Extent | None:
    """MACs + bias; batch, group and instance norm 2 in, layer norm in; ReLU and its kin, pools 2 in; softmax in."""
    if kind in ("conv", "deconv", "dense"):
        return macs(row) + (y.size if bias(row) else 0)
    if kind == "recurrent":
        return _recurrent(row)
    if adds_bias(row):
        return y.size
    if half := halves(row):
        return half * x.size
    if kind in ("group_norm", "instance_norm"):
        return 2 * x.size
    if kind == "upsample":
        return 2 * y.size
    if kind in _TWICE:
        return 2 * x.size
    return x.size if kind in _ONCE else macs(row)


_ONCE = {"layer_norm", "leaky_relu", "relu6", "softmax"}


@by_ends
def functional(row: Row, x: Tensor, y: Tensor, kind: str) -> Extent | None:
    """Outside modules: products without a bias; activations, pools and softmax in; resizes out."""
    if kind == "upsample":
        return y.size
    if kind in _TWICE or kind == "softmax":
        return x.size
    return macs(row) if kind == "matmul" and not linear(row) else 0


def _recurrent(row: Row) -> Extent | None:
    """Per step: the products, the biases, and the sums and products of the states."""
    inner = cell(row)
    if inner is None:
        return None
    return inner.runs * (inner.rows * (inner.depth + inner.hidden) + inner.activations + inner.biases)


CONVENTION = Convention(
    name="ptflops",
    tool="ptflops",
    source="https://github.com/sovrasov/flops-counter.pytorch/blob/master/ptflops/pytorch_ops.py",
    metrics=(
        Metric(
            "macs",
            "multiply-accumulates",
            "MACs + biases, and operations for each element of normalisation, activation, softmax and pooling",
            count,
            functional=functional,
            word="macs",
        ),
    ),
)
