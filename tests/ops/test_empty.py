"""Axes of no elements: nothing is joined, and no count is below 0."""

from __future__ import annotations

from typing import Any

import pytest

from graphcost import Facts, Tensor, Work
from harness import MS, facts_of, t

EMPTY: list[tuple[str, tuple[Tensor, ...], dict[str, Any]]] = [
    ("GlobalAveragePool", (t(1, 4, 0, 0),), {}),
    ("GlobalMaxPool", (t(1, 4, 0, 3),), {}),
    ("GlobalLpPool", (t(1, 4, 0),), {}),
    ("ArgMax", (t(2, 0),), {"axis": 1}),
    ("ReduceMean", (t(2, 0),), {"axes": [1]}),
    ("Softmax", (t(2, 3, 0),), {}),
    ("LogSoftmax", (t(2, 3, 0),), {}),
    ("SoftmaxCrossEntropyLoss", (t(3, 0), t(3)), {}),
    ("Attention", (t(1, 2, 3, 4), t(1, 2, 0, 4), t(1, 2, 0, 4)), {}),
    ("DFT", (t(1, 0, 1),), {}),
    ("CumSum", (t(0, 3), Tensor((), "int64", (0,))), {}),
    (MS + "MultiHeadAttention", (t(1, 3, 8), t(1, 0, 8), t(1, 0, 8)), {"num_heads": 2}),
    (MS + "BiasSoftmax", (t(2, 0), t(2, 0)), {"axis": 1}),
    (MS + "CDist", (t(3, 0), t(5, 0)), {}),
    (MS + "QLinearReduceMean", (t(2, 0), t()), {"axes": [1], "keepdims": 1}),
    (MS + "GatedRMSNorm", (t(2, 0), t(0), t(2, 0)), {}),
    (MS + "BranchwiseRMSNorm", (t(2, 0),), {}),
    (MS + "GatherBlockQuantized", (t(0, 8), t(0), t(0, 1)), {"block_size": 16}),
    ("caffe.Pooling", (t(1, 4, 0, 0),), {"pool": "AVE", "global_pooling": True}),
    ("caffe.Softmax", (t(2, 0),), {}),
    ("caffe.SoftmaxWithLossOHEM", (t(9, 0), t(9, 1)), {}),
    ("caffe.CTCGreedyDecoder", (t(7, 2, 0),), {}),
    ("caffe.Normalize", (t(1, 0, 8, 8),), {"across_spatial": False}),
    ("caffe.Python:pylayers.SoftmaxLayer", (t(1, 0, 8, 8),), {}),
]


@pytest.mark.parametrize("case", EMPTY, ids=lambda case: case[0])
def test_no_count_is_below_zero(case: Any) -> None:
    kind, inputs, attrs = case
    facts: Facts = facts_of(kind, *inputs, **attrs)
    assert facts.work is not None
    assert all(getattr(facts.work, name) >= 0 for name in Work.__slots__)


@pytest.mark.parametrize("kind", ["GlobalAveragePool", "GlobalMaxPool"])
def test_a_mean_of_nothing_adds_nothing(kind: str) -> None:
    work = facts_of(kind, t(1, 4, 0, 5)).work
    assert work is not None and work.adds == work.compares == 0
