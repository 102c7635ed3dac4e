"""Axes: where ticks stand and what they say."""

from __future__ import annotations

import pytest

from graphcost.page.scales import label, powers, step, values
from graphcost.table import Form


@pytest.mark.parametrize(
    ("span", "form", "expected"),
    [
        (0, "short", 1),
        (5, "short", 1),
        (6, "short", 2),
        (11, "short", 5),
        (26, "short", 10),
        (1728, "short", 500),
        (235_929_600, "short", 50_000_000),
        (5000, "bytes", 1024),
        (5121, "bytes", 2048),
    ],
)
def test_ticks_are_one_two_or_five_times_a_power_of_ten_and_of_bytes_powers_of_two(
    span: int, form: Form, expected: int
) -> None:
    assert step(span, form) == expected


@pytest.mark.parametrize(
    ("top", "form", "expected"),
    [
        (0, "short", [0, 1]),
        (9, "short", [0, 2, 4, 6, 8, 10]),
        (10, "short", [0, 2, 4, 6, 8, 10]),
        (3000, "bytes", [0, 1024, 2048, 3072]),
    ],
)
def test_an_axis_begins_at_zero_and_ends_at_the_first_tick_that_is_not_below_its_values(
    top: int, form: Form, expected: list[int]
) -> None:
    assert values(top, form) == expected


@pytest.mark.parametrize(
    ("value", "form", "expected"),
    [
        (0, "short", "0"),
        (250, "count", "250"),
        (1_500_000, "short", "1.5 M"),
        (64 * 1024, "bytes", "64 KiB"),
        (512, "bytes", "512 B"),
        (2.5e15, "short", "2.5 P"),
    ],
)
def test_a_tick_is_labelled_with_its_unit(value: float, form: Form, expected: str) -> None:
    assert label(value, form) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(2, 30, [1, 10, 100]), (10, 100, [10, 100]), (1, 1, [1, 10]), (0.05, 2, [0.01, 0.1, 1, 10])],
)
def test_a_logarithmic_axis_has_whole_powers_of_ten(low: float, high: float, expected: list[float]) -> None:
    assert powers(low, high) == pytest.approx(expected)
