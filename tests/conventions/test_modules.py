"""Which operators are modules of their own: read off paths, each network a trap."""

from __future__ import annotations

import pytest

import graphcost
from graphcost import Analysis
from graphcost.conventions.modules import functional, module_paths, owner, path, pathless, superseded
from graphcost.graph import Model, Op, Tensor, build_dag


def analyse(*names: str) -> Analysis:
    """ReLUs one after the other, by name; a name that ends in Conv is a convolution."""
    tensors = ["x", *(f"{name}:0" for name in names)]
    ops = []
    for name, taken, made in zip(names, tensors, tensors[1:], strict=False):
        kind = "Conv" if name.endswith("Conv") else "Relu"
        ops.append(Op(name, kind, (taken, "w") if kind == "Conv" else (taken,), (made,)))
    weights = {"w": Tensor((2, 2, 1, 1))}
    model = Model(
        "net", build_dag(ops, ["x", *weights]), {"x": Tensor((1, 2, 3, 3))}, (), weights, opsets={"": 17}, format="onnx"
    )
    return graphcost.analyze(model)


@pytest.mark.parametrize(
    ("scope", "dotted"),
    [
        ("layer1/layer1.0/conv1", "layer1.0.conv1"),  # exporters repeat the container's name
        ("layer1/0/conv1", "layer1.0.conv1"),
        ("fc", "fc"),
        ("", ""),
    ],
)
def test_a_path_is_what_pytorch_calls_the_module(scope: str, dotted: str) -> None:
    assert path(scope) == dotted


CASES = [
    ("a leaf is a module, what stands in its container a call", ("/block/relu/Relu", "/block/Relu"), {1}),
    ("what stands in no module is a call where others stand in one", ("/relu/Relu", "/Relu"), {1}),
    ("without any path every operator passes for a module", ("relu", "relu_1"), set()),
    ("names that begin alike are no containers", ("/conv1/Relu", "/conv10/Relu"), set()),
    ("a convolution in a container is a module", ("/bn/act/Relu", "/bn/Conv"), set()),
]


@pytest.mark.parametrize(("trap", "names", "calls"), CASES, ids=[trap for trap, _, _ in CASES])
def test_functional_calls_are_told_from_modules(trap: str, names: tuple[str, ...], calls: set[int]) -> None:
    assert functional(analyse(*names)) == calls


def test_a_file_may_keep_no_paths() -> None:
    assert pathless(analyse("relu", "relu_1"))
    assert not pathless(analyse("/block/relu/Relu"))


@pytest.mark.parametrize(
    ("weight", "module"),
    [
        ("layer1.0.conv1.weight", "layer1.0.conv1"),
        ("fc.parametrizations.weight.original0", "fc"),  # the module that is parametrised
        ("onnx::Conv_12", ""),
        ("/fc/Constant_1_output_0", ""),
        ("model/fc/kernel:0", ""),
    ],
)
def test_a_weight_names_the_module_that_has_it(weight: str, module: str) -> None:
    assert owner(weight) == module


AGAIN = [
    ("a number behind the name of a module of the type is another call", ("/relu/Relu", "/relu_1/Relu"), ("relu", "relu")),
    ("without such a module it is a name", ("/relu_1/Relu", "/relu_2/Relu"), ("relu_1", "relu_2")),
    ("a module of another type is another", ("/act/Relu", "/act_1/Conv"), ("act", "act_1")),
]  # fmt: skip


@pytest.mark.parametrize(("trap", "names", "paths"), AGAIN, ids=[trap for trap, _, _ in AGAIN])
def test_a_module_that_is_called_again_keeps_its_path(
    trap: str, names: tuple[str, ...], paths: tuple[str, ...]
) -> None:
    analysis = analyse(*names)
    assert module_paths(analysis) == paths
    assert superseded(analysis) == ({0} if paths[0] == paths[1] else set())
