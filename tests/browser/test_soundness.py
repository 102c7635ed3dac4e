"""Reports as others judge pages: html-validate finds them valid, axe-core finds nothing serious in the way of a reader.

Both are npm packages for development, in the versions of package.json: `npm ci --prefix tests/browser`. Without them
these tests are skipped.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from graphcost import cli

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
pytestmark = pytest.mark.skipif(
    not MODULES.is_dir() or shutil.which("node") is None,
    reason="there is no node, or its packages are not installed: npm ci --prefix tests/browser",
)

DET1 = "prototxt/det1.prototxt"
HOSTILE = """name: "\\"><img src=x onerror=alert(1)>"
input: "</script>" input_shape { dim: 1 dim: 2 dim: 4 dim: 4 }
layer { name: "<script>alert(1)</script>" type: "<b>" bottom: "</script>" top: "&lt;" }
"""


def arguments() -> dict[str, list[str]]:
    """Commands that between them make every kind of report."""
    return {
        "caffe": [DET1],
        "onnx": ["onnx_models/ssd300.onnx"],
        "open": [DET1, "--input", "data=Nx3xHxW"],
        "columns": [DET1, "--columns", "name,macs,rf,torchstat.madd", "--sort", "macs"],
        "groups": [DET1, "--by", "op"],
        "netscope": [DET1, "--style", "netscope"],
        "cs231n": [DET1, "--style", "cs231n"],
        "torchstat": [DET1, "--style", "torchstat"],
        "memory": [DET1, "--memory"],
        "device": [DET1, "--device", "cortex-m4"],
        "reconcile": [DET1, "--reconcile"],
        "several": [DET1, "prototxt/det2.prototxt"],
        "hostile": ["hostile.prototxt"],
    }


@pytest.fixture
def report(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make a report by the command and return its file."""
    monkeypatch.chdir(root)

    def make(name: str) -> Path:
        (tmp_path / "hostile.prototxt").write_text(HOSTILE)
        given = [str(tmp_path / word) if word.startswith("hostile") else word for word in arguments()[name]]
        assert cli.main([*given, "-o", str(tmp_path / f"{name}.html")]) == 0
        return tmp_path / f"{name}.html"

    return make


def test_every_kind_of_report_is_valid_html(report: Any) -> None:
    files = [report(name) for name in arguments()]
    run = subprocess.run(
        ["node", MODULES / "html-validate/bin/html-validate.mjs", "--config", HERE / ".htmlvalidate.json", *files],
        capture_output=True,
        text=True,
        cwd=HERE,
    )
    assert (run.returncode, run.stdout.strip()) == (0, "")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("name", "width"), [("caffe", 1280), ("onnx", 400), ("open", 1280), ("netscope", 1280), ("device", 1280), ("several", 400)])  # fmt: skip
def test_nothing_serious_stands_in_the_way_of_a_reader(
    name: str, width: int, dark: bool, report: Any, open_report: Any
) -> None:
    page = open_report(report(name).read_text(encoding="utf-8"), width=width, dark=dark)
    page.evaluate((MODULES / "axe-core/axe.min.js").read_text(encoding="utf-8"))
    result = page.evaluate("axe.run()")
    assert len(result["passes"]) > 15
    serious = [
        (found["id"], node["html"][:120], node["failureSummary"])
        for found in result["violations"]
        if found["impact"] in ("serious", "critical")
        for node in found["nodes"]
    ]
    assert serious == []
