"""Strings and encoded images: the shapes and the work that each states. Numbers show their factors."""

from __future__ import annotations

from graphcost import Work
from harness import Question, Stated, Typed, assert_open, assert_states, assert_type, each, t

CASES: list[Stated] = [
    ("StringNormalizer", (t(4, dtype="string"),), {}, [(4,)], Work()),
    ("StringConcat", (t(4, 1), t(3)), {}, [(4, 3)], Work()),
    ("RegexFullMatch", (t(4),), {}, [(4,)], None),
    ("TfIdfVectorizer", (t(2, 9),), {"ngram_indexes": (0, 4, 2)}, [(2, 5)], None),
]  # fmt: skip


@each(CASES)
def test_an_operator_states_its_outputs_and_work(case: Stated) -> None:
    assert_states(case)


TYPES: list[Typed] = [
    ("RegexFullMatch", (t(2),), {}, "bool"),
]  # fmt: skip


@each(TYPES)
def test_an_operator_states_the_type_of_its_output(case: Typed) -> None:
    assert_type(case)


OPEN: list[Question] = [
    ("StringNormalizer", (t(4),), {"stopwords": ("a",)}),
    ("StringSplit", (t(4),), {}),
    ("ImageDecoder", (t(99),), {}),
]  # fmt: skip


@each(OPEN)
def test_an_extent_that_data_decides_is_left_open(case: Question) -> None:
    assert_open(case)
