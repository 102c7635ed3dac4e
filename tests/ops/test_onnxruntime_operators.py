"""Operators that ONNX Runtime adds: the table of them is whole, and shapes are what it makes where it can run them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import graphcost
from graphcost.importers import onnx as importer
from graphcost.ops import find

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(7)


def _listed(root: Path) -> dict[str, str]:
    lines = (root / "docs/onnxruntime_operators.tsv").read_text(encoding="utf-8").splitlines()
    return {kind: state for kind, state, *_ in (line.split("\t") for line in lines if not line.startswith("#"))}


def test_what_is_listed_as_known_has_a_rule(root: Path) -> None:
    for kind, state in _listed(root).items():
        assert state in ("rule", "shape only", "unknown")
        assert (find(kind, 1) is None) == (state == "unknown"), kind


def test_every_operator_that_onnxruntime_ships_is_listed(root: Path) -> None:
    state = pytest.importorskip("onnxruntime.capi.onnxruntime_pybind11_state")
    domains = ("com.microsoft", "com.microsoft.nchwc")
    shipped = {f"{s.domain}.{s.name}" for s in state.get_all_operator_schema() if s.domain in domains}
    listed = _listed(root)
    assert not shipped - listed.keys()
    assert Counter(listed.values())["rule"] > 100


def f(*shape: int) -> Array:
    return RNG.random(shape, dtype=np.float32)


def u8(*shape: int) -> Array:
    return RNG.integers(0, 100, shape).astype(np.uint8)


def whole(*numbers: int, dtype: Any = np.int64) -> Array:
    return np.array(numbers, dtype)


SCALE, ZERO = np.array(0.1, np.float32), np.array(3, np.uint8)
EMBEDDED = (np.zeros((1, 4), np.int32), None, u8(9, 8), u8(9, 8), None, u8(8), u8(8), None)
HEADS = {"q_num_heads": 2, "kv_num_heads": 2}
CASES: list[tuple[str, tuple[Array | None, ...], int, dict[str, Any]]] = [
    ("CDist", (f(3, 4), f(5, 4)), 1, {"metric": "euclidean"}),
    ("MaxpoolWithMask", (f(1, 2, 8, 8), np.ones((1, 2, 8, 8), np.int32)), 1, {"kernel_shape": [2, 2], "strides": [2, 2]}),
    ("ConvTransposeWithDynamicPads", (f(1, 2, 4, 4), f(2, 3, 3, 3), whole(1, 0, 1, 0)), 1, {"strides": [2, 2]}),
    ("GatherND", (f(3, 4, 5), whole(0, 1, 1, 2).reshape(2, 2)), 1, {}),
    ("UnfoldTensor", (f(2, 9, 4),), 1, {"dim": 1, "size": 3, "step": 2}),
    ("MatMulInteger16", (np.ones((3, 4), np.int16), np.ones((4, 5), np.int16)), 1, {}),
    ("SampleOp", (f(2, 3),), 1, {}),
    ("ScaledSiLU", (f(2, 3),), 1, {}),
    ("GatedAdd", (f(2, 6), f(2, 6), f(2, 1)), 1, {}),
    ("GatedRMSNorm", (f(2, 6), f(3), f(2, 6)), 1, {}),
    ("BranchwiseRMSNorm", (f(2, 6),), 1, {"num_branches": 2}),
    ("LinearAttentionGate", (f(2, 3, 4), f(4), f(4), f(2, 3, 4)), 2, {}),
    ("MRotaryEmbedding", (f(1, 4, 32), np.zeros((3, 1, 4), np.int64), f(10, 8), f(10, 8)), 1, {"mrope_section": [4, 2, 2], "num_heads": 2}),
    ("MurmurHash3", (whole(1, 2, 3, dtype=np.int32),), 1, {}),
    ("MurmurHash3", (whole(1, 2, 3, dtype=np.int32),), 1, {"positive": 0}),
    ("NGramRepeatBlock", (np.zeros((2, 5), np.int64), f(2, 7)), 1, {"ngram_size": 2}),
    ("LinearAttention", (f(2, 5, 8), f(2, 5, 8), f(2, 5, 12), None, -f(2, 5, 2), f(2, 5, 2)), 2, HEADS),
    ("LinearAttention", (f(2, 5, 8), f(2, 5, 16), f(2, 5, 24)), 2, {**HEADS, "kv_num_heads": 4, "update_rule": "linear"}),
    ("CausalConvWithState", (f(2, 5, 9), f(5, 1, 4), f(5)), 2, {"activation": "silu"}),
    ("CausalConvWithState", (f(2, 9, 5), f(5, 1, 4), f(5)), 2, {"channels_last": 1, "dilation": 2}),
    ("QEmbedLayerNormalization", (*EMBEDDED, SCALE, SCALE, None, SCALE, SCALE, ZERO, ZERO, None, ZERO, ZERO), 2, {}),
    ("GatedDeltaNet", (f(6, 2, 4), f(6, 2, 4), f(6, 4, 3), None, -f(6, 4), f(6, 4), f(2, 4, 3, 4)), 2, {"qk_l2_norm": 1}),
]  # fmt: skip


def _model(kind: str, operands: tuple[Array | None, ...], outputs: int, attrs: dict[str, Any]) -> onnx.ModelProto:
    """A network of one operator whose operands are constants."""
    names = ["" if operand is None else f"x{at}" for at, operand in enumerate(operands)]
    weights = [numpy_helper.from_array(x, name) for x, name in zip(operands, names, strict=True) if x is not None]
    results = [f"y{at}" for at in range(outputs)]
    node = helper.make_node(kind, names, results, domain="com.microsoft", **attrs)
    graph = helper.make_graph([node], "g", [], [helper.make_empty_tensor_value_info(y) for y in results], weights)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_shapes_and_types_are_what_onnxruntime_makes(case: Any) -> None:
    runtime = pytest.importorskip("onnxruntime")
    model = _model(*case)
    options = runtime.SessionOptions()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as problem:
        if "is not a registered function/op" in str(problem):
            pytest.skip("this onnxruntime is older than the operator")
        raise
    (row,) = graphcost.analyze(importer.build(model)).rows
    made = session.run(None, {})
    assert [(y.shape, y.dtype) for y in row.outputs] == [(y.shape, str(y.dtype)) for y in made]
