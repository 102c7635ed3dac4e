"""Buffers: memory that alias sets occupy from one step to another, once the order of the steps is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import accumulate

import networkx as nx

from ..dims import Extent
from .storage import Step, Storage


@dataclass(slots=True)
class Buffer:
    """Memory that one tensor, or several that share it, occupy from `birth` to `death`, both steps of the schedule."""

    tensors: list[str]
    """In the order they are made; `loop/*` stands for all that lives inside an operator while it runs."""
    nbytes: int
    birth: int
    death: int
    size: Extent | None = None
    """Bytes as a formula where sizes are open; None when they are not known."""
    offsets: dict[str, int] = field(default_factory=dict)
    """Where slices begin in it, in bytes; only those that do not begin where it does."""
    may_lie_in: tuple[Buffer, ...] = ()
    """What the operator that makes it reads, when nobody knows whether it makes anew or passes on."""
    least: int | None = None
    """Bytes that are surely needed, where that is not all of them: in the bodies of an operator."""


def allocate(storage: Storage, order: Sequence[int] | None = None) -> list[Buffer]:
    """The buffers of a graph whose steps run in an order: that of the rows unless another is given."""
    allocation = _Allocation(storage)
    steps = storage.steps
    for number in storage.inputs:
        allocation.open(number, 0)
    for at, number in enumerate(range(len(steps)) if order is None else order):
        allocation.run(steps[number], at)
    last = max(len(steps) - 1, 0)
    for number in storage.outputs:
        allocation.holders[number].death = last
    for buffer in allocation.buffers if storage.offsets else ():
        buffer.offsets = {name: storage.offsets[name] for name in buffer.tensors if name in storage.offsets}
    return allocation.buffers


class _Allocation:
    """Buffers in the making, as the steps run one after another."""

    def __init__(self, storage: Storage) -> None:
        self.sets = storage.alias_sets
        self.pending = [each.readers for each in self.sets]
        """Readers of each alias set that have not run yet."""
        self.holders: dict[int, Buffer] = {}
        """The buffer that each alias set lies in."""
        self.buffers: list[Buffer] = []
        """Those that are not external, in the order of their births."""

    def open(self, number: int, birth: int) -> None:
        """A buffer of its own for an alias set."""
        alias_set = self.sets[number]
        self.holders[number] = buffer = Buffer(list(alias_set.tensors), alias_set.nbytes, birth, birth, alias_set.size)
        if not alias_set.external:
            self.buffers.append(buffer)

    def run(self, step: Step, at: int) -> None:
        """Run a step: what it reads lives until then, and its results get buffers, the first a dying operand's."""
        holders, pending = self.holders, self.pending
        for number in step.reads:
            holders[number].death = at
        dying = None
        for number in step.reuses:
            if pending[number] == 1:
                dying = number
                break
        for number in step.defines:
            if dying is None or number != step.defines[0]:
                self.open(number, at)
            else:
                holders[number] = holders[dying]
                holders[number].tensors += self.sets[number].tensors
        if step.row.facts is None or step.row.facts.work is None:
            sources = tuple([holders[number] for number in step.reads])
            for number in step.defines:
                holders[number].may_lie_in = sources
        for number in step.reads:
            pending[number] -= 1
        if step.body_peak:
            least = None if step.body_least == step.body_peak else step.body_least
            body = Buffer([f"{step.row.name}/*"], step.body_peak, at, at, step.body_peak, least=least)
            self.buffers.append(body)


def live_bytes(buffers: Iterable[Buffer], steps: int) -> list[int]:
    """Bytes alive at each of so many steps."""
    change = [0] * (steps + 2)
    for buffer in buffers:
        change[buffer.birth] += buffer.nbytes
        change[buffer.death + 1] -= buffer.nbytes
    return list(accumulate(change[:steps]))


def least_live_bytes(buffers: Sequence[Buffer], steps: int) -> list[int]:
    """Bytes alive at each of so many steps at least, whatever operators that nothing is known of share or pass on.

    Buffers that such operators tie together are a group: those of them that are surely apart count each, and of the
    others the largest, as far as it cannot lie in these.
    """
    change = [0] * (steps + 1)
    for group in _groups(buffers):
        before = 0
        for at, alive in _least_of(group):
            change[at] += alive - before
            before = alive
    return list(accumulate(change[:steps]))


def _groups(buffers: Sequence[Buffer]) -> Iterable[list[Buffer]]:
    """The buffers, those together of which one may lie in another."""
    ties = nx.utils.UnionFind(map(id, buffers))
    for buffer in buffers:
        ties.union(id(buffer), *[id(source) for source in buffer.may_lie_in])
    groups: dict[int, list[Buffer]] = {}
    for buffer in buffers:
        groups.setdefault(ties[id(buffer)], []).append(buffer)
    return groups.values()


def _least_of(group: Sequence[Buffer]) -> Iterator[tuple[int, int]]:
    """The steps at which a group changes, and the bytes that it needs at least from then on."""
    births = sorted(group, key=lambda each: each.birth, reverse=True)
    sure, doubtful = 0, list[tuple[int, int]]()
    deaths: Counter[int] = Counter()
    for at in sorted({each.birth for each in group} | {each.death + 1 for each in group}):
        sure -= deaths[at]
        while births and births[-1].birth == at:
            buffer = births.pop()
            if buffer.may_lie_in:
                heappush(doubtful, (-buffer.nbytes, buffer.death))
            else:
                needed = buffer.nbytes if buffer.least is None else buffer.least
                sure += needed
                deaths[buffer.death + 1] += needed
        while doubtful and doubtful[0][1] < at:
            heappop(doubtful)
        yield at, max(sure, -doubtful[0][0] if doubtful else 0)
