"""Wall time and peak memory of whole processes on ONNX files, against other tools; medians of runs in turns.

    python benchmarks/onnx_files.py [--tools PYTHON] [MODEL ...]

Without a model it measures the samples with real weights inside (`onnx_models/build.py --weights`) and the networks of
`benchmarks/networks.py`: a chain of 10,500 nodes, BERT-base, and a decoder of 1.1 G parameters in external data. Tools
that are not installed (benchmarks/requirements.txt; they may live in an environment of their own, whose interpreter
`--tools` names) are left out. Where a tool lets us choose, it does not read external data either.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROUNDS = 5
ENV = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""As tools are installed: with compiled files."""
OTHERS = {
    "onnx load + infer_shapes": (
        "onnx",
        "import sys, onnx; onnx.shape_inference.infer_shapes(onnx.load(sys.argv[1], load_external_data=False))",
    ),
    "onnxruntime symbolic": (
        "onnxruntime",
        "import sys, onnx; from onnxruntime.tools.symbolic_shape_infer import SymbolicShapeInference as Inference;"
        " Inference.infer_shapes(onnx.load(sys.argv[1], load_external_data=False), auto_merge=True)",
    ),
    "onnx-tool": ("onnx_tool", "import sys, onnx_tool; onnx_tool.model_profile(sys.argv[1])"),
    "onnxsim": ("onnxsim", "import sys, onnxsim; onnxsim.simplify(sys.argv[1])"),
}
"""The package that each other tool needs, and how it is run on a file."""


def commands(path: Path, python: str) -> dict[str, list[str]]:
    """What to run on a model; the other tools in the interpreter that has them."""
    found = {
        "graphcost": [sys.executable, "-m", "graphcost", str(path)],
        "import networkx, jinja2": [sys.executable, "-c", "import networkx, jinja2"],
    }
    for tool, (package, code) in OTHERS.items():
        if subprocess.run([python, "-c", f"import {package}"], capture_output=True, check=False).returncode == 0:
            found[tool] = [python, "-c", code, str(path)]
    return found


def run(command: list[str]) -> tuple[float, float] | None:
    """Seconds and peak MB of one process; None when it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENV)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return None if process.returncode else (time.perf_counter() - start, usage.ru_maxrss / 1024)


def samples(folder: Path) -> list[Path]:
    """The models to measure, made by processes of their own: what this one imports would count as theirs."""
    build = HERE.parent / "onnx_models" / "build.py"
    subprocess.run([sys.executable, str(build), "--weights", "-o", str(folder)], check=True)
    for network in ("chain", "bert", "llama"):
        made = folder / f"{network}.onnx"
        subprocess.run([sys.executable, str(HERE / "networks.py"), network, str(made)], check=True)
    return sorted(folder.glob("*.onnx"))


def measure(path: Path, python: str) -> None:
    print(f"{path.name} ({path.stat().st_size / 1e6:.0f} MB)")
    tools = commands(path, python)
    found: dict[str, list[tuple[float, float]]] = {}
    for turn in range(ROUNDS):
        for tool in random.sample(list(tools), len(tools)):  # what ran before leaves its mark on the caches
            if turn and tool not in found:  # it failed on this file
                continue
            result = run(tools[tool])
            if result is not None:
                found.setdefault(tool, []).append(result)
    for tool in tools:
        if tool not in found:
            print(f"  {tool:28} fails")
            continue
        seconds, megabytes = (statistics.median(side) for side in zip(*found[tool], strict=True))
        print(f"  {tool:28} {seconds:6.2f} s {megabytes:7.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description="Wall time and peak memory of whole processes on ONNX files.")
    parser.add_argument("models", nargs="*", type=Path, metavar="MODEL")
    parser.add_argument("--tools", default=sys.executable, metavar="PYTHON", help="the interpreter of the other tools")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for path in given.models or samples(Path(folder)):
            measure(path, given.tools)


if __name__ == "__main__":
    main()
