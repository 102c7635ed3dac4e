"""The search for the order of tasks with the lowest peak: best first, which is exact as long as it comes to an end.

The bytes alive after a set of tasks has run do not depend on the order in which they ran, so the lowest peak is the
lowest bottleneck on a path through such sets. Where those are too many, list schedules give an order, and the most
promising sets of each size are followed as far as the effort reaches. Effort is counted, never timed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from heapq import heappop, heappush
from itertools import pairwise, takewhile
from operator import xor

from .order_copies import Copies
from .order_tasks import Tasks, contests, is_plain, rank

HEAVY = 1000
"""Tasks among which an expansion takes twice as long as among few, and counts as two; so for a hundredth of copies."""
WIDTH = 32
"""Sets of one size that are followed at most where they are too many."""


Priority = Callable[[int, int, int], tuple[int, ...]]
"""What a task is ordered by: its hill, its net change, and how many had run when it was ready."""


@dataclass(slots=True)
class Effort:
    """How much a search may do, and how much it has done."""

    limit: int
    """In expansions: tasks looked at, each after some set of others has run."""
    expansions: int = 0

    @property
    def left(self) -> int:
        return self.limit - self.expansions


@dataclass(slots=True)
class State:
    """A set of tasks that have run, as the bits of an integer."""

    done: int
    ready: int
    """The tasks that can run next."""
    alive: int
    """Bytes alive once they have run."""
    peak: int
    high: tuple[tuple[int, int], ...] = ()
    """Hills of tasks that were ready and leave no more alive, but would have raised the peak: a heap."""
    path: tuple[tuple[int, ...], State] | None = None
    """The tasks that ran since an earlier state, and that state."""

    def order(self) -> list[int]:
        """Every task that ran, first to last."""
        parts: list[tuple[int, ...]] = []
        state: State | None = self
        while state is not None and state.path is not None:
            parts.append(state.path[0])
            state = state.path[1]
        return [task for part in reversed(parts) for task in part]


class Problem:
    """Tasks to be put in order, which run after all earlier and before all later ones; numbered anew from 0."""

    def __init__(self, tasks: Tasks, chosen: Sequence[int], alive: int, effort: Effort) -> None:
        """`chosen` are the tasks in a topological order, `alive` the bytes alive before the first of them."""
        place = {task: at for at, task in enumerate(chosen)}
        self.names = sorted(chosen, key=lambda task: (*rank(tasks.stages[task]), place[task]))
        self.tasks = tasks
        self.alive = alive
        self.effort = effort
        self.number = number = {task: at for at, task in enumerate(self.names)}
        self.preds = [[number[other] for other in tasks.preds[task] if other in number] for task in self.names]
        self.succs = [[number[other] for other in tasks.succs[task] if other in number] for task in self.names]
        self.stages = [tasks.stages[task] for task in self.names]
        self.plain = [(own[0].hill, own[0].net) if is_plain(own) else None for own in self.stages]
        self.contested = [contests(own) for own in self.stages]
        frees = sum(map(len, self.contested))
        self.weight = 1 + len(self.names) // HEAVY + frees // (16 * len(self.names))
        """What looking at a task counts: large sets, and what frees much that is contested, take longer."""
        self.nbytes = {tensor: tasks.nbytes[tensor] for own in self.contested for tensor in own}
        self.readers = {tensor: [number[task] for task in tasks.readers[tensor]] for tensor in self.nbytes}
        self.alive_after = alive + sum(stage.net for own in self.stages for stage in own) - sum(self.nbytes.values())
        """Bytes alive when all have run: each contested tensor is freed once."""
        self.best = self.schedule(PRIORITIES[0])
        """The lowest peak found, and the order that has it."""

    def order(self) -> list[int]:
        """The tasks by their names in the best order found."""
        return [self.names[task] for task in self.best[1]]

    def signature(self, level: int, limit: int) -> Hashable:
        """The same for problems that have the same solutions."""
        index: dict[int, int] = {}
        stages = [
            tuple([(*stage[:3], _named(stage.reuses, index), _named(stage.frees, index)) for stage in own])
            for own in self.stages
        ]
        tensors = [(self.nbytes[tensor], *sorted(self.readers[tensor])) for tensor in index]
        preds = [tuple(sorted(before)) for before in self.preds]
        return tuple(stages), tuple(tensors), tuple(preds), self.alive - level, limit - level

    def solve(self, level: int, limit: int) -> int:
        """Look for a better order: a peak of `level` is good enough, and one of `limit` is of no use.

        Returns what no peak is below, or `level` where that is more.
        """
        for priority in PRIORITIES[1:]:
            self.best = min(self.best, self.schedule(priority), key=lambda found: found[0])
            if self.best[0] <= level:
                return level
        limit = min(limit, self.best[0])
        if self.effort.left < 2 * self.weight * len(self.names):
            return level  # too little to come to any end
        found, lower = self.best_first(level, limit)
        if found is None and lower < limit:
            found = self.beam(level, limit)
        if found is not None:
            self.best = found.peak, found.order()
        return lower

    # --- sets of tasks, as the bits of an integer ---------------------------------------------------------------------

    @cached_property
    def everything(self) -> int:
        return (1 << len(self.names)) - 1

    @cached_property
    def needs(self) -> list[int]:
        """The tasks that each waits for."""
        return list(map(_bits, self.preds))

    @cached_property
    def reader_sets(self) -> dict[int, int]:
        """The readers of each contested tensor."""
        return {tensor: _bits(readers) for tensor, readers in self.readers.items()}

    @cached_property
    def copies(self) -> Copies:
        """Branches that are identical."""
        copies = Copies(self.preds, self.stages, self.readers)
        self.weight += sum(map(len, copies.groups)) * 100 // HEAVY
        return copies

    @cached_property
    def tails(self) -> list[int]:
        """Groups of tasks of which those that are ready can change places; the best has the lowest number."""
        groups = _tails(self.tasks, self.number)
        return [_bits(self.number[task] for task in group) for group in groups]

    def start(self, level: int) -> State:
        """Nothing has run but what can run for nothing."""
        ready = _bits(task for task, before in enumerate(self.preds) if not before)
        first = State(0, ready, self.alive, level)
        after = State(0, ready, self.alive, level)
        after.path = (tuple(self.run_free_tasks(after, list(_members(ready)))), first)
        return after

    def run(self, state: State, task: int) -> tuple[int, int]:
        """Bytes alive while a task runs, and after it."""
        self.effort.expansions += self.weight
        if (plain := self.plain[task]) is not None:
            return state.alive + plain[0], state.alive + plain[1]
        left, bit, alive, during = ~state.done, 1 << task, state.alive, 0
        for stage in self.stages[task]:
            dies = any(self.reader_sets[tensor] & left == bit for tensor in stage.reuses)
            during = max(during, alive + (stage.low_hill if dies else stage.hill))
            alive += stage.net
            for tensor in stage.frees:
                if self.reader_sets[tensor] & left == bit:
                    alive -= self.nbytes[tensor]
        return during, alive

    def advance(self, state: State, task: int) -> list[int]:
        """Note that a task has run; the tasks that are ready now, or leave less alive than before."""
        bit = 1 << task
        state.done |= bit
        state.ready &= ~bit
        left = ~state.done
        changed = [other for other in self.succs[task] if not self.needs[other] & left]
        for other in changed:
            state.ready |= 1 << other
        if self.plain[task] is None:
            for tensor in self.contested[task]:
                rest = self.reader_sets[tensor] & left
                if rest and not rest & (rest - 1) and rest & state.ready:
                    changed.append(rest.bit_length() - 1)
        return changed

    def run_free_tasks(self, state: State, changed: list[int]) -> list[int]:
        """Run what neither raises the peak nor leaves more alive: it can only help to do so at once.

        `changed` are the tasks that were not looked at since they are ready, or leave less alive than before.
        """
        ran: list[int] = []
        high = list(state.high)
        while changed or (high and state.alive + high[0][0] <= state.peak):
            task = changed.pop() if changed else heappop(high)[1]
            if not state.ready >> task & 1:
                continue
            during, alive = self.run(state, task)
            if alive <= state.alive and during <= state.peak:
                state.alive = alive
                changed += self.advance(state, task)
                ran.append(task)
            elif alive <= state.alive:
                heappush(high, (during - state.alive, task))
        state.high = tuple(high)
        return ran

    def next(self, state: State, limit: int, met: dict[int, int]) -> Iterator[State]:
        """The states one task further whose peak is below `limit`, and below that at which their set was met before.

        What can then run for nothing has run. Of the ends of chains that could be put in order only the first runs.
        """
        ready = state.ready
        for group in self.tails:
            if (rest := ready & group) & (rest - 1):
                ready ^= rest & (rest - 1)
        ready = self.copies.first_of_each(state.done, ready)
        for task in _members(ready):
            during, alive = self.run(state, task)
            peak, done = max(state.peak, during), state.done | 1 << task
            if peak < met.get(done, limit):
                met[done] = peak
                after = State(state.done, state.ready, alive, peak, state.high)
                ran = self.run_free_tasks(after, self.advance(after, task))
                after.path = ((task, *ran), state)
                yield after

    def best_first(self, level: int, limit: int) -> tuple[State | None, int]:
        """The state of the lowest peak below `limit` in which all have run, and what no peak is below.

        There is no such state where no order is that low, or where half the effort that was left is spent.
        """
        stop = self.effort.expansions + self.effort.left // 2
        first = self.start(level)
        heap = [(first.peak, -first.done.bit_count(), 0, first)]
        met: dict[int, int] = {}
        key = self.copies.key
        seen: dict[Hashable, int] = {key(first.done): first.peak}
        number = 0
        while heap:
            *_, state = heappop(heap)
            if state.done == self.everything:
                return state, state.peak
            if seen[key(state.done)] < state.peak:
                continue
            if self.effort.expansions > stop:
                return None, state.peak
            for after in self.next(state, limit, met):
                if after.peak < seen.get(name := key(after.done), limit):
                    seen[name] = after.peak
                    number += 1
                    heappush(heap, (after.peak, -after.done.bit_count(), number, after))
        return None, limit

    def beam(self, level: int, limit: int) -> State | None:
        """A state in which all have run, following only the sets with the lowest peak, then the fewest bytes alive.

        Every size gets its part of the effort that is left; None where that is spent, or no order found is that low.
        """
        first = self.start(level)
        begin, end = first.done.bit_count(), len(self.names)
        key = self.copies.key
        levels: dict[int, dict[Hashable, State]] = {begin: {key(first.done): first}}
        met: dict[int, int] = {}
        for size in range(begin, end):
            states = sorted(levels.pop(size, {}).values(), key=lambda state: (state.peak, state.alive, state.done))
            stop = self.effort.expansions + self.effort.left // (end - size)
            for state in states[:WIDTH]:
                for after in self.next(state, limit, met):
                    others, name = levels.setdefault(after.done.bit_count(), {}), key(after.done)
                    if name not in others or after.peak < others[name].peak:
                        others[name] = after
                if self.effort.left <= 0:
                    return None
                if self.effort.expansions > stop:
                    break
        return levels.get(end, {}).get(key(self.everything))

    # --- list schedules -----------------------------------------------------------------------------------------------

    def schedule(self, priority: Priority) -> tuple[int, list[int]]:
        """The peak of an order, and the order: of the tasks that are ready always the first by a priority runs."""
        waiting = list(map(len, self.preds))
        contested = Contest(self.readers)
        changed = [task for task, count in enumerate(waiting) if not count]
        heap: list[tuple[tuple[int, ...], int]] = []
        order: dict[int, None] = {}
        alive = peak = self.alive
        while changed or heap:
            for task in changed:
                hill, net = self.plain[task] or self.cost(task, contested)
                heappush(heap, (priority(hill, net, len(order)), task))
            self.effort.expansions += len(changed)
            changed = []
            if (task := heappop(heap)[1]) in order:
                continue  # it stood there twice, for its cost had changed
            hill, net = self.plain[task] or self.cost(task, contested)
            peak, alive = max(peak, alive + hill), alive + net
            order[task] = None
            if self.plain[task] is None:
                changed += [other for other in contested.run(self.contested[task], task) if not waiting[other]]
            for other in self.succs[task]:
                waiting[other] -= 1
                if not waiting[other]:
                    changed.append(other)
        return peak, list(order)

    def cost(self, task: int, contested: Contest) -> tuple[int, int]:
        """The hill and the net change of a task, as far as the readers of what is contested have run."""
        hill = net = 0
        for stage in self.stages[task]:
            dies = any(contested.left[tensor] == 1 for tensor in stage.reuses)
            hill = max(hill, net + (stage.low_hill if dies else stage.hill))
            net += stage.net
            for tensor in stage.frees:
                if contested.left[tensor] == 1:
                    net -= self.nbytes[tensor]
        return hill, net


class Contest:
    """How many readers of each contested tensor have not run."""

    def __init__(self, readers: Mapping[int, Collection[int]]) -> None:
        self.left = {tensor: len(tasks) for tensor, tasks in readers.items()}
        self.mixed = {tensor: reduce(xor, tasks, 0) for tensor, tasks in readers.items()}
        """The numbers of those readers in one: when only one is left, its own."""

    def run(self, tensors: Iterable[int], task: int) -> list[int]:
        """Note that a reader has run; those that are the only one left for something now."""
        found = []
        for tensor in tensors:
            self.left[tensor] -= 1
            self.mixed[tensor] ^= task
            if self.left[tensor] == 1:
                found.append(self.mixed[tensor])
        return found


def _small_first(hill: int, net: int, turn: int) -> tuple[int, ...]:
    """The least that is left alive."""
    return (0, hill) if net <= 0 else (1, net, hill)


def _ranked(hill: int, net: int, turn: int) -> tuple[int, ...]:
    """The order that is the best for chains side by side."""
    return (0, hill) if net <= 0 else (1, net - hill)


def _newest_first(hill: int, net: int, turn: int) -> tuple[int, ...]:
    """Depth first: what has become ready last."""
    return (0, hill) if net <= 0 else (1, -turn, net - hill)


PRIORITIES: tuple[Priority, ...] = (_ranked, _newest_first, _small_first)


def _tails(tasks: Tasks, chosen: Collection[int]) -> list[list[int]]:
    """Groups of tasks on chains that end before the same tasks and contest nothing, or the same at their ends.

    Those of a group that are ready can change places, whatever else runs.
    """
    groups: dict[Hashable, list[list[int]]] = {}
    for chain in tasks.chains(chosen):
        plain = list(takewhile(lambda task: task in chosen and is_plain(tasks.stages[task]), reversed(chain[:-1])))
        tail = [*reversed(plain), chain[-1]]
        ranks = [rank(tasks.stages[task]) for task in tail]
        if chain[-1] in chosen and tasks.is_sortable(tail) and all(a <= b for a, b in pairwise(ranks)):
            ends = frozenset(tasks.succs[chain[-1]]), contests(tasks.stages[chain[-1]])
            groups.setdefault(ends, []).append(tail)
    return [[task for chain in chains for task in chain] for chains in groups.values() if len(chains) > 1]


def _bits(numbers: Iterable[int]) -> int:
    """A set of numbers as the bits of an integer."""
    found = 0
    for number in numbers:
        found |= 1 << number
    return found


def _members(bits: int) -> Iterator[int]:
    """The numbers in a set, smallest first."""
    while bits:
        yield (bits & -bits).bit_length() - 1
        bits &= bits - 1


def _named(tensors: Iterable[int], index: dict[int, int]) -> tuple[int, ...]:
    """Numbers of tensors in the order in which they are met."""
    return tuple([index.setdefault(tensor, len(index)) for tensor in tensors])
