"""Two sequences beside each other: their longest common subsequence, and the longest increasing one of pairs.

The first by Myers' greedy search (An O(ND) Difference Algorithm and Its Variations, 1986): it takes time that grows
with the number of differences, which of two versions of a network are few.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Sequence

Pair = tuple[int, int]
MOST_DIFFERENCES = 400
"""Elements of one sequence that are not in the other, up to which the search goes on: 80,000 steps."""


def align(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[Pair]:
    """Pairs of positions of equal elements, both increasing: as many as there can be while differences are few."""
    start, end = _ends(old, new)
    inner_old, inner_new = old[start : len(old) - end], new[start : len(new) - end]
    inner = _greedy(inner_old, inner_new)
    if inner is None:
        inner = _by_occurrence(inner_old, inner_new)
    shift = len(new) - len(old)
    head = [(at, at) for at in range(start)]
    tail = [(at, at + shift) for at in range(len(old) - end, len(old))]
    return [*head, *[(a + start, b + start) for a, b in inner], *tail]


def _ends(old: Sequence[Hashable], new: Sequence[Hashable]) -> Pair:
    """How many elements are equal at the beginning, and how many of the others at the end."""
    shorter = min(len(old), len(new))
    start = 0
    while start < shorter and old[start] == new[start]:
        start += 1
    end = 0
    while end < shorter - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return start, end


def _greedy(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[Pair] | None:
    """The longest common subsequence; None when there are too many differences to find it."""
    if not old or not new:
        return []
    furthest = {1: 0}
    trace = []
    for differences in range(min(len(old) + len(new), MOST_DIFFERENCES) + 1):
        trace.append(dict(furthest))
        for diagonal in range(-differences, differences + 1, 2):
            down = diagonal == -differences or (
                diagonal != differences and furthest[diagonal - 1] < furthest[diagonal + 1]
            )
            a = furthest[diagonal + 1] if down else furthest[diagonal - 1] + 1
            b = a - diagonal
            while a < len(old) and b < len(new) and old[a] == new[b]:
                a, b = a + 1, b + 1
            furthest[diagonal] = a
            if a >= len(old) and b >= len(new):
                return _walk_back(trace, len(old), len(new))
    return None


def _walk_back(trace: list[dict[int, int]], a: int, b: int) -> list[Pair]:
    """The equal elements on the way that the search took, from its end."""
    pairs = []
    for differences in range(len(trace) - 1, -1, -1):
        furthest, diagonal = trace[differences], a - b
        down = diagonal == -differences or (diagonal != differences and furthest[diagonal - 1] < furthest[diagonal + 1])
        before = diagonal + 1 if down else diagonal - 1
        a_before = furthest[before]
        b_before = a_before - before
        while a > max(a_before, 0) and b > max(b_before, 0) and differences >= 0:
            a, b = a - 1, b - 1
            pairs.append((a, b))
        a, b = a_before, b_before
    return pairs[::-1]


def _by_occurrence(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[Pair]:
    """Elements that stand equally often in both, the first with the first, the second with the second, in order."""
    count_old, count_new = Counter(old), Counter(new)
    seen = Counter[Hashable]()
    places: dict[tuple[Hashable, int], int] = {}
    for at, element in enumerate(new):
        places[element, seen[element]] = at
        seen[element] += 1
    seen.clear()
    pairs = []
    for at, element in enumerate(old):
        if count_old[element] == count_new[element]:
            pairs.append((at, places[element, seen[element]]))
        seen[element] += 1
    return increasing(pairs)


def increasing(pairs: Sequence[Pair]) -> list[Pair]:
    """The longest part of pairs, which are in order of their first number, whose second numbers increase too."""
    ends: list[int] = []  # the least last number of an increasing part of each length
    at_end: list[int] = []
    before: list[int] = []
    for at, (_, b) in enumerate(pairs):
        length = bisect_left(ends, b)
        before.append(at_end[length - 1] if length else -1)
        if length == len(ends):
            ends.append(b)
            at_end.append(at)
        else:
            ends[length], at_end[length] = b, at
    found = []
    at = at_end[-1] if at_end else -1
    while at >= 0:
        found.append(pairs[at])
        at = before[at]
    return found[::-1]
