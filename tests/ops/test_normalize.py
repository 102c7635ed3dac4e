"""Softmax, normalisation and losses: the shapes and the work that each states. Numbers show their factors."""

from __future__ import annotations

from graphcost import Work
from harness import IMAGE, MS, Stated, assert_states, each, facts_of, t

CASES: list[Stated] = [
    ("Softmax", (t(2, 3, 4),), {}, [(2, 3, 4)], Work(compares=24 - 6, adds=48 - 6, exps=24, divs=24)),
    ("LogSoftmax", (t(2, 3, 4),), {"axis": 1}, [(2, 3, 4)], Work(compares=24 - 8, adds=48 - 8, exps=24, divs=24)),
    ("Hardmax", (t(2, 3),), {}, [(2, 3)], Work(compares=6)),
    ("BatchNormalization", (IMAGE, t(4), t(4), t(4), t(4)), {"outputs": 1}, [(1, 4, 8, 8)],
     Work(muls=256 + 4, adds=256 + 8, divs=4, exps=4)),
    # 256 elements standardised by 4 means and variances of their own, scaled and shifted, and 8 statistics brought up to date
    ("BatchNormalization", (IMAGE, t(4), t(4), t(4), t(4)), {"outputs": 3, "training_mode": 1}, [(1, 4, 8, 8), (4,), (4,)],
     Work(adds=256 * 3 + 256 + 8, muls=256 + 256 + 16, divs=256 + 8, exps=4)),
    ("BatchNormalization", (IMAGE, t(4), t(4), t(4), t(4)), {"outputs": 3}, [(1, 4, 8, 8), (4,), (4,)], None),
    ("InstanceNormalization", (IMAGE, t(4), t(4)), {}, [(1, 4, 8, 8)], None),
    ("GroupNormalization", (IMAGE, t(4), t(4)), {"num_groups": 2}, [(1, 4, 8, 8)], None),
    ("LayerNormalization", (t(2, 3, 4), t(4), t(4)), {"outputs": 3}, [(2, 3, 4), (2, 3, 1), (2, 3, 1)],
     Work(adds=24 * 4, muls=24 * 2, divs=24 + 2 * 6, exps=6)),
    ("RMSNormalization", (t(2, 3, 4), t(4)), {}, [(2, 3, 4)], Work(muls=72, adds=24 + 6, divs=12, exps=6)),
    (MS + "SkipLayerNormalization", (t(2, 3, 4), t(2, 3, 4), t(4), t(4), t(4)), {"outputs": 4},
     [(2, 3, 4), (2, 3, 1), (2, 3, 1), (2, 3, 4)], None),
    (MS + "SkipSimplifiedLayerNormalization", (t(2, 3, 4), t(2, 3, 4), t(4)), {}, [(2, 3, 4)], None),
    (MS + "EmbedLayerNormalization", (t(2, 5, dtype="int32"), None, t(99, 8), t(64, 8)), {"outputs": 2}, [(2, 5, 8), (2,)], None),
    (MS + "GroupNorm", (t(1, 8, 8, 4), t(4), t(4)), {"groups": 2, "activation": 1}, [(1, 8, 8, 4)],
     Work(adds=256 * 3 + 256 * 2, muls=256 + 256 * 2, divs=256 + 2 * 2 + 256, exps=2 + 256)),
    (MS + "SkipGroupNorm", (IMAGE, t(4), t(4), IMAGE, t(4)), {"groups": 2, "channels_last": 0, "outputs": 2}, [(1, 4, 8, 8)] * 2,
     Work(adds=256 * 3 + 256 + 2 * 256, muls=256 * 2, divs=256 + 2 * 2, exps=2)),
    ("LpNormalization", (t(2, 3),), {}, [(2, 3)], Work(muls=6, adds=6, divs=6, exps=2)),
    ("MeanVarianceNormalization", (IMAGE,), {}, [(1, 4, 8, 8)], Work(adds=3 * 256, muls=256, divs=256 + 2 * 4, exps=4)),
    ("MeanVarianceNormalization", (t(5, 4),), {"axes": (0,)}, [(5, 4)], Work(adds=3 * 20, muls=20, divs=20 + 2 * 4, exps=4)),
    ("MeanVarianceNormalization", (t(1, 4),), {"axes": (0,)}, [(1, 4)], Work(adds=3 * 4, muls=4, divs=4 + 2 * 4, exps=4)),
    ("MeanVarianceNormalization", (t(0, 4),), {"axes": (0,)}, [(0, 4)], Work()),
    ("LRN", (IMAGE,), {"size": 5}, [(1, 4, 8, 8)], Work(muls=256 * 6, adds=256 * 5, exps=256, divs=256)),
    ("NegativeLogLikelihoodLoss", (t(3, 5), t(3)), {"reduction": "none"}, [(3,)], Work(adds=3)),
    ("SoftmaxCrossEntropyLoss", (t(3, 5), t(3)), {"outputs": 2}, [(), (3, 5)], None),
]  # fmt: skip


@each(CASES)
def test_an_operator_states_its_outputs_and_work(case: Stated) -> None:
    assert_states(case)


def test_softmax_before_13_flattens() -> None:
    """From axis 1 on, 3 x 4 elements are one group."""
    assert facts_of("Softmax", t(2, 3, 4), opset=12).work == Work(compares=24 - 2, adds=48 - 2, exps=24, divs=24)
