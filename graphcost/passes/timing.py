"""Times that were measured, as data: what a runtime reported, and which rows of an analysis each figure is of.

A runtime runs an optimised graph: one of its operators does the work of several rows. Such rows are a group with one
time, which is never spread about. How times are measured, read and joined is the business of `timing/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Ran:
    """What was measured of one operator of the runtime, in seconds a forward run."""

    name: str
    kind: str
    seconds: float
    """The median over the runs, or whatever figure a file states."""
    low: float | None = None
    """The 10th percentile; None where a file states one figure alone."""
    high: float | None = None
    """The 90th percentile."""
    fastest: float | None = None

    @property
    def spread(self) -> float | None:
        """Half the way from the 10th to the 90th percentile, as a share of the median."""
        if self.low is None or self.high is None or not self.seconds:
            return None
        return (self.high - self.low) / 2 / self.seconds


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that ran together, the one with the most multiply-accumulates first, and the operators that ran them."""

    rows: tuple[int, ...]
    ran: tuple[Ran, ...]

    @property
    def leader(self) -> int:
        return self.rows[0]

    @property
    def seconds(self) -> float:
        return sum(each.seconds for each in self.ran)

    @property
    def fastest(self) -> float:
        """The sum of the fastest runs; of what states one figure, that."""
        return sum(each.seconds if each.fastest is None else each.fastest for each in self.ran)

    @property
    def spread(self) -> float | None:
        """That of all of its operators, as a share of their time; None where it is not known."""
        spreads = [None if each.spread is None else each.spread * each.seconds for each in self.ran]
        known = [spread for spread in spreads if spread is not None]
        return sum(known) / self.seconds if self.seconds and len(known) == len(spreads) else None


@dataclass
class Timing:
    """The times of one forward run, joined to the rows of an analysis."""

    source: str
    """What measured: `onnxruntime 1.20.0, CPUExecutionProvider, 2 threads, 51 runs`, or a file."""
    groups: Sequence[Group]
    """In the order of their leaders."""
    added: Sequence[Ran] = ()
    """Operators that the runtime added, such as conversions of a layout: they are of no row."""
    unjoined: Sequence[Ran] = ()
    """What was measured and could not be joined to any row."""
    run: Ran | None = None
    """The whole run by the clock, without a profiler; None where only operators were measured."""
    untimed: Sequence[int] = ()
    """Rows that should have a time and have none."""
    notes: Sequence[str] = field(default_factory=tuple)

    @cached_property
    def group_of(self) -> dict[int, Group]:
        """The group of each row that ran."""
        return {at: group for group in self.groups for at in group.rows}

    @cached_property
    def leaders(self) -> dict[int, Group]:
        """The groups by the row that has their time."""
        return {group.leader: group for group in self.groups}

    @cached_property
    def untimed_rows(self) -> frozenset[int]:
        """The same as a set."""
        return frozenset(self.untimed)

    @property
    def operators(self) -> float:
        """Seconds of all operators together, those that are of no row too."""
        parts = [group.seconds for group in self.groups]
        return sum(parts) + sum(each.seconds for each in (*self.added, *self.unjoined))

    @property
    def fastest(self) -> float:
        """The sum of the operators' fastest runs: a run that nothing disturbs, but for what is between them."""
        loose = (*self.added, *self.unjoined)
        return sum(group.fastest for group in self.groups) + sum(each.fastest or each.seconds for each in loose)

    @property
    def seconds(self) -> float:
        """Seconds of a forward run: by the clock where that was measured, else the sum of the operators."""
        return self.run.seconds if self.run is not None else self.operators
