"""An order of execution with a lower peak, where there is one.

Where all other steps are before or after one of them, the graph falls into parts that are ordered one by one, the one
with the highest peak first: what stays below what another part needs anyhow is left as it is. The steps of a part are
gathered into tasks (order_tasks), and these are put in order (order_search). Effort is bounded by counts, never by a
clock. How long the operators take in one order or another is not known here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ..graph import Op
from .buffers import allocate, live_bytes
from .order_search import Effort, Problem
from .order_tasks import Cost, Operand, Tasks, cuts
from .storage import Step, Storage

MAX_EXPANSIONS = 100_000
"""Tasks looked at in all searches for one order."""
BEGINNINGS = 4
"""First steps that are tried where inputs that nobody reads are alive during the first."""
MAX_STEPS = 20_000
"""A part of more steps is left as it is: the sets of so many take too much memory."""


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
    expansions: int = field(default=0, compare=False)
    """How much was looked at: tasks, each after some set of others."""

    @property
    def saving(self) -> float:
        """The part of the peak that it saves."""
        return 1 - self.peak_bytes / self.before_bytes if self.before_bytes else 0.0


def search(storage: Storage, *others: Storage) -> Order:
    """The order with the lowest peak that is found; never worse than that of the steps in `storage`.

    `others` are what else the same steps may do to memory: an order is as good as the best of them.
    """
    order = list(range(len(storage.steps)))
    before = after = peak_of(storage, order)
    lower, effort = after, Effort(MAX_EXPANSIONS)
    for each in (storage, *others):
        bound = floor(each)
        if bound < after:
            graph = _Graph(each)
            steps, bound = graph.solve(bound, after, effort)
            for found in map(graph.with_constants, graph.beginnings(steps)):
                if (peak := peak_of(each, found)) < after:
                    order, after = found, peak
        lower = min(lower, bound)
    schedule = tuple(storage.steps[number].row.op for number in order)
    return Order(schedule, after, before, after <= lower, effort.expansions)


def floor(storage: Storage) -> int:
    """Bytes that are alive at the peak in whatever order: all inputs at the start, or what some step needs alone."""
    nbytes = _nbytes(storage)
    most = sum(nbytes[number] for number in storage.inputs) if storage.steps else 0
    for step in storage.steps:
        needs = sum(nbytes[number] for number in (*step.reads, *step.defines)) + step.body_peak
        most = max(most, needs - (nbytes[step.defines[0]] if step.reuses else 0))
    return most


def peak_of(storage: Storage, order: Sequence[int]) -> int:
    """The peak of the steps in some order."""
    return max(live_bytes(allocate(storage, order), len(order)), default=0)


def _nbytes(storage: Storage) -> list[int]:
    """Bytes of each alias set, none for one that is external."""
    return [0 if each.external else each.nbytes for each in storage.alias_sets]


def _readers(storage: Storage, steps: Sequence[Step]) -> list[list[int]]:
    """The steps that read each alias set."""
    readers: list[list[int]] = [[] for _ in storage.alias_sets]
    for at, step in enumerate(steps):
        for number in step.reads:
            readers[number].append(at)
    return readers


def precedence(storage: Storage) -> list[set[int]]:
    """For each step that is no constant those it waits for: makers of what it reads, and who reads what it rewrites."""
    steps = [step for step in storage.steps if not step.row.constant]
    number = {step.row.op: at for at, step in enumerate(steps)}
    preds = [{number[op] for op in storage.dag.pred[step.row.op] if op in number} for step in steps]
    for alias_set, readers in enumerate(_readers(storage, steps)):
        writer, since = -1, list[int]()  # who wrote the version of a blob last, and who has read it since
        for at in readers:
            if writer >= 0:
                preds[at].add(writer)
            if steps[at].row.op.in_place and steps[at].reads[0] == alias_set:
                preds[at].update(since)
                writer, since = at, []
            else:
                since.append(at)
    return preds


class _Graph:
    """The steps that are no constants, numbered anew in the order of the rows."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.numbers = [number for number, step in enumerate(storage.steps) if not step.row.constant]
        self.steps = [storage.steps[number] for number in self.numbers]
        self.nbytes = _nbytes(storage)
        self.readers = _readers(storage, self.steps)
        self.lasting = frozenset(storage.outputs)
        self.preds = precedence(storage)
        self.solved: dict[Hashable, tuple[int, list[int], int]] = {}
        """Peaks, orders and bounds of problems by their signatures, in bytes beside those alive before."""

    def solve(self, level: int, limit: int, effort: Effort) -> tuple[list[int], int]:
        """The steps in the best order found, and what no peak is below; `level` is a peak that cannot be avoided.

        An order whose peak is not below `limit` is of no use.
        """
        parts = self._parts()
        lower = worst = level
        for part in sorted(parts, key=lambda part: -part.peak):
            target = max(lower, worst)
            if part.peak <= target or worst >= limit:
                break
            lower = max(lower, self._solve_part(part, target, min(limit, part.peak), effort))
            worst = max(worst, part.peak)
        return [at for part in parts for at in part.order], lower

    def _parts(self) -> list[_Part]:
        """The graph cut where all steps before run before all behind, with the peaks they have in the given order."""
        during, alive = self._simulate()
        found = [0, *cuts(self.preds), len(self.steps)]
        return [
            _Part(begin, end, alive[begin], max(during[begin:end]), list(range(begin, end)))
            for begin, end in pairwise(found)
            if begin < end
        ]

    def _simulate(self) -> tuple[list[int], list[int]]:
        """Bytes alive during each step of the given order, and before each."""
        pending = [len(readers) + (number in self.lasting) for number, readers in enumerate(self.readers)]
        now = sum(self.nbytes[number] for number in self.storage.inputs if pending[number])
        during, before = [], []
        for step in self.steps:
            before.append(now)
            cost = self._cost(step)
            dies = any(pending[number] == 1 for number in step.reuses)
            during.append(now + cost.hill - (cost.saved if dies else 0))
            now += cost.net
            for number in step.reads:
                pending[number] -= 1
                now -= 0 if pending[number] else self.nbytes[number]
        return during, before

    def _cost(self, step: Step) -> Cost:
        made = sum(self.nbytes[number] for number in step.defines)
        kept = sum(self.nbytes[each] for each in step.defines if self.readers[each] or each in self.lasting)
        saved = self.nbytes[step.defines[0]] if step.reuses else 0
        return Cost(made + step.body_peak, kept, saved, step.reuses)

    def _solve_part(self, part: _Part, level: int, limit: int, effort: Effort) -> int:
        """Give a part the best order found, if that is below `limit`; what no peak of it is below, or `level`."""
        if part.end - part.begin > MAX_STEPS:
            return level
        tasks = self._tasks(part)
        problems = self._problems(tasks, part.alive, effort)
        lower = worst = level
        for problem in sorted(problems, key=lambda problem: -problem.best[0]):
            target = max(lower, worst)
            if problem.best[0] <= target or worst >= limit:
                break
            lower = max(lower, self._solve_problem(problem, target, limit))
            worst = max(worst, problem.best[0])
        worst = max(problem.best[0] for problem in problems)
        if worst < part.peak:
            part.peak = worst
            part.order = [
                part.begin + at for problem in problems for task in problem.order() for at in tasks.steps(task)
            ]
        return lower

    def _tasks(self, part: _Part) -> Tasks:
        """The steps of a part as tasks, gathered as far as can be."""
        steps = self.steps[part.begin : part.end]
        preds = [
            [at - part.begin for at in self.preds[step] if at >= part.begin] for step in range(part.begin, part.end)
        ]
        tensors = {}
        for number in dict.fromkeys(number for step in steps for number in step.reads):
            readers = self.readers[number]
            if self.nbytes[number] and number not in self.lasting and readers[-1] < part.end:
                inside = readers[bisect_left(readers, part.begin) :]
                tensors[number] = Operand(self.nbytes[number], tuple([at - part.begin for at in inside]))
        tasks = Tasks([self._cost(step) for step in steps], preds, tensors)
        tasks.gather()
        return tasks

    def _problems(self, tasks: Tasks, alive: int, effort: Effort) -> list[Problem]:
        """The parts that the tasks fall into."""
        problems = []
        for chosen in tasks.parts():
            problems.append(problem := Problem(tasks, chosen, alive, effort))
            alive = problem.alive_after
        return problems

    def _solve_problem(self, problem: Problem, level: int, limit: int) -> int:
        """Find the best order of a problem, or take that of one that was like it; what no peak is below, or `level`."""
        signature = problem.signature(level, limit)
        if signature in self.solved:
            peak, order, lower = self.solved[signature]
            problem.best = problem.alive + peak, order
            return problem.alive + lower
        lower = problem.solve(level, limit)
        self.solved[signature] = problem.best[0] - problem.alive, problem.best[1], lower - problem.alive
        return lower

    def beginnings(self, order: list[int]) -> list[list[int]]:
        """An order; and it with other steps as the first, where inputs that nobody reads are alive during that one."""
        unread = sum(self.nbytes[each] for each in self.storage.inputs if not self.readers[each])
        if not unread:
            return [order]
        free = [at for at, before in enumerate(self.preds) if not before]
        low = sorted(free, key=lambda at: self._cost(self.steps[at]).hill)[:BEGINNINGS]
        return [order, *([first, *(at for at in order if at != first)] for first in low)]

    def with_constants(self, order: Sequence[int]) -> list[int]:
        """The numbers of all steps: constants stand before the first that reads them, those nobody reads at the end."""
        steps, dag = self.storage.steps, self.storage.dag
        constant = {step.row.op: number for number, step in enumerate(steps) if step.row.constant}
        placed: dict[int, None] = {}
        for number in [*(self.numbers[at] for at in order), *constant.values()]:
            waiting = [number]
            while waiting:
                read = [constant[op] for op in dag.pred[steps[waiting[-1]].row.op] if op in constant]
                missing = [other for other in read if other not in placed]
                if missing:
                    waiting += reversed(missing)
                else:
                    placed[waiting.pop()] = None
        return list(placed)


@dataclass(slots=True)
class _Part:
    """Steps that run after all earlier and before all later ones."""

    begin: int
    end: int
    alive: int
    """Bytes alive before the first of them."""
    peak: int
    order: list[int]
