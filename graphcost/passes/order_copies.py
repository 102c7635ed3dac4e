"""Copies: branches of a problem that are identical, so that sets of tasks which differ by which has run are the same.

Branches are what falls apart when the task that all others lead to is taken away. Two are copies when their tasks, in
the order of their numbers, do the same to memory and wait for each other in the same way.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .order_tasks import Stages


@dataclass
class Branch:
    """A branch, and how far it has got in the sets of tasks that were met."""

    bits: int
    """Its tasks, a set as the bits of an integer."""
    tasks: Sequence[int]
    known: dict[int, int] = field(default_factory=dict)

    def progress(self, done: int) -> int:
        """Which of its tasks are among some, the same number for all copies that have got as far."""
        own = done & self.bits
        if own not in self.known:
            self.known[own] = sum(1 << at for at, task in enumerate(self.tasks) if own >> task & 1)
        return self.known[own]


class Copies:
    """Groups of branches that are identical."""

    def __init__(
        self, preds: Sequence[Collection[int]], stages: Sequence[Stages], readers: Mapping[int, Collection[int]]
    ) -> None:
        groups: dict[Hashable, list[Branch]] = {}
        branches = _branches(preds)
        for tasks in branches if len(branches) > 1 else ():
            signature = _signature(tasks, preds, stages, readers)
            groups.setdefault(signature, []).append(Branch(sum(1 << task for task in tasks), tasks))
        self.groups = [group for group in groups.values() if len(group) > 1 and len(group[0].tasks) > 1]
        self.all = 0
        for group in self.groups:
            for branch in group:
                self.all |= branch.bits

    def key(self, done: int) -> Hashable:
        """The same for all sets of tasks that only differ by which of the copies has run."""
        if not self.groups:
            return done
        progress = [tuple(sorted([branch.progress(done) for branch in group])) for group in self.groups]
        return (done & ~self.all, *progress)

    def first_of_each(self, done: int, ready: int) -> int:
        """Those of the tasks that are ready that do not belong to a copy of a branch that has got as far."""
        for group in self.groups:
            met: set[int] = set()
            for branch in group:
                if ready & branch.bits:
                    progress = branch.progress(done)
                    if progress in met:
                        ready &= ~branch.bits
                    met.add(progress)
        return ready


def _branches(preds: Sequence[Collection[int]]) -> list[list[int]]:
    """The tasks of each branch in the order of their numbers."""
    last = set(range(len(preds))).difference(*preds)
    root = list(range(len(preds)))

    def find(task: int) -> int:
        while root[task] != task:
            root[task] = task = root[root[task]]
        return task

    for task, before in enumerate(preds):
        for other in before if task not in last or len(last) > 1 else ():
            root[find(other)] = find(task)
    branches: dict[int, list[int]] = {}
    for task in range(len(preds)):
        if task not in last or len(last) > 1:
            branches.setdefault(find(task), []).append(task)
    return list(branches.values())


def _signature(
    tasks: Sequence[int],
    preds: Sequence[Collection[int]],
    stages: Sequence[Stages],
    readers: Mapping[int, Collection[int]],
) -> Hashable:
    """What makes a branch the same as another."""
    place = {task: at for at, task in enumerate(tasks)}
    own: dict[int, int] = {}

    def named(tensors: Iterable[int]) -> list[int]:
        """Numbers of tensors: negative ones in the order in which they are met where only this branch reads them."""
        return [
            -1 - own.setdefault(each, len(own)) if all(task in place for task in readers[each]) else each
            for each in tensors
        ]

    return tuple(
        (
            tuple((*stage[:3], *named(stage.reuses), None, *named(stage.frees)) for stage in stages[task]),
            tuple(sorted(place[other] for other in preds[task])),
        )
        for task in tasks
    )
