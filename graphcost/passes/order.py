"""An order of execution with a lower peak, where there is one.

The bytes alive after a set of operators has run do not depend on the order in which they ran, so the lowest peak is the
lowest bottleneck on a path through such sets. Where all other operators are before or after one of them, the search
falls into parts. A part is searched best first, which is exact, as long as its sets are few; else only the most
promising sets of each size are followed. Effort is bounded by counts, never by a clock. How long the operators take in
one order or another is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise

from ..graph import Op
from .buffers import allocate, live_bytes
from .storage import Storage

MOST_STEPS = 20_000
"""A graph of more is left as it is, unless its order is plainly the best: sets of so many take too much room."""
MAX_EXPANSIONS = 200_000
"""Steps looked at in exact searches, of all parts together: about a second."""
WIDTH = 32
"""Sets of one size that are followed where they are too many."""
EFFORT = 10_000
"""Sets followed in all, where they are too many; at least one of each size is."""


@dataclass(frozen=True)
class Order:
    """An order of the outer graph's operators and what it saves."""

    schedule: tuple[Op, ...]
    """The file's own order unless another has a lower peak."""
    peak_bytes: int
    before_bytes: int
    """The peak in the order that was given."""
    exact: bool
    """Whether no order has a lower peak; otherwise none was found."""

    @property
    def saving(self) -> float:
        """The part of the peak that it saves."""
        return 1 - self.peak_bytes / self.before_bytes if self.before_bytes else 0.0


def search(storage: Storage, *others: Storage) -> Order:
    """The order with the lowest peak that is found; never worse than that of the steps in `storage`.

    `others` are what else the same steps may do to memory: an order is as good as the best of them.
    """
    order = list(range(len(storage.steps)))
    before = after = _peak(storage, order)
    exact, every = True, (storage, *others)
    for each in every:
        if (least := floor(each)) >= after:
            continue
        if len(order) > MOST_STEPS:
            exact = False
            continue
        graph = _Graph(each, least)
        found, complete = graph.solve(after)
        exact = exact and complete
        if found and (peak := _peak(each, graph.with_constants(found))) < after:
            order, after = graph.with_constants(found), peak
    schedule = tuple(storage.steps[number].row.op for number in order)
    return Order(schedule, after, before, exact or all(floor(each) >= after for each in every))


def floor(storage: Storage) -> int:
    """Bytes that are alive at the peak in whatever order: all inputs at the start, or what some step needs alone."""
    nbytes = [0 if block.external else block.nbytes for block in storage.alias_sets]
    most = sum(nbytes[block] for block in storage.inputs) if storage.steps else 0
    for step in storage.steps:
        needs = sum(nbytes[block] for block in (*step.reads, *step.defines)) + step.body_peak
        most = max(most, needs - (nbytes[step.defines[0]] if step.reuses else 0))
    return most


def _peak(storage: Storage, order: Sequence[int]) -> int:
    return max(live_bytes(allocate(storage, order), len(order)), default=0)


@dataclass(slots=True)
class _State:
    """A set of operators that have run."""

    mask: int
    ready: tuple[int, ...]
    """The operators that can run next."""
    alive: int
    """Bytes alive once they have run."""
    peak: int
    path: tuple[tuple[int, ...], _State] | None = None
    """The operators that ran since an earlier state, and that state."""

    def order(self) -> list[int]:
        """Every operator that ran, first to last."""
        parts: list[tuple[int, ...]] = []
        state: _State | None = self
        while state is not None and state.path is not None:
            parts.append(state.path[0])
            state = state.path[1]
        return [number for part in reversed(parts) for number in part]


def _members(bits: int) -> Iterator[int]:
    """The numbers in a set, smallest first."""
    while bits:
        yield (bits & -bits).bit_length() - 1
        bits &= bits - 1


class _Graph:
    """The steps that are no constants, numbered anew: sets of them are the bits of an integer."""

    def __init__(self, storage: Storage, least: int) -> None:
        self.storage = storage
        self.steps = [step for step in storage.steps if not step.row.constant]
        self.numbers = [number for number, step in enumerate(storage.steps) if not step.row.constant]
        self.count = len(self.steps)
        self.bytes = [0 if block.external else block.nbytes for block in storage.alias_sets]
        self.readers = [0] * len(storage.alias_sets)
        for at, step in enumerate(self.steps):
            for block in step.reads:
                self.readers[block] |= 1 << at
        for block in storage.outputs:
            self.readers[block] |= 1 << self.count  # a reader that never runs
        self.idle = sum(self.bytes[block] for block in storage.inputs if not self.readers[block])
        self.before = self._precedence()
        self.after: list[list[int]] = [[] for _ in self.steps]
        for at, earlier in enumerate(self.before):
            for other in earlier:
                self.after[other].append(at)
        self.needs = [sum(1 << other for other in earlier) for earlier in self.before]
        self.defines = [sum(self.bytes[block] for block in step.defines) for step in self.steps]
        self.freed = [sum(self.bytes[b] for b in step.defines if not self.readers[b]) for step in self.steps]
        self.reads = [[(self.readers[b], self.bytes[b]) for b in step.reads if self.bytes[b]] for step in self.steps]
        self.reuses = [
            (self.bytes[step.defines[0]], [self.readers[b] for b in step.reuses]) if step.reuses else (0, [])
            for step in self.steps
        ]
        self.body_peak = [step.body_peak for step in self.steps]
        self.expansions = 0
        self.least = least

    def _precedence(self) -> list[set[int]]:
        """The steps that must run before each: makers of what it reads, and readers of what it writes over."""
        maker = {name: at for at, step in enumerate(self.steps) for name in step.row.op.outputs if name}
        before = [{maker[name] for name in step.row.op.all_inputs if name in maker} for step in self.steps]
        for at, step in enumerate(self.steps):
            if step.row.op.in_place and step.reads:
                for other in _members(self.readers[step.reads[0]] & ~(1 << self.count)):
                    if other != at:
                        before[max(at, other)].add(min(at, other))
        return before

    def solve(self, most: int) -> tuple[list[int], bool]:
        """The steps in the order with the lowest peak found below `most`, and whether none is lower; [] for none."""
        everything = (1 << self.count) - 1
        sources = tuple(at for at in range(self.count) if not self.needs[at])
        state = _State(0, sources, sum(self.bytes[block] for block in self.storage.inputs), self.least)
        exact = True
        for _, end in pairwise([0, *self.cuts(), self.count]):
            goal = everything >> (self.count - end)
            result, complete = self.exact(state, goal, most)
            if result is None and not complete:
                exact, result = False, self.beam(state, goal, most)
            if result is None:
                return [], complete
            state = result
        return state.order(), exact

    def cuts(self) -> list[int]:
        """Positions up to which the steps have run, in whatever order, before any other of them does."""
        reach = [min(after, default=self.count) for after in self.after]
        back = [max(before, default=-1) for before in self.before]
        latest = [self.count] * (self.count + 1)
        for at in reversed(range(self.count)):
            latest[at] = min(latest[at + 1], back[at])
        found, furthest = [], -1
        for at in range(self.count):
            if furthest <= at and latest[at + 1] >= at:  # all before lead here, all after come from here
                found.append(at + 1)
            furthest = max(furthest, reach[at])
        return [cut for cut in found if cut < self.count]

    def run(self, state: _State, at: int) -> tuple[int, int]:
        """Bytes alive while a step runs, and after it."""
        self.expansions += 1
        left, bit = ~state.mask, 1 << at
        during = state.alive + self.defines[at]
        alive = during - self.freed[at] - (0 if state.mask else self.idle)
        for readers, nbytes in self.reads[at]:
            if readers & left == bit:
                alive -= nbytes
        saved, takes = self.reuses[at]
        for readers in takes:
            if readers & left == bit:
                during -= saved
                break
        return during + self.body_peak[at], alive

    def run_free_steps(self, state: _State, goal: int) -> list[int]:
        """Run whatever neither raises the peak nor leaves more alive: it can only help to do so at once."""
        ran: list[int] = []
        again = True
        while again:
            again = False
            for at in state.ready:
                if not goal >> at & 1:
                    continue
                during, alive = self.run(state, at)
                if during <= state.peak and alive <= state.alive:
                    state.mask, state.ready = self._advance(state, at)
                    state.alive = alive
                    ran.append(at)
                    again = True
                    break
        return ran

    def _advance(self, state: _State, at: int) -> tuple[int, tuple[int, ...]]:
        """What has run and what is ready after a step."""
        mask = state.mask | 1 << at
        fresh = [other for other in self.after[at] if not self.needs[other] & ~mask]
        rest = [other for other in state.ready if other != at]
        return mask, tuple(sorted(rest + fresh) if fresh else rest)

    def start(self, state: _State, goal: int) -> _State:
        """The beginning of a part."""
        first = _State(state.mask, state.ready, state.alive, state.peak)
        first.path = (tuple(self.run_free_steps(first, goal)), state)
        return first

    def next(self, state: _State, goal: int, most: int, met: dict[int, int]) -> Iterator[_State]:
        """The states one step further whose peak stays below `most`, and below that at which their set was met before.

        What can then run for nothing has run.
        """
        for at in state.ready:
            if goal >> at & 1:
                during, alive = self.run(state, at)
                peak, mask = max(state.peak, during), state.mask | 1 << at
                if peak < met.get(mask, most):
                    met[mask] = peak
                    after = _State(*self._advance(state, at), alive, peak)
                    after.path = ((at, *self.run_free_steps(after, goal)), state)
                    yield after

    def exact(self, state: _State, goal: int, most: int) -> tuple[_State | None, bool]:
        """The state of lowest peak below `most` in which `goal` has run, and whether the search came to an end."""
        first = self.start(state, goal)
        heap = [(first.peak, -first.mask.bit_count(), 0, first)]
        met: dict[int, int] = {}
        seen: dict[int, int] = {first.mask: first.peak}
        number = 0
        while heap:
            *_, state = heappop(heap)
            if state.mask == goal:
                return state, True
            if seen[state.mask] < state.peak:
                continue
            if self.expansions > MAX_EXPANSIONS:
                return None, False
            for after in self.next(state, goal, most, met):
                if after.peak < seen.get(after.mask, most):
                    seen[after.mask] = after.peak
                    number += 1
                    heappush(heap, (after.peak, -after.mask.bit_count(), number, after))
        return None, True

    def beam(self, state: _State, goal: int, most: int) -> _State | None:
        """The same, following only the states with the lowest peak, then the fewest bytes, among those of one size."""
        first = self.start(state, goal)
        done, end = first.mask.bit_count(), goal.bit_count()
        width = max(1, min(WIDTH, EFFORT // max(end - done, 1)))
        levels: dict[int, dict[int, _State]] = {done: {first.mask: first}}
        met: dict[int, int] = {}
        for size in range(done, end):
            level = levels.pop(size, {}).values()
            for each in sorted(level, key=lambda state: (state.peak, state.alive, state.mask))[:width]:
                for after in self.next(each, goal, most, met):
                    others = levels.setdefault(after.mask.bit_count(), {})
                    if after.mask not in others or after.peak < others[after.mask].peak:
                        others[after.mask] = after
        return levels.get(end, {}).get(goal)

    def with_constants(self, order: Sequence[int]) -> list[int]:
        """The numbers of all steps: constants stand before the first that reads them, those nobody reads at the end."""
        steps = self.storage.steps
        maker = {name: at for at, step in enumerate(steps) if step.row.constant for name in step.row.op.outputs if name}
        placed: dict[int, None] = {}

        def put(number: int) -> None:
            waiting = [number]
            while waiting:
                at = waiting[-1]
                missing = [
                    maker[name] for name in steps[at].row.op.all_inputs if name in maker and maker[name] not in placed
                ]
                if missing:
                    waiting += reversed(missing)
                else:
                    placed[waiting.pop()] = None

        for at in order:
            put(self.numbers[at])
        for number in range(len(steps)):
            if number not in placed:
                put(number)
        return list(placed)
