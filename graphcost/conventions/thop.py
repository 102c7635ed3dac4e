"""thop (pytorch-OpCounter): multiply-accumulates of modules, with normalisation, softmax and pooling priced in."""

from __future__ import annotations

from ..dims import Extent
from ..passes.infer import Cost
from . import Convention, Metric
from .families import ends, family, macs, taps


def count(row: Cost) -> Extent | None:
    """MACs without bias; batch norm 4 in; softmax 3n - 1 a row; average pool taps + 1 an output; resizes by output."""
    x, y = ends(row)
    if x is None or y is None:
        return None
    kind = family(row)
    if kind == "batch_norm":
        return 4 * x.size
    if kind == "softmax":
        length = x.shape[-1] if x.rank else 1
        return x.size // length * (3 * length - 1)
    if kind == "average_pool":
        return y.size * (taps(row, x) + 1)
    if kind == "upsample":
        return y.size * {"linear": 11, "bilinear": 11, "cubic": 259, "bicubic": 259}.get(
            row.op.attrs.get("mode", ""), 0
        )
    return macs(row) if kind in ("conv", "deconv", "dense", "matmul", "recurrent") else 0


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
            word="macs",
        ),
    ),
)
