"""How values are written in cells."""

from __future__ import annotations

import pytest

from graphcost.dims import Dim, symbol
from graphcost.graph import UNKNOWN, Tensor
from graphcost.table import formula, shape_text, shapes_text, show

N, H, TOKENS = symbol("N"), symbol("H"), symbol("tokens")


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (None, "count", "?"),
        (0, "short", "0"),
        (999, "short", "999"),
        (27_030, "short", "27.0 k"),
        (999_960, "short", "1.0 M"),
        (27_030, "count", "27,030"),
        (3_999, "bytes", "3.9 KiB"),
        (1023, "bytes", "1,023 B"),
        (0.6034, "share", "60.3%"),
        (416 * N, "short", "416·N"),
        ("conv1", "text", "conv1"),
    ],
)
def test_a_value_is_written_in_the_form_of_its_column(value: object, form: str, text: str) -> None:
    assert show(value, form) == text  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ((1, 3, 12, 12), "1x3x12x12"),
        ((), "scalar"),
        ((N, 3, H, 8), "N x 3 x H x 8"),
        ((N, (H + 1) // 2), "N x ((H + 1)//2)"),
        ((N, TOKENS, 768), "N x tokens x 768"),
    ],
)
def test_extents_that_are_words_stand_apart(shape: tuple[int | Dim, ...], text: str) -> None:
    assert shape_text(Tensor(shape)) == text


def test_a_shape_that_is_not_known_is_a_question_mark() -> None:
    assert shape_text(UNKNOWN) == "?"


def test_several_shapes_are_told_apart() -> None:
    several = [Tensor((TOKENS, 4)), Tensor(()), UNKNOWN, Tensor((2, 3))]
    assert shapes_text(several) == "tokens x 4, scalar, ?, 2x3"
    assert shapes_text([]) == ""


LONG_EXTENT = (H + 1) // 2 + (TOKENS + 3) // 4 + (N + 5) // 6


def test_a_long_formula_says_what_it_depends_on() -> None:
    text = str(LONG_EXTENT)
    assert formula(LONG_EXTENT) == formula(LONG_EXTENT, len(text)) == text
    assert formula(LONG_EXTENT, len(text) - 1) == "ƒ(H, N, tokens)"
    assert formula(LONG_EXTENT * symbol("a") * symbol("b"), 10) == "ƒ(H, N, a, ...)"
    assert formula(12_345_678_901, 5) == "12345678901"  # a number stays


def test_a_brief_cell_keeps_what_is_short_in_it() -> None:
    assert shapes_text([Tensor((LONG_EXTENT, 4)), Tensor((N, 2 * H))], brief=True) == "ƒ(H, N, tokens) x 4, N x (2·H)"
    assert shapes_text([Tensor((1, at)) for at in range(11)], brief=True).endswith("1x6, 1x7, 3 more")
