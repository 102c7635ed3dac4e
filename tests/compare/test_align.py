"""Longest common subsequences and longest increasing parts, against dynamic programming."""

from __future__ import annotations

import random

import pytest

from graphcost.compare import align as aligning
from graphcost.compare.align import align, increasing


def longest_common(old: str, new: str) -> int:
    """By the textbook's table."""
    row = [0] * (len(new) + 1)
    for a in old:
        before = row[:]
        for at, b in enumerate(new, 1):
            row[at] = before[at - 1] + 1 if a == b else max(before[at], row[at - 1])
    return row[-1]


@pytest.mark.parametrize("seed", range(300))
def test_a_common_subsequence_is_as_long_as_can_be(seed: int) -> None:
    chance = random.Random(seed)
    old, new = ("".join(chance.choices("abc", k=chance.randrange(12))) for _ in range(2))
    pairs = align(old, new)
    assert all(old[a] == new[b] for a, b in pairs)
    assert pairs == sorted(pairs) and [b for _, b in pairs] == sorted({b for _, b in pairs})
    assert len(pairs) == longest_common(old, new)


def test_sequences_with_too_many_differences_are_aligned_by_what_stands_equally_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(aligning, "MOST_DIFFERENCES", 3)
    assert align("1a23b45", "6a78b9") == [(1, 1), (4, 4)]


@pytest.mark.parametrize("seed", range(50))
def test_the_longest_increasing_part_is_the_common_subsequence_with_the_sorted_one(seed: int) -> None:
    numbers = random.Random(seed).sample(range(9), 9)
    pairs = increasing(list(enumerate(numbers)))
    assert [b for _, b in pairs] == sorted(b for _, b in pairs)
    assert len(pairs) == longest_common("".join(map(str, numbers)), "012345678")
