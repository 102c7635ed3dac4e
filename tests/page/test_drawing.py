"""What the drawing of a network says, against what is worked out by hand, and what holds for every drawing."""

from __future__ import annotations

import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

import graphcost
from graphcost.graph import Model, Op, Tensor
from graphcost.page import drawing
from graphcost.page.charts import Charts
from graphcost.page.drawing import HOTTEST, WIDTH, Box, Drawing, Edge, View, draw

HEAD = 'input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }\n'
CONV = 'layer { name: "a/conv" type: "Convolution" bottom: "data" top: "c" convolution_param { num_output: 4 kernel_size: 3 stride: 2 pad: 1 } }\n'
RELU = 'layer { name: "a/relu" type: "ReLU" bottom: "c" top: "r" }\n'
FC = 'layer { name: "b/fc" type: "InnerProduct" bottom: "r" top: "f" inner_product_param { num_output: 12 } }\n'
MYSTERY = 'layer { name: "m" type: "Mystery" bottom: "r" top: "m" }\n'

SAMPLES = (
    "prototxt/det1.prototxt",
    "prototxt/retinaface.prototxt",
    "prototxt/ssd300.prototxt",
    "onnx_models/retinaface.onnx",
    "onnx_models/ssd300.onnx",
)


def drawn(analysis: graphcost.Analysis) -> Drawing:
    charts = Charts(analysis)
    return draw(analysis, charts.values("macs"))


def operators(analysis: graphcost.Analysis) -> View:
    return next(view for view in drawn(analysis).views if view.key == "ops")


def names(analysis: graphcost.Analysis, view: View) -> set[tuple[str, str]]:
    """The edges by what stands first in the title of their ends."""
    titles = [box.title.split("\n")[0] for box in view.boxes]
    return {(titles[edge.source], titles[edge.target]) for edge in view.edges}


def relus(names: list[str], format: str = "onnx") -> graphcost.Analysis:
    """A chain of operators."""
    ops = tuple(Op(name, "Relu", (f"t{at}",), (f"t{at + 1}",)) for at, name in enumerate(names))
    model = Model("chain", ops, {"t0": Tensor((1, 8))}, (f"t{len(names)}",), opsets={"": 17}, format=format)
    return graphcost.analyze(model)


def test_a_box_says_type_shape_and_name(net: Any) -> None:
    conv = operators(net(HEAD + CONV)).boxes[0]
    assert conv.lines == ("Convolution 3x3/2", "1x4x4x4", "a/conv")
    assert conv.title == "a/conv\nConvolution 3x3/2\n1x4x4x4"
    assert (conv.role, conv.rows, conv.known) == ("op", (0,), True)


def test_inputs_and_outputs_are_boxes_and_weights_are_none(net: Any) -> None:
    view = operators(net(HEAD + CONV + RELU))
    assert [box.title for box in view.boxes if not box.rows] == ["input data 1x3x8x8 float32", "output r"]
    assert [box.role for box in view.boxes] == ["op", "op", "input", "output"]


def test_edges_lead_from_producer_to_consumer(net: Any) -> None:
    """The ReLU is read twice; an operator without a rule is one as well."""
    analysis = net(HEAD + CONV + RELU + FC + MYSTERY)
    assert names(analysis, operators(analysis)) == {
        ("input data 1x3x8x8 float32", "a/conv"),
        ("a/conv", "a/relu"),
        ("a/relu", "b/fc"),
        ("a/relu", "m"),
        ("b/fc", "output f"),
        ("m", "output m"),
    }


def test_heat_goes_by_the_square_root_of_the_cost(net: Any) -> None:
    """3 x 9 x 64 = 1,728 MACs are the most; 64 x 12 = 768 are 4/9 of it, whose root is 2/3."""
    conv, relu, fc, *_ = operators(net(HEAD + CONV + RELU + FC)).boxes
    assert (conv.heat, relu.heat, fc.heat) == (HOTTEST, 0, HOTTEST * 2 // 3)


def test_what_is_not_known_has_no_heat_and_says_why(net: Any) -> None:
    mystery = operators(net(HEAD + CONV + RELU + MYSTERY)).boxes[2]
    assert (mystery.known, mystery.heat) == (False, 0)
    assert "no rule for Mystery" in mystery.title


def test_long_texts_are_cut_and_stand_in_the_title_in_full() -> None:
    name = "a_name_that_no_box_has_any_room_for"
    box = operators(relus([name])).boxes[0]
    assert box.lines[2] == "a_name_…s_any_room_for"
    assert box.title.startswith(f"{name}\n")


def test_an_edge_that_passes_boxes_says_its_shape(net: Any) -> None:
    """The sum reads the convolution past the ReLU."""
    view = operators(net(HEAD + CONV + RELU + 'layer { name: "s" type: "Eltwise" bottom: "c" bottom: "r" top: "s" }'))
    assert {(edge.source, edge.target): edge.label for edge in view.edges if edge.label} == {(0, 2): "1x4x4x4"}


def test_a_path_is_straight_down_its_column_and_a_curve_between_columns() -> None:
    assert Edge(0, 1, ((5, 0), (5, 30))).path == "M5 0V30"
    assert Edge(0, 1, ((5, 0), (25, 30), (25, 80))).path == "M5 0C5 15 25 15 25 30V80"


def test_a_box_names_its_rows_in_runs() -> None:
    assert Box(0, 0, 50, "module", (), "", (3, 4, 5, 8, 10, 11)).ranges == "3-5 8 10-11"


def test_modules_are_drawn_as_deep_as_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two modules of two parts of three operators: four boxes of parts are too many when three may be drawn."""
    analysis = relus([f"{module}/{part}/{op}" for module in "ab" for part in "xy" for op in range(3)])
    inner = drawn(analysis).views[1]
    assert next(box.lines for box in inner.boxes if box.role == "module") == ("a/x", "3 operators", "1x8")
    assert [box.ranges for box in inner.boxes if box.role == "module"] == ["0-2", "3-5", "6-8", "9-11"]
    monkeypatch.setattr(drawing, "MODULES", 3)
    outer = drawn(analysis).views[1]
    assert [(box.lines[0], box.ranges) for box in outer.boxes if box.role == "module"] == [("a", "0-5"), ("b", "6-11")]


def test_a_module_that_is_left_and_entered_again_is_two_boxes() -> None:
    view = drawn(relus(["a/1", "a/2", "b/1", "b/2", "a/3", "a/4"])).views[1]
    assert [box.lines[0] for box in view.boxes] == ["a", "b", "a", "t0 1x8", "t6"]
    assert [(edge.source, edge.target) for edge in view.edges] == [(0, 1), (1, 2), (2, 4), (3, 0)]


def test_a_network_without_modules_has_one_view() -> None:
    assert [view.key for view in drawn(relus(["a", "b", "c"])).views] == ["ops"]


@pytest.mark.parametrize(
    ("count", "keys", "note"),
    [
        (4, ["ops", "modules"], ""),
        (6, ["modules", "ops"], ""),
        (8, ["modules"], "Operators are drawn up to 7; this network has 8, only its modules are."),
    ],
)
def test_modules_come_first_in_large_networks_and_alone_in_very_large_ones(
    count: int, keys: list[str], note: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "MANY", 5)
    monkeypatch.setattr(drawing, "MOST", 7)
    found = drawn(relus([f"{at // 2}/{at}" for at in range(count)]))
    assert ([view.key for view in found.views], found.note) == (keys, note)


def test_a_very_large_network_without_modules_is_not_drawn_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "MOST", 2)
    found = drawn(relus(["a", "b", "c"]))
    assert found.views == ()
    assert "up to 2; this network has 3, and it names no modules" in found.note


def test_a_constant_of_several_readers_stands_by_the_first_and_is_a_stub_at_the_others() -> None:
    """Its edges would cross the whole drawing and say nothing."""
    ops = (
        Op("k", "Constant", (), ("k",), {"value_float": 2.0}),
        Op("a", "Mul", ("x", "k"), ("a",)),
        Op("b", "Relu", ("a",), ("b",)),
        Op("c", "Mul", ("b", "k"), ("c",)),
    )
    model = Model("net", ops, {"x": Tensor((1, 8))}, ("c",), opsets={"": 17}, format="onnx")
    view = operators(graphcost.analyze(model))
    assert {(edge.source, edge.target) for edge in view.edges if edge.stub} == {(0, 3)}
    constant, given = view.boxes[0], view.boxes[4]  # both just above the operator that reads them
    assert constant.y + constant.height // 2 == given.y + given.height // 2


def test_the_body_of_a_function_hangs_on_the_operator_that_calls_it() -> None:
    body = Model("f", (Op("inner", "Relu", ("p",), ("q",)),), {"p": Tensor((1, 8))}, ("q",), opsets={"": 17})
    ops = (
        Op("call", "f", ("x",), ("y",), bodies=(("", body),)),
        Op("after", "Relu", ("y",), ("z",)),
    )
    analysis = graphcost.analyze(Model("net", ops, {"x": Tensor((1, 8))}, ("z",), opsets={"": 17}, format="onnx"))
    assert names(analysis, operators(analysis)) == {
        ("input x 1x8 float32", "call"),
        ("call", "call/inner"),
        ("call", "after"),
        ("after", "output z"),
    }


@pytest.fixture(params=["library", "without"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "library":
        pytest.importorskip("fast_sugiyama")
    else:
        monkeypatch.setitem(sys.modules, "fast_sugiyama", None)  # as if it were not installed


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("sample", SAMPLES)
def test_every_operator_has_one_box_inside_the_drawing_and_none_lies_on_another(sample: str, root: Path) -> None:
    analysis = graphcost.analyze(graphcost.load(root / sample))
    for view in drawn(analysis).views:
        assert sorted(row for box in view.boxes for row in box.rows) == list(range(len(analysis.rows)))
        for one, other in combinations(view.boxes, 2):
            beside = abs(one.x - other.x) > WIDTH
            assert beside or one.y + one.height < other.y or other.y + other.height < one.y
        assert all(box.x >= 0 and box.x + WIDTH <= view.width for box in view.boxes)
        assert all(box.y >= 0 and box.y + box.height <= view.height for box in view.boxes)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("sample", SAMPLES)
def test_edges_start_below_their_source_and_end_on_top_of_their_target(sample: str, root: Path) -> None:
    for view in drawn(graphcost.analyze(graphcost.load(root / sample))).views:
        for edge in view.edges:
            source, target = view.boxes[edge.source], view.boxes[edge.target]
            (_, start), (x, end) = edge.points[0], edge.points[-1]
            assert start == source.y + source.height or edge.stub
            assert end == target.y
            assert target.x < x < target.x + WIDTH
            assert [y for _, y in edge.points] == sorted(y for _, y in edge.points)


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_drawing_is_the_same_every_time(sample: str, root: Path) -> None:
    first, second = (drawn(graphcost.analyze(graphcost.load(root / sample))) for _ in range(2))
    assert first == second
