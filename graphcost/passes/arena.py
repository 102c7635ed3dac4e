"""Where each buffer lies in one block of memory, so that those alive at the same time never overlap.

To place intervals of given sizes in the least memory is NP-complete (dynamic storage allocation), so several orders are
tried, by size as TensorFlow Lite does first, until one needs no more than is alive at the peak. Then those buffers that
lie too high are placed earlier, again and again. Effort is bounded by counts, never by a clock, so a plan is the same
on every machine. An arena's own bookkeeping is not known here.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from heapq import heappop, heappush
from itertools import product
from pathlib import Path
from typing import Any

from ..errors import ModelError
from ..files import write
from .buffers import Buffer

EFFORT = 4_000_000
"""Buffers looked at while others are placed, in all tries together: about a second."""
TRIES = 100
"""Times that the buffers which lie too high in a plan are placed earlier."""


@dataclass(frozen=True)
class Plan:
    """An arena: where each buffer lies in it."""

    buffers: tuple[Buffer, ...]
    offsets: tuple[int, ...]
    """In bytes, one for each buffer, multiples of `align`."""
    nbytes: int
    """The size of the arena."""
    lower_bound: int
    """What is alive at the peak, aligned: no arena is smaller."""
    align: int = 1
    steps: tuple[str, ...] = ()
    """The operators' names by step."""
    blobs: Mapping[str, str] = field(default_factory=dict)
    """What the file calls tensors that have a name of their own here."""

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """A row for each buffer in the order of their offsets; `pieces` says where in it slices of it begin."""
        order = sorted(range(len(self.buffers)), key=lambda at: (self.offsets[at], self.buffers[at].birth))
        return [self._row(self.buffers[at], self.offsets[at]) for at in order]

    def _row(self, buffer: Buffer, offset: int) -> dict[str, Any]:
        named = self.steps[buffer.birth : buffer.death + 1]
        return {
            "tensors": list(dict.fromkeys(self.blobs.get(name, name) for name in buffer.tensors)),
            "bytes": buffer.nbytes,
            "offset": offset,
            "first_step": buffer.birth,
            "last_step": buffer.death,
            "first": named[0] if named else "",
            "last": named[-1] if named else "",
            "pieces": dict(buffer.offsets),
        }

    def to_csv(self) -> str:
        """The rows as comma-separated values; several tensors in a cell stand apart by blanks."""
        import csv
        import io

        out = io.StringIO()
        keys = ("tensors", "bytes", "offset", "first_step", "last_step", "first", "last")
        writer = csv.DictWriter(out, keys, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, "tensors": " ".join(row["tensors"])} for row in self.rows)
        return out.getvalue()

    def to_json(self) -> str:
        """The size of the arena, what no arena can be below, the alignment and the rows."""
        import json

        head = {"bytes": self.nbytes, "lower_bound": self.lower_bound, "align": self.align}
        return json.dumps({**head, "buffers": self.rows}, indent=1) + "\n"

    def save(self, path: str | Path) -> None:
        """Write the plan as .csv or .json, whole or not at all. Raises ModelError for another suffix."""
        path = Path(path)
        makers: dict[str, Callable[[], str]] = {".csv": self.to_csv, ".json": self.to_json}
        if path.suffix.lower() not in makers:
            raise ModelError(str(path), "", f"a plan is .csv or .json, not {path.suffix or 'without a suffix'}")
        write(makers[path.suffix.lower()](), path)


def plan(
    buffers: Sequence[Buffer], align: int = 1, steps: Sequence[str] = (), blobs: Mapping[str, str] | None = None
) -> Plan:
    """Offsets that are multiples of `align` for buffers with births and deaths; `steps` names the operators, `blobs`
    has the names of tensors that the file calls otherwise.

    Raises ValueError for an alignment below 1.
    """
    if align < 1:
        raise ValueError(f"an alignment of {align} bytes cannot be")
    lower = lower_bound(buffers, align)
    offsets = _best(buffers, [_aligned(buffer.nbytes, align) for buffer in buffers], lower)
    return Plan(tuple(buffers), tuple(offsets), _height(buffers, offsets), lower, align, tuple(steps), blobs or {})


def _best(buffers: Sequence[Buffer], sizes: Sequence[int], lower: int) -> list[int]:
    """The best offsets found; the search ends when they need no more than `lower`."""
    neighbours = conflicts(buffers)
    if neighbours is None:
        return sweep(buffers, sizes)
    tries = max(1, EFFORT // max(sum(map(len, neighbours)) + len(buffers), 1))
    orders = [sorted(range(len(buffers)), key=lambda at: key(buffers[at])) for key in ORDERS]
    best: list[int] = []
    for repairs in (0, TRIES):
        for order, tight in product(orders, (False, True)):
            for _ in range(repairs + 1):
                if tries == 0:
                    return best
                tries -= 1
                offsets = place(sizes, order, neighbours, tight)
                if not best or _height(buffers, offsets) < _height(buffers, best):
                    best = offsets
                if _height(buffers, best) <= lower:
                    return best
                order = _high_first(order, [at for at in order if offsets[at] + buffers[at].nbytes > lower])
    return best


def _high_first(order: Sequence[int], high: Sequence[int]) -> list[int]:
    """An order with those buffers first that lay too high in it."""
    moved = set(high)
    return [*high, *(at for at in order if at not in moved)]


ORDERS: tuple[Callable[[Buffer], tuple[int, ...]], ...] = (
    lambda buffer: (-buffer.nbytes, buffer.birth),
    lambda buffer: (-buffer.nbytes * (buffer.death - buffer.birth + 1), buffer.birth),
    lambda buffer: (buffer.birth - buffer.death, -buffer.nbytes),
    lambda buffer: (buffer.birth, -buffer.nbytes),
    lambda buffer: (-buffer.death, -buffer.nbytes),
)
"""What is placed first: the large, the large and long-lived, the long-lived, the early, the late."""


def _height(buffers: Sequence[Buffer], offsets: Sequence[int]) -> int:
    return max((offset + buffer.nbytes for offset, buffer in zip(offsets, buffers, strict=True)), default=0)


def lower_bound(buffers: Sequence[Buffer], align: int = 1) -> int:
    """The peak in bytes, each buffer but one up to the next multiple of `align`."""
    peak = alive = at = 0
    dying = sorted(buffers, key=lambda buffer: buffer.death)
    slack: list[tuple[int, int]] = []  # what the alignment adds to a buffer, largest first, and its death
    for buffer in sorted(buffers, key=lambda buffer: buffer.birth):
        while dying[at].death < buffer.birth:
            alive -= _aligned(dying[at].nbytes, align)
            at += 1
        alive += _aligned(buffer.nbytes, align)
        heappush(slack, (buffer.nbytes - _aligned(buffer.nbytes, align), buffer.death))
        while slack[0][1] < buffer.birth:
            heappop(slack)
        peak = max(peak, alive + slack[0][0])
    return peak


def _aligned(nbytes: int, align: int) -> int:
    return -(-nbytes // align) * align


def place(sizes: Sequence[int], order: Sequence[int], conflicts: Sequence[Sequence[int]], tight: bool) -> list[int]:
    """Offsets when buffers are placed one after another where they fit between those placed before.

    `conflicts` are, for each buffer, those alive at some step that it is alive too. A buffer goes into the smallest gap
    that holds it when `tight`, else into the lowest; above all of them when there is none.
    """
    offsets = [-1] * len(sizes)
    for which in order:
        size = sizes[which]
        lowest, width, top = -1, -1, 0
        for start, number in sorted([(offsets[other], other) for other in conflicts[which] if offsets[other] >= 0]):
            gap = start - top
            if gap >= size and (width < 0 or gap < width):
                lowest, width = top, gap
                if not tight:
                    break
            top = max(top, start + sizes[number])
        offsets[which] = top if width < 0 else lowest
    return offsets


def conflicts(buffers: Sequence[Buffer]) -> list[list[int]] | None:
    """For each buffer those alive at some step that it is alive too; None when they are too many to look at twice."""
    result: list[list[int]] = [[] for _ in buffers]
    alive: list[int] = []
    pairs = 0
    for at in sorted(range(len(buffers)), key=lambda at: buffers[at].birth):
        birth = buffers[at].birth
        alive = [other for other in alive if buffers[other].death >= birth]
        pairs += 2 * len(alive)
        if pairs > EFFORT:
            return None
        result[at] = list(alive)
        for other in alive:
            result[other].append(at)
        alive.append(at)
    return result


def sweep(buffers: Sequence[Buffer], sizes: Sequence[int]) -> list[int]:
    """Offsets as an allocator gives them at run time: by birth, in the smallest gap that what has died leaves."""
    offsets = [0] * len(buffers)
    gaps: list[tuple[int, int]] = []  # starts and ends below `top`, in order, none touching another
    top = at = 0
    dying = sorted(range(len(buffers)), key=lambda which: buffers[which].death)
    for which in sorted(range(len(buffers)), key=lambda which: (buffers[which].birth, -sizes[which])):
        while buffers[dying[at]].death < buffers[which].birth:
            freed = dying[at]
            _free(gaps, offsets[freed], offsets[freed] + sizes[freed])
            at += 1
        size = sizes[which]
        fitting = [(end - start, start, end) for start, end in gaps if end - start >= size]
        if fitting:
            _, start, end = min(fitting)
            gaps.remove((start, end))
            if end - start > size:
                insort(gaps, (start + size, end))
        else:
            start = gaps.pop()[0] if gaps and gaps[-1][1] == top else top
            top = start + size
        offsets[which] = start
    return offsets


def _free(gaps: list[tuple[int, int]], start: int, end: int) -> None:
    """Add a gap, joined with those it touches."""
    if start == end:
        return
    at = bisect_left(gaps, (start, end))
    if at < len(gaps) and gaps[at][0] == end:
        end = gaps.pop(at)[1]
    if at and gaps[at - 1][1] == start:
        at -= 1
        start = gaps.pop(at)[0]
    gaps.insert(at, (start, end))
