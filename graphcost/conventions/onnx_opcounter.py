"""onnx-opcounter: multiply-accumulates of what it knows, and the output's elements for every operator it does not.

It goes through the nodes of the outer graph alone. Caffe layers are counted as the ONNX operators that a converter
makes of them.
"""

from __future__ import annotations

from ..dims import Extent
from ..passes.rows import Row
from . import Convention, Metric
from .families import ends, family, groups, linear_resize, macs, onnx_type, share, taps

FREE = {
    "Constant", "Reshape", "Slice", "Shape", "Gather", "ScatterND", "Tile", "Transpose", "Sign", "Squeeze", "Unsqueeze",
    "Split", "Cast",
}  # fmt: skip


def count(row: Row) -> Extent | None:
    """Convolutions MACs; products prod(in) x last extent; batch norm 2 out; ReLU, addition in; linear resize 11 out."""
    x, y = ends(row)
    type_ = onnx_type(row)
    if row.name != row.op.name or type_ in FREE:
        return 0
    if y is None or (x is None and row.inputs):
        return None
    kind = family(row)
    if x is None:
        return y.size
    if type_ == "Conv":
        return macs(row)
    if type_ == "ConvTranspose":  # by the output's positions
        return y.size * share(x.shape[1], groups(row)) * taps(row, x)
    if type_ in ("Gemm", "MatMul"):
        return x.size * (y.shape[-1] if y.rank else 1)
    if type_ == "BatchNormalization":
        return 2 * y.size
    if type_ in ("Relu", "Add"):
        return x.size
    if kind == "upsample":
        return 11 * y.size if linear_resize(row) else 0
    return y.size


CONVENTION = Convention(
    name="onnx_opcounter",
    tool="onnx-opcounter",
    source="https://github.com/gmalivenko/onnx-opcounter/blob/master/onnx_opcounter/onnx_opcounter.py",
    metrics=(
        Metric(
            "macs",
            "multiply-accumulates",
            "MACs, and the elements of the output for what it does not know",
            count,
            word="MACs",
        ),
    ),
)
