"""Damaged ONNX files: whatever happens to their bytes, there is an answer or one line that says why there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

import graphcost


def model() -> bytes:
    """A little of everything: weights, a body, a function, symbols, steering values."""
    value = helper.make_tensor_value_info
    branch = helper.make_graph(
        [helper.make_node("Relu", ["h"], ["r"])], "then", [], [value("r", TensorProto.FLOAT, None)]
    )
    other = helper.make_graph(
        [helper.make_node("Neg", ["h"], ["m"])], "else", [], [value("m", TensorProto.FLOAT, None)]
    )
    twice = helper.make_function(
        "mine", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])], [helper.make_opsetid("", 17)]
    )
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["h"], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("If", ["c"], ["i"], then_branch=branch, else_branch=other),
        helper.make_node("Twice", ["i"], ["t"], domain="mine"),
        helper.make_node("Reshape", ["t", "s"], ["f"]),
        helper.make_node("Gemm", ["f", "g"], ["y"], transB=1),
    ]
    weights = [
        helper.make_tensor("w", TensorProto.FLOAT, (4, 3, 3, 3), [0.1] * 108),
        helper.make_tensor("s", TensorProto.INT64, (2,), [0, -1]),
        helper.make_tensor("g", TensorProto.FLOAT, (2, 64), [0.1] * 128),
    ]
    inputs = [value("x", TensorProto.FLOAT, ["N", 3, 8, 8]), value("c", TensorProto.BOOL, ())]
    graph = helper.make_graph(nodes, "net", inputs, [value("y", TensorProto.FLOAT, ["N", 2])], weights)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)]
    return helper.make_model(graph, functions=[twice], opset_imports=opsets, ir_version=8).SerializeToString()


WHOLE = model()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "model.onnx"


def answer(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        analysis = graphcost.analyze(graphcost.load(path))
        analysis.report().render("md")
        analysis.to_dict()
    except graphcost.ModelError as problem:
        assert "\n" not in str(problem) and str(problem).startswith(str(path))


def test_the_whole_file_is_read(path: Path) -> None:
    path.write_bytes(WHOLE)
    analysis = graphcost.analyze(graphcost.load(path))
    assert analysis.complete
    assert str(analysis.total("macs")) == f"{(4 * 4 * 4) * 27 + 2 * 64}*N"


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_changed_bytes(path: Path, changes: list[tuple[int, int]]) -> None:
    content = bytearray(WHOLE)
    for at, byte in changes:
        content[at] = byte
    answer(path, bytes(content))


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 40), st.binary(max_size=12))
def test_cut_and_spliced_bytes(path: Path, at: int, gap: int, filling: bytes) -> None:
    answer(path, WHOLE[:at] + filling + WHOLE[at + gap :])
    answer(path, WHOLE[:at])
