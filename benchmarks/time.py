"""How far the bound and the estimate of `--device` are from what onnxruntime takes on this machine, layer by layer.

    python benchmarks/time.py [--profile FILE.toml] [--threads N] [--seconds S] [NAME ...]

The networks are those of benchmarks/zoo.py. Without a profile the machine is calibrated first. Measured is what a run
takes that nothing disturbs: the sum of the operators' fastest runs and a call of the runtime or, with one thread, its
least processor time, which does not count while something else runs, whichever is less. The rank correlation is that
of the layers' fastest times, a group of layers that ran as one counting as one. A bound above the measured time of a
layer or of a network is a bug of ours, and the exit code is then 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import onnxruntime
from zoo import ZOO

import graphcost
from graphcost import calibrate
from graphcost.table import show
from graphcost.target import Target
from graphcost.timing import runnable, runtime

ROUNDING = 0.5e-6
"""Seconds that a measured operator may have taken more: the profiler counts whole microseconds."""


@dataclass
class Result:
    """What was found of one network."""

    name: str
    layers: int
    measured: float
    clock: float
    bound: float
    estimate: float
    ranks: float
    """Rank correlation of the estimate and the measured time over the layers."""
    bound_ranks: float
    violated: list[str]

    @property
    def error(self) -> float:
        return self.estimate / self.measured - 1


def ranked(values: Sequence[float]) -> list[float]:
    """The rank of each value; equal values share theirs."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        stop = start
        while stop + 1 < len(order) and values[order[stop + 1]] == values[order[start]]:
            stop += 1
        for at in range(start, stop + 1):
            ranks[order[at]] = (start + stop) / 2
        start = stop + 1
    return ranks


def correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Spearman's: Pearson's of the ranks."""
    x, y = ranked(a), ranked(b)
    mean = (len(x) - 1) / 2
    over = sum((p - mean) * (q - mean) for p, q in zip(x, y, strict=True))
    under = (sum((p - mean) ** 2 for p in x) * sum((q - mean) ** 2 for q in y)) ** 0.5
    return over / under if under else float("nan")


def compare(name: str, folder: Path, profile: Path, threads: int, seconds: float) -> Result:
    path = folder / "net.onnx"
    path.write_bytes(ZOO[name]().model().SerializeToString())
    analysis = graphcost.analyze(graphcost.load(path), target=Target(device=str(profile)))
    analysis = analysis.measured(path, threads=threads, seconds=seconds)
    timing, roofline, estimate = analysis.timing, analysis.roofline, analysis.estimate
    assert timing is not None and roofline is not None and timing.run is not None and timing.run.fastest is not None
    assert estimate is not None and estimate.seconds is not None and roofline.seconds is not None
    assert analysis.device is not None and analysis.device.calibration is not None
    taken = [group.fastest for group in timing.groups]
    bounds = [sum(roofline.rows[at].seconds or 0.0 for at in group.rows) for group in timing.groups]
    told = [sum(estimate.rows[at] or 0.0 for at in group.rows) for group in timing.groups]
    measured = timing.fastest + analysis.device.calibration.call
    if threads == 1:
        measured = min(measured, processor_time(path, analysis, seconds))
    violated = [
        f"{analysis.rows[group.leader].name} ({show(bound, 'time')} > {show(group.fastest, 'time')})"
        for group, bound in zip(timing.groups, bounds, strict=True)
        if bound > group.fastest + ROUNDING * len(group.ran)
    ]
    violated += ["the whole network"] if roofline.seconds > measured else []
    return Result(
        name, len(taken), measured, timing.run.fastest, roofline.seconds, estimate.seconds,
        correlation(told, taken), correlation(bounds, taken), violated,
    )  # fmt: skip


def processor_time(path: Path, analysis: graphcost.Analysis, seconds: float) -> float:
    """The least processor time of a run by one thread, which is the one that calls."""
    model = runnable.build(path, analysis)
    session = onnxruntime.InferenceSession(
        path, runtime.session_options(onnxruntime, 1), providers=["CPUExecutionProvider"]
    )
    times, end = [], time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        start = time.thread_time()
        session.run(None, model.feeds)
        times.append(time.thread_time() - start)
    return min(times)


def middle(values: Sequence[float], share: float = 0.5) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare bounds and estimates with measured times.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"networks: {', '.join(ZOO)}")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="a calibrated profile of this machine")
    parser.add_argument("--threads", type=int, default=1, metavar="N")
    parser.add_argument("--seconds", type=float, default=2.0, metavar="S", help="how long each network is measured")
    given = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        profile = given.profile or Path(folder) / "this-machine.toml"
        if given.profile is None:
            calibrate.save(profile, threads=given.threads)
        print(f"load average {os.getloadavg()[0]:.1f}, {given.threads} thread(s)")
        print("| network | layers | measured | bound | of it | estimate | error | rank correlation | of bounds |")
        print("|:--------|-------:|---------:|------:|------:|---------:|------:|-----------------:|----------:|")
        for name in given.names or ZOO:
            found = compare(name, Path(folder), profile, given.threads, given.seconds)
            times = [show(each, "time") for each in (found.measured, found.bound, found.estimate)]
            share = f"{100 * found.bound / found.measured:.0f}%"
            verdict = f"  VIOLATED: {', '.join(found.violated)}" if found.violated else ""
            print(
                f"| {name} | {found.layers} | {times[0]} | {times[1]} | {share} | {times[2]} |"
                f" {100 * found.error:+.0f}% | {found.ranks:.2f} | {found.bound_ranks:.2f} |{verdict}",
                flush=True,
            )
            results.append(found)
    errors = [abs(each.error) for each in results]
    print(
        f"\nestimate off by {100 * middle(errors):.0f}% in the median, {100 * middle(errors, 0.9):.0f}% in nine of ten;"
    )
    print(f"rank correlation over layers in the median network {middle([each.ranks for each in results]):.2f},")
    print(f"of bounds {middle([each.bound_ranks for each in results]):.2f};")
    violations = sum(len(each.violated) for each in results)
    print(f"bounds above a measured time: {violations} of {sum(each.layers for each in results)} layers")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
