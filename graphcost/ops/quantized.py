"""Quantised operators: integers for the products, scales around them.

Products are multiply-accumulates like any others; turning an element to integers is a division, a rounding and two
bounds, turning it back a subtraction and a multiplication.
"""

from __future__ import annotations

from ..dims import Undecided, ceil_div
from ..graph import BITS, Tensor, element_type
from ..rules import GLOBAL, NO_WORK, Facts, Work, rule
from ..shapes import broadcast
from . import dense, movement, windowed
from .indexing import gather
from .normalize import softmax_of
from .pointwise import ACTIVATIONS
from .windowed import Axes

QUANTIZE = Work(divs=1, compares=3, adds=1)
"""round(x / scale) + zero point, kept in range."""
DEQUANTIZE = Work(adds=1, muls=1)
"""(q - zero point) * scale."""


@rule(
    "QuantizeLinear",
    "com.microsoft.QuantizeLinear",
    harmless=("axis", "block_size", "saturate", "precision"),
    weights={"scale": "quantisation", "zero": "quantisation"},
)
def quantize_linear(x: Tensor, scale: Tensor, zero: Tensor | None = None, *, output_dtype: int = 0) -> Facts:
    """[*any] -> the same shape in the zero point's type (uint8 without one).

    https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html
    """
    dtype = zero.dtype if zero is not None else element_type(output_dtype, "uint8")
    return Facts((Tensor(x.shape, dtype),), QUANTIZE * x.size, elementwise=True)


@rule(
    "DequantizeLinear",
    "com.microsoft.DequantizeLinear",
    harmless=("axis", "block_size"),
    weights={"scale": "quantisation", "zero": "quantisation"},
)
def dequantize_linear(x: Tensor, scale: Tensor, zero: Tensor | None = None, *, output_dtype: int = 0) -> Facts:
    """[*any] -> the same shape in the scale's type.  https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html"""
    dtype = element_type(output_dtype, scale.dtype)
    return Facts((Tensor(x.shape, dtype),), DEQUANTIZE * x.size, elementwise=True)


@rule("DynamicQuantizeLinear")
def dynamic_quantize_linear(x: Tensor) -> Facts:
    """[*any] -> uint8 of the same shape, its scale and zero point: both extremes are found first.

    https://onnx.ai/onnx/operators/onnx__DynamicQuantizeLinear.html
    """
    y, scale, zero = Tensor(x.shape, "uint8"), Tensor((), "float32"), Tensor((), "uint8")
    return Facts((y, scale, zero), (QUANTIZE + Work(compares=2)) * x.size, GLOBAL)


@rule(
    "ConvInteger",
    harmless=("kernel_shape",),
    weights={"w": "learned", "x_zero": "quantisation", "w_zero": "quantisation"},
)
def conv_integer(
    x: Tensor,
    w: Tensor,
    x_zero: Tensor | None = None,
    w_zero: Tensor | None = None,
    *,
    strides: Axes | None = None,
    pads: Axes | None = None,
    dilations: Axes | None = None,
    group: int = 1,
    auto_pad: str = "NOTSET",
) -> Facts:
    """A convolution of integers -> int32.  https://onnx.ai/onnx/operators/onnx__ConvInteger.html"""
    facts = windowed.conv(x, w, strides=strides, pads=pads, dilations=dilations, group=group, auto_pad=auto_pad)
    return Facts((Tensor(facts.outputs[0].shape, "int32"),), facts.work, facts.window)


@rule(
    "QLinearConv",
    harmless=("kernel_shape",),
    weights={
        "x_scale": "quantisation",
        "x_zero": "quantisation",
        "w": "learned",
        "w_scale": "quantisation",
        "w_zero": "quantisation",
        "y_scale": "quantisation",
        "y_zero": "quantisation",
        "b": "learned",
    },
)
def qlinear_conv(
    x: Tensor,
    x_scale: Tensor,
    x_zero: Tensor,
    w: Tensor,
    w_scale: Tensor,
    w_zero: Tensor,
    y_scale: Tensor,
    y_zero: Tensor,
    b: Tensor | None = None,
    *,
    strides: Axes | None = None,
    pads: Axes | None = None,
    dilations: Axes | None = None,
    group: int = 1,
    auto_pad: str = "NOTSET",
) -> Facts:
    """A convolution of integers, brought to the scale of its result.

    https://onnx.ai/onnx/operators/onnx__QLinearConv.html
    """
    facts = windowed.conv(x, w, b, strides=strides, pads=pads, dilations=dilations, group=group, auto_pad=auto_pad)
    y = Tensor(facts.outputs[0].shape, y_zero.dtype)
    return Facts((y,), (facts.work or NO_WORK) + QUANTIZE * y.size, facts.window)


@rule("MatMulInteger", weights={"a": "learned", "b": "learned", "a_zero": "quantisation", "b_zero": "quantisation"})
def matmul_integer(a: Tensor, b: Tensor, a_zero: Tensor | None = None, b_zero: Tensor | None = None) -> Facts:
    """A product of integers -> int32.  https://onnx.ai/onnx/operators/onnx__MatMulInteger.html"""
    facts = dense.matmul(a, b)
    return Facts((Tensor(facts.outputs[0].shape, "int32"),), facts.work, GLOBAL)


@rule(
    "QLinearMatMul",
    weights={
        "a": "learned",
        "a_scale": "quantisation",
        "a_zero": "quantisation",
        "b": "learned",
        "b_scale": "quantisation",
        "b_zero": "quantisation",
        "y_scale": "quantisation",
        "y_zero": "quantisation",
    },
)
def qlinear_matmul(
    a: Tensor,
    a_scale: Tensor,
    a_zero: Tensor,
    b: Tensor,
    b_scale: Tensor,
    b_zero: Tensor,
    y_scale: Tensor,
    y_zero: Tensor,
) -> Facts:
    """A product of integers, brought to the scale of its result.

    https://onnx.ai/onnx/operators/onnx__QLinearMatMul.html
    """
    facts = dense.matmul(a, b)
    y = Tensor(facts.outputs[0].shape, y_zero.dtype)
    return Facts((y,), (facts.work or NO_WORK) + QUANTIZE * y.size, GLOBAL)


@rule(
    "com.microsoft.MatMulIntegerToFloat",
    weights={
        "a": "learned",
        "b": "learned",
        "a_scale": "quantisation",
        "b_scale": "quantisation",
        "a_zero": "quantisation",
        "b_zero": "quantisation",
        "bias": "learned",
    },
)
def matmul_integer_to_float(
    a: Tensor,
    b: Tensor,
    a_scale: Tensor,
    b_scale: Tensor,
    a_zero: Tensor | None = None,
    b_zero: Tensor | None = None,
    bias: Tensor | None = None,
) -> Facts:
    """A product of integers -> floating point, scaled, with a bias."""
    facts = dense.matmul(a, b)
    y = Tensor(facts.outputs[0].shape, a_scale.dtype)
    return Facts((y,), (facts.work or NO_WORK) + Work(muls=1, adds=int(bias is not None)) * y.size, GLOBAL)


@rule(
    "com.microsoft.DynamicQuantizeMatMul",
    weights={"b": "learned", "b_scale": "quantisation", "b_zero": "quantisation", "bias": "learned"},
)
def dynamic_quantize_matmul(
    a: Tensor, b: Tensor, b_scale: Tensor, b_zero: Tensor | None = None, bias: Tensor | None = None
) -> Facts:
    """The first operand quantised as it comes, multiplied by an 8-bit one, and scaled."""
    facts = matmul_integer_to_float(a, b, a, b_scale, None, b_zero, bias)
    return Facts(facts.outputs, (facts.work or NO_WORK) + (QUANTIZE + Work(compares=2)) * a.size, GLOBAL)


@rule(
    "com.microsoft.MatMulNBits",
    harmless=("accuracy_level", "weight_prepacked"),
    weights={
        "packed": "learned",
        "scales": "quantisation",
        "zeros": "quantisation",
        "group": "quantisation",
        "bias": "learned",
    },
)
def matmul_n_bits(
    a: Tensor,
    packed: Tensor,
    scales: Tensor,
    zeros: Tensor | None = None,
    group: Tensor | None = None,
    bias: Tensor | None = None,
    *,
    K: int,
    N: int,
    bits: int = 4,
    block_size: int = 0,
) -> Facts:
    """a [*batch, M, K] by a matrix [K, N] whose elements are packed into bytes -> [*batch, M, N].

    Each row of the packed matrix is padded to whole blocks.
    https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MatMulNBits
    """
    dense.contract(a.shape[-1], K)
    y = Tensor((*a.shape[:-1], N), a.dtype)
    work = Work(macs=y.size * K, adds=y.size if bias is not None else 0) + DEQUANTIZE * (N * K)
    depth = ceil_div(K, block_size) * block_size if block_size > 0 else K
    return Facts((y,), work, GLOBAL, packed_as=(None, _unpacked(Tensor((N, depth)), bits)))


@rule(
    "com.microsoft.MatMulBnb4",
    harmless=("block_size", "quant_type", "training_mode", "transB"),
    weights={"packed": "learned", "absmax": "quantisation"},
)
def matmul_bnb4(a: Tensor, packed: Tensor, absmax: Tensor, *, K: int, N: int) -> Facts:
    """a [*batch, M, K] by a matrix [K, N] of 4-bit codes of NF4 or FP4 -> [*batch, M, N]; a code is looked up.

    https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MatMulBnb4
    """
    dense.contract(a.shape[-1], K)
    y = Tensor((*a.shape[:-1], N), a.dtype)
    return Facts((y,), Work(macs=y.size * K, muls=N * K), GLOBAL, packed_as=(None, _unpacked(Tensor((N, K)), 4)))


@rule(
    "com.microsoft.GatherBlockQuantized",
    harmless=("block_size", "quantize_axis"),
    weights={"data": "learned", "scales": "quantisation", "zeros": "quantisation"},
)
def gather_block_quantized(
    data: Tensor,
    indices: Tensor,
    scales: Tensor,
    zeros: Tensor | None = None,
    *,
    gather_axis: int = 0,
    bits: int = 4,
) -> Facts:
    """Slices of a matrix of small integers, turned back: `data` in bytes has 8 / bits elements a byte in its last axis.

    https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.GatherBlockQuantized
    """
    held, packed = data, 1
    if data.dtype == "uint8":
        packed = 8 // bits
        held = _unpacked(Tensor((*data.shape[:-1], data.shape[-1] * packed)), bits)
    gathered = gather(held, indices, axis=gather_axis).outputs[0]
    y = Tensor(gathered.shape, scales.dtype)
    return Facts((y,), DEQUANTIZE * y.size, GLOBAL, packed_as=(held,), elements_read=(y.size // packed,))


def _unpacked(tensor: Tensor, bits: int) -> Tensor:
    """The elements that are packed `bits` wide. Raises Undecided for a width that no element type has."""
    if f"uint{bits}" not in BITS:
        raise Undecided(f"elements of {bits} bits have no type here")
    return Tensor(tensor.shape, f"uint{bits}")


@rule(
    "com.microsoft.QGemm",
    weights={
        "a_scale": "quantisation",
        "a_zero": "quantisation",
        "b": "learned",
        "b_scale": "quantisation",
        "b_zero": "quantisation",
        "c": "learned",
        "y_scale": "quantisation",
        "y_zero": "quantisation",
    },
)
def qgemm(
    a: Tensor,
    a_scale: Tensor,
    a_zero: Tensor,
    b: Tensor,
    b_scale: Tensor,
    b_zero: Tensor,
    c: Tensor | None = None,
    y_scale: Tensor | None = None,
    y_zero: Tensor | None = None,
    *,
    transA: int = 0,
    transB: int = 0,
    alpha: float = 1.0,
) -> Facts:
    """Gemm of integers -> integers with a scale for the result, else floating point."""
    facts = dense.gemm(a, b, c, transA=transA, transB=transB, alpha=alpha)
    y = Tensor(facts.outputs[0].shape, y_zero.dtype if y_zero is not None else a_scale.dtype)
    return Facts((y,), (facts.work or NO_WORK) + (QUANTIZE if y_zero is not None else DEQUANTIZE) * y.size, GLOBAL)


def _between(kind: str, work: Work) -> None:
    """Operands turned back, worked on, and the result quantised."""

    @rule(
        f"com.microsoft.{kind}",
        weights={
            "a_scale": "quantisation",
            "a_zero": "quantisation",
            "b_scale": "quantisation",
            "b_zero": "quantisation",
            "result": "quantisation",
        },
    )
    def between(
        a: Tensor, a_scale: Tensor, a_zero: Tensor | None, b: Tensor, b_scale: Tensor, b_zero: Tensor | None,
        *result: Tensor | None,
    ) -> Facts:  # fmt: skip
        y = Tensor(broadcast(a.shape, b.shape), a.dtype)
        return Facts((y,), (work + QUANTIZE) * y.size + DEQUANTIZE * (a.size + b.size), elementwise=True)

    between.__doc__ = f"{kind}: two quantised operands broadcast to one shape."


_between("QLinearAdd", Work(adds=1))
_between("QLinearMul", Work(muls=1))


def _of_one(kind: str, work: Work, harmless: tuple[str, ...] = ()) -> None:
    @rule(f"com.microsoft.{kind}", harmless=harmless, weights={"scales": "quantisation"})
    def of_one(x: Tensor, *scales: Tensor | None) -> Facts:
        return Facts((Tensor(x.shape, x.dtype),), (work + QUANTIZE + DEQUANTIZE) * x.size, elementwise=True)

    of_one.__doc__ = f"{kind}: a quantised operand -> the same shape."


_of_one("QLinearSigmoid", ACTIVATIONS["Sigmoid"])
_of_one("QLinearLeakyRelu", ACTIVATIONS["LeakyRelu"], ("alpha",))


@rule("com.microsoft.QLinearSoftmax", harmless=("opset",), weights={"scales": "quantisation"})
def qlinear_softmax(x: Tensor, *scales: Tensor | None, axis: int = -1) -> Facts:
    """Softmax of a quantised operand -> the same shape."""
    facts = softmax_of(x, x.shape[axis])
    return Facts(facts.outputs, (facts.work or NO_WORK) + (QUANTIZE + DEQUANTIZE) * x.size, GLOBAL)


@rule("com.microsoft.QLinearConcat", weights={"y_scale": "quantisation", "y_zero": "quantisation"})
def qlinear_concat(y_scale: Tensor, y_zero: Tensor, *operands: Tensor, axis: int) -> Facts:
    """Operands with a scale and a zero point each, brought to one scale and joined."""
    facts = movement.concat(*operands[::3], axis=axis)
    return Facts(facts.outputs, (QUANTIZE + DEQUANTIZE) * facts.outputs[0].size, facts.window)


@rule(
    "com.microsoft.QLinearWhere",
    weights={
        "x_scale": "quantisation",
        "x_zero": "quantisation",
        "y_scale": "quantisation",
        "y_zero": "quantisation",
        "scale": "quantisation",
        "zero": "quantisation",
    },
)
def qlinear_where(
    condition: Tensor, x: Tensor, x_scale: Tensor, x_zero: Tensor, y: Tensor, y_scale: Tensor, y_zero: Tensor,
    scale: Tensor, zero: Tensor,
) -> Facts:  # fmt: skip
    """Elements of x or of y, brought to one scale."""
    z = Tensor(broadcast(condition.shape, x.shape, y.shape), x.dtype)
    return Facts((z,), (QUANTIZE + DEQUANTIZE + Work(compares=1)) * z.size, elementwise=True)
