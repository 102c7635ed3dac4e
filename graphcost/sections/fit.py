"""Whether a network fits memories of given sizes, by how much it does not, and which layers do not."""

from __future__ import annotations

from typing import Any

from ..analysis import Analysis
from ..passes.roofline import Fit
from ..table import Table, counted, show
from . import Section
from .device import fit_row

SHOWN = 12
"""Layers that are named of those above the memory, and of those that hold the most weights."""
TENSORS = 3
"""Tensors that are named for each."""


def tables(analysis: Analysis) -> list[Table]:
    """A line for each memory, then the layers above it: of RAM by when, of flash by weights."""
    fits = of(analysis)
    if not fits:
        return []
    rows = [(*fit_row(fit)[:2], result(fit)) for fit in fits]
    found = [Table(("item", "value", "result"), (False, True, False), rows, heading="Memory fit")]
    for fit in fits:
        if fit.fits is False:
            found += [_above(analysis, fit)] if "activations" in fit.what else [_heaviest(analysis, fit)]
    return found


def of(analysis: Analysis) -> list[Fit]:
    """What has to fit; a cache in front of memory need not hold anything whole."""
    return [fit for fit in analysis.fits if fit.place != "fast memory"]


def result(fit: Fit) -> str:
    """Whether it fits, and by how much not."""
    if fit.fits is False and fit.nbytes is not None:
        return f"does not fit: over by {show(fit.nbytes - fit.capacity, 'bytes')}"
    return fit_row(fit)[2]


def steps_above(analysis: Analysis, fit: Fit) -> list[tuple[int, int]]:
    """The steps that need more memory than there is, and how much they need."""
    held = 0 if fit.what == "peak activations" else analysis.evaluate(analysis.parameters.nbytes) or 0
    return [(step, live + held) for step, live in enumerate(analysis.memory.curve) if live + held > fit.capacity]


def _above(analysis: Analysis, fit: Fit) -> Table:
    memory = analysis.memory
    above = steps_above(analysis, fit)
    largest = sorted(sorted(above, key=lambda pair: -pair[1])[:SHOWN])
    rows = []
    for step, nbytes in largest:
        alive = [f"{' = '.join(memory.names(b, step))} {show(b.nbytes, 'bytes')}" for b in memory.alive(step)[:TENSORS]]
        over = show(nbytes - fit.capacity, "bytes")
        rows.append((f"{step + 1}", memory.steps[step].name, show(nbytes, "bytes"), over, ", ".join(alive)))
    hidden = len(above) - len(rows)
    notes = [f"{counted(hidden, 'more layer')} above it, by less."] if hidden else []
    titles = ("step", "layer", "live", "over by", "largest tensors")
    return Table(titles, (True, False, True, True, False), rows, notes=notes, heading="Layers above the RAM")


def _heaviest(analysis: Analysis, fit: Fit) -> Table:
    """The layers with the most weights, and what is held when the first so many layers have theirs."""
    sizes = weight_bytes(analysis)
    order = sorted(range(len(sizes)), key=lambda at: -sizes[at])[:SHOWN]
    rows = [(analysis.rows[at].name, show(sizes[at], "bytes"), show(sizes[at] / fit.capacity, "share")) for at in order]
    full = first_beyond(sizes, fit.capacity)
    notes = [f"The flash is full at {analysis.rows[full].name}, layer {full + 1} of {len(sizes)}."] if full >= 0 else []
    titles = ("layer", "weights", "of the flash")
    heading = "Layers with the most weights"
    return Table(titles, (False, True, True), [row for row in rows if row[1] != "0 B"], notes=notes, heading=heading)


def weight_bytes(analysis: Analysis) -> list[int]:
    """Bytes of each row's weights, 0 where these are not known."""
    return [analysis.evaluate(size) or 0 for size in analysis.parameters.row_bytes]


def first_beyond(sizes: list[int], capacity: int) -> int:
    """The first row with whose weights there are more than `capacity` bytes; -1 when there is none."""
    held = 0
    for at, size in enumerate(sizes):
        held += size
        if held > capacity:
            return at
    return -1


def data(analysis: Analysis) -> list[dict[str, Any]]:
    """For each memory what must fit, its size, whether it does, and the layers above it with the bytes they need."""
    found = []
    for fit in of(analysis):
        item: dict[str, Any] = {
            "what": fit.what,
            "place": fit.place,
            "bytes": fit.nbytes,
            "capacity": fit.capacity,
            "share": None if fit.nbytes is None or not fit.capacity else fit.nbytes / fit.capacity,
            "over": None if fit.nbytes is None else max(0, fit.nbytes - fit.capacity),
            "fits": fit.fits,
        }
        if "activations" in fit.what and analysis.memory.peak_bytes is not None:
            steps = analysis.memory.steps
            item["above"] = [{"layer": steps[at].name, "step": at, "bytes": n} for at, n in steps_above(analysis, fit)]
        found.append(item)
    return found


SECTION = Section("fit", "whether --ram and --flash are enough, and which layers do not fit", tables, data, beside=True)
