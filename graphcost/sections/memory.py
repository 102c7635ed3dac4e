"""Where the memory goes: live tensors at the peak, the arena, the weights, and what a better order saves."""

from __future__ import annotations

from typing import Any

from ..analysis import Analysis
from ..dims import to_json
from ..passes import caches
from ..passes.arena import Plan
from ..rules import LEARNED
from ..table import Table, show
from . import Section

SHARING = "Operators of which nothing is known count as if they shared no memory; if they do, it may be {least}."
UNKNOWN = "The peak is not known: the size of an activation is open, or an operator's output is not known."


def tables(analysis: Analysis) -> list[Table]:
    """The tensors alive at the peak, largest first; then the arena and the weights."""
    required = _required(analysis)
    return [_live(analysis), *([required] if required.rows else [])]


def _live(analysis: Analysis) -> Table:
    peak = analysis.memory.peak
    if peak is None:
        note = UNKNOWN if analysis.memory.steps else "No operator runs."
        return Table((), (), [], notes=[note], heading="Live tensors at the peak")
    rows = [(name, show(nbytes, "bytes"), show(nbytes / peak.nbytes, "share")) for name, nbytes in peak.tensors]
    total = ("total", show(peak.nbytes, "bytes"), "")
    heading = f"Live tensors at the peak ({peak.name})"
    least = analysis.memory.least_peak_bytes
    notes = [] if analysis.memory.is_exact or least is None else [SHARING.format(least=show(least, "bytes"))]
    return Table(("tensor", "bytes", "share"), (False, True, True), rows, total, notes=notes, heading=heading)


def _required(analysis: Analysis) -> Table:
    rows = []
    if analysis.memory.peak is not None:
        arena = analysis.memory.plan(analysis.target.align)
        rows = [
            ("arena", show(arena.nbytes, "bytes"), _fragmentation(arena)),
            ("best execution order", *_order(analysis)),
        ]
    rows += _caches(analysis)
    parameters = analysis.parameters
    for dtype, nbytes in parameters.bytes_by_dtype.items():
        elements = show(parameters.by_dtype[dtype], "count")
        rows.append((f"weights, {dtype}", show(nbytes, "bytes"), f"{elements} elements"))
    for kind in [LEARNED, *parameters.others] if parameters.others else []:
        elements = show(parameters.classes[kind], "count")
        rows.append((f"of them {kind}", show(parameters.class_bytes[kind], "bytes"), f"{elements} elements"))
    return Table(("item", "bytes", ""), (False, True, False), rows, heading="Memory required")


def _caches(analysis: Analysis) -> list[tuple[str, str, str]]:
    """What a cache keeps from one run to the next, and the rest of the peak."""
    found = analysis.caches
    if not found:
        return []
    kept, each = (analysis.evaluate(size) for size in (caches.nbytes(found), caches.bytes_per_token(found)))
    rows = [("KV cache, between runs", show(kept, "bytes"), f"{show(each, 'bytes')} a token")]
    rest = without_caches(analysis)
    return rows if rest is None else [*rows, ("other activations at the peak", show(rest, "bytes"), "")]


def without_caches(analysis: Analysis) -> int | None:
    """Bytes alive at the peak in no tensor of a cache; None where the peak is not known."""
    peak = analysis.memory.peak
    if peak is None:
        return None
    names = {name for cache in analysis.caches for name in (cache.input, cache.output)}
    return sum(buffer.nbytes for buffer in analysis.memory.alive(peak.step) if names.isdisjoint(buffer.tensors))


def _fragmentation(arena: Plan) -> str:
    """How much larger an arena is than what is alive in it at once."""
    if not arena.lower_bound:
        return ""
    words = f"{arena.nbytes / arena.lower_bound:.2f} x peak live memory"
    words += " (no fragmentation)" if arena.nbytes == arena.lower_bound else ""
    return words + (f", aligned to {arena.align} bytes" if arena.align > 1 else "")


def _order(analysis: Analysis) -> tuple[str, str]:
    """The peak in the best order found, and in words what that is worth."""
    order = analysis.memory.reorder()
    unproven = "" if order.exact else ", not proven best"
    if order.peak_bytes < order.before_bytes:
        words = f"saves {show(order.saving, 'share')} of the peak (--reorder){unproven}"
    elif order.exact:
        words = "the current order is optimal"
    else:
        words = f"{'the current order' if analysis.target.reorder else 'no better order found'}{unproven}"
    return show(order.peak_bytes, "bytes"), words


def data(analysis: Analysis) -> dict[str, Any]:
    """The peak, what is alive there, the curve in bytes per operator of the outer graph, the arena, the weights by
    element type and by class, and the peak in the best order found; None for what is not known.
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
        "weight_classes": {kind: to_json(nbytes) for kind, nbytes in analysis.parameters.class_bytes.items()},
        "order": None,
    }
    if analysis.caches:
        found["cache_bytes"] = to_json(caches.nbytes(analysis.caches))
        found["peak_without_caches"] = without_caches(analysis)
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


SECTION = Section("memory", "live tensors at the peak, the arena, the weights and the best order", tables, data)
