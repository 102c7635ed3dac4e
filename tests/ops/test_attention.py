"""Attention and rotary embeddings: the shapes and the work that each states. Numbers show their factors."""

from __future__ import annotations

from graphcost import Work
from harness import Refused, Stated, assert_refused, assert_states, each, facts_of, t

CASES: list[Stated] = [
    ("Attention", (t(1, 4, 6, 8), t(1, 2, 9, 8), t(1, 2, 9, 8)), {}, [(1, 4, 6, 8)], None),
    ("Attention", (t(1, 6, 32), t(1, 9, 16), t(1, 9, 16), None, t(1, 2, 3, 8), t(1, 2, 3, 8)),
     {"q_num_heads": 4, "kv_num_heads": 2, "outputs": 4}, [(1, 6, 32), (1, 2, 12, 8), (1, 2, 12, 8), (1, 4, 6, 12)], None),
    # 4 keys of 8 meet values of 6 in each of 2 x 5 steps, 8 queries read them; a rule with delta also asks the state
    ("LinearAttention", (t(2, 5, 64), t(2, 5, 32), t(2, 5, 24)), {"q_num_heads": 8, "kv_num_heads": 4, "update_rule": "linear"},
     [(2, 5, 48), (2, 4, 8, 6)], Work(macs=10 * (4 + 8) * 8 * 6, muls=10 * 8 * 6)),
    ("LinearAttention", (t(2, 5, 64), t(2, 5, 32), t(2, 5, 24), None, t(2, 5, 32)), {"q_num_heads": 8, "kv_num_heads": 4},
     [(2, 5, 48), (2, 4, 8, 6)],
     Work(macs=10 * (4 + 8 + 4) * 8 * 6, muls=10 * (8 * 6 + 4 * 8 * 6 + 4 * 6), adds=10 * 4 * 6, exps=10 * 32)),
    # softcap divides each of the 4 x 6 x 9 scores, takes a hyperbolic tangent and multiplies
    ("Attention", (t(1, 4, 6, 8), t(1, 2, 9, 8), t(1, 2, 9, 8)), {"softcap": 2.0}, [(1, 4, 6, 8)],
     Work(macs=216 * (8 + 8), muls=216 * 2, divs=216 * 2, exps=216 * 2, compares=216 - 24, adds=2 * 216 - 24)),
    ("RotaryEmbedding", (t(1, 4, 6, 8), t(1, 6, 4), t(1, 6, 4)), {}, [(1, 4, 6, 8)], Work(muls=384, adds=192)),
    # 2 of the 8 elements of each head are turned
    ("RotaryEmbedding", (t(1, 4, 6, 8), t(1, 6, 1), t(1, 6, 1)), {"rotary_embedding_dim": 2}, [(1, 4, 6, 8)], Work(muls=2 * 4 * 6 * 2, adds=4 * 6 * 2)),
    ("RotaryEmbedding", (t(1, 6, 32), t(1, 6, 1), t(1, 6, 1)), {"rotary_embedding_dim": 2, "num_heads": 4}, [(1, 6, 32)], Work(muls=2 * 4 * 6 * 2, adds=4 * 6 * 2)),
]  # fmt: skip


@each(CASES)
def test_an_operator_states_its_outputs_and_work(case: Stated) -> None:
    assert_states(case)


REFUSED: list[Refused] = [
    ("Attention", (t(2, 4, 128), t(2, 4, 128), t(2, 4, 128)), {}, "q_num_heads and kv_num_heads are needed"),
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
