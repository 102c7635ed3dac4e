"""Operators of detectors: the shapes and the work that each states. Numbers show their factors."""

from __future__ import annotations

from harness import IMAGE, Question, Stated, assert_open, assert_states, each, number, t

CASES: list[Stated] = [
    ("MaxRoiPool", (IMAGE, t(9, 5)), {"pooled_shape": (2, 3)}, [(9, 4, 2, 3)], None),
]  # fmt: skip


@each(CASES)
def test_an_operator_states_its_outputs_and_work(case: Stated) -> None:
    assert_states(case)


OPEN: list[Question] = [
    ("NonMaxSuppression", (t(1, 9, 4), t(1, 2, 9), number(5)), {}),
]  # fmt: skip


@each(OPEN)
def test_an_extent_that_data_decides_is_left_open(case: Question) -> None:
    assert_open(case)
