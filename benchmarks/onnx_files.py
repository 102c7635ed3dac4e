"""Wall time and peak memory of whole processes on ONNX files, against other tools; medians of alternating runs.

    python benchmarks/onnx_files.py [MODEL ...]

Without a model it measures the samples with real weights inside (`onnx_models/build.py --weights`) and a net of 10,500
nodes. Tools that are not installed (benchmarks/requirements.txt) are left out.
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 5
ENV = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""As tools are installed: with compiled files."""
TOOLS = {
    "graphcost": [sys.executable, "-m", "graphcost", "{}"],
    "import networkx, jinja2": [sys.executable, "-c", "import networkx, jinja2"],
    "onnx load + infer_shapes": [
        sys.executable, "-c", "import sys, onnx; onnx.shape_inference.infer_shapes(onnx.load(sys.argv[1]))", "{}",
    ],
    "onnxruntime symbolic": [
        sys.executable, "-c",
        "import sys, onnx; from onnxruntime.tools.symbolic_shape_infer import SymbolicShapeInference as S;"
        " S.infer_shapes(onnx.load(sys.argv[1]), auto_merge=True)", "{}",
    ],
    "onnx-tool": [
        sys.executable, "-c",
        "import sys, onnx_tool; onnx_tool.model_profile(sys.argv[1], save_profile=sys.argv[2])", "{}", os.devnull,
    ],
}  # fmt: skip


def run(command: list[str]) -> tuple[float, float] | None:
    """Seconds and peak MB of one process; None when it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENV)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return None if process.returncode else (time.perf_counter() - start, usage.ru_maxrss / 1024)


def long_chain(path: Path, nodes: int = 10_500) -> Path:
    """Convolution, batch normalisation and ReLU, over and over."""
    from onnx import TensorProto, helper, save

    made, weights = [], []
    x = "x"
    for at in range(nodes // 3):
        weights.append(helper.make_tensor(f"w{at}", TensorProto.FLOAT, (4, 4, 1, 1), [0.1] * 16))
        made.append(helper.make_node("Conv", [x, f"w{at}"], [f"c{at}"]))
        made.append(helper.make_node("BatchNormalization", [f"c{at}", "s", "s", "s", "s"], [f"b{at}"]))
        made.append(helper.make_node("Relu", [f"b{at}"], [f"r{at}"]))
        x = f"r{at}"
    weights.append(helper.make_tensor("s", TensorProto.FLOAT, (4,), [1.0] * 4))
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 4, 16, 16))
    result = helper.make_tensor_value_info(x, TensorProto.FLOAT, (1, 4, 16, 16))
    save(helper.make_model(helper.make_graph(made, "chain", [image], [result], weights)), str(path))
    return path


def samples(folder: Path) -> list[Path]:
    """The models to measure, made by processes of their own: what this one imports would count as theirs."""
    build = Path(__file__).resolve().parent.parent / "onnx_models" / "build.py"
    subprocess.run([sys.executable, str(build), "--weights", "-o", str(folder)], check=True)
    subprocess.run([sys.executable, __file__, "--chain", str(folder / "chain_10500.onnx")], check=True)
    return sorted(folder.glob("*.onnx"))


def measure(path: Path) -> None:
    print(f"{path.name} ({path.stat().st_size / 1e6:.0f} MB)")
    found: dict[str, list[tuple[float, float]]] = {}
    for _ in range(ROUNDS):
        for tool, command in TOOLS.items():
            if tool == "onnx-tool" and importlib.util.find_spec("onnx_tool") is None:
                continue
            result = run([part.replace("{}", str(path)) for part in command])
            if result is not None:
                found.setdefault(tool, []).append(result)
    for tool, results in found.items():
        seconds, megabytes = (statistics.median(side) for side in zip(*results, strict=True))
        print(f"  {tool:28} {seconds:6.2f} s {megabytes:7.0f} MB")


def main() -> None:
    if sys.argv[1:2] == ["--chain"]:
        long_chain(Path(sys.argv[2]))
        return
    given = [Path(argument) for argument in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as folder:
        for path in given or samples(Path(folder)):
            measure(path)


if __name__ == "__main__":
    main()
