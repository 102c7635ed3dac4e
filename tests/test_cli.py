"""The command: options, formats, several models, exit codes."""

from __future__ import annotations

import csv
import gc
import io
import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from graphcost import cli
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
    assert data["coverage"] == {"complete": True, "unknown_ops": {}, "dependent_ops": 0, "unknown_tensors": 0}
    conv1 = data["layers"][0]
    assert conv1 == {
        "name": "conv1", "kind": "Convolution", "scope": None, "inputs": ["data"], "outputs": ["conv1"],
        "output_shapes": [[1, 10, 10, 10]], "attributes": {"num_output": 10, "kernel_size": 3},
        "window": {"kernel": [3, 3], "stride": [1, 1], "padding": [0, 0], "dilation": [1, 1], "group": 1},
        "macs": 27000, "ops": 55000, "params": 280, "learned_params": 280, "param_bytes": 4 * 280, "activation_bytes": 4 * 1000,
        "reads": 4 * (3 * 12 * 12 + 280), "writes": 4 * (10 * 10 * 10), "fused_into": None, "folded_into": None,
        "intensity": 55000 / (4 * (3 * 12 * 12 + 280) + 4 * (10 * 10 * 10)),
        "work": {"macs": 27000, "muls": 0, "adds": 1000, "divs": 0, "exps": 0, "compares": 0},
        "rf": {"size": 3, "stride": 1, "start": 0}, "constant": False, "status": "known", "note": None, "where": f"{DET1}:{conv1['where'].split(':')[1]}",
    }  # fmt: skip
    assert data["tensors"]["conv1"] == {"shape": [1, 10, 10, 10], "dtype": "float32"}


def test_csv_has_exact_values(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, DET1, "--format", "csv", "--columns", "name,macs,output")
    assert list(csv.reader(io.StringIO(out)))[:2] == [["name", "macs", "output"], ["conv1", "27000", "1x10x10x10"]]


class Tags(HTMLParser):
    """Checks that elements are closed in order, and collects what would be loaded from elsewhere."""

    VOID = frozenset({"meta", "link", "br", "img", "input"})

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
    assert "<script>|" not in html and "&lt;script&gt;|" in html
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
    assert "7 more rows not shown" in out


def test_top_without_sort_keeps_the_most_expensive_in_file_order(capsys: pytest.CaptureFixture[str]) -> None:
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
    assert "Assumptions: batch N = 1" in out and "44.8 k MACs" in out


WRONG = [
    ([DET1, "--input", "other=1x3"], "no input 'other'; the inputs are: data"),
    ([DET1, "--input", "1x?x3"], "neither a size nor a name"),
    ([DET1, "--dim", "N"], "should be a name and a size"),
    ([DET1, "--dim", "Q=3"], "det1.prototxt has no dimension Q; open are: none"),
    ([DET1, "--dim", "Q=3", "--input", "Nx3x12x12"], "has no dimension Q; open are: N"),
    ([DET1, "--format", "pdf"], "no format 'pdf'"),
    ([DET1, "--style", "nobody"], "no style 'nobody'"),
    ([DET1, "--reconcile", "--format", "csv"], "--reconcile is for md, text, html and json"),
    (
        [DET1, "--anchors", "--style", "netscope"],
        "--style: is about the table of layers, and --anchors takes its place",
    ),
    ([DET1, "--anchor-sizes", "2=6", "--top", "0"], "--top: is about the table of layers"),
    ([DET1, "--style", "torchinfo"], "only figures: the columns name,torchinfo.mult_adds"),
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


def test_a_plugin_teaches_an_operator(tmp_path: Path, capsys: pytest.CaptureFixture[str], scratch_rules: None) -> None:
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


def rows_of(text: str) -> list[str]:
    """The lines of the table of layers, between its rules."""
    lines = text.splitlines()
    first, last = [at for at, line in enumerate(lines) if line.startswith("----")][:2]
    return lines[first + 1 : last]


def test_a_terminal_gets_the_most_expensive_rows_and_a_file_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    _, out, _ = run(capsys, "prototxt/ssd300.prototxt", "--format", "text")
    assert len(rows_of(out)) == 40
    assert "61 more rows not shown (--top 0 shows all)" in out
    _, out, _ = run(capsys, "prototxt/ssd300.prototxt", "--format", "text", "--top", "0")
    assert len(rows_of(out)) == 101


MYSTERY = 'input: "data" input_shape { dim: 1 } layer { name: "m" type: "Mystery" bottom: "data" top: "m" warp_param { k: 1 } }'
PHASES = """
input: "data" input_shape { dim: 1 dim: 4 }
layer { name: "always" type: "ReLU" bottom: "data" top: "a" }
layer { name: "train" type: "ReLU" bottom: "data" top: "t" include { phase: TRAIN } }
layer { name: "deep" type: "ReLU" bottom: "data" top: "d" include { min_level: 2 } }
layer { name: "staged" type: "ReLU" bottom: "data" top: "s" include { stage: "extra" } }
"""


def test_help_tells_of_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        cli.main(["--help"])
    assert done.value.code == 0
    text = capsys.readouterr().out
    options = "--format --output --style --columns --sort --top --by --input --dim --phase --strict --plugin --list-columns --list-ops --version --help"
    assert all(option in text for option in options.split()) and "MODEL" in text


def test_a_format_that_is_given_wins_over_the_suffix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.md"
    assert run(capsys, DET1, "--format", "csv", "-o", str(path), "--columns", "name")[0] == 0
    assert path.read_text().splitlines()[:2] == ["name", "conv1"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ([], ["always"]),
        (["--phase", "test"], ["always"]),
        (["--phase", "train"], ["always", "train"]),
        (["--level", "2"], ["always", "deep"]),
        (["--stage", "extra"], ["always", "staged"]),
    ],
)
def test_phase_level_and_stage_choose_the_layers_of_a_caffe_net(
    options: list[str], names: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(PHASES)
    _, out, _ = run(capsys, str(path), *options, "--columns", "name", "--format", "csv")
    assert out.splitlines()[1:] == names


def test_any_column_and_any_conventions_metric_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    keys = "macs,params,output,rf,netscope.macc,torchstat.flops,thop.macs"
    code, out, _ = run(capsys, DET1, "--columns", keys, "--format", "csv")
    assert code == 0 and out.splitlines()[0] == keys
    # (10 x 10 x 10) x (3 x 3 x 3), and torchstat counts a bias as one of the taps
    assert out.splitlines()[1].startswith("27000,280,1x10x10x10,3,27000,")


def test_groups_are_sorted_and_cut(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--by", "op", "--sort", "count", "--top", "2", "--columns", "name,count", "--format", "csv")
    _, out, _ = run(capsys, DET1, *arguments)
    assert out.splitlines() == ["name,count", "Convolution,5", "PReLU,3"]


def test_a_column_to_sort_by_need_not_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, DET1, "--sort", "params", "--top", "1", "--columns", "name", "--format", "csv")
    assert out.splitlines()[1:] == ["conv3"]
    code, _, err = run(capsys, DET1, "--sort", "weight")
    assert code == 2 and err.startswith("graphcost: error: --sort: no column 'weight'; ")


def test_with_every_size_given_every_number_is_an_integer(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(
        capsys, DET1, "--input", "Nx3xHxW", "--dim", "N=2", "--dim", "H=30", "--dim", "W=40", "--format", "json"
    )
    data = json.loads(out)
    assert data["assumptions"] == {} and data["tensors"]["conv1"]["shape"] == [2, 10, 28, 38]
    numbers = [*data["totals"].values()]
    for layer in data["layers"]:
        numbers += [layer["macs"], layer["ops"], layer["params"], *layer["work"].values()]
        numbers += [extent for shape in layer["output_shapes"] for extent in shape]
    assert all(type(number) is int for number in numbers)
    for layer in data["layers"]:
        work = layer["work"]
        assert layer["ops"] == 2 * work["macs"] + sum(
            work[kind] for kind in ("muls", "adds", "divs", "exps", "compares")
        )


def test_what_is_not_known_is_null(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(MYSTERY)
    data = json.loads(run(capsys, str(path), "--format", "json")[1])
    (layer,) = data["layers"]
    assert (layer["macs"], layer["ops"], layer["work"], layer["rf"]) == (None, None, None, None)
    assert layer["output_shapes"] == [None] and layer["status"] == "unknown"
    assert data["totals"]["peak_activation_bytes"] is None
    assert data["coverage"] == {
        "complete": False,
        "unknown_ops": {"Mystery": 1},
        "dependent_ops": 0,
        "unknown_tensors": 1,
    }


def test_a_plugin_is_named_as_a_module_of_the_current_folder_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, scratch_rules: None
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [folder for folder in sys.path if folder])
    (tmp_path / "mystery_rules.py").write_text(
        "from graphcost import Facts, Work, rule\n"
        "@rule('caffe.Mystery')\ndef mystery(x, *, k=0):\n    return Facts((x,), Work(muls=k))\n"
    )
    path = tmp_path / "net.prototxt"
    path.write_text(MYSTERY)
    code, out, _ = run(
        capsys, str(path), "--plugin", "mystery_rules", "--strict", "--columns", "muls", "--format", "csv"
    )
    assert (code, out) == (0, "muls\n1\n")


@pytest.mark.parametrize(
    ("text", "reason"),
    [("1 / 0", "ZeroDivisionError: division by zero"), ("def (", "SyntaxError"), (None, "FileNotFoundError")],
)
def test_a_plugin_that_fails_is_one_line(
    text: str | None, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plugin.py"
    if text is not None:
        path.write_text(text)
    code, out, err = run(capsys, DET1, "--plugin", str(path))
    assert (code, out, err.count("\n")) == (2, "", 1) and reason in err


def test_a_listing_can_be_written_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--list-ops", "-o", str(tmp_path / "ops.txt")) == (0, "", "")
    assert "caffe.Pooling" in (tmp_path / "ops.txt").read_text()


def test_an_error_names_file_and_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text('input: "data"\ninput_shape { dim: 1 }\nlayer { name: "r" type: "ReLU"\n  bottom: "x" top: "r" }\n')
    assert run(capsys, str(path))[2].startswith(f"graphcost: error: {path}:3: r: input 'x'")


@pytest.fixture
def mixed(tmp_path: Path) -> list[str]:
    """A model, one that cannot be read, a folder without models, a file that is not there, another model."""
    bad = tmp_path / "bad.prototxt"
    bad.write_text("base_lr: 0.1\n")
    (tmp_path / "empty").mkdir()
    return [DET1, str(bad), str(tmp_path / "empty"), str(tmp_path / "none.prototxt"), "prototxt/det2.prototxt"]


REASONS = ["this is a solver, not a network", "a folder without a .prototxt or .onnx file", "No such file or directory"]


def test_of_several_models_the_others_go_on(mixed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, *mixed)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in out.splitlines()]
    assert code == 2 and [row[0] for row in rows[2:]] == mixed
    assert [row[1] for row in rows[3:6]] == [f"error: {reason}" for reason in REASONS]
    assert rows[2][1:] == ["1x3x12x12", "10", "6,632", "0.0448", "0.0938", "5.59"]
    assert err.splitlines() == [f"graphcost: error: {p}: {r}" for p, r in zip(mixed[1:4], REASONS, strict=True)]


def test_several_models_as_csv_have_exact_values(mixed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, *mixed, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 2 and [row["model"] for row in rows] == mixed
    assert [row["error"] for row in rows] == ["", *REASONS, ""]
    assert (rows[0]["params"], rows[0]["macs"], rows[0]["complete"]) == ("6632", "44760", "yes")
    assert rows[0]["peak"] == str(4 * (432 + 1000)) and rows[1]["macs"] == ""


def test_several_models_as_json_are_a_list(mixed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, *mixed, "--format", "json")
    data = json.loads(out)
    assert code == 2 and [each["model"]["path"] for each in data] == mixed
    assert [each.get("error") for each in data] == [None, *REASONS, None]
    assert data[4]["totals"]["macs"] == 1_530_768


def test_several_models_can_be_written_to_a_file(
    mixed: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, *mixed, "-o", str(tmp_path / "all.html"))
    assert (code, out) == (2, "") and "5 models" in (tmp_path / "all.html").read_text()


def test_progress_goes_to_a_terminals_stderr_and_is_wiped(
    mixed: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    _, out, err = run(capsys, *mixed)
    assert f"\r[1/5] {DET1}\x1b[K" in err and "[5/5]" in err and err.endswith("\r\x1b[K")
    assert "[1/5]" not in out


def test_strict_holds_for_each_of_several(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(MYSTERY)
    code, out, err = run(capsys, DET1, str(path), "--strict")
    assert code == 1 and ">= 0" in out and err.startswith(f"graphcost: error: {path}: --strict: lower bounds")


def test_a_model_that_cannot_be_read_weighs_more_than_a_gate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.prototxt").write_text(MYSTERY)
    (tmp_path / "b.prototxt").write_text("")
    assert run(capsys, str(tmp_path), "--strict")[0] == 2


def test_a_folder_is_searched_below_and_for_both_formats(
    tmp_path: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "deep/er").mkdir(parents=True)
    (tmp_path / "deep/er/net.prototxt").write_text(MYSTERY)
    (tmp_path / "a.onnx").write_text(MYSTERY)  # what it is, its content says
    (tmp_path / "notes.txt").write_text("nothing")
    _, out, _ = run(capsys, str(tmp_path), "--format", "json")
    found = [(Path(each["model"]["path"]).name, each["model"]["format"]) for each in json.loads(out)]
    assert found == [("a.onnx", "caffe"), ("net.prototxt", "caffe")]


def test_a_device_or_pipe_is_written_to_and_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, text=True) as reader:
        assert run(capsys, DET1, "-o", str(pipe), "--format", "csv", "--columns", "name")[0] == 0
        assert reader.stdout is not None and reader.stdout.read().startswith("name\nconv1\n")
    assert pipe.is_fifo()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that Linux has")
def test_a_full_disk_behind_stdout_is_one_line(root: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "graphcost", DET1], stdout=full, stderr=subprocess.PIPE, text=True, cwd=root, check=False
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "graphcost: error: standard output: cannot be written: No space left on device\n"


def test_a_reader_that_goes_away_leaves_exit_code_0(root: Path) -> None:
    command = f"set -o pipefail; '{sys.executable}' -m graphcost prototxt/ssd300.prototxt --format json | head -c 10"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=root, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_interrupt_ends_quietly(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_run", interrupt)
    assert run(capsys, DET1) == (130, "", "")


@pytest.mark.parametrize(
    ("arguments", "code"), [((DET1, "--format", "csv", "--columns", "name"), 0), (("no.onnx",), 2)]
)
def test_the_package_runs_as_a_module(arguments: tuple[str, ...], code: int, root: Path) -> None:
    command = [sys.executable, "-m", "graphcost", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert done.returncode == code and done.stdout.startswith("name\nconv1\n") == (code == 0)


def test_only_a_process_of_its_own_leaves_its_garbage_alone(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    """Whoever calls `main` goes on living and needs the collector; a command ends, and frees nothing one by one."""
    frozen = gc.get_freeze_count()  # Python 3.12 begins with some
    assert run(capsys, DET1)[0] == 0 and gc.isenabled() and gc.get_freeze_count() == frozen
    code = "import gc, graphcost.cli as c; had = gc.get_freeze_count(); "
    code += "print(c.command(), gc.isenabled(), gc.get_freeze_count() > had)"
    done = subprocess.run([sys.executable, "-c", code, DET1], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.endswith("0 False True\n")


@pytest.mark.parametrize("arguments", [("--style", "nobody"), ("--columns", "zzz"), ("--sort", "zzz"), ("--by", "zzz")])
def test_what_does_not_exist_is_refused_for_data_too(
    arguments: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, DET1, "--format", "json", *arguments)
    assert code == 2 and f" {arguments[1]!r}; " in err


def test_extents_with_an_x_in_their_names_are_set_apart_by_commas(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, DET1, "--input", "max_n,3,12,12", "--format", "json")
    assert json.loads(out)["totals"]["macs"] == "44760*max_n"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--columns", "zzz"), "no column 'zzz'; "),
        (("--sort", "zzz"), "no column 'zzz'; "),
        (("--columns", "macs,output"), "output has no total, and several models are compared by theirs"),
        (("--top", "-1"), "--top: -1 rows cannot be shown; 0 shows all"),
        (("--by", "op"), "--by: is about one model, and there are 2: each gets a row of totals"),
        (("--style", "netscope"), "--style: is about one model"),
        (("--memory",), "--memory: is about one model"),
        (("--plan", "plan.csv"), "--plan: is about one model"),
    ],
)
def test_what_several_models_cannot_be_compared_by_is_refused_before_any_is_read(
    arguments: tuple[str, ...], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "none.prototxt", "neither.prototxt", *arguments)
    assert (code, out) == (2, "") and reason in err and err.count("\n") == 1


def test_several_models_are_compared_by_any_columns_with_a_total(
    mixed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, *mixed, "--columns", "macs,netscope.macc", "--sort", "macs", "--format", "csv")
    rows = list(csv.reader(io.StringIO(out)))
    assert code == 2 and rows[0] == ["model", "input", "macs", "netscope.macc", "complete", "error"]
    assert rows[1] == ["prototxt/det2.prototxt", "1x3x24x24", "1530768", "1530768", "yes", ""]
    assert rows[2] == [DET1, "1x3x12x12", "44760", "44760", "yes", ""]
    assert [row[-1] for row in rows[3:]] == REASONS


def test_all_but_the_largest_of_several_models_can_be_left_out(
    mixed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run(capsys, *mixed, "--sort", "params", "--top", "1", "--format", "text")
    assert "det2" in out and DET1 not in out and "4 more models not shown (--top 0 shows all)" in out


def test_several_models_are_compared_on_a_device(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, DET1, "prototxt/det2.prototxt", "--device", "raspberry-pi-4")
    assert code == 0 and out.splitlines()[0].rstrip(" |").endswith("time bound (us)")


def test_a_plan_is_written_beside_the_report(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, err = run(capsys, DET1, "--plan", str(tmp_path / "plan.csv"), "--align", "64", "--io", "caller")
    assert (code, err) == (0, "") and "Assumptions: input and output buffers are the caller's." in out
    rows = list(csv.DictReader((tmp_path / "plan.csv").open()))
    assert {"conv1", "pool1"} <= {row["tensors"] for row in rows} and "data" not in {row["tensors"] for row in rows}
    assert all(int(row["offset"]) % 64 == 0 for row in rows)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--dtype", "int9"), "--dtype: no element type 'int9'; did you mean int8, "),
        (("--weights-dtype", "bool"), "--weights-dtype: no element type 'bool'"),
        (("--io", "mine"), "--io: no choice 'mine'; there are arena, caller"),
        (("--align", "0"), "--align: 0 bytes cannot be"),
        (("--plan", "plan.txt"), "plan.txt: a plan is .csv or .json, not .txt"),
        (("prototxt/det2.prototxt", "--plan", "plan.csv"), "--plan: is about one model, and there are 2"),
    ],
)
def test_what_memory_cannot_be_counted_as_is_refused(
    arguments: tuple[str, ...], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, DET1, *arguments)
    assert (code, out) == (2, "") and reason in err and err.count("\n") == 1


def test_other_element_types_and_a_better_order_are_named_in_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, DET1, "--dtype", "int8", "--weights-dtype", "int4", "--reorder")
    assert code == 0 and "6,632 parameters (3.2 KiB)" in out and "peak activations 1.4 KiB" in out
    assert "activations as int8, weights as int4; run in the order with the lowest peak that was found" in out
