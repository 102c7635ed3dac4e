"""Processor time and peak memory of whole processes on ONNX files, against other tools; the least of runs in turns.

    python benchmarks/onnx_files.py [--tools PYTHON] [--rounds N] [--table] [MODEL ...]

Without a model it measures the samples with real weights inside (`onnx_models/build.py --weights`) and the networks of
`benchmarks/networks.py`: chains that repeat and that do not, small weights inside the file, loops, BERT-base, and a
decoder of 1.1 G parameters in external data. `--table` prints the rows of docs/performance.md. Tools that are not
installed (benchmarks/requirements.txt; they may live in an environment of their own, whose interpreter `--tools` names)
are left out. Where a tool lets us choose, it does not read external data either.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROUNDS = 5
LONGEST = 120
"""Seconds that a tool may take on a file."""
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
    "onnxslim": ("onnxslim", "import sys, onnxslim; onnxslim.slim(sys.argv[1])"),
    "OpenCV": ("cv2", "import sys, cv2; cv2.dnn.readNetFromONNX(sys.argv[1])"),
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
    """Seconds of processor time and peak MB of one process; None when it fails or takes longer than LONGEST."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENV)
    timer = threading.Timer(LONGEST, process.kill)
    timer.start()
    _, status, usage = os.wait4(process.pid, 0)
    timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return None if process.returncode else (usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def samples(folder: Path) -> list[Path]:
    """The models to measure, made by processes of their own: what this one imports would count as theirs."""
    build = HERE.parent / "onnx_models" / "build.py"
    subprocess.run([sys.executable, str(build), "--weights", "-o", str(folder)], check=True)
    for network, *size in (["chain"], ["varied"], ["varied", "100000"], ["inline"], ["loops"], ["bert"], ["llama"]):
        place = folder / "-".join([network, *size])  # of its own: weights outside lie beside the file
        place.mkdir()
        made = place / f"{place.name}.onnx"
        subprocess.run([sys.executable, str(HERE / "networks.py"), network, str(made), *size], check=True)
    return sorted(folder.rglob("*.onnx"))


def measure(path: Path, python: str, rounds: int) -> dict[str, tuple[float, float] | None]:
    """The least processor time and the peak MB of each tool on a model; None for one that fails."""
    tools = commands(path, python)
    found: dict[str, list[tuple[float, float]]] = {}
    for turn in range(rounds):
        for tool in random.sample(list(tools), len(tools)):  # what ran before leaves its mark on the caches
            if turn and tool not in found:  # it failed on this file
                continue
            result = run(tools[tool])
            if result is not None:
                found.setdefault(tool, []).append(result)
    best = {tool: tuple(map(min, zip(*runs, strict=True))) for tool, runs in found.items()}
    return {tool: best.get(tool) for tool in tools}  # type: ignore[misc]


def cell(found: tuple[float, float] | None, own: float) -> str:
    """A tool in the table: how many times our processor time it takes, and its memory."""
    return "fails" if found is None else f"{found[0] / own:.1f} x, {found[1]:,.0f} MB"


def main() -> None:
    parser = argparse.ArgumentParser(description="Processor time and peak memory of whole processes on ONNX files.")
    parser.add_argument("models", nargs="*", type=Path, metavar="MODEL")
    parser.add_argument("--tools", default=sys.executable, metavar="PYTHON", help="the interpreter of the other tools")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N")
    parser.add_argument("--table", action="store_true", help="rows of Markdown, other tools as multiples of graphcost")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for path in given.models or samples(Path(folder)):
            found = measure(path, given.tools, given.rounds)
            own = found.pop("graphcost")
            size = path.stat().st_size / 1e6
            if own is None:
                print(f"{path.name}: graphcost fails", flush=True)
            elif given.table:
                cells = [f"{path.stem}, {size:,.0f} MB", f"{own[0]:.2f} s, {own[1]:,.0f} MB"]
                print("| " + " | ".join([*cells, *(cell(each, own[0]) for each in found.values())]) + " |", flush=True)
            else:
                print(f"{path.name} ({size:.0f} MB)")
                for tool, each in {"graphcost": own, **found}.items():
                    figures = "fails" if each is None else f"{each[0]:6.2f} s {each[1]:7.0f} MB"
                    print(f"  {tool:28} {figures}", flush=True)


if __name__ == "__main__":
    main()
