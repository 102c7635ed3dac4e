"""The time that onnxruntime takes on this machine, beside the lower bound that `--device` states for it.

    python benchmarks/roofline.py [--profile FILE.toml] [MODEL.onnx ...]

Without a profile the machine is measured first, as `graphcost --calibrate` does; without a model, the samples are run.
Open sizes are what the report assumes for them. A time is that of the fastest run within some seconds; one that is
below its bound is a bug of ours, and the exit code is then 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

import graphcost
from graphcost import calibrate
from graphcost.table import show
from graphcost.target import Target

SAMPLES = sorted((Path(__file__).resolve().parent.parent / "onnx_models").glob("*.onnx"))
SECONDS = 10.0


def feeds(analysis: graphcost.Analysis) -> dict[str, Any]:
    """Random contents for every input; raises ValueError for a size that is open."""
    rng = np.random.default_rng(0)
    found = {}
    for name, tensor in analysis.inputs.items():
        shape = [analysis.evaluate(extent) for extent in tensor.shape]
        if None in shape:
            raise ValueError(f"the size of {name} is open")
        whole = not tensor.dtype.startswith("float")
        found[name] = (rng.integers(0, 2, shape) if whole else rng.standard_normal(shape)).astype(tensor.dtype)
    return found


def fastest(path: Path, given: dict[str, Any]) -> float:
    """Seconds of onnxruntime's fastest run, with all of its optimisations and cores."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    best, end = float("inf"), time.perf_counter() + SECONDS
    while best == float("inf") or time.perf_counter() < end:
        start = time.perf_counter()
        session.run(None, given)
        best = min(best, time.perf_counter() - start)
    return best


def main() -> int:
    parser = argparse.ArgumentParser(description="Hold the lower bound on time against onnxruntime.")
    parser.add_argument("models", nargs="*", type=Path, metavar="MODEL")
    parser.add_argument("--profile", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    violated = 0
    with tempfile.TemporaryDirectory() as folder:
        profile = arguments.profile or Path(folder) / "this-machine.toml"
        if arguments.profile is None:
            profile.write_text(calibrate.profile())
        print(profile.read_text())
        for path in arguments.models or SAMPLES:
            try:
                analysis = graphcost.analyze(graphcost.load(path), target=Target(device=str(profile)))
                roofline = analysis.roofline
                assert roofline is not None
                measured = fastest(path, feeds(analysis))
            except Exception as problem:  # whatever a model and onnxruntime may come up with
                print(f"{path.name:40s} left out: {' '.join(str(problem).split())[:80]}")
                continue
            if roofline.seconds is None:
                print(f"{path.name:40s} left out: {roofline.why}")
                continue
            violated += measured < roofline.seconds
            ratio = f"{measured / roofline.seconds:8.2f}" if roofline.seconds else " no bound"
            verdict = "  VIOLATED" if measured < roofline.seconds else ""
            times = f"bound {show(roofline.seconds, 'time'):>9s}, measured {show(measured, 'time'):>9s}"
            print(f"{path.name:40s} {times}, ratio {ratio}{verdict}", flush=True)
    return 1 if violated else 0


if __name__ == "__main__":
    sys.exit(main())
