"""Scalings and shifts folded into the operator before them, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from graphcost import Target
from harness import HEAD, conv, layer, run_weighted

FOLD = Target(fold_bn=True)
BN = layer("bn", "BatchNorm", "a") + layer("sc", "Scale", "bn", "scale_param { bias_term: true }")
BARE = "kernel_size: 3 bias_term: false"


def test_what_is_folded_costs_and_holds_nothing_and_leaves_a_bias(net: Any) -> None:
    """4 x 27 weights; the mean, variance and factor, the scale and the shift become 4 biases."""
    analysis = net(HEAD + conv("a", fields=BARE) + BN, target=FOLD)
    assert net(HEAD + conv("a", fields=BARE) + BN).parameters.total == 108 + (4 + 4 + 1) + (4 + 4)
    assert analysis.parameters.rows == [108 + 4, 0, 0]
    assert analysis["a"].work.adds == 4 * 36 and analysis["bn"].work.ops == analysis["sc"].work.ops == 0
    assert analysis["sc"].why == "folded into a" and analysis.complete
    assert analysis.total("writes") == analysis["a"].outputs[0].nbytes


def test_a_bias_that_there_is_takes_the_shift(net: Any) -> None:
    analysis = net(HEAD + conv("a") + BN, target=FOLD)
    assert analysis.parameters.rows == [108 + 4, 0, 0] and analysis["a"].work.adds == 4 * 36


@pytest.mark.parametrize(
    "after",
    [
        BN + layer("b", "ReLU", "a"),  # somebody else reads what would be scaled
        layer("r", "ReLU", "a") + layer("bn", "BatchNorm", "r"),
        layer("bn", "PReLU", "a"),
        layer("bn", "Scale", "a data2"),
    ],
)
def test_what_is_not_alone_behind_a_product_or_compares_is_not_folded(after: str, net: Any) -> None:
    head = HEAD + 'input: "data2" input_shape { dim: 1 dim: 4 dim: 6 dim: 6 }\n'
    analysis = net(head + conv("a") + after, target=FOLD)
    assert not any(row.why.startswith("folded") for row in analysis.rows)


def test_constants_of_an_onnx_file_are_folded_by_channel_and_no_others() -> None:
    graph = """g (float[1, 3, 8, 8] x, float[4, 3, 3, 3] wc, float[4, 1, 1] wm, float[6, 6] wp) => (float[M] y) {
        c = Conv(x, wc) m = Mul(c, wm) y = Add(m, wp)
    }"""
    analysis = run_weighted(graph, target=FOLD)
    assert [row.why for row in analysis.rows] == ["", f"folded into {analysis.rows[0].name}", ""]


def test_a_matrix_product_is_folded_into_along_its_columns() -> None:
    graph = "g (float[2, 8] x, float[8, 5] wa, float[5] wb) => (float[M] y) { m = MatMul(x, wa) y = Add(m, wb) }"
    analysis = run_weighted(graph, target=FOLD)
    assert analysis.parameters.rows == [40 + 5, 0]
