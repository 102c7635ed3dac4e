"""Control flow, sequences and optionals, each trap as a graph of a few lines; some against onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import parser

from graphcost import Analysis, ModelError, Tensor
from graphcost.dims import Dim, minimum, symbol
from graphcost.graph import TensorSequence, Unranked
from graphcost.ops.abstract import join, sequence_of
from graphcost.passes import infer
from graphcost.rules import data_dependent
from harness import onnx_text as text
from harness import run


def shape(analysis: Analysis, name: str = "y") -> tuple[Any, ...]:
    return tuple(analysis.tensors[name].shape)


# --- If ---------------------------------------------------------------------------------------------------------------

BRANCHES = """
g (bool c, float[4, 8] x, float[8, 3] w, float[8, 5] v) => (float[] y) {
    y = If (c) <then_branch = t () => (float[] a) { a = MatMul(x, w) },
                else_branch = e () => (float[] b) { b = MatMul(x, v) }>
}
"""


def test_a_branch_that_data_chooses_costs_what_the_more_expensive_does():
    analysis = run(BRANCHES)
    assert analysis.work.macs == 4 * 5 * 8  # else_branch
    assert shape(analysis) == (4, symbol("y_1", lower=0))
    assert analysis["If_0"].why == "data decides; counted: else_branch, the more expensive"
    assert [(row.name, row.trip_count) for row in analysis.rows[1:]] == [
        ("If_0/else_branch/MatMul_0", 1),
        ("If_0/then_branch/MatMul_0", 0),
    ]


@pytest.mark.parametrize(("condition", "columns"), [(1, 3), (0, 5)])
def test_a_known_condition_runs_its_branch_alone(condition: int, columns: int):
    graph = BRANCHES.replace("bool c, ", "").replace("{\n    y", f"{{ c = Constant <value = bool {{{condition}}}> () y")
    analysis = run(graph)
    assert shape(analysis) == (4, columns)
    assert analysis.work.macs == 4 * columns * 8
    assert analysis["If_1"].why == ""


def test_branches_of_different_rank_leave_the_rank_open():
    graph = """
    g (bool c, float[1, 8] x) => (float[] y) {
        y = If (c) <then_branch = t () => (float[] a) { k = Constant <value_ints = [0]> () a = Squeeze(x, k) },
                    else_branch = e () => (float[] b) { b = Identity(x) }>
    }
    """
    assert not run(graph).tensors["y"].ranked


def test_a_branch_that_contradicts_itself_is_never_taken():
    """Exporters write `if the axis is 1: squeeze it`; where it is not, only the other branch can run."""
    graph = """
    g (bool c, float[3, 8] x) => (float[] y) {
        y = If (c) <then_branch = t () => (float[] a) { k = Constant <value_ints = [0]> () a = Squeeze(x, k) },
                    else_branch = e () => (float[] b) { b = Identity(x) }>
    }
    """
    analysis = run(graph)
    assert shape(analysis) == (3, 8)
    assert "then_branch contradicts" in analysis["If_0"].why


def test_when_no_branch_can_run_the_model_is_refused():
    graph = BRANCHES.replace("MatMul(x, w)", "MatMul(x, x)").replace("MatMul(x, v)", "MatMul(w, v)")
    with pytest.raises(ModelError, match="contracted dimensions differ: 8 and 4"):
        run(graph)


def test_a_weight_behind_a_branch_is_counted():
    graph = """
    g (bool c, float[4, 2] x) => (float[] y) <float[2, 2] w = {1, 2, 3, 4}> {
        k = If (c) <then_branch = t () => (float[] a) { a = Identity(w) },
                    else_branch = e () => (float[] b) { b = Identity(w) }>
        y = MatMul(x, k)
    }
    """
    assert run(graph).parameters.total == 2 * 2


# --- Loop -------------------------------------------------------------------------------------------------------------


def loop(body: str, limit: str = "int64 {5}", extra: str = "") -> str:
    """A loop that carries x; its body and its trip count are given as text, "" leaves the count out."""
    count, m = (f"m = Constant <value = {limit}> ()", "m") if limit else ("", "")
    return f"""
    g (float[2, 3] x{extra}) => (float[] y, float[] z) {{
        {count} y, z = Loop ({m}, , x) <body = b
            (int64 i, bool c, float[] s) => (bool d, float[] t, float[] u) {{ {body} }}>
    }}
    """


GOES_ON = "d = Identity(c) "


def test_a_loop_costs_its_body_times_its_trip_count():
    analysis = run(loop(GOES_ON + "t = Relu(s) u = Identity(s)"))
    assert analysis.work.compares == 5 * (2 * 3)
    assert shape(analysis) == (2, 3)
    assert shape(analysis, "z") == (5, 2, 3)
    assert analysis["Loop_1/body/Relu_1"].trip_count == 5
    assert analysis.complete


def test_a_tensor_that_grows_in_few_steps_is_followed():
    """x doubles: 2, 4, ..., 64 rows; every step reads what the last one made: 2 + 4 + ... + 32 rows."""
    analysis = run(loop(GOES_ON + "t = Concat <axis = 0> (s, s) r = Relu(s) u = ReduceSum <keepdims = 0> (r)"))
    assert shape(analysis) == (2 * 2**5, 3)
    assert shape(analysis, "z") == (5,)
    assert analysis["Loop_1/body/Relu_2"].work.compares == (2 + 4 + 8 + 16 + 32) * 3


def test_a_tensor_that_each_step_lengthens_is_known_after_many():
    analysis = run(loop(GOES_ON + "t = Concat <axis = 0> (s, x) u = Identity(x)", "int64 {1000}"))
    assert shape(analysis) == (2 + 1000 * 2, 3)
    assert shape(analysis, "z") == (1000, 2, 3)


def test_a_trip_count_taken_from_a_shape_stays_a_formula():
    graph = """
    g (float[N, 3] x, float[4] s0) => (float[] y, float[] z) {
        m0 = Shape <start = 0, end = 1> (x)
        k = Constant <value_ints = [0]> ()
        m = Squeeze(m0, k)
        y, z = Loop (m, , s0) <body = b (int64 i, bool c, float[] s) => (bool d, float[] t, float[] u) {
            d = Identity(c) t = Relu(s) u = Gather(x, i)
        }>
    }
    """
    analysis = run(graph)
    assert shape(analysis, "z") == (symbol("N"), 3)
    assert analysis.work.compares == symbol("N") * 4


def test_a_trip_count_that_data_gives_has_a_name_that_can_be_bound():
    graph = loop(GOES_ON + "t = Relu(s) u = Identity(s)", limit="", extra=", int64 m").replace("Loop (, ", "Loop (m, ")
    open_loop = run(graph)
    assert shape(open_loop, "z") == (symbol("z_0", lower=0), 2, 3)
    assert open_loop.work.compares == symbol("z_0", lower=0) * 2 * 3
    assert shape(run(graph, dims={"z_0": 7}), "z") == (7, 2, 3)


def test_a_loop_that_data_may_end_costs_at_most_its_trip_count():
    body = "n = ReduceSum <keepdims = 0> (s) zero = Constant <value = float {0}> () d = Greater(n, zero) "
    analysis = run(loop(body + "t = Relu(s) u = Identity(s)"))
    assert shape(analysis) == (2, 3)
    assert shape(analysis, "z") == (symbol("z_0", lower=0), 2, 3)
    assert analysis["Loop_1/body/Relu_3"].work.compares == 5 * (2 * 3)
    assert analysis["Loop_1"].why == "its condition may end it before the trip count that is counted"


def test_a_loop_without_a_trip_count_runs_until_its_condition_ends_it():
    """`while i < 3` over the step itself: the body runs for i = 0, 1, 2 and 3."""
    body = "three = Constant <value = int64 {3}> () d = Less(i, three) t = Relu(s) u = Identity(s)"
    analysis = run(loop(body, limit=""))
    assert shape(analysis, "z") == (4, 2, 3)
    assert analysis["Loop_0/body/Relu_2"].work.compares == 4 * (2 * 3)


@pytest.mark.parametrize("limit", ["int64 {9223372036854775807}", "int64 {500}"])
def test_a_loop_that_a_counter_ends_runs_until_it_does(limit: str):
    """`while k < 100`, k = 0, 2, 4, ..: the counter is carried, as TensorFlow writes loops; 50 steps of it, and 100."""
    graph = f"""
    g (float[2, 3] x) => (int64 n, float[] y, float[] z) {{
        zero = Constant <value = int64 {{0}}> () m = Constant <value = {limit}> ()
        n, y, z = Loop (m, , zero, x) <body = b
            (int64 i, bool c, int64 k, float[] s) => (bool d, int64 next, float[] t, float[] u) {{
                by = Constant <value = int64 {{BY}}> () end = Constant <value = int64 {{100}}> ()
                next = Add(k, by) d = Less(next, end) t = Relu(s) u = Identity(s)
            }}>
    }}
    """
    for by, steps in ((2, 50), (1, 100)):
        analysis = run(graph.replace("BY", str(by)))
        assert shape(analysis) == (2, 3)
        assert shape(analysis, "z") == (steps, 2, 3)
        assert analysis.work.compares == steps * (2 * 3 + 1)
        assert analysis.complete and not analysis.warnings


def test_a_counter_that_ends_a_loop_too_late_leaves_its_trip_count_open():
    body = "far = Constant <value = int64 {1000000}> () d = Less(i, far) t = Relu(s) u = Identity(s)"
    analysis = run(loop(body, limit=""))
    assert shape(analysis, "z") == (symbol("z_0", lower=0), 2, 3)


@pytest.mark.parametrize("limit", ["int64 {0}", "int64 {-1}"])
def test_a_loop_of_no_steps_hands_its_state_on(limit: str):
    analysis = run(loop(GOES_ON + "t = Concat <axis = 0> (s, s) u = Identity(s)", limit))
    assert shape(analysis) == (2, 3)
    assert shape(analysis, "z") == (0, 2, 3)
    assert analysis.work.ops == 0


def test_the_largest_integer_is_no_trip_count():
    analysis = run(loop("d = Not(c) t = Relu(s) u = Identity(s)", "int64 {9223372036854775807}"))
    assert shape(analysis, "z") == (1, 2, 3)


def test_the_step_is_a_vector_where_the_body_says_so():
    body = GOES_ON + "t = Slice(s, i, i) u = Identity(i)"
    graph = loop(body, "int64 {3}").replace("int64 i,", "int64[1] i,").replace("float[] u)", "int64[] u)")
    assert shape(run(graph), "z") == (3, 1)


def data_ended(body: str, **options: Any) -> Analysis:
    """A loop that carries s and runs as often as data says, over six rows of three."""
    graph = f"""
    g (int64 m, bool c0, float[1, 3] x, float[6, 3] rows) => (float[] y, float[] z) {{
        y, z = Loop (m, c0, x) <body = b (int64 i, bool c, float[] s) => (bool d, float[] t, float[] u) {{
            d = Identity(c) one = Constant <value = int64 {{1}}> () zero = Constant <value_ints = [0]> ()
            after = Add(i, one) from = Unsqueeze(i, zero) to = Unsqueeze(after, zero) {body}
        }}>
    }}
    """
    return run(graph, **options)


def test_a_slice_that_each_step_takes_one_further_on_is_one_row_of_any_step():
    """rows[i : i + 1], as a recurrence that is written as a loop reads its inputs."""
    analysis = data_ended("row = Slice(rows, from, to, zero) t = Add(s, row) u = Relu(row)")
    assert shape(analysis) == (1, 3)
    assert shape(analysis, "z") == (symbol("z_0", lower=0), 1, 3)


def test_what_grows_with_the_number_of_the_step_has_no_extent_that_is_known_outside():
    """rows[0 : i + 1] is another extent in each step, and none of them the number of steps."""
    analysis = data_ended("t = Slice(rows, zero, to, zero) u = ReduceSum <keepdims = 0> (t)")
    assert shape(analysis) == (symbol("y_0", lower=0), 3)
    assert shape(analysis, "z") == (symbol("z_0", lower=0),)


def test_what_a_step_costs_may_depend_on_its_number_which_can_be_given():
    """Two products of a row and the rows up to the step's: 2 * 3 * (i + 1) in step i, of six rows at most."""
    body = "seen = Slice(rows, zero, to, zero) turned = Transpose(seen) p = MatMul(s, turned) t = MatMul(p, seen) "
    analysis = data_ended(body + "u = Identity(p)")
    steps, number = symbol("Loop_0_times", lower=0), symbol("i_step", lower=0)
    assert analysis.total("macs") == steps * (2 * 3 * minimum(6, number + 1))
    given = data_ended(body + "u = Identity(p)", dims={"Loop_0_times": 10, "i_step": 2})
    given.check_dims()
    assert given.total("macs") == 10 * (2 * 3 * (2 + 1))


def test_how_often_a_loop_runs_is_no_extent_of_what_its_steps_add():
    """Elements that are not zero, stacked as often as data says: two numbers."""
    analysis = data_ended("t = Identity(s) u = Slice(rows, zero, to, zero)")
    steps, rows, columns = shape(analysis, "z")
    assert (str(steps), columns) == ("z_0", 3)
    assert str(rows) not in ("z_0", "3")


@pytest.mark.slow
def test_loops_in_loops_end_in_bounded_time(monkeypatch: pytest.MonkeyPatch):
    """Each level follows its growing tensor through 64 steps: 64**6 runs of the innermost, if nothing stopped it."""
    monkeypatch.setattr(infer, "MAX_STEPS", 20_000)
    inner = "t = Concat <axis = 0> (s, x)"
    for level in range(6):
        inner = (
            f"n{level} = Constant <value = int64 {{64}}> () "
            f"t = Loop (n{level}, , s) <body = b{level} (int64 i{level}, bool c{level}, float[] s) => "
            f"(bool d{level}, float[] t) {{ d{level} = Identity(c{level}) {inner} }}>"
        )
    analysis = run(f"g (float[1, 3] x, float[1, 3] s) => (float[] t) {{ {inner} }}")
    assert analysis["Loop_1"].why == "more than 20,000 operators in loops and functions"


# --- Scan -------------------------------------------------------------------------------------------------------------


def test_a_scan_runs_as_often_as_its_sequence_is_long():
    graph = """
    g (float[4] h, float[N, 4] xs) => (float[] y, float[] z) {
        y, z = Scan <num_scan_inputs = 1, body = b (float[4] s, float[4] x) => (float[4] t, float[4] u) {
            t = Add(s, x) u = Relu(t)
        }> (h, xs)
    }
    """
    analysis = run(graph)
    assert shape(analysis) == (4,)
    assert shape(analysis, "z") == (symbol("N"), 4)
    assert analysis.work.adds == symbol("N") * 4


def test_a_scan_slices_and_stacks_along_the_axes_it_names():
    graph = """
    g (float[4] h, float[4, 7] xs) => (float[] y, float[] z) {
        y, z = Scan <num_scan_inputs = 1, scan_input_axes = [1], scan_output_axes = [-1],
                     body = b (float[4] s, float[4] x) => (float[4] t, float[4] u) {
                         t = Add(s, x) u = Relu(t)
                     }> (h, xs)
    }
    """
    assert shape(run(graph), "z") == (4, 7)


def test_the_first_scan_runs_each_member_of_a_batch_alone():
    graph = """
    g (float[2, 4] h, float[2, 7, 4] xs) => (float[] y, float[] z) {
        y, z = Scan <num_scan_inputs = 1, body = b (float[4] s, float[4] x) => (float[4] t, float[4] u) {
            t = Add(s, x) u = Relu(t)
        }> (, h, xs)
    }
    """
    analysis = run(graph, opset=8)
    assert shape(analysis) == (2, 4)
    assert shape(analysis, "z") == (2, 7, 4)
    assert analysis.work.adds == (2 * 7) * 4


def test_sequences_of_different_lengths_are_a_contradiction():
    graph = """
    g (float[4, 3] a, float[5, 3] b) => (float[] z) {
        z = Scan <num_scan_inputs = 2, body = s (float[3] p, float[3] q) => (float[3] r) { r = Add(p, q) }> (a, b)
    }
    """
    with pytest.raises(ModelError, match=r"sequences of different lengths: \[4, 5\]"):
        run(graph)


# --- what two runs share ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (Tensor((2, 3)), Tensor((2, 3)), Tensor((2, 3))),
        (Tensor((2, 3)), Tensor((2, 4)), Tensor((2, data_dependent(1)))),
        (Tensor((2, 3)), Tensor((2,)), Unranked("float32")),
        (Tensor((2,), "int64", (4, 5)), Tensor((2,), "int64", (4, 6)), Tensor((2,), "int64", (4, None))),
        (sequence_of([Tensor((1,))]), sequence_of([]), TensorSequence(Tensor((1,)))),
    ],
)
def test_what_is_known_of_one_of_two_tensors_is_what_they_share(a: Tensor, b: Tensor, expected: Tensor):
    assert join(a, b) == expected


def test_bodies_under_many_sizes_agree_with_onnxruntime():
    """A loop that appends rows, at several sizes of its input: our formula against what was run."""
    graph = """
    g (float[N, 3] x) => (float[R, 3] y, float[S, N, 3] z) {
        m = Constant <value = int64 {4}> ()
        t = Constant <value = bool {1}> ()
        y, z = Loop (m, t, x) <body = b (int64 i, bool c, float[A, 3] s) => (bool d, float[B, 3] t1, float[N, 3] u) {
            d = Identity(c) t1 = Concat <axis = 0> (s, x) u = Relu(x)
        }>
    }
    """
    analysis = run(graph)
    rows = shape(analysis)[0]
    assert rows == Dim("5*N")
    session = onnxruntime.InferenceSession(parser.parse_model(text(graph)).SerializeToString())
    for size in (1, 2, 7):
        y, z = session.run(None, {"x": np.zeros((size, 3), np.float32)})
        assert y.shape == (5 * size, 3)
        assert z.shape == shape(run(graph, dims={"N": size}), "z")
