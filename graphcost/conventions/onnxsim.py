"""onnxsim 0.8: two operations for each multiply-accumulate of a fixed list of operators; anything else is nothing.

The body of a loop counts once; how often one ran that we followed step by step is not known here. Caffe layers are
counted as the ONNX operators that a converter makes of them.
"""

from __future__ import annotations

from ..dims import Extent
from ..passes.rows import Row
from . import Convention, Metric
from .families import macs, onnx_type

COUNTED = {
    "Conv", "ConvInteger", "QLinearConv", "ConvTranspose", "Gemm", "MatMul", "MatMulInteger", "QLinearMatMul",
    "Attention",
}  # fmt: skip


def flops(row: Row) -> Extent | None:
    """2 x MACs of the operators it knows."""
    return 2 * macs(row) if onnx_type(row) in COUNTED else 0


CONVENTION = Convention(
    name="onnxsim",
    tool="onnxsim",
    source="https://github.com/daquexian/onnx-simplifier/blob/master/onnxsim/model_info.py",
    metrics=(
        Metric(
            "flops",
            "operations",
            "2 x MACs of convolutions, matrix products and Attention; anything else is 0",
            flops,
            word="FLOPs",
            per_mac=2,
            repeats=False,
        ),
    ),
)
