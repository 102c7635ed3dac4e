"""Integer tensors wider than 8 bits: those that are multiplied are parameters, positions are not."""

from __future__ import annotations

import onnx
import pytest
from onnx import TensorProto, helper

import graphcost
from graphcost.importers import onnx as importer

SCALE = helper.make_tensor("s", TensorProto.FLOAT, [], [0.5])
MATRIX = helper.make_tensor("w", TensorProto.FLOAT, [24, 6], [0.5] * 144)
INTO = helper.make_node("MatMul", ["e", "w"], ["y"])
GATHER = helper.make_node("Gather", ["t", "ids"], ["g"])
TURNED_BACK = helper.make_node("DequantizeLinear", ["t", "s"], ["d"])
WIDE = [("int16", TensorProto.INT16), ("uint16", TensorProto.UINT16), ("int32", TensorProto.INT32)]


def _count(dtype: int, *nodes: onnx.NodeProto) -> dict[str, object]:
    """Parameters by type of a network with a table t [50, 24], a scale s, a matrix w [24, 6] and positions ids."""
    table = helper.make_tensor("t", dtype, [50, 24], [1] * 1200)
    inputs = [helper.make_tensor_value_info("ids", TensorProto.INT64, [3])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    graph = helper.make_graph([*nodes], "g", inputs, outputs, [table, SCALE, MATRIX])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return dict(graphcost.analyze(importer.build(model)).parameters.by_dtype)


@pytest.mark.parametrize(("name", "dtype"), WIDE)
def test_a_table_is_a_parameter_where_its_rows_are_turned_back(name: str, dtype: int) -> None:
    back = helper.make_node("DequantizeLinear", ["g", "s"], ["e"])
    assert _count(dtype, GATHER, back, INTO) == {name: 50 * 24, "float32": 1 + 24 * 6}


@pytest.mark.parametrize(("name", "dtype"), [*WIDE, ("int64", TensorProto.INT64)])
def test_a_table_is_a_parameter_where_its_rows_are_converted_and_scaled(name: str, dtype: int) -> None:
    cast = helper.make_node("Cast", ["g"], ["c"], to=TensorProto.FLOAT)
    scaled = helper.make_node("Mul", ["c", "s"], ["e"])
    assert _count(dtype, GATHER, cast, scaled, INTO) == {name: 50 * 24, "float32": 1 + 24 * 6}


@pytest.mark.parametrize(("name", "dtype"), WIDE)
def test_a_table_that_is_turned_back_first_is_a_parameter(name: str, dtype: int) -> None:
    gather = helper.make_node("Gather", ["d", "ids"], ["e"])
    assert _count(dtype, TURNED_BACK, gather, INTO) == {name: 50 * 24, "float32": 1 + 24 * 6}


def test_a_wide_bias_that_is_turned_back_is_a_parameter() -> None:
    gather = helper.make_node("Gather", ["d", "ids"], ["e"])
    added = helper.make_node("Add", ["e", "e"], ["y"])
    assert _count(TensorProto.INT32, TURNED_BACK, gather, added) == {"int32": 50 * 24, "float32": 1}


def test_rows_may_be_moved_and_lose_an_offset_before_they_are_scaled() -> None:
    nodes = [
        helper.make_node("Transpose", ["g"], ["u"]),
        helper.make_node("Transpose", ["u"], ["v"]),
        helper.make_node("Sub", ["v", "v"], ["z"]),
        helper.make_node("Cast", ["z"], ["c"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["c", "s"], ["e"]),
    ]
    assert _count(TensorProto.INT32, GATHER, *nodes, INTO) == {"int32": 50 * 24, "float32": 1 + 24 * 6}


def test_a_shape_of_what_is_picked_is_no_number_of_the_table() -> None:
    nodes = [
        helper.make_node("Shape", ["g"], ["n"]),
        helper.make_node("Cast", ["n"], ["c"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["c", "s"], ["e"]),
        helper.make_node("Add", ["e", "e"], ["y"]),
    ]
    assert _count(TensorProto.INT32, GATHER, *nodes) == {"float32": 1}


def test_a_table_of_positions_is_none() -> None:
    """What is picked says which rows of the matrix are read."""
    rows = helper.make_node("Gather", ["w", "g"], ["y"])
    assert _count(TensorProto.INT32, GATHER, rows) == {"float32": 24 * 6}


def test_a_table_that_is_only_compared_is_none() -> None:
    """Kinds of tokens, say, of which a mask is made."""
    same = helper.make_node("Equal", ["g", "g"], ["m"])
    mask = helper.make_node("Cast", ["m"], ["c"], to=TensorProto.FLOAT)
    masked = helper.make_node("Mul", ["c", "s"], ["e"])
    assert _count(TensorProto.INT32, GATHER, same, mask, masked, INTO) == {"float32": 1 + 24 * 6}
