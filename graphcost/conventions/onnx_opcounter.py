"""onnx-opcounter: multiply-accumulates of what it knows, and the output's elements for every operator it does not."""

from __future__ import annotations

from ..dims import Extent
from ..passes.infer import Cost
from . import Convention, Metric
from .families import ends, family, macs


def count(row: Cost) -> Extent | None:
    """Convolutions MACs; products prod(in) x last extent; batch norm 2 out; ReLU, addition in; linear resize 11 out."""
    x, y = ends(row)
    if x is None or y is None:
        return None
    kind = family(row)
    if kind in ("conv", "deconv"):
        return macs(row)
    if kind in ("dense", "matmul"):
        return x.size * (y.shape[-1] if y.rank else 1)
    if kind == "batch_norm":
        return 2 * y.size
    if row.op.type in ("Relu", "Add"):
        return x.size
    if kind == "upsample":
        return 11 * y.size if row.op.attrs.get("mode") == "linear" else y.size
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
