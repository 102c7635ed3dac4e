"""The charts of one analysis: which there are, what each measures, what it shows in words, and what scripts draw by.

Where marks stand is decided in one place, templates/plots.js, since a reader can choose other sizes and measures; the
words are for readers without scripts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log
from typing import Any

from .. import times
from ..analysis import Analysis
from ..columns import Column, find
from ..dims import Dim
from ..passes.roofline import Roofline
from ..printable import printable
from ..table import Value, counted, show
from .kinds import KINDS, kind
from .measured import Layer, Measured

MAX_GROUPS = 12
"""Operator types or scopes that are named; the rest is summed."""
MAX_NAMED = 6
"""Tensors named beside the peak of the memory."""
OPEN = "Nothing to draw until the symbolic dimensions have values: set them under Input sizes above, or with --dim."


@dataclass(frozen=True)
class Figure:
    """A chart that scripts draw."""

    key: str
    title: str
    words: str
    """What it shows, in a sentence."""
    measure: str = ""
    """The key of the column it shows; "" where that is no column."""
    choice: str = ""
    """The title of that column where a reader can choose another, "" where it is the chart's subject."""
    wide: bool = False


@dataclass(frozen=True)
class Live:
    """The tensors that are live at the peak of the memory."""

    tensors: tuple[tuple[str, str], ...] = ()
    """Names and bytes, largest first."""
    others: str = ""


class Charts:
    """The charts of one analysis."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._measured: dict[str, Measured] = {}

    @property
    def measure(self) -> Column:
        """What the cost of a layer is: MACs, or operations in a network that has none."""
        return find("macs" if self.measured("macs").total != 0 else "ops")

    def measured(self, key: str) -> Measured:
        """Every row by a column that has a total."""
        if key not in self._measured:
            column, analysis = find(key), self.analysis
            total = self._number(column.total(analysis)) if column.total is not None else None
            layers = [
                Layer(index, row, self._number(column.value(analysis, index)))
                for index, row in enumerate(analysis.rows)
            ]
            self._measured[key] = Measured(column, layers, total)
        return self._measured[key]

    def _number(self, value: Value) -> int | None:
        """A value under what is assumed; None where it is not known, or a size that matters is open."""
        return self.analysis.evaluate(value) if isinstance(value, (int, Dim)) else None

    @property
    def figures(self) -> list[Figure]:
        """The charts in their order, without those that would have nothing to show."""
        shares = self._scopes_figure or self._weights_figure
        every = [self._cost, self._roofline, self._parameters, self._memory, self._types, shares]
        return [figure for figure in every if figure is not None]

    @property
    def _cost(self) -> Figure:
        column = self.measure
        words = self._bars_in_words(self.measured(column.key))
        return Figure("cost", "Cost by layer", words, column.key, column.title, wide=True)

    @property
    def _parameters(self) -> Figure:
        words = self._bars_in_words(self.measured("learned_params"))
        return Figure("params", "Parameters by layer", words, "learned_params")

    @property
    def _memory(self) -> Figure:
        """Live activation bytes over the execution steps."""
        memory = self.analysis.memory
        count = sum(not self.analysis.rows[row].constant for row in memory.step_of)
        peak = memory.peak
        text = f"peak {show(peak.nbytes, 'bytes')} at {printable(peak.name)}" if peak is not None else "unknown"
        return Figure(
            "memory", "Live activations", f"Live activation bytes over {counted(count, 'execution step')}: {text}."
        )

    @property
    def live(self) -> Live:
        """What is live at the peak; nothing while that is not known."""
        peak = self.analysis.memory.peak
        if peak is None:
            return Live()
        rest = peak.tensors[MAX_NAMED:]
        others = f"{counted(len(rest), 'more tensor')}, {show(sum(nbytes for _, nbytes in rest), 'bytes')}"
        named = tuple((printable(name), show(nbytes, "bytes")) for name, nbytes in peak.tensors[:MAX_NAMED])
        return Live(named, others if rest else "")

    @property
    def _types(self) -> Figure:
        """Of the operations: nearly every operator type has some, but few have MACs."""
        measured = self.measured("ops")
        words = _shares_in_words(measured, _type)
        return Figure("types", "Share by operator type", words, "ops", measured.column.title)

    @property
    def _weights_figure(self) -> Figure | None:
        """For files without scopes; None where there are no parameters."""
        measured = self.measured("learned_params")
        if not measured.total:
            return None
        words = _shares_in_words(measured, _type)
        return Figure("weights", "Parameters by operator type", words, "learned_params")

    @property
    def _scopes_figure(self) -> Figure | None:
        """By modules as deep as a chart can name; None where the file names none."""
        scopes = self._scopes
        if len(set(scopes)) < 2:
            return None
        measured = self.measured(self.measure.key)
        words = _shares_in_words(measured, lambda layer: scopes[layer.number])
        return Figure("scopes", "Share by module scope", words, measured.column.key, measured.column.title)

    @cached_property
    def _scopes(self) -> list[str]:
        """The scope that each row is counted to."""
        return scopes([printable(row.scope) for row in self.analysis.rows])

    @property
    def _roofline(self) -> Figure | None:
        """The layers under the limits of the device; None without one, or where nothing multiplies."""
        roofline = self.analysis.roofline
        if roofline is None:
            return None
        bounds = self._bounds(roofline)
        if not bounds and not (self.analysis.free_symbols and self.analysis.work.macs != 0):
            return None
        words = "Unknown until the symbolic dimensions have values."
        if bounds:
            bound = sum(by == "memory" for by in bounds)
            words = (
                f"{counted(len(bounds), 'layer')} by arithmetic intensity and attainable MAC/s,"
                f" {bound} of {len(bounds)} memory-bound."
            )
        return Figure("roofline", f"Roofline of {roofline.device.title}", words, wide=True)

    def _bounds(self, roofline: Roofline) -> list[str]:
        """What binds each layer of which it is known what it multiplies, moves and takes."""
        found = []
        for layer, moved, bound in zip(
            self.measured("macs").layers, self.analysis.fused_traffic.rows, roofline.rows, strict=True
        ):
            if layer.amount and self.analysis.evaluate(moved.nbytes) and bound.seconds:
                found.append(bound.by)
        return found

    def _bars_in_words(self, measured: Measured) -> str:
        column, total, layers = measured.column, measured.total, self.analysis.layer_rows
        subject = f"{column.title} of {counted(len(layers), 'layer')} in execution order"
        if not total:
            return f"{subject}: {'none' if total == 0 else 'unknown'}."
        largest = max(measured.layers, key=lambda layer: layer.amount or 0)
        most = largest.amount or 0
        share = show(most / total, "share")
        return (
            f"{subject}: total {show(total, column.form)}, largest {show(most, column.form)} ({share})"
            f" in {largest.name}."
        )

    @cached_property
    def data(self) -> dict[str, Any]:
        """What scripts need beside the figures to draw the charts, plain values for JSON.

        `scopes` has the distinct scopes and which of them each row has; `tensors`, where sizes can change, the names in
        each buffer with the steps they live from and to; `reached` what was measured of rows that multiply: MACs per
        byte and MACs a second.
        """
        names = {name: index for index, name in enumerate(dict.fromkeys(self._scopes))}
        memory = self.analysis.memory
        buffers = memory.buffers if self.analysis.free_symbols else []
        return {
            "kinds": KINDS,
            "kind": [kind(row) for row in self.analysis.rows],
            "scopes": {"values": list(names), "at": [names[scope] for scope in self._scopes]},
            "tensors": [
                [(printable(name), *memory.spans.get(name, (buffer.birth, buffer.death))) for name in buffer.tensors]
                for buffer in buffers
            ],
            "reached": self._reached,
            "open": OPEN,
        }

    @property
    def _reached(self) -> list[tuple[int, float, float]]:
        """The groups of layers that multiply, at the speed that was measured."""
        found = []
        for group in self.analysis.timing.groups if self.analysis.timing is not None else ():
            macs, nbytes = times.macs(self.analysis, group), times.nbytes(self.analysis, group)
            if macs and nbytes and group.seconds:
                found.append((group.leader, macs / nbytes, macs / group.seconds))
        return found


def _type(layer: Layer) -> str:
    return printable(layer.row.op.type)


def _shares_in_words(measured: Measured, group_of: Callable[[Layer], str]) -> str:
    """Who has how much of a total, largest first."""
    title = measured.column.title
    if measured.total is None:
        return f"{title}: unknown."
    sums: dict[str, int] = {}
    for layer in measured.layers:
        sums[group_of(layer)] = sums.get(group_of(layer), 0) + (layer.amount or 0)
    ranked = sorted(((amount, name) for name, amount in sums.items() if amount > 0), key=lambda each: -each[0])
    named = [(name, amount) for amount, name in ranked[:MAX_GROUPS]]
    if rest := ranked[MAX_GROUPS:]:
        named.append((f"{len(rest)} others", sum(amount for amount, _ in rest)))
    parts = [f"{name} {show(amount / (measured.total or 1), 'share')}" for name, amount in named]
    return f"{title}: {', '.join(parts) or 'none'}."


def scopes(names: Sequence[str]) -> list[str]:
    """Module paths cut to the depth that leaves as near to as many as a chart names as can be."""
    paths = [name.split("/") for name in names]

    def distance(depth: int) -> float:
        return abs(log(len({tuple(path[:depth]) for path in paths}) / MAX_GROUPS))

    best = min(range(1, max(map(len, paths), default=1) + 1), key=distance) if paths else 1
    return ["/".join(path[:best]) or "(root)" for path in paths]
