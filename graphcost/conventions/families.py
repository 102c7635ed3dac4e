"""Which operators of Caffe and ONNX are the same thing to a tool that counts by layer type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from math import prod

from ..dims import Extent
from ..graph import Tensor
from ..passes.rows import Row
from ..rules import GLOBAL

PARTS = ("in_proj", "bias", "scores", "softmax", "mix", "out_proj")
"""What nn.MultiheadAttention calculates, in order: the second product mixes the values by the softmax of the scores."""
_FAMILIES = {
    "conv": "Conv Convolution QLinearConv ConvInteger DepthwiseConvolution ConvolutionDepthwise Convolution3D",
    "deconv": "ConvTranspose Deconvolution",
    "dense": "Gemm InnerProduct",
    "matmul": "MatMul FusedMatMul Einsum MatMulInteger QLinearMatMul MatMulNBits",
    "bmm": "BatchedProduct",
    "attention": "Attention MultiHeadAttention GroupQueryAttention",
    **{f"multihead_{part}": f"MultiheadAttention.{part}" for part in PARTS},
    "recurrent": "LSTM GRU RNN",
    "max_pool": "MaxPool GlobalMaxPool",
    "average_pool": "AveragePool GlobalAveragePool",
    "adaptive_max_pool": "AdaptiveMaxPool",
    "adaptive_average_pool": "AdaptiveAveragePool",
    "batch_norm": "BatchNormalization BatchNorm BN",
    "lrn": "LRN",
    "layer_norm": "LayerNormalization",
    "group_norm": "GroupNormalization",
    "instance_norm": "InstanceNormalization",
    "relu": "Relu ReLU",
    "prelu": "PRelu PReLU",
    "leaky_relu": "LeakyRelu",
    "relu6": "ReLU6 Clip",
    "hardtanh": "Hardtanh",
    "elu": "Elu ELU",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh TanH",
    "dropout": "Dropout",
    "gelu": "Gelu FastGelu QuickGelu Erf",  # exporters spell it out around an error function
    "silu": "Swish SiLU",
    "softmax": "Softmax SoftmaxWithLoss",
    "log_softmax": "LogSoftmax",
    "embedding": "Gather Embed EmbeddingBag",
    "eltwise": "Eltwise Add Sum Mul Sub Max Min",
    "scale": "Scale",
    "power": "Power",
    "concat": "Concat",
    "upsample": "Upsample Resize Interp",
    "grid_sample": "GridSample",
    "normalize": "Normalize LpNormalization",
}
BY_TYPE = {name: family for family, names in _FAMILIES.items() for name in names.split()}

_ONNX = {
    "Convolution": "Conv", "Deconvolution": "ConvTranspose", "InnerProduct": "Gemm", "BatchNorm": "BatchNormalization",
    "BN": "BatchNormalization", "ReLU": "Relu", "PReLU": "PRelu", "ELU": "Elu", "TanH": "Tanh", "AbsVal": "Abs",
    "Power": "Pow", "Interp": "Resize", "Normalize": "LpNormalization", "SoftmaxWithLoss": "Softmax", "Scale": "Mul",
    "Bias": "Add", "Split": "Identity",
}  # fmt: skip
_ELTWISE = {"PROD": "Mul", 0: "Mul", "MAX": "Max", 2: "Max"}


def family(row: Row) -> str:
    """The family of an operator, "" when no tool here knows it."""
    type_ = row.op.type
    if type_ == "Pooling":
        average = row.op.attrs.get("pool", "MAX") in ("AVE", 1)
        return "average_pool" if average else "max_pool"
    if type_ == "ReduceMean" and _pools(row):
        return "average_pool"
    return BY_TYPE.get(type_, "")


def _pools(row: Row) -> bool:
    """Whether a mean is over all positions of a map and leaves it one: exporters write global pooling so."""
    x, y = ends(row)
    return x is not None and y is not None and x.rank > 3 and y.shape == (*x.shape[:2], *[1] * (x.rank - 2))


def onnx_type(row: Row) -> str:
    """The ONNX operator that does what a Caffe layer does, as a converter writes it; its own type otherwise."""
    type_ = row.op.type
    if not row.op.kind.startswith("caffe."):
        return type_
    if type_ == "Pooling":
        kind = "AveragePool" if family(row) == "average_pool" else "MaxPool"
        return f"Global{kind}" if everywhere(row) else kind
    if type_ == "Eltwise":
        return _ELTWISE.get(row.op.attrs.get("operation", "SUM"), "Add")
    if type_ == "ReLU" and row.op.attrs.get("negative_slope"):
        return "LeakyRelu"
    return _ONNX.get(type_, type_)


def ends(row: Row) -> tuple[Tensor | None, Tensor | None]:
    """The first input and the first output, None where their shapes are not known."""
    x, y = (row.inputs or (None,))[0], (row.outputs or (None,))[0]
    return (x if x is not None and x.ranked else None), (y if y is not None and y.ranked else None)


def by_ends(formula: Callable[[Row, Tensor, Tensor, str], Extent | None]) -> Callable[[Row], Extent | None]:
    """What a tool counts for an operator, by a formula of the operator, its first input, first output and family.

    Nothing for what computes constants, which a framework has as parameters; None where a shape is not known.
    """

    @wraps(formula)
    def count(row: Row) -> Extent | None:
        if row.constant:
            return 0
        x, y = ends(row)
        return None if x is None or y is None else formula(row, x, y, family(row))

    return count


def macs(row: Row) -> Extent:
    """Our multiply-accumulates of one run of an operator; 0 where they are not known."""
    return row.facts.work.macs if row.facts and row.facts.work else 0


def bias(row: Row) -> bool:
    """Whether a convolution or a fully connected layer adds a bias."""
    return row.work is not None and row.work.adds != 0


def one_vector(row: Row) -> bool:
    """Whether an addition or product is with a constant vector.

    Exporters write so the bias of a linear layer, and the scale and shift of a normalisation that they spell out.
    """
    vector = any(weight.tensor.ranked and weight.tensor.rank == 1 for weight in row.weights)
    return vector and row.op.type in ("Add", "Mul")


def adds_bias(row: Row) -> bool:
    """Whether an addition is the bias of a linear layer that the exporter wrote as a product and an addition."""
    return row.op.type == "Add" and one_vector(row)


def linear(row: Row) -> bool:
    """Whether an operator multiplies by a constant matrix, as the linear layer of a framework does."""
    kind = family(row)
    return kind == "dense" or (kind == "matmul" and bool(row.weights))


def affine(row: Row) -> bool:
    """Whether a normalisation scales and shifts what it has normalised: its second operand is the scale."""
    return len(row.op.inputs) < 2 or bool(row.op.inputs[1])


def halves(row: Row) -> int:
    """How much of a batch normalisation an operator is: 1 to normalise, 1 to scale and shift.

    ONNX does both in one operator, Caffe in a layer each, BatchNorm and Scale.
    """
    if row.op.type in ("BatchNorm", "Scale"):
        return 1 if len(row.inputs) == 1 else 0
    return (2 if affine(row) else 1) if family(row) == "batch_norm" else 0


def neighbourhoods(row: Row, x: Tensor) -> Extent:
    """Elements that the pool within nn.LocalResponseNorm reads: all channels, and zeros on both sides of them."""
    channels = x.shape[1] if x.rank > 1 else 1
    return 3 * x.size + (share(x.size, channels) * (channels + neighbours(row) - 1))


def share(extent: Extent, parts: Extent) -> Extent:
    """A whole part of an extent; 0 of nothing."""
    return extent // parts if parts != 0 else 0


def same(row: Row) -> bool:
    """Whether a convolution was called with padding="same".

    The older exporter then writes auto_pad, the newer calls another function than that of the module.
    """
    if row.op.origin is not None:
        return row.op.type == "Conv" and row.op.origin.function == "aten.convolution"
    exported = row.op.name.startswith("/")  # by PyTorch; other frameworks pad so as a rule
    return exported and row.op.attrs.get("auto_pad", "NOTSET") in ("SAME_UPPER", "SAME_LOWER")


def everywhere(row: Row) -> bool:
    """Whether an operator sees all positions at once, as a global pool does."""
    return row.facts is None or row.facts.window == GLOBAL


def taps(row: Row, x: Tensor) -> Extent:
    """Inputs that one output of a pool sees: its kernel, or all spatial extents when it is global."""
    return prod(x.shape[2:]) if everywhere(row) or row.facts is None else prod(row.facts.window.kernel)


def gates(row: Row) -> int:
    """Matrices of each direction of a recurrent layer: 4 of an LSTM, 3 of a GRU."""
    return {"LSTM": 4, "GRU": 3}.get(row.op.type, 1)


def groups(row: Row) -> int:
    """Groups of a convolution."""
    return int(row.op.attrs.get("group", 1))


def neighbours(row: Row) -> int:
    """Channels or positions that a local response normalisation looks at."""
    return int(row.op.attrs.get("local_size", row.op.attrs.get("size", 5)))


def length(row: Row, x: Tensor) -> Extent:
    """Elements along the axis of a softmax or a layer normalisation, the last where the file names none."""
    return x.shape[int(row.op.attrs.get("axis", -1))] if x.rank else 1


def over_channels(row: Row) -> bool:
    """Whether a softmax is what nn.Softmax2d calls, a class of its own: along the third axis from behind."""
    return row.op.attrs.get("axis") == -3


def lines(row: Row, x: Tensor) -> Extent:
    """How many of such there are."""
    return share(x.size, length(row, x))


def linear_resize(row: Row) -> bool:
    """Whether a resize interpolates linearly rather than takes the nearest."""
    return row.op.type == "Interp" or row.op.attrs.get("mode") in ("linear", "bilinear")


@dataclass(frozen=True)
class Cell:
    """A recurrent layer as the tools see it: how often its cell runs, and what that multiplies."""

    runs: Extent
    """Steps x batch x directions."""
    directions: Extent
    depth: Extent
    """Extent of the input at each step."""
    hidden: Extent
    gates: int
    biased: bool

    @property
    def rows(self) -> Extent:
        """Outputs of all gates together."""
        return self.gates * self.hidden

    @property
    def activations(self) -> Extent:
        """Operations a step beyond products and biases, as ptflops has them and DeepSpeed after it."""
        return {4: 10, 3: 7, 1: 1}[self.gates] * self.hidden

    @property
    def biases(self) -> Extent:
        """Elements of the two biases of each gate."""
        return 2 * self.rows if self.biased else 0


def cell(row: Row) -> Cell | None:
    """The cell of a recurrent operator, None when its shapes are not known; the static input of Caffe's is left out."""
    x, y = ends(row)
    if x is None:
        return None
    runs = x.shape[0] * x.shape[1]
    if row.op.kind.startswith("caffe."):
        return Cell(runs, 1, prod(x.shape[2:]), y.shape[-1], gates(row), biased=True) if y is not None else None
    r, b = (*row.inputs, None, None, None, None)[2:4]
    if r is None or not r.ranked:
        return None
    return Cell(runs * r.shape[0], r.shape[0], x.shape[2], r.shape[2], gates(row), biased=b is not None)
