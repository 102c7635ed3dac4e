"""Each tool's accounting on one small network whose figures are worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from onnx import helper

import graphcost
from graphcost import conventions
from graphcost.conventions.families import Cell, cell
from graphcost.dims import symbol
from graphcost.graph import Model, Op, Tensor, build_dag
from harness import analysed, integers, proto

# 1x3x8x8 -> conv 3x3 to 4 channels, 6x6 -> batch norm -> ReLU -> max pool 2x2/2, 3x3 -> inner product to 10 -> softmax
NET = """
input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "bn" }
layer { name: "relu" type: "ReLU" bottom: "bn" top: "bn" }
layer { name: "pool" type: "Pooling" bottom: "bn" top: "pool" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "fc" type: "InnerProduct" bottom: "pool" top: "fc" inner_product_param { num_output: 10 } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""
CONV, MAP, POOLED, FC = (4 * 6 * 6) * (3 * 3 * 3), 4 * 6 * 6, 4 * 3 * 3, 36 * 10

# metric: what it counts for conv, bn (Caffe's, which normalises and leaves scale and shift to another layer), relu, pool,
# fc, prob
PRICES = {
    "netscope.macc": (CONV, 0, 0, 0, FC, 0),
    "torchstat.flops": (CONV + MAP, MAP, MAP, MAP, FC, 0),
    "torchstat.madd": (MAP * (2 * 27 - 1 + 1), 2 * MAP, MAP, POOLED * 3, 10 * (2 * 36 - 1), 3 * 10 - 1),
    "torchstat.mem_write": (4 * MAP, 4 * MAP, 4 * MAP, 4 * POOLED, 40, 0),
    "fvcore.flops": (CONV, MAP, 0, 0, FC, 0),
    "flop_counter.flops": (2 * CONV, 0, 0, 0, 2 * FC, 0),
    "thop.macs": (CONV, 2 * MAP, 0, 0, FC, 3 * 10 - 1),
    "ptflops.macs": (CONV + MAP, MAP, 2 * MAP, 2 * MAP, FC + 10, 10),
    "torchinfo.mult_adds": ((CONV // MAP * 4 + 4) * 36, 0, 0, 0, FC + 10, 0),
    "deepspeed.flops": (2 * CONV + MAP, MAP, MAP, MAP, 2 * FC, 10),
    "burden.flops": (CONV + MAP, 0, 2 * MAP, 2 * POOLED * 4, FC + 10, 0),
    "onnx_tool.macs": (CONV + MAP, 31 * MAP, MAP, POOLED * 4, FC + 10, 36 * 10),
    "onnx_opcounter.macs": (CONV, 2 * MAP, MAP, POOLED, 36 * 10, 10),
    "matconvnet.param_mem": (4 * (108 + 4), 4 * 9, 0, 0, 4 * (360 + 10), 0),
    "cs231n.weights": (108, 0, 0, 0, 360, 0),
}


@pytest.mark.parametrize("key", PRICES)
def test_a_convention_counts_as_its_tool_does(key: str, net: Any) -> None:
    analysis = net(NET)
    name, _, metric = key.partition(".")
    found = conventions.metric(name, metric)
    assert found is not None
    assert tuple(found.value(row) or 0 for row in analysis.rows) == PRICES[key]


@pytest.mark.parametrize(
    ("kind", "price"),
    [("Add", 1), ("Sub", 1), ("Mul", 1), ("Div", 4), ("Mod", 1), ("Pow", 32), ("Max", 1), ("Min", 1)],
)
def test_onnx_tool_has_a_price_for_each_element_that_two_make(kind: str, price: int, blank: Any) -> None:
    """https://github.com/ThanatosShinji/onnx-tool/blob/main/onnx_tool/node.py"""
    net = blank(x=Tensor((2, 3, 4)), z=Tensor((4,)))
    net.op("", kind, "x", "z")
    (row,) = net.analyse().rows
    found = conventions.metric("onnx_tool", "macs")
    assert found is not None and found.value(row) == (2 * 3 * 4) * price


@pytest.mark.parametrize(
    ("shape", "count"),
    [((2, 4, 3, 5), 2 * 4 * 15 + 2 * (2 + 2 * 4) * 15), ((2, 4), 2 * 4 + 2 * (2 + 2 * 4))],
)
def test_burden_counts_a_local_normalisation_by_positions_and_channels(
    shape: tuple[int, ...], count: int, blank: Any
) -> None:
    net = blank(x=Tensor(shape))
    net.op("", "LRN", "x", size=3)
    found = conventions.metric("burden", "flops")
    assert found is not None and found.value(net.analyse().rows[0]) == count


def test_an_einsum_is_nothing_to_ptflops(blank: Any) -> None:
    net = blank(a=Tensor((2, 3, 4)), b=Tensor((2, 4, 5)))
    net.op("", "Einsum", "a", "b", equation="bij,bjk->bik")
    (row,) = net.analyse().rows
    found = conventions.metric("ptflops", "macs")
    assert found is not None and found.value(row) == 0 and row.work.macs == 2 * 3 * 4 * 5


def test_torchstat_counts_a_transposed_convolution_by_the_positions_of_its_input(blank: Any) -> None:
    """Per image: six filters at 3 x 5 positions, each the products and the sum of 4 x 2 x 2; no bias."""
    net = blank(x=Tensor((2, 4, 3, 5)))
    net.op("", "ConvTranspose", "x", weights=((4, 6, 2, 2),), strides=(2, 2))
    (row,) = net.analyse().rows
    found = conventions.metric("torchstat", "madd")
    assert found is not None and found.value(row) == (3 * 5) * 6 * (2 * (4 * 2 * 2) - 1)


@pytest.mark.parametrize("key", [f"{c.name}.{m.key}" for c in conventions.known() for m in c.metrics])
def test_what_a_tool_leaves_out_is_nothing_and_only_what_is_not_known_has_no_figure(key: str, net: Any) -> None:
    """Of every operator of a known network there is a figure, of one whose shapes are not known none, or nothing."""
    found = conventions.metric(*key.split("."))
    assert found is not None
    assert None not in [found.value(row) for row in net(NET).rows]
    unknown = net(NET + 'layer { name: "m" type: "Mystery" bottom: "prob" top: "m" }').rows[-1]
    assert not found.value(unknown)


def test_every_convention_is_listed_and_names_its_source() -> None:
    for convention in conventions.known():
        assert convention.source.startswith("https://") and (convention.metrics or convention.table)
        assert all(metric.unit and metric.doc for metric in convention.metrics)


@pytest.mark.parametrize("style", [convention.name for convention in conventions.known() if convention.table])
def test_a_style_prints_numbers_under_the_assumptions(style: str, net: Any) -> None:
    """An open batch is taken for 1, as the report says below."""
    stated, open_ = net(NET), net(NET, shapes={"data": ("N", 3, 8, 8)})
    assert open_.assumptions == {"N": 1}
    assert open_.report(style=style).table == stated.report(style=style).table


def test_formulas_in_the_table_of_a_tool_read_as_elsewhere(net: Any) -> None:
    """A convolution alone, 3x3 and without padding: sizes in brackets, products with a dot."""
    analysis = net(NET.partition('layer { name: "bn"')[0], shapes={"data": (1, 3, "H", 8)})
    cells = {style: str(analysis.report(style=style).table.rows) for style in ("netscope", "torchstat", "cs231n")}
    assert "'(H - 2) x 6'" in cells["netscope"] and "macc 648·H - 1296" in cells["netscope"]
    assert "'4 (H - 2) 6'" in cells["torchstat"]
    assert "[(H - 2) x 6 x 4]  memory:  (H - 2)*6*4=24·H - 48" in cells["cs231n"]


def test_the_course_writes_small_memory_out(net: Any) -> None:
    table = net(NET).report(style="cs231n").table
    assert table.rows[1][0].startswith("CONV3-4: [6x6x4]  memory:  6*6*4=144 ")


def test_onnxsim_counts_what_it_knows_and_nothing_else(root: Path) -> None:
    analysis = graphcost.analyze(graphcost.load(root / "onnx_models/vgg16.onnx"))
    metric = conventions.metric("onnxsim", "flops")
    assert metric is not None
    assert sum(metric.value(row) or 0 for row in analysis.rows) == 2 * 15_470_264_320


# CS231n course notes, VGG-16: some lines and both totals
CS231N = [
    "INPUT: [224x224x3] memory: 224*224*3=150K weights: 0",
    "CONV3-64: [224x224x64] memory: 224*224*64=3.2M weights: (3*3*3)*64 = 1,728",
    "POOL2: [7x7x512] memory: 7*7*512=25K weights: 0",
    "FC: [1x1x4096] memory: 4096 weights: 7*7*512*4096 = 102,760,448",
    "FC: [1x1x1000] memory: 1000 weights: 4096*1000 = 4,096,000",
    "TOTAL memory: 15M * 4 bytes ~= 60MB / image (only forward! ~*2 for bwd)",
    "TOTAL params: 138M parameters",
]


@pytest.mark.parametrize("path", ["prototxt/vgg16.prototxt", "onnx_models/vgg16.onnx"])
def test_cs231n_prints_the_course_notes_lines(path: str, root: Path) -> None:
    text = graphcost.analyze(graphcost.load(root / path)).report(style="cs231n").render("text")
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert [line for line in CS231N if line not in lines] == []
    assert sum(line.startswith(("CONV", "POOL", "FC")) for line in lines) == 13 + 5 + 3


# MatConvNet, the 25-layer grouped network: rf size, offset, stride, data and parameter memory of some columns
MATCONVNET = {
    "conv1": ("3", "1", "1", "512KB", "145KB"),
    "pool1": ("6", "1.5", "2", "128KB", "0B"),
    "conv4": ("14", "1.5", "2", "256KB", "2MB"),
    "pool3": ("36", "4.5", "8", "32KB", "0B"),
    "fc9": ("92", "16.5", "32", "4KB", "32MB"),
    "fc11": ("92", "16.5", "32", "20B", "20KB"),
    "sftmx": ("92", "16.5", "32", "4B", "0B"),
}


def test_matconvnet_prints_layers_as_columns_of_at_most_eighteen(root: Path) -> None:
    analysis = graphcost.analyze(graphcost.load(root / "prototxt/matconvnet_grouped.prototxt"))
    report = analysis.report(style="matconvnet")
    table = report.table
    (block,) = table.continued
    assert (len(table.titles), len(block.titles)) == (1 + 18, 1 + 26 - 18)
    quantities: dict[str, list[str]] = {}
    for row in [table.titles, *table.rows, block.titles, *block.rows]:
        quantities.setdefault(row[0], []).extend(row[1:])
    written = [row for row in report.render("csv").splitlines() if row.startswith("name,")]
    assert [row.count(",") for row in written] == [18, 18]
    for name, wanted in MATCONVNET.items():
        at = quantities["name"].index(name)
        found = tuple(quantities[key][at] for key in ("rf size", "rf offset", "rf stride", "data mem", "param mem"))
        assert found == wanted


BRANCHES = """
input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }
layer { name: "halved" type: "Convolution" bottom: "data" top: "halved"
  convolution_param { num_output: 4 kernel_size: 2 stride: 2 } }
layer { name: "cropped" type: "Convolution" bottom: "data" top: "cropped"
  convolution_param { num_output: 4 kernel_size: 5 } }
layer { name: "pooled" type: "Pooling" bottom: "halved" top: "pooled" pooling_param { global_pooling: true } }
layer { name: "sum" type: "Eltwise" bottom: "halved" bottom: "cropped" top: "sum" }
"""


STEPS, DEPTH, HIDDEN, STATIC = 7 * 2, 10, 4, 5
LSTM = """
input: "x" input_shape { dim: 7 dim: 2 dim: 10 } input: "cont" input_shape { dim: 7 dim: 2 }
input: "s" input_shape { dim: 2 dim: 5 }
layer { name: "lstm" type: "LSTM" bottom: "x" bottom: "cont" bottom: "s" top: "y" recurrent_param { num_output: 4 } }
"""


def test_the_recurrent_layer_of_caffe_is_a_cell_with_one_direction(net: Any) -> None:
    """Blobs 4H x I, 4H, 4H x S and 4H x H; tools that look at the cell know no static input."""
    (row,) = net(LSTM).rows
    inner = cell(row)
    assert inner == Cell(STEPS, 1, DEPTH, HIDDEN, gates=4, biased=True)
    torchinfo, thop = conventions.metric("torchinfo", "mult_adds"), conventions.metric("thop", "macs")
    assert torchinfo is not None and thop is not None
    assert torchinfo.value(row) == STEPS * 4 * HIDDEN * (DEPTH + 1 + STATIC + HIDDEN)
    assert thop.value(row) == STEPS * (4 * HIDDEN * (DEPTH + HIDDEN + 1 + 2) + 4 * HIDDEN)


def test_matconvnet_shows_of_branches_what_each_layer_reads_and_no_field_where_strides_disagree(net: Any) -> None:
    table = net(BRANCHES).report(style="matconvnet").table
    rows = {row[0]: row[2:] for row in [table.titles, *table.rows]}
    assert rows["name"] == ("halved", "cropped", "pooled", "sum")
    assert rows["rf size"] == ("2", "5", "2", "NaN")
    assert rows["rf stride"] == ("2", "1", "2", "NaN")


def test_integers_that_steer_shapes_are_no_parameters_to_any_tool() -> None:
    """A slice of an 8x8 map: its starts, ends and axes."""
    node = helper.make_node("Slice", ["x", "starts", "ends", "axes"], ["y"])
    bounds = integers({"starts": [0], "ends": [4], "axes": [2]})
    (row,) = analysed(proto([node], {"x": [1, 3, 8, 8]}, constants=bounds)).rows
    for key in ("matconvnet.param_mem", "torchinfo.mult_adds", "netscope.param", "cs231n.weights"):
        found = conventions.metric(*key.split("."))
        assert found is not None and not found.value(row), key


def test_torchstat_totals_of_ssd300(root: Path) -> None:
    """Published: params, memory, MAdd, Flops, MemR+W of the 57 modules."""
    table = graphcost.analyze(graphcost.load(root / "onnx_models/ssd300.onnx")).report(style="torchstat").table
    assert len(table.rows) == 57
    assert table.total[4:8] == ("26285486.0", "207.65", "62,782,359,651.0", "31,435,153,596.0")
    assert table.total[-1] == "542786664.0"
    rows = {row[1]: row for row in table.rows}
    assert rows["vgg.0"][4:] == (
        "1792.0",
        "21.97",
        "311,040,000.0",
        "161,280,000.0",
        "1087168.0",
        "23040000.0",
        "-",
        "24127168.0",
    )
    assert rows["L2Norm"][4:8] == ("512.0", "2.82", "0.0", "0.0")
    assert rows["softmax"][6] == f"{3 * 8732 * 21 - 1:,}.0"
    assert "Functional operators have no row" in table.notes[1]


def test_torchstat_rows_of_a_net_without_scopes_are_its_layers(net: Any) -> None:
    table = net(NET).report(style="torchstat").table
    assert [row[1] for row in table.rows] == ["conv", "bn", "relu", "pool", "fc", "prob"]


def test_a_style_keeps_formulas_where_the_assumptions_cannot_be() -> None:
    """The best 2 of n numbers: an n that leads an input is taken for 1, and of that there are no best 2."""
    best = Op("best", "TopK", ("x", "k"), ("values", "places"))
    weights = {"k": Tensor((1,), "int64", (2,))}
    analysis = graphcost.analyze(
        Model("net", build_dag([best], ["x", *weights]), {"x": Tensor((symbol("n"),))}, (), weights, opsets={"": 11})
    )
    assert analysis.assumptions == {"n": 1} and analysis.assumed is analysis
    assert "best" in analysis.report(style="netscope").render("md")


NOTHING = [
    *(("Softmax", (), {"axis": axis}) for axis in (1, 2)),
    ("LayerNormalization", ((1,), (1,)), {"axis": 3}),
    ("LRN", (), {"size": 3}),
    ("ConvTranspose", ((4, 2, 3, 3), (4,)), {"group": 2}),
]


@pytest.mark.parametrize("extents", [(0, 4, 3, 3), (1, 4, 0, 3), (1, 4, 0, 0)])
@pytest.mark.parametrize(("kind", "shapes", "attrs"), NOTHING)
def test_no_size_that_may_be_zero_is_divided_by(
    kind: str, shapes: tuple[tuple[int, ...], ...], attrs: dict[str, int], extents: tuple[int, ...], blank: Any
) -> None:
    net = blank(x=Tensor(extents))
    net.op("layer", kind, "x", weights=shapes, **attrs)
    analysis = net.analyse()
    for convention in conventions.known():
        assert all(isinstance(metric.total(analysis), int) for metric in convention.metrics), convention.name
        assert convention.table is None or convention.table(analysis) is not None


def test_a_layer_without_outputs_counts_as_nothing(net: Any) -> None:
    analysis = net(NET + 'layer { name: "hush" type: "Silence" bottom: "prob" }')
    alone = net(NET)
    for convention in conventions.known():
        for metric in convention.metrics:
            assert metric.total(analysis) == metric.total(alone), metric.key
