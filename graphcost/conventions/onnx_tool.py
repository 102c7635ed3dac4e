"""onnx-tool: "MACs" with biases and elementwise work priced in."""

from __future__ import annotations

from ..dims import Extent
from ..passes.infer import Cost
from . import Convention, Metric
from .families import bias, ends, family, macs, taps

PRICES = {
    "Add": 1, "Sub": 1, "Mul": 1, "Relu": 1, "LeakyRelu": 1, "Max": 1, "Min": 1, "Div": 4, "Sqrt": 24,
    "Exp": 32, "Pow": 32, "Sigmoid": 32, "Log": 43, "Sin": 39, "Cos": 39, "Tanh": 38, "Erf": 0,
    "BatchNormalization": 31, "Softmax": 36,
}  # fmt: skip
"""What it charges for each output element, by ONNX operator."""


def count(row: Cost) -> Extent | None:
    """MACs + 1 an output for a bias; pools k an output; linear resize 4, cubic 8, nearest 0; the rest by price."""
    x, y = ends(row)
    if x is None or y is None:
        return None
    kind = family(row)
    if kind in ("conv", "deconv", "dense"):
        return macs(row) + (y.size if bias(row) else 0)
    if kind in ("max_pool", "average_pool"):
        return y.size * taps(row, x)
    if kind == "upsample":
        return y.size * {"linear": 4, "cubic": 8}.get(row.op.attrs.get("mode", ""), 0)
    return y.size * PRICES[row.op.type] if row.op.type in PRICES else macs(row)


CONVENTION = Convention(
    name="onnx_tool",
    tool="onnx-tool",
    source="https://github.com/ThanatosShinji/onnx-tool/blob/main/onnx_tool/node.py",
    metrics=(
        Metric("macs", "priced operations", "MACs with biases and elementwise work priced in", count, word="MACs"),
    ),
)
