"""DeepSpeed's flops profiler, and calflops after it: two operations a multiply-accumulate, one an activated element."""

from __future__ import annotations

from ..dims import Extent
from ..passes.infer import Cost
from . import Convention, Metric
from .families import bias, ends, family, macs


def flops(row: Cost) -> Extent | None:
    """2 x MACs (+ convolution bias); batch norm 2 in; layer and group norm 5 in; activation, softmax, pool in."""
    x, y = ends(row)
    if x is None or y is None:
        return None
    kind = family(row)
    if kind in ("conv", "deconv"):
        return 2 * macs(row) + (y.size if bias(row) else 0)
    if kind == "batch_norm":
        return 2 * x.size
    if kind in ("layer_norm", "group_norm"):
        return 5 * x.size
    return x.size if kind in _ONE else 2 * macs(row)


_ONE = {"relu", "relu6", "prelu", "leaky_relu", "elu", "gelu", "silu", "softmax", "max_pool", "average_pool"}


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
