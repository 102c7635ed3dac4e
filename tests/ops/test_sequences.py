"""Sequences and optionals; their shapes are held against what onnxruntime makes."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import parser

from graphcost import Analysis, ModelError, Tensor
from graphcost.dims import symbol
from graphcost.graph import TensorSequence
from harness import onnx_text as text
from harness import run


def shape(analysis: Analysis, name: str = "y") -> tuple[Any, ...]:
    return tuple(analysis.tensors[name].shape)


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ("q = SequenceConstruct(x, w) y = ConcatFromSequence <axis = 0> (q)", (2 + 5, 3)),
        ("q = SequenceConstruct(x, x) y = ConcatFromSequence <axis = 0, new_axis = 1> (q)", (2, 2, 3)),
        ("q = SequenceConstruct(x, w) k = Constant <value = int64 {-1}> () y = SequenceAt(q, k)", (5, 3)),
        (
            "e = SequenceEmpty() q = SequenceInsert(e, w) k = Constant <value = int64 {0}> () y = SequenceAt(q, k)",
            (5, 3),
        ),
        (
            "q = SequenceConstruct(x, w) k = Constant <value = int64 {0}> () r = SequenceInsert(q, w, k) "
            "y = SequenceAt(r, k)",
            (5, 3),
        ),
        ("q = SequenceConstruct(x, w, w) r = SequenceErase(q) y = ConcatFromSequence <axis = 0> (r)", (2 + 5, 3)),
        ("q = SplitToSequence <axis = 1> (x) k = Constant <value = int64 {0}> () y = SequenceAt(q, k)", (2, 1)),
        (
            "q = SplitToSequence <axis = 1, keepdims = 0> (x) k = Constant <value = int64 {0}> () y = SequenceAt(q, k)",
            (2,),
        ),
        (
            "s = Constant <value = int64 {2}> () q = SplitToSequence(w, s) k = Constant <value = int64 {-1}> () "
            "y = SequenceAt(q, k)",
            (1, 3),  # pieces of 2, 2 and 1
        ),
        (
            "s = Constant <value_ints = [1, 4]> () q = SplitToSequence(w, s) k = Constant <value = int64 {1}> () "
            "y = SequenceAt(q, k)",
            (4, 3),
        ),
        ("o = Optional(x) y = OptionalGetElement(o)", (2, 3)),
    ],
)
def test_shapes_through_sequences_are_those_that_onnxruntime_makes(nodes: str, expected: tuple[int, ...]):
    graph = f"g (float[2, 3] x, float[5, 3] w) => (float[] y) {{ {nodes} }}"
    assert shape(run(graph)) == expected
    if "Optional" in nodes:
        return  # onnxruntime has no kernel for an optional that is only passed through
    session = onnxruntime.InferenceSession(parser.parse_model(text(graph)).SerializeToString())
    given = {"x": np.zeros((2, 3), np.float32), "w": np.zeros((5, 3), np.float32)}
    wanted = {entry.name for entry in session.get_inputs()}
    (y,) = session.run(["y"], {name: array for name, array in given.items() if name in wanted})
    assert y.shape == expected


def test_the_length_of_a_sequence_is_a_value():
    graph = "g (float[2] x) => (int64 n) { q = SequenceConstruct(x, x, x) n = SequenceLength(q) }"
    assert run(graph).tensors["n"] == Tensor((), "int64", (3,))


def test_a_position_that_data_gives_may_mean_any_item():
    graph = (
        "g (float[2, 3] x, float[5, 3] w, int64 k) => (float[] y) { q = SequenceConstruct(x, w) y = SequenceAt(q, k) }"
    )
    assert shape(run(graph)) == (symbol("y_0", lower=0), 3)


def test_an_item_that_is_not_there_is_a_contradiction():
    nodes = "q = SequenceConstruct(x) k = Constant <value = int64 {1}> () y = SequenceAt(q, k)"
    with pytest.raises(ModelError, match="item 1 of a sequence of 1"):
        run(f"g (float[2] x) => (float[] y) {{ {nodes} }}")


def test_a_list_that_a_loop_fills_is_joined_afterwards():
    graph = """
    g (float[2, 3] x) => (float[] y) {
        e = SequenceEmpty()
        m = Constant <value = int64 {4}> ()
        q = Loop (m, , e) <body = b (int64 i, bool c, seq(float[2, 3]) s) => (bool d, seq(float[2, 3]) t) {
            d = Identity(c) r = Relu(x) t = SequenceInsert(s, r)
        }>
        y = ConcatFromSequence <axis = 1> (q)
    }
    """
    analysis = run(graph)
    assert shape(analysis) == (2, 4 * 3)
    assert analysis.work.compares == 4 * (2 * 3)


FILLS = """
g (float[2, 3] x, float[N, 3] w, int64 m) => (float[] y, float[] z, int64 n) {
    e = SequenceEmpty()
    STEPS
    q = Loop (steps, , e) <body = b (int64 i, bool c, seq(float[2, 3]) s) => (bool d, seq(float[2, 3]) t) {
        d = Identity(c) r = Relu(x) t = SequenceInsert(s, r)
    }>
    y = ConcatFromSequence <axis = 1> (q)
    z = ConcatFromSequence <axis = 0, new_axis = 1> (q)
    n = SequenceLength(q)
}
"""


@pytest.mark.parametrize(
    ("steps", "length"),
    [
        ("steps = Constant <value = int64 {1000}> ()", 1000),
        ("k = Constant <value_ints = [0]> () one = Shape <end = 1> (w) steps = Squeeze(one, k)", symbol("N")),
    ],
)
def test_a_list_that_a_long_loop_fills_is_as_long_as_the_loop(steps: str, length: Any):
    analysis = run(FILLS.replace("STEPS", steps))
    assert shape(analysis) == (2, length * 3)
    assert shape(analysis, "z") == (length, 2, 3)
    assert analysis.tensors["n"].value == (length,)


def test_a_list_that_data_ends_has_a_length_that_data_decides():
    analysis = run(FILLS.replace("STEPS", "steps = Identity(m)"))
    assert shape(analysis)[0] == 2 and not isinstance(shape(analysis)[1], int)
    assert shape(analysis, "z")[1:] == (2, 3)
    assert analysis.tensors["n"].value is None


def test_pieces_of_unknown_sizes_are_not_of_one_size():
    """Joined again they are as much as data decides, and not twice some number."""
    analysis = run("""
    g (float[7, 3] x, int64[2] sizes) => (float[] y) {
        q = SplitToSequence(x, sizes)
        y = ConcatFromSequence <axis = 0> (q)
    }
    """)
    assert shape(analysis) == (symbol("y_0", lower=0), 3)


def test_an_item_of_an_input_may_be_any_that_was_given():
    graph = "g (seq(float[]) q, int64 k) => (float[] y) { y = SequenceAt(q, k) }"
    analysis = run(graph, shapes={"q": [("float32", (2, 3)), ("float32", (5, 3))]})
    assert shape(analysis) == (symbol("y_0", lower=0), 3)


def test_a_map_over_a_sequence_runs_its_body_for_every_item():
    graph = """
    g (float[2, 3] x, float[5, 3] w) => (float[] y) {
        q = SequenceConstruct(x, w)
        r = SequenceMap (q) <body = b (float[] s) => (float[] t) { t = Relu(s) }>
        y = ConcatFromSequence <axis = 0> (r)
    }
    """
    analysis = run(graph)
    assert shape(analysis) == (2 + 5, 3)
    assert analysis.work.compares == 2 * 3 + 5 * 3


def test_the_items_of_a_sequence_that_is_an_input_can_be_given():
    graph = "g (seq(float[]) q) => (float[] y) { y = ConcatFromSequence <axis = 0> (q) }"
    analysis = run(graph, shapes={"q": [("float32", (2, 3)), ("float32", (5, 3))]})
    assert shape(analysis) == (7, 3)


def test_an_optional_left_empty_holds_nothing():
    graph = "g (float[2] x) => (bool h) { h = OptionalHasElement() }"
    assert run(graph, opset=18).tensors["h"].value == (0,)


def test_the_json_of_a_sequence_has_each_item():
    graph = "g (float[2, 3] x, float[5, 3] w, int64[2] sizes) => (seq(float[]) y, seq(float[]) z, seq(float[]) e) "
    analysis = run(graph + "{ y = SequenceConstruct(x, w) z = SplitToSequence(w, sizes) e = SequenceEmpty() }")
    tensors = analysis.to_dict()["tensors"]
    rows = [{"shape": [rows, 3], "dtype": "float32"} for rows in (2, 5)]
    assert tensors["y"] == {"shape": None, "dtype": "sequence(float32)", "items": rows}
    assert tensors["z"] == {"shape": None, "dtype": "sequence(float32)"}
    assert tensors["e"]["items"] == []


@pytest.mark.parametrize(("items", "kept"), [(256, True), (257, False)])
def test_of_a_long_sequence_only_the_number_is_kept(items: int, kept: bool) -> None:
    """Items that are alike are joined and weighed all the same: each of 2 x 3 float32."""
    names = ", ".join(["x"] * (items - 1))
    nodes = f"q = SequenceConstruct({names}) r = SequenceInsert(q, x) y = ConcatFromSequence <axis = 0> (r)"
    analysis = run(f"g (float[2, 3] x) => (float[] y) {{ {nodes} }}")
    sequence = analysis.tensors["r"]
    assert isinstance(sequence, TensorSequence) and (sequence.items is not None, sequence.length) == (kept, items)
    assert shape(analysis) == (2 * items, 3)
    assert (analysis.memory.peak_bytes or 0) >= 2 * items * 2 * 3 * 4  # the sequence and what is joined of it
