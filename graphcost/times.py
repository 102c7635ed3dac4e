"""Times for columns and sections: measured ones by row, what a row reached in them, and how far that is from its bound.

Rows that ran together have one time, which stands at the one that multiplies most; the others have none of their own,
and their multiply-accumulates, bytes and bounds count at that row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from .analysis import Analysis
from .errors import ModelError

if TYPE_CHECKING:
    from .calibrations import Calibration
    from .passes.estimate import Estimate
    from .passes.timing import Group, Timing

Number = float | str | None
"""Seconds or a rate; "" for a row without a time of its own, None for what is not known."""


def timing(analysis: Analysis) -> Timing:
    """The measured times. Raises ModelError when none were joined."""
    if analysis.timing is None:
        reason = "time, duration, achieved, bandwidth and efficiency are of measured times: give --measure or --profile"
        raise ModelError("--columns", "", reason)
    return analysis.timing


def seconds(analysis: Analysis, at: int) -> Number:
    """The measured time of a row; None where it should have one and what was measured has none for it."""
    measured = timing(analysis)
    group = measured.leaders.get(at)
    if group is not None:
        return group.seconds
    return None if at in measured.untimed_rows else ""


def spread(analysis: Analysis, at: int) -> Number:
    """Half the way from the 10th to the 90th percentile of a row's time, as a share of it."""
    group = timing(analysis).leaders.get(at)
    if group is None or group.spread is None:
        return ""
    return group.spread


def share(analysis: Analysis, at: int) -> Number:
    """A row's part of the time of all operators, those that are of no row too."""
    measured = timing(analysis)
    group = measured.leaders.get(at)
    return group.seconds / measured.operators if group is not None and measured.operators else ""


def together(analysis: Analysis, at: int) -> str:
    """The row that has the time of a row that ran as part of it."""
    group = timing(analysis).group_of.get(at)
    return "" if group is None or group.leader == at else analysis.rows[group.leader].name


def macs(analysis: Analysis, group: Group) -> int | None:
    """The multiply-accumulates of a group; None where those of a row are not known."""
    works = [analysis.rows[at].work for at in group.rows]
    counts = [analysis.evaluate(work.macs) if work is not None else None for work in works]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def nbytes(analysis: Analysis, group: Group) -> int | None:
    """The bytes that a group moves with all fused that can be: no more than the runtime has to move."""
    counts = [analysis.evaluate(analysis.fused_traffic.rows[at].nbytes) for at in group.rows]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def bound(analysis: Analysis, group: Group) -> float | None:
    """The least time of a group on the target's device; None without one, or where that of a row is not known."""
    roofline = analysis.roofline
    if roofline is None:
        return None
    bounds = [roofline.rows[at].seconds for at in group.rows]
    known = [each for each in bounds if each is not None]
    return sum(known) if len(known) == len(bounds) else None


def achieved(analysis: Analysis, rows: Iterable[int]) -> Number:
    """Multiply-accumulates a second of the rows that have a time; "" where they have none."""
    return _rate([(macs(analysis, group), group.seconds) for group in _led(analysis, rows)])


def bandwidth(analysis: Analysis, rows: Iterable[int]) -> Number:
    """Bytes a second of the rows that have a time."""
    return _rate([(nbytes(analysis, group), group.seconds) for group in _led(analysis, rows)])


def efficiency(analysis: Analysis, rows: Iterable[int]) -> Number:
    """The least time of rows on the target's device as a share of their measured time."""
    if analysis.roofline is None:
        raise ModelError("--columns", "", "efficiency is bound / time: give the device of the bound by --device")
    groups = _led(analysis, rows)
    return _rate([(bound(analysis, group), group.seconds) for group in groups])


def estimate(analysis: Analysis) -> Estimate:
    """The estimate on the target's device. Raises ModelError where there is none, with how to get one."""
    if analysis.estimate is None:
        raise ModelError("--columns", "", f"time_estimate: {no_estimate(analysis)}")
    return analysis.estimate


def no_estimate(analysis: Analysis) -> str:
    """Why there is no estimate, and how to get one."""
    how = "`graphcost --calibrate FILE.toml` measures this machine, and --device FILE.toml then estimates for it"
    if analysis.device is None:
        return f"there is no estimate without a device: {how}"
    return f"the profile of {analysis.device.title} bounds only: {how}"


def estimated(analysis: Analysis, at: int) -> Number:
    """The estimate of a row; "" for one that is fused into another, None where nothing like it was measured."""
    found = estimate(analysis)
    return "" if at in found.into else found.rows[at]


def estimated_total(analysis: Analysis) -> float | None:
    """The estimate of a forward run, with what calling the runtime takes."""
    return estimate(analysis).seconds


def estimate_is_complete(analysis: Analysis) -> bool:
    """Whether no operator is left out of the estimate."""
    return analysis.complete and not estimate(analysis).missing


def how_good(calibration: Calibration) -> str:
    """The error of estimates on networks that a calibration was not made of, "" where that was not measured."""
    if calibration.half_within is None or not calibration.networks:
        return ""
    half = f"within {100 * calibration.half_within:.0f} % on half of {calibration.networks} networks"
    if calibration.most_within is None:
        return half
    return f"{half}, {100 * calibration.most_within:.0f} % on nine in ten"


def _led(analysis: Analysis, rows: Iterable[int]) -> list[Group]:
    leaders = timing(analysis).leaders
    return [leaders[at] for at in rows if at in leaders]


def _rate(pairs: Sequence[tuple[float | None, float]]) -> Number:
    known = [(amount, time) for amount, time in pairs if amount is not None]
    time = sum(time for _, time in known)
    amount = sum(amount for amount, _ in known)
    if not pairs or (len(known) == len(pairs) and not amount):
        return ""
    return amount / time if time and len(known) == len(pairs) else None
