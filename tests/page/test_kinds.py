"""Kinds of operation: what the charts' colours stand for."""

from __future__ import annotations

from typing import Any

import pytest
from onnx import helper

from graphcost.conventions.families import BY_TYPE
from graphcost.page import kinds
from graphcost.page.kinds import KINDS, kind
from harness import analysed, image, layer, proto

HEAD = image(1, 4, 8, 8)


def x(kind: str, fields: str = "", bottoms: str = "data") -> str:
    return layer("x", kind, bottoms, fields, "y")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (x("Convolution", "convolution_param { num_output: 2 kernel_size: 3 }"), "convolution"),
        (x("Deconvolution", "convolution_param { num_output: 2 kernel_size: 3 }"), "convolution"),
        (x("InnerProduct", "inner_product_param { num_output: 2 }"), "matmul / fully connected"),
        (x("BatchNorm"), "normalisation"),
        (x("Softmax"), "normalisation"),
        (x("ReLU"), "elementwise"),
        (x("AbsVal"), "elementwise"),
        (x("Eltwise", bottoms="data data"), "elementwise"),
        (x("Pooling", "pooling_param { kernel_size: 2 }"), "pooling"),
        (x("Flatten"), "data movement"),
        (x("Concat", bottoms="data data"), "data movement"),
        (x("Mystery"), "other"),
    ],
)
def test_a_caffe_layer_is_of_a_kind(text: str, expected: str, net: Any) -> None:
    assert KINDS[kind(net(HEAD + text)["x"])] == expected


@pytest.mark.parametrize(
    ("type_", "domain", "shapes", "expected"),
    [
        ("Conv", "", [(1, 4, 8, 8), (2, 4, 3, 3)], "convolution"),
        ("FusedConv", "com.microsoft", [(1, 4, 8, 8), (2, 4, 3, 3)], "convolution"),  # by its facts
        ("MatMul", "", [(4, 8), (8, 2)], "matmul / fully connected"),
        ("FusedGemm", "com.microsoft", [(4, 8), (8, 2)], "matmul / fully connected"),  # by its facts
        ("InstanceNormalization", "", [(1, 4, 8, 8), (4,), (4,)], "normalisation"),
        ("Erf", "", [(4, 8)], "elementwise"),
        ("Cos", "", [(4, 8)], "elementwise"),
        ("Transpose", "", [(4, 8)], "data movement"),
        ("ReduceMax", "", [(4, 8)], "other"),
    ],
)
def test_an_onnx_operator_is_of_a_kind(type_: str, domain: str, shapes: list[tuple[int, ...]], expected: str) -> None:
    inputs = {f"x{at}": shape for at, shape in enumerate(shapes)}
    node = helper.make_node(type_, [*inputs], ["y"], "n", domain=domain)
    analysis = analysed(proto([node], inputs, domains=["com.microsoft"]))
    assert KINDS[kind(analysis["n"])] == expected


def test_every_family_with_a_kind_exists() -> None:
    assert set(kinds._OF_FAMILY) <= set(BY_TYPE.values())
