"""What ONNX Runtime joins into one operator: shapes and work. Numbers show their factors."""

from __future__ import annotations

from typing import Any

import pytest

import harness
from graphcost import Work
from graphcost.dims import Undecided
from harness import MS, facts_of, t

SIGMOID = Work(adds=1, divs=1, exps=1)
GELU = Work(muls=3, adds=1, exps=1)
X = t(2, 3, 8)
RMS = Work(muls=3, adds=1) * 48 + Work(divs=2, adds=1, exps=1) * 12  # twelve runs of four

CASES: list[harness.Stated] = [
    (MS + "GemmFastGelu", (X, t(8, 5), t(5)), {}, [(2, 3, 5)], Work(macs=30 * 8) + (GELU + Work(adds=1)) * 30),
    (MS + "FusedMatMulActivation", (X, t(5, 8)), {"transB": 1, "activation": "Relu"}, [(2, 3, 5)], Work(macs=30 * 8, compares=30)),
    (MS + "GemmFloat8", (t(2, 8), t(8, 5), t(5)), {"beta": 1.0, "activation": "RELU"}, [(2, 5)], Work(macs=80, adds=10, compares=10)),
    (MS + "GemmFloat8", (t(2, 8), t(8, 5), t(5)), {}, [(2, 5)], Work(macs=80)),
    (MS + "RouterGateUpProj", (t(2, 8), t(8, 4 + 2 * 5)), {"router_size": 4}, [(2, 4), (2, 5)],
     Work(macs=2 * 14 * 8) + (SIGMOID + Work(muls=3)) * 10),
    (MS + "BiasSoftmax", (X, X), {"axis": 2}, [(2, 3, 8)], Work(compares=48 - 6, adds=2 * 48 - 6 + 48, exps=48, divs=48)),
    (MS + "GatedRMSNorm", (X, t(4), X), {}, [(2, 3, 8)], RMS + (SIGMOID + Work(muls=2)) * 48),
    (MS + "BranchwiseRMSNorm", (X, t(8)), {"num_branches": 2}, [(2, 3, 8)], RMS),
    (MS + "BranchwiseRMSNorm", (X,), {"num_branches": 2}, [(2, 3, 8)], Work(muls=2, adds=1) * 48 + Work(divs=2, adds=1, exps=1) * 12),
    (MS + "GatedAdd", (X, X, t(2, 3, 1)), {}, [(2, 3, 8)], Work(muls=48, adds=48)),
    (MS + "GatedAdd", (X, X, t(2, 3, 5), t(5, 1)), {}, [(2, 3, 8)], Work(macs=6 * 5, muls=48, adds=48) + SIGMOID * 6),
    (MS + "ScaledSiLU", (X,), {}, [(2, 3, 8)], (SIGMOID + Work(muls=2)) * 48),
    (MS + "SwiGLU", (X,), {}, [(2, 3, 4)], (SIGMOID + Work(muls=2, adds=1)) * 24),
    (MS + "SwiGLU", (X, X), {"limit": 7.0, "activation_alpha": 1.7}, [(2, 3, 8)], (SIGMOID + Work(muls=3, adds=1, compares=3)) * 48),
    (MS + "LinearAttentionGate", (X, t(8), t(8)), {}, [(2, 3, 8)], Work(adds=2, exps=2, muls=1) * 48),
    (MS + "GatedRelativePositionBias", (t(1, 4, 8), t(8), t(1, 2, 4, 4), t(4, 6), t(6), t(1, 2, 1, 1)), {"num_heads": 2}, [(1, 2, 4, 4)],
     # 8 gates: 4 x 6 products, a bias on 6 and their sum to 2; 32 scores
     Work(macs=8 * 24, adds=32 + 8 * (2 * 6 - 2), muls=32) + (SIGMOID * 2 + Work(muls=2, adds=2)) * 8),
    (MS + "ComplexMul", (X, t(3, 8)), {}, [(2, 3, 8)], Work(muls=96, adds=48)),
    (MS + "ComplexMulConj", (X, X), {}, [(2, 3, 8)], Work(muls=96, adds=48)),
    (MS + "IsAllFinite", (X, t(2)), {}, [()], Work(compares=50)),
    (MS + "CDist", (t(3, 4), t(5, 4)), {"metric": "euclidean"}, [(3, 5)], Work(adds=7, muls=4, exps=1) * 15),
    (MS + "BitmaskDropout", (t(2, 40),), {"outputs": 2}, [(2, 40), (3,)], Work()),
    (MS + "BitmaskBiasDropout", (t(2, 40), t(40), t(2, 40)), {"outputs": 2}, [(2, 40), (3,)], Work(adds=160)),
    (MS + "TorchEmbedding", (t(9, 4), t(2, 3)), {}, [(2, 3, 4)], Work()),
    (MS + "UnfoldTensor", (t(2, 9),), {"size": 3}, [(2, 7, 3)], Work()),
    (MS + "RestorePadding", (t(5, 8), t(2, 4)), {}, [(2, 4, 8)], Work()),
    # one transform of 8: 4 x 3 butterflies
    (MS + "Rfft", (t(8),), {}, [(5, 2)], Work(muls=4, adds=6) * 12),
    (MS + "Irfft", (t(3, 5, 2),), {"signal_ndim": 1, "normalized": 1}, [(3, 8)], Work(muls=4, adds=6) * 36 + Work(muls=24)),
    (MS + "SparseToDenseMatMul", (t(2, 8), t(8, 5)), {}, [(2, 5)], None),
]  # fmt: skip


@harness.each(CASES)
def test_an_operator_states_its_shape_and_work(case: harness.Stated) -> None:
    harness.assert_states(case)


@harness.each([
    (MS + "RemovePadding", (X, t(2)), {}),
    (MS + "DynamicTimeWarping", (t(4, 5),), {}),
    (MS + "Tokenizer", (t(3),), {}),
])  # fmt: skip
def test_the_data_decides_how_much_is_left(case: harness.Question) -> None:
    harness.assert_open(case)


@pytest.mark.parametrize(
    ("kind", "inputs", "attrs"),
    [
        ("GatedRMSNorm", (X, t(4), X), {"activation": "tanh"}),
        ("CDist", (t(3, 4), t(5, 4)), {"metric": "cosine"}),
        ("Rfft", (t(3, 8),), {"signal_ndim": 2}),
        ("ConvTransposeWithDynamicPads", (t(1, 2, 4, 4), t(2, 3, 3, 3), t(4)), {}),
        ("RouterGateUpProj", (t(2, 8), t(8, 14)), {"router_size": 4, "activation": "gelu"}),
        ("FusedMatMulActivation", (X, t(8, 5)), {"activation": "Softmax"}),
    ],
)
def test_what_a_rule_does_not_know_is_unknown(kind: str, inputs: Any, attrs: dict[str, Any]) -> None:
    with pytest.raises(Undecided):
        facts_of(MS + kind, *inputs, **attrs)
