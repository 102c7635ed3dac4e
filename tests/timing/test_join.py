"""A runtime's operators -> rows: by name, by tensor, by what is between; what is of no row is listed."""

from __future__ import annotations

import pytest

from graphcost import Analysis
from graphcost.passes.timing import Ran, Timing
from graphcost.timing.join import RuntimeOp, join
from graphcost.timing.names import Names
from harness import run_weighted

NET = """g (float[1,4,8,8] x, float[4,4,1,1] w, float[4] wb) => (float[1,4,8,8] y)
    { [conv1] a = Conv(x, w)  [act] b = Relu(a)  [conv2] c = Conv(b, w)  [sum] d = Add(c, b)  [last] y = Sigmoid(d) }"""


def op(name: str, kind: str = "", inputs: str = "", outputs: str = "", seconds: float = 1.0) -> RuntimeOp:
    return RuntimeOp(Ran(name, kind, seconds), tuple(inputs.split()), tuple(outputs.split()))


def joined(net: Analysis, *ops: RuntimeOp) -> tuple[dict[str, tuple[str, ...]], Timing]:
    """The rows of each group by the name of the one that has the time."""
    timing = join(net, ops, "a test")
    names = {group.leader: tuple(net.rows[at].name for at in group.rows) for group in timing.groups}
    return {net.rows[at].name: rows for at, rows in names.items()}, timing


def test_an_operator_that_makes_a_tensor_of_the_file_ends_the_rows_that_lead_up_to_it() -> None:
    """Of a and c nothing is left in the runtime's graph: the rows that made them are part of what reads them."""
    found, timing = joined(
        run_weighted(NET), op("f1", "FusedConv", "x", "b"), op("f2", "FusedConv", "b", "d"), op("last", "", "d", "y")
    )
    assert found == {"conv1": ("conv1", "act"), "conv2": ("conv2", "sum"), "last": ("last",)}
    assert timing.unjoined == [] and timing.untimed == []


def test_a_sum_belongs_to_the_convolution_before_it_not_to_the_one_whose_result_it_adds() -> None:
    found, _ = joined(
        run_weighted(NET), op("conv1_nchwc", "Conv", "x", "r1"), op("conv2_nchwc", "Conv", "r1", "r2"),
        op("last", "Sigmoid", "r2", "y"),
    )  # fmt: skip
    assert found == {"conv1": ("conv1", "act"), "conv2": ("conv2", "sum"), "last": ("last",)}


def test_a_conversion_of_a_layout_is_of_no_row_though_it_makes_a_tensor_of_the_file() -> None:
    found, timing = joined(
        run_weighted(NET), op("conv1_nchwc", "Conv", "x", "r1"), op("ReorderOutput", "ReorderOutput", "r1", "b"),
        op("conv2", "Conv", "b", "c"), op("sum", "Add", "c b", "d"), op("last", "Sigmoid", "d", "y"),
    )  # fmt: skip
    assert found["conv1"] == ("conv1", "act")
    assert [each.name for each in timing.added] == ["ReorderOutput"] and timing.operators == 5.0


def test_an_operator_that_a_row_was_taken_apart_into_is_of_its_group() -> None:
    """A Sigmoid run as two operators, of which the first has a name and a result of its own."""
    found, timing = joined(
        run_weighted(NET), op("f1", "FusedConv", "x", "b"), op("f2", "FusedConv", "b", "d"),
        op("Half_7", "Neg", "d", "inner"), op("Half_8", "Exp", "inner", "y"),
    )  # fmt: skip
    assert found["last"] == ("last",) and timing.unjoined == []
    assert [each.name for each in timing.groups[-1].ran] == ["Half_8", "Half_7"] and timing.groups[-1].seconds == 2.0


def test_a_reshape_that_gives_a_result_the_shape_of_the_row_goes_with_what_made_it() -> None:
    net = run_weighted(
        "g (float[1,8,4] x, float[4,4] w, float[4] wb) => (float[1,8,4] y) { [p] a = MatMul(x, w)  [bias] y = Add(a, wb) }"
    )
    found, timing = joined(
        net, op("pre", "Reshape", "x", "flat"), op("p/MatMulAddFusion", "Gemm", "flat", "made"),
        op("post", "Reshape", "made", "y"),
    )  # fmt: skip
    assert found == {"p": ("p", "bias")} and timing.unjoined == []
    assert timing.groups[0].seconds == 3.0


def test_two_operators_of_one_row_are_one_group() -> None:
    found, timing = joined(run_weighted(NET), op("conv1 + act"), op("act + conv2"))
    assert found["conv1"] == ("conv1", "act", "conv2", "sum", "last") and len(timing.groups) == 1


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("conv1", ["conv1"]),
        ("fused conv1", ["conv1"]),
        ("conv1_nchwc", ["conv1"]),
        ("conv1_token_12", ["conv1"]),
        ("conv1/MatMulAddFusion/", ["conv1"]),
        ("PWN(PWN(act), sum)", ["act", "sum"]),
        ("conv1 || conv2", ["conv1", "conv2"]),
        ("(Unnamed Layer* 3) [Activation] act", ["act"]),
        ("{ForeignNode[act...sum]}", ["act", "conv2", "sum"]),
        ("{ForeignNode[act...absent]}", []),
        ("d", ["sum"]),  # the tensor that it makes
        ("conv", []),
        ("conv12", []),
    ],
)
def test_a_name_is_taken_apart_as_runtimes_put_it_together(name: str, rows: list[str]) -> None:
    net = run_weighted(NET)
    assert [net.rows[at].name for at in Names(net.model, net.rows).find(name)] == rows
