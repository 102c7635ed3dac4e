"""Kinds of operation: what the charts' colours stand for."""

from __future__ import annotations

from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

import graphcost
from graphcost.conventions.families import BY_TYPE
from graphcost.page import kinds
from graphcost.page.kinds import KINDS, kind

HEAD = 'input: "data" input_shape { dim: 1 dim: 4 dim: 8 dim: 8 }\n'


def layer(type_: str, rest: str = "", more: str = "") -> str:
    return f'layer {{ name: "x" type: "{type_}" bottom: "data" {more} top: "y" {rest} }}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (layer("Convolution", "convolution_param { num_output: 2 kernel_size: 3 }"), "convolution"),
        (layer("Deconvolution", "convolution_param { num_output: 2 kernel_size: 3 }"), "convolution"),
        (layer("InnerProduct", "inner_product_param { num_output: 2 }"), "dense, matrix product"),
        (layer("BatchNorm"), "normalisation"),
        (layer("Softmax"), "normalisation"),
        (layer("ReLU"), "elementwise"),
        (layer("AbsVal"), "elementwise"),
        (layer("Eltwise", more='bottom: "data"'), "elementwise"),
        (layer("Pooling", "pooling_param { kernel_size: 2 }"), "pooling"),
        (layer("Flatten"), "movement"),
        (layer("Concat", more='bottom: "data"'), "movement"),
        (layer("Mystery"), "other"),
    ],
)
def test_a_caffe_layer_is_of_a_kind(text: str, expected: str, net: Any) -> None:
    assert KINDS[kind(net(HEAD + text)["x"])] == expected


@pytest.mark.parametrize(
    ("type_", "domain", "shapes", "expected"),
    [
        ("Conv", "", [(1, 4, 8, 8), (2, 4, 3, 3)], "convolution"),
        ("FusedConv", "com.microsoft", [(1, 4, 8, 8), (2, 4, 3, 3)], "convolution"),  # by its facts
        ("MatMul", "", [(4, 8), (8, 2)], "dense, matrix product"),
        ("FusedGemm", "com.microsoft", [(4, 8), (8, 2)], "dense, matrix product"),  # by its facts
        ("InstanceNormalization", "", [(1, 4, 8, 8), (4,), (4,)], "normalisation"),
        ("Erf", "", [(4, 8)], "elementwise"),
        ("Cos", "", [(4, 8)], "elementwise"),
        ("Transpose", "", [(4, 8)], "movement"),
        ("ReduceMax", "", [(4, 8)], "other"),
    ],
)
def test_an_onnx_operator_is_of_a_kind(
    type_: str, domain: str, shapes: list[tuple[int, ...]], expected: str, tmp_path: Any
) -> None:
    inputs = [helper.make_tensor_value_info(f"x{at}", TensorProto.FLOAT, shape) for at, shape in enumerate(shapes)]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    node = helper.make_node(type_, [each.name for each in inputs], ["y"], "n", domain=domain)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(
        helper.make_model(helper.make_graph([node], "g", inputs, outputs), opset_imports=opsets), tmp_path / "m.onnx"
    )
    analysis = graphcost.analyze(graphcost.load(tmp_path / "m.onnx"))
    assert KINDS[kind(analysis["n"])] == expected


def test_every_family_with_a_kind_exists() -> None:
    assert set(kinds._OF_FAMILY) <= set(BY_TYPE.values())
