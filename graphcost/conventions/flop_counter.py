"""torch.utils.flop_counter: two operations a multiply-accumulate, of products, convolutions and attention."""

from __future__ import annotations

from ..dims import Extent
from ..passes.infer import Cost
from . import Convention, Metric
from .families import macs


def flops(row: Cost) -> Extent | None:
    """2 x MACs; everything else is nothing. None where the cost is not known."""
    return None if row.work is None else 2 * macs(row)


CONVENTION = Convention(
    name="flop_counter",
    tool="torch.utils.flop_counter",
    source="https://github.com/pytorch/pytorch/blob/main/torch/utils/flop_counter.py",
    metrics=(
        Metric(
            "flops",
            "operations",
            "2 x MACs of matrix products, convolutions and attention",
            flops,
            word="flops",
            per_mac=2,
        ),
    ),
)
