"""The command: options, formats, several models, exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from graphcost import cli, rules
from graphcost.version import __version__

Run = "pytest.CaptureFixture[str]"


@pytest.fixture(autouse=True)
def in_root(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.main(list(arguments))
    return (code, *capsys.readouterr())


DET1 = "prototxt/det1.prototxt"


def test_the_default_report_is_aligned_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, DET1)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "# det1 (Caffe)"
    assert "6,632 parameters (25.9 KiB)" in lines[2] and "44.8 k MACs" in lines[2]
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 1 + 1 + 10 + 1 and len({len(line) for line in table}) == 1
    assert "Coverage: complete." in out


def test_json_follows_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, DET1, "--format", "json")
    data = json.loads(out)
    assert set(data) >= {
        "schema",
        "model",
        "inputs",
        "outputs",
        "assumptions",
        "totals",
        "coverage",
        "layers",
        "tensors",
    }
    assert data["schema"] == 1 and data["model"] == {"path": DET1, "name": "det1", "format": "caffe", "opsets": {}}
    assert data["inputs"] == [{"name": "data", "shape": [1, 3, 12, 12], "dtype": "float32"}]
    assert data["totals"]["macs"] == 44760 and data["totals"]["params"] == 6632
    assert data["coverage"] == {"complete": True, "unknown_ops": {}, "unknown_tensors": 0}
    conv1 = data["layers"][0]
    assert conv1 == {
        "name": "conv1", "kind": "Convolution", "scope": "", "inputs": ["data"], "outputs": ["conv1"],
        "output_shapes": [[1, 10, 10, 10]], "macs": 27000, "ops": 55000, "params": 280,
        "work": {"macs": 27000, "muls": 0, "adds": 1000, "divs": 0, "exps": 0, "compares": 0},
        "rf": {"size": 3, "stride": 1, "start": 0}, "status": "known", "where": f"{DET1}:{conv1['where'].split(':')[1]}",
    }  # fmt: skip
    assert data["tensors"]["conv1"] == {"shape": [1, 10, 10, 10], "dtype": "float32"}


def test_csv_has_exact_values(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, DET1, "--format", "csv", "--columns", "name,macs,output")
    assert list(csv.reader(io.StringIO(out)))[:2] == [["name", "macs", "output"], ["conv1", "27000", "1x10x10x10"]]


class Tags(HTMLParser):
    """Checks that elements are closed in order, and collects what would be loaded from elsewhere."""

    VOID = frozenset({"meta", "link", "br", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        self.loaded += [
            value or "" for name, value in attrs if name in ("src", "href") and not (value or "").startswith("#")
        ]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("style", ["default", "netscope", "matconvnet", "cs231n", "torchstat"])
def test_html_is_well_formed_and_self_contained(style: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, DET1, "--format", "html", "--style", style)
    tags = Tags()
    tags.feed(out)
    assert tags.open == [] and tags.loaded == []
    assert out.startswith("<!DOCTYPE html>") and "Content-Security-Policy" in out


def test_html_and_markdown_escape_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(
        'input: "data" input_shape { dim: 1 dim: 2 } layer { name: "<script>|`x`" type: "ReLU" bottom: "data" top: "a" }'
    )
    _, html, _ = run(capsys, str(path), "--format", "html")
    assert "<script>" not in html and "&lt;script&gt;" in html
    _, markdown, _ = run(capsys, str(path))
    row = next(line for line in markdown.splitlines() if "script" in line and line.startswith("|"))
    assert "<script" not in markdown.replace("\\<script", "")
    assert row.count("|") == 1 + 8 and "\\<script" in row and "\\`x\\`" in row


@pytest.mark.parametrize("suffix", [".md", ".html", ".json", ".csv", ".txt"])
def test_the_suffix_of_the_output_names_the_format(
    suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"report{suffix}"
    code, out, err = run(capsys, DET1, "-o", str(path))
    assert (code, out, err) == (0, "", "") and "conv1" in path.read_text()
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_an_output_that_cannot_be_written_is_refused_and_nothing_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, DET1, "-o", str(tmp_path / "no" / "report.md"))
    assert code == 2 and "cannot be written" in err and list(tmp_path.iterdir()) == []
    code, _, err = run(capsys, DET1, "-o", str(tmp_path / "report.xyz"))
    assert code == 2 and "'.xyz'" in err


def test_columns_sort_and_top_shape_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, DET1, "--columns", "name,macs", "--sort", "macs", "--top", "3")
    names = [line.split("|")[1].strip() for line in out.splitlines() if line.startswith("|")]
    assert names == ["layer", ":--------", "conv1", "conv2", "conv3", "total"] or names[2:] == [
        "conv1",
        "conv2",
        "conv3",
        "total",
    ]
    assert "7 cheaper rows are left out" in out


def test_top_without_sort_keeps_the_dearest_in_file_order(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, DET1, "--columns", "name,macs", "--top", "2", "--format", "csv")
    assert out.splitlines() == ["name,macs", "conv1,27000", "conv2,12960"]


@pytest.mark.parametrize(
    ("by", "first"), [("op", "Convolution,5,44760"), ("scope", "(root),10,44760"), ("stage", "10x10,2,27000")]
)
def test_rows_can_be_grouped(by: str, first: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, DET1, "--by", by, "--columns", "name,count,macs", "--format", "csv")
    assert out.splitlines()[1] == first


def test_an_input_can_be_given_another_size_with_or_without_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    for given in ("data=1x3x24x24", "1x3x24x24"):
        _, out, _ = run(capsys, DET1, "--input", given, "--format", "json")
        assert json.loads(out)["tensors"]["conv1"]["shape"] == [1, 10, 22, 22]


def test_open_sizes_make_formulas_that_dims_fill_in(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, DET1, "--input", "Nx3x12x12", "--format", "json")
    data = json.loads(out)
    assert data["totals"]["macs"] == "44760*N" and data["assumptions"] == {"N": 1}
    assert data["tensors"]["conv1"]["shape"] == ["N", 10, 10, 10]
    _, out, _ = run(capsys, DET1, "--input", "Nx3x12x12", "--dim", "N=8", "--format", "json")
    assert json.loads(out)["totals"]["macs"] == 44760 * 8
    _, out, _ = run(capsys, DET1, "--input", "Nx3x12x12")
    assert "Assumptions: N = 1" in out and "44.8 k MACs" in out


WRONG = [
    ([DET1, "--input", "other=1x3"], "no input 'other'; the inputs are: data"),
    ([DET1, "--input", "1x?x3"], "neither a size nor a name"),
    ([DET1, "--dim", "N"], "should be a name and a size"),
    ([DET1, "--format", "pdf"], "no format 'pdf'"),
    ([DET1, "--style", "nobody"], "no style 'nobody'"),
    ([DET1, "--columns", "name,mac"], "no column 'mac'; did you mean"),
    ([DET1, "--by", "colour"], "no grouping 'colour'"),
    ([DET1, "--top", "-1"], "cannot be shown"),
    ([DET1, "--plugin", "no_such_module"], "no_such_module"),
    ([], "no model given"),
    (["--nonsense"], "see graphcost --help"),
    (["prototxt/matconvnet_grouped.prototxt", "--input", "1x2"], "names no input"),
]


@pytest.mark.parametrize(("arguments", "reason"), WRONG)
def test_wrong_arguments_are_one_line_and_exit_2(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "") and reason in err and err.count("\n") == 1 and err.startswith("graphcost: error: ")


def test_several_models_get_a_row_each_and_a_bad_one_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.prototxt"
    bad.write_text("base_lr: 0.1\n")
    code, out, err = run(capsys, DET1, str(bad), "prototxt/det2.prototxt")
    rows = [line.split("|")[1:4] for line in out.splitlines()[2:]]
    assert code == 2 and [Path(row[0].strip()).name for row in rows] == [
        "det1.prototxt",
        "bad.prototxt",
        "det2.prototxt",
    ]
    assert "error: this is a solver" in rows[1][1] and "solver" in err


@pytest.mark.parametrize("format", ["md", "html", "text", "csv", "json"])
def test_a_folder_is_searched_for_models(format: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "prototxt", "--format", format)
    assert code == 0 and "det3" in out and "vgg16" in out
    if format == "json":
        assert len(json.loads(out)) == len(list(Path("prototxt").glob("*.prototxt")))


def test_strict_fails_on_a_lower_bound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text('input: "data" input_shape { dim: 1 } layer { name: "m" type: "Mystery" bottom: "data" top: "m" }')
    code, out, err = run(capsys, str(path), "--strict")
    assert code == 1 and ">= 0 MACs" in out and "Mystery x1" in err
    assert run(capsys, str(path))[0] == 0
    assert run(capsys, DET1, "--strict")[0] == 0


def test_a_plugin_teaches_an_operator(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "_table", {kind: list(entries) for kind, entries in rules._table.items()})
    plugin = tmp_path / "warp.py"
    plugin.write_text(
        "import graphcost\n@graphcost.rule('caffe.Warp')\ndef warp(x, *, factor=2):\n"
        "    return graphcost.Facts((graphcost.Tensor((*x.shape[:1], x.shape[1] * factor)),), graphcost.Work(muls=x.size))\n"
    )
    path = tmp_path / "net.prototxt"
    path.write_text(
        'input: "data" input_shape { dim: 1 dim: 5 } layer { name: "w" type: "Warp" bottom: "data" top: "w" warp_param { factor: 3 } }'
    )
    code, out, _ = run(capsys, str(path), "--plugin", str(plugin), "--strict", "--format", "json")
    assert code == 0 and json.loads(out)["layers"][0]["output_shapes"] == [[1, 15]]
    rules.find.cache_clear()


@pytest.mark.parametrize(
    ("option", "word"),
    [("--list-columns", "rf_stride"), ("--list-ops", "caffe.Convolution"), ("--list-styles", "netscope")],
)
def test_listings_say_what_there_is(option: str, word: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, option)
    assert code == 0 and word in out


def test_version_and_module(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "graphcost", "--version"], capture_output=True, text=True, cwd=root, check=True
    )
    assert done.stdout.strip() == f"graphcost {__version__}"


def test_a_reader_that_goes_away_is_no_error(root: Path) -> None:
    done = subprocess.run(
        f"'{sys.executable}' -m graphcost prototxt/ssd300.prototxt --format json | head -c 10",
        shell=True, capture_output=True, text=True, cwd=root, env={**os.environ, "PYTHONUNBUFFERED": "1"}, check=True,
    )  # fmt: skip
    assert done.stderr == ""


def test_a_terminal_gets_the_dearest_rows_and_a_file_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    _, out, _ = run(capsys, "prototxt/ssd300.prototxt", "--format", "text")
    assert sum(line.startswith("|") for line in out.splitlines()) == 2 + 40 + 1 and "--top 0 shows all" in out
    _, out, _ = run(capsys, "prototxt/ssd300.prototxt", "--format", "text", "--top", "0")
    assert sum(line.startswith("|") for line in out.splitlines()) == 2 + 101 + 1
