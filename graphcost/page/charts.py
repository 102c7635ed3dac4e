"""The charts of one analysis: which there are, what each measures, and what scripts need to draw them again.

How a chart is laid out is in `bars`, `liveness`, `shares` and `scatter`, one for each sort. A size that is left open
has no bar: such a chart is drawn without marks and says why, and scripts draw it when the reader gives a value.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from ..analysis import Analysis
from ..columns import Column, find
from ..dims import Dim
from ..printable import printable
from ..table import Value
from .bars import bar_chart
from .figure import HALF, MIN_BAR_WIDTH, NAME_CHARS, OPEN, WIDE, Chart, Layer, Measured
from .kinds import KINDS, kind
from .liveness import CHAR_WIDTH, MAX_NAMED, Memory, memory_chart
from .shares import LINE, MAX_GROUPS, Shares, scopes, share_chart


class Charts:
    """The charts of one analysis."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.kinds = [kind(row) for row in analysis.rows]
        self._measured: dict[str, Measured] = {}

    @property
    def measure(self) -> Column:
        """What the cost of a layer is: MACs, or operations in a network that has none."""
        return find("macs" if self.measured("macs").total != 0 else "ops")

    def measured(self, key: str) -> Measured:
        """Every layer by a column that has a total."""
        if key not in self._measured:
            column, analysis = find(key), self.analysis
            total = self._number(column.total(analysis)) if column.total is not None else None
            layers = [
                Layer(index, row, kind, self._number(column.value(analysis, index)))
                for index, (row, kind) in enumerate(zip(analysis.rows, self.kinds, strict=True))
            ]
            self._measured[key] = Measured(column, layers, total)
        return self._measured[key]

    def _number(self, value: Value) -> int | None:
        """A value under what is assumed; None where it is not known, or a size that matters is open."""
        return self.analysis.evaluate(value) if isinstance(value, (int, Dim)) else None

    @property
    def layers(self) -> Chart:
        """Cost by layer, stacked by kind of operation."""
        return bar_chart("cost", "Cost by layer", self.measured(self.measure.key), WIDE)

    @property
    def parameters(self) -> Chart:
        """Parameters by layer."""
        return bar_chart("params", "Parameters by layer", self.measured("params"), HALF)

    @property
    def memory(self) -> Memory:
        """Live activation bytes over the execution steps, the peak marked and its tensors named."""
        return memory_chart(self.analysis)

    @property
    def types(self) -> Shares:
        """Share of the operations by operator type: nearly every type has some, but few have MACs."""
        return share_chart("types", "Share by operator type", self.measured("ops"), _type)

    @property
    def weights(self) -> Shares | None:
        """Share of the parameters by operator type, for files without scopes; None where there are no parameters."""
        measured = self.measured("params")
        if self.scopes is not None or not measured.total:
            return None
        return share_chart("weights", "Parameters by operator type", measured, _type)

    @property
    def scopes(self) -> Shares | None:
        """Share of the cost by module scope, as deep as a chart can name; None where the file has no scopes."""
        scopes = self._scopes
        if len(set(scopes)) < 2:
            return None
        measured = self.measured(self.measure.key)
        return share_chart(
            "scopes", "Share by module scope", measured, lambda layer: scopes[layer.number], coloured=False
        )

    @cached_property
    def _scopes(self) -> list[str]:
        """The scope that each row is counted to."""
        return scopes([printable(row.scope) for row in self.analysis.rows])

    @cached_property
    def data(self) -> dict[str, Any]:
        """What scripts need beside the figures to draw the charts again, plain values for JSON.

        `scopes` has the distinct scopes and which of them each row has; `tensors`, where sizes can change, the names in
        each buffer with the steps they live from and to.
        """
        names = {name: index for index, name in enumerate(dict.fromkeys(self._scopes))}
        memory = self.analysis.memory
        buffers = memory.buffers if self.analysis.free_symbols else []
        return {
            "kinds": KINDS,
            "kind": self.kinds,
            "scopes": {"values": list(names), "at": [names[scope] for scope in self._scopes]},
            "tensors": [
                [(printable(name), *memory.spans.get(name, (buffer.birth, buffer.death))) for name in buffer.tensors]
                for buffer in buffers
            ],
            "max": {"groups": MAX_GROUPS, "named": MAX_NAMED, "name_chars": NAME_CHARS},
            "line": LINE,
            "min_bar_width": MIN_BAR_WIDTH,
            "char_width": CHAR_WIDTH,
            "open": OPEN,
        }


def _type(layer: Layer) -> str:
    return printable(layer.row.op.type)
