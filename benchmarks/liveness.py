"""The memory that onnxruntime takes for activations in one run, beside our peak of live bytes.

    python benchmarks/liveness.py [MODEL.onnx ...]

Without a model the samples are written with weights inside and run. onnxruntime runs without optimisations, operator
by operator on one thread, and gives every tensor back after its last reader, so that the growth of the process is what
is alive and what its kernels work in. It chooses an order of its own, writes only activation functions over their
operand, copies pieces of tensors, and has its inputs before the run begins; the second of our figures is of the same.
Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphcost.passes.storage import Step

ROOT = Path(__file__).resolve().parent.parent
AT_ONCE = {"MALLOC_MMAP_THRESHOLD_": "16384", "MALLOC_TRIM_THRESHOLD_": "16384", "OMP_NUM_THREADS": "1"}
"""Has the C library give memory back to the system as soon as it is freed, if it is more than so many bytes."""

OVER = frozenset(
    ("Celu", "Clip", "Elu", "HardSigmoid", "LeakyRelu", "Relu", "Selu", "Sigmoid", "Softplus", "Softsign", "Tanh")
)
"""Operators that onnxruntime 1.31 was seen to write over their operand, as it was not with Add, Mul or Neg."""


def measure(path: Path) -> tuple[int, int, int]:
    """Our peak; what onnxruntime takes; and our peak in its order with what it writes over an operand, in bytes."""
    import onnxruntime
    from roofline import feeds

    import graphcost
    from graphcost.passes.buffers import allocate, live_bytes
    from graphcost.passes.storage import share

    analysis = graphcost.analyze(graphcost.load(path))
    if (peak := analysis.memory.peak_bytes) is None:
        raise ValueError("the peak is not known")
    storage = share(analysis.model, analysis.rows, analysis.inputs, analysis.evaluate, alias_slices=False)
    for number in storage.inputs:
        storage.alias_sets[number].external = True
    for step in storage.steps:
        step.reuses = tuple(at for at in step.reuses if at not in storage.inputs) if step.row.op.type in OVER else ()
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = options.enable_mem_pattern = options.enable_mem_reuse = False
    options.add_session_config_entry("session.disable_prepacking", "1")
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    inputs = feeds(analysis)
    session.run(None, inputs)  # what is made once is made here
    Path("/proc/self/clear_refs").write_text("5")  # the highest so far is forgotten
    before = _status("VmRSS")
    session.run(None, inputs)
    taken = _status("VmHWM") - before
    order = _order(path, options, inputs, storage.steps)
    return peak, taken, max(live_bytes(allocate(storage, order), len(order)))


def _order(path: Path, options: Any, inputs: dict[str, Any], steps: list[Step]) -> list[int]:
    """The numbers of the operators in the order in which onnxruntime runs them; the file's where it runs others."""
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        options.enable_profiling, options.profile_file_prefix = True, f"{folder}/profile"
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        session.run(None, inputs)
        events = json.loads(Path(session.end_profiling()).read_text())
    ran = [event["name"].removesuffix("_kernel_time") for event in events if event["name"].endswith("_kernel_time")]
    number = {step.row.op.name: at for at, step in enumerate(steps)}
    order = [number[name] for name in dict.fromkeys(ran) if name in number]
    rest = [at for at in range(len(steps)) if at not in set(order)]
    return [*rest, *order] if all(steps[at].row.constant for at in rest) else list(range(len(steps)))


def _status(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(key))


def main() -> None:
    parser = argparse.ArgumentParser(description="Hold our peak of live bytes against onnxruntime.")
    parser.add_argument("models", nargs="*", type=Path, metavar="MODEL")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(*measure(arguments.models[0]))
        return
    with tempfile.TemporaryDirectory() as folder:
        if not arguments.models:
            build = [sys.executable, str(ROOT / "onnx_models/build.py"), "--weights", "-o", folder]
            subprocess.run(build, check=True)
        for path in arguments.models or sorted(Path(folder).glob("*.onnx")):
            command = [sys.executable, __file__, "--one", str(path)]
            done = subprocess.run(command, capture_output=True, text=True, env=os.environ | AT_ONCE, check=False)
            if done.returncode:
                print(f"{path.name:40s} left out: {done.stderr.strip().splitlines()[-1][:80]}")
                continue
            ours, taken, alike = map(int, done.stdout.split())
            print(
                f"{path.name:40s} peak {ours / 2**20:7.2f} MiB; onnxruntime {taken / 2**20:7.2f} MiB,"
                f" ours in its order {alike / 2**20:7.2f} MiB: {alike / taken:.3f}"
            )


if __name__ == "__main__":
    main()
