"""The worst moment: which tensors are alive at the peak, and what each takes of it."""

from __future__ import annotations

from typing import Any

from ..analysis import Analysis
from ..table import Table, show
from . import Section


def lay_out(analysis: Analysis) -> list[Table]:
    """The tensors alive at the peak, largest first."""
    peak = analysis.memory.peak
    if peak is None:
        return [Table((), (), [], notes=["The peak is not known: a size that matters is open."], heading="Memory")]
    rows = [(name, show(nbytes, "bytes"), show(nbytes / peak.nbytes, "share")) for name, nbytes in peak.tensors]
    total = ("total", show(peak.nbytes, "bytes"), "")
    heading = f"Alive at the peak, while {peak.name} runs"
    return [Table(("tensor", "bytes", "share"), (False, True, True), rows, total, heading=heading)]


def data(analysis: Analysis) -> dict[str, Any]:
    """The curve in bytes per operator of the outer graph, and the tensors alive at the peak."""
    memory, peak = analysis.memory, analysis.memory.peak
    alive = memory.alive(peak.step) if peak else []
    return {
        "peak_bytes": memory.peak_bytes,
        "at": peak.name if peak else None,
        "alive": [
            {"tensors": memory.names(buffer, peak.step), "bytes": buffer.nbytes} for buffer in alive if peak is not None
        ],
        "curve": list(memory.curve) if peak else None,
    }


SECTION = Section("memory", "which tensors are alive at the peak of the activations", lay_out, data)
