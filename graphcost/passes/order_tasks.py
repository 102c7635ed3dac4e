"""Tasks: steps that some best order runs in one go, so that fewer are left to be put in order.

A task's live bytes swell to a hill and end at a net change. What it frees may depend on the order: a tensor whose last
readers may come in any order is contested, and whichever of them runs last frees it. Three rules gather tasks, and none
makes the lowest peak higher:

* A task that waits for one other only, stays below its hill and leaves no more alive follows it at once.
* A task that one other only waits for, stays below its hill and leaves no less alive is put off until just before it.
* Chains of tasks between the same neighbours that contest nothing, or the same at their ends, run in one order: first
  what leaves less alive, the lowest hill first; then the rest, what ends furthest below its hill first.

So a series-parallel graph becomes one task (Abdel-Wahab and Kameda, "Scheduling to minimize maximum cumulative cost
subject to series-parallel precedence constraints", 1978; Liu, "An application of generalized tree pebbling to sparse
matrix factorization", 1987). Identical chains can change places, so they advance one behind the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import pairwise
from typing import NamedTuple

SCANS = 8
"""Neighbours looked at for each step while tasks are gathered; those that are left then stay as they are."""
NARROW = 8
"""Neighbours of a task that is worth another look whenever one of them changes."""


class Stage(NamedTuple):
    """What a task does up to a place where it may free something contested, in bytes beside those alive before."""

    hill: int
    """The most that is alive meanwhile."""
    low_hill: int
    """The same when one of `reuses` dies here, and its memory is reused."""
    net: int
    """What is alive more at the end, if nothing contested is freed."""
    reuses: tuple[int, ...] = ()
    frees: tuple[int, ...] = ()
    """Contested tensors that are freed at the end, if this is their last reader; those of `reuses` are among them."""


Stages = tuple[Stage, ...]
MAX_STAGES = 8
"""Stages of a task at most: more are slow to look at."""
Members = int | tuple["Members", "Members"]
"""A step, or steps that run one after the other."""


class Cost(NamedTuple):
    """What a step does to memory, in bytes beside those alive before, if it were the last reader of nothing."""

    hill: int
    """The most that is alive meanwhile."""
    net: int
    """What is alive more at the end."""
    saved: int = 0
    """What is alive less meanwhile if it is the last reader of one of `reuses`."""
    reuses: tuple[int, ...] = ()
    """Tensors by number."""


class Operand(NamedTuple):
    """A tensor that is freed by its last reader."""

    nbytes: int
    readers: tuple[int, ...]
    """The steps that read it."""


class Tasks:
    """The tasks of a graph, called by the number of one of their steps; steps are numbered in a topological order."""

    def __init__(self, costs: Sequence[Cost], preds: Sequence[Collection[int]], tensors: Mapping[int, Operand]) -> None:
        """Every step is a task of its own; `preds` are the steps that it waits for."""
        above = ancestors(preds)
        self.nbytes: dict[int, int] = {}
        self.readers: dict[int, set[int]] = {}
        """Who may be the last to read what is contested; tensors that the same tasks read are one there."""
        freed, contested, group_of = self._last_readers(len(costs), tensors, above)
        self.stages: dict[int, Stages] = {
            step: (_stage(cost, freed[step], contested[step], group_of),) for step, cost in enumerate(costs)
        }
        self.members: dict[int, Members] = {step: step for step in self.stages}
        self.preds = {step: _without_shortcuts(before, above) for step, before in enumerate(preds)}
        self.succs: dict[int, set[int]] = {step: set() for step in self.stages}
        for step, before in self.preds.items():
            for other in before:
                self.succs[other].add(step)
        self.scans = 0
        self.max_scans = SCANS * (len(costs) + sum(map(len, preds))) + 20_000

    def _last_readers(
        self, count: int, tensors: Mapping[int, Operand], above: Sequence[int]
    ) -> tuple[list[dict[int, int]], list[tuple[int, ...]], dict[int, int]]:
        """For each step the tensors that it frees for sure, with their bytes, and the groups of the contested that it
        may free; and the group that each contested tensor is in.
        """
        freed: list[dict[int, int]] = [{} for _ in range(count)]
        contested: list[list[int]] = [[] for _ in range(count)]
        group_of: dict[int, int] = {}
        groups: dict[tuple[int, ...], int] = {}
        for tensor, (nbytes, readers) in tensors.items():
            last = last_readers(readers, above)
            if len(last) == 1:
                freed[last[0]][tensor] = nbytes
                continue
            group = groups.setdefault(tuple(last), len(groups))
            group_of[tensor] = group
            self.nbytes[group] = self.nbytes.get(group, 0) + nbytes
        for readers, group in groups.items():
            self.readers[group] = set(readers)
            for step in readers:
                contested[step].append(group)
        return freed, list(map(tuple, contested)), group_of

    def gather(self) -> None:
        """Apply the rules until none applies, or the effort is spent."""
        changed: Collection[int] = list(self.stages)
        while changed and self.scans < self.max_scans:
            self.merge_neighbours(changed)
            changed = self.order_chains()

    def parts(self) -> list[list[int]]:
        """The tasks in a topological order, cut where all before run before all behind, in whatever order.

        What is contested is then so within a part: where there are later readers the earlier ones free nothing.
        """
        order = self.topological()
        place = {task: at for at, task in enumerate(order)}
        found = [0, *cuts([[place[other] for other in self.preds[task]] for task in order]), len(order)]
        parts = [order[begin:end] for begin, end in pairwise(found)]
        part_of = {task: number for number, part in enumerate(parts) for task in part}
        earlier: dict[int, list[int]] = {}
        for tensor, readers in self.readers.items():
            last = max(map(part_of.__getitem__, readers), default=0)
            for task in readers:
                if part_of[task] < last:
                    earlier.setdefault(task, []).append(tensor)
        for task, tensors in earlier.items():
            self.give_up(task, frozenset(tensors))
        return parts

    def give_up(self, task: int, tensors: Collection[int]) -> None:
        """Note that a task is not the last reader of some of what is contested."""
        self.stages[task] = _compressed([_without(stage, tensors) for stage in self.stages[task]])
        settled: dict[int, list[int]] = {}
        for tensor in tensors:
            readers = self.readers[tensor]
            readers.discard(task)
            if len(readers) == 1:
                settled.setdefault(readers.pop(), []).append(tensor)
        for last, freed in settled.items():
            self.stages[last] = _compressed([self.settled(stage, freed) for stage in self.stages[last]])

    def topological(self) -> list[int]:
        """The tasks in a topological order that is near to that of their numbers."""
        waiting = {task: len(before) for task, before in self.preds.items()}
        ready = [task for task, count in waiting.items() if not count]
        heapify(ready)
        order = []
        while ready:
            order.append(task := heappop(ready))
            for other in self.succs[task]:
                waiting[other] -= 1
                if not waiting[other]:
                    heappush(ready, other)
        return order

    def steps(self, task: int) -> list[int]:
        """The steps of a task as they run."""
        found, stack = [], [self.members[task]]
        while stack:
            top = stack.pop()
            if isinstance(top, int):
                found.append(top)
            else:
                stack += reversed(top)
        return found

    # --- neighbours ---------------------------------------------------------------------------------------------------

    def merge_neighbours(self, changed: Iterable[int]) -> None:
        """Merge tasks that run one right after the other, as long as there are any near those that changed."""
        stack = list(changed)
        wide: set[int] = set()
        while (stack or wide) and self.scans < self.max_scans:
            if not stack:
                stack = self.neighbours(wide)
                wide = set()
                continue
            task = stack.pop()
            if task in self.stages and (merged := self.merge_with_neighbour(task)) is not None:
                stack.append(merged)
                if len(self.preds[merged]) + len(self.succs[merged]) <= NARROW:
                    stack += self.neighbours([merged])
                else:
                    wide.add(merged)

    def neighbours(self, tasks: Iterable[int]) -> list[int]:
        found = [other for task in tasks if task in self.stages for other in (*self.preds[task], *self.succs[task])]
        self.scans += len(found)
        return found

    def merge_with_neighbour(self, task: int) -> int | None:
        """The task that this one and its only neighbour before or behind have become; None when they stay apart."""
        preds, succs = self.preds[task], self.succs[task]
        for first, second in ((only(preds), task), (task, only(succs))):
            if first is not None and second is not None and (stages := self.joined(first, second)):
                return self.merge(first, second, stages)
        return None

    def joined(self, first: int, second: int) -> Stages | None:
        """The stages of two neighbours as one task, None when the lowest peak might be higher then."""
        stages = self.stages[first] + self.stages[second]
        self.scans += 1 + sum(len(stage.frees) for stage in stages)
        if len(stages) > MAX_STAGES:
            return None
        one, two = self.resolved(first, second)
        hill, net = highest(one)
        next_hill, next_net = highest(two)
        if len(self.preds[second]) == 1 and next_net <= 0 and next_hill <= hill - net:
            return _compressed(one + two)
        least_net = net - sum(self.nbytes[tensor] for tensor in contests(one))
        if len(self.succs[first]) == 1 and least_net >= 0 and self.drop(one) <= self.lowest_hill(two):
            return _compressed(one + two)
        return None

    def resolved(self, first: int, second: int) -> tuple[Stages, Stages]:
        """The stages of two tasks when the second runs after the first, which decides who frees what both read."""
        one, two = self.stages[first], self.stages[second]
        if not contests(two):
            return one, two
        later = contests(one) & contests(two)
        settled = frozenset(tensor for tensor in contests(two) if self.readers[tensor] <= {first, second})
        one = tuple([_without(stage, later) for stage in one])
        return one, tuple([self.settled(stage, settled) for stage in two])

    def settled(self, stage: Stage, tensors: Collection[int]) -> Stage:
        """A stage that is sure to be the last reader of some tensors."""
        freed = [tensor for tensor in stage.frees if tensor in tensors]
        if not freed:
            return stage
        net = stage.net - sum(self.nbytes[tensor] for tensor in freed)
        rest = _without(stage, tensors)
        if any(tensor in tensors for tensor in stage.reuses):
            return rest._replace(hill=stage.low_hill, low_hill=stage.low_hill, net=net, reuses=())
        return rest._replace(net=net)

    def drop(self, stages: Stages) -> int:
        """The furthest that a task can end below its hill."""
        drop = change = 0
        for stage in reversed(stages):
            change += stage.net - sum(self.nbytes[tensor] for tensor in stage.frees)
            drop = max(drop, stage.low_hill - change)
        return drop

    def lowest_hill(self, stages: Stages) -> int:
        """The lowest that the hill of a task can be."""
        hill = change = 0
        for stage in stages:
            hill = max(hill, change + stage.low_hill)
            change += stage.net - sum(self.nbytes[tensor] for tensor in stage.frees)
        return hill

    def merge(self, first: int, second: int, stages: Stages) -> int:
        """Make one task of two; it is called as the one with more neighbours."""
        size = {task: len(self.preds[task]) + len(self.succs[task]) for task in (first, second)}
        kept, gone = (first, second) if size[first] >= size[second] else (second, first)
        self.members[kept] = (self.members[first], self.members[second])
        self.unlink(first, second)
        for other in self.preds.pop(gone):
            self.succs[other].discard(gone)
            self.link(other, kept)
        for other in self.succs.pop(gone):
            self.preds[other].discard(gone)
            self.link(kept, other)
        for task in (first, second):
            for tensor in contests(self.stages[task]):
                self.readers[tensor].discard(task)
        del self.stages[gone]
        self.stages[kept] = stages
        for tensor in contests(stages):
            self.readers[tensor].add(kept)
        self.drop_shortcuts(kept)
        return kept

    def link(self, first: int, second: int) -> None:
        self.succs[first].add(second)
        self.preds[second].add(first)

    def unlink(self, first: int, second: int) -> None:
        self.succs[first].discard(second)
        self.preds[second].discard(first)

    def drop_shortcuts(self, task: int) -> None:
        """Forget edges of a task that a path over one other task stands for, where that is quick to see."""
        preds, succs = self.preds[task], self.succs[task]
        if len(succs) <= NARROW:
            for other in [each for each in succs if len(self.preds[each]) <= NARROW]:
                if not succs.isdisjoint(self.preds[other]):
                    self.unlink(task, other)
        if len(preds) <= NARROW:
            for other in [each for each in preds if len(self.succs[each]) <= NARROW]:
                if not preds.isdisjoint(self.succs[other]):
                    self.unlink(other, task)

    # --- chains -------------------------------------------------------------------------------------------------------

    def chains(self, among: Iterable[int]) -> Iterator[list[int]]:
        """Tasks one after another with no other neighbours between, as many as can be; the first is `among` some."""
        for start in among:
            preds = self.preds[start]
            if len(preds) == 1 and len(self.succs[next(iter(preds))]) == 1:
                continue
            chain, succs = [start], self.succs[start]
            while len(succs) == 1 and len(self.preds[following := next(iter(succs))]) == 1:
                chain.append(following)
                succs = self.succs[following]
            yield chain

    def order_chains(self) -> list[int]:
        """Put chains that stand between the same neighbours in order, as far as that can be told; what changed."""
        changed: list[int] = []
        for chains in self.parallel_chains():
            others: list[list[int]] = []
            sortable: dict[frozenset[int], list[list[int]]] = {}
            for chain in chains:
                if self.is_sortable(chain):
                    sortable.setdefault(contests(self.stages[chain[-1]]), []).append(chain)
                else:
                    others.append(chain)
            for group in sortable.values():
                changed += self.interleave(group) if len(group) > 1 else []
            changed += self.line_up(others)
        return changed

    def is_sortable(self, chain: Sequence[int]) -> bool:
        """Whether what a chain does to memory is the same in every order, save what it may free at its end."""
        *inner, last = [self.stages[task] for task in chain]
        steady = not any(stage.reuses for stage in last) and highest(last)[0] == self.lowest_hill(last)
        return steady and all(map(is_plain, inner))

    def parallel_chains(self) -> list[list[list[int]]]:
        """Chains that stand between the same neighbours, where there are several."""
        near: dict[tuple[int, ...], list[list[int]]] = {}
        for chain in self.chains(list(self.stages)):
            preds, succs = self.preds[chain[0]], self.succs[chain[-1]]
            near.setdefault((len(preds), len(succs), sum(preds), sum(succs)), []).append(chain)
            self.scans += len(chain) + len(preds) + len(succs)
        between: dict[object, list[list[int]]] = {}
        for chains in near.values():
            for chain in chains if len(chains) > 1 else ():
                ends = frozenset(self.preds[chain[0]]), frozenset(self.succs[chain[-1]])
                between.setdefault(ends, []).append(chain)
        return [chains for chains in between.values() if len(chains) > 1]

    def interleave(self, chains: Sequence[Sequence[int]]) -> list[int]:
        """Make one chain of several; [] where the rules have not been applied so far that it can be told how."""
        place = {task: at for chain in chains for at, task in enumerate(chain)}
        order = sorted(place, key=lambda task: (*rank(self.stages[task]), place[task]))
        met: dict[int, int] = {}
        number = {task: which for which, chain in enumerate(chains) for task in chain}
        for task in order:
            if met.get(number[task], 0) != place[task]:
                return []
            met[number[task]] = place[task] + 1
        preds, succs = list(self.preds[chains[0][0]]), list(self.succs[chains[0][-1]])
        for chain in chains:
            self.isolate(chain, preds, succs)
        for first, second in pairwise(order):
            self.link(first, second)
        for other in preds:
            self.link(other, order[0])
        for other in succs:
            self.link(order[-1], other)
        for chain in chains:
            if chain[-1] != order[-1] and (tensors := contests(self.stages[chain[-1]])):
                self.give_up(chain[-1], tensors)
        return order

    def isolate(self, chain: Sequence[int], preds: Iterable[int], succs: Iterable[int]) -> None:
        """Take all edges from a chain."""
        for first, second in pairwise(chain):
            self.unlink(first, second)
        for other in preds:
            self.unlink(other, chain[0])
        for other in succs:
            self.unlink(chain[-1], other)

    def line_up(self, chains: Iterable[Sequence[int]]) -> list[int]:
        """Let identical chains advance one behind the other; the tasks of those that do."""
        alike: dict[object, list[Sequence[int]]] = {}
        for chain in chains:
            alike.setdefault(tuple([self.stages[task] for task in chain]), []).append(chain)
        changed: list[int] = []
        for group in alike.values():
            for leader, follower in pairwise(group):
                self.follow(leader, follower)
                changed += leader
            changed += group[-1] if len(group) > 1 else ()
        return changed

    def follow(self, leader: Sequence[int], follower: Sequence[int]) -> None:
        """Let each task of a chain wait for the one that stands where it does in another chain."""
        for other in list(self.preds[follower[0]]):
            self.unlink(other, follower[0])
        for other in list(self.succs[leader[-1]]):
            self.unlink(leader[-1], other)
        for first, second in zip(leader, follower, strict=True):
            self.link(first, second)
            if tensors := contests(self.stages[first]):
                self.give_up(first, tensors)


def only(tasks: Collection[int]) -> int | None:
    """The task that is the only one of its kind, None where there are more or none."""
    return next(iter(tasks)) if len(tasks) == 1 else None


def is_plain(stages: Stages) -> bool:
    """Whether what a task does to memory is the same in every order."""
    return len(stages) == 1 and not stages[0].frees


def rank(stages: Stages) -> tuple[int, int]:
    """The place of a task among those that it can change places with."""
    hill, net = highest(stages)
    return (0, hill) if net <= 0 else (1, net - hill)


def highest(stages: Stages) -> tuple[int, int]:
    """The hill and the net change of a task that frees nothing contested."""
    hill = net = 0
    for stage in stages:
        hill = max(hill, net + stage.hill)
        net += stage.net
    return hill, net


def cuts(preds: Sequence[Collection[int]]) -> list[int]:
    """Positions in a topological order before which all run, in whatever order, before any of those behind begins."""
    count = len(preds)
    first_reader = [count] * count
    for at, before in enumerate(preds):
        for other in before:
            first_reader[other] = min(first_reader[other], at)
    waits_from = [count] * (count + 1)
    for at in reversed(range(count)):
        waits_from[at] = min(waits_from[at + 1], max(preds[at], default=-1))
    found, furthest = [], -1
    for at in range(count - 1):
        if furthest <= at <= waits_from[at + 1]:  # all before lead here, all after come from here
            found.append(at + 1)
        furthest = max(furthest, first_reader[at])
    return found


def ancestors(preds: Sequence[Collection[int]]) -> list[int]:
    """For each task of a topological order all that run before it, a set as the bits of an integer."""
    found: list[int] = []
    for before in preds:
        above = 0
        for other in before:
            above |= found[other] | 1 << other
        found.append(above)
    return found


def last_readers(readers: Sequence[int], above: Sequence[int]) -> list[int]:
    """Those of some readers after which none of the others has to run."""
    if len(readers) == 1:
        return list(readers)
    earlier = 0
    for step in readers:
        earlier |= above[step]
    return [step for step in readers if not earlier >> step & 1]


def _without_shortcuts(before: Collection[int], above: Sequence[int]) -> set[int]:
    """Those of the tasks that one waits for after which it waits for no other."""
    if len(before) == 1:
        return set(before)
    earlier = 0
    for other in before:
        earlier |= above[other]
    return {other for other in before if not earlier >> other & 1}


NOTHING: frozenset[int] = frozenset()


def _stage(cost: Cost, freed: Mapping[int, int], contested: tuple[int, ...], group_of: Mapping[int, int]) -> Stage:
    """What a step does that frees some tensors for sure, and groups of the contested if it is their last reader."""
    net = cost.net - sum(freed.values())
    if any(tensor in freed for tensor in cost.reuses):
        return Stage(cost.hill - cost.saved, cost.hill - cost.saved, net, (), contested)
    groups = dict.fromkeys(group_of.get(tensor, -1) for tensor in cost.reuses)
    reuses = tuple([group for group in groups if group in contested])
    return Stage(cost.hill, cost.hill - cost.saved if reuses else cost.hill, net, reuses, contested)


def contests(stages: Stages) -> frozenset[int]:
    """What a task may free of the contested."""
    if len(stages) == 1 and not stages[0].frees:
        return NOTHING
    return frozenset([tensor for stage in stages for tensor in stage.frees])


def _without(stage: Stage, tensors: Collection[int]) -> Stage:
    """A stage that is not the last reader of some tensors."""
    if not any(tensor in tensors for tensor in stage.frees):
        return stage
    reuses = tuple([tensor for tensor in stage.reuses if tensor not in tensors])
    frees = tuple([tensor for tensor in stage.frees if tensor not in tensors])
    return Stage(stage.hill, stage.low_hill if reuses else stage.hill, stage.net, reuses, frees)


def _compressed(stages: Iterable[Stage]) -> Stages:
    """Fewer stages for the same: one that frees nothing contested is part of the next."""
    found: list[Stage] = []
    for stage in stages:
        if found and not found[-1].frees:
            before = found.pop()
            hill = max(before.hill, before.net + stage.hill)
            low_hill = max(before.hill, before.net + stage.low_hill)
            stage = Stage(hill, low_hill, before.net + stage.net, stage.reuses, stage.frees)
        found.append(stage)
    return tuple(found)
