"""Where the memory goes: what is alive at the worst moment, the arena, the weights, and what a better order saves."""

from __future__ import annotations

from typing import Any

from ..analysis import Analysis
from ..dims import to_json
from ..table import Table, show
from . import Section

UNKNOWN = "The peak is not known: the size of an activation is open, or an operator's output is not known."


def lay_out(analysis: Analysis) -> list[Table]:
    """The tensors alive at the peak, largest first; then the arena and the weights."""
    room = _room(analysis)
    return [_peak(analysis), *([room] if room.rows else [])]


def _peak(analysis: Analysis) -> Table:
    peak = analysis.memory.peak
    if peak is None:
        note = UNKNOWN if analysis.memory.steps else "No operator runs."
        return Table((), (), [], notes=[note], heading="Alive at the peak")
    rows = [(name, show(nbytes, "bytes"), show(nbytes / peak.nbytes, "share")) for name, nbytes in peak.tensors]
    total = ("total", show(peak.nbytes, "bytes"), "")
    heading = f"Alive at the peak, while {peak.name} runs"
    return Table(("tensor", "bytes", "share"), (False, True, True), rows, total, heading=heading)


def _room(analysis: Analysis) -> Table:
    rows = []
    if analysis.memory.peak is not None:
        arena = analysis.memory.plan(analysis.target.align)
        words = f"{arena.nbytes / arena.lower_bound:.2f} x what is alive at the peak" if arena.lower_bound else ""
        words += f", aligned to {arena.align} bytes" if words and arena.align > 1 else ""
        rows = [("arena", show(arena.nbytes, "bytes"), words), ("best order", *_order(analysis))]
    for dtype, nbytes in analysis.parameters.bytes_by_dtype.items():
        elements = show(analysis.parameters.by_dtype[dtype], "count")
        rows.append((f"weights, {dtype}", show(nbytes, "bytes"), f"{elements} elements"))
    return Table(("what", "bytes", ""), (False, True, False), rows, heading="Room that is needed")


def _order(analysis: Analysis) -> tuple[str, str]:
    """The peak in the best order found, and in words what that is worth."""
    order = analysis.memory.reorder()
    found = show(order.peak_bytes, "bytes")
    if analysis.target.reorder:
        return found, "this is it" if order.exact else "this is the best found"
    if order.peak_bytes < order.before_bytes:
        return found, f"saves {show(order.saving, 'share')} of the peak (--reorder)"
    return found, "no order has a lower peak" if order.exact else "no lower peak was found"


def data(analysis: Analysis) -> dict[str, Any]:
    """The peak, what is alive there, the curve in bytes per operator of the outer graph, the arena, the weights by
    element type, and the peak in the best order found; None for what is not known.
    """
    memory, peak = analysis.memory, analysis.memory.peak
    weights = analysis.parameters.bytes_by_dtype
    found: dict[str, Any] = {
        "peak_bytes": memory.peak_bytes,
        "at": None,
        "alive": [],
        "curve": None,
        "arena": None,
        "weights": {dtype: to_json(nbytes) for dtype, nbytes in weights.items()},
        "order": None,
    }
    if peak is None:
        return found
    arena, order = memory.plan(analysis.target.align), memory.reorder()
    alive = [(memory.names(buffer, peak.step), buffer.nbytes) for buffer in memory.alive(peak.step)]
    return found | {
        "at": peak.name,
        "alive": [{"tensors": names, "bytes": nbytes} for names, nbytes in alive],
        "curve": list(memory.curve),
        "arena": {"bytes": arena.nbytes, "lower_bound": arena.lower_bound, "align": arena.align},
        "order": {"before": order.before_bytes, "after": order.peak_bytes, "exact": order.exact},
    }


SECTION = Section("memory", "what is alive at the peak, the arena, the weights and the best order", lay_out, data)
