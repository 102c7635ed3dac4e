"""The worst moment: which tensors are alive at the peak, and what each takes of it."""

from __future__ import annotations

from typing import Any

from ..analysis import Analysis
from ..table import Table, show
from . import Section


def lay_out(analysis: Analysis) -> list[Table]:
    """The tensors alive at the peak, largest first."""
    memory = analysis.memory
    if memory.peak is None or memory.peak_bytes is None:
        return [Table((), (), [], notes=["The peak is not known: a size that matters is open."], heading="Memory")]
    alive = memory.alive(memory.curve.index(memory.peak_bytes))
    rows = [
        (" = ".join(b.tensors), show(b.nbytes, "bytes"), show(b.nbytes / memory.peak_bytes, "share"))
        for b in alive
        if b.nbytes
    ]
    total = ("total", show(memory.peak_bytes, "bytes"), "")
    heading = f"Alive at the peak, while {memory.peak.name} runs"
    return [Table(("tensor", "bytes", "share"), (False, True, True), rows, total, heading=heading)]


def data(analysis: Analysis) -> dict[str, Any]:
    """The curve in bytes per operator of the outer graph, and the tensors alive at the peak."""
    memory = analysis.memory
    known = memory.peak_bytes is not None and memory.peak is not None
    alive = (
        memory.alive(memory.curve.index(memory.peak_bytes)) if memory.peak_bytes is not None and memory.curve else []
    )
    return {
        "peak_bytes": memory.peak_bytes,
        "at": memory.peak.name if known and memory.peak else None,
        "alive": [{"tensors": list(buffer.tensors), "bytes": buffer.nbytes} for buffer in alive],
        "curve": list(memory.curve) if known else None,
    }


SECTION = Section("memory", "which tensors are alive at the peak of the activations", lay_out, data)
