"""fvcore's FlopCountAnalysis: "flops" that are multiply-accumulates, and a few normalisations.

Activations, additions, products and softmax are not counted there, only listed as unsupported.
"""

from __future__ import annotations

from ..dims import Extent
from ..passes.infer import Cost
from . import Convention, Metric
from .families import ends, family, macs


def flops(row: Cost) -> Extent | None:
    """Multiply-accumulates without bias; batch norm 2 in, layer and group norm 5 in, bilinear resize 4 out."""
    x, y = ends(row)
    if x is None or y is None:
        return None
    kind = family(row)
    if kind == "batch_norm":
        return 2 * x.size
    if kind in ("layer_norm", "group_norm"):
        return 5 * x.size
    if kind == "upsample":
        return 4 * y.size if row.op.attrs.get("mode") in ("linear", "bilinear") else 0
    return macs(row)


CONVENTION = Convention(
    name="fvcore",
    tool="fvcore",
    source="https://github.com/facebookresearch/fvcore/blob/main/fvcore/nn/jit_handles.py",
    metrics=(
        Metric(
            "flops",
            "multiply-accumulates",
            "what the tool calls a flop is one multiply-accumulate",
            flops,
            word="flops",
        ),
    ),
)
