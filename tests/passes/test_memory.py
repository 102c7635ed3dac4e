"""Which tensors share bytes, what is alive when, and the peak."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from onnx import TensorProto, helper

import graphcost
from graphcost.graph import Tensor, TensorSequence
from graphcost.passes.memory import Memory
from graphcost.passes.storage import nbytes
from graphcost.target import Target
from harness import analysed, image, integers, layer, proto, value_info

Onnx = Callable[..., graphcost.Analysis]
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


DATA = image(1, 25)


@pytest.fixture
def graph() -> Onnx:
    """Analyse ONNX nodes: inputs by name with their shapes, outputs by name, integer constants by name."""

    def analyse(nodes: Any, inputs: Any, outputs: Any, ints: Any = (), **options: Any) -> graphcost.Analysis:
        return analysed(proto(nodes, inputs, outputs, integers(dict(ints))), **options)

    return analyse


node = helper.make_node


SOFTMAX = "Softmax"  # no element of its output depends on one element alone


def test_live_bytes_follow_births_and_last_reads(net: Any) -> None:
    """A diamond: the input feeds both branches, so it lives until the second has read it."""
    analysis = net(DATA + layer("a", SOFTMAX, "data") + layer("b", SOFTMAX, "data") + layer("c", "Concat", "a b"))
    memory = analysis.memory
    assert memory.curve == [4 * 25 * 2, 4 * 25 * 3, 4 * 25 * 4]
    assert memory.peak.row is analysis["c"] and memory.peak.step == 2 and memory.peak_bytes == 400
    assert memory.peak.tensors == (("c", 200), ("a", 100), ("b", 100))
    assert [buffer.tensors for buffer in memory.alive(1)] == [["data"], ["a"], ["b"]]


def test_a_peak_shared_by_several_operators_is_that_of_the_first(net: Any) -> None:
    analysis = net(DATA + layer("a", SOFTMAX, "data") + layer("b", SOFTMAX, "a"))
    assert analysis.memory.curve == [200, 200] and analysis.memory.peak.name == "a"


def test_a_view_lives_in_the_buffer_of_what_it_views(net: Any) -> None:
    analysis = net('input: "data" input_shape { dim: 1 dim: 2 dim: 3 }' + layer("f", "Flatten", "data"))
    assert analysis.memory.curve == [4 * 6]
    assert analysis.memory.peak.tensors == (("data = f", 24),)


def test_a_buffer_lives_until_the_last_reader_of_its_last_view(graph: Onnx) -> None:
    """x is read last as a view, while y and z are made."""
    analysis = graph(
        [
            node("Softmax", ["i"], ["x"]),
            node("Reshape", ["x", "s"], ["v"]),
            node("Softmax", ["i"], ["y"]),
            node("Softmax", ["v"], ["z"]),
        ],
        {"i": [2, 8]},
        ["y", "z"],
        {"s": [16]},
    )
    one = 4 * 16
    assert analysis.memory.curve == [2 * one, 2 * one, 3 * one, 3 * one]


@pytest.mark.parametrize(
    ("nodes", "buffers"),
    [
        ([node("Relu", ["a"], ["y"])], [["i"], ["a", "y"]]),
        ([node("Add", ["a", "b"], ["y"])], [["i"], ["a", "y"], ["b"]]),
        ([node("Add", ["c", "a"], ["y"])], [["i"], ["a", "y"]]),  # the first operand is a weight
        ([node("Add", ["row", "a"], ["y"])], [["i"], ["a", "y"], ["row"]]),  # the first operand is broadcast
        ([node("Add", ["a", "a"], ["y"])], [["i"], ["a", "y"]]),
        ([node("Transpose", ["a"], ["y"])], [["i"], ["a"], ["y"]]),  # moves elements: never in place
        ([node("Softmax", ["a"], ["y"])], [["i"], ["a"], ["y"]]),
        ([node("Cast", ["a"], ["y"], to=TensorProto.INT32)], [["i"], ["a", "y"]]),
        ([node("Cast", ["a"], ["y"], to=TensorProto.DOUBLE)], [["i"], ["a"], ["y"]]),  # 8 bytes where there were 4
        ([node("Relu", ["a"], ["x"]), node("Softmax", ["a"], ["y"])], [["i"], ["a"], ["x"], ["y"]]),  # a is read later
    ],
    ids=["relu", "first", "weight", "broadcast", "twice", "transpose", "softmax", "same-width", "wider", "read-later"],
)
def test_an_elementwise_result_takes_over_an_operand_that_dies(
    nodes: list[Any], buffers: list[list[str]], graph: Onnx
) -> None:
    made = [node("Softmax", ["i"], ["a"]), node("Softmax", ["i"], ["b"]), node("ReduceMax", ["i"], ["row"], axes=[0])]
    read = {name for each in nodes for name in each.input}
    constant = [node("Constant", [], ["c"], value=helper.make_tensor("v", FLOAT, [4, 4], [0.0] * 16))]
    before = [each for each in made if each.output[0] in read] + (constant if "c" in read else [])
    outputs = [name for each in nodes for name in each.output]
    analysis = graph(before + nodes, {"i": [4, 4]}, outputs)
    found = [buffer.tensors for buffer in analysis.memory.buffers]
    assert sorted(found) == sorted(buffers)


def test_a_result_is_not_written_over_what_another_operand_still_reads(graph: Onnx) -> None:
    """The first row of x is added to every row of x: written in place, the second row would see the new first."""
    analysis = graph(
        [
            node("Softmax", ["i"], ["x"]),
            node("Slice", ["x", "from", "to", "axes"], ["r"]),
            node("Add", ["x", "r"], ["y"]),
        ],
        {"i": [2, 8]},
        ["y"],
        {"from": [0], "to": [1], "axes": [0]},
    )
    assert [buffer.tensors for buffer in analysis.memory.buffers] == [["i"], ["x", "r"], ["y"]]


def test_pieces_along_the_outermost_axis_lie_inside_their_tensor(graph: Onnx) -> None:
    nodes = [node("Softmax", ["i"], ["x"]), node("Split", ["x", "parts"], ["a", "b"], axis=1)]
    nodes += [node("Softmax", ["a"], ["y"], axis=1), node("Softmax", ["b"], ["z"], axis=1)]
    analysis = graph(nodes, {"i": [1, 6, 5]}, ["y", "z"], {"parts": [2, 4]})
    whole, head = 4 * 6 * 5, 4 * 2 * 5
    x = analysis.memory.buffers[1]
    assert x.tensors == ["x", "a", "b"] and x.nbytes == whole and x.offsets == {"b": head}
    assert analysis.memory.curve == [2 * whole, whole, whole + head, 2 * whole]  # x stays until its last piece is read


def test_a_piece_of_a_piece_begins_behind_both_beginnings(graph: Onnx) -> None:
    nodes = [node("Softmax", ["i"], ["x"]), node("Split", ["x", "parts"], ["a", "b"], axis=1)]
    nodes += [node("Split", ["b", "others"], ["c", "d"], axis=1)]
    nodes += [node("Softmax", [piece], [f"{piece}_out"], axis=1) for piece in "acd"]
    analysis = graph(nodes, {"i": [1, 6, 5]}, ["a_out", "c_out", "d_out"], {"parts": [2, 4], "others": [1, 3]})
    x = analysis.memory.buffers[1]
    assert x.offsets == {"b": 4 * 2 * 5, "c": 4 * 2 * 5, "d": 4 * (2 + 1) * 5}


def test_pieces_across_rows_are_copies(graph: Onnx) -> None:
    nodes = [node("Split", ["i"], ["a", "b"], axis=1)]
    analysis = graph(nodes, {"i": [2, 6]}, ["a", "b"])
    assert analysis.memory.curve == [4 * 12 + 2 * (4 * 6)]


def cut_at_random(draw: random.Random) -> tuple[int, list[Any], dict[str, list[int]]]:
    """Rows of an input of four columns, nodes that cut, join and map it, and the lengths of the cuts by name."""
    rows, nodes, parts = {"i": draw.randint(4, 12)}, [], dict[str, list[int]]()
    for at in range(draw.randint(5, 14)):
        x, y = draw.choice(list(rows)[-4:]), f"t{at}"
        if draw.random() < 0.4 and rows[x] > 1:
            parts[f"parts{at}"] = first, second = [(half := draw.randint(1, rows[x] - 1)), rows[x] - half]
            nodes.append(node("Split", [x, f"parts{at}"], [y, f"{y}b"], axis=0))
            rows |= {y: first, f"{y}b": second}
        elif draw.random() < 0.4:
            other = draw.choice(list(rows))
            nodes.append(node("Concat", [x, other], [y], axis=0))
            rows[y] = rows[x] + rows[other]
        else:
            nodes.append(node(draw.choice(["Relu", "Softmax"]), [x], [y]))
            rows[y] = rows[x]
    return rows["i"], nodes, parts


@pytest.mark.slow
def test_copies_are_tried_wherever_they_could_leave_less_alive(graph: Onnx, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no piece is alive at the peak they are not tried, and would not help."""
    draw, spared, copied = random.Random(5), 0, 0
    for _ in range(200):
        rows, nodes, parts = cut_at_random(draw)
        analysis = graph(nodes, {"i": [rows, 4]}, [nodes[-1].output[0]], parts)
        found = analysis.memory
        with monkeypatch.context() as patch:
            patch.setattr(Memory, "has_slices", lambda memory, step: True)
            tried = graphcost.analyze(analysis.model).memory
        assert (found.curve, found.copied, found.buffers) == (tried.curve, tried.copied, tried.buffers)
        assert found.reorder() == tried.reorder()
        spared += bool(found.peak and found.storage.sliced and not found.has_slices(found.peak.step))
        copied += bool(found.copied)
    assert spared > 20 and copied > 20


def test_pieces_are_copies_where_that_leaves_less_alive(graph: Onnx) -> None:
    """Three parts of 16 elements; a and b are done with before c meets 64 others: 16 + 64 + 64 instead of 48 + 64 + 64.

    To copy them takes 48 + 48 at once, no more than what is alive then.
    """
    nodes = [
        node("Softmax", ["i"], ["x"]),
        node("Split", ["x", "parts"], ["a", "b", "c"], axis=0),
        node("MatMul", ["a", "b"], ["d"]),
        node("Concat", ["d", "d", "d", "d"], ["e"], axis=0),
        node("Softmax", ["e"], ["f"]),
        node("MatMul", ["f", "c"], ["y"]),
    ]
    analysis = graph(nodes, {"i": [12, 4]}, ["y"], {"parts": [4, 4, 4]})
    assert analysis.memory.curve == [
        4 * n for n in (48 + 48, 48 + 48, 48 + 16, 16 + 16 + 64, 16 + 64 + 64, 16 + 64 + 64)
    ]


def test_what_is_read_as_a_piece_is_not_written_over(graph: Onnx) -> None:
    """A Relu of half a tensor gets memory of its own: its operand is not a whole buffer."""
    nodes = [node("Split", ["i"], ["a", "b"], axis=0), node("Relu", ["a"], ["y"])]
    analysis = graph(nodes, {"i": [2, 6]}, ["y"])
    assert [buffer.tensors for buffer in analysis.memory.buffers] == [["i", "a", "b"], ["y"]]


def test_constants_are_not_activations(graph: Onnx) -> None:
    weight = helper.make_tensor("w", FLOAT, [4, 4], [0.0] * 16)
    nodes = [
        node("Constant", [], ["c"], value=weight),
        node("Transpose", ["c"], ["t"]),
        node("MatMul", ["i", "t"], ["y"]),
    ]
    analysis = graph(nodes, {"i": [4, 4]}, ["y"])
    assert analysis.memory.curve == [64, 64, 2 * 64]  # i waits for the product
    assert [buffer.tensors for buffer in analysis.memory.buffers] == [["i"], ["y"]]


def test_inputs_and_outputs_of_the_caller_cost_nothing(graph: Onnx) -> None:
    """i -> a -> b -> y: only a and b are the arena's; b is not written over the caller's i, nor y over b."""
    nodes = [node("Softmax", ["i"], ["a"]), node("Softmax", ["a"], ["b"]), node("Relu", ["b"], ["y"])]
    kept = graph(nodes, {"i": [4]}, ["y"])
    outside = graph(nodes, {"i": [4]}, ["y"], target=Target(io="caller"))
    assert kept.memory.curve == [32, 32, 16] and [b.tensors for b in kept.memory.buffers] == [["i"], ["a"], ["b", "y"]]
    assert outside.memory.curve == [16, 32, 16] and [b.tensors for b in outside.memory.buffers] == [["a"], ["b"]]


def test_the_former_name_of_a_choice_is_understood() -> None:
    assert Target(io="keep") == Target(io="arena") == Target()


def test_a_result_in_the_callers_memory_reuses_none_of_ours(graph: Onnx) -> None:
    """The Relu's result is viewed as y, which is the caller's, so a dies with it; v is i's memory, so is never reused."""
    made = [node("Softmax", ["i"], ["a"]), node("Relu", ["a"], ["r"]), node("Reshape", ["r", "s"], ["y"])]
    memory = graph(made, {"i": [4]}, ["y"], {"s": [2, 2]}, target=Target(io="caller")).memory
    assert memory.curve == [16, 16, 0] and [buffer.tensors for buffer in memory.buffers] == [["a"]]
    viewed = [node("Reshape", ["i", "s"], ["v"]), node("Relu", ["v"], ["b"]), node("Softmax", ["b"], ["y"])]
    assert graph(viewed, {"i": [4]}, ["y"], {"s": [2, 2]}, target=Target(io="caller")).memory.curve == [0, 16, 16]


def test_the_callers_input_is_not_written_over(graph: Onnx) -> None:
    nodes = [node("Relu", ["i"], ["a"]), node("Softmax", ["a"], ["y"])]
    assert graph(nodes, {"i": [4]}, ["y"]).memory.curve == [16, 32]
    assert graph(nodes, {"i": [4]}, ["y"], target=Target(io="caller")).memory.curve == [16, 16]


def test_a_layer_that_rewrites_its_input_keeps_the_buffer_though_others_read_it(net: Any) -> None:
    """Caffe's in-place ReLU is the file's decision."""
    analysis = net(DATA + layer("a", SOFTMAX, "data") + layer("r", "ReLU", "a", tops="a") + layer("b", SOFTMAX, "a"))
    assert analysis.memory.curve == [200, 100, 200]


def branch(name: str, nodes: list[Any], output: str) -> Any:
    return helper.make_graph(nodes, name, [], [value_info(output)])


def test_the_larger_branch_counts_while_an_if_runs(graph: Onnx) -> None:
    """then: x -> t -> y; else: x -> u, v -> y, two tensors at once."""
    small = branch("small", [node("Softmax", ["x"], ["t"]), node("Softmax", ["t"], ["y1"])], "y1")
    more = [node("Softmax", ["x"], ["u"]), node("Softmax", ["x"], ["v"]), node("MatMul", ["u", "v"], ["y2"])]
    large = branch("large", more, "y2")
    choose = node("If", ["flag"], ["y"], then_branch=small, else_branch=large)
    condition = [node("ReduceSum", ["x"], ["s"], keepdims=0), node("Cast", ["s"], ["flag"], to=TensorProto.BOOL)]
    analysis = graph([*condition, choose], {"x": [4, 4]}, ["y"])
    one = 4 * 16
    flag = 1
    assert analysis.memory.curve[2] == one + flag + one + 2 * one  # x, the flag, y; u and v inside
    assert analysis.memory.peak.tensors[0] == (f"{analysis.rows[2].name}/*", 2 * one)


def looped(body: list[Any], trips: list[int]) -> list[Any]:
    """A loop over a state of 16 elements that begins as x; `body` makes `out` of `state`."""
    given = [value_info("step", [], INT64), value_info("go", [], TensorProto.BOOL), value_info("state", [4, 4])]
    made = [value_info("on", [], TensorProto.BOOL), value_info("out", [4, 4])]
    graph = helper.make_graph([node("Identity", ["go"], ["on"]), *body], "body", given, made)
    once = node("Constant", [], ["n"], value=helper.make_tensor("v", INT64, [], trips))
    true = node("Constant", [], ["yes"], value=helper.make_tensor("b", TensorProto.BOOL, [], [True]))
    return [once, true, node("Loop", ["n", "yes", "x"], ["y"], name="loop", body=graph)]


@pytest.mark.parametrize("trips", [1, 7])
def test_a_loop_keeps_as_much_inside_in_every_turn(trips: int, graph: Onnx) -> None:
    """state -> a, b -> out: a and b are alive at once; the state before and after are the loop's input and output."""
    body = [node("Softmax", ["state"], ["a"]), node("Softmax", ["state"], ["b"]), node("MatMul", ["a", "b"], ["out"])]
    analysis = graph(looped(body, [trips]), {"x": [4, 4]}, ["y"])
    one = 4 * 16
    assert analysis.memory.peak.name == "loop" and analysis.memory.peak_bytes == 2 * one + 2 * one
    assert analysis.memory.peak.tensors == (("loop/*", 2 * one), ("x", one), ("y", one))


def test_what_a_body_captures_is_alive_while_it_runs(graph: Onnx) -> None:
    """k is read in the loop alone, and by name."""
    body = [node("MatMul", ["state", "k"], ["out"])]
    before = [node("Softmax", ["x"], ["k"])]
    analysis = graph(before + looped(body, [3]), {"x": [4, 4]}, ["y"])
    one = 4 * 16
    assert analysis.memory.curve[-1] == 3 * one and analysis.memory.names(analysis.memory.buffers[1], 3) == ["k"]


def test_an_open_size_inside_a_body_leaves_the_peak_unknown(graph: Onnx) -> None:
    body = [node("NonZero", ["state"], ["a"]), node("Shape", ["a"], ["b"]), node("Identity", ["state"], ["out"])]
    assert graph(looped(body, [3]), {"x": [4, 4]}, ["y"]).memory.peak is None


def test_what_a_function_keeps_inside_counts_while_it_is_called() -> None:
    """f(x) = softmax(x) @ softmax(x): two tensors inside, of as many bytes as the input and the output."""
    inside = [node("Softmax", ["a"], ["b"]), node("Softmax", ["a"], ["c"]), node("MatMul", ["b", "c"], ["d"])]
    function = helper.make_function("own", "F", ["a"], ["d"], inside, [helper.make_opsetid("", 17)])
    call = node("F", ["x"], ["y"], domain="own", name="call")
    memory = analysed(proto([call], {"x": [4, 4]}, domains=["own"], functions=[function])).memory
    assert memory.curve == [4 * 16 * (2 + 2)] and memory.peak.tensors[0] == ("call/*", 2 * 4 * 16)


def test_a_sequence_takes_what_its_items_take(graph: Onnx) -> None:
    """Pieces of 2 and 3 rows, made from 5: as many bytes again."""
    nodes = [node("SplitToSequence", ["i", "parts"], ["s"], axis=0), node("ConcatFromSequence", ["s"], ["y"], axis=0)]
    analysis = graph(nodes, {"i": [5, 4]}, ["y"], {"parts": [2, 3]})
    assert analysis.memory.curve == [2 * 4 * 20, 2 * 4 * 20]


def test_an_element_type_that_nobody_states_has_no_bytes() -> None:
    assert nbytes(Tensor((2,), "unknown")) is None and nbytes(Tensor((3,), "int4")) == 2
    assert nbytes(TensorSequence(Tensor((2,)), None)) is None and nbytes(TensorSequence(Tensor((2,)), ())) == 0


def test_a_peak_over_symbols_is_that_of_the_assumption(graph: Onnx) -> None:
    nodes = [node("Softmax", ["i"], ["y"])]
    assert graph(nodes, {"i": ["N", 3]}, ["y"]).memory.peak_bytes == 2 * 4 * 3  # N = 1
    assert graph(nodes, {"i": ["N", 3]}, ["y"], dims={"N": 8}).memory.peak_bytes == 2 * 4 * 8 * 3


def test_an_open_size_leaves_the_peak_unknown(graph: Onnx) -> None:
    nodes = [node("NonZero", ["i"], ["y"])]
    memory = graph(nodes, {"i": [4, 3]}, ["y"]).memory
    assert memory.peak is None and memory.peak_bytes is None
