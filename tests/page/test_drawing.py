"""What the drawing of a network says, against what is worked out by hand, and what holds for every drawing."""

from __future__ import annotations

import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

import graphcost
from graphcost.graph import Model, Op, Tensor, build_dag
from graphcost.page import drawing, placement
from graphcost.page.charts import Charts
from graphcost.page.drawing import HOTTEST, WIDTH, Box, Drawing, Edge, View, draw
from graphcost.page.network import Node
from harness import HEAD, conv, layer

CONV = conv("a/conv", fields="kernel_size: 3 stride: 2 pad: 1", top="c")
RELU = layer("a/relu", "ReLU", "c", tops="r")
FC = layer("b/fc", "InnerProduct", "r", "inner_product_param { num_output: 12 }", "f")
MYSTERY = layer("m", "Mystery", "r")

SAMPLES = (
    "prototxt/det1.prototxt",
    "prototxt/retinaface.prototxt",
    "prototxt/ssd300.prototxt",
    "onnx_models/retinaface.onnx",
    "onnx_models/ssd300.onnx",
)


def drawn(analysis: graphcost.Analysis) -> Drawing:
    return draw(analysis, Charts(analysis).measured("macs"))


def operators(analysis: graphcost.Analysis) -> View:
    return next(view for view in drawn(analysis).views if view.key == "ops")


def relus(names: list[str], format: str = "onnx") -> graphcost.Analysis:
    """A chain of operators."""
    ops = tuple(Op(name, "Relu", (f"t{at}",), (f"t{at + 1}",)) for at, name in enumerate(names))
    model = Model(
        "chain", build_dag(ops, ["t0"]), {"t0": Tensor((1, 8))}, (f"t{len(names)}",), opsets={"": 17}, format=format
    )
    return graphcost.analyze(model)


def test_a_box_says_type_shape_and_name_between_its_edges(net: Any) -> None:
    """Three lines of 14 pixels in 64, and one in the 22 of an input."""
    _, relu, given, _ = operators(net(HEAD + CONV + RELU)).boxes
    assert relu.texts == [(76, 22, "ReLU"), (76, 36, "1x4x4x4"), (76, 50, "a/relu")]
    assert relu.title == ""
    assert given.texts == [(76, 15, "data 1x3x8x8")]


def test_the_last_line_of_a_box_is_its_cost_and_its_share_of_the_whole(net: Any) -> None:
    """3 x 9 x 64 = 1,728 of 1,728 + 64 x 12 MACs; four lines of 14 pixels in 64."""
    conv, _, fc, *_ = operators(net(HEAD + CONV + RELU + FC)).boxes
    assert conv.texts[0] == (76, 15, "Convolution 3x3/2")
    assert conv.texts[-1] == (76, 57, "1.7 k \u00b7 69.2%")
    assert fc.cost == "768 \u00b7 30.8%"


def test_beside_a_lower_bound_there_are_no_shares(net: Any) -> None:
    conv, *_ = operators(net(HEAD + CONV + RELU + MYSTERY)).boxes
    assert conv.cost == "1.7 k"


def test_what_is_open_costs_nothing_that_could_be_said(net: Any) -> None:
    conv, *_ = operators(net(HEAD + CONV, shapes={"data": (1, 3, "H", "W")})).boxes
    assert conv.cost == ""


def test_a_module_of_which_something_is_not_known_costs_at_least_what_is() -> None:
    """Eight elements each, and an operator without a rule."""
    ops = (
        Op("a/x", "Relu", ("t0",), ("t1",)),
        Op("a/y", "Mystery", ("t1",), ("t2",)),
        Op("b/x", "Relu", ("t0",), ("t3",)),
        Op("b/y", "Relu", ("t3",), ("t4",)),
    )
    model = Model("net", build_dag(ops, ["t0"]), {"t0": Tensor((1, 8))}, ("t2", "t4"), opsets={"": 17}, format="onnx")
    analysis = graphcost.analyze(model)
    modules = draw(analysis, Charts(analysis).measured("ops")).views[1]
    assert [box.cost for box in modules.boxes if box.node.rows] == [">= 8", "16"]


def test_heat_goes_by_the_square_root_of_the_cost(net: Any) -> None:
    """3 x 9 x 64 = 1,728 MACs are the most; 64 x 12 = 768 are 4/9 of it, whose root is 2/3."""
    conv, relu, fc, *_ = operators(net(HEAD + CONV + RELU + FC)).boxes
    assert (conv.heat, relu.heat, fc.heat) == (HOTTEST, 0, HOTTEST * 2 // 3)


def test_what_is_not_known_has_no_heat_and_says_why(net: Any) -> None:
    mystery = operators(net(HEAD + CONV + RELU + MYSTERY)).boxes[2]
    assert (mystery.node.known, mystery.heat) == (False, 0)
    assert "no rule for Mystery" in mystery.title


def test_long_texts_are_cut_and_stand_in_the_title_in_full() -> None:
    name = "a_name_that_no_box_has_any_room_for"
    box = operators(relus([name])).boxes[0]
    assert box.texts[2][2] == "a_name…s_any_room_for"
    assert box.title == f"Relu\n1x8\n{name}"


def test_an_edge_that_passes_boxes_says_its_shape(net: Any) -> None:
    """The sum reads the convolution past the ReLU."""
    view = operators(net(HEAD + CONV + RELU + 'layer { name: "s" type: "Eltwise" bottom: "c" bottom: "r" top: "s" }'))
    assert {(edge.source, edge.target): edge.label for edge in view.edges if edge.label} == {(0, 2): "1x4x4x4"}


def test_a_path_is_straight_down_its_column_and_a_curve_between_columns() -> None:
    assert Edge(0, 1, ((5, 0), (5, 30))).path == "M5 0V30"
    assert Edge(0, 1, ((5, 0), (25, 30), (25, 80))).path == "M5 0C5 15 25 15 25 30V80"


def test_a_box_names_its_rows_in_runs() -> None:
    assert Box(Node("module", (), (), (8, 3, 4, 5, 10, 11)), 0, 0, 50).ranges == "3-5 8 10-11"


@pytest.mark.parametrize(
    ("count", "keys", "note"),
    [
        (4, ["ops", "modules"], ""),
        (6, ["modules", "ops"], ""),
        (8, ["modules"], "With 8 operators, more than 7, only its modules are drawn."),
    ],
)
def test_modules_come_first_in_large_networks_and_alone_in_very_large_ones(
    count: int, keys: list[str], note: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "MODULES_FIRST", 5)
    monkeypatch.setattr(drawing, "MAX_BOXES", 7)
    found = drawn(relus([f"{at // 2}/{at}" for at in range(count)]))
    assert ([view.key for view in found.views], found.note) == (keys, note)


def test_a_very_large_network_without_modules_is_not_drawn_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "MAX_BOXES", 2)
    found = drawn(relus(["a", "b", "c"]))
    assert found.views == ()
    assert found.note == "With 3 operators, more than 2, it is not drawn, and the file names no modules to draw."


def test_an_edge_that_would_be_too_long_is_a_stub_above_its_target(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last operator reads the input past two others: two lanes, and one may be."""
    monkeypatch.setattr(placement, "MOST_LANES", 1)
    ops = (
        Op("a", "Relu", ("x",), ("a",)),
        Op("b", "Relu", ("a",), ("b",)),
        Op("c", "Add", ("x", "b"), ("c",)),
    )
    model = Model("net", build_dag(ops, ["x"]), {"x": Tensor((1, 8))}, ("c",), opsets={"": 17}, format="onnx")
    view = operators(graphcost.analyze(model))
    (stub,) = (edge for edge in view.edges if edge.stub)
    target = view.boxes[2]
    assert (stub.source, stub.target, stub.label) == (3, 2, "1x8")
    assert stub.points == ((target.x + 140, target.y - 16), (target.x + 140, target.y))


def rows(view: View) -> list[int]:
    """The rows of the boxes that a reader sees when all that can expand is expanded."""
    return sorted(row for box in view.boxes for row in (rows(box.inside) if box.inside else box.node.rows))


def test_a_module_has_a_drawing_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of its modules where it has many operators: 4 blocks of 3 parts of 3; else of these."""
    monkeypatch.setattr(drawing, "MAX_MODULES", 4)
    names = [f"{block}/{part}/{at}" for block in "abcd" for part in "xyz" for at in range(3)]
    view = next(view for view in drawn(relus(names)).views if view.key == "modules")
    block = view.boxes[0].inside
    assert block is not None and block.title == "a"
    assert [box.node.lines[0] for box in block.boxes] == ["a/x", "a/y", "a/z", "from t0 1x8", "to b/x/0"]
    part = block.boxes[0].inside
    assert part is not None
    assert [box.node.lines[-1] for box in part.boxes] == ["a/x/0", "a/x/1", "a/x/2", "from t0 1x8", "to a/y/0"]
    assert rows(view) == list(range(36))


def test_in_very_large_networks_modules_do_not_expand_to_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "MAX_EXPANDABLE", 3)
    assert not drawn(relus(["a/1", "a/2", "b/1", "b/2"])).expandable


def test_what_is_in_a_module_is_as_hot_as_beside_all_modules() -> None:
    """A quarter of the most expensive module has half its heat: 9 x sqrt(1/4) is 4.5."""
    analysis = relus(["a/1", "a/2", "a/3", "a/4", "b/1", "b/2"])
    modules = draw(analysis, Charts(analysis).measured("ops")).views[1]
    assert modules.boxes[0].heat == 9 and modules.boxes[0].inside is not None
    assert [box.heat for box in modules.boxes[0].inside.boxes] == [5, 5, 5, 5, 0, 0]


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
        assert sorted(row for box in view.boxes for row in box.node.rows) == list(range(len(analysis.rows)))
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


def test_a_drawing_fits_paper_up_to_nine_ranks() -> None:
    """An input and 7 operators and the output: 2 x 16 + 8 x 98 + 64 are 880 of 950 pixels; one more makes 978."""
    assert operators(relus([str(at) for at in range(7)])).fits_paper
    assert not operators(relus([str(at) for at in range(8)])).fits_paper


def blocks(times: int) -> graphcost.Analysis:
    """A chain of blocks of three operators, and one more."""
    kinds = ["Relu", "Sigmoid", "Tanh"] * times + ["Exp"]
    ops = tuple(Op(f"op{at}", kind, (f"t{at}",), (f"t{at + 1}",)) for at, kind in enumerate(kinds))
    dag = build_dag(ops, ["t0"])
    return graphcost.analyze(
        Model("net", dag, {"t0": Tensor((1, 8))}, (f"t{len(ops)}",), opsets={"": 17}, format="onnx")
    )


def test_blocks_that_repeat_are_one_box_that_expands_to_the_first() -> None:
    """9 x 3 operators of 8 elements each."""
    analysis = blocks(9)
    ops, folded = draw(analysis, Charts(analysis).measured("ops")).views
    assert (ops.key, folded.key, folded.title) == ("ops", "folded", "Repeated blocks as one (2)")
    block, last, given, result = folded.boxes
    assert block.node.lines == ("9 x 3 operators", "Relu, Sigmoid, Tanh", "1x8")
    assert block.node.rows == tuple(range(27))
    assert (last.node.lines[0], given.node.role, result.node.role) == ("Exp", "input", "output")
    assert block.inside is not None
    assert [box.node.lines[-1] for box in block.inside.boxes[:3]] == ["op0", "op1", "op2"]


def growing(names: list[str]) -> graphcost.Analysis:
    """A chain in which no two operators make tensors of one shape."""
    ops = tuple(Op(name, "Concat", (f"t{at}", "t0"), (f"t{at + 1}",), {"axis": 1}) for at, name in enumerate(names))
    last = (f"t{len(ops)}",)
    return graphcost.analyze(
        Model("net", build_dag(ops, ["t0"]), {"t0": Tensor((1, 8))}, last, opsets={"": 17}, format="onnx")
    )


def test_a_small_network_and_one_without_repeated_blocks_are_drawn_as_they_are() -> None:
    assert [view.key for view in drawn(blocks(7)).views] == ["ops"]
    sizes = [str(at) for at in range(24)]
    assert [view.key for view in drawn(growing(sizes)).views] == ["ops"]


def test_of_a_very_large_network_the_repeated_blocks_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "MAX_BOXES", 20)
    found = drawn(blocks(9))
    assert [view.key for view in found.views] == ["folded"]
    assert found.note == "With 28 operators, more than 20, it is drawn with repeated blocks as one only."
