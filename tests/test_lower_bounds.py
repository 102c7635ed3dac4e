"""A total after >= is a lower bound: of random networks in which some operators have no rule, at any input size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import onnx
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx import helper

import graphcost
from graphcost import Analysis, Model, analysis
from graphcost.importers import caffe
from graphcost.rules import Work
from harness import analysed, conv, image, layer, proto, value_info, zeros

Shape = tuple[int, int, int, int]
TOTALS = (*analysis.TOTALS, *Work.__slots__)


class Network:
    """A random network over images, an operator at a time; `draw` chooses."""

    def __init__(self, draw: Any, size: int) -> None:
        self.draw = draw
        self.values: list[tuple[str, Shape]] = [("x", (1, 4, size, size))]
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, Sequence[int]] = {}
        for _ in range(draw(st.integers(3, 9))):
            self.grow(draw(st.sampled_from(self.KINDS)))

    KINDS = ("Conv", "Relu", "MaxPool", "Add", "Concat", "Resize", "BatchNormalization", "Softmax", "Split", "Square")

    def grow(self, kind: str) -> None:
        source, (n, c, h, w) = self.draw(st.sampled_from(self.values))
        if kind == "Conv":
            self.weights[f"w{len(self.nodes)}"] = (4, c, 3, 3)
            self.add(kind, [source, f"w{len(self.nodes)}"], (n, 4, h, w), pads=[1, 1, 1, 1])
        elif kind == "MaxPool" and min(h, w) >= 4:
            self.add(kind, [source], (n, c, h // 2, w // 2), kernel_shape=[2, 2], strides=[2, 2])
        elif kind == "Resize" and max(h, w) <= 32:
            self.add(kind, [source, "", "twice"], (n, c, 2 * h, 2 * w))
        elif kind == "BatchNormalization":
            names = [f"{part}{len(self.nodes)}" for part in ("scale", "bias", "mean", "var")]
            self.weights |= dict.fromkeys(names, (c,))
            self.add(kind, [source, *names], (n, c, h, w))
        elif kind == "Add":
            self.add(kind, [source, self.other(source, (n, c, h, w))], (n, c, h, w))
        elif kind == "Concat":
            self.add(kind, [source, self.other(source, (n, c, h, w))], (n, 2 * c, h, w), axis=1)
        elif kind == "Split" and c % 2 == 0:
            self.add(kind, [source], (n, c // 2, h, w), outputs=2, axis=1, num_outputs=2)
        elif kind == "Square":
            self.add("MatMul", [source, source], (n, c, h, w))
        else:
            self.add("Relu" if kind != "Softmax" else kind, [source], (n, c, h, w))

    def other(self, source: str, shape: Shape) -> str:
        return str(self.draw(st.sampled_from([name for name, each in self.values if each == shape])))

    def add(self, kind: str, inputs: list[str], shape: Shape, outputs: int = 1, **attrs: Any) -> None:
        made = [f"t{len(self.nodes)}_{at}" for at in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, made, name=f"op{len(self.nodes)}", **attrs))
        self.values += [(name, shape) for name in made]

    def model(self, unknown: frozenset[int] = frozenset(), declares: bool = True) -> onnx.ModelProto:
        """Its file; the operators of some places are of a domain without rules, and every tensor's shape is declared."""
        nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in self.nodes]
        for at in unknown:
            nodes[at].domain = "com.acme"
        twice = helper.make_tensor("twice", onnx.TensorProto.FLOAT, [4], [1.0, 1.0, 2.0, 2.0])
        last = self.nodes[-1].output
        model = proto(
            nodes, {"x": self.values[0][1]}, list(last), [*zeros(self.weights), twice], opset=18, domains=["com.acme"]
        )
        if declares:
            model.graph.value_info.extend(value_info(*each) for each in self.values[1:] if each[0] not in last)
        return model


def assert_bounds(broken: Analysis, whole: Analysis) -> None:
    """What is printed of the broken network is at most what is true; a row that is known says what is true."""
    for quantity in TOTALS:
        printed, true = broken.total(quantity), whole.total(quantity)
        assert printed is None or (isinstance(true, int) and printed <= true), quantity
    assert not broken.complete
    for mine, true_row in zip(broken.rows, whole.rows, strict=True):
        if mine.status == "known":
            assert (mine.work, mine.outputs) == (true_row.work, true_row.outputs)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_onnx_networks_with_operators_of_no_rule(data: st.DataObject) -> None:
    network = Network(data.draw, size=8)
    places = st.integers(0, len(network.nodes) - 1)
    unknown = data.draw(st.frozensets(places, min_size=1, max_size=3))
    declares = data.draw(st.booleans())
    side = data.draw(st.sampled_from([8, 4, 6, 16]))
    try:
        whole = analysed(network.model(), shapes={"x": (1, 4, side, side)})
    except graphcost.ModelError:  # half of an odd size, twice, is another size: the parts no longer fit
        return
    assert_bounds(analysed(network.model(unknown, declares), shapes={"x": (1, 4, side, side)}), whole)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_onnx_networks_whose_rules_are_taken_away(data: st.DataObject) -> None:
    """The same where the kind is a standard one: shapes that the onnx package infers of it are true, its cost is open."""
    network = Network(data.draw, size=8)
    kinds = [node.op_type for node in network.nodes if not has_definition(node.op_type)]
    assume(kinds)
    kind = data.draw(st.sampled_from(kinds))
    whole = analysed(network.model())
    with pytest.MonkeyPatch.context() as patch:
        taken_away(patch, kind)
        broken = analysed(network.model(declares=data.draw(st.booleans())))
    for quantity in TOTALS:
        printed, true = broken.total(quantity), whole.total(quantity)
        assert printed is None or (isinstance(true, int) and printed <= true), quantity


def has_definition(kind: str) -> bool:
    """Whether the standard defines it by simpler operators, which answer where the rule is gone."""
    schema = onnx.defs.get_schema(kind, 18)
    return bool(schema.has_function or schema.has_context_dependent_function)


def taken_away(patch: pytest.MonkeyPatch, kind: str) -> None:
    """The table of rules without those of a kind, until the patch is undone."""
    from graphcost import ops, rules

    ops.known()
    patch.setattr(rules, "_table", {each: entries for each, entries in rules._table.items() if each != kind})


CAFFE = ("Convolution", "Pooling", "ReLU", "Concat", "Eltwise", "InnerProduct", "Deconvolution", "BatchNorm", "PReLU")


def caffe_layers(draw: Any) -> Iterator[tuple[str, str]]:
    """The types and the text of the layers of a random Caffe net of blobs of one height and width."""
    blobs = ["data"]
    for at in range(draw(st.integers(3, 8))):
        kind, bottom = draw(st.sampled_from(CAFFE)), draw(st.sampled_from(blobs))
        name = f"l{at}"
        if kind == "Convolution":
            yield kind, conv(name, bottom, "kernel_size: 3 pad: 1")
        elif kind == "Deconvolution":
            fields = "convolution_param { num_output: 4 kernel_size: 3 pad: 1 }"
            yield kind, layer(name, kind, bottom, fields)
        elif kind == "Pooling":
            yield kind, layer(name, kind, bottom, "pooling_param { kernel_size: 3 stride: 1 pad: 1 }")
        elif kind == "Concat":
            yield kind, layer(name, kind, f"{bottom} {draw(st.sampled_from(blobs))}")
        elif kind == "Eltwise":
            yield kind, layer(name, kind, f"{bottom} {bottom}")
        elif kind == "InnerProduct":
            yield kind, layer(name, kind, bottom, "inner_product_param { num_output: 5 }")
            continue
        else:
            yield kind, layer(name, kind, bottom)
        blobs.append(name)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.data())
def test_caffe_networks_with_layers_of_no_rule(data: st.DataObject) -> None:
    layers = list(caffe_layers(data.draw))
    unknown = data.draw(st.sampled_from([kind for kind, _ in layers]))
    text = image(1, 4, 8, 8) + "".join(each for _, each in layers)
    side = data.draw(st.sampled_from([8, 5, 12]))
    sizes = {"data": (1, 4, side, side)}
    whole = graphcost.analyze(read(text), shapes=sizes)
    broken = graphcost.analyze(read(text.replace(f'"{unknown}"', f'"Acme{unknown}"')), shapes=sizes)
    assert_bounds(broken, whole)


def read(text: str) -> Model:
    return caffe.read(text, "net.prototxt")


def test_a_shape_that_is_declared_behind_an_operator_of_no_rule_is_no_bound_at_other_sizes() -> None:
    nodes = [
        helper.make_node("Warp", ["x"], ["t"], name="warp", domain="com.acme"),
        helper.make_node("Conv", ["t", "w"], ["y"], name="conv", pads=[1, 1, 1, 1]),
    ]
    model = proto(nodes, {"x": (1, 4, 8, 8)}, ["y"], zeros({"w": (4, 4, 3, 3)}), domains=["com.acme"])
    model.graph.value_info.append(value_info("t", (1, 4, 8, 8)))
    assert analysed(model).total("macs") == 8 * 8 * 4 * 4 * 9
    assert analysed(model, shapes={"x": (1, 4, 4, 4)}).total("macs") == 0
