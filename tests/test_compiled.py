"""Templates are compiled once, and what was compiled is used for the very text that it was made from."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader

from graphcost.compiled import CompiledTemplates


class Counting(Environment):
    """Counts how often a template is compiled."""

    compiled = 0

    def compile(self, *arguments: object, **options: object) -> object:  # type: ignore[override]  # of many forms
        Counting.compiled += 1
        return super().compile(*arguments, **options)  # type: ignore[call-overload]


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Renders the template of a folder as a process would that has just started."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    monkeypatch.setattr(Counting, "compiled", 0)
    (tmp_path / "a.j2").write_text("{{ 1 + 1 }}\n{% if x %}yes{% endif %}")

    def render(rules: object = "") -> str:
        env = Counting(loader=FileSystemLoader(tmp_path), bytecode_cache=CompiledTemplates(tmp_path, rules))
        return env.get_template("a.j2").render(x=True)

    return render


def kept(folder: Path) -> list[Path]:
    return list(folder.glob("__pycache__/*"))


def test_a_second_process_compiles_nothing(text: Callable[[], str], tmp_path: Path) -> None:
    assert text() == text() == "2\nyes"
    assert Counting.compiled == 1
    assert [path.name.split(".")[:2] for path in kept(tmp_path)] == [["a", "j2"]]


def test_a_template_that_changed_is_compiled_anew(text: Callable[[], str], tmp_path: Path) -> None:
    text()
    (tmp_path / "a.j2").write_text("other")
    assert text() == "other"
    assert Counting.compiled == 2


def test_templates_read_by_other_rules_are_compiled_apart(text: Callable[[], str], tmp_path: Path) -> None:
    text("trimmed")
    text("not trimmed")
    assert Counting.compiled == len(kept(tmp_path)) == 2


@pytest.mark.parametrize("length", [0, 3, 20, 60])
def test_a_file_that_was_cut_short_is_made_anew(text: Callable[[], str], tmp_path: Path, length: int) -> None:
    text()
    (file,) = kept(tmp_path)
    whole = file.read_bytes()
    file.write_bytes(whole[:length])
    assert text() == "2\nyes"
    assert file.read_bytes() == whole


def test_nothing_is_kept_where_python_keeps_nothing(
    text: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert text() == "2\nyes"
    assert kept(tmp_path) == []


def test_a_folder_that_cannot_be_written_only_costs_time(text: Callable[[], str], tmp_path: Path) -> None:
    (tmp_path / "__pycache__").write_text("a file in its place")
    assert text() == text() == "2\nyes"
    assert Counting.compiled == 2


def test_what_is_compiled_lies_where_python_puts_compiled_files(
    text: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    monkeypatch.setattr(sys, "pycache_prefix", str(elsewhere))
    text()
    assert kept(tmp_path) == []
    assert [path.name for path in elsewhere.rglob("a.j2*")] != []
