"""The scripts that complete the command in a shell, asked as that shell asks them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from graphcost import cli
from graphcost.commands import completion
from graphcost.options import COMMANDS

pytest.importorskip("shtab")

ASK_BASH = """
source ./script
COMP_WORDS=(%s) COMP_CWORD=%d
$(complete -p graphcost | sed "s/.*-F //; s/ .*//") 2>/dev/null
echo "${COMPREPLY[@]}"
"""
LINES = {
    "graphcost di": {"diff"},
    "graphcost net": {"net.onnx"},
    "graphcost other net": {"net.onnx"},
    "graphcost net.onnx --sty": {"--style"},
    "graphcost --style ne": {"netscope"},
    "graphcost --weights net": {"net.onnx"},
    "graphcost --by ": {"op", "scope", "stage", "fold"},
    "graphcost diff net": {"net.onnx"},
    "graphcost diff net.onnx net": {"net.onnx"},
    "graphcost diff --format ": {"md", "text", "html", "json", "csv"},
    "graphcost diff --device cortex": {"cortex-m4", "cortex-m7"},
    "graphcost check --max": {"--max", "--max-growth"},
    "graphcost check --format g": {"github"},
    "graphcost baseline --format ": {"json"},
    "graphcost serve --p": {"--port"},
    "graphcost help exit": {"exit-codes"},
    "graphcost completion ": {"bash", "zsh", "fish"},
}
"""What a user has typed, and what may stand for its last word."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One with a model."""
    (tmp_path / "net.onnx").touch()
    return tmp_path


def said(words: list[str], folder: Path) -> str:
    return subprocess.run(words, capture_output=True, text=True, cwd=folder, check=True).stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_models_subcommands_and_the_options_of_each(folder: Path) -> None:
    (folder / "script").write_text(completion.script("bash"))
    for line, answers in LINES.items():
        words = [f'"{word}"' for word in line.split(" ")]
        ask = ASK_BASH % (" ".join(words), len(words) - 1)
        assert set(said(["bash", "--norc", "-c", ask], folder).split()) == answers, line


@pytest.mark.skipif(shutil.which("fish") is None, reason="needs fish")
def test_fish_completes_the_same(folder: Path) -> None:
    (folder / "script").write_text(completion.script("fish"))
    for line, answers in LINES.items():
        answer = said(["fish", "--no-config", "-c", f"source script; complete -C '{line}'"], folder)
        assert {each.split("\t")[0] for each in answer.splitlines()} == answers, line


def test_zsh_is_told_of_subcommands_and_of_files_beside_them() -> None:
    script = completion.script("zsh")
    assert all(f"_shtab_graphcost_{name}_options=(" in script for name in COMMANDS)
    assert "_describe 'graphcost commands' _commands\n  _files" in script
    assert "'*:models:_files' ;;" in script and "-A '-*' $_shtab_graphcost_options" in script


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_each_shell_completes_options_and_what_they_can_be(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", shell]) == 0
    out, err = capsys.readouterr()
    assert err == "" and all(word in out for word in ("columns", "netscope", "cortex-m4", "bfloat16", "max-growth"))


def test_another_shell_and_a_missing_library_are_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.main(["completion", "zhs"]) == 2
    assert "no completion for 'zhs'; did you mean zsh?" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert cli.main(["completion", "bash"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "completion needs shtab: pip install 'graphcost[completion]'" in err
    assert cli.main(["completion"]) == 0
    assert capsys.readouterr().out.count("graphcost completion ") == 3
