"""Amounts with units."""

from __future__ import annotations

from fractions import Fraction

import pytest

from graphcost import ModelError, units


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("4.2G", "short", 4_200_000_000),
        ("10k", "count", 10_000),
        ("1_000", "count", 1000),
        ("1e3", "count", 1000),
        (12, "count", 12),
        (0.5, "ratio", Fraction(1, 2)),
        ("256KiB", "bytes", 256 * 1024),
        ("1.5 MiB", "bytes", 3 * 512 * 1024),
        ("256kB", "bytes", 256_000),
        ("1M", "bytes", 1_000_000),
        ("33ms", "time", Fraction(33, 1000)),
        ("10us", "time", Fraction(1, 100_000)),
        ("2%", "share", 2),
        ("0.5", "share", Fraction(1, 2)),
    ],
)
def test_an_amount_is_read_exactly(text: str | float, form: str, expected: int | Fraction) -> None:
    assert units.amount(text, form) == expected


@pytest.mark.parametrize(
    ("text", "form", "reason"),
    [
        ("4.2X", "short", "no unit 'X' in '4.2X'; there are k, K, M"),
        ("1KIB", "bytes", "no unit 'KIB' in '1KIB'; did you mean KiB, kB"),
        ("1MiB", "count", "no unit 'MiB'"),
        ("-1", "count", "is no amount of 0 or more, as in 4.2G"),
        ("", "bytes", "as in 256KiB"),
        ("1" * 200, "count", "is no amount"),
        ("nan", "count", "is no amount"),
        ("1e999", "count", "is no amount"),
        (-3, "count", "less than 0|no amount"),
    ],
)
def test_anything_else_is_refused_with_what_there_is(text: str | int, form: str, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        units.amount(text, form, "--max")


def test_a_size_is_a_whole_number_of_bytes() -> None:
    assert units.size("1.5KiB", "--ram") == 1536
    with pytest.raises(ModelError, match="no whole number of bytes"):
        units.size("1.3", "--ram")
