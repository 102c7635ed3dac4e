"""Attention as com.microsoft spells it: the shapes, caches and work that each states. Numbers show their factors."""

from __future__ import annotations

import pytest

from graphcost import Tensor, Work
from harness import MS, Refused, Stated, assert_refused, assert_states, each, facts_of, ints, t

CASES: list[Stated] = [
    (MS + "Attention", (t(2, 5, 16), t(16, 48), t(48)), {"num_heads": 4, "outputs": 2}, [(2, 5, 16), (2, 2, 4, 5, 4)],
     Work(macs=2 * 5 * 48 * 16 + 2 * 4 * 5 * 5 * (4 + 4), muls=200, adds=480 + 400 - 40, compares=200 - 40, exps=200, divs=200)),
    (MS + "QAttention", (t(2, 5, 16, dtype="uint8"), t(16, 48, dtype="int8"), t(48), t(1), t(1)), {"num_heads": 4}, [(2, 5, 16)], None),
    (MS + "MultiHeadAttention", (t(2, 5, 16), t(2, 7, 16), t(2, 7, 16)), {"num_heads": 4, "outputs": 3},
     [(2, 5, 16), (2, 4, 7, 4), (2, 4, 7, 4)], None),
    (MS + "MultiHeadAttention", (t(2, 5, 16), t(2, 7, 16), t(2, 7, 16), None, None, None, t(2, 4, 3, 4), t(2, 4, 3, 4)),
     {"num_heads": 4, "outputs": 2}, [(2, 5, 16), (2, 4, 10, 4)], None),
    (MS + "GroupQueryAttention", (t(1, 5, 32), t(1, 5, 16), t(1, 5, 16), t(1, 2, 3, 8), t(1, 2, 3, 8)),
     {"num_heads": 4, "kv_num_heads": 2, "outputs": 3, "do_rotary": 1}, [(1, 5, 32), (1, 2, 8, 8), (1, 2, 8, 8)], None),
]  # fmt: skip


@each(CASES)
def test_an_operator_states_its_outputs_and_work(case: Stated) -> None:
    assert_states(case)


def test_packed_heads_are_told_apart_by_their_own_axes() -> None:
    """[B, S, heads, query key and value, d]: four heads of 6."""
    facts = facts_of(MS + "MultiHeadAttention", t(2, 5, 4, 3, 6), num_heads=4, outputs=3)
    assert [y.shape for y in facts.outputs] == [(2, 5, 24), (2, 4, 5, 6), (2, 4, 5, 6)]
    assert facts.work is not None and facts.work.macs == 2 * 4 * (5 * 5) * (6 + 6)


def test_a_bias_is_added_to_queries_keys_and_values() -> None:
    """Five queries of 4, seven keys of 4 and values of 6, of four heads."""
    operands = (t(2, 5, 16), t(2, 7, 16), t(2, 7, 24))
    plain = facts_of(MS + "MultiHeadAttention", *operands, num_heads=4).work
    biased = facts_of(MS + "MultiHeadAttention", *operands, t(16 + 16 + 24), num_heads=4).work
    assert plain is not None and biased == plain + Work(adds=2 * 4 * (5 * 4 + 7 * (4 + 6)))


@pytest.mark.parametrize("x", [t(2, 5, 32), t(2, 4, 5, 8)])
@pytest.mark.parametrize(("positions", "rows"), [(t(1), 5), (t(2, 5), 2 * 5)])
def test_a_rotation_reads_a_row_of_its_tables_for_each_position(x: Tensor, positions: Tensor, rows: int) -> None:
    """Five steps of one sequence, or of each of two, and tables of 9 rows of 4."""
    facts = facts_of(MS + "RotaryEmbedding", x, positions, t(9, 4), t(9, 4), num_heads=4)
    assert facts.elements_read == (2 * 5 * 32, positions.size, rows * 4, rows * 4)


def test_queries_and_keys_are_normalised_head_by_head() -> None:
    """Four heads of queries and two of keys, of 8 numbers each, at five steps: squares, a mean, a root, a factor."""
    operands = (t(1, 5, 32), t(1, 5, 16), t(1, 5, 16), *[None] * 11)
    options = {"num_heads": 4, "kv_num_heads": 2}
    plain = facts_of(MS + "GroupQueryAttention", *operands, **options).work
    normalised = facts_of(MS + "GroupQueryAttention", *operands, t(8), t(8), **options).work
    each = Work(muls=3 * 8, adds=8 + 1, divs=2, exps=1)
    assert plain is not None and normalised == plain + each * (5 * (4 + 2))


def test_a_bias_of_attention_is_added_to_each_score() -> None:
    """Two sequences, four heads, five steps that see five keys."""
    operands = (t(2, 5, 16), t(16, 48), t(48))
    plain = facts_of(MS + "Attention", *operands, num_heads=4).work
    biased = facts_of(MS + "Attention", *operands, None, None, t(2, 4, 5, 5), num_heads=4).work
    assert plain is not None and biased == plain + Work(adds=2 * 4 * 5 * 5)


REFUSED: list[Refused] = [
    (MS + "RotaryEmbedding", (t(1, 6, 32), t(1, 6), t(9, 1), t(9, 1)), {"rotary_embedding_dim": 2}, "of how many heads"),
]  # fmt: skip


@each(REFUSED)
def test_a_contradiction_is_refused_in_words(case: Refused) -> None:
    assert_refused(case)


def macs(kind: str, *inputs: Tensor | None, **attrs: object) -> int:
    facts = facts_of(MS + kind, *inputs, **attrs)
    assert facts.work is not None and isinstance(facts.work.macs, int)
    return facts.work.macs


Q, BIAS = t(2, 3, 64), t(1, 4, 3, 8)
PAST = t(2, 4, 5, 16)


def test_a_bias_of_scores_is_no_past() -> None:
    """Four heads of 16: 3 queries against 3 keys, against 5 + 3 with a past behind the bias, and 20 of another text."""
    assert macs("MultiHeadAttention", Q, Q, Q, None, None, t(1, 4, 3, 3), num_heads=4) == 2 * 4 * 3 * 3 * 32
    facts = facts_of(MS + "MultiHeadAttention", Q, Q, Q, None, None, BIAS, PAST, PAST, num_heads=4, outputs=4)
    assert [y.shape for y in facts.outputs] == [(2, 3, 64), (2, 4, 8, 16), (2, 4, 8, 16), (2, 4, 3, 8)]
    assert facts.work is not None and facts.work.macs == 2 * 4 * 3 * 8 * 32
    text = t(2, 4, 20, 16)
    assert macs("MultiHeadAttention", Q, text, text, None, None, t(2, 4, 3, 20), num_heads=4) == 2 * 4 * 3 * 20 * 32
    assert macs("MultiHeadAttention", Q, Q, Q, None, None, t(1, 1, 3, 3), num_heads=1) == 2 * 1 * 3 * 3 * 128


def test_a_shared_buffer_stays_as_long_as_it_is() -> None:
    one, buffer = t(1, 1, 64), t(1, 4, 32, 16)
    operands = (one, one, one, None, None, buffer, buffer)
    attrs = {"num_heads": 4, "past_present_share_buffer": 1, "outputs": 3}
    facts = facts_of(MS + "DecoderMaskedMultiHeadAttention", *operands, t(1, dtype="int32"), **attrs)
    assert [y.shape for y in facts.outputs] == [(1, 1, 64), (1, 4, 32, 16), (1, 4, 32, 16)]
    assert facts.note == "as if the whole cache were in use" and facts.work is not None
    assert facts.work.macs == 4 * 1 * 32 * 32
    assert macs("DecoderMaskedMultiHeadAttention", *operands, ints(6), **attrs) == 4 * 1 * (6 + 1) * 32


@pytest.mark.parametrize(
    ("past", "total", "cache"),
    [
        (t(2, 2, 40, 8), Tensor((), "int32", (12,)), (2, 2, 40, 8)),
        (t(2, 2, 11, 8), Tensor((), "int32", (12,)), (2, 2, 12, 8)),
        (t(2, 2, 11, 8), t(dtype="int32"), (2, 2, 12, 8)),
        (t(2, 2, 11, 8, dtype="int8"), t(dtype="int32"), (2, 2, 12, 8)),
        (t(2, 2, 11, 4, dtype="uint8"), t(dtype="int32"), (2, 2, 12, 4)),  # two elements of 4 bits in a byte
    ],
)
def test_a_cache_keeps_the_length_the_type_and_the_packing_of_its_past(
    past: Tensor, total: Tensor, cache: tuple[int, ...]
) -> None:
    operands = (t(2, 1, 32), t(2, 1, 16), t(2, 1, 16), past, past, t(2, dtype="int32"), total)
    facts = facts_of(MS + "GroupQueryAttention", *operands, num_heads=4, kv_num_heads=2, outputs=3)
    assert [y.shape for y in facts.outputs] == [(2, 1, 32), cache, cache]
    assert facts.outputs[1].dtype == past.dtype and facts.work is not None
    assert facts.work.macs == 2 * 4 * 1 * 12 * (8 + 8)


def test_a_cache_that_slides_stays_as_long_as_it_is() -> None:
    past = t(1, 2, 16, 8)
    operands = (t(1, 1, 32), t(1, 1, 16), t(1, 1, 16), past, past, t(1, dtype="int32"), t(dtype="int32"))
    attrs = {"num_heads": 4, "kv_num_heads": 2, "sliding_window_cache": 1, "local_window_size": 8, "outputs": 2}
    assert facts_of(MS + "GroupQueryAttention", *operands, **attrs).outputs[1].shape == (1, 2, 16, 8)


def test_only_the_rows_that_positions_name_are_read_of_the_tables() -> None:
    """Two tables of 512 rows of 8."""
    table = t(512, 8)
    one = facts_of(MS + "RotaryEmbedding", t(1, 1, 64), t(1, 1, dtype="int64"), table, table, num_heads=4)
    assert one.elements_read == (64, 1, 8, 8)
    same = facts_of(MS + "RotaryEmbedding", t(2, 4, 6, 16), t(1, dtype="int64"), table, table)
    assert same.elements_read == (2 * 4 * 6 * 16, 1, 6 * 8, 6 * 8)
    operands = (t(2, 3, 64), t(2, 3, 32), t(2, 3, 32), None, None, t(2, dtype="int32"), t(dtype="int32"), table, table)
    grouped = facts_of(MS + "GroupQueryAttention", *operands, num_heads=4, kv_num_heads=2, do_rotary=1)
    assert grouped.elements_read == (384, 192, 192, 0, 0, 2, 1, 2 * 3 * 8, 2 * 3 * 8)


def test_tokens_that_are_no_padding_are_counted_against_the_longest_sequence() -> None:
    """Seven tokens of three sequences of at most four."""
    facts = facts_of(
        MS + "PackedAttention", t(7, 16), t(16, 48), t(48), t(3, 4, dtype="int32"), t(4, dtype="int32"), num_heads=2
    )
    assert facts.outputs[0].shape == (7, 16) and "longest" in facts.note and facts.work is not None
    assert facts.work.macs == 7 * 48 * 16 + 2 * 7 * 4 * (8 + 8)
    offset, lengths = t(3, 4, dtype="int32"), t(4, dtype="int32")
    assert (
        macs("PackedMultiHeadAttention", t(7, 2, 3, 8), None, None, None, offset, lengths, num_heads=2)
        == 2 * 7 * 4 * 16
    )
    operands = (t(7, 16), t(7, 16), t(7, 24))
    plain = facts_of(MS + "PackedMultiHeadAttention", *operands, None, offset, lengths, num_heads=2).work
    biased = facts_of(MS + "PackedMultiHeadAttention", *operands, t(56), offset, lengths, num_heads=2).work
    assert plain is not None and biased == plain + Work(adds=7 * (16 + 16 + 24))
