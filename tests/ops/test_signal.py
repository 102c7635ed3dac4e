"""Fourier transforms, windows and filters: the shapes and the work that each states. Numbers show their factors."""

from __future__ import annotations

from graphcost import Work
from harness import Question, Stated, assert_states, assert_unknown, each, number, t

CASES: list[Stated] = [
    ("DFT", (t(1, 10, 10, 1), None, number(1)), {}, [(1, 10, 10, 2)], None),
    ("DFT", (t(1, 10, 2),), {"onesided": 1, "axis": 1, "opset": 17}, [(1, 6, 2)], None),
    ("STFT", (t(1, 128, 1), number(8), t(16)), {}, [(1, 15, 9, 2)], None),
    ("HannWindow", (number(10),), {}, [(10,)], Work(muls=20, adds=10, divs=10, exps=10)),
    ("MelWeightMatrix", (number(8), number(16), number(8192), number(0.0), number(4096.0)), {}, [(9, 8)], None),
]  # fmt: skip


@each(CASES)
def test_an_operator_states_its_outputs_and_work(case: Stated) -> None:
    assert_states(case)


UNKNOWN: list[Question] = [
    ("DFT", (t(1, 10, 1), t(1)), {}),
    ("STFT", (t(1, 128, 1), t(), t(16)), {}),
]  # fmt: skip


@each(UNKNOWN)
def test_a_shape_that_stands_in_unknown_contents_is_unknown(case: Question) -> None:
    assert_unknown(case)
