"""An analysis that was pickled or copied answers as the one it was made from."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from graphcost import GLOBAL, NO_WORK, POINTWISE, Analysis, Window
from graphcost.graph import UNKNOWN, TensorSequence, Unranked
from graphcost.windows import NOT_KNOWN, AxisMap, mapped
from harness import conv, image, layer, run, run_weighted, t

WAYS: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda each: pickle.loads(pickle.dumps(each)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}
MIXED = (  # global pooling, softmax along an axis, a roll, an operator without a rule, one that asks for none of it
    "c = Conv<pads = [1, 1, 1, 1]>(x, w) s = Softmax<axis = 3>(c) h = Constant<value_ints = [3, 5]>() "
    "a, b = Split<axis = 2>(s, h) r = Concat<axis = 2>(b, a) g = GlobalAveragePool(r) u = com.acme.Warp(r) "
    "v = Relu(u) q = SequenceConstruct(r, r) y = Add(r, g)"
)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "stated",
    [GLOBAL, POINTWISE, NOT_KNOWN, NO_WORK, Window((3,), (1,), (1,), (1,)), mapped((0, AxisMap(1, stride=-1)))],
)
def test_what_rules_state_is_the_same_copied(stated: Any, way: str) -> None:
    again = WAYS[way](stated)
    assert again == stated
    assert hash(again) == hash(stated)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("tensor", [t(1, 2), UNKNOWN, Unranked("int64"), TensorSequence(t(1, 2), (t(1, 2),))])
def test_a_tensor_of_unknown_rank_is_the_same_copied(tensor: Any, way: str) -> None:
    assert WAYS[way](tensor) == tensor


def answers(analysis: Analysis) -> list[Any]:
    """What an analysis says: all of it as JSON, and tables that ask for what JSON leaves out."""
    fields = analysis.receptive_fields
    columns = ["name", "type", "rf", "rf_stride", "rf_offset", "peak", "macs", "intensity"]
    return [
        analysis.to_dict(),
        analysis.report(columns=columns).render("md"),
        analysis.report(style="netscope").render("text"),
        {name: [field.format("size") for field in seen.values()] for name, seen in fields.fields.items()},
    ]


@pytest.mark.parametrize("asked_before", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_an_analysis_answers_the_same_copied(way: str, asked_before: bool, net: Any) -> None:
    def mixed() -> Analysis:
        return run_weighted(f"g (float[1, 3, 8, 6] x, float[2, 3, 3, 3] w) => (y, v) {{ {MIXED} }}")

    def pooled() -> Analysis:
        pool = layer("pool", "Pooling", "a", "pooling_param { pool: AVE global_pooling: true }")
        return net(
            image(1, 3, 8, 8)
            + conv("a")
            + pool
            + layer("fc", "InnerProduct", "pool", "inner_product_param { num_output: 5 }")
        )

    def open_sizes() -> Analysis:
        return run("g (float[N, 3, H, W] x) => (y) { s = Shape(x) i = NonZero(x) y = Relu(x) }")

    for make in (mixed, pooled, open_sizes):
        analysis = make()
        if asked_before:
            answers(analysis)
        assert answers(WAYS[way](analysis)) == answers(make())
