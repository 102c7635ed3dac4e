"""What charts and the graph measure: an amount for every row of an analysis, and the total of the layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..columns import Column
from ..passes.rows import Row
from ..printable import printable


class Layer(NamedTuple):
    """A row of the analysis with its amount of what a chart measures."""

    number: int
    """Which row it is."""
    row: Row
    amount: int | None
    """None when it is not known, or a size that matters is open."""

    @property
    def name(self) -> str:
        return printable(self.row.name)


@dataclass(frozen=True)
class Measured:
    """Every layer by one measure."""

    column: Column
    layers: Sequence[Layer]
    total: int | None
    """Of what is known; None while sizes that matter are open."""
