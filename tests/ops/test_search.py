"""The searches of language models: the shapes that each states."""

from __future__ import annotations

from harness import MS, Question, Stated, assert_open, assert_states, each, number, t

CASES: list[Stated] = [
    # a search pads what it finds to the longest that is allowed: batch 2, of 4 beams the best 3, 10 tokens
    (MS + "BeamSearch", (t(2, 5), number(10), number(1), number(4), number(3)), {}, [(2, 3, 10), (2, 3)], None),
    (MS + "BeamSearch", (t(2, 80, 30), number(10)), {}, [(2, 1, 10), (2, 1)], None),
    (MS + "Sampling", (t(2, 5), number(10)), {}, [(2, 10)], None),
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
