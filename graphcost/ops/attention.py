"""Scaled dot-product attention under its several signatures.

Scores take batch * heads * queries * keys * head size multiply-accumulates, and the weighted sum of the values as many
with theirs. A causal mask leaves half of them without effect; kernels may skip those, and they are counted.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..dims import Extent, Undecided
from ..graph import Tensor
from ..rules import GLOBAL, NO_WORK, Facts, Work, data_dependent, rule
from .normalize import softmax_work
from .values import integers

SCORES = (
    "scale", "mask_filter_value", "unidirectional", "causal", "local_window_size", "sliding_window_cache", "softcap",
    "smooth_softmax", "rotary_interleaved", "q_norm_epsilon", "k_norm_epsilon", "qk_norm_epsilon",
)  # fmt: skip
"""How scores are scaled, limited and masked; a mask, a causal one or a window too, leaves every score counted."""
SEARCH = (
    "vocab_size", "model_type", "no_repeat_ngram_size", "decoder_start_token_id", "early_stopping", "pad_token_id",
    "eos_token_id", "min_tokens_to_keep", "temperature", "filter_value", "custom", "presence_penalty", "top_p",
)  # fmt: skip
"""How the next token is chosen."""


def attention_work(batch: Extent, heads: Extent, queries: Extent, keys: Extent, size: Extent, value: Extent) -> Work:
    """Scores, their scale, softmax over the keys, and the weighted sum; `size` and `value` are extents of one head."""
    scores = batch * heads * queries * keys
    return Work(macs=scores * (size + value), muls=scores) + softmax_work(scores, batch * heads * queries)


@rule("Attention", harmless=(
    "scale", "is_causal", "left_window_size", "right_window_size", "qk_matmul_output_mode", "softmax_precision",
))  # fmt: skip
def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    past_key: Tensor | None = None,
    past_value: Tensor | None = None,
    *others: Tensor | None,
    q_num_heads: int = 0,
    kv_num_heads: int = 0,
    softcap: float = 0.0,
    outputs: int = 1,
) -> Facts:
    """q [B, heads, S, d] or [B, S, heads d], k and v likewise -> Y like q, present key and value, the scores.

    https://onnx.ai/onnx/operators/onnx__Attention.html
    """
    flat = q.rank == 3
    if flat and (q_num_heads < 1 or kv_num_heads < 1):
        raise ValueError("q_num_heads and kv_num_heads are needed where heads are no axis of their own")
    batch = q.shape[0]
    heads, queries, size = (q_num_heads, q.shape[1], q.shape[2] // q_num_heads) if flat else q.shape[1:]
    kv_heads, fresh, _ = (kv_num_heads, k.shape[1], 0) if flat else k.shape[1:]
    depth = v.shape[2] // kv_num_heads if flat else v.shape[3]
    keys = fresh + past_key.shape[2] if past_key is not None else fresh
    y = (batch, queries, heads * depth) if flat else (batch, heads, queries, depth)
    tops = (
        Tensor(y, q.dtype),
        Tensor((batch, kv_heads, keys, size), k.dtype),
        Tensor((batch, kv_heads, keys, depth), v.dtype),
        Tensor((batch, heads, queries, keys), q.dtype),
    )
    scores = batch * heads * queries * keys
    masked = Work(adds=scores) if mask is not None else NO_WORK
    capped = Work(muls=1, divs=1, exps=1) * scores if softcap else NO_WORK  # c * tanh(x / c)
    work = attention_work(batch, heads, queries, keys, size, depth) + masked + capped
    return Facts(tops[:outputs], work, GLOBAL)


@rule("com.microsoft.Attention", harmless=(*SCORES, "do_rotary", "rotary_embedding_dim", "past_present_share_buffer"))
def attention_contrib(
    x: Tensor,
    weights: Tensor,
    bias: Tensor | None = None,
    mask: Tensor | None = None,
    past: Tensor | None = None,
    *others: Tensor | None,
    num_heads: int = 1,
    qkv_hidden_sizes: Sequence[int] = (),
    outputs: int = 1,
) -> Facts:
    """x [B, S, input], weights [input, 3 hidden] -> [B, S, hidden], and present [2, B, heads, total, head].

    https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.Attention
    """
    batch, steps, depth = x.shape
    hidden: Extent = qkv_hidden_sizes[0] if qkv_hidden_sizes else weights.shape[1] // 3
    value: Extent = qkv_hidden_sizes[2] if qkv_hidden_sizes else hidden
    keys = steps + past.shape[3] if past is not None else steps
    projected = batch * steps * weights.shape[1]
    project = Work(macs=projected * depth, adds=projected if bias is not None else 0)
    work = project + attention_work(batch, num_heads, steps, keys, hidden // num_heads, value // num_heads)
    present = Tensor((2, batch, num_heads, keys, hidden // num_heads), x.dtype)
    return Facts((Tensor((batch, steps, value), x.dtype), present)[:outputs], work, GLOBAL)


@rule("com.microsoft.QAttention", harmless=(*SCORES, "do_rotary", "past_present_share_buffer"))
def q_attention(
    x: Tensor,
    weights: Tensor,
    bias: Tensor,
    x_scale: Tensor,
    w_scale: Tensor,
    mask: Tensor | None = None,
    x_zero: Tensor | None = None,
    w_zero: Tensor | None = None,
    past: Tensor | None = None,
    *,
    num_heads: int = 1,
    outputs: int = 1,
) -> Facts:
    """Attention whose input and weights are 8-bit; what comes out is floating point.

    https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QAttention
    """
    real = Tensor(x.shape, x_scale.dtype)
    return attention_contrib(real, weights, bias, mask, past, num_heads=num_heads, outputs=outputs)


@rule(
    "com.microsoft.MultiHeadAttention",
    "com.microsoft.DecoderMaskedMultiHeadAttention",
    harmless=(*SCORES, "output_qk", "past_present_share_buffer"),
)
def multi_head_attention(
    query: Tensor,
    key: Tensor | None = None,
    value: Tensor | None = None,
    *others: Tensor | None,
    num_heads: int = 1,
    outputs: int = 1,
) -> Facts:
    """query [B, S, hidden], key and value [B, L, hidden], or [B, heads, L, d], or packed -> [B, S, v hidden], present.

    https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MultiHeadAttention
    """
    batch, steps = query.shape[0], query.shape[1]
    size = query.shape[4] if query.rank == 5 else query.shape[2] // num_heads
    fresh, depth = steps, size
    if key is not None and key.rank == 4:
        fresh = key.shape[2]
    elif key is not None:
        fresh = key.shape[1]
    if value is not None:
        depth = value.shape[3] if value.rank == 4 else value.shape[2] // num_heads
    cached = (other for other in others if other is not None and other.ranked and other.rank == 4)
    past = next((other for other in cached if _cache(other, num_heads)), None)
    keys = fresh + past.shape[2] if past is not None else fresh
    tops = (
        Tensor((batch, steps, num_heads * depth), query.dtype),
        Tensor((batch, num_heads, keys, size), query.dtype),
        Tensor((batch, num_heads, keys, depth), query.dtype),
    )
    biased = others[0] if others else None
    added = Work(adds=batch * num_heads * (steps * size + fresh * (size + depth))) if biased is not None else NO_WORK
    return Facts(tops[:outputs], attention_work(batch, num_heads, steps, keys, size, depth) + added, GLOBAL)


def _cache(tensor: Tensor, heads: int) -> bool:
    """Whether a tensor of four axes is a past key, [B, heads, P, d], rather than a mask or a bias of scores."""
    return tensor.shape[1] == heads and tensor.dtype not in ("int32", "bool")


@rule(
    "com.microsoft.GroupQueryAttention",
    harmless=(*SCORES, "kv_cache_bit_width", "k_quant_type", "v_quant_type", "qk_output"),
)
def group_query_attention(
    query: Tensor,
    key: Tensor | None = None,
    value: Tensor | None = None,
    past_key: Tensor | None = None,
    past_value: Tensor | None = None,
    lengths: Tensor | None = None,
    total: Tensor | None = None,
    *others: Tensor | None,
    num_heads: int,
    kv_num_heads: int,
    do_rotary: int = 0,
    outputs: int = 1,
) -> Facts:
    """query [B, S, heads d], key and value [B, S, kv heads d] or packed with it -> [B, S, heads d], present.

    The cache grows from the past by the new steps; where its length is data, it is left open.
    https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.GroupQueryAttention
    """
    batch, steps, width = query.shape
    size = width // (num_heads + 2 * kv_num_heads) if key is None else width // num_heads
    keys: Extent = steps
    if total is not None and total.value is not None and isinstance(total.value[0], int):
        keys = total.value[0]
    elif past_key is not None:
        keys = past_key.shape[2] + steps if past_key.ranked else data_dependent(2)
    cache = Tensor((batch, kv_num_heads, keys, size), query.dtype)
    work = attention_work(batch, num_heads, steps, keys, size, size)
    if do_rotary:
        work += Work(muls=2, adds=1) * (batch * steps * (num_heads + kv_num_heads) * size)
    return Facts((Tensor((batch, steps, num_heads * size), query.dtype), cache, cache)[:outputs], work, GLOBAL)


@rule("LinearAttention", harmless=("chunk_size", "scale"))
def linear_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    past: Tensor | None = None,
    decay: Tensor | None = None,
    beta: Tensor | None = None,
    *,
    q_num_heads: int,
    kv_num_heads: int,
    update_rule: str = "gated_delta",
) -> Facts:
    """query [B, T, heads d], key [B, T, kv heads d], value [B, T, kv heads v] -> [B, T, heads v], state [B, kv, d, v].

    A step adds the outer product of a key and a value to the state of its head, and each query reads a state: d x v
    multiply-accumulates either way. `gated` has the state decay first; `delta` takes from the value what the state
    already answers to the key, and a share of the rest. Counted as the recurrence, however a kernel groups the steps.
    https://onnx.ai/onnx/operators/onnx__LinearAttention.html
    """
    batch, steps, width = query.shape
    size, depth = width // q_num_heads, value.shape[2] // kv_num_heads
    tokens = batch * steps
    state = size * depth
    work = Work(macs=tokens * (kv_num_heads + q_num_heads) * state, muls=tokens * q_num_heads * depth)
    if update_rule not in ("linear", "gated", "delta", "gated_delta"):
        raise ValueError(f"there is no update rule {update_rule!r}")
    if "gated" in update_rule:
        if decay is None:
            raise ValueError(f"the update rule {update_rule!r} needs a decay")
        work += Work(exps=decay.size, muls=tokens * kv_num_heads * state)
    if "delta" in update_rule:
        work += Work(macs=state, muls=depth, adds=depth) * (tokens * kv_num_heads)
    y = Tensor((batch, steps, q_num_heads * depth), query.dtype)
    return Facts((y, Tensor((batch, kv_num_heads, size, depth), query.dtype)), work, GLOBAL)


@rule("RotaryEmbedding", "com.microsoft.RotaryEmbedding", harmless=("interleaved", "is_packed_batching", "scale"))
def rotary_embedding(x: Tensor, *others: Tensor | None, num_heads: int = 0, rotary_embedding_dim: int = 0) -> Facts:
    """[B, S, hidden] or [B, heads, S, d] -> the same shape; pairs of elements turned by an angle.

    Of each head rotary_embedding_dim elements are turned, or all of them.
    https://onnx.ai/onnx/operators/onnx__RotaryEmbedding.html
    """
    turned = x.size
    if rotary_embedding_dim:
        if x.rank != 4 and not num_heads:
            raise Undecided(f"of how many heads {rotary_embedding_dim} elements are turned is not said")
        heads = x.shape[1] if x.rank == 4 else num_heads
        positions = x.shape[0] * (x.shape[2] if x.rank == 4 else x.shape[1])
        turned = positions * heads * rotary_embedding_dim
    return Facts((Tensor(x.shape, x.dtype),), Work(muls=2, adds=1) * turned, GLOBAL)


@rule("com.microsoft.BeamSearch", harmless=SEARCH)
def beam_search(
    ids: Tensor,
    max_length: Tensor,
    min_length: Tensor | None = None,
    num_beams: Tensor | None = None,
    num_return_sequences: Tensor | None = None,
    length_penalty: Tensor | None = None,
    *others: Tensor | None,
) -> Facts:
    """ids [B, ...] -> sequences [B, num_return_sequences, max_length], padded, and their scores without the last axis.

    How often the decoder runs is decided by the data, so the work is not known; nor is the vocabulary, so a third
    output is as the file declares it. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    """
    kept = 1 if num_return_sequences is None else _stated(num_return_sequences, 1)
    score = "float32" if length_penalty is None else length_penalty.dtype
    sequences = Tensor((ids.shape[0], kept, _stated(max_length, 2)), "int32")
    return Facts((sequences, Tensor((ids.shape[0], kept), score)), None)


@rule("com.microsoft.GreedySearch", "com.microsoft.Sampling", harmless=SEARCH)
def search(ids: Tensor, max_length: Tensor, *others: Tensor | None) -> Facts:
    """ids [B, S] -> sequences [B, max_length], padded; the work and a second output are as with BeamSearch.

    https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    """
    return Facts((Tensor((ids.shape[0], _stated(max_length, 1)), "int32"),), None)


def _stated(size: Tensor, axis: int) -> Extent:
    """The extent that an operand of one element states; open along `axis` when its contents are not known."""
    number = integers(size)
    return number[0] if number else data_dependent(axis)
