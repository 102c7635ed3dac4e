"""What ONNX Runtime joins into one operator of com.microsoft: gates, norms and products with what follows them.

https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md describes each.
"""

from __future__ import annotations

from math import prod

from ..dims import Extent, Undecided, floor_div, total
from ..graph import Tensor
from ..rules import GLOBAL, NO_WORK, QUANTISATION, Facts, Work, data_dependent, rule
from ..shapes import axis_of, broadcast, joins, of_rank
from . import dense, indexing, windowed
from .normalize import rms_normalization, softmax_work
from .pointwise import ACTIVATIONS, binary, fused_activation, unary
from .values import ints
from .windowed import Axes

# --- products with what follows them ----------------------------------------------------------------------------------


@rule("com.microsoft.GemmFastGelu")
def gemm_fast_gelu(x: Tensor, w: Tensor, bias: Tensor | None = None) -> Facts:
    """gelu(x w + bias): [*batch, K], [K, N] -> [*batch, N]."""
    facts = dense.matmul(x, w)
    after = ACTIVATIONS["Gelu"] + Work(adds=int(bias is not None))
    return Facts(facts.outputs, (facts.work or NO_WORK) + after * facts.outputs[0].size, facts.window)


@rule("com.microsoft.FusedMatMulActivation", harmless=(
    "activation_alpha", "activation_axis", "activation_beta", "activation_gamma",
))  # fmt: skip
def fused_matmul_activation(
    a: Tensor,
    b: Tensor,
    *,
    activation: str,
    transA: int = 0,
    transB: int = 0,
    transBatchA: int = 0,
    transBatchB: int = 0,
    alpha: float = 1.0,
) -> Facts:
    """FusedMatMul and an activation of each element after it."""
    facts = dense.fused_matmul(
        a, b, transA=transA, transB=transB, transBatchA=transBatchA, transBatchB=transBatchB, alpha=alpha
    )
    after = fused_activation(activation) * facts.outputs[0].size
    return Facts(facts.outputs, (facts.work or NO_WORK) + after, facts.window)


@rule(
    "com.microsoft.GemmFloat8",
    harmless=("dtype",),
    weights=dict.fromkeys(("a_scale", "b_scale", "y_scale"), QUANTISATION),
)
def gemm_float8(
    a: Tensor,
    b: Tensor,
    c: Tensor | None = None,
    a_scale: Tensor | None = None,
    b_scale: Tensor | None = None,
    y_scale: Tensor | None = None,
    *,
    transA: int = 0,
    transB: int = 0,
    alpha: float = 1.0,
    beta: float = 0.0,
    activation: str = "NONE",
) -> Facts:
    """Gemm of float 8 and an activation after it, under the names of CUDA; the scales are those of whole operands."""
    after = {"NONE": "", "RELU": "Relu", "GELU": "Gelu"}.get(activation, activation)
    added = c if beta else None
    return dense.fused_gemm(a, b, added, transA=transA, transB=transB, alpha=alpha, beta=beta, activation=after)


@rule("com.microsoft.RouterGateUpProj", harmless=("activation_alpha", "activation_beta", "limit"))
def router_gate_up(x: Tensor, w: Tensor, *, router_size: int, activation: str = "swiglu") -> Facts:
    """x [*tokens, K], w [K, router + 2 inner] -> the router's scores, and one half of the rest gated by the other."""
    if activation != "swiglu":
        raise Undecided(f"what the activation {activation} costs is not known")
    full = dense.matmul(x, w)
    lead, columns = full.outputs[0].shape[:-1], full.outputs[0].shape[-1]
    y = Tensor((*lead, (columns - router_size) // 2), x.dtype)
    work = (full.work or NO_WORK) + (ACTIVATIONS["Swish"] + Work(muls=1)) * y.size
    return Facts((Tensor((*lead, router_size), x.dtype), y), work, GLOBAL)


@rule("com.microsoft.ConvTransposeWithDynamicPads", harmless=("kernel_shape",))
def conv_transpose_with_pads(
    x: Tensor,
    w: Tensor,
    pads: Tensor | None = None,
    b: Tensor | None = None,
    *,
    strides: Axes | None = None,
    dilations: Axes | None = None,
    output_padding: Axes | None = None,
    group: int = 1,
    auto_pad: str = "NOTSET",
) -> Facts:
    """ConvTranspose whose padding is an operand."""
    given = ints(pads)
    if pads is not None and given is None:
        raise Undecided("how much is cut off is decided when it runs")
    return windowed.conv_transpose(
        x, w, b, strides=strides, pads=given, dilations=dilations, output_padding=output_padding, group=group,
        auto_pad=auto_pad,
    )  # fmt: skip


@rule("com.microsoft.MaxpoolWithMask", harmless=("storage_order",))
def max_pool_with_mask(
    x: Tensor,
    mask: Tensor,
    *,
    kernel_shape: Axes,
    strides: Axes | None = None,
    pads: Axes | None = None,
    auto_pad: str = "NOTSET",
) -> Facts:
    """MaxPool of the elements that a mask leaves."""
    facts = windowed.max_pool(x, kernel_shape=kernel_shape, strides=strides, pads=pads, auto_pad=auto_pad)
    return Facts(facts.outputs, facts.work, GLOBAL)


# --- softmax, norms, gates --------------------------------------------------------------------------------------------


@rule("com.microsoft.BiasSoftmax", harmless=("is_inner_broadcast",))
def bias_softmax(x: Tensor, bias: Tensor, *, axis: int = 1) -> Facts:
    """softmax(x + bias) over the axes from `axis` on -> the shape of x."""
    groups = prod(x.shape[: axis_of(axis, x.rank)])
    return Facts((Tensor(x.shape, x.dtype),), softmax_work(x.size, groups) + Work(adds=x.size), GLOBAL)


@rule("com.microsoft.GatedRMSNorm", harmless=("epsilon",))
def gated_rms_norm(x: Tensor, scale: Tensor, gate: Tensor, *, activation: str = "silu") -> Facts:
    """x normalised in runs as long as the scale, times an activated gate -> the shape of x."""
    if activation not in ("silu", "swish", "sigmoid"):
        raise Undecided(f"what the activation {activation} costs is not known")
    runs = floor_div(x.size, scale.size) if scale.size != 0 else 0
    normalised = rms_normalization(Tensor((runs, scale.size), x.dtype), scale)
    after = ACTIVATIONS["Sigmoid"] + Work(muls=1 if activation == "sigmoid" else 2)
    return Facts((Tensor(x.shape, x.dtype),), (normalised.work or NO_WORK) + after * x.size, GLOBAL)


@rule("com.microsoft.BranchwiseRMSNorm", harmless=("epsilon",))
def branchwise_rms_norm(x: Tensor, scale: Tensor | None = None, *, num_branches: int = 0) -> Facts:
    """[*any, C, H], or [*any, C H] of num_branches -> the same shape, each branch of H normalised by itself."""
    run = x.shape[-1] // num_branches if num_branches else x.shape[-1]
    work = Work(muls=3 if scale is not None else 2, adds=1) * x.size  # a square, the quotient's product, the scale
    work += Work(divs=2, adds=1, exps=1) * (floor_div(x.size, run) if run != 0 else 0)
    return Facts((Tensor(x.shape, x.dtype),), work, GLOBAL)


@rule("com.microsoft.GatedAdd")
def gated_add(x: Tensor, y: Tensor, gate: Tensor, weight: Tensor | None = None) -> Facts:
    """x + gate y, a gate for each row: what is given [*rows, 1], or the sigmoid of [*rows, K] times a weight [K, 1]."""
    work = Work(muls=x.size, adds=x.size)
    if weight is not None:
        work += Work(macs=gate.size) + ACTIVATIONS["Sigmoid"] * prod(gate.shape[:-1])
    return Facts((Tensor(x.shape, x.dtype),), work, GLOBAL)


@rule("com.microsoft.ScaledSiLU", harmless=("alpha",), weights={"scale": "settings"})
def scaled_silu(x: Tensor, scale: Tensor | None = None) -> Facts:
    """z sigmoid(z) of z = scale x -> the shape of x."""
    return unary(x, ACTIVATIONS["Swish"])


@rule("com.microsoft.SwiGLU", harmless=("activation_beta", "round_activation"))
def swiglu(gate: Tensor, up: Tensor | None = None, *, activation_alpha: float = 1.0, limit: float = 0.0) -> Facts:
    """gate sigmoid(alpha gate) (up + beta), both kept within a limit -> the shape of one; without `up` two halves."""
    shape = gate.shape if up is not None else (*gate.shape[:-1], gate.shape[-1] // 2)
    y = Tensor(shape, gate.dtype)
    each = ACTIVATIONS["Sigmoid"] + Work(muls=2 if activation_alpha == 1 else 3, adds=1, compares=3 if limit > 0 else 0)
    return Facts((y,), each * y.size, elementwise=up is not None)


@rule("com.microsoft.LinearAttentionGate")
def linear_attention_gate(
    a: Tensor, bias: Tensor, scale: Tensor, b: Tensor | None = None, *, outputs: int = 1
) -> Facts:
    """scale softplus(a + bias), and sigmoid(b): [B, T, H] each."""
    work = (ACTIVATIONS["Softplus"] + Work(adds=1, muls=1)) * a.size
    work += ACTIVATIONS["Sigmoid"] * (b.size if b is not None else 0)
    return Facts((Tensor(a.shape, a.dtype), Tensor(a.shape, a.dtype))[:outputs], work, GLOBAL)


@rule("com.microsoft.GatedRelativePositionBias")
def gated_relative_position_bias(
    query: Tensor,
    query_bias: Tensor,
    relative: Tensor,
    weight: Tensor,
    bias: Tensor,
    constants: Tensor,
    token_offset: Tensor | None = None,
    *,
    num_heads: int,
) -> Facts:
    """query [B, S, heads d], relative [1, heads, S, S], weight [d, D] -> [B, heads, S, S].

    Each head's query is projected to D numbers, whose halves are summed to two gates that scale the relative bias.
    """
    if token_offset is not None:
        raise Undecided("how many tokens are no padding is decided when it runs")
    batch, steps, width = of_rank(query.shape, 3, "query_layer")
    gates, columns = batch * steps * num_heads, weight.shape[1]
    work = Work(adds=query.size, macs=gates * width // num_heads * columns) + Work(adds=gates * (2 * columns - 2))
    work += (ACTIVATIONS["Sigmoid"] * 2 + Work(muls=2, adds=2)) * gates
    y = Tensor((batch, num_heads, steps, relative.shape[-1]), query.dtype)
    return Facts((y,), work + Work(muls=y.size), GLOBAL)


# --- of each element --------------------------------------------------------------------------------------------------


@rule("com.microsoft.ComplexMul", "com.microsoft.ComplexMulConj")
def complex_mul(a: Tensor, b: Tensor) -> Facts:
    """Two tensors of complex pairs in the last axis -> their broadcast shape: four products and two sums a pair."""
    return binary(a, b, Work(muls=2, adds=1))


@rule("com.microsoft.SampleOp")
def sample(x: Tensor) -> Facts:
    """A copy."""
    return unary(x, NO_WORK)


@rule("com.microsoft.IsAllFinite", harmless=("isinf_only", "isnan_only"))
def is_all_finite(*operands: Tensor) -> Facts:
    """Whether no element of any operand is infinite or no number -> a scalar."""
    return Facts((Tensor((), "bool"),), Work(compares=total(x.size for x in operands)), GLOBAL)


@rule("com.microsoft.CDist")
def cdist(a: Tensor, b: Tensor, *, metric: str = "sqeuclidean") -> Facts:
    """[M, N], [K, N] -> [M, K]: the sum of N squared differences for each pair, and its root where it is Euclidean."""
    if metric not in ("sqeuclidean", "euclidean"):
        raise Undecided(f"what the distance {metric} costs is not known")
    depth = dense.contract(a.shape[1], b.shape[1])
    y = Tensor((a.shape[0], b.shape[0]), a.dtype)
    each = Work(adds=depth + joins(depth, 1), muls=depth, exps=int(metric == "euclidean"))
    return Facts((y,), each * y.size, GLOBAL)


@rule("com.microsoft.BitmaskDropout", harmless=("seed",))
def bitmask_dropout(
    x: Tensor, ratio: Tensor | None = None, training: Tensor | None = None, *, outputs: int = 1
) -> Facts:
    """A copy, and a bit for each element in words of 32; what is kept when a network is trained is not counted."""
    return _bitmasked(x, NO_WORK, outputs)


@rule("com.microsoft.BitmaskBiasDropout", harmless=("seed",))
def bitmask_bias_dropout(
    x: Tensor,
    bias: Tensor,
    residual: Tensor | None = None,
    ratio: Tensor | None = None,
    training: Tensor | None = None,
    *,
    outputs: int = 1,
) -> Facts:
    """x + bias + residual, and a bit for each element in words of 32."""
    return _bitmasked(x, Work(adds=2 if residual is not None else 1) * x.size, outputs)


def _bitmasked(x: Tensor, work: Work, outputs: int) -> Facts:
    bits: Extent = floor_div(x.size + 31, 32)
    return Facts((Tensor(x.shape, x.dtype), Tensor((bits,), "uint32"))[:outputs], work)


@rule("com.microsoft.DynamicTimeWarping")
def dynamic_time_warping(costs: Tensor) -> Facts:
    """Costs [M, N] or [1, M, N] -> the cheapest path between two corners, [2, steps]: three ways to each cell."""
    return Facts((Tensor((2, data_dependent(1)), "int32"),), Work(compares=2, adds=1) * costs.size, GLOBAL)


@rule("com.microsoft.MurmurHash3", harmless=("seed",))
def murmur_hash(x: Tensor, *, positive: int = 1) -> Facts:
    """A hash of 32 bits for each element; what it costs is not stated."""
    return Facts((Tensor(x.shape, "uint32" if positive else "int32"),), None)


@rule("com.microsoft.SparseToDenseMatMul", harmless=("alpha",))
def sparse_to_dense_matmul(a: Tensor, b: Tensor, *, transA: int = 0, transB: int = 0) -> Facts:
    """A sparse matrix by a dense one; how many elements the sparse one has, and so the cost, is not known."""
    y = dense.fused_matmul(a, b, transA=transA, transB=transB).outputs[0]
    return Facts((Tensor(y.shape, b.dtype),), None, GLOBAL)


# --- that move --------------------------------------------------------------------------------------------------------


@rule("com.microsoft.TorchEmbedding")
def torch_embedding(table: Tensor, indices: Tensor, *settings: Tensor | None) -> Facts:
    """Rows [*any] of a table [N, M] -> [*any, M]."""
    return indexing.gather(table, indices)


@rule("com.microsoft.UnfoldTensor")
def unfold(x: Tensor, *, size: int, dim: int = -1, step: int = 1) -> Facts:
    """Every slice of `size` elements along an axis, in steps; their elements are the last axis of the result."""
    at = axis_of(dim, x.rank)
    slices = (x.shape[at] - size) // step + 1
    y = Tensor((*x.shape[:at], slices, *x.shape[at + 1 :], size), x.dtype)
    return Facts((y,), NO_WORK, GLOBAL)


@rule("com.microsoft.RemovePadding")
def remove_padding(x: Tensor, counts: Tensor, *, outputs: int = 4) -> Facts:
    """x [B, S, hidden] and the tokens of each sequence -> the tokens that are no padding, and where they stood."""
    batch, steps, hidden = of_rank(x.shape, 3, "input")
    tops = (
        Tensor((data_dependent(), hidden), x.dtype),
        Tensor((batch, steps), "int32"),
        Tensor((batch + 1,), "int32"),
        Tensor((1,), "int32"),
    )
    return Facts(tops[:outputs], NO_WORK, GLOBAL)


@rule("com.microsoft.RestorePadding")
def restore_padding(x: Tensor, token_offset: Tensor) -> Facts:
    """Tokens [tokens, hidden] and where they stand [B, S] -> [B, S, hidden], zeros between them."""
    return Facts((Tensor((*broadcast(token_offset.shape), x.shape[1]), x.dtype),), NO_WORK, GLOBAL)
