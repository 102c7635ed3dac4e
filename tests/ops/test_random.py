"""Random numbers: the shapes and the work that each states. Numbers show their factors."""

from __future__ import annotations

from graphcost import Work
from harness import Stated, assert_states, each, facts_of, t

CASES: list[Stated] = [
    # scaled and shifted into its range; or by Box-Muller: a logarithm, a root and a sine besides
    ("RandomUniform", (), {"shape": (2, 3)}, [(2, 3)], Work(muls=6, adds=6)),
    ("RandomNormal", (), {"shape": (2, 3)}, [(2, 3)], Work(muls=2 * 6, adds=6, exps=3 * 6)),
    ("RandomUniformLike", (t(2, 3),), {}, [(2, 3)], Work(muls=6, adds=6)),
    ("RandomNormalLike", (t(2, 3),), {}, [(2, 3)], Work(muls=2 * 6, adds=6, exps=3 * 6)),
    ("Bernoulli", (t(2, 3),), {}, [(2, 3)], Work(compares=6)),
    # each of 4 samples is searched among the sums of 5 probabilities, in each of 2 rows
    ("Multinomial", (t(2, 5),), {"sample_size": 4}, [(2, 4)], Work(exps=2 * 5, adds=2 * 5, compares=2 * 4 * 5)),
]  # fmt: skip


@each(CASES)
def test_an_operator_states_its_outputs_and_work(case: Stated) -> None:
    assert_states(case)


def test_numbers_like_another_tensor_read_none_of_it_unless_they_are_drawn_by_it() -> None:
    """RandomUniformLike takes a shape alone; Bernoulli's input holds the probabilities."""
    assert facts_of("RandomUniformLike", t(2, 3)).elements_read == (0,)
    assert facts_of("Bernoulli", t(2, 3)).elements_read is None
