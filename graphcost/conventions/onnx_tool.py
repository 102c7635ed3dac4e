"""onnx-tool: "MACs" with biases and elementwise work priced in.

It goes through the nodes of the outer graph alone: what loops, branches and functions do is not counted. Caffe layers
are priced as the ONNX operators that a converter makes of them.
"""

from __future__ import annotations

from math import prod

from ..dims import Extent
from ..graph import Tensor
from ..passes.rows import Row
from . import Convention, Metric
from .families import bias, cell, ends, family, groups, linear_resize, lines, macs, neighbours, onnx_type, share, taps

PRICES = {
    "Add": 1, "Sub": 1, "Mul": 1, "Div": 4, "Mod": 1, "Pow": 32, "Max": 1, "Min": 1,
    "Relu": 1, "LeakyRelu": 2, "PRelu": 2, "Clip": 2, "Elu": 35, "Gelu": 34, "HardSigmoid": 4, "HardSwish": 5,
    "Sigmoid": 32, "Tanh": 76, "Softmax": 36, "LogSoftmax": 80, "Softplus": 76, "Hardmax": 1,
    "Exp": 32, "Log": 43, "Sqrt": 24, "Sin": 39, "Cos": 39, "Atan": 64, "Reciprocal": 4,
    "Abs": 1, "Neg": 1, "Sign": 1, "Ceil": 1, "Floor": 1, "Round": 1, "CumSum": 1, "NonZero": 1,
    "Not": 1, "And": 1, "Or": 1, "Xor": 1, "Equal": 1, "Less": 1, "LessOrEqual": 1, "Greater": 1, "GreaterOrEqual": 1,
    "BatchNormalization": 31, "InstanceNormalization": 7, "LpNormalization": 33,
    "QuantizeLinear": 2, "DequantizeLinear": 2,
}  # fmt: skip
"""What it charges for each output element, by ONNX operator."""
REDUCTIONS = {"ReduceMean": 1, "ReduceSum": 1, "ReduceProd": 1, "ReduceMin": 1, "ReduceMax": 1, "ReduceL2": 25}
"""The same for each input element."""


def count(row: Row) -> Extent | None:
    """MACs + 1 an output for a bias; pools k an output; linear resize 4, cubic 8, nearest 0; the rest by price."""
    x, y = ends(row)
    if row.name != row.op.name:
        return 0
    if x is None or y is None:
        return 0 if not row.inputs else None
    type_ = onnx_type(row)
    if type_ in PRICES and y.rank == 0:
        return 0  # a single number has no volume there
    if type_ in PRICES:
        return y.size * PRICES[type_]
    if type_ == "Sum":
        return y.size * (len(row.op.inputs) - 1)
    if type_ in REDUCTIONS:
        return x.size * REDUCTIONS[type_]
    return _windowed(row, type_, x, y)


def _windowed(row: Row, type_: str, x: Tensor, y: Tensor) -> Extent | None:
    """What slides, mixes or resizes."""
    kind = family(row)
    if kind in ("conv", "dense", "matmul"):
        return macs(row) + (y.size if bias(row) else 0)
    if kind == "deconv":  # by the output's positions and channels
        channels = share(y.shape[1], groups(row))
        return y.size * (channels * taps(row, x) + (1 if bias(row) else 0))
    if type_ == "GlobalAveragePool":
        return x.size + 4 * y.size
    if type_ in ("MaxPool", "AveragePool"):
        kernel = row.facts.window.kernel if row.facts else ()
        return y.size * prod(kernel[: 2 if len(kernel) == 2 else 1])  # of three extents it takes the first
    if kind == "upsample":
        return y.size * (8 if row.op.attrs.get("mode") == "cubic" else 4 if linear_resize(row) else 0)
    if kind == "lrn":
        return y.size * (37 + neighbours(row))
    if kind == "layer_norm":
        return 7 * x.size + 29 * lines(row, x)
    return _recurrent(row) if type_ in ("LSTM", "GRU") else 0


def _recurrent(row: Row) -> Extent | None:
    """The products and biases of all directions, the states of one."""
    inner = cell(row)
    if inner is None:
        return None
    products = inner.runs * inner.rows * (inner.depth + inner.hidden + (2 if inner.biased else 0))
    states = 4 + 3 * 32 + 2 * 38 + 4 if inner.gates == 4 else 3 + 2 * 32 + 38 + 5
    return products + share(inner.runs, inner.directions) * inner.hidden * states


CONVENTION = Convention(
    name="onnx_tool",
    tool="onnx-tool",
    source="https://github.com/ThanatosShinji/onnx-tool/blob/main/onnx_tool/node.py",
    metrics=(
        Metric("macs", "priced operations", "MACs with biases and elementwise work priced in", count, word="MACs"),
    ),
)
