"""What SECURITY.md promises: nothing in a model is run, and no path in it is followed."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from onnx import TensorProto, helper

from harness import conv, image, proto, saved, zeros

MODULES = {"pickle", "marshal", "shelve", "subprocess", "socket", "urllib", "http", "ctypes"}
BUILT_IN = {"eval", "exec", "compile", "__import__"}
OS = {"system", "popen", "execv", "execve", "fork", "posix_spawn", "startfile"}
"""What would run what a file says, or fetch what it names."""


ALLOWED = {("graphcost/commands/serve.py", "http.server"), ("graphcost/budgets/baseline.py", "subprocess")}
"""The first hands the files of a built page to this machine's browser, and reads no model; the second runs `git show` for
a baseline that is named by its revision, and no model names it."""


def suspects(node: ast.AST) -> list[str]:
    """What of those a statement or call uses."""
    match node:
        case ast.Import(names=names):
            return [each.name for each in names if each.name.partition(".")[0] in MODULES]
        case ast.ImportFrom(module=str(module), level=0) if module.partition(".")[0] in MODULES:
            return [module]
        case ast.Call(func=ast.Name(id=name)) if name in BUILT_IN:
            return [name]
        case ast.Attribute(value=ast.Name(id="os"), attr=name) if name in OS:
            return [f"os.{name}"]
    return []


def test_no_module_can_run_or_fetch_what_a_file_says(root: Path) -> None:
    found = {
        (str(path.relative_to(root)), name)
        for path in (root / "graphcost").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in suspects(node)
    }
    assert found == ALLOWED


WATCHED = """
import json, sys
seen = []
WATCHED = {"open", "os.listdir", "os.scandir", "socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system",
           "os.exec", "os.posix_spawn", "os.fork"}
sys.addaudithook(lambda event, given: seen.append((event, str(given[0]))) if event in WATCHED else None)
from graphcost.cli import main
code = main(sys.argv[1:])
json.dump([code, seen], sys.__stderr__)
"""


def events(*arguments: str | Path, folder: Path) -> tuple[int, list[list[str]]]:
    """The exit code of the command, and what it opened, started and connected to, as Python's audit hooks tell it."""
    run = subprocess.run(
        [sys.executable, "-c", WATCHED, *map(str, arguments)], capture_output=True, text=True, cwd=folder, check=True
    )
    code, seen = json.loads(run.stderr.splitlines()[-1])
    return code, seen


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file beside the folder of the model, of exactly the bytes that the weight takes."""
    path = tmp_path / "secret.bin"
    path.write_bytes(bytes(4 * 4 * 4))
    return path


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/passwd", "weights.bin", "file:///etc/passwd"])
@pytest.mark.parametrize("format", ["md", "html"])
def test_external_data_is_never_opened(tmp_path: Path, secret: Path, location: str, format: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    model = proto([helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": [4, 4]}, constants=zeros({"w": (4, 4)}))
    (weight,) = model.graph.initializer
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=location)
    (folder / "weights.bin").write_bytes(bytes(4 * 4 * 4))
    code, seen = events(saved(model, folder), "--format", format, folder=folder)
    assert code == 0
    assert {name for event, name in seen if event == "open" and str(tmp_path) in name} == {str(folder / "net.onnx")}
    assert not {name for event, name in seen if event == "open"} & {location, "weights.bin", str(secret)}
    assert [event for event, _ in seen if event not in ("open", "os.listdir", "os.scandir")] == []


def test_a_source_that_a_prototxt_names_is_never_opened(tmp_path: Path, secret: Path) -> None:
    text = 'layer { name: "d" type: "ImageData" top: "data" image_data_param { source: "secret.bin" new_height: 8 new_width: 8 } }\n'
    text += image(1, 3, 8, 8, name="x") + conv("c", "x")
    (tmp_path / "net.prototxt").write_text(text)
    code, seen = events("net.prototxt", folder=tmp_path)
    assert code in (0, 2)
    assert "net.prototxt" in {name for event, name in seen if event == "open"}
    assert not [name for _, name in seen if "secret" in name]


def test_the_ratios_that_are_promised_are_those_that_the_benchmark_measures(root: Path) -> None:
    program = [sys.executable, root / "benchmarks" / "hostile.py"]
    said = subprocess.run([*program, "--promised"], capture_output=True, text=True, check=True).stdout
    promised = f"at most {said.strip()} for each MB"
    assert promised in (root / "SECURITY.md").read_text(encoding="utf-8")
