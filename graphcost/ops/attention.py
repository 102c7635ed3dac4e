"""Scaled dot-product attention and rotary embeddings, as ONNX defines them.

Scores take batch * heads * queries * keys * head size multiply-accumulates, and the weighted sum of the values as many
with theirs. A causal mask leaves half of them without effect; kernels may skip those, and they are counted.
"""

from __future__ import annotations

from dataclasses import replace

from ..dims import Extent, Undecided
from ..graph import Tensor
from ..rules import GLOBAL, NO_WORK, Facts, Work, rule
from ..shapes import of_rank
from .normalize import softmax_work


def attention_work(batch: Extent, heads: Extent, queries: Extent, keys: Extent, size: Extent, value: Extent) -> Work:
    """Scores, their scale, softmax over the keys, and the weighted sum; `size` and `value` are extents of one head."""
    scores = batch * heads * queries * keys
    return Work(macs=scores * (size + value), muls=scores) + softmax_work(scores, batch * heads * queries)


SOFTCAP = Work(muls=1, divs=1, exps=1)
"""c * tanh(x / c), for each score."""


@rule("Attention", harmless=(
    "scale", "is_causal", "left_window_size", "right_window_size", "qk_matmul_output_mode", "softmax_precision",
), weights={"mask": "tables", "past_key": "states", "past_value": "states"})  # fmt: skip
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
    heads: Extent
    kv_heads: Extent
    if flat:
        batch, heads, queries, size = q.shape[0], q_num_heads, q.shape[1], q.shape[2] // q_num_heads
        kv_heads, fresh = kv_num_heads, k.shape[1]
    else:
        batch, heads, queries, size = of_rank(q.shape, 4, "Q")
        _, kv_heads, fresh, _ = of_rank(k.shape, 4, "K")
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
    work = attention_work(batch, heads, queries, keys, size, depth)
    work += (Work(adds=int(mask is not None)) + (SOFTCAP if softcap else NO_WORK)) * scores
    return Facts(tops[:outputs], work, GLOBAL)


@rule("LinearAttention", harmless=("chunk_size", "scale"), weights={"past": "states"})
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
    batch, steps, width = of_rank(query.shape, 3, "query")
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


@rule("RotaryEmbedding", harmless=("interleaved",), weights={"cosines": "tables", "sines": "tables"})
def rotary_embedding(
    x: Tensor,
    cosines: Tensor,
    sines: Tensor,
    positions: Tensor | None = None,
    *,
    num_heads: int = 0,
    rotary_embedding_dim: int = 0,
) -> Facts:
    """x [B, S, hidden] or [B, heads, S, d] -> the same shape; pairs of elements turned by an angle.

    Of each head rotary_embedding_dim elements are turned, or all of them. With positions [B, S] a row of each table is
    read for every position, without them the tables have a row for each.
    https://onnx.ai/onnx/operators/onnx__RotaryEmbedding.html
    """
    facts = rotate(x, num_heads, rotary_embedding_dim)
    if positions is None:
        return facts
    rows = positions.size * cosines.shape[-1]
    return replace(facts, elements_read=(x.size, rows, rows, positions.size))


def rotate(x: Tensor, heads: int, size: int) -> Facts:
    """Pairs of elements of each head turned: two products and a sum for each of `size` elements, or of all (0)."""
    turned = x.size
    if size and x.rank == 4:
        turned = x.shape[0] * x.shape[1] * x.shape[2] * size
    elif size and heads:
        turned = x.shape[0] * x.shape[1] * heads * size
    elif size:
        raise Undecided(f"of how many heads {size} elements are turned is not said")
    return Facts((Tensor(x.shape, x.dtype),), ROTATION * turned, GLOBAL)


ROTATION = Work(muls=2, adds=1)
"""x cos(a) - y sin(a), for each element that is turned."""
