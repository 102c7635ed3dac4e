"""Paged and linear attention of ONNX Runtime: shapes and work. Numbers show their factors."""

from __future__ import annotations

import pytest

from graphcost import Facts, Work
from graphcost.dims import Undecided
from graphcost.graph import Tensor
from harness import MS, facts_of, t

CACHE = Tensor((6, 16, 2, 4), "int8")
LENGTHS = (t(3), t(2), t(2, 5))
"""Where sequences begin, how long their past is, and which five pages each has."""


def macs(facts: Facts) -> object:
    assert facts.work is not None
    return facts.work.macs


@pytest.mark.parametrize("operands", [(t(7, 32), t(7, 8), t(7, 8)), (t(7, 32 + 8 + 8), None, None)])
def test_paged_attention_sees_every_place_in_its_pages(operands: tuple[Tensor | None, ...]) -> None:
    """Seven tokens of eight heads of 4 see 5 pages of 16 keys; the caches stay as they are."""
    facts = facts_of(MS + "PagedAttention", *operands, CACHE, CACHE, *LENGTHS, num_heads=8, kv_num_heads=2, outputs=3)
    assert facts.outputs == (t(7, 32), CACHE, CACHE)
    assert macs(facts) == (7 * 8) * (5 * 16) * (4 + 4)
    assert "filled its pages" in facts.note


def test_paged_attention_of_one_latent_cache_puts_out_narrower_values() -> None:
    """Queries of 6 numbers see keys of 6, and their first 4 as values."""
    latent = t(6, 16, 1, 6)
    facts = facts_of(MS + "PagedAttention", t(7, 8 * 6), t(7, 6), None, latent, None, *LENGTHS,
                     num_heads=8, kv_num_heads=1, kv_cache_layout="LATENT", v_head_size=4)  # fmt: skip
    assert facts.outputs == (t(7, 8 * 4),)
    assert macs(facts) == (7 * 8) * (5 * 16) * (6 + 4)


def test_paged_attention_counts_what_is_turned_normalised_and_turned_back() -> None:
    operands = (t(7, 32), t(7, 8), t(7, 8), CACHE, CACHE, *LENGTHS)
    plain = facts_of(MS + "PagedAttention", *operands, num_heads=8, kv_num_heads=2).work
    turned = facts_of(
        MS + "PagedAttention", *operands, t(99, 2), t(99, 2), num_heads=8, kv_num_heads=2, do_rotary=1
    ).work
    back = facts_of(MS + "PagedAttention", *operands, num_heads=8, kv_num_heads=2, k_quant_type="PER_TENSOR").work
    capped = facts_of(MS + "PagedAttention", *operands, num_heads=8, kv_num_heads=2, softcap=5.0).work
    assert plain is not None and turned is not None and back is not None
    assert capped == plain + Work(muls=1, divs=1, exps=1) * (7 * 8 * (5 * 16))
    assert turned.muls - plain.muls == 2 * 7 * (8 + 2) * 4
    assert back.muls - plain.muls == (2 * 5 * 16) * 2 * 4


def test_more_heads_of_keys_than_of_queries_read_a_state_each() -> None:
    """Two sequences of five steps; four states of 4 x 6 are written and read."""
    facts = facts_of(MS + "LinearAttention", t(2, 5, 8), t(2, 5, 16), t(2, 5, 24),
                     q_num_heads=2, kv_num_heads=4, update_rule="linear", state_window=3)  # fmt: skip
    assert [y.shape for y in facts.outputs] == [(2, 5, 24), (3, 2, 4, 4, 6)]
    assert macs(facts) == (2 * 5) * (4 + 4) * (4 * 6)


def test_a_gated_delta_net_is_linear_attention_of_tokens_in_a_row() -> None:
    """A state of 4 x 3 for each of four heads of values is asked, written and read."""
    operands = (t(6, 2, 4), t(6, 2, 4), t(6, 4, 3), None, t(6, 4), t(6, 4), t(2, 4, 3, 4))
    facts = facts_of(MS + "GatedDeltaNet", *operands, outputs=2)
    assert [y.shape for y in facts.outputs] == [(6, 4, 3), (2, 4, 3, 4)]
    assert macs(facts) == (6 * 4) * 3 * (4 * 3)
    gated = facts_of(MS + "GatedDeltaNet", *operands, gate_activation="softplus", beta_activation="sigmoid").work
    assert gated is not None and facts.work is not None
    assert gated.exps - facts.work.exps == 24 * 2 + 24  # a softplus of each decay, a sigmoid of each rate
    with pytest.raises(Undecided, match="packed query"):
        facts_of(MS + "GatedDeltaNet", t(6, 28))
    with pytest.raises(Undecided, match="packed query"):
        facts_of(MS + "GatedDeltaNet", t(6, 2, 8), None, t(6, 4, 3))


def test_a_causal_convolution_keeps_its_last_positions() -> None:
    first = facts_of(MS + "CausalConvWithState", t(2, 5, 9), t(5, 1, 4), state_window=2)
    assert [y.shape for y in first.outputs] == [(2, 5, 9), (2, 2, 5, 3)]
    assert macs(first) == (2 * 5 * 9) * 4
    biased = facts_of(MS + "CausalConvWithState", t(2, 5, 9), t(5, 1, 4), t(5))
    assert (first.work, biased.work) == (Work(macs=90 * 4), Work(macs=90 * 4, adds=90))
    last = facts_of(MS + "CausalConvWithState", t(2, 9, 5), t(5, 1, 4), channels_last=1, dilation=2)
    assert last.outputs[1].shape == (2, 6, 5)
    rows = facts_of(MS + "VarlenCausalConvWithState", t(9, 5), t(5, 1, 4), t(3), None, t(2, 5, 3), outputs=2)
    assert [y.shape for y in rows.outputs] == [(9, 5), (2, 5, 3)] and macs(rows) == (9 * 5) * 4
    with pytest.raises(Undecided, match="several axes"):
        facts_of(MS + "CausalConvWithState", t(2, 5, 9, 9), t(5, 1, 4, 4), ndim=2)


def test_rotations_that_gemma_and_qwen_have() -> None:
    facts = facts_of(MS + "GemmaRotaryEmbedding", t(2, 5, 8), *[t(2, 3, 5, 8)] * 4)
    assert facts.work is not None and facts.work.exps == 2 * 80 and facts.work.muls == 2 * 2 * 240
    turned = facts_of(
        MS + "MRotaryEmbedding", t(1, 4, 32), t(3, 1, 4), t(9, 4), t(9, 4), num_heads=2, rotary_embedding_dim=8
    )
    assert turned.work is not None and turned.work.muls == 2 * (4 * 2 * 8)


@pytest.mark.parametrize("kind", ["LongformerAttention", "QOrderedLongformerAttention", "DecoderAttention"])
def test_attention_that_the_data_decides_states_its_shape_alone(kind: str) -> None:
    facts = facts_of(MS + kind, t(2, 8, 16), t(2, 8, 16))
    assert facts.outputs[0].shape == (2, 8, 16) and facts.work is None
