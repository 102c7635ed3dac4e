"""Plugins: what they may add, and what is said when they are wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import graphcost
from graphcost import Column, Convention, Device, Format, ModelError, Section, cli, columns
from graphcost.registry import Registry

TAKEN = [
    (Column("macs", "", "", "", "text", lambda a, i: ""), "column 'macs'"),
    (Convention("netscope", "", "", ()), "convention 'netscope'"),
    (Section("memory", "", lambda a: [], lambda a: None), "section 'memory'"),
    (Format("md", (), lambda report: ""), "format 'md'"),
    (Device("a100", "", {"float32": 1.0}, 1.0, 0), "device 'a100'"),
]


@pytest.mark.parametrize(("thing", "named"), TAKEN, ids=[named for _, named in TAKEN])
def test_a_name_that_is_taken_is_refused(thing: object, named: str) -> None:
    with pytest.raises(ValueError, match=f"there is already a {named}; replace=True"):
        graphcost.register(thing)  # type: ignore[arg-type]


def test_a_suffix_that_is_taken_is_refused() -> None:
    with pytest.raises(ValueError, match=r"already a format for \.json"):
        graphcost.register(Format("other", (".json",), lambda report: ""))


def test_what_is_no_extension_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot be registered; there are Column, Convention, Section, Format, Device"):
        graphcost.register("intensity")  # type: ignore[arg-type]


def test_one_may_replace_another_where_it_says_so() -> None:
    table: Registry[str] = Registry("colour", ["red"], lambda name: f"built-in {name}")
    assert table["red"] == "built-in red"
    table.register("red", "crimson", replace=True)
    assert table["red"] == "crimson" and list(table) == ["red"]


RAISING = {
    "column": (
        "graphcost.register(Column('bad', 'bad', '', '', 'text', lambda a, i: {}['x']))",
        ["--columns", "name,bad"],
        "column 'bad': KeyError: 'x'",
    ),
    "total": (
        "graphcost.register(Column('bad', 'bad', '', '', 'count', lambda a, i: 1, lambda a: 1 / 0))",
        ["--columns", "name,bad"],
        "column 'bad': ZeroDivisionError: division by zero",
    ),
    "metric": (
        "graphcost.register(Convention('bad', 'Bad', '', (Metric('m', '', '', lambda row: row.nothing),)))",
        ["--columns", "name,bad.m"],
        "convention 'bad': AttributeError: 'Row' object has no attribute 'nothing'",
    ),
    "section": (
        "graphcost.register(Section('bad', '', lambda a: [][1], lambda a: None))",
        ["--section", "bad"],
        "section 'bad': IndexError: list index out of range",
    ),
    "format": (
        "graphcost.register(Format('bad', (), lambda report: report.nothing))",
        ["--format", "bad"],
        "format 'bad': AttributeError: 'Report' object has no attribute 'nothing'",
    ),
    "rule": (
        "@graphcost.rule('caffe.PReLU', replace=True)\ndef prelu(x, **_):\n    raise OSError('gone')",
        [],
        "rule for PReLU: OSError: gone",
    ),
}


@pytest.mark.parametrize("kind", RAISING)
def test_what_a_plugin_raises_is_one_line_that_names_it(kind: str, root: Path, tmp_path: Path) -> None:
    code, options, reason = RAISING[kind]
    (tmp_path / "faulty.py").write_text(f"import graphcost\nfrom graphcost import *\n{code}\n")
    command = [sys.executable, "-m", "graphcost", str(root / "prototxt/det1.prototxt"), "--plugin", "faulty", *options]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == f"graphcost: error: plugin faulty: {reason}\n"


def test_an_installed_package_is_a_plugin_without_being_named(root: Path, tmp_path: Path) -> None:
    (tmp_path / "acme.py").write_text(
        "import graphcost\n"
        "graphcost.register(graphcost.Column('acme', 'Acme', '', '', 'count', lambda a, i: 7, lambda a: 70))\n"
    )
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[graphcost.plugins]\nacme = acme\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from graphcost.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, str(root / "prototxt/det1.prototxt"), "--columns", "name,acme"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0 and "| total   |   70 |" in run.stdout


def test_a_plugin_that_takes_a_name_is_refused_in_one_line(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "greedy.py"
    path.write_text("import graphcost\ngraphcost.register(graphcost.Device('a100', '', {}, 1.0, 0))\n")
    assert cli.main([str(root / "prototxt/det1.prototxt"), "--plugin", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "ValueError: there is already a device 'a100'" in err


def test_an_unknown_column_names_those_that_are_near(net: object) -> None:
    with pytest.raises(ModelError, match="no column 'mac'; did you mean macs"):
        columns.find("mac")
