"""Reports: cells, totals, lower bounds, groups, order; and how each format lays them out."""

from __future__ import annotations

import csv
import gc
import io
import json
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from onnx import helper

import graphcost
from graphcost import Report, export
from graphcost.columns import find, known
from graphcost.files import write
from graphcost.notation import Notation
from graphcost.render import render
from graphcost.summary import Failure, Summary
from graphcost.table import scaled
from harness import HEAD, analysed, conv, image, layer, proto, run, run_weighted

CONV = conv("block/conv", fields="kernel_size: 3 stride: 2 pad: 1 dilation: 1", top="c")
RELU = layer("block/relu", "ReLU", "c", tops="r")
POOL = 'layer { name: "pool" type: "Pooling" bottom: "r" top: "p" pooling_param { pool: AVE global_pooling: true } }\n'
MYSTERY = layer("m", "Mystery", "r")


@pytest.fixture
def small(net: Any) -> graphcost.Analysis:
    """Three layers: 3x8x8 -> 4x4x4 -> 4x1x1."""
    analysis: graphcost.Analysis = net(HEAD + CONV + RELU + POOL)
    return analysis


@pytest.fixture
def on_a_device(small: graphcost.Analysis, tmp_path: Path) -> graphcost.Analysis:
    """The same where there are times, too: bounds, measured ones and estimates."""
    board = Path(graphcost.__file__).parent / "profiles/raspberry-pi-4.toml"
    point = '[[point]]\nfamily = "conv"\nmeasured = [[3, 4, 16, 9, 2, 1728, 1e-5]]\n'
    relu = '[[point]]\nfamily = "Relu"\nmeasured = [[128, 4, 1, 128, 1e-6]]\n'
    (tmp_path / "board.toml").write_text(board.read_text() + point + relu)
    (tmp_path / "times.csv").write_text("block/conv,2\nblock/relu,1\npool,1\n")
    analysis = graphcost.analyze(small.model, target=graphcost.Target(device=str(tmp_path / "board.toml")))
    return analysis.with_times(tmp_path / "times.csv")


QUOTIENTS = ("intensity", "achieved", "bandwidth", "efficiency")


def cells(analysis: graphcost.Analysis, *keys: str, **options: Any) -> list[tuple[str, ...]]:
    return analysis.report(columns=keys, **options).table.rows


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("name", ["block/conv", "block/relu", "pool"]),
        ("type", ["Convolution 3x3/2", "ReLU", "Pooling"]),
        ("kind", ["Convolution", "ReLU", "Pooling"]),
        ("scope", ["block", "block", ""]),
        ("count", ["1", "1", "1"]),
        ("input", ["1x3x8x8", "1x4x4x4", "1x4x4x4"]),
        ("output", ["1x4x4x4", "1x4x4x4", "1x4x1x1"]),
        ("params", [str(4 * 3 * 3 * 3 + 4), "0", "0"]),
        ("param_bytes", ["448 B", "0 B", "0 B"]),  # 4 x 112
        ("macs", ["1.7 k", "0", "0"]),  # 64 x 27
        ("ops", ["3.5 k", "64", "64"]),  # 2 x 1728 + 64
        ("adds", ["64", "0", "60"]),
        ("divs", ["0", "0", "4"]),
        ("compares", ["0", "64", "0"]),
        ("activation", ["256 B", "256 B", "16 B"]),
        ("share", ["100.0%", "", ""]),
        ("rf", ["3", "3", "all"]),
        ("rf_stride", ["2", "2", "all"]),
        ("rf_offset", ["-1", "-1", "all"]),
        ("status", ["known"] * 3),
    ],
)
def test_a_column_says_of_each_row(column: str, expected: list[str], small: graphcost.Analysis) -> None:
    assert [row[0] for row in cells(small, column)] == expected


def test_where_is_the_line_in_the_file(small: graphcost.Analysis) -> None:
    assert [row[0].rpartition(":")[2] for row in cells(small, "where")] == ["2", "3", "4"]


def test_every_column_can_be_printed_and_has_a_definition(on_a_device: graphcost.Analysis) -> None:
    table = on_a_device.report(columns=known()).table
    assert all(len(row) == len(known()) for row in [*table.rows, table.total])
    assert all(find(key).doc for key in known())


def test_a_total_is_the_sum_of_its_rows_or_the_most_of_them(on_a_device: graphcost.Analysis) -> None:
    chosen, cells, _ = on_a_device.report(columns=known()).values()
    summed = [column for column in chosen if column.total is not None and column.key not in QUOTIENTS]
    assert len(summed) > 20 and [column.key for column in summed if column.aggregate == "max"] == ["peak"]
    for column, parts in zip(chosen, cells, strict=True):
        if column not in summed:
            continue
        numbers = [part for part in parts if isinstance(part, int | float)]
        assert column.total is not None
        assert column.total(on_a_device) == pytest.approx(max(numbers) if column.aggregate == "max" else sum(numbers))


@pytest.mark.parametrize(
    "sample", ["prototxt/ssd300.prototxt", "onnx_models/retinaface.onnx", "onnx_models/ssd300.onnx"]
)
def test_rows_that_are_alike_say_the_same(sample: str, root: Path) -> None:
    analysis = graphcost.analyze(graphcost.load(root / sample))
    assert len({row.signature for row in analysis.rows}) < len(analysis.rows)
    shared = [column for column in map(find, known()) if column.per_signature]
    assert {"type", "output", "macs", "activation", "share"} <= {column.key for column in shared}
    _, cells, _ = analysis.report(columns=[column.key for column in shared], all=True).values()
    for column, found in zip(shared, cells, strict=True):
        assert found == [column.value(analysis, at) for at in range(len(analysis.rows))], column.key


def test_rows_of_which_nothing_is_known_are_not_alike(net: Any) -> None:
    other = MYSTERY.replace('"m"', '"n"').replace("Mystery", "Riddle")
    analysis = net(HEAD + CONV + RELU + MYSTERY + other)
    assert [row.signature for row in analysis.rows] == [0, 1, 2, 3]
    assert analysis.unknown == {"Mystery": 1, "Riddle": 1}


def test_the_summary_says_what_a_person_reads_first(small: graphcost.Analysis) -> None:
    assert small.report().summary == [
        "input data 1x3x8x8",
        "3 layers",
        "112 parameters (448 B)",
        "1.7 k MACs",
        "peak activations 1.0 KiB at block/conv",  # 4 x (192 + 64)
    ]


def test_a_peak_of_open_sizes_says_what_it_depends_on(net: Any) -> None:
    """On the image's sizes, not on the batch, which is assumed."""
    report = net(HEAD + CONV + RELU, shapes={"data": ("N", 3, "H", "W")}).report()
    assert report.summary[-1] == "peak activations depend on H, W"
    unknown = net(HEAD + CONV + RELU + MYSTERY, shapes={"data": (1, 3, "H", 8)})
    assert unknown.report().summary[-1] == "peak activations unknown"


def test_a_lower_bound_says_so_wherever_it_stands(net: Any) -> None:
    report = net(HEAD + CONV + RELU + MYSTERY).report()
    assert report.summary[2:] == [">= 112 parameters (>= 448 B)", ">= 1.7 k MACs", "peak activations unknown"]
    assert report.table.total[:5] == ("total", "", "", ">= 112", ">= 1.7 k")
    assert report.table.rows[2] == ("m", "Mystery", "?", "?", "?", "?", "?", "")
    assert report.table.marked == {2}
    assert report.coverage == "lower bounds: the cost of 1 operator is not known (Mystery x1)"
    assert 'class="unknown"' in report.render("html")
    summary = Summary([report])
    assert summary.table.rows[0][1:] == ("1x3x8x8", "3", ">= 112", ">= 1.73", ">= 3.58", "?")
    assert summary.lines[1][1:] == ("1x3x8x8", 3, 112, 112, 1728, 2 * 1728 + 64 + 64, None, "no", None)


def test_csv_leaves_empty_what_is_not_known(net: Any) -> None:
    text = net(HEAD + CONV + RELU + MYSTERY).report(columns=["name", "macs", "activation"]).render("csv")
    assert text.splitlines() == ["name,macs,activation", "block/conv,1728,256", "block/relu,0,256", "m,,"]


def test_what_is_not_known_may_be_the_most_expensive(net: Any) -> None:
    assert cells(net(HEAD + CONV + RELU + MYSTERY), "name", sort="macs", top=2) == [("m",), ("block/conv",)]


def test_rows_are_sorted_by_number_largest_first_and_by_name(small: graphcost.Analysis) -> None:
    assert cells(small, "name", sort="ops") == [("block/conv",), ("block/relu",), ("pool",)]
    assert cells(small, "name", sort="divs", top=1) == [("pool",)]
    assert cells(small, "name", sort="kind") == [("block/relu",), ("pool",), ("block/conv",)]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("op", [("Convolution", "1", "112"), ("ReLU", "1", "0"), ("Pooling", "1", "0")]),
        ("scope", [("block", "2", "112"), ("(root)", "1", "0")]),
        ("stage", [("4x4", "2", "112"), ("1x1", "1", "0")]),
    ],
)
def test_rows_of_one_group_are_summed(by: str, expected: list[tuple[str, ...]], small: graphcost.Analysis) -> None:
    assert cells(small, "name", "count", "params", by=by) == expected


def test_a_group_of_several_kinds_says_how_many(small: graphcost.Analysis) -> None:
    assert cells(small, "name", "kind", by="scope") == [("block", "(2 kinds)"), ("(root)", "Pooling")]


def test_groups_are_sorted_and_cut_as_rows_are(small: graphcost.Analysis) -> None:
    report = small.report(by="scope", columns=["name", "ops"], sort="ops", top=1)
    assert [row[0] for row in report.table.rows] == ["block"]
    assert report.table.notes == ["1 more row not shown (--top 0 shows all)"]


def test_a_group_whose_shape_is_not_known_has_no_stage(net: Any) -> None:
    text = HEAD + MYSTERY.replace('"r"', '"data"') + 'layer { name: "s" type: "Silence" bottom: "data" }'
    assert [row[0] for row in cells(net(text), "name", by="stage")] == ["?"]


def test_shapes_too_long_for_a_cell_are_short_under_the_assumed_batch_too() -> None:
    """Six pieces of one operator: in the table their batch is 1, as everywhere."""
    analysis = run("""
    g (float[batch, past, 96] x) => (float[] a, float[] b, float[] c, float[] d, float[] e, float[] f) {
        a, b, c, d, e, f = Split <axis = 2> (x)
    }
    """)
    cell = next(line for line in analysis.report().render("text").splitlines() if "Split" in line)
    assert cell.count("1 x past x 16") == 6 and "batch" not in cell


def test_an_open_batch_counts_as_one_and_says_so(net: Any) -> None:
    analysis = net(HEAD + CONV + RELU, shapes={"data": ("N", 3, 8, 8)})
    report = analysis.report(columns=["name", "output", "macs"])
    assert report.table.rows[0] == ("block/conv", "1x4x4x4", "1.7 k")
    assert report.assumptions == "batch N = 1 (default; --dim changes it)"
    assert "Assumptions: batch N = 1 (default; --dim changes it)." in report.render("text")
    assert report.render("csv").splitlines()[1] == "block/conv,N x 4 x 4 x 4,1728*N"


def test_sizes_that_stay_open_print_as_formulas(net: Any) -> None:
    analysis = net(HEAD + 'layer { name: "r" type: "ReLU" bottom: "data" top: "r" }', shapes={"data": ("N", 3, "H", 8)})
    report = analysis.report(columns=["name", "compares", "activation"])
    assert report.table.rows == [("r", "24·H", "96·H")]
    assert report.assumptions.endswith("symbolic dimensions: H (set with --dim H=...)")


def test_long_formulas_stand_whole_where_programs_read_and_briefly_where_people_do(net: Any) -> None:
    """Maps of H/2, H/3, ... rows, one above the other."""
    layers = bottoms = ""
    for size in (2, 3, 5, 7, 11):
        layers += f'layer {{ name: "p{size}" type: "Pooling" bottom: "data" top: "p{size}" '
        layers += f"pooling_param {{ kernel_h: {size} stride_h: {size} kernel_w: 1 stride_w: 1 }} }}\n"
        bottoms += f'bottom: "p{size}" '
    layers += f'layer {{ name: "c" type: "Concat" {bottoms} top: "c" concat_param {{ axis: 2 }} }}\n'
    layers += 'layer { name: "r" type: "ReLU" bottom: "c" top: "r" }'
    analysis = net(HEAD + layers, shapes={"data": ("N", 3, "H", "W")})
    report = analysis.report(columns=["name", "output", "ops"])
    first, *_, last = report.table.rows
    assert "H + 1)//2" in first[1] and last[1:] == ("1 x 3 x ƒ(H) x W", "ƒ(H, W)")
    assert report.table.total[2] == "ƒ(H, W)"
    assert ["ƒ(...)" in note for note in report.table.notes] == [True]
    assert "ƒ" not in report.render("csv") + report.render("json")
    rows = str(analysis.rows[-1].outputs[0].shape[2])
    assert len(rows) > 60 and rows in report.render("csv")
    assert analysis.report(columns=["name"]).table.notes == []  # there is nothing to explain


def test_a_headline_names_the_first_inputs_and_counts_the_others(net: Any) -> None:
    names = [f"{letter}_{letter * at}" for at, letter in enumerate("abcdefghijklmno", 1)]
    inputs = "".join(f'input: "{name}" input_shape {{ dim: 2 dim: 1 }} ' for name in names)
    bottoms = "".join(f'bottom: "{name}" ' for name in names)
    summary = net(f'{inputs} layer {{ name: "c" type: "Concat" {bottoms} top: "c" }}').report().summary
    assert summary[4:7] == ["input e_eeeee 2x1", "and 10 more inputs", "1 layer"]


@pytest.mark.parametrize(
    ("value", "base", "text"),
    [(0, 1000, "0"), (999, 1000, "999"), (1000, 1000, "1.0 k"), (999_949, 1000, "999.9 k"), (999_950, 1000, "1.0 M"),
     (1.5e9, 1000, "1.5 G"), (1e21, 1000, "1,000.0 E")],
)  # fmt: skip
def test_numbers_are_shortened_to_one_decimal(value: float, base: int, text: str) -> None:
    assert scaled(value, base, ("", "k", "M", "G", "T", "P", "E")) == text


@pytest.mark.parametrize("format", ["md", "html", "text", "csv", "json"])
def test_every_format_renders_a_network_without_layers_that_cost(format: str, net: Any) -> None:
    text = net(
        'input: "data" input_shape { dim: 0 } layer { name: "s" type: "Split" bottom: "data" top: "s" }'
    ).report()
    assert "s" in text.render(format)


def test_markdown_columns_line_up(small: graphcost.Analysis) -> None:
    lines = [line for line in small.report().render("md").splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 3 + 1 and len({len(line) for line in lines}) == 1
    bars = [[at for at, c in enumerate(line) if c == "|"] for line in lines]
    assert all(each == bars[0] for each in bars)


def test_text_has_columns_side_by_side_without_bars(small: graphcost.Analysis) -> None:
    text = small.report(columns=["name", "output", "macs"]).render("text")
    assert "|" not in text
    assert text.splitlines()[7:12] == [
        "layer       output   kMACs",
        "----------  -------  -----",
        "block/conv  1x4x4x4   1.73",
        "block/relu  1x4x4x4      0",
        "pool        1x4x1x1      0",
    ]


@pytest.mark.parametrize("format", ["md", "html", "text"])
def test_warnings_of_the_file_are_printed(format: str, net: Any) -> None:
    text = (
        'layer { name: "d" type: "DummyData" top: "data" include { stage: "x" } dummy_data_param { shape { dim: 1 dim: 2 } } }'
        'layer { name: "r" type: "ReLU" bottom: "data" top: "r" }'
    )
    assert "Warning: data: brought only by d" in net(text).report().render(format).replace('class="warning">', "")


def test_a_style_keeps_its_own_rows_and_columns(small: graphcost.Analysis) -> None:
    for options in ({"columns": ["name"]}, {"sort": "macs"}, {"top": 2}, {"by": "op"}):
        with pytest.raises(graphcost.ModelError, match="netscope has rows and columns of its own"):
            small.report(style="netscope", **options)
    rows = small.report(style="netscope").render("csv").splitlines()
    assert rows[0].startswith("ID,Name,Type,") and rows[1].startswith("1,data,")


@pytest.mark.parametrize("options", [{"style": "nobody"}, {"columns": ["nothing"]}, {"by": "colour"}])
def test_what_does_not_exist_is_refused_with_what_does(options: dict[str, Any], small: graphcost.Analysis) -> None:
    with pytest.raises(graphcost.ModelError, match=r"there are default|there are name, type|there are op"):
        small.report(**options).render()


def test_several_reports_are_a_list_with_failures_in_their_places(small: graphcost.Analysis) -> None:
    results = [small.report(), Failure("bad.prototxt", "this is a solver, not a network")]
    reports = Summary(results, objects=True)
    assert json.loads(render(reports, "json")) == [
        small.to_dict(),
        {
            "schema": 1,
            "generator": export.GENERATOR,
            "model": {"path": "bad.prototxt"},
            "error": "this is a solver, not a network",
        },
    ]
    assert [line.split(",")[2:] for line in render(reports, "csv").splitlines()] == [
        ["count", "params", "learned_params", "macs", "ops", "peak", "complete", "error"],
        ["3", "112", "112", "1728", str(2 * 1728 + 64 + 64 + 64), "1024", "yes", ""],
        ["", "", "", "", "", "", "", '"this is a solver', ' not a network"'],
    ]
    assert "error: this is a solver" in render(reports, "md")
    with pytest.raises(ValueError, match="objects=True"):
        render(Summary(results), "json")
    assert '<tr class="unknown"><th scope="row">bad.prototxt</th><td>error: this is a solver' in render(reports, "html")


def test_inputs_that_are_alike_stand_in_one_pattern() -> None:
    """Two caches in each of four layers."""
    caches = [f"past_key_values.{at}.{which}" for at in range(4) for which in ("key", "value")]
    nodes = [helper.make_node("Sum", ["x", *caches], ["y"])]
    inputs = {"x": ["batch", 8, 1, 64]} | {name: ["batch", 8, "past", 64] for name in caches}
    summary = analysed(proto(nodes, inputs)).report().summary
    shape = "1 x 8 x past x 64"
    assert summary[:3] == ["input x 1x8x1x64", f"inputs past_key_values.{{0..3}}.{{key,value}}: {shape}", "1 layer"]


@pytest.mark.parametrize("objects", [False, True])
def test_any_number_of_models_can_be_compared(net: Any, objects: bool) -> None:
    """An analysis is let go when its row is written, without waiting for the collector."""
    alive: weakref.WeakSet[graphcost.Analysis] = weakref.WeakSet()
    most = 0

    def reports() -> Iterator[Report]:
        nonlocal most
        for _ in range(5):
            analysis = net(HEAD + CONV + RELU)
            alive.add(analysis)
            most = max(most, len(alive))
            report = analysis.report()
            del analysis
            yield report

    gc.disable()
    try:
        assert len(Summary(reports(), sort="macs", objects=objects).table.rows) == 5
    finally:
        gc.enable()
    assert most == 2 and not alive


def test_of_a_long_formula_the_row_of_a_model_says_what_it_depends_on(net: Any) -> None:
    layers = "".join(CONV.replace("block/conv", f"c{k}").replace('"c"', f'"c{k}"').replace("stride: 2", f"stride: {k}")
                     for k in (2, 3, 5))  # fmt: skip
    summary = Summary([net(HEAD + layers, shapes={"data": ("N", 3, "H", "W")}).report()], columns=["params", "macs"])
    assert summary.table.rows[0][2:] == (f"{3 * 112:,}", "ƒ(H, W)")
    assert "//5" in str(summary.lines[1][3])


def test_a_file_is_replaced_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    path.write_text("before")
    path.chmod(0o640)
    write("after", path)
    assert path.read_text() == "after" and path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_half_way_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.md"
    path.write_text("before")

    def fail(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(graphcost.ModelError, match="cannot be written: No space left on device"):
        write("after", path)
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_a_link_is_followed_and_names_that_are_not_utf8_are_written(tmp_path: Path) -> None:
    (tmp_path / "link.md").symlink_to("target.md")
    write("net\udcff", tmp_path / "link.md")
    assert (tmp_path / "link.md").is_symlink() and (tmp_path / "target.md").read_text() == "net?"


def test_a_notebook_shows_the_summary_and_the_table_as_part_of_its_page(small: graphcost.Analysis) -> None:
    html = small._repr_html_()
    assert html.startswith('<div class="graphcost">') and html.rstrip().endswith("</div>")
    assert html.count("<tr>") == 1 + 3 + 1 and "Convolution 3x3/2" in html and "112 parameters (448 B)" in html
    assert "<script" not in html and " id=" not in html
    assert small._repr_markdown_() == small.report().render("md")


def test_a_notebook_shows_the_most_expensive_layers_where_there_are_many(root: Path) -> None:
    analysis = graphcost.analyze(graphcost.load(root / "prototxt/ssd300.prototxt"))
    assert "61 more rows not shown" in analysis._repr_html_()  # of 101
    assert "61 more rows not shown" in analysis._repr_markdown_()


def test_a_notebook_shows_names_as_text(net: Any) -> None:
    html = net(HEAD + CONV.replace("block/conv", "</td><script>"))._repr_html_()
    assert "<script>" not in html and "&lt;/td&gt;&lt;script&gt;" in html


BRANCHES = """g (bool c, float[b, s] x, float[8, s] w, float[s, t] v) => (float[] y) {
    y = If (c) <then_branch = g () => (p) { p = MatMul(w, v) }, else_branch = g () => (q) { q = MatMul(x, v) }>
}"""


def test_every_format_says_which_branch_was_counted() -> None:
    analysis = run(BRANCHES, dims={"b": 4, "s": 16, "t": 2})
    said = "data decides; counted: then_branch, the more expensive"
    for format in ("md", "text", "csv", "json"):
        assert said in analysis.report().render(format), format
    assert analysis.total("macs") == 8 * 2 * 16


def test_where_open_sizes_decide_which_branch_costs_more_both_are_counted() -> None:
    analysis = run(BRANCHES)
    assert str(analysis.total("macs")) == "b*s*t + 8*s*t"
    assert "If_0: data decides; counted: both branches, since " in analysis.report().assumptions


def test_a_value_chooses_the_branch() -> None:
    sizes = {"b": 4, "s": 16, "t": 2}
    macs = [run(BRANCHES, dims=sizes, values={"c": value}).total("macs") for value in (True, False)]
    assert macs == [8 * 2 * 16, 4 * 2 * 16]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"q": 1}, "there is no input 'q'; the inputs are: c, x, w, v"),
        ({"x": 1}, r"input 'x' is float32 \[b, s\]; only one integer or boolean can be given a value"),
    ],
)
def test_a_value_that_no_input_can_have_is_refused(values: dict[str, int], reason: str) -> None:
    with pytest.raises(graphcost.ModelError, match=reason):
        run(BRANCHES, values=values)


WITH_CONSTANT = (
    "g (float[1,8] x, float[8] w_a, float[8] w_b) => (float[1,8] y) { c = Add(w_a, w_b) d = Mul(x, c) y = Relu(d) }"
)


def test_operators_that_only_make_constants_are_no_layers_where_people_read() -> None:
    analysis = run_weighted(WITH_CONSTANT)
    report = analysis.report()
    assert "2 layers" in report.summary
    assert [row[1] for row in report.table.rows] == ["Mul", "Relu"] and report.table.at == (1, 2)
    assert report.table.notes == ["2 operators; 1 constant not shown, --all shows them"]
    assert [row[:2] for row in analysis.report(by="op").table.rows] == [("Mul", "1"), ("Relu", "1")]
    assert [row[1] for row in analysis.report(all=True).table.rows] == ["Add", "Mul", "Relu"]
    assert analysis.report(sort="ops", top=1).table.notes[0] == "1 more row not shown (--top 0 shows all)"


def test_programs_get_every_row_and_which_are_constant() -> None:
    report = run_weighted(WITH_CONSTANT).report()
    assert [layer["constant"] for layer in report.data["layers"]] == [True, False, False]
    rows = list(csv.DictReader(io.StringIO(report.render("csv"))))
    assert [(row["type"], row["constant"]) for row in rows] == [("Add", "true"), ("Mul", ""), ("Relu", "")]


def test_long_names_of_symbols_are_short_in_tables_and_explained_below() -> None:
    nodes = [helper.make_node("Relu", ["x"], ["y"])]
    report = analysed(proto(nodes, {"x": ["p2o_DynamicDimension_0", 4, "p2o_DynamicDimension_1", "d1"]})).report(
        columns=["output", "ops"]
    )
    assert report.tables[0].rows == [("1 x 4 x d0 x d1", "4·d0·d1")]
    assert report.tables[0].notes == ["d0 = p2o_DynamicDimension_1"]
    assert "symbolic dimensions: p2o_DynamicDimension_1, d1 (set with --dim" in report.assumptions
    assert "4*d1*p2o_DynamicDimension_0*p2o_DynamicDimension_1" in report.render("csv")


def test_several_models_have_one_unit_a_column_and_may_be_compared_with_the_first(net: Any) -> None:
    """3 * 9 * 36 MACs for each output channel of a 3x3 convolution on 8x8."""
    reports = [net(HEAD + conv("c", outputs=outputs)).report() for outputs in (4, 6)]
    columns = ["learned_params", "macs"]
    table = Summary(reports, columns=columns).table
    assert table.titles == ("model", "input", "params", "kMACs")
    assert [row[2:] for row in table.rows] == [("112", "3.89"), ("168", "5.83")]
    compared = Summary(reports, columns=columns, compare=True).table
    assert [row[2:] for row in compared.rows] == [("112", "3.89"), ("168 (+50.0%)", "5.83 (+50.0%)")]
    exact = Summary(reports, columns=columns, notation=Notation(exact=True)).table
    assert [row[3] for row in exact.rows] == [f"{972 * outputs:,}" for outputs in (4, 6)]


def test_a_model_that_could_not_be_read_has_nothing_to_compare(net: Any) -> None:
    results = [Failure("bad", "no"), net(HEAD + conv("c")).report()]
    assert Summary(results, columns=["macs"], compare=True).table.rows[1][2] == "3.89"


def test_a_report_says_why_an_operator_that_has_a_rule_is_not_known(net: Any) -> None:
    """Alike ones stand together; one without a rule is told how to get one instead, and what depends is no cause."""
    odd = 'layer { name: "%s" type: "Convolution" bottom: "data" top: "%s" convolution_param { num_output: 4 kernel_size: 3 padd: 1 } }'
    text = image(1, 3, 8, 8) + "".join(odd % (name, name) for name in "abc")
    analysis = net(text + layer("m", "Mystery", "data") + layer("r", "ReLU", "a"))
    reason = "a, b and 1 more (Convolution): field padd is not understood (nearest: pad)"
    assert Report(analysis).causes == [reason]
    for format in ("md", "text", "html", "latex"):
        assert f"Not known: {reason}" in Report(analysis).render(format)


def test_only_the_first_reasons_are_given(net: Any) -> None:
    odd = 'layer { name: "c%d" type: "Convolution" bottom: "data" top: "c%d" convolution_param { num_output: 4 kernel_size: 3 odd%d: 1 } }'
    analysis = net(image(1, 3, 8, 8) + "".join(odd % (at, at, at) for at in range(7)))
    causes = Report(analysis).causes
    assert len(causes) == 5 + 1 and causes[-1] == "2 more reasons"
    assert Report(net(image(1, 3, 8, 8) + "".join(odd % (at, at, at) for at in range(6)))).causes[-1] == "1 more reason"
