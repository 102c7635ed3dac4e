"""Scaled dot-product attention under the signatures of com.microsoft.

Operands are told apart by their position. The keys and values of the steps before come as a past; what is handed on is
the past with the new steps behind it, or the very buffer of the past where that is shared or long enough. Counted as in
`attention`: every query against every key, whatever masks and windows leave out of it.
https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..dims import Extent, maximum
from ..graph import Tensor
from ..rules import GLOBAL, NO_WORK, Facts, Work, rule
from ..shapes import of_rank
from .attention import ROTATION, SOFTCAP, attention_work, rotate
from .values import ints

SCORES = (
    "scale", "mask_filter_value", "unidirectional", "causal", "local_window_size",
    "smooth_softmax", "rotary_interleaved", "q_norm_epsilon", "k_norm_epsilon", "qk_norm_epsilon",
)  # fmt: skip
"""How scores are scaled, limited and masked; a mask, a causal one or a window too, leaves every score counted."""

WHOLE_CACHE = "as if the whole cache were in use"


# --- projected inside -------------------------------------------------------------------------------------------------


@rule(
    "com.microsoft.Attention",
    "com.microsoft.DecoderMaskedSelfAttention",
    harmless=SCORES,
    weights={"weights": "learned", "bias": "learned", "mask": "tables", "past": "states"},
)
def attention(
    x: Tensor,
    weights: Tensor,
    bias: Tensor | None = None,
    mask: Tensor | None = None,
    past: Tensor | None = None,
    attention_bias: Tensor | None = None,
    past_length: Tensor | None = None,
    *others: Tensor | None,
    num_heads: int,
    qkv_hidden_sizes: Sequence[int] = (),
    past_present_share_buffer: int = 0,
    do_rotary: int = 0,
    rotary_embedding_dim: int = 0,
    outputs: int = 1,
) -> Facts:
    """x [B, S, input], weights [input, hidden + hidden + value] -> [B, S, value], present [2, B, heads, total, head].

    A shared buffer stays as long as it is.
    """
    batch, steps, depth = of_rank(x.shape, 3, "input")
    hidden: Extent = qkv_hidden_sizes[0] if qkv_hidden_sizes else weights.shape[1] // 3
    value: Extent = qkv_hidden_sizes[2] if qkv_hidden_sizes else hidden
    length = past.shape[3] if past is not None else 0
    keys, places, note = _cached(steps, length, bool(past_present_share_buffer), past_length)
    projected = batch * steps * weights.shape[1]
    work = Work(macs=projected * depth, adds=projected if bias is not None else 0)
    work += attention_work(batch, num_heads, steps, keys, hidden // num_heads, value // num_heads)
    work += _added(attention_bias, batch * num_heads * steps * keys)
    if do_rotary:
        work += ROTATION * (2 * batch * steps * num_heads * (rotary_embedding_dim or hidden // num_heads))
    present = Tensor((2, batch, num_heads, places, hidden // num_heads), x.dtype if past is None else past.dtype)
    return Facts((Tensor((batch, steps, value), x.dtype), present)[:outputs], work, GLOBAL, note=note)


@rule(
    "com.microsoft.QAttention",
    harmless=SCORES,
    weights={
        "weights": "learned",
        "bias": "learned",
        "x_scale": "quantisation",
        "w_scale": "quantisation",
        "mask": "tables",
        "x_zero": "quantisation",
        "w_zero": "quantisation",
        "past": "states",
    },
)
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
    num_heads: int,
    past_present_share_buffer: int = 0,
    do_rotary: int = 0,
    outputs: int = 1,
) -> Facts:
    """Attention whose input and weights are 8-bit; what comes out is floating point."""
    real = Tensor(x.shape, x_scale.dtype)
    return attention(
        real, weights, bias, mask, past, num_heads=num_heads, do_rotary=do_rotary, outputs=outputs,
        past_present_share_buffer=past_present_share_buffer,
    )  # fmt: skip


@rule("com.microsoft.PackedAttention", harmless=SCORES, weights={"weights": "learned", "bias": "learned"})
def packed_attention(
    x: Tensor,
    weights: Tensor,
    bias: Tensor,
    token_offset: Tensor,
    lengths: Tensor,
    attention_bias: Tensor | None = None,
    *,
    num_heads: int,
    qkv_hidden_sizes: Sequence[int] = (),
) -> Facts:
    """The tokens of B sequences [tokens, input], none of them padding, token_offset [B, S] -> [tokens, value]."""
    tokens, depth = of_rank(x.shape, 2, "input")
    hidden: Extent = qkv_hidden_sizes[0] if qkv_hidden_sizes else weights.shape[1] // 3
    value: Extent = qkv_hidden_sizes[2] if qkv_hidden_sizes else hidden
    projected = tokens * weights.shape[1]
    work = Work(macs=projected * depth, adds=projected)
    work += _packed_work(tokens, token_offset.shape[1], num_heads, hidden, value, attention_bias)
    return Facts((Tensor((tokens, value), x.dtype),), work, GLOBAL, note=LONGEST)


LONGEST = "as if every sequence were as long as the longest"


def _packed_work(
    tokens: Extent, longest: Extent, heads: int, hidden: Extent, value: Extent, attention_bias: Tensor | None
) -> Work:
    """Every token against the keys of the longest sequence."""
    scores = _added(attention_bias, tokens * heads * longest)
    return attention_work(1, heads, tokens, longest, hidden // heads, value // heads) + scores


# --- of queries, keys and values --------------------------------------------------------------------------------------


@rule(
    "com.microsoft.MultiHeadAttention",
    harmless=SCORES,
    weights={"bias": "learned", "mask": "tables", "past_key": "states", "past_value": "states"},
)
def multi_head_attention(
    query: Tensor,
    key: Tensor | None = None,
    value: Tensor | None = None,
    bias: Tensor | None = None,
    mask: Tensor | None = None,
    attention_bias: Tensor | None = None,
    past_key: Tensor | None = None,
    past_value: Tensor | None = None,
    past_length: Tensor | None = None,
    *others: Tensor | None,
    num_heads: int,
    outputs: int = 1,
) -> Facts:
    """query [B, S, hidden], key and value [B, L, hidden] or [B, heads, L, d] -> [B, S, v hidden], present, scores.

    Query, key and value may be packed [B, S, heads, 3, d], key and value [B, L, heads, 2, d]. A past_length says that
    the past is a buffer, which stays as long as it is.
    """
    size = query.shape[4] if query.rank == 5 else query.shape[2] // num_heads
    return _of_heads(query, key, value, bias, attention_bias, past_key, past_value, past_length,
                     heads=num_heads, size=size, shared=past_length is not None, outputs=outputs)  # fmt: skip


@rule(
    "com.microsoft.DecoderMaskedMultiHeadAttention",
    harmless=(*SCORES, "output_qk"),
    weights={"mask": "tables", "past_key": "states", "past_value": "states", "bias": "learned"},
)
def decoder_masked_multi_head_attention(
    query: Tensor,
    key: Tensor | None = None,
    value: Tensor | None = None,
    mask: Tensor | None = None,
    attention_bias: Tensor | None = None,
    past_key: Tensor | None = None,
    past_value: Tensor | None = None,
    past_length: Tensor | None = None,
    beam_width: Tensor | None = None,
    cache_indirection: Tensor | None = None,
    bias: Tensor | None = None,
    *,
    num_heads: int,
    past_present_share_buffer: int = 0,
    outputs: int = 1,
) -> Facts:
    """As MultiHeadAttention for one step, the bias last; without a key the query is packed [B, 1, 3 hidden]."""
    width = query.shape[2] // 3 if key is None else query.shape[2]
    return _of_heads(query, key, value, bias, attention_bias, past_key, past_value, past_length, heads=num_heads,
                     size=width // num_heads, shared=bool(past_present_share_buffer), outputs=outputs)  # fmt: skip


def _of_heads(
    query: Tensor,
    key: Tensor | None,
    value: Tensor | None,
    bias: Tensor | None,
    attention_bias: Tensor | None,
    past_key: Tensor | None,
    past_value: Tensor | None,
    past_length: Tensor | None,
    *,
    heads: int,
    size: Extent,
    shared: bool,
    outputs: int,
) -> Facts:
    batch, steps = query.shape[0], query.shape[1]
    fresh = steps if key is None else key.shape[2] if key.rank == 4 else key.shape[1]
    depth = size if value is None else value.shape[3] if value.rank == 4 else value.shape[2] // heads
    length = past_key.shape[2] if past_key is not None else 0
    keys, places, note = _cached(fresh, length, shared and past_key is not None, past_length)
    scores = batch * heads * steps * keys
    work = attention_work(batch, heads, steps, keys, size, depth) + _added(attention_bias, scores)
    if bias is not None:
        work += Work(adds=batch * heads * (steps * size + fresh * (size + depth)))
    tops = (
        Tensor((batch, steps, heads * depth), query.dtype),
        Tensor((batch, heads, places, size), query.dtype if past_key is None else past_key.dtype),
        Tensor((batch, heads, places, depth), query.dtype if past_value is None else past_value.dtype),
        Tensor((batch, heads, steps, keys), query.dtype),
    )
    return Facts(tops[:outputs], work, GLOBAL, note=note)


@rule("com.microsoft.PackedMultiHeadAttention", harmless=SCORES, weights={"bias": "learned"})
def packed_multi_head_attention(
    query: Tensor,
    key: Tensor | None,
    value: Tensor | None,
    bias: Tensor | None,
    token_offset: Tensor,
    lengths: Tensor,
    attention_bias: Tensor | None = None,
    *,
    num_heads: int,
) -> Facts:
    """Tokens that are no padding: query and key [tokens, hidden] and value, or packed [tokens, heads, 3, d]."""
    tokens = query.shape[0]
    hidden = query.shape[1] if query.rank == 2 else num_heads * query.shape[3]
    depth = value.shape[1] if value is not None else hidden
    work = _packed_work(tokens, token_offset.shape[1], num_heads, hidden, depth, attention_bias)
    if bias is not None:
        work += Work(adds=tokens * (2 * hidden + depth))
    return Facts((Tensor((tokens, depth), query.dtype),), work, GLOBAL, note=LONGEST)


# --- of grouped queries -----------------------------------------------------------------------------------------------


@rule(
    "com.microsoft.GroupQueryAttention",
    harmless=(*SCORES, "kv_cache_bit_width", "qk_output"),
    weights={
        "past_key": "states",
        "past_value": "states",
        "cosines": "tables",
        "sines": "tables",
        "head_sink": "learned",
        "key_scale": "quantisation",
        "value_scale": "quantisation",
        "query_norm": "learned",
        "key_norm": "learned",
    },
)
def group_query_attention(
    query: Tensor,
    key: Tensor | None = None,
    value: Tensor | None = None,
    past_key: Tensor | None = None,
    past_value: Tensor | None = None,
    lengths: Tensor | None = None,
    total: Tensor | None = None,
    cosines: Tensor | None = None,
    sines: Tensor | None = None,
    positions: Tensor | None = None,
    attention_bias: Tensor | None = None,
    head_sink: Tensor | None = None,
    key_scale: Tensor | None = None,
    value_scale: Tensor | None = None,
    query_norm: Tensor | None = None,
    key_norm: Tensor | None = None,
    query_lengths: Tensor | None = None,
    *,
    num_heads: int,
    kv_num_heads: int,
    do_rotary: int = 0,
    softcap: float = 0.0,
    sliding_window_cache: int = 0,
    k_quant_type: str = "NONE",
    v_quant_type: str = "NONE",
    outputs: int = 1,
) -> Facts:
    """query [B, S, heads d], key and value [B, L, kv heads d] or packed with it -> [B, S, heads d], present, scores.

    Present is as long as past and new steps, or as the past where `total` says that the new ones have a place in it, or
    where it slides. A quantised cache keeps its type, and two elements of 4 bits in a byte.
    """
    batch, steps, width = of_rank(query.shape, 3, "query")
    size = width // (num_heads + 2 * kv_num_heads) if key is None else width // num_heads
    fresh = steps if key is None else key.shape[1]
    length = past_key.shape[2] if past_key is not None else 0
    stated = ints(total)
    keys = stated[0] if stated else length + fresh
    places = length if sliding_window_cache else maximum(length, keys)
    scores = batch * num_heads * steps * keys
    work = attention_work(batch, num_heads, steps, keys, size, size) + _added(attention_bias, scores)
    work += SOFTCAP * scores if softcap else NO_WORK
    if do_rotary:
        turned = size if cosines is None else 2 * cosines.shape[1]
        work += ROTATION * (batch * (steps * num_heads + fresh * kv_num_heads) * turned)
    if query_norm is not None:
        normalised = batch * (steps * num_heads + fresh * kv_num_heads)
        work += Work(muls=3 * size, adds=size + 1, divs=2, exps=1) * normalised
    for kind in (k_quant_type, v_quant_type):
        work += Work(muls=batch * kv_num_heads * keys * size if kind != "NONE" else 0)
    tops = (
        Tensor((batch, steps, num_heads * size), query.dtype),
        _present(past_key, (batch, kv_num_heads, places, size), query.dtype),
        _present(past_value, (batch, kv_num_heads, places, size), query.dtype),
        Tensor((batch, num_heads, steps, keys), query.dtype),
    )
    return Facts(tops[:outputs], work, GLOBAL, elements_read=_reads(
        batch * steps, cosines, query, key, value, past_key, past_value, lengths, total, cosines, sines
    ))  # fmt: skip


def _present(past: Tensor | None, shape: tuple[Extent, ...], dtype: str) -> Tensor:
    """A cache as it is handed on, of the type and width of the past."""
    return Tensor(shape, dtype) if past is None else Tensor((*shape[:3], past.shape[3]), past.dtype)


def _reads(rows: Extent, table: Tensor | None, *operands: Tensor | None) -> tuple[Extent, ...] | None:
    """Elements read of each operand, of the last two so many rows: those of the tables that positions name."""
    if table is None:
        return None
    whole = [0 if operand is None else operand.size for operand in operands[:-2]]
    return (*whole, *[rows * table.shape[-1]] * 2)


@rule(
    "com.microsoft.SparseAttention",
    harmless=(*SCORES, "sparse_block_size", "do_rotary"),
    weights={"past_key": "states", "past_value": "states"},
)
def sparse_attention(
    query: Tensor,
    key: Tensor | None,
    value: Tensor | None,
    past_key: Tensor,
    past_value: Tensor,
    *others: Tensor | None,
    num_heads: int,
    kv_num_heads: int,
    outputs: int = 3,
) -> Facts:
    """query [B, S, heads d] or packed -> the same, and the buffers of keys and values; a mask decides the cost."""
    batch, steps, width = of_rank(query.shape, 3, "query")
    size = width // (num_heads + 2 * kv_num_heads) if key is None else width // num_heads
    y = Tensor((batch, steps, num_heads * size), query.dtype)
    return Facts((y, past_key, past_value)[:outputs], None, GLOBAL)


# --- common to them ---------------------------------------------------------------------------------------------------


def _cached(fresh: Extent, length: Extent, shared: bool, past_length: Tensor | None) -> tuple[Extent, Extent, str]:
    """Keys that attention sees, places in the cache that is handed on, and what should be known of the count."""
    if not shared:
        return length + fresh, length + fresh, ""
    used = ints(past_length)
    return (used[0] + fresh, length, "") if used else (length, length, WHOLE_CACHE)


def _added(attention_bias: Tensor | None, scores: Extent) -> Work:
    """A bias that is added to every score."""
    return Work(adds=0 if attention_bias is None else scores)


@rule(
    "com.microsoft.RotaryEmbedding",
    harmless=("interleaved", "is_packed_batching", "scale"),
    weights={"cosines": "tables", "sines": "tables"},
)
def rotary_embedding(
    x: Tensor,
    positions: Tensor,
    cosines: Tensor,
    sines: Tensor,
    *,
    num_heads: int = 0,
    rotary_embedding_dim: int = 0,
) -> Facts:
    """x [B, S, hidden] or [B, heads, S, d], positions [B, S] or [1] -> the shape of x, turned as in ONNX's operator.

    A row of each table is read for every position, those of one sequence where all count from the same.
    """
    facts = rotate(x, num_heads, rotary_embedding_dim)
    steps = x.shape[2] if x.rank == 4 else x.shape[1]
    rows = (positions.size if positions.rank > 1 else steps) * cosines.shape[-1]
    return replace(facts, elements_read=(x.size, positions.size, rows, rows))
