"""Bytes read and written: by hand on networks of a few lines, and that fusion never moves more."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphcost import Analysis
from graphcost.passes import fusion, traffic
from graphcost.passes.traffic import Traffic
from graphcost.target import Target
from harness import run_weighted

FUSE = Target(fuse=True)
F32 = 4  # bytes


def run(graph: str, target: Target = FUSE, **options: Any) -> Analysis:
    return run_weighted(graph, target=target, **options)


def moved(analysis: Analysis) -> dict[str, tuple[Any, Any]]:
    """Bytes read and written by the operator that makes each tensor."""
    rows = zip(analysis.rows, analysis.traffic.rows, strict=True)
    return {row.op.outputs[0]: (each.reads, each.writes) for row, each in rows}


def fused(analysis: Analysis) -> dict[str, str]:
    """For the output of each fused operator, that of the operator it is fused into."""
    rows = analysis.rows
    return {
        row.op.outputs[0]: rows[each.fused_into].op.outputs[0]
        for row, each in zip(rows, analysis.traffic.rows, strict=True)
        if each.fused_into is not None
    }


# --- operators by themselves ------------------------------------------------------------------------------------------

AS_IT_IS = Target()


def test_an_operator_reads_inputs_and_weights_and_writes_outputs() -> None:
    net = run(
        """g (float[1,3,8,8] x, float[4,3,3,3] w, float[4] wb) => (float[1,4,6,6] y) {
        y = Conv(x, w, wb) }""",
        AS_IT_IS,
    )
    assert moved(net)["y"] == (F32 * (3 * 8 * 8 + 4 * 3 * 3 * 3 + 4), F32 * (4 * 6 * 6))
    assert (net.traffic.reads, net.traffic.writes) == moved(net)["y"] and net.traffic.complete


@pytest.mark.parametrize(
    ("node", "reads", "writes"),
    [
        ("y = Add(x, x)", F32 * 40, F32 * 40),  # the same tensor twice is read once
        ("y = Reshape(x, ten)", 0, 0),  # a view
        ("y, z = Split<axis = 0, num_outputs = 2>(x)", 0, 0),  # unbroken pieces
        ("y, z = Split<axis = 1, num_outputs = 2>(x)", F32 * 40, F32 * 40),
        ("y = Slice(x, one, four, one)", F32 * 4 * 3 + 2 * 8, F32 * 4 * 3),  # columns 1 to 3, as two tensors say
        ("y = Gather(x, i)", F32 * 2 * 10 + 2 * 8, F32 * 2 * 10),
        ("y = Gather(x, m)", F32 * 4 * 10 + 9 * 8, F32 * 9 * 10),  # no row is read twice
        ("y = Shape(x)", 0, 8 * 2),
        ("y = Transpose(x)", F32 * 40, F32 * 40),
        ("y = Cast<to = 3>(x)", F32 * 40, 40),
    ],
)
def test_what_an_operator_needs_less_than_all_of_is_read_in_part(node: str, reads: int, writes: int) -> None:
    net = run(
        f"""g (float[4,10] x, int64[2] i, int64[9] m) => (float[a,b] y)
        <int64[1] one = {{1}}, int64[1] four = {{4}}, int64[2] ten = {{10, 4}}> {{ {node} }}""",
        AS_IT_IS,
    )
    assert moved(net)["y"] == (reads, writes)


@pytest.mark.parametrize(("size", "read"), [(4, 4 * 4), (16, 8 * 8)])
def test_a_nearest_resize_reads_what_it_copies_and_that_once(size: int, read: int) -> None:
    net = run(
        f"""g (float[1,1,8,8] x) => (float[1,1,h,v] y) <int64[4] s = {{1, 1, {size}, {size}}}> {{
        y = Resize<mode = "nearest">(x, , , s) }}""",
        AS_IT_IS,
    )
    assert moved(net)["y"] == (F32 * read + 8 * 4, F32 * size * size)


@pytest.mark.parametrize(
    ("window", "read"),
    [
        ("kernel_shape = [1, 1], strides = [2, 2]", 4 * 4),
        ("kernel_shape = [2, 1], strides = [2, 3]", 8 * 3),
        ("kernel_shape = [3, 3], strides = [2, 2]", 8 * 8),
        ('kernel_shape = [1, 1], strides = [3, 3], auto_pad = "SAME_UPPER"', 3 * 3),
    ],
)
def test_what_strides_step_over_is_not_read(window: str, read: int) -> None:
    net = run(f"g (float[1,5,8,8] x) => (float[a,b,c,d] y) {{ y = MaxPool<{window}>(x) }}", AS_IT_IS)
    assert moved(net)["y"][0] == F32 * 5 * read


def test_operators_on_constants_run_before_the_model_and_move_nothing() -> None:
    net = run("g (float[2,3] x, float[4,3] w) => (float[2,4] y) { t = Transpose(w)  y = MatMul(x, t) }", AS_IT_IS)
    assert moved(net) == {"t": (0, 0), "y": (F32 * (2 * 3 + 3 * 4), F32 * (2 * 4))}


def test_a_loop_moves_what_its_body_moves_each_time() -> None:
    net = run(
        """g (float[8] x) => (float[8] y) <int64 n = {5}, bool c = {1}> {
        y = Loop(n, c, x) <body = b (int64 i, bool keep, float[8] s) => (bool keep, float[8] t) { t = Abs(s) }> }""",
        AS_IT_IS,
    )
    assert moved(net) == {"y": (0, 0), "t": (5 * F32 * 8, 5 * F32 * 8)}


COPIED = """g (float[12,4] x) => (float[16,4] y) {
    s = Softmax(x)  a, b, c = Split<axis = 0, num_outputs = 3>(s)  d = MatMul(a, b)  e = Concat<axis = 0>(d, d, d, d)
    f = Softmax(e)  r = Relu(c)  y = MatMul(f, r) }"""


def test_pieces_move_where_it_takes_less_memory_to_copy_them() -> None:
    """c is needed when a and b no longer are: to keep all of s for it takes more at the peak than a copy of each part.

    No such copy has to be made, so the least that a device moves has none.
    """
    net = run(COPIED, AS_IT_IS)
    assert [op.outputs[0] for op in net.memory.copied] == ["a"]
    assert moved(net)["a"] == (F32 * 48, F32 * 48) and moved(net)["r"] == (F32 * 16, F32 * 16)
    split = next(at for at, row in enumerate(net.rows) if row.op.outputs[0] == "a")
    assert net.fused_traffic.rows[split].nbytes == 0
    assert moved(run(COPIED))["a"] == (F32 * 48, F32 * 48) and fused(run(COPIED)) == {"r": "a"}


def test_pieces_that_lie_inside_their_tensor_move_nothing() -> None:
    net = run(
        "g (float[2,6] x) => (float[1,6] y) { a, b = Split<axis = 0, num_outputs = 2>(x)  y = Add(a, b) }", AS_IT_IS
    )
    assert moved(net) == {"a": (0, 0), "y": (F32 * 12, F32 * 6)}


def test_what_a_row_without_a_rule_moves_is_not_known_and_totals_are_lower_bounds() -> None:
    net = run("g (float[8] x) => (float[8] y) { t = Abs(x)  y = com.acme.Warp(t) }", AS_IT_IS)
    assert moved(net) == {"t": (F32 * 8, F32 * 8), "y": (None, None)}
    assert (net.traffic.nbytes, net.traffic.complete) == (2 * F32 * 8, False)
    assert net.intensity == [1 / 8, None] and net.mean_intensity is None


def test_open_sizes_give_formulas() -> None:
    net = run("g (float[N,3] x, float[3,4] w) => (float[N,4] y) { y = MatMul(x, w) }", AS_IT_IS)
    assert [str(extent) for extent in moved(net)["y"]] == ["12*N + 48", "16*N"]
    assert net.intensity == [2 * 3 * 4 / (12 + 48 + 16)]  # of N = 1, as a report assumes


def test_four_bit_weights_are_read_packed() -> None:
    net = run(
        """g (float[1,6] x, float[4] ws, float[6,4] w) => (float[1,4] y) {
        y = MatMul(x, w) }""",
        AS_IT_IS,
    )
    assert moved(net)["y"][0] == F32 * (6 + 24)
    packed = run(
        """g (float[1,6] x, float wscale, int4[6,4] w) => (float[1,4] y) {
        v = DequantizeLinear(w, wscale)  y = MatMul(x, v) }"""
    )
    assert moved(packed)["y"][0] == F32 * 6 + 6 * 4 // 2 + F32


def test_what_a_loop_of_growing_tensors_moves_is_not_known_and_no_total_hides_it() -> None:
    net = run(
        """net (float[2, 3] x) => (float[a, b] y) {
        n = Constant<value_int = 3> ()
        y = Loop(n, , x) <body = b (int64 i, bool c, float[p, q] v) => (bool d, float[r, s] u) {
          d = Identity(c) u = Concat<axis = 0>(v, v) }> }""",
        AS_IT_IS,
    )
    assert net.complete and net.tensors["y"].shape == (2 * 2**3, 3)
    assert not net.traffic.complete and net.total("reads") is None and net.total("writes") is None
    table = net.report(columns=["name", "reads", "count"]).table
    assert table.rows[-1][1] == "?" and table.total == ("total", ">= 0 B", "3")


# --- fused -----------------------------------------------------------------------------------------------------------

CONV = "g (float[1,3,8,8] x, float[4,3,3,3] w, float[4] ws, float[1,4,1,1] wc) => (float[1,4,6,6] y)"
ALONE = (F32 * (3 * 64 + 108), F32 * 144)


@pytest.mark.parametrize(
    ("after", "constants"),
    [
        ("y = Relu(a)", 0),
        ("y = BatchNormalization(a, ws, ws, ws, ws)", 4),
        ("y = Mul(a, wc)", 4),
        ("y = Add(wc, a)", 4),
        ("b = BatchNormalization(a, ws, ws, ws, ws)  c = Mul(b, wc)  y = LeakyRelu(c)", 4 + 4),
        ("b = Identity(a)  y = Relu(b)", 0),
    ],
)
def test_elementwise_operators_are_fused_into_the_one_that_feeds_them(after: str, constants: int) -> None:
    net = run(f"{CONV} {{ a = Conv(x, w)  {after} }}")
    assert moved(net)["a"] == (ALONE[0] + F32 * constants, ALONE[1])
    assert net.traffic.nbytes == sum(moved(net)["a"])
    assert set(fused(net).values()) == {"a"}


@pytest.mark.parametrize(
    "after",
    [
        "b = Relu(a)  y = Add(a, b)",  # a is read twice
        "y = Softmax(a)",  # not elementwise
        "y = MaxPool<kernel_shape = [1, 1]>(a)",
        "b = Conv(x, w)  y = Add(a, b)",  # two activations
    ],
)
def test_what_others_read_or_what_needs_more_than_its_element_is_not_fused(after: str) -> None:
    net = run(f"{CONV} {{ a = Conv(x, w)  {after} }}")
    assert "y" not in fused(net)


def test_an_output_of_the_model_is_written_even_when_it_could_be_fused_away() -> None:
    net = run(
        "g (float[1,3,8,8] x, float[4,3,3,3] w) => (float[1,4,6,6] a, float[1,4,6,6] y) { a = Conv(x, w)  y = Relu(a) }"
    )
    assert not fused(net) and moved(net)["y"] == (ALONE[1], ALONE[1])


def test_elementwise_operators_are_fused_into_the_first_of_them_where_it_has_no_producer() -> None:
    net = run("g (float[4, 5] x) => (float[4, 5] y) { a = Relu(x)  b = Sigmoid(a)  y = Tanh(b) }")
    assert fused(net) == {"b": "a", "y": "a"}


def test_a_residual_addition_is_fused_where_joins_are() -> None:
    net = run(f"{CONV} {{ b = Conv(x, w)  a = Conv(x, w)  c = Add(b, a)  y = Relu(c) }}")
    assert fused(net) == {"y": "c"}
    joined = traffic.count(net.rows, fusion.fuse(net.model, net.rows, joins=True))
    assert [each.fused_into for each in joined.rows] == [None, None, 1, 1]
    assert joined.rows[1].reads == ALONE[0] + ALONE[1]  # and the other branch


QDQ = """g (float[1,3,8,8] x, int8[4,3,3,3] w, float ws) => (float[1,4,6,6] y) {
    xq = QuantizeLinear<output_dtype = 3>(x, ws)  xf = DequantizeLinear(xq, ws)  wf = DequantizeLinear(w, ws)
    a = Conv(xf, wf)  b = Relu(a)  bq = QuantizeLinear<output_dtype = 3>(b, ws)  bf = DequantizeLinear(bq, ws)
    y = Softmax(bf) }"""


def test_a_convolution_between_quantised_tensors_reads_and_writes_eight_bits() -> None:
    net = run(QDQ)
    assert moved(net)["a"] == (3 * 64 + (108 + F32) + F32, 144)  # the weight with its scale, and that of the tensors
    assert moved(net)["xq"] == (F32 * (3 * 64) + F32, 3 * 64)
    assert moved(net)["y"] == (144 + F32, F32 * 144)
    assert fused(net) == {"xf": "a", "b": "a", "bq": "a", "bf": "y"}
    at = [row.op.outputs[0] for row in net.rows].index("a")
    assert net.traffic.rows[at].dtype == "int8"


def test_a_quantised_network_moves_fewer_bytes_than_the_float_one_only_when_folded() -> None:
    floats = (
        "g (float[1,3,8,8] x, float[4,3,3,3] w) => (float[1,4,6,6] y) { a = Conv(x, w)  b = Relu(a)  y = Softmax(b) }"
    )
    for target, fewer in ((FUSE, True), (AS_IT_IS, False)):
        assert (run(QDQ, target).traffic.nbytes < run(floats, target).traffic.nbytes) == fewer  # type: ignore[operator]


def test_a_widened_tensor_that_the_model_puts_out_is_written_wide() -> None:
    net = run("g (uint8[8] x, float ws) => (float[8] y) { a = DequantizeLinear(x, ws)  y = Identity(a) }")
    assert moved(net)["a"] == (8 + F32, F32 * 8)


def test_widening_passes_through_views_to_every_reader() -> None:
    net = run(
        """g (uint8[4,8] x, float ws, float[8,2] w) => (float[4,2] y, float[4,2] z) {
        a = DequantizeLinear(x, ws)  b = Identity(a)  y = MatMul(a, w)  z = MatMul(b, w) }"""
    )
    assert moved(net)["y"] == moved(net)["z"] == (4 * 8 + F32 + F32 * 16, F32 * 8)
    assert fused(net) == {"a": "z"} or fused(net) == {"a": "y"}


def test_operators_of_a_body_are_fused_among_themselves() -> None:
    net = run(
        """g (float[8] x) => (float[8] y) <int64 n = {5}, bool c = {1}> {
        y = Loop(n, c, x) <body = b (int64 i, bool keep, float[8] s) => (bool keep, float[8] u) {
            t = Softmax(s)  u = Abs(t) }> }"""
    )
    assert moved(net) == {"y": (0, 0), "t": (5 * F32 * 8, 5 * F32 * 8), "u": (0, 0)}


def test_caffe_layers_in_place_are_fused(net: Any) -> None:
    found = net(
        """layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 dim: 4 dim: 4 } } }
        layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
                convolution_param { num_output: 3 kernel_size: 1 bias_term: false } }
        layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "conv" }
        layer { name: "scale" type: "Scale" bottom: "conv" top: "conv" scale_param { bias_term: true } }
        layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }""",
        target=FUSE,
    )
    assert found.traffic.reads == F32 * (2 * 16 + 3 * 2 + (3 + 3 + 1) + (3 + 3))
    assert found.traffic.writes == F32 * 3 * 16


def test_a_report_says_that_operators_are_fused() -> None:
    graph = f"{CONV} {{ a = Conv(x, w)  y = Relu(a) }}"
    assert run(graph).report().assumptions == "bytes read and written with operators fused"
    assert run(graph, AS_IT_IS).report().assumptions == ""


def test_json_says_what_each_layer_moves_and_what_it_is_fused_into() -> None:
    conv, relu = run(f"{CONV} {{ a = Conv(x, w)  y = Relu(a) }}").to_dict()["layers"]
    assert (conv["reads"], conv["writes"], conv["fused_into"]) == (*ALONE, None)
    assert (relu["reads"], relu["writes"], relu["intensity"], relu["fused_into"]) == (0, 0, None, conv["name"])
    assert [layer["folded_into"] for layer in (conv, relu)] == [None, conv["name"]]  # the key's name before


def test_the_intensity_of_a_row_is_of_what_is_fused_into_it_too() -> None:
    net = run(f"{CONV} {{ a = Conv(x, w)  y = Relu(a) }}")
    assert net.intensity == [(2 * 144 * 27 + 144) / sum(ALONE), None]
    assert net.mean_intensity == net.intensity[0]


# --- random networks --------------------------------------------------------------------------------------------------

UNARY = {
    "Relu({0})": True,
    "Softmax({0})": False,
    "Transpose<perm = [1, 0]>({0})": False,
    "Identity({0})": False,
    "Mul({0}, w)": True,
    "DequantizeLinear(q_{1}, ws)": True,
}


@st.composite
def graphs(draw: st.DrawFn) -> str:
    """Nodes on tensors of one shape; some are quantised and widened again, some are put out."""
    nodes, made = [], ["x"]
    for number in range(draw(st.integers(1, 10))):
        source = draw(st.sampled_from(made))
        kind = draw(st.sampled_from([*UNARY, "Add"]))
        name = f"t{number}"
        if kind == "Add":
            nodes.append(f"{name} = Add({source}, {draw(st.sampled_from(made))})")
        else:
            if "q_" in kind:
                nodes.append(f"q_{name} = QuantizeLinear({source}, ws)")
            nodes.append(f"{name} = {kind.format(source, name)}")
        made.append(name)
    outputs = draw(st.lists(st.sampled_from(made[1:]), min_size=1, max_size=3, unique=True))
    declared = ", ".join(f"float[6,6] {name}" for name in outputs)
    return f"g (float[6,6] x, float[6,6] w, float ws) => ({declared}) {{ {'  '.join(nodes)} }}"


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(graphs())
def test_fusion_never_moves_more_and_what_is_fused_moves_nothing(graph: str) -> None:
    net = run(graph, AS_IT_IS)
    ways: list[Traffic] = [
        traffic.count(net.rows, fused)
        for fused in (None, *(fusion.fuse(net.model, net.rows, joins=joins) for joins in (False, True)))
    ]
    alone, fused, joined = (way.nbytes for way in ways)
    assert joined <= fused <= alone
    for way in ways:
        assert way.complete
        for at, row in enumerate(way.rows):
            assert row.fused_into != at
            if row.fused_into is not None:
                assert row.nbytes == 0 and way.rows[row.fused_into].fused_into is None
    written = sum(net.tensors[name].nbytes for name in net.model.outputs)
    if not any(row.facts is not None and row.facts.is_view for row in net.rows):
        assert joined >= written  # type: ignore[operator]
