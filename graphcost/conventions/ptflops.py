"""ptflops: multiply-accumulates with biases, and one operation an element for normalisation, ReLU and pooling."""

from __future__ import annotations

from ..dims import Extent
from ..passes.infer import Cost
from . import Convention, Metric
from .families import bias, ends, family, macs


def count(row: Cost) -> Extent | None:
    """MACs + bias; affine batch norm 2 in; ReLU and its kin in; pools in; resizes out."""
    x, y = ends(row)
    if x is None or y is None:
        return None
    kind = family(row)
    if kind in ("conv", "deconv", "dense"):
        return macs(row) + (y.size if bias(row) else 0)
    if kind == "batch_norm":
        return 2 * x.size
    if kind in ("relu", "relu6", "prelu", "leaky_relu", "elu", "gelu", "silu", "max_pool", "average_pool"):
        return x.size
    return y.size if kind == "upsample" else macs(row)


CONVENTION = Convention(
    name="ptflops",
    tool="ptflops",
    source="https://github.com/sovrasov/flops-counter.pytorch/blob/master/ptflops/pytorch_ops.py",
    metrics=(
        Metric(
            "macs",
            "multiply-accumulates",
            "MACs + biases, and an operation for each element of normalisation, ReLU and pooling",
            count,
            word="macs",
        ),
    ),
)
