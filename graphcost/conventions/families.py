"""Which operators of Caffe and ONNX are the same thing to a tool that counts by layer type."""

from __future__ import annotations

from ..passes.infer import Cost

_FAMILIES = {
    "conv": "Conv Convolution QLinearConv ConvInteger DepthwiseConvolution ConvolutionDepthwise Convolution3D",
    "deconv": "ConvTranspose Deconvolution",
    "dense": "Gemm InnerProduct",
    "matmul": "MatMul",
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
    "softmax": "Softmax SoftmaxWithLoss",
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
