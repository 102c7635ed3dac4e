"""The verdict on a device: the lower bound of the latency there, what sets it, and what fits its memories."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..analysis import Analysis
from ..passes.roofline import Fit, Roofline
from ..table import Table, show
from ..times import how_good, no_estimate
from . import Section

LOWER_BOUND = "A lower bound on the time, never a prediction of it: docs/devices.md."


def tables(analysis: Analysis) -> list[Table]:
    """The bound with its shares, and a line for each memory of the device."""
    roofline = analysis.roofline
    if roofline is None:
        return []
    rows = [*_times(roofline, analysis.complete), *_estimate(analysis), *map(fit_row, analysis.fits)]
    notes = [f"No bound: {roofline.why}."] if roofline.why else [LOWER_BOUND]
    notes += _about_the_estimate(analysis)
    heading = f"On {roofline.device.title}"
    return [Table(("item", "value", "result"), (False, True, False), rows, notes=notes, heading=heading)]


def _times(roofline: Roofline, complete: bool) -> Iterator[tuple[str, str, str]]:
    yield "latency, lower bound", show(roofline.seconds, "time"), "" if complete else "of the known operators"
    if roofline.seconds:
        parts = [("compute", roofline.compute), ("memory", roofline.memory)]
        for by, seconds in parts + ([("cache", roofline.cache)] if roofline.device.levels else []):
            yield f"{by}-bound part", show(seconds, "time"), show(seconds / roofline.seconds, "share")


def _estimate(analysis: Analysis) -> Iterator[tuple[str, str, str]]:
    """The estimate with the error that its calibration saw."""
    estimate, device = analysis.estimate, analysis.device
    if estimate is not None and device is not None and device.calibration is not None:
        yield "latency, estimate", show(estimate.seconds, "time"), how_good(device.calibration)


def _about_the_estimate(analysis: Analysis) -> list[str]:
    """What an estimate is of and what it leaves out, or how to get one."""
    device, estimate = analysis.device, analysis.estimate
    if device is None or device.calibration is None or estimate is None:
        return [f"No estimate: {no_estimate(analysis)}."]
    calibration = device.calibration
    about = ", ".join(filter(None, (calibration.runtime, f"{calibration.threads} threads", calibration.date)))
    notes = [f"Estimated from {sum(map(len, calibration.points.values())):,} measurements ({about})."]
    if estimate.missing:
        missing = ", ".join(f"{kind} x{count}" for kind, count in estimate.missing.items())
        notes.append(f"The estimate leaves out what nothing like was measured of: {missing}.")
    return notes


def fit_row(fit: Fit) -> tuple[str, str, str]:
    """What must fit where, how much of it that takes, and whether it fits."""
    place = "RAM" if fit.place == "memory" else fit.place
    value = f"{show(fit.nbytes, 'bytes')} of {show(fit.capacity, 'bytes')}"
    if fit.nbytes is not None and fit.capacity:
        value += f" ({show(fit.nbytes / fit.capacity, 'share')})"
    result = {True: "fits", False: "does not fit", None: "not known"}[fit.fits]
    return f"{fit.what} / {place}", value, result


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
        "cache_bound": roofline.cache,
        "time_estimate": analysis.estimate.seconds if analysis.estimate is not None else None,
        "calibration": _calibration(analysis),
        "why": roofline.why,
        "fits": [
            {
                "what": fit.what,
                "bytes": fit.nbytes,
                "place": fit.place,
                "capacity": fit.capacity,
                "room": fit.capacity,  # its name before
                "fits": fit.fits,
            }
            for fit in analysis.fits
        ],
        "layers": [
            {"name": row.name, "time_bound": bound.seconds, "bound_by": bound.by, "why": bound.why}
            for row, bound in zip(analysis.rows, roofline.rows, strict=True)
        ],
    }


def _calibration(analysis: Analysis) -> dict[str, Any] | None:
    """What the estimate is made of."""
    found = analysis.device.calibration if analysis.device is not None else None
    if found is None:
        return None
    keys = ("machine", "runtime", "threads", "date", "networks", "half_within", "most_within")
    return {key: getattr(found, key) for key in keys}


SECTION = Section("device", "a lower bound of the latency on a device, and what fits it", tables, data, beside=True)
