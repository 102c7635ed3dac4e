"""torch.utils.flop_counter: two operations a multiply-accumulate, of products, convolutions and attention.

It sees the operators that a run on the CPU dispatches. There a GRU comes as products; an LSTM is one operator that it
does not know and counts as nothing.
"""

from __future__ import annotations

from ..dims import Extent
from ..passes.rows import Row
from . import Convention, Metric
from .families import macs


def flops(row: Row) -> Extent | None:
    """2 x MACs; everything else is nothing. None where the cost is not known."""
    if row.work is None:
        return None
    return 0 if row.op.type == "LSTM" else 2 * macs(row)


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
