"""Which operators of Caffe and ONNX are the same thing to a tool that counts by layer type."""

from __future__ import annotations

from math import prod

from ..dims import Extent
from ..graph import Tensor
from ..passes.infer import Cost
from ..rules import GLOBAL

_FAMILIES = {
    "conv": "Conv Convolution QLinearConv ConvInteger DepthwiseConvolution ConvolutionDepthwise Convolution3D",
    "deconv": "ConvTranspose Deconvolution",
    "dense": "Gemm InnerProduct",
    "matmul": "MatMul FusedMatMul Einsum MatMulInteger QLinearMatMul MatMulNBits",
    "attention": "Attention MultiHeadAttention GroupQueryAttention",
    "recurrent": "LSTM GRU RNN",
    "max_pool": "MaxPool GlobalMaxPool",
    "average_pool": "AveragePool GlobalAveragePool",
    "batch_norm": "BatchNormalization BatchNorm BN",
    "lrn": "LRN",
    "layer_norm": "LayerNormalization",
    "group_norm": "GroupNormalization InstanceNormalization",
    "relu": "Relu ReLU",
    "prelu": "PRelu PReLU",
    "leaky_relu": "LeakyRelu",
    "relu6": "ReLU6 Clip",
    "elu": "Elu ELU",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh TanH",
    "dropout": "Dropout",
    "activation": "Gelu Selu Celu HardSigmoid HardSwish Softplus Softsign Mish Swish",
    "softmax": "Softmax LogSoftmax SoftmaxWithLoss",
    "eltwise": "Eltwise Add Sum Mul Sub Max Min",
    "scale": "Scale",
    "power": "Power",
    "concat": "Concat",
    "upsample": "Upsample Resize Interp",
    "normalize": "Normalize LpNormalization",
}
BY_TYPE = {name: family for family, names in _FAMILIES.items() for name in names.split()}


def family(row: Cost) -> str:
    """The family of an operator, "" when no tool here knows it."""
    type_ = row.op.type
    if type_ == "Pooling":
        average = row.op.attrs.get("pool", "MAX") in ("AVE", 1)
        return "average_pool" if average else "max_pool"
    return BY_TYPE.get(type_, "")


def ends(row: Cost) -> tuple[Tensor | None, Tensor | None]:
    """The first input and the first output, None where their shapes are not known."""
    x, y = (row.inputs or (None,))[0], (row.outputs or (None,))[0]
    return (x if x is not None and x.ranked else None), (y if y is not None and y.ranked else None)


def macs(row: Cost) -> Extent:
    """Our multiply-accumulates of an operator; 0 where they are not known."""
    return row.work.macs if row.work else 0


def bias(row: Cost) -> bool:
    """Whether a convolution or a fully connected layer adds a bias."""
    return row.work is not None and row.work.adds != 0


def taps(row: Cost, x: Tensor) -> Extent:
    """Inputs that one output of a pool sees: its kernel, or all spatial extents when it is global."""
    window = row.facts.window if row.facts else GLOBAL
    return prod(x.shape[2:]) if window is GLOBAL else prod(window.kernel)
