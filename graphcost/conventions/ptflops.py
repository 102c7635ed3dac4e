"""ptflops (its pytorch backend): multiply-accumulates with biases, and prices for most other layers.

It hooks modules and, besides, replaces functions of torch.nn.functional. A module that calls such a function counts
twice, once as the module and once as the function: an nn.ReLU costs two operations an element, a bare relu one.
"""

from __future__ import annotations

from math import prod

from ..dims import Extent
from ..graph import Tensor
from ..passes.rows import Row
from . import Convention, Metric
from .families import adds_bias, affine, bias, by_ends, cell, halves, linear, macs, neighbourhoods
from .modules import module_class

_TWICE = {
    "relu", "prelu", "elu", "gelu", "max_pool", "average_pool", "adaptive_max_pool", "adaptive_average_pool",
}  # fmt: skip
"""Families whose module calls the replaced function; the modules of LeakyReLU and ReLU6 call another."""


@by_ends
def count(row: Row, x: Tensor, y: Tensor, kind: str) -> Extent | None:
    """MACs + bias; batch, group and instance norm 2 in, layer norm in; ReLU and its kin, pools 2 in; softmax in.

    Without an affine part a normalisation is in. A resize is out as a function, and the first image of that again as
    a module.
    """
    if kind in ("conv", "deconv", "dense"):
        return macs(row) + (y.size if bias(row) else 0)
    if kind == "recurrent":
        return _recurrent(row)
    if adds_bias(row):
        return y.size
    if half := halves(row):
        return half * x.size
    if kind in ("group_norm", "instance_norm"):
        return (2 if affine(row) else 1) * x.size
    if kind == "upsample":
        hooked = module_class(row) in ("", "upsampling.Upsample")
        return y.size + (prod(y.shape[1:]) if hooked else 0)
    if kind in _TWICE:
        return 2 * x.size
    return x.size if kind in _ONCE else _anywhere(row, x, y, kind)


_ONCE = {"layer_norm", "leaky_relu", "softmax", "silu", "relu6"}


@by_ends
def functional(row: Row, x: Tensor, y: Tensor, kind: str) -> Extent | None:
    """Outside modules: products without a bias; activations, pools and softmax in; resizes out."""
    if kind == "upsample":
        return y.size
    if kind in _TWICE or kind in ("softmax", "silu", "relu6"):
        return x.size
    return 0 if linear(row) else _anywhere(row, x, y, kind)


def _anywhere(row: Row, x: Tensor, y: Tensor, kind: str) -> Extent:
    """What counts the same in a module and outside of one: nn.MultiheadAttention has a formula of its own.

    That scales the queries, and has a bias behind the output whether or not the module does.
    """
    if kind == "lrn":
        return neighbourhoods(row, x)
    if kind == "multihead_scores":
        return macs(row) + x.size
    if kind == "multihead_out_proj" or (kind == "multihead_in_proj" and bias(row)):
        return macs(row) + y.size
    if kind in ("multihead_bias", "multihead_softmax"):
        return y.size
    return 0 if row.op.type == "Einsum" else macs(row) if kind in _PRODUCTS else 0


_PRODUCTS = {"matmul", "bmm", "multihead_in_proj", "multihead_mix"}


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
            calls=True,
            exact=True,
        ),
    ),
)
