"""Attention over caches in pages, attention without a softmax, and what ONNX Runtime has besides for such networks.

https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md describes each.
"""

from __future__ import annotations

from ..dims import Undecided, maximum
from ..graph import Tensor
from ..rules import GLOBAL, NO_WORK, QUANTISATION, STATES, TABLES, Facts, Work, rule
from ..shapes import of_rank
from .attention import ROTATION, SOFTCAP, attention_work, linear_attention, rotate
from .attention_contrib import SCORES
from .pointwise import ACTIVATIONS
from .values import integers

SELECTION = ("input_channel_offset", "input_channels", "state_channels_last", "state_length", "state_update_capacity")
"""Which channels a causal convolution takes of its input, and what else it keeps."""
PAGES = "as if every sequence filled its pages"


@rule(
    "com.microsoft.PagedAttention",
    harmless=(*SCORES, "is_causal", "rotary_offset", "k_cache_dtype", "v_cache_dtype"),
    weights={
        **dict.fromkeys(("key_cache", "value_cache"), STATES),
        **dict.fromkeys(("cosines", "sines"), TABLES),
        **dict.fromkeys(("key_scale", "value_scale"), QUANTISATION),
    },
)
def paged_attention(
    query: Tensor,
    key: Tensor | None,
    value: Tensor | None,
    key_cache: Tensor,
    value_cache: Tensor | None,
    cumulative: Tensor,
    past: Tensor,
    pages: Tensor,
    cosines: Tensor | None = None,
    sines: Tensor | None = None,
    slots: Tensor | None = None,
    head_sink: Tensor | None = None,
    query_norm: Tensor | None = None,
    key_norm: Tensor | None = None,
    key_scale: Tensor | None = None,
    value_scale: Tensor | None = None,
    metadata: Tensor | None = None,
    *,
    num_heads: int,
    kv_num_heads: int,
    v_head_size: int = 0,
    kv_cache_layout: str = "SEPARATE",
    do_rotary: int = 0,
    softcap: float = 0.0,
    k_quant_type: str = "NONE",
    v_quant_type: str = "NONE",
    outputs: int = 1,
) -> Facts:
    """query [tokens, heads d], or packed with key and value; caches [blocks, block, kv heads, d], pages [B, most] ->
    [tokens, heads v], and the caches.

    The tokens of all sequences stand one after the other. With one LATENT cache the values are the first v of its d.
    """
    tokens, width = of_rank(query.shape, 2, "query")
    packed = key is None and kv_cache_layout == "SEPARATE"
    size = width // (num_heads + 2 * kv_num_heads) if packed else width // num_heads
    depth = v_head_size or size
    keys = pages.shape[1] * key_cache.shape[1]
    work = attention_work(1, num_heads, tokens, keys, size, depth)
    work += SOFTCAP * (tokens * num_heads * keys) if softcap else NO_WORK
    heads = tokens * (num_heads + kv_num_heads)
    if do_rotary:
        work += ROTATION * (heads * (size if cosines is None else 2 * cosines.shape[1]))
    if query_norm is not None:
        work += Work(muls=3 * size, adds=size + 1, divs=2, exps=1) * heads
    for kind in (k_quant_type, v_quant_type):
        work += Work(muls=pages.size * key_cache.shape[1] * kv_num_heads * size if kind != "NONE" else 0)
    tops = (Tensor((tokens, num_heads * depth), query.dtype), key_cache, value_cache or key_cache)
    return Facts(tops[:outputs], work, GLOBAL, note=PAGES)


@rule("com.microsoft.LinearAttention", harmless=("chunk_size", "scale"), weights={"past": STATES})
def linear_attention_of_heads(
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
    state_window: int = 0,
) -> Facts:
    """ONNX's LinearAttention; where there are more heads of keys than of queries, each of those reads its state.

    With a state_window the states after each of the last steps are kept, along a new first axis.
    """
    batch, steps, width = of_rank(query.shape, 3, "query")
    heads = max(q_num_heads, kv_num_heads)
    readers = Tensor((batch, steps, width // q_num_heads * heads), query.dtype)
    facts = linear_attention(
        readers, key, value, past, decay, beta, q_num_heads=heads, kv_num_heads=kv_num_heads, update_rule=update_rule
    )
    y, state = facts.outputs
    if state_window:
        state = Tensor((state_window, *state.shape), state.dtype)
    return Facts((y, state), facts.work, GLOBAL)


@rule("com.microsoft.CausalConvWithState", fields=SELECTION, weights={"past": STATES})
def causal_conv(
    x: Tensor,
    w: Tensor,
    bias: Tensor | None = None,
    past: Tensor | None = None,
    *,
    activation: str = "none",
    ndim: int = 1,
    dilation: int = 1,
    channels_last: int = 0,
    state_window: int = 0,
    **selection: int,
) -> Facts:
    """x [N, C, length], or [N, length, *C] with channels_last, w [C, 1, k] -> like x, and the last positions of it.

    There are (k - 1) dilation of these, and with a state_window those after each of the last steps.
    """
    if ndim != 1 or any(selection.values()):
        raise Undecided("a causal convolution over several axes, or of some of the channels")
    if activation not in ("none", "silu", "swish"):
        raise ValueError(f"there is no activation {activation!r}")
    kernel = w.shape[2]
    work = Work(macs=x.size * kernel, adds=x.size if bias is not None else 0)
    if activation != "none":
        work += (ACTIVATIONS["Sigmoid"] + Work(muls=1)) * x.size
    kept = (kernel - 1) * dilation
    state = (x.shape[0], kept, *x.shape[2:]) if channels_last else (*x.shape[:2], kept)
    window = (state_window,) if state_window else ()
    return Facts((Tensor(x.shape, x.dtype), Tensor((*window, *state), x.dtype)), work, GLOBAL)


@rule(
    "com.microsoft.VarlenCausalConvWithState",
    harmless=("delta_offset", "dilation", "group_size"),
    weights={"state": STATES},
)
def causal_conv_of_sequences(
    x: Tensor,
    w: Tensor,
    cumulative: Tensor,
    bias: Tensor | None,
    state: Tensor,
    captured: Tensor | None = None,
    delta: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    activation: str = "none",
    state_update_capacity: int = 0,
    outputs: int = 2,
) -> Facts:
    """The same of B sequences one after the other: x [tokens, C], w [C, 1, k], state [B, C, (k - 1) dilation]."""
    if delta is not None or mask is not None:
        raise Undecided("what kernels that change with the tokens cost is not known")
    facts = causal_conv(Tensor((1, *x.shape), x.dtype), w, bias, activation=activation, channels_last=1)
    update = Tensor((state.shape[0], state_update_capacity, x.shape[1]), x.dtype)
    return Facts((Tensor(x.shape, x.dtype), state, update)[:outputs], facts.work, GLOBAL)


@rule(
    "com.microsoft.GatedDeltaNet",
    harmless=("chunk_size", "scale", "gate_lower_bound", "state_update_capacity"),
    weights={"state": STATES},
)
def gated_delta_net(
    query: Tensor,
    key: Tensor | None = None,
    value: Tensor | None = None,
    cumulative: Tensor | None = None,
    decay: Tensor | None = None,
    beta: Tensor | None = None,
    state: Tensor | None = None,
    a_log: Tensor | None = None,
    gate_bias: Tensor | None = None,
    captured: Tensor | None = None,
    capturing: Tensor | None = None,
    *,
    update_rule: str = "gated_delta",
    gate_activation: str = "none",
    beta_activation: str = "none",
    qk_l2_norm: int = 0,
    outputs: int = 1,
) -> Facts:
    """query, key [*tokens, heads, d], value [*tokens, heads, v] -> [*tokens, heads, v], states [B, heads, v, d].

    LinearAttention of tokens that stand one after the other, a state for each head of values; what is put out besides
    of the steps is as the file declares it.
    """
    if key is None or value is None:
        raise Undecided("how many heads a packed query holds is not known")
    tokens, heads, depth = query.size // (query.shape[-2] * query.shape[-1]), value.shape[-2], value.shape[-1]
    size = query.shape[-1]
    if not isinstance(heads, int):
        raise Undecided("how many heads there are is not known")
    wide, deep = Tensor((1, tokens, heads * size), query.dtype), Tensor((1, tokens, heads * depth), value.dtype)
    facts = linear_attention(
        wide, wide, deep, None, decay, beta, q_num_heads=heads, kv_num_heads=heads, update_rule=update_rule
    )
    work = (facts.work or NO_WORK) + _gates(decay, beta, gate_activation, beta_activation)
    if qk_l2_norm:
        work += Work(muls=2, adds=1) * (query.size + key.size)
    y = Tensor((*query.shape[:-2], maximum(query.shape[-2], heads), depth), query.dtype)
    batch = state.shape[0] if state is not None else cumulative.shape[0] - 1 if cumulative is not None else 1
    return Facts((y, Tensor((batch, heads, depth, size)))[:outputs], work, GLOBAL)


def _gates(decay: Tensor | None, beta: Tensor | None, gate: str, update: str) -> Work:
    """The activations of a decay and of an update rate, where they are not given as such."""
    costs = {"none": NO_WORK, "softplus": ACTIVATIONS["Softplus"], "sigmoid": ACTIVATIONS["Sigmoid"]}
    costs["kda"] = costs["sigmoid"]
    if gate not in costs or update not in costs:
        raise Undecided(f"what the activations {gate} and {update} cost is not known")
    scaled = Work(adds=1, muls=1) if gate != "none" else NO_WORK
    return (costs[gate] + scaled) * (decay.size if decay is not None else 0) + costs[update] * (
        beta.size if beta is not None else 0
    )


@rule("com.microsoft.MRotaryEmbedding", harmless=(
    "interleaved", "is_packed_batching", "mrope_layout", "mrope_section", "scale",
), weights=dict.fromkeys(("cosines", "sines"), TABLES))  # fmt: skip
def rotary_embedding_of_three(
    x: Tensor, positions: Tensor, cosines: Tensor, sines: Tensor, *, num_heads: int = 0, rotary_embedding_dim: int = 0
) -> Facts:
    """x [B, S, hidden] or [B, heads, S, d], positions [3, B, S] in time, height and width -> the shape of x."""
    return rotate(x, num_heads, rotary_embedding_dim)


@rule("com.microsoft.GemmaRotaryEmbedding")
def gemma_rotary_embedding(angles: Tensor, q: Tensor, q_turned: Tensor, k: Tensor, k_turned: Tensor) -> Facts:
    """q cos(angles) + q_turned sin(angles), and so of k: [B, heads, S, d] each, angles [B, S, d]."""
    work = Work(exps=2 * angles.size) + ROTATION * (q.size + k.size)
    return Facts((Tensor(q.shape, q.dtype), Tensor(k.shape, k.dtype)), work, GLOBAL)


# --- shapes alone -----------------------------------------------------------------------------------------------------


@rule("com.microsoft.LongformerAttention", harmless=("num_heads", "window"))
def longformer_attention(x: Tensor, *operands: Tensor | None) -> Facts:
    """[B, S, hidden] -> the same shape; which tokens attend to all others, and so the cost, is decided by the data."""
    return Facts((Tensor(x.shape, x.dtype),), None, GLOBAL)


@rule("com.microsoft.QOrderedLongformerAttention", harmless=(
    "num_heads", "window", "order_global_weight", "order_input", "order_output", "order_weight",
))  # fmt: skip
def q_ordered_longformer_attention(x: Tensor, *operands: Tensor | None) -> Facts:
    """[B, S, hidden] of int8 -> the same shape; the data decides the cost, as with LongformerAttention."""
    return Facts((Tensor(x.shape, x.dtype),), None, GLOBAL)


@rule("com.microsoft.DecoderAttention", harmless=("mask_filter_value", "num_heads"))
def decoder_attention(query: Tensor, key: Tensor, *operands: Tensor | None) -> Facts:
    """query [S, B, hidden] -> the same shape; operands decide what is projected and cached, and so the cost."""
    return Facts((Tensor(query.shape, query.dtype),), None, GLOBAL, note="what is projected is decided when it runs")


@rule("com.microsoft.NGramRepeatBlock", harmless=("ngram_size",))
def ngram_repeat_block(ids: Tensor, scores: Tensor) -> Facts:
    """Scores [B, vocabulary] -> the same, those of tokens that would repeat taken out; the text decides the cost."""
    return Facts((Tensor(scores.shape, scores.dtype),), None, GLOBAL)


@rule("com.microsoft.RelativePositionBias", harmless=("is_bidirectional", "max_distance"))
def relative_position_bias(table: Tensor, queries: Tensor, keys: Tensor) -> Facts:
    """A table [buckets, heads] and two lengths -> [1, heads, queries, keys]: a bias for each distance (T5)."""
    lengths = integers(queries), integers(keys)
    if lengths[0] is None or lengths[1] is None:
        raise Undecided("how many queries and keys there are is decided when it runs")
    return Facts((Tensor((1, table.shape[1], lengths[0][0], lengths[1][0]), table.dtype),), None, GLOBAL)
