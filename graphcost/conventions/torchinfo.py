"""torchinfo: "mult-adds" from the parameters of each module; functional operators are not seen.

A linear layer counts its parameters once an image, however many positions of a sequence it is used at.
"""

from __future__ import annotations

from math import prod

from ..dims import Extent
from ..passes.rows import Row
from . import Convention, Metric
from .families import cell, ends, family, halves, one_vector, share
from .modules import parameterised


def mult_adds(row: Row) -> Extent | None:
    """Convolution parameters (bias too) x N x output positions; recurrent ones x N x steps; any others x N."""
    y = row.outputs[0] if row.outputs else None
    if row.constant:
        return 0
    if y is None or not y.ranked:
        return None
    params = _params(row)
    kind = family(row)
    if params == 0 or not y.rank:
        return params
    if kind in ("conv", "deconv"):
        return params * y.shape[0] * prod(y.shape[2:])
    if inner := cell(row) if kind == "recurrent" else None:
        return params * (share(inner.runs, inner.directions))
    return params * y.shape[0]


_LEARNED = {
    "conv", "deconv", "dense", "matmul", "recurrent", "embedding", "prelu", "layer_norm", "group_norm", "instance_norm",
}  # fmt: skip
"""Families that are modules with parameters."""


def _params(row: Row) -> Extent:
    """Elements of what a module calls its weight and bias: no statistics of a normalisation, no constants."""
    if half := halves(row):
        _, y = ends(row)
        channels = y.shape[1] if y is not None and y.rank > 1 else 1
        return 2 * channels if half == 2 or row.op.type == "Scale" else 0
    kind = family(row)
    if kind not in _LEARNED and not (one_vector(row) and parameterised(row)):
        return 0
    if kind == "recurrent" and not row.op.kind.startswith("caffe."):
        return sum((tensor.size for tensor in row.inputs[1:4] if tensor is not None), 0)
    tensors = (weight.tensor for weight in row.weights if weight.tensor.ranked)
    single = kind == "prelu"  # one slope for all channels
    return sum((t.size for t in tensors if t.rank and (t.size != 1 or single) and not t.dtype.endswith("int64")), 0)


CONVENTION = Convention(
    name="torchinfo",
    tool="torchinfo",
    source="https://github.com/TylerYep/torchinfo/blob/main/torchinfo/layer_info.py",
    metrics=(
        Metric(
            "mult_adds",
            "multiply-accumulates",
            "parameters times the images and, in convolutions, the positions they are used at",
            mult_adds,
            functional=lambda row: 0,
            word="mult-adds",
            calls=True,
        ),
    ),
)
