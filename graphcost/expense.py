"""The most expensive layers of a network, for a line below its totals."""

from __future__ import annotations

from collections.abc import Sequence

from .analysis import Analysis
from .naming import shortened
from .table import show

NAMED = 5
"""Layers that the line names."""
NAME_CHARS = 40
"""Letters of a name there."""


def most_expensive(analysis: Analysis) -> list[int]:
    """The numbers of the rows with the most MACs, largest first; with the most operations where there are none."""
    quantity = _quantity(analysis)
    costs = [(_cost(analysis, at, quantity), at) for at in analysis.layer_rows]
    return [at for _, at in sorted([(-cost, at) for cost, at in costs if cost])[:NAMED]]


def expense(analysis: Analysis, rows: Sequence[int]) -> str:
    """These rows in a line, each with its share; "" where there are few layers, or a share is open or not known."""
    quantity = _quantity(analysis)
    whole = analysis.evaluate(analysis.total(quantity))
    if len(analysis.layer_rows) <= NAMED or not whole or not analysis.complete:
        return ""
    parts = [
        f"{shortened(analysis.rows[at].name, NAME_CHARS)} {show(_cost(analysis, at, quantity) / whole, 'share')}"
        for at in rows
    ]
    word = "MACs" if quantity == "macs" else quantity
    return f"most expensive, of all {word}: {', '.join(parts)}" if parts else ""


def _quantity(analysis: Analysis) -> str:
    return "macs" if analysis.work.macs != 0 else "ops"


def _cost(analysis: Analysis, at: int, quantity: str) -> int:
    """What a row costs; 0 where it is not known or a size is open."""
    work = analysis.rows[at].work
    return (analysis.evaluate(getattr(work, quantity)) or 0) if work is not None else 0
