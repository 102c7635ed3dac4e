"""A runtime's operators -> groups of rows: by name, by the tensors of its optimised graph, and by what is between them.

What the runtime's graph still has by the name of the file is a fixed point: an operator that makes such a tensor ends
the rows that lead up to it. A row that has gone from the graph is part of the operator that does its work. An operator
that no row can be found for is listed; its time is given to nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..analysis import Analysis
from ..passes.timing import Group, Ran, Timing
from .names import Names, is_added

CONVERSIONS = ("Cast", "Transpose", "Identity", "Reshape")
"""Operators that runtimes add around others, as well as run for a row of their type."""


@dataclass(frozen=True, slots=True)
class RuntimeOp:
    """One operator that a runtime ran."""

    ran: Ran
    inputs: tuple[str, ...] = ()
    """Tensors of the runtime's graph; none where only names are known."""
    outputs: tuple[str, ...] = ()


def join(
    analysis: Analysis, ops: Sequence[RuntimeOp], source: str, *, run: Ran | None = None, notes: Sequence[str] = ()
) -> Timing:
    """The times of a runtime's operators as those of groups of rows.

    Two operators that are of the same row (a convolution in two parts) are both of its group.
    """
    joined = _Join(analysis, ops)
    groups = joined.groups()
    loose = [op for at, op in enumerate(ops) if at not in joined.members]
    added = [op.ran for op in loose if is_added(op.ran.name, op.ran.kind)]
    unjoined = [op.ran for op in loose if not is_added(op.ran.name, op.ran.kind)]
    untimed = [at for at in joined.candidates if at not in joined.owner]
    return Timing(source, groups, added, unjoined, run, untimed, notes)


class _Join:
    """Which operator of the runtime each row is part of."""

    def __init__(self, analysis: Analysis, ops: Sequence[RuntimeOp]) -> None:
        self.analysis = analysis
        self.ops = ops
        self.rows = analysis.rows
        self.names = Names(analysis.model, analysis.rows)
        self.owner: dict[int, int] = {}
        """The operator of each row."""
        self.same: dict[int, int] = {}
        """For a further operator of a row that has one already: that one."""
        self.maker = {name: at for at, op in enumerate(ops) for name in op.outputs if name}
        self.candidates = [at for at, row in enumerate(self.rows) if not row.constant and not row.op.is_call]
        self._by_name()
        if self.maker:
            self._by_tensor()
            self._parts()
            self._by_structure()
        else:
            self._by_fusion()
        self._bodies()

    @property
    def members(self) -> set[int]:
        """The operators that have rows."""
        return {*self.owner.values(), *self.same}

    def groups(self) -> list[Group]:
        """The rows of each operator, in the order of those that have their times."""
        members: dict[int, list[int]] = {}
        for row in sorted(self.owner):
            members.setdefault(self.owner[row], []).append(row)
        ran = {at: [self.ops[at].ran] for at in members}
        for at, first in self.same.items():
            ran[first].append(self.ops[at].ran)
        found = [Group(self._led(rows), tuple(ran[at])) for at, rows in members.items()]
        return sorted(found, key=lambda group: group.leader)

    def _led(self, rows: Sequence[int]) -> tuple[int, ...]:
        """Rows with the one that multiplies most first, and of equal ones the first."""
        leader = max(rows, key=lambda at: (self._macs(at), -at))
        return (leader, *(at for at in rows if at != leader))

    def _macs(self, at: int) -> int:
        work = self.rows[at].work
        return (self.analysis.evaluate(work.macs) or 0) if work is not None else 0

    def _by_name(self) -> None:
        for at, op in enumerate(self.ops):
            if is_added(op.ran.name, op.ran.kind):
                continue
            for row in self.names.find(op.ran.name):
                if row in self.owner:
                    self._unite(at, self.owner[row])
                else:
                    self.owner[row] = self.same.get(at, at)

    def _unite(self, at: int, other: int) -> None:
        """Two operators share a row: all of their rows are one group."""
        first, second = self.same.get(at, at), self.same.get(other, other)
        if first == second:
            return
        self.same = {key: second if value == first else value for key, value in self.same.items()} | {first: second}
        self.owner = {row: second if value == first else value for row, value in self.owner.items()}

    def _by_tensor(self) -> None:
        """Rows whose outputs an operator makes under their own names."""
        for at, op in enumerate(self.ops):
            for name in op.outputs:
                row = self.names.makers.get(name)
                if row is not None and row not in self.owner and self._may_make(op, row):
                    self.owner[row] = self.same.get(at, at)

    def _may_make(self, op: RuntimeOp, row: int) -> bool:
        """A conversion that the runtime added makes a tensor by the file's name, and does not do its row's work."""
        if op.ran.kind in CONVERSIONS:
            return self.rows[row].op.type == op.ran.kind
        return not is_added(op.ran.name, op.ran.kind)

    def _parts(self) -> None:
        """Operators that a row was taken apart into: what only one operator with rows reads is of its group."""
        readers: dict[str, set[int]] = {}
        for at, op in enumerate(self.ops):
            for name in op.inputs:
                readers.setdefault(name, set()).add(at)
        members = self.members
        for at in reversed(range(len(self.ops))):
            op = self.ops[at]
            made = any(name in self.names.makers for name in op.outputs)
            if at in members or made or is_added(op.ran.name, op.ran.kind):
                continue
            into = {reader for name in op.outputs for reader in readers.get(name, ())}
            if len(into) == 1 and into <= members:
                (reader,) = into
                self.same[at] = self.same.get(reader, reader)
                members.add(at)

    def _by_structure(self) -> None:
        """Rows that have gone from the runtime's graph: what made their operand does their work, or who reads it."""
        outer = [at for at in self.candidates if not self.rows[at].prefix]
        readers: dict[str, list[int]] = {}
        for at in outer:
            for name in self.rows[at].op.all_inputs:
                readers.setdefault(name, []).append(at)
        for at in outer:
            if at not in self.owner:
                self._take(at, [self._behind(name) for name in self.rows[at].op.outputs])
        for at in outer:
            if at not in self.owner and self._is_pointwise(at):
                self._take(at, self._producers(at, gone=True))
        for at in reversed(outer):
            if at not in self.owner:
                readers_of = [reader for name in self.rows[at].op.outputs for reader in readers.get(name, ())]
                self._take(at, [self.owner.get(reader) for reader in readers_of])
        for at in outer:
            if at not in self.owner:
                self._take(at, self._producers(at, gone=False))

    def _behind(self, name: str) -> int | None:
        """The operator whose result a conversion that the runtime added turns into this tensor."""
        at = self.maker.get(name)
        passed = []
        members = self.members
        while at is not None and at not in members and self._converts(self.ops[at]):
            passed.append(at)
            at = next((self.maker[each] for each in self.ops[at].inputs if each in self.maker), None)
        if at is None or at not in members:
            return None
        owner = self.same.get(at, at)
        for each in passed:
            if not is_added(self.ops[each].ran.name, self.ops[each].ran.kind):
                self.same[each] = owner  # it gives the operator's result the shape of the row's
        return owner

    def _converts(self, op: RuntimeOp) -> bool:
        return op.ran.kind in CONVERSIONS or is_added(op.ran.name, op.ran.kind)

    def _is_pointwise(self, at: int) -> bool:
        """Whether a row is of the kind that runtimes do at the end of the operator before it."""
        row = self.rows[at]
        facts = row.facts
        return facts is not None and not facts.window.kernel and facts.work is not None and facts.work.macs == 0

    def _producers(self, at: int, *, gone: bool) -> list[int | None]:
        """The operators of the rows that make its operands, the last one first: what is added up is added there.

        With `gone`, of operands that the graph has no more.
        """
        made = [name for name in self.rows[at].op.inputs if name in self.names.makers]
        kept = [name for name in made if not (gone and name in self.maker)]
        return [self.owner.get(maker) for maker in sorted((self.names.makers[name] for name in kept), reverse=True)]

    def _take(self, at: int, owners: Iterable[int | None]) -> None:
        owner = next((owner for owner in owners if owner is not None), None)
        if owner is not None:
            self.owner[at] = owner

    def _by_fusion(self) -> None:
        """Where only names are known: elementwise rows that are fused, and views, go with what makes their operand."""
        left = [at for at in self.candidates if at not in self.owner]
        fused = self.analysis.fusion.fused_into if left else {}
        for at in left:
            facts = self.rows[at].facts
            if at in fused:
                self._take(at, [self.owner.get(fused[at])])
            elif facts is not None and facts.is_view:
                self._take(at, self._producers(at, gone=False))

    def _bodies(self) -> None:
        """The rows in the body of a row that ran, which is where no time of theirs was measured."""
        owners = [(self.rows[at].name + "/", owner) for at, owner in self.owner.items() if self.rows[at].op.bodies]
        for at, row in enumerate(self.rows):
            if row.prefix and at not in self.owner:
                self._take(at, [owner for prefix, owner in owners if row.name.startswith(prefix)])
