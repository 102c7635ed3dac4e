"""Quantised operators that ONNX Runtime adds: matrices packed into bytes, int8 in the orders of CUDA, sums of integers.

https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md describes each.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..dims import Extent, Undecided
from ..graph import Tensor, element_type
from ..rules import GLOBAL, NO_WORK, NUMBER, QUANTISATION, Facts, Work, rule
from ..shapes import joins
from . import dense
from .attention_contrib import SCORES
from .attention_contrib import attention as self_attention
from .normalize import embed_layer_normalization, layer_normalization, rms_normalization
from .pointwise import ACTIVATIONS, binary, unary
from .quantized import DEQUANTIZE, QUANTIZE, matmul_n_bits
from .reduce import reduced_axes, window_over, without
from .values import ints

ORDERS = ("order_input", "order_output", "order_weight", "order_A", "order_B", "order_X", "order_Y")
"""In which order CUDA's libraries keep the elements of a matrix."""

# --- weights packed into bytes ----------------------------------------------------------------------------------------


@rule("com.microsoft.MatMulFpQ4")
def matmul_fp_q4(a: Tensor, packed: Tensor, shape: Tensor, *, blk_quant_type: int = 1) -> Facts:
    """a [*batch, K] by a matrix [K, N], of the shape that the third input has, in blocks of 4 bits -> [*batch, N].

    The blob holds scales and zero points between the elements, so that its bytes are more than their bits.
    """
    sizes = ints(shape)
    if sizes is None or len(sizes) != 2:
        raise Undecided("the shape of the packed matrix is not in the file")
    depth, columns = dense.contract(a.shape[-1], sizes[0]), sizes[1]
    y = Tensor((*a.shape[:-1], columns), a.dtype)
    work = Work(macs=y.size * depth) + DEQUANTIZE * (depth * columns)
    return Facts((y,), work, GLOBAL, packed_as=(None, Tensor((columns, depth), "uint4")))


@rule(
    "com.microsoft.MatMulBlockQuantizedFp4Weight",
    harmless=("block_size",),
    weights=dict.fromkeys(("scales", "scale", "a_scale"), QUANTISATION),
)
def matmul_fp4(
    a: Tensor,
    packed: Tensor,
    scales: Tensor,
    scale: Tensor,
    a_scale: Tensor | None = None,
    bias: Tensor | None = None,
) -> Facts:
    """a [*batch, K] by N rows of K numbers of 4 bits, two in a byte -> [*batch, N]; each has two scales."""
    rows = Tensor((packed.shape[0], 2 * packed.shape[1]), "float4e2m1")
    return _by_rows(a, rows, Work(muls=2), bias, NO_WORK)


@rule(
    "com.microsoft.MatMulBlockQuantizedFp8Weight",
    harmless=("block_size",),
    weights=dict.fromkeys(("scales", "a_scale"), QUANTISATION),
)
def matmul_fp8(
    a: Tensor, rows: Tensor, scales: Tensor, a_scale: Tensor | None = None, bias: Tensor | None = None
) -> Facts:
    """a [*batch, K] by N rows of K numbers of 8 bits -> [*batch, N]; with a scale of its own `a` is quantised too."""
    quantised = (QUANTIZE + Work(muls=1)) * a.size if a_scale is not None else NO_WORK
    return _by_rows(a, rows, Work(muls=1), bias, quantised)


def _by_rows(a: Tensor, rows: Tensor, scaled: Work, bias: Tensor | None, before: Work) -> Facts:
    depth = dense.contract(a.shape[-1], rows.shape[1])
    y = Tensor((*a.shape[:-1], rows.shape[0]), a.dtype)
    work = before + Work(macs=y.size * depth, adds=y.size if bias is not None else 0) + scaled * rows.size
    return Facts((y,), work, GLOBAL, packed_as=(None, rows))


def _projection(a: Tensor, packed: Tensor, bias: Tensor | None, K: int, N: int, bits: int, block: int) -> Facts:
    """MatMulNBits of one of several packed matrices."""
    return matmul_n_bits(a, packed, a, None, None, bias, K=K, N=N, bits=bits, block_size=block)


def _normalised(a: Tensor, skip: Tensor | None, scale: Tensor | None) -> Work:
    """What stands before the products: nothing, a norm, or a sum and a norm."""
    norm = (rms_normalization(a, scale).work or NO_WORK) if scale is not None else NO_WORK
    return norm + Work(adds=a.size if skip is not None else 0)


@rule(
    "com.microsoft.MatMulNBitsMlp",
    harmless=("accuracy_level", "epsilon"),
    weights=dict.fromkeys(("gate_scales", "up_scales"), QUANTISATION),
)
def matmul_n_bits_mlp(
    a: Tensor,
    skip: Tensor | None,
    norm: Tensor | None,
    gate: Tensor,
    gate_scales: Tensor,
    gate_bias: Tensor | None,
    up: Tensor,
    up_scales: Tensor,
    up_bias: Tensor | None = None,
    *,
    K: int,
    N: int,
    block_size: int,
    activation: str,
    bits: int = 4,
    outputs: int = 1,
) -> Facts:
    """activation(a gate) * (a up), both MatMulNBits -> [*batch, N]; a is normalised first where a norm is given."""
    if activation not in ("silu", "swish"):
        raise Undecided(f"what the activation {activation} costs is not known")
    parts = [_projection(a, each, bias, K, N, bits, block_size) for each, bias in ((gate, gate_bias), (up, up_bias))]
    y = parts[0].outputs[0]
    work = sum((part.work or NO_WORK for part in parts), _normalised(a, skip, norm))
    work += (ACTIVATIONS["Swish"] + Work(muls=1)) * y.size
    held = [part.packed_as[1] for part in parts]
    return Facts((y, Tensor(a.shape, a.dtype))[:outputs], work, GLOBAL,
                 packed_as=(None, None, None, held[0], None, None, held[1]))  # fmt: skip


@rule(
    "com.microsoft.MatMulNBitsQkv",
    harmless=("accuracy_level", "epsilon"),
    weights=dict.fromkeys(("q_scales", "k_scales", "v_scales"), QUANTISATION),
)
def matmul_n_bits_qkv(
    a: Tensor,
    skip: Tensor | None,
    norm: Tensor,
    q: Tensor,
    q_scales: Tensor,
    q_bias: Tensor | None,
    k: Tensor,
    k_scales: Tensor,
    k_bias: Tensor | None,
    v: Tensor,
    v_scales: Tensor,
    v_bias: Tensor | None = None,
    *,
    K: int,
    Nq: int,
    Nkv: int,
    block_size: int,
    bits: int = 4,
    outputs: int = 3,
) -> Facts:
    """Queries, keys and values of a normalised, MatMulNBits each: a matrix, its scales, and maybe a bias for each."""
    held: list[Tensor | None] = [None, None, None]
    tops: list[Tensor] = []
    work = _normalised(a, skip, norm)
    for packed, bias, columns in ((q, q_bias, Nq), (k, k_bias, Nkv), (v, v_bias, Nkv)):
        part = _projection(a, packed, bias, K, columns, bits, block_size)
        work += part.work or NO_WORK
        tops += part.outputs
        held += [part.packed_as[1], None, None]
    return Facts((*tops, Tensor(a.shape, a.dtype))[:outputs], work, GLOBAL, packed_as=tuple(held))


@rule(
    "com.microsoft.MatMulNBitsQLoRA",
    harmless=("accuracy_level",),
    weights=dict.fromkeys(("scales", "down_scales", "up_scales"), QUANTISATION),
)
def matmul_n_bits_lora(
    x: Tensor,
    w: Tensor,
    scales: Tensor,
    down: Tensor,
    down_scales: Tensor,
    up: Tensor,
    up_scales: Tensor,
    *,
    K: int,
    N: int,
    bits: int = 4,
    block_size: int = 32,
    lora_bits: int = 4,
    lora_block_size: int = 32,
) -> Facts:
    """MatMulNBits of x, and of x through R numbers in between, added -> [*batch, N]."""
    base = _projection(x, w, None, K, N, bits, block_size)
    y, rank = base.outputs[0], down.shape[0]
    if not isinstance(rank, int):
        raise Undecided("the rank of the adapter is not known")
    first = _projection(x, down, None, K, rank, lora_bits, lora_block_size)
    second = _projection(first.outputs[0], up, None, rank, N, lora_bits, lora_block_size)
    work = sum((part.work or NO_WORK for part in (base, first, second)), Work(adds=y.size))
    return Facts((y,), work, GLOBAL, packed_as=(
        None, base.packed_as[1], None, first.packed_as[1], None, second.packed_as[1],
    ))  # fmt: skip


# --- integers ---------------------------------------------------------------------------------------------------------


@rule("com.microsoft.MatMulInteger16")
def matmul_integer16(a: Tensor, b: Tensor) -> Facts:
    """A product of integers of 16 bits -> of 32."""
    facts = dense.matmul(a, b)
    dtype = "uint32" if a.dtype == b.dtype == "uint16" else "int32"
    return Facts((Tensor(facts.outputs[0].shape, dtype),), facts.work, facts.window)


@rule("com.microsoft.MulInteger", weights=dict.fromkeys(("a_zero", "b_zero"), QUANTISATION))
def mul_integer(a: Tensor, a_zero: Tensor | None, b: Tensor, b_zero: Tensor | None = None) -> Facts:
    """Two operands of 8 bits, less their zero points, multiplied -> int32 of their broadcast shape."""
    facts = binary(a, b, Work(muls=1), "int32")
    less = sum((x.size for x, zero in ((a, a_zero), (b, b_zero)) if zero is not None), 0)
    return Facts(facts.outputs, (facts.work or NO_WORK) + Work(adds=less), facts.window, elementwise=True)


@rule("com.microsoft.ReduceSumInteger")
def reduce_sum_integer(x: Tensor, *, axes: Sequence[int], keepdims: int) -> Facts:
    """Sums of integers of 8 bits along axes -> of 32."""
    gone = reduced_axes(axes, x.rank)
    y = Tensor(without(x.shape, gone, bool(keepdims)), "uint32" if x.dtype == "uint8" else "int32")
    return Facts((y,), Work(adds=joins(x.size, y.size)), window_over(gone, x.rank, bool(keepdims)))


@rule("com.microsoft.QLinearReduceMean", weights=dict.fromkeys(("scales",), QUANTISATION))
def qlinear_reduce_mean(x: Tensor, *scales: Tensor | None, axes: Sequence[int], keepdims: int) -> Facts:
    """Means of a quantised operand along axes -> quantised."""
    gone = reduced_axes(axes, x.rank)
    y = Tensor(without(x.shape, gone, bool(keepdims)), x.dtype)
    work = DEQUANTIZE * x.size + Work(adds=joins(x.size, y.size)) + (Work(divs=1) + QUANTIZE) * y.size
    return Facts((y,), work, window_over(gone, x.rank, bool(keepdims)))


@rule("com.microsoft.QEmbedLayerNormalization", harmless=("epsilon",), weights=dict.fromkeys(("scales",), QUANTISATION))
def q_embed_layer_normalization(
    ids: Tensor,
    segments: Tensor | None,
    words: Tensor,
    positions: Tensor,
    segment_table: Tensor | None,
    gamma: Tensor,
    beta: Tensor,
    mask: Tensor | None,
    *scales: Tensor | None,
    outputs: int = 2,
) -> Facts:
    """EmbedLayerNormalization of tables of 8 bits: every row that is read is turned back."""
    facts = embed_layer_normalization(
        ids, segments, words, positions, segment_table, gamma, beta, mask, outputs=outputs
    )
    y = Tensor(facts.outputs[0].shape)
    back = DEQUANTIZE * (y.size * (2 if segments is None else 3) + gamma.size + beta.size)
    return Facts((y, *facts.outputs[1:]), (facts.work or NO_WORK) + back, GLOBAL, elements_read=facts.elements_read)


# --- int8 in the orders of CUDA's libraries ---------------------------------------------------------------------------


@rule("com.microsoft.QuantizeWithOrder", harmless=ORDERS, weights=dict.fromkeys(("scale",), QUANTISATION))
def quantize_with_order(x: Tensor, scale: Tensor) -> Facts:
    """[*any] -> int8 of the same shape, its elements in another order."""
    return unary(x, QUANTIZE, "int8")


@rule("com.microsoft.DequantizeWithOrder", harmless=ORDERS, weights=dict.fromkeys(("scale",), QUANTISATION))
def dequantize_with_order(x: Tensor, scale: Tensor, *, to: int) -> Facts:
    """int8 -> floating point of the same shape, its elements in another order."""
    return unary(x, Work(muls=1), element_type(to, "float32"))


@rule("com.microsoft.QOrderedGelu", harmless=ORDERS, weights=dict.fromkeys(("x_scale", "y_scale"), QUANTISATION))
def q_ordered_gelu(x: Tensor, x_scale: Tensor, y_scale: Tensor) -> Facts:
    """Gelu of int8 -> int8."""
    return unary(x, ACTIVATIONS["Gelu"] + DEQUANTIZE + QUANTIZE)


@rule(
    "com.microsoft.QOrderedLayerNormalization",
    harmless=(*ORDERS, "epsilon"),
    weights=dict.fromkeys(("x_scale", "y_scale"), QUANTISATION),
)
def q_ordered_layer_normalization(
    x: Tensor, x_scale: Tensor, gamma: Tensor, beta: Tensor | None, y_scale: Tensor, *, axis: int = -1
) -> Facts:
    """LayerNormalization of int8 -> int8."""
    facts = layer_normalization(x, gamma, beta, axis=axis)
    return Facts(facts.outputs[:1], (facts.work or NO_WORK) + (DEQUANTIZE + QUANTIZE) * x.size, facts.window)


@rule(
    "com.microsoft.QOrderedMatMul",
    harmless=ORDERS,
    weights=dict.fromkeys(("a_scale", "b_scale", "y_scale", "c_scale"), QUANTISATION),
)
def q_ordered_matmul(
    a: Tensor,
    a_scale: Tensor,
    b: Tensor,
    b_scale: Tensor,
    y_scale: Tensor,
    bias: Tensor | None = None,
    c: Tensor | None = None,
    c_scale: Tensor | None = None,
) -> Facts:
    """alpha a b + bias + beta c of int8 -> int8; alpha and beta come of the scales."""
    facts = dense.matmul(a, b)
    y = facts.outputs[0]
    each = QUANTIZE + Work(muls=1, adds=int(bias is not None)) + (Work(muls=1, adds=1) if c is not None else NO_WORK)
    return Facts((y,), (facts.work or NO_WORK) + each * y.size, GLOBAL)


@rule("com.microsoft.QOrderedAttention", harmless=(*ORDERS, *SCORES), weights={"operands": NUMBER})
def q_ordered_attention(
    x: Tensor, *operands: Tensor | None, num_heads: int, qkv_hidden_sizes: Sequence[int] = ()
) -> Facts:
    """Attention of int8, the three projections apart: weights [input, hidden] at 5, 6 and 7, biases at 11, 12, 13."""
    weights = [each for each in operands[4:7] if each is not None]
    if len(weights) != 3:
        raise ValueError("the weights of three projections are needed")
    joined = Tensor((weights[0].shape[0], sum((w.shape[1] for w in weights), 0)), "int8")
    sizes: list[Extent] = [w.shape[1] for w in weights]
    if not all(isinstance(size, int) for size in sizes):
        raise Undecided("the widths of the projections are not known")
    given = tuple(size for size in sizes if isinstance(size, int))
    bias = Tensor((sum(given),))
    facts = self_attention(x, joined, bias, num_heads=num_heads, qkv_hidden_sizes=given)
    made = x.shape[0] * x.shape[1] * sum(given)
    return Facts(facts.outputs[:1], (facts.work or NO_WORK) + QUANTIZE * (made + facts.outputs[0].size), GLOBAL)
