"""fvcore's FlopCountAnalysis: "flops" that are multiply-accumulates, and a few normalisations.

It counts the operators of a traced network, whichever module calls them. Activations, additions, softmax, recurrent
layers and fused attention are not counted there, only listed as unsupported.
"""

from __future__ import annotations

from ..dims import Extent
from ..graph import Tensor
from ..passes.rows import Row
from . import Convention, Metric
from .families import affine, by_ends, halves, linear_resize, macs, same
from .modules import module_class


@by_ends
def flops(row: Row, x: Tensor, y: Tensor, kind: str) -> Extent | None:
    """MACs without bias; batch norm 2 in, other norms 5 in; resize 1 or 4 out, adaptive average pool in (2-D).

    Without an affine part a normalisation is one less. Convolutions with padding="same" are unknown to it.
    """
    if half := halves(row):
        return half * x.size
    if kind in ("layer_norm", "group_norm", "instance_norm"):
        return (5 if affine(row) else 4) * x.size
    if kind == "grid_sample":
        return 4 * y.size
    if kind == "upsample" and y.rank == 4 and row.op.attrs.get("mode") != "cubic":
        return (4 if linear_resize(row) else 1) * y.size
    if kind == "adaptive_average_pool":
        return x.size if x.rank == 4 and not module_class(row).endswith("1d") else 0
    return macs(row) if kind in _PRODUCTS and not same(row) else 0


_PRODUCTS = {"conv", "deconv", "dense", "matmul", "bmm", "multihead_in_proj", "multihead_out_proj"}


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
            calls=True,
        ),
    ),
)
