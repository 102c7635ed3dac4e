"""What is said of many measurements of one thing: the median, how far they spread, and the fastest."""

from __future__ import annotations

from collections.abc import Sequence

from ..passes.timing import Ran


def summarise(name: str, kind: str, times: Sequence[float]) -> Ran:
    """Seconds of one operator in each run -> the median, the 10th and the 90th percentile, and the fastest."""
    ordered = sorted(times)
    return Ran(name, kind, at(ordered, 0.5), at(ordered, 0.1), at(ordered, 0.9), ordered[0])


def at(ordered: Sequence[float], share: float) -> float:
    """The value below which a share of the sorted values lies, between two of them in proportion."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
