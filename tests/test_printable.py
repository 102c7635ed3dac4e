"""What a model's names may hold, and what of it is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import graphcost
from graphcost import cli
from graphcost.printable import printable, printable_lines

HOSTILE = {
    "escape": ("a\x1b[2Jb", r"a\x1b[2Jb"),
    "override": ("abc\u202edcba", r"abc\u202edcba"),
    "zero width": ("con\u200bv", r"con\u200bv"),
    "byte order": ("\ufeffconv", r"\ufeffconv"),
    "surrogate": ("x\udc80y", r"x\udc80y"),
    "tag": ("a\U000e0041", r"a\U000e0041"),
    "line": ("a\u2028b", r"a\u2028b"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_a_terminal_or_an_editor_would_obey_is_escaped(kind: str) -> None:
    given, shown = HOSTILE[kind]
    assert printable(given) == shown


@pytest.mark.parametrize("text", ["conv1/relu", "слой", "卷积", "café", "naïve × 3", "🙂"])
def test_letters_of_any_script_stay(text: str) -> None:
    assert printable(text) == text


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "net.prototxt"
    name, evil = "abc\u202edcba", '=HYPERLINK(\\"http://x\\")'
    path.write_text(
        'input: "data" input_shape { dim: 1 dim: 3 dim: 4 dim: 4 }\n'
        f'layer {{ name: "{name}" type: "ReLU" bottom: "data" top: "a" }}\n'
        f'layer {{ name: "{evil}" type: "ReLU" bottom: "a" top: "b" }}\n',
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize("format", ["md", "text", "csv", "json"])
def test_no_format_lets_a_name_turn_the_direction_of_text(format: str, network: Path) -> None:
    text = graphcost.analyze(graphcost.load(network)).report().render(format)
    assert "\u202e" not in text and r"\u202e" in text.replace("\\\\", "\\")


def test_json_keeps_the_name_as_it_is(network: Path) -> None:
    text = graphcost.analyze(graphcost.load(network)).report().render("json")
    assert json.loads(text)["layers"][0]["name"] == "abc\u202edcba"


def test_a_name_that_a_spreadsheet_would_run_is_text_and_raw_for_programs(
    network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([str(network), "--columns", "name,macs", "--format", "csv"]) == 0
    assert '"\'=HYPERLINK(""http://x"")",0' in capsys.readouterr().out
    assert cli.main([str(network), "--columns", "name,macs", "--csv-raw"]) == 0
    assert '\n"=HYPERLINK(""http://x"")",0\n' in capsys.readouterr().out.replace("\r\n", "\n")


def test_negative_numbers_stay_numbers_in_a_spreadsheet(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Convolutions padded by 1 begin one element before the input."""
    assert cli.main([str(root / "prototxt/vgg16.prototxt"), "--columns", "rf_offset", "--format", "csv"]) == 0
    assert "\n-1\n" in capsys.readouterr().out


def test_json_never_holds_half_a_surrogate_pair(tmp_path: Path, root: Path) -> None:
    """A file's name that is no UTF-8 reaches Python as such halves."""
    path = tmp_path / "caf\udce9.prototxt"
    path.write_bytes((root / "prototxt/det1.prototxt").read_bytes())
    text = graphcost.analyze(graphcost.load(path)).report().render("json")
    assert json.loads(text)["model"]["path"].endswith("caf\ufffd.prototxt")


def test_a_text_of_several_lines_keeps_them() -> None:
    assert printable_lines("a\nb\u202e\n") == "a\nb\\u202e\n"
