"""Attention, rotary embeddings and the searches of language models: the shapes and the work that each states. Numbers show their factors."""

from __future__ import annotations

from graphcost import Work
from harness import MS, Question, Refused, Stated, assert_open, assert_refused, assert_states, each, facts_of, number, t

CASES: list[Stated] = [
    ("Attention", (t(1, 4, 6, 8), t(1, 2, 9, 8), t(1, 2, 9, 8)), {}, [(1, 4, 6, 8)], None),
    ("Attention", (t(1, 6, 32), t(1, 9, 16), t(1, 9, 16), None, t(1, 2, 3, 8), t(1, 2, 3, 8)),
     {"q_num_heads": 4, "kv_num_heads": 2, "outputs": 4}, [(1, 6, 32), (1, 2, 12, 8), (1, 2, 12, 8), (1, 4, 6, 12)], None),
    (MS + "Attention", (t(2, 5, 16), t(16, 48), t(48)), {"num_heads": 4, "outputs": 2}, [(2, 5, 16), (2, 2, 4, 5, 4)],
     Work(macs=2 * 5 * 48 * 16 + 2 * 4 * 5 * 5 * (4 + 4), muls=200, adds=480 + 400 - 40, compares=200 - 40, exps=200, divs=200)),
    (MS + "QAttention", (t(2, 5, 16, dtype="uint8"), t(16, 48, dtype="int8"), t(48), t(1), t(1)), {"num_heads": 4}, [(2, 5, 16)], None),
    # 4 keys of 8 meet values of 6 in each of 2 x 5 steps, 8 queries read them; a rule with delta also asks the state
    ("LinearAttention", (t(2, 5, 64), t(2, 5, 32), t(2, 5, 24)), {"q_num_heads": 8, "kv_num_heads": 4, "update_rule": "linear"},
     [(2, 5, 48), (2, 4, 8, 6)], Work(macs=10 * (4 + 8) * 8 * 6, muls=10 * 8 * 6)),
    ("LinearAttention", (t(2, 5, 64), t(2, 5, 32), t(2, 5, 24), None, t(2, 5, 32)), {"q_num_heads": 8, "kv_num_heads": 4},
     [(2, 5, 48), (2, 4, 8, 6)],
     Work(macs=10 * (4 + 8 + 4) * 8 * 6, muls=10 * (8 * 6 + 4 * 8 * 6 + 4 * 6), adds=10 * 4 * 6, exps=10 * 32)),
    # a search pads what it finds to the longest that is allowed: batch 2, of 4 beams the best 3, 10 tokens
    (MS + "BeamSearch", (t(2, 5), number(10), number(1), number(4), number(3)), {}, [(2, 3, 10), (2, 3)], None),
    (MS + "BeamSearch", (t(2, 80, 30), number(10)), {}, [(2, 1, 10), (2, 1)], None),
    (MS + "Sampling", (t(2, 5), number(10)), {}, [(2, 10)], None),
    (MS + "MultiHeadAttention", (t(2, 5, 16), t(2, 7, 16), t(2, 7, 16)), {"num_heads": 4, "outputs": 3},
     [(2, 5, 16), (2, 4, 7, 4), (2, 4, 7, 4)], None),
    (MS + "MultiHeadAttention", (t(2, 5, 16), t(2, 7, 16), t(2, 7, 16), None, None, None, t(2, 4, 3, 4), t(2, 4, 3, 4)),
     {"num_heads": 4, "outputs": 2}, [(2, 5, 16), (2, 4, 10, 4)], None),
    (MS + "GroupQueryAttention", (t(1, 5, 32), t(1, 5, 16), t(1, 5, 16), t(1, 2, 3, 8), t(1, 2, 3, 8)),
     {"num_heads": 4, "kv_num_heads": 2, "outputs": 3, "do_rotary": 1}, [(1, 5, 32), (1, 2, 8, 8), (1, 2, 8, 8)], None),
    # softcap divides each of the 4 x 6 x 9 scores, takes a hyperbolic tangent and multiplies
    ("Attention", (t(1, 4, 6, 8), t(1, 2, 9, 8), t(1, 2, 9, 8)), {"softcap": 2.0}, [(1, 4, 6, 8)],
     Work(macs=216 * (8 + 8), muls=216 * 2, divs=216 * 2, exps=216 * 2, compares=216 - 24, adds=2 * 216 - 24)),
    ("RotaryEmbedding", (t(1, 4, 6, 8),), {}, [(1, 4, 6, 8)], Work(muls=384, adds=192)),
    # 2 of the 8 elements of each head are turned
    ("RotaryEmbedding", (t(1, 4, 6, 8),), {"rotary_embedding_dim": 2}, [(1, 4, 6, 8)], Work(muls=2 * 4 * 6 * 2, adds=4 * 6 * 2)),
    ("RotaryEmbedding", (t(1, 6, 32),), {"rotary_embedding_dim": 2, "num_heads": 4}, [(1, 6, 32)], Work(muls=2 * 4 * 6 * 2, adds=4 * 6 * 2)),
]  # fmt: skip


@each(CASES)
def test_an_operator_states_its_outputs_and_work(case: Stated) -> None:
    assert_states(case)


OPEN: list[Question] = [
    (MS + "BeamSearch", (t(2, 5), t(1)), {}),
    (MS + "GreedySearch", (t(2, 5), t(1)), {}),
]  # fmt: skip


@each(OPEN)
def test_an_extent_that_data_decides_is_left_open(case: Question) -> None:
    assert_open(case)


REFUSED: list[Refused] = [
    ("Attention", (t(2, 4, 128), t(2, 4, 128), t(2, 4, 128)), {}, "q_num_heads and kv_num_heads are needed"),
    (MS + "RotaryEmbedding", (t(1, 6, 32),), {"rotary_embedding_dim": 2}, "of how many heads"),
    ("LinearAttention", (t(1, 2, 4), t(1, 2, 4), t(1, 2, 4)), {"q_num_heads": 1, "kv_num_heads": 1}, "needs a decay"),
    (
        "LinearAttention",
        (t(1, 2, 4), t(1, 2, 4), t(1, 2, 4)),
        {"q_num_heads": 1, "kv_num_heads": 1, "update_rule": "x"},
        "no update rule 'x'",
    ),
]  # fmt: skip


@each(REFUSED)
def test_a_contradiction_is_refused_in_words(case: Refused) -> None:
    assert_refused(case)


def test_attention_multiplies_scores_and_values() -> None:
    """4 query heads share 2 key heads: 6 queries meet 9 keys in 8 elements, and gather values of 8."""
    facts = facts_of("Attention", t(1, 4, 6, 8), t(1, 2, 9, 8), t(1, 2, 9, 8))
    assert facts.work is not None and facts.work.macs == (4 * 6 * 9) * (8 + 8)
