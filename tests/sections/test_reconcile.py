"""What each tool's total is, and reasons that sum to its difference from ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

import graphcost
from graphcost import Analysis, cli, conventions
from graphcost.conventions import Metric
from graphcost.dims import Extent, symbol
from graphcost.graph import Model, Op, Tensor, build_dag
from graphcost.sections.reconcile import data, reasons, tables
from harness import analysed, proto, value_info

QUOTED = {f"{c.name}.{metric.key}": metric for c in conventions.known() for metric in c.quoted}
SAMPLES = ("prototxt/det3", "prototxt/ssd300", "prototxt/retinaface", "onnx_models/vgg16", "onnx_models/retinaface")


def explained(analysis: Analysis, metric: Metric) -> Extent:
    return sum((reason.difference for reason in reasons(analysis, metric)), 0)


@pytest.fixture(scope="session", params=SAMPLES)
def sample(request: pytest.FixtureRequest) -> Analysis:
    root = Path(__file__).resolve().parent.parent.parent
    path = root / request.param
    return graphcost.analyze(graphcost.load(path.with_suffix(".onnx" if "onnx" in request.param else ".prototxt")))


@pytest.mark.parametrize("key", QUOTED)
def test_the_reasons_sum_to_the_difference(key: str, sample: Analysis) -> None:
    assert explained(sample, QUOTED[key]) == QUOTED[key].total(sample) - sample.work.macs


CHANNELS = 4
PADDED = {"strides": (1, 1), "pads": (1, 1, 1, 1)}
# operator, its weights, its attributes; all keep [N, 4, H, W] and a size that is known
LAYERS: tuple[tuple[str, tuple[tuple[int, ...], ...], dict[str, Any]], ...] = (
    ("Conv", ((4, 4, 3, 3),), PADDED),
    ("Conv", ((4, 1, 3, 3), (4,)), {**PADDED, "group": 4}),
    ("ConvTranspose", ((4, 2, 3, 3), (4,)), {**PADDED, "group": 2}),
    ("BatchNormalization", ((4,), (4,), (4,), (4,)), {}),
    ("InstanceNormalization", ((4,), (4,)), {}),
    ("MaxPool", (), {**PADDED, "kernel_shape": (3, 3)}),
    ("AveragePool", (), {**PADDED, "kernel_shape": (3, 3)}),
    ("GlobalAveragePool", (), {}),
    ("PRelu", ((4, 1, 1),), {}),
    ("Clip", ((), ()), {}),
    ("Add", ((4, 1, 1),), {}),
    *((kind, (), {}) for kind in ("Relu", "LeakyRelu", "Elu", "Gelu", "Sigmoid", "Tanh", "Softmax", "Erf", "Exp")),
)
PATHS = ("", "block", "block/0", "block/0/conv", "head")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(LAYERS), st.sampled_from(PATHS)), min_size=1, max_size=6),
    st.one_of(st.integers(1, 3), st.just("N")),
    st.one_of(st.integers(1, 9), st.just("H")),
    st.booleans(),
)
def test_the_reasons_sum_to_the_difference_in_any_network(
    layers: list[tuple[Any, str]], batch: int | str, size: int | str, dense: bool
) -> None:
    """Whatever the operators, their modules, the batch and the sizes, open ones too."""
    weights: dict[str, Tensor] = {}
    ops: list[Op] = []

    def add(kind: str, path: str, tensor: str, shapes: tuple[tuple[int, ...], ...], attrs: dict[str, Any]) -> str:
        name = f"/{path}/{kind}_{len(ops)}"
        own = {f"{name}.{at}": Tensor(shape) for at, shape in enumerate(shapes)}
        weights.update(own)
        ops.append(Op(name, kind, (tensor, *own), (f"{name}:0",), attrs))
        return f"{name}:0"

    x = "image"
    for (kind, shapes, attrs), path in layers:
        x = add(kind, path, x, shapes, attrs)
    if dense:
        pooled = add("Flatten", "", add("GlobalMaxPool", "", x, (), {}), (), {})
        add("Gemm", "head/fc", pooled, ((10, CHANNELS), (10,)), {"transB": 1})
    extents = tuple(symbol(extent) if isinstance(extent, str) else extent for extent in (batch, CHANNELS, size, size))
    inputs = {"image": Tensor(extents)}
    dag = build_dag(ops, ["image", *weights])
    analysis = graphcost.analyze(Model("net", dag, inputs, (), weights, opsets={"": 20}, format="onnx"))
    for key, metric in QUOTED.items():
        assert explained(analysis, metric) == metric.total(analysis) - analysis.work.macs, key


# 2x3x8x8 -> conv 3x3 to 4 channels with bias, 6x6 -> batch norm and scale -> ReLU -> inner product to 10, without bias
NET = """
input: "data" input_shape { dim: 2 dim: 3 dim: 8 dim: 8 }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "conv" }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "fc" type: "InnerProduct" bottom: "conv" top: "fc" inner_product_param { num_output: 10 bias_term: false } }
"""
MAP, CONV, FC = 2 * 4 * 6 * 6, (2 * 4 * 6 * 6) * (3 * 3 * 3), 2 * 144 * 10

REASONS = {
    "fvcore.flops": {"BatchNorm at 1 per element": MAP},
    "flop_counter.flops": {"2 x MAC": CONV + FC},
    "torchinfo.mult_adds": {"bias": MAP},
    "onnx_tool.macs": {"BatchNorm at 31 per element": 31 * MAP, "bias": MAP, "ReLU at 1 per element": MAP},
    "deepspeed.flops": {
        "2 x MAC": CONV + FC, "bias": MAP, "BatchNorm at 1 per element": MAP, "ReLU at 1 per element": MAP,
    },
    "torchstat.madd": {
        "one image of the batch": -(CONV + FC) // 2,
        "2 x MAC": (CONV + FC) // 2,
        "BatchNorm at 2 per element": 2 * MAP // 2,
        "ReLU at 1 per element": MAP // 2,
        "n - 1 additions in a sum of n": -10,
    },
}  # fmt: skip


@pytest.mark.parametrize("key", REASONS)
def test_a_reason_says_what_the_tool_charges(key: str, net: Any) -> None:
    found = reasons(net(NET), QUOTED[key])
    assert {reason.text: reason.difference for reason in found} == REASONS[key]
    assert [abs(reason.difference) for reason in found] == sorted(
        (abs(reason.difference) for reason in found), reverse=True
    )


def test_what_a_tool_does_not_know_is_not_counted() -> None:
    """fvcore has no rule for recurrent layers: all of our multiply-accumulates are missing there."""
    steps, depth, hidden = 5, 3, 4
    node = helper.make_node("LSTM", ["x", "w", "r"], ["y"], hidden_size=hidden)
    shapes = {"x": (steps, 1, depth), "w": (1, 4 * hidden, depth), "r": (1, 4 * hidden, hidden)}
    analysis = analysed(proto([node], shapes))
    found = {reason.text: reason.difference for reason in reasons(analysis, QUOTED["fvcore.flops"])}
    assert found == {"LSTM not counted": -steps * 4 * hidden * (depth + hidden)}


def test_the_body_of_a_loop_counts_once_where_the_tool_says_so() -> None:
    """A loop of products of 2x2 matrices that data decides the length of: onnxsim counts one, at two operations each."""
    product = helper.make_node("MatMul", ["state", "state"], ["next"])
    again = helper.make_node("Identity", ["going"], ["go_on"])
    given = [
        value_info("turn", [], TensorProto.INT64),
        value_info("going", [], TensorProto.BOOL),
        value_info("state", [2, 2]),
    ]
    made = [value_info("go_on", [], TensorProto.BOOL), value_info("next", [2, 2])]
    body = helper.make_graph([product, again], "body", given, made)
    turns = helper.make_node("Cast", ["x0"], ["turns"], to=TensorProto.INT64)
    loop = helper.make_node("Loop", ["turns", "", "x"], ["y"], name="loop", body=body)
    analysis = analysed(proto([turns, loop], {"x0": (), "x": (2, 2)}))
    found = {reason.text: reason.difference for reason in reasons(analysis, QUOTED["onnxsim.flops"])}
    assert found == {"bodies of loops count once": 8 - 8 * symbol("loop_times", lower=0), "2 x MAC": 8}


def test_a_tool_and_its_total_stand_before_the_first_of_its_reasons(net: Any) -> None:
    (table,) = tables(net(NET))
    tools = [row[0] for row in table.rows if row[0]]
    assert tools[0] == "graphcost" and len(tools) == 1 + len(QUOTED)
    at = next(number for number, row in enumerate(table.rows) if row[0] == "onnx-tool")
    assert table.rows[at] == (
        "onnx-tool",
        "MACs",
        "20,160",
        "1.892",
        "+8.9 k",
        "+83.78%",
        "BatchNorm at 31 per element",
    )
    assert [row[0] for row in table.rows[at + 1 : at + 3]] == ["", ""]


def test_small_reasons_are_summed_up_for_people_and_all_there_in_json(root: Path) -> None:
    analysis = graphcost.analyze(graphcost.load(root / "onnx_models/ssd300.onnx"))
    (table,) = tables(analysis)
    found = data(analysis)
    (tool,) = [each for each in found["tools"] if each["style"] == "onnx_opcounter"]
    assert len(tool["reasons"]) == 10
    assert "4 smaller reasons" in [row[-1] for row in table.rows]
    assert sum(reason["difference"] for reason in tool["reasons"]) == tool["total"] - found["macs"]
    assert tool["ratio"] == tool["total"] / found["macs"]


def test_a_file_without_module_paths_says_what_that_means(net: Any, root: Path) -> None:
    (without,) = tables(net(NET))
    (with_paths,) = tables(graphcost.analyze(graphcost.load(root / "onnx_models/ssd300.onnx")))
    assert "no module paths" in without.notes[-1]
    assert not any("no module paths" in note for note in with_paths.notes)


def test_totals_without_a_figure_for_an_operator_are_lower_bounds_and_that_is_said(net: Any) -> None:
    """onnxsim counts as nothing what it does not know, so its total is what it prints."""
    layer = 'layer { name: "warp" type: "Warp" bottom: "fc" top: "warp" }'
    analysis = net(NET + layer)
    (table,) = tables(analysis)
    assert "Not known, and so without a figure: Warp x1 (every tool but onnxsim)." in table.notes
    assert [row[0] for row in table.rows if row[2] and not row[2].startswith(">= ")] == ["onnxsim"]
    assert {"Warp": 1} in [tool["unknown_ops"] for tool in data(analysis)["tools"]]


@pytest.fixture
def run(root: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def command(*arguments: str) -> str:
        assert cli.main([str(root / "prototxt/det1.prototxt"), *arguments]) == 0
        return capsys.readouterr().out

    return command


def test_the_command_shows_it_in_the_place_of_the_layers(run: Callable[..., str]) -> None:
    text = run("--reconcile")
    assert "| fvcore " in text and "mult-adds" in text
    assert "| conv1 " not in text


def test_the_command_gives_it_as_data(run: Callable[..., str]) -> None:
    found = json.loads(run("--reconcile", "--format", "json", "--input", "Nx3xHxW"))["reconcile"]
    assert {tool["style"] for tool in found["tools"]} == {key.partition(".")[0] for key in QUOTED}
    (fvcore,) = [tool for tool in found["tools"] if tool["style"] == "fvcore"]
    assert fvcore["total"] == found["macs"] and "H*" in found["macs"] and fvcore["ratio"] is None
