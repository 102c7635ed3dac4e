"""What is converted to another element type, and what stays."""

from __future__ import annotations

from typing import Any

import pytest
from onnx import TensorProto, helper

import graphcost
from graphcost.graph import Tensor, TensorSequence, Unranked
from graphcost.passes.retype import convert
from graphcost.passes.rows import Inference
from graphcost.target import Target
from harness import analysed, proto, value_info

FC = (
    'input: "data" input_shape { dim: 1 dim: 6 } layer { name: "f" type: "InnerProduct" bottom: "data" top: "f"'
    ' inner_product_param { num_output: 4 } } layer { name: "r" type: "ReLU" bottom: "f" top: "r" }'
)
WEIGHTS, BIAS = 6 * 4, 4


@pytest.mark.parametrize(
    ("dtype", "weights_dtype", "peak", "held"),
    [
        ("", "", 4 * (6 + 4), 4 * (WEIGHTS + BIAS)),
        ("int8", "", 6 + 4, WEIGHTS + BIAS),  # weights follow
        ("int8", "int4", 6 + 4, WEIGHTS // 2 + BIAS // 2),
        ("", "int4", 4 * (6 + 4), WEIGHTS // 2 + BIAS // 2),
        ("float16", "float32", 2 * (6 + 4), 4 * (WEIGHTS + BIAS)),
        ("int16", "", 2 * (6 + 4), 2 * (WEIGHTS + BIAS)),
    ],
)
def test_activations_and_weights_are_of_the_type_asked_for(
    dtype: str, weights_dtype: str, peak: int, held: int, net: Any
) -> None:
    analysis = net(FC, target=Target(dtype=dtype, weights_dtype=weights_dtype))
    assert analysis.memory.peak_bytes == peak
    assert analysis.parameters.nbytes == held and analysis.parameters.total == WEIGHTS + BIAS
    assert analysis.total("activation_bytes") == peak * (4 + 4) // (6 + 4)  # f and its ReLU


def test_what_a_layer_holds_is_of_the_type_of_weights(net: Any) -> None:
    layer = net(FC, target=Target(dtype="int8", weights_dtype="int4")).rows[0]
    assert [weight.dtype for weight in layer.facts.weights] == ["int4", "int4"]
    assert [top.dtype for top in layer.facts.outputs] == ["int8"]


def test_columns_and_json_follow(net: Any) -> None:
    analysis = net(FC, target=Target(dtype="int8", weights_dtype="int4"))
    data = analysis.to_dict()
    assert data["inputs"][0]["dtype"] == data["tensors"]["f"]["dtype"] == "int8"
    assert data["totals"]["param_bytes"] == 14 and data["totals"]["peak_activation_bytes"] == 10
    assert data["target"]["dtype"] == "int8" and data["target"]["weights_dtype"] == "int4"
    _, cells, _ = analysis.report(columns=["activation", "param_bytes", "peak"]).values()
    assert cells == [[4, 4], [14, 0], [10, 4]]
    assert analysis.report().assumptions == "activations as int8, weights as int4"


def test_an_odd_number_of_four_bit_elements_takes_a_whole_byte_more(net: Any) -> None:
    """Three weights and one bias: two bytes and one."""
    text = FC.replace("dim: 6", "dim: 3").replace("num_output: 4", "num_output: 1")
    assert net(text, target=Target(weights_dtype="int4")).parameters.nbytes == 2 + 1


def test_integers_and_quantised_tensors_stay() -> None:
    """An index and an 8-bit weight keep their types; the float scale and what comes out do not."""
    constants = [
        helper.make_tensor("w", TensorProto.INT8, [8, 4], [0] * 32),
        helper.make_tensor("scale", TensorProto.FLOAT, [], [1.0]),
    ]
    nodes = [helper.make_node("DequantizeLinear", ["w", "scale"], ["d"]), helper.make_node("Gather", ["d", "i"], ["y"])]
    model = proto(nodes, [value_info("i", [5], TensorProto.INT64)], constants=constants)
    analysis = analysed(model, target=Target(dtype="float16", weights_dtype="float64"))
    assert [analysis.tensors[name].dtype for name in ("i", "y")] == ["int64", "float16"]
    assert analysis.parameters.by_dtype == {"int8": 32, "float64": 1}
    assert analysis.memory.curve[-1] == 8 * 5 + 2 * 5 * 4


def test_tensors_without_a_shape_and_sequences_are_converted_too() -> None:
    items = (Tensor((2,)), Tensor((3,), "int64"))
    tensors = {"u": Unranked("float32"), "s": TensorSequence(Tensor((2,)), items), "b": Tensor((2,), "bool")}
    _, converted = convert(Inference([], {}), tensors, "int8", "")
    assert converted["u"] == Unranked("int8")
    assert converted["s"] == TensorSequence(Tensor((2,), "int8"), (Tensor((2,), "int8"), items[1]))
    assert converted["b"] == tensors["b"]


@pytest.mark.parametrize("dtype", ["int9", "string", "bool", "complex64"])
def test_a_type_that_nothing_can_be_converted_to_is_refused_with_those_that_can(dtype: str) -> None:
    with pytest.raises(
        graphcost.ModelError, match=f"no element type '{dtype}'; (did you mean int8|there are float64, .*int4)"
    ):
        Target(dtype=dtype)
    with pytest.raises(graphcost.ModelError, match="weights_dtype: no element type"):
        Target(weights_dtype=dtype)
