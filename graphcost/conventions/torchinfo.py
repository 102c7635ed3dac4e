"""torchinfo: "mult-adds" from the parameters of each module; functional operators are not seen."""

from __future__ import annotations

from math import prod

from ..dims import Extent
from ..passes.infer import Cost
from . import Convention, Metric
from .families import family


def mult_adds(row: Cost) -> Extent | None:
    """Convolution parameters (bias too) x N x output positions; linear parameters x rows; else N x parameters."""
    y = row.outputs[0] if row.outputs else None
    if y is None or not y.ranked:
        return None
    params = sum((weight.tensor.size for weight in row.weights if "int" not in weight.tensor.dtype), 0)
    if family(row) in ("conv", "deconv"):
        return params * y.shape[0] * prod(y.shape[2:])
    if family(row) in ("dense", "matmul"):
        return params * prod(y.shape[:-1])
    return params * y.shape[0] if y.rank else params


CONVENTION = Convention(
    name="torchinfo",
    tool="torchinfo",
    source="https://github.com/TylerYep/torchinfo/blob/main/torchinfo/layer_info.py",
    metrics=(
        Metric(
            "mult_adds",
            "multiply-accumulates",
            "parameters times the positions they are used at",
            mult_adds,
            word="mult-adds",
        ),
    ),
)
