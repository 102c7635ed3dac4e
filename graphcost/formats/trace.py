"""A run over the schedule as a trace that Perfetto and Chrome's tracing page draw: operators, live memory, buffers.

On a device an operator takes the least time that the device allows, so that the trace is a lower bound and no
measurement; without one each operator of the schedule takes a microsecond, and the axis counts steps. What is not known
has no length and says so. Operators in bodies lie under the one that runs them.

Format: the Trace Event Format, https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ..analysis import Analysis
from ..dims import to_json
from ..report import Report

PROCESS = 1
OPERATORS, BUFFERS = 1, 2
"""The threads that stand for tracks."""

Event = dict[str, Any]


def write(report: Report) -> str:
    """The trace of a report."""
    analysis = report.analysis
    spans = _spans(analysis)
    events = [*_names(report), *_operators(analysis, spans), *_memory(analysis, spans), *_buffers(analysis, spans)]
    data = {"displayTimeUnit": "ms", "otherData": _about(report), "traceEvents": events}
    return json.dumps(data, allow_nan=False) + "\n"


def _about(report: Report) -> dict[str, str]:
    device = report.analysis.device
    axis = f"least time on {device.title}" if device is not None else "steps of the schedule, a microsecond each"
    return {"model": report.title, "time axis": axis, "coverage": report.coverage}


def _names(report: Report) -> Iterator[Event]:
    device = report.analysis.device
    what = f"lower bounds on {device.title}" if device is not None else "steps"
    yield _event("M", "process_name", 0, args={"name": report.title})
    yield _event("M", "thread_name", 0, OPERATORS, args={"name": f"operators ({what})"})
    yield _event("M", "thread_name", 0, BUFFERS, args={"name": "buffers"})


def _spans(analysis: Analysis) -> list[tuple[float, float]]:
    """Begin and length of each row in microseconds, those in bodies within the operator that runs them."""
    own = _lengths(analysis)
    spans: list[tuple[float, float]] = []
    inside: list[tuple[str, int, float]] = []  # the prefix of the operators that are open, their row, their begin
    now = 0.0
    for at, row in enumerate(analysis.rows):
        while inside and not row.name.startswith(inside[-1][0]):
            _, parent, begin = inside.pop()
            spans[parent] = (begin, now - begin)
        spans.append((now, own[at]))
        if row.op.bodies:
            inside.append((f"{row.name}/", at, now))
        now += own[at]
    for _, parent, begin in reversed(inside):
        spans[parent] = (begin, now - begin)
    return spans


def _lengths(analysis: Analysis) -> Sequence[float]:
    """Microseconds of each row by itself."""
    if analysis.roofline is None:
        return [1.0] * len(analysis.rows)
    return [1e6 * (bound.seconds or 0.0) for bound in analysis.roofline.rows]


def _operators(analysis: Analysis, spans: Sequence[tuple[float, float]]) -> Iterator[Event]:
    for at, row in enumerate(analysis.rows):
        work = row.work
        args: dict[str, Any] = {
            "type": row.op.type,
            "output": [None if not t.ranked else [to_json(extent) for extent in t.shape] for t in row.outputs],
            "macs": to_json(work.macs) if work else None,
            "params": to_json(analysis.parameters.rows[at]),
            "status": row.status,
        }
        if analysis.roofline is not None:
            bound = analysis.roofline.rows[at]
            args["bound by"] = bound.by or bound.why or None
        if row.why:
            args["note"] = row.why
        begin, length = spans[at]
        yield _event("X", row.name, begin, OPERATORS, cat="operator", dur=length, args=args)


def _memory(analysis: Analysis, spans: Sequence[tuple[float, float]]) -> Iterator[Event]:
    """Live activation bytes while each operator of the outer graph runs; nothing where sizes are not known."""
    memory = analysis.memory
    if memory.peak_bytes is None:
        return
    for at, step in memory.step_of.items():
        yield _event("C", "live activations", spans[at][0], args={"bytes": memory.curve[step]})
    yield _event("C", "live activations", max((sum(span) for span in spans), default=0.0), args={"bytes": 0})


def _buffers(analysis: Analysis, spans: Sequence[tuple[float, float]]) -> Iterator[Event]:
    """From when to when each buffer is needed."""
    rows = {step: at for at, step in analysis.memory.step_of.items()}
    for number, buffer in enumerate(analysis.memory.buffers):
        if not rows or buffer.birth not in rows or buffer.death not in rows:
            continue
        names = [analysis.model.blob_names.get(name, name) for name in dict.fromkeys(buffer.tensors)]
        args = {"bytes": to_json(buffer.size), "tensors": list(dict.fromkeys(names))}
        begin, end = spans[rows[buffer.birth]][0], sum(spans[rows[buffer.death]])
        for phase, at in (("b", begin), ("e", end)):
            yield _event(phase, names[0] if names else "buffer", at, BUFFERS, cat="buffer", id=number, args=args)


def _event(phase: str, name: str, at: float, thread: int = 0, **more: Any) -> Event:
    return {"name": name, "ph": phase, "ts": round(at, 6), "pid": PROCESS, "tid": thread, **more}
