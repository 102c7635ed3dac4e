"""What other tools count on ONNX files, beside what our conventions say that they count.

    python benchmarks/counts.py [--tools PYTHON] [MODEL ...]

Without a model it takes the samples with real weights inside (`onnx_models/build.py --weights`). The tools may live in
an environment of their own, whose interpreter `--tools` names (benchmarks/requirements.txt); one that is not installed,
or stops at a file, has no figure. Not compared: the tools for PyTorch, which do not read files.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import graphcost
from graphcost import conventions

BUILD = Path(__file__).resolve().parent.parent / "onnx_models" / "build.py"
TOOLS = {
    "onnx_tool.macs": (
        "import onnx_tool; model = onnx_tool.Model(path, {'verbose': False}); model.graph.shape_infer(None);"
        " model.graph.profile(); total = model.graph.macs[0]"
    ),
    "onnx_opcounter.macs": (
        "import onnx, onnx_opcounter; total = onnx_opcounter.calculate_macs(onnx.shape_inference.infer_shapes("
        "onnx.load(path)))"
    ),
    "onnxsim.flops": "import onnx; from onnxsim.model_info import ModelInfo; total = ModelInfo(onnx.load(path)).flops",
}
"""How each is asked for its total, by the metric that says the same."""


def printed(python: str, code: str, path: Path) -> int | None:
    """What a tool counts on a file, in a process of its own; None when it fails."""
    program = f"import sys; path = sys.argv[1]; {code}; print(); print(int(total))"
    done = subprocess.run([python, "-c", program, str(path)], capture_output=True, text=True, check=False)
    return int(done.stdout.split()[-1]) if done.returncode == 0 else None


def compare(path: Path, python: str) -> None:
    """A line for each tool: its figure, ours, and their difference."""
    analysis = graphcost.analyze(graphcost.load(path))
    for key, code in TOOLS.items():
        metric = conventions.metric(*key.split("."))
        assert metric is not None
        ours, theirs = analysis.evaluate(metric.total(analysis)), printed(python, code, path)
        figure = "no figure" if theirs is None else f"{theirs:,}"
        verdict = "" if theirs is None or ours is None else "equal" if ours == theirs else f"{ours - theirs:+,}"
        print(f"{path.stem:12} {key:20} {figure:>18} {'?' if ours is None else f'{ours:,}':>18}  {verdict}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="What other tools count on ONNX files, beside our conventions.")
    parser.add_argument("models", nargs="*", type=Path, metavar="MODEL")
    parser.add_argument("--tools", default=sys.executable, metavar="PYTHON", help="the interpreter of the other tools")
    given = parser.parse_args()
    print(f"{'file':12} {'metric':20} {'the tool':>18} {'ours':>18}  ours less the tool's")
    with tempfile.TemporaryDirectory() as folder:
        if not given.models:
            subprocess.run([sys.executable, str(BUILD), "--weights", "-o", folder], check=True)
        for path in given.models or sorted(Path(folder).glob("*.onnx")):
            compare(path, given.tools)


if __name__ == "__main__":
    main()
