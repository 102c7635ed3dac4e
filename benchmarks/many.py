"""Seconds that a folder of models takes with one process and with two: `graphcost FOLDER --jobs N`.

    python benchmarks/many.py [MODELS [LAYERS]]

Every model is a chain of convolutions of its own sizes. It needs as many idle cores as there are processes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODELS, LAYERS, ROUNDS = 1_000, 150, 2
JOBS = (1, 2)


def network(number: int, layers: int) -> str:
    """A chain of convolutions, each a channel wider than the one before."""
    text = [f'input: "x0" input_shape {{ dim: 1 dim: 3 dim: {64 + number % 64} dim: 64 }}']
    text += [
        f'layer {{ name: "c{at}" type: "Convolution" bottom: "x{at}" top: "x{at + 1}" '
        f"convolution_param {{ num_output: {8 + at} kernel_size: 3 pad: 1 }} }}"
        for at in range(layers)
    ]
    return "\n".join(text)


def seconds(folder: str, jobs: int) -> float:
    """Seconds by the clock for one reading of the folder."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "graphcost", folder, "--jobs", str(jobs), "--quiet"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    models, layers = [*map(int, sys.argv[1:]), *(MODELS, LAYERS)[len(sys.argv) - 1 :]]
    with tempfile.TemporaryDirectory() as folder:
        for number in range(models):
            Path(folder, f"net{number:05}.prototxt").write_text(network(number, layers))
        rounds = [[seconds(folder, jobs) for jobs in JOBS] for _ in range(ROUNDS)]
        one, *_ = least_of = [min(times) for times in zip(*rounds, strict=True)]
        for jobs, least in zip(JOBS, least_of, strict=True):
            each = 1000 * least / models
            print(f"{jobs} processes: {least:.1f} s, {each:.1f} ms a model, {one / least:.2f} times as fast")


if __name__ == "__main__":
    main()
