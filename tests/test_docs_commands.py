"""Every command that a page of docs/ shows is run, and prints what stands below it. The guides: tests/test_docs_site.py."""

from __future__ import annotations

import re
import runpy
import shlex
import shutil
from pathlib import Path

import pytest

from graphcost import cli

DOCS = Path(__file__).parent.parent / "docs"
SHOWN = re.compile(r"^    graphcost ([^\n]*)\n(?:\n```text\n(.*?)^```$)?", re.DOTALL | re.MULTILINE)
ELSEWHERE = {
    "extending": "its plugins are tried in tests/test_docs.py",
    "reference": "made from the code",
}
NOT_RUN = {
    "serve ": "waits for a browser",
    "--calibrate": "measures this machine, for minutes",
    "--measure": "runs the network for seconds; tests/timing has it",
    "://": "reads from another host",
}
SLOW = {"sizes"}  # a sweep over 28 sizes, and a language model
PAGES = [
    pytest.param(path.stem, marks=pytest.mark.slow if path.stem in SLOW else ())
    for path in sorted(DOCS.glob("*.md"))
    if path.stem not in ELSEWHERE and SHOWN.search(path.read_text(encoding="utf-8"))
]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the samples, and with files of the names that pages give to a reader's own."""
    monkeypatch.chdir(tmp_path)
    for name in ("prototxt", "onnx_models"):
        (tmp_path / name).symlink_to(root / name)
    (tmp_path / "zoo").symlink_to(root / "prototxt")
    (tmp_path / "models").mkdir()
    samples = {"old.prototxt": "prototxt/det1.prototxt", "new.prototxt": "prototxt/det2.prototxt"}
    onnx = ("old.onnx", "new.onnx", "model.onnx", "detector.onnx", "models/detector.onnx")
    samples |= dict.fromkeys(onnx, "onnx_models/retinaface.onnx")
    for name, sample in samples.items():
        shutil.copyfile(root / sample, tmp_path / name)
    (tmp_path / "this-machine.toml").write_text("".join(blocks("devices.md", "toml")), encoding="utf-8")
    return tmp_path


def prepare(page: str, folder: Path) -> None:
    """What the page itself says how to make."""
    if page in ("language_models", "sizes"):
        (script,) = blocks("guides/language_model.md", "python")
        (folder / "decoder.py").write_text(script, encoding="utf-8")
        runpy.run_path("decoder.py")
    if page == "inputs":
        (script,) = blocks("inputs.md", "python")
        (folder / "example.py").write_text(script, encoding="utf-8")
        (folder / "deploy.prototxt").write_text(runpy.run_path("example.py")["net"])
    if page == "time":
        (folder / "example.py").write_text(blocks("time.md", "python")[0], encoding="utf-8")
        runpy.run_path("example.py")  # writes times.csv
    if page == "diff":
        assert cli.main(["baseline", "old.onnx", "-o", "costs.json"]) == 0


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_runs_and_prints_what_stands_below_it(
    page: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(page, folder)
    capsys.readouterr()
    for command, output in SHOWN.findall((DOCS / f"{page}.md").read_text(encoding="utf-8")):
        if any(sign in command for sign in NOT_RUN):
            continue
        code = cli.main(shlex.split(command, comments=True))
        out, err = capsys.readouterr()
        assert code == 0 or (page == "ci" and code == 1), f"{command}: {err}"
        assert not output or out == output, command
