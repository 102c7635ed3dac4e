"""Measure what a machine's operators take, as the points of a calibration, and how far estimates by them are off.

Every small network of `grid` is run here, and each group of rows that ran as one becomes a point. The networks of
`trials` are then estimated from these points and measured: what that shows is stated with every estimate.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date

from ..analysis import Analysis
from ..binding import bind
from ..calibrations import Calibration, Point
from ..devices import Device
from ..importers import load
from ..passes import estimate
from . import grid, measuring, runtime, trials
from .runnable import build
from .stats import at

SECONDS = 0.25
"""What the runs of one small network take."""
Progress = Callable[[str], None]


def calibrate(
    device: Device, *, threads: int = 0, scale: float = 1.0, check: bool = True, progress: Progress | None = None
) -> Calibration:
    """The calibration of this machine; `scale` says how many networks are measured for each that is meant to be.

    `device` is the profile that it is for. Raises ModelError where onnxruntime is not installed.
    """
    say = progress or (lambda text: None)
    count = round(sum(count for _, count in grid.KINDS.values()) * scale)
    points: dict[str, list[Point]] = {}
    for number, (kind, data) in enumerate(grid.networks(scale), 1):
        say(f"calibrating: network {number} of {count}, {kind}")
        for family, point in measured(data, threads):
            points.setdefault(family, []).append(point)
    module = runtime.onnxruntime()
    found = Calibration(
        {family: tuple(several) for family, several in sorted(points.items())},
        call=call(threads),
        operator=operator(threads),
        machine=f"{platform.node()}, {platform.processor() or platform.machine()}",
        runtime=f"onnxruntime {module.__version__}",
        threads=threads or os.cpu_count() or 1,
        date=date.today().isoformat(),
    )
    if check:
        say("calibrating: how far estimates are off")
        found = checked(replace(device, calibration=found), threads)
    say("")
    return found


def measured(data: bytes, threads: int) -> Iterable[tuple[str, Point]]:
    """The points that a network gives: the family and the sizes of each group, and its fastest run."""
    analysis = analysed(data)
    timing = measuring.measure(analysis, data, threads=threads, seconds=SECONDS, clock=False)
    for group in timing.groups:
        row = analysis.rows[group.leader]
        described = estimate.describe(row, analysis.fused_traffic.rows[group.leader].dtype, analysis.evaluate)
        if described is not None and group.fastest > 0:
            yield described.family, Point(described.at, described.amount, group.fastest / described.repeats)


def analysed(data: bytes) -> Analysis:
    model = load(data)
    return Analysis.of(model, bind(model))


def call(threads: int) -> float:
    """Seconds of the fastest run of a model that does nothing."""
    return _fastest(grid.empty(), threads)


def operator(threads: int) -> float:
    """Seconds from one operator to the next, beside what the operators take: of a chain of many small ones."""
    chain = grid.Chain(0, (1, 16))
    for _ in range(SMALL):
        chain.add("Floor")
    data = chain.model()
    timing = measuring.measure(analysed(data), data, threads=threads, seconds=SECONDS)
    within = sum(group.fastest for group in timing.groups)
    return max(0.0, (_fastest(data, threads) - call(threads) - within) / SMALL)


SMALL = 100


def _fastest(data: bytes, threads: int) -> float:
    """Seconds of the fastest run by the clock, without the profiler."""
    module = runtime.onnxruntime()
    session = module.InferenceSession(
        data, runtime.session_options(module, threads), providers=["CPUExecutionProvider"]
    )
    feeds = build(data, analysed(data)).feeds
    times: list[float] = []
    end = time.perf_counter() + SECONDS
    while len(times) < 10 or time.perf_counter() < end:
        start = time.perf_counter()
        session.run(None, feeds)
        times.append(time.perf_counter() - start)
    return min(times)


def checked(device: Device, threads: int) -> Calibration:
    """The calibration of a device with the error that it has on networks it was not made of."""
    assert device.calibration is not None
    errors = []
    for _, data in trials.networks():
        analysis = analysed(data)
        timing = measuring.measure(analysis, data, threads=threads, seconds=2 * SECONDS, clock=False)
        told = estimate.estimate(analysis.model, analysis.rows, analysis.fused_traffic, device, analysis.evaluate)
        assert told is not None and told.seconds is not None
        errors.append(abs(told.seconds / (device.calibration.call + timing.fastest) - 1))
    errors.sort()
    return replace(device.calibration, networks=len(errors), half_within=at(errors, 0.5), most_within=at(errors, 0.9))


def fastest_bytes(calibration: Calibration) -> float:
    """Bytes a second that the best elementwise kernel read and wrote, of those that took long enough to be timed."""
    points = [point for kind in ELEMENTWISE for point in calibration.points.get(kind, ())]
    return max((FLOAT * point.amount / point.seconds for point in points if point.seconds > LONG), default=0.0)


ELEMENTWISE = ("Relu", "Abs", "Neg", "Add", "Sub", "Mul", "Max", "Min", "Clip", "Concat")
FLOAT = 4
"""Bytes of an element."""
LONG = 20e-6
"""Seconds from which the profiler's whole microseconds are exact enough."""


def to_toml(calibration: Calibration) -> str:
    """The part of a profile that holds a calibration."""
    lines = [
        "",
        "[start]  # seconds: a run of an empty model, and from one operator to the next",
        f"call = {calibration.call:.3g}",
        f"operator = {calibration.operator:.3g}",
        "",
        "[calibration]",
        f'machine = "{_plain(calibration.machine)}"',
        f'runtime = "{_plain(calibration.runtime)}"',
        f"threads = {calibration.threads}",
        f'date = "{calibration.date}"',
        f"networks = {calibration.networks}  # measured to see how far estimates are off",
    ]
    if calibration.half_within is not None and calibration.most_within is not None:
        lines += [
            f"half_within = {calibration.half_within:.3g}  # of half of them by no more than this share",
            f"most_within = {calibration.most_within:.3g}  # of nine in ten",
        ]
    for family, points in calibration.points.items():
        sizes = estimate.AXES.get(family.removeprefix("int8 "), estimate.OTHER_AXES)
        lines += ["", "[[point]]", f'family = "{_plain(family)}"', f'sizes = "{", ".join(sizes)}, amount, seconds"']
        rows = [f"  [{', '.join(f'{number:.4g}' for number in (*p.at, p.amount, p.seconds))}]," for p in points]
        lines += ["measured = [", *rows, "]"]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    return "".join(character for character in text if character.isprintable() and character not in '"\\')
