"""The verdict on a device: the least time a run takes there, what sets it, and what has no room."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..analysis import Analysis
from ..passes.roofline import Fit, Roofline
from ..table import Table, show
from . import Section

LOWER_BOUND = "A lower bound on the time, never a prediction of it: docs/devices.md."


def tables(analysis: Analysis) -> list[Table]:
    """The bound with its shares, and a line for each memory of the device."""
    roofline = analysis.roofline
    if roofline is None:
        return []
    rows = [*_times(roofline, analysis.complete), *((_title(fit), *_verdict(fit)) for fit in analysis.fits)]
    notes = [f"No bound: {roofline.why}."] if roofline.why else [LOWER_BOUND]
    heading = f"On {roofline.device.title}"
    return [Table(("what", "figure", "verdict"), (False, True, False), rows, notes=notes, heading=heading)]


def _times(roofline: Roofline, complete: bool) -> Iterator[tuple[str, str, str]]:
    yield "time, at least", show(roofline.seconds, "time"), "" if complete else "of what is known"
    if roofline.seconds:
        for by, seconds in (("compute", roofline.compute), ("memory", roofline.memory)):
            yield f"of it bound by {by}", show(seconds, "time"), show(seconds / roofline.seconds, "share")


def _title(fit: Fit) -> str:
    return f"{fit.what}, in {show(fit.room, 'bytes')} of {fit.place}"


def _verdict(fit: Fit) -> tuple[str, str]:
    verdict = {True: "fits", False: "does not fit", None: "not known"}[fit.fits]
    return show(fit.nbytes, "bytes"), verdict


def data(analysis: Analysis) -> dict[str, Any] | None:
    """The bound in seconds, in all and per row, and what fits; None without a device."""
    roofline = analysis.roofline
    if roofline is None:
        return None
    return {
        "name": roofline.device.name,
        "title": roofline.device.title,
        "source": list(roofline.device.source),
        "time_bound": roofline.seconds,
        "compute_bound": roofline.compute,
        "memory_bound": roofline.memory,
        "why": roofline.why,
        "fits": [
            {"what": fit.what, "bytes": fit.nbytes, "place": fit.place, "room": fit.room, "fits": fit.fits}
            for fit in analysis.fits
        ],
        "layers": [
            {"name": row.name, "time_bound": bound.seconds, "bound_by": bound.by, "why": bound.why}
            for row, bound in zip(analysis.rows, roofline.rows, strict=True)
        ],
    }


SECTION = Section("device", "the least time on a device, and what has room there", tables, data, beside=True)
