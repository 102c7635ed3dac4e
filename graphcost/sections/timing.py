"""Measured times: the slowest layers, those furthest from their bound, and what could not be joined to a layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .. import times
from ..analysis import Analysis
from ..passes.timing import Group, Ran, Timing
from ..table import Table, counted, show
from . import Section

SHOWN = 10
"""Layers of a table, and operators that are listed before they are only counted."""


def tables(analysis: Analysis) -> list[Table]:
    """The totals, the slowest layers, with a device those furthest from the roofline, and what is not joined."""
    timing = analysis.timing
    if timing is None:
        return []
    found = [_totals(analysis, timing), _slowest(analysis, timing)]
    if analysis.roofline is not None:
        found.append(_furthest(analysis, timing))
    return found + ([_unjoined(timing)] if timing.unjoined else [])


def _totals(analysis: Analysis, timing: Timing) -> Table:
    rows = []
    if timing.run is not None:
        rows.append(("whole run", show(timing.run.seconds, "time"), _spread(timing.run)))
    rows.append(("all operators", show(timing.operators, "time"), ""))
    for title, ran in (("added by the runtime", timing.added), ("not joined", timing.unjoined)):
        if ran:
            seconds = sum(each.seconds for each in ran)
            rows.append((title, show(seconds, "time"), f"{counted(len(ran), 'operator')}: {_names(ran)}"))
    if analysis.roofline is not None and analysis.roofline.seconds is not None:
        bound = analysis.roofline.seconds
        share = f"{show(bound / timing.seconds, 'share')} of the measured time" if timing.seconds else ""
        rows.append(("latency, lower bound", show(bound, "time"), share))
    notes = [*timing.notes, *_untimed(analysis, timing)]
    heading = f"Measured: {timing.source}"
    return Table(("item", "time", ""), (False, True, False), rows, notes=notes, heading=heading)


def _spread(ran: Ran) -> str:
    if ran.low is None or ran.high is None:
        return ""
    return f"median; {show(ran.low, 'time')} to {show(ran.high, 'time')} in 8 of 10 runs"


def _names(ran: Sequence[Ran]) -> str:
    kinds = dict.fromkeys(each.kind or each.name for each in ran)
    return ", ".join(list(kinds)[:3]) + (", ..." if len(kinds) > 3 else "")


def _untimed(analysis: Analysis, timing: Timing) -> Iterator[str]:
    """Which rows have no time."""
    if timing.untimed:
        names = [analysis.rows[at].name for at in timing.untimed[:SHOWN]]
        more = f" and {len(timing.untimed) - SHOWN} more" if len(timing.untimed) > SHOWN else ""
        yield f"Without a measured time: {', '.join(names)}{more}."


def _label(analysis: Analysis, group: Group) -> str:
    more = f" (+ {len(group.rows) - 1})" if len(group.rows) > 1 else ""
    return analysis.rows[group.leader].name + more


def _slowest(analysis: Analysis, timing: Timing) -> Table:
    """The layers that take most, each with the share that they take together with those before."""
    slowest = sorted(timing.groups, key=lambda group: group.seconds, reverse=True)[:SHOWN]
    rows, sum_ = [], 0.0
    for group in slowest:
        sum_ += group.seconds
        share, together = (
            show(each / timing.operators if timing.operators else 0.0, "share") for each in (group.seconds, sum_)
        )
        rate = show(times.achieved(analysis, [group.leader]), "short")
        rows.append((_label(analysis, group), show(group.seconds, "time"), share, together, rate))
    titles = ("layer", "time", "duration", "cumulative", "MAC/s")
    notes = ["(+ n): so many rows ran as part of the layer."] if any(len(group.rows) > 1 for group in slowest) else []
    return Table(titles, (False, True, True, True, True), rows, notes=notes, heading="Slowest layers")


def _furthest(analysis: Analysis, timing: Timing) -> Table:
    """The layers that take longest beyond their bound: what could be gained if their kernels were perfect."""
    known = [(group, times.bound(analysis, group)) for group in timing.groups]
    gaps = sorted(
        ((group.seconds - bound, bound, group) for group, bound in known if bound is not None),
        key=lambda each: each[0],
        reverse=True,
    )
    rows = [
        (
            _label(analysis, group),
            show(group.seconds, "time"),
            show(bound, "time"),
            show(bound / group.seconds if group.seconds else 0.0, "share"),
            show(gap, "time"),
        )
        for gap, bound, group in gaps[:SHOWN]
    ]
    titles = ("layer", "time", "time bound", "efficiency", "beyond the bound")
    return Table(titles, (False, True, True, True, True), rows, heading="Furthest from the roofline")


def _unjoined(timing: Timing) -> Table:
    """The operators that are of no row: their time is given to nobody."""
    rows = [(each.name, each.kind, show(each.seconds, "time")) for each in timing.unjoined[:SHOWN]]
    hidden = len(timing.unjoined) - len(rows)
    notes = [f"{counted(hidden, 'more operator')}."] if hidden else []
    return Table(
        ("operator", "type", "time"), (False, False, True), rows, notes=notes, heading="Measured, and of no layer here"
    )


def data(analysis: Analysis) -> dict[str, Any] | None:
    """Seconds of the run and of each group; None where nothing was measured."""
    timing = analysis.timing
    if timing is None:
        return None
    return {
        "source": timing.source,
        "time": timing.seconds,
        "run": None if timing.run is None else _ran(timing.run),
        "operators": timing.operators,
        "layers": [
            {
                "name": analysis.rows[group.leader].name,
                "rows": [analysis.rows[at].name for at in group.rows],
                "time": group.seconds,
                "time_bound": times.bound(analysis, group),
                "macs": times.macs(analysis, group),
                "bytes": times.nbytes(analysis, group),
                "ran": [_ran(each) for each in group.ran],
            }
            for group in timing.groups
        ],
        "added": [_ran(each) for each in timing.added],
        "unjoined": [_ran(each) for each in timing.unjoined],
        "untimed": [analysis.rows[at].name for at in timing.untimed],
        "notes": list(timing.notes),
    }


def _ran(ran: Ran) -> dict[str, Any]:
    return {
        "name": ran.name,
        "type": ran.kind,
        "time": ran.seconds,
        "low": ran.low,
        "high": ran.high,
        "fastest": ran.fastest,
    }


SECTION = Section("timing", "measured times: slowest layers, distance from the bound", tables, data, beside=True)
