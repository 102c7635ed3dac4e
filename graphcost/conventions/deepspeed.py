"""DeepSpeed's flops profiler, and calflops after it: two operations a multiply-accumulate, one an activated element.

They replace functions of torch.nn.functional; additions and products that are written as operators are not seen.
"""

from __future__ import annotations

from math import prod

from ..dims import Extent
from ..graph import Tensor
from ..passes.rows import Row
from . import Convention, Metric
from .families import affine, bias, by_ends, cell, groups, halves, macs, neighbourhoods, same, share


@by_ends
def flops(row: Row, x: Tensor, y: Tensor, kind: str) -> Extent | None:
    """2 x MACs (+ convolution bias); batch norm 2 in; other norms 5 in; activation, softmax, pool in.

    Without an affine part a normalisation is one less. nn.ReLU6 calls hardtanh, which is not replaced.
    """
    return 0 if kind == "relu6" else functional(row)


@by_ends
def functional(row: Row, x: Tensor, y: Tensor, kind: str) -> Extent | None:
    """The same of a function that no module calls."""
    if kind in ("conv", "deconv"):
        return _convolution(row, x, y)
    if kind == "recurrent":
        return _recurrent(row)
    if half := halves(row):
        return half * x.size
    if kind in ("layer_norm", "group_norm", "instance_norm"):
        return (5 if affine(row) else 4) * x.size
    if kind == "lrn":
        return neighbourhoods(row, x)
    if kind == "upsample":  # to a size: the positions of the output; by a factor: the input's elements
        return prod(y.shape[2:]) if len(row.op.inputs) == 4 and row.op.inputs[3] else x.size
    return x.size if kind in _ONE else 2 * macs(row) if kind in _PRODUCTS else 0


_ONE = {
    "relu", "relu6", "prelu", "leaky_relu", "elu", "gelu", "silu", "softmax", "max_pool", "average_pool",
    "adaptive_max_pool", "adaptive_average_pool",
}  # fmt: skip
_PRODUCTS = {"dense", "matmul", "multihead_in_proj", "multihead_out_proj"}


def _convolution(row: Row, x: Tensor, y: Tensor) -> Extent:
    """2 x MACs and an addition for each output, by what the tool takes for the output.

    It pads as much behind as before, which is one position less where padding="same" cannot be shared evenly. For the
    bias of a transposed convolution it takes the positions of a convolution; and of the weight, whose second extent is
    the output channels of one group, it takes that for all of them and divides by the groups again.
    """
    if row.facts is None or not (same(row) or row.facts.window.up):
        return 2 * macs(row) + (y.size if bias(row) else 0)
    window = row.facts.window
    strides = window.up or window.stride
    reach = [dilation * (kernel - 1) for kernel, dilation in zip(window.kernel, window.dilation, strict=True)]
    pads = [far - pad for far, pad in zip(reach, window.pad, strict=True)] if window.up else window.pad
    seen = [
        (size + 2 * int(pad) - far - 1) // int(stride) + 1
        for size, pad, far, stride in zip(x.shape[2:], pads, reach, strides, strict=True)
    ]
    channels = share(y.shape[1], groups(row)) if window.up else y.shape[1]
    positions = prod(x.shape[2:] if window.up else seen)
    products = positions * prod(window.kernel) * x.shape[1] * share(channels, groups(row))
    return x.shape[0] * (2 * products + (channels * prod(seen) if bias(row) else 0))


def _recurrent(row: Row) -> Extent | None:
    """Per step: two operations a product but for the first of each sum, the biases, the sums of the states."""
    inner = cell(row)
    if inner is None:
        return None
    products = 2 * inner.rows * (inner.depth + inner.hidden - 1)
    return inner.runs * (products + inner.activations + inner.biases)


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
            functional=functional,
            word="flops",
            calls=True,
            per_mac=2,
        ),
    ),
)
