"""What a box of the drawn network costs: the colour it has for it, and the line that says so.

Amounts are plain numbers by row, of the measure that the charts show; what a box is, is the business of `network`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

from ..table import show
from .measured import Measured
from .network import Node

HOTTEST = 9


@dataclass(frozen=True)
class Heat:
    """The cost of nodes beside the largest of a drawing; what expands in it has the same scale."""

    measured: Measured | None
    """Every row by the measure; None where nothing is measured."""
    exact: bool
    """Whether the total is no lower bound, so that there are shares of it."""
    largest: int = 0

    def over(self, nodes: Sequence[Node]) -> Heat:
        """The scale on which the most expensive of these nodes is the hottest."""
        return Heat(self.measured, self.exact, max(map(self.cost, nodes), default=0))

    def cost(self, node: Node) -> int:
        """What the rows of a node cost together, as far as it is known."""
        if self.measured is None:
            return 0
        return sum(max(self.measured.layers[row].amount or 0, 0) for row in node.rows)

    def of(self, node: Node) -> int:
        """0 when a node has no cost, HOTTEST for the largest of the drawing, by square roots between."""
        return ceil(HOTTEST * sqrt(self.cost(node) / (self.largest or 1)))

    def text(self, node: Node) -> str:
        """What a node costs and its share of the whole; "" where it has no cost, or a size that matters is open."""
        cost = self.cost(node)
        if self.measured is None or not self.measured.total or not cost:
            return ""
        bound = "" if node.known else ">= "
        share = f" \N{MIDDLE DOT} {show(cost / self.measured.total, 'share')}" if self.exact else ""
        return f"{bound}{show(cost, self.measured.column.form)}{share}"
