"""Quantised operators that ONNX Runtime adds: shapes, work and packed weights. Numbers show their factors."""

from __future__ import annotations

from typing import Any

import pytest

import harness
from graphcost import Work
from graphcost.dims import Undecided
from graphcost.graph import Tensor
from harness import MS, facts_of, t

QUANTIZE = Work(divs=1, compares=3, adds=1)
DEQUANTIZE = Work(adds=1, muls=1)
SIGMOID = Work(adds=1, divs=1, exps=1)
S = t()
SHAPE = Tensor((2,), "int64", (32, 8))
PACKED = Tensor((8, 1, 16), "uint8")
RMS = Work(muls=3, adds=1) * 64 + Work(divs=2, adds=1, exps=1) * 2

CASES: list[harness.Stated] = [
    (MS + "MatMulFpQ4", (t(2, 32), t(160), SHAPE), {}, [(2, 8)], Work(macs=16 * 32) + DEQUANTIZE * 256),
    (MS + "MatMulBlockQuantizedFp4Weight", (t(2, 32), t(8, 16), t(8, 2), S), {}, [(2, 8)], Work(macs=16 * 32, muls=2 * 256)),
    (MS + "MatMulBlockQuantizedFp8Weight", (t(2, 32), t(8, 32), t(8, 1), S, t(8)), {}, [(2, 8)],
     (QUANTIZE + Work(muls=1)) * 64 + Work(macs=16 * 32, adds=16, muls=256)),
    # two matrices of 32 x 8, and a gate on what comes out
    (MS + "MatMulNBitsMlp", (t(2, 32), None, None, PACKED, t(8), None, PACKED, t(8), t(8)),
     {"K": 32, "N": 8, "block_size": 32, "activation": "silu"}, [(2, 8)],
     Work(macs=2 * 16 * 32, adds=16) + DEQUANTIZE * 512 + (SIGMOID + Work(muls=3)) * 16),
    (MS + "MatMulNBitsQkv", (t(2, 32), t(2, 32), t(32), PACKED, t(8), None, Tensor((4, 1, 16), "uint8"), t(4), None, Tensor((4, 1, 16), "uint8"), t(4), t(4)),
     {"K": 32, "Nq": 8, "Nkv": 4, "block_size": 32, "outputs": 4}, [(2, 8), (2, 4), (2, 4), (2, 32)],
     RMS + Work(adds=64) + Work(macs=2 * 32 * (8 + 4 + 4), adds=8) + DEQUANTIZE * (32 * 16)),
    # the matrix of 32 x 8, and through 4 numbers
    (MS + "MatMulNBitsQLoRA", (t(2, 32), PACKED, t(8), Tensor((4, 1, 16), "uint8"), t(4), PACKED, t(8)), {"K": 32, "N": 8}, [(2, 8)],
     Work(macs=2 * (32 * 8 + 32 * 4 + 4 * 8), adds=16) + DEQUANTIZE * (32 * 8 + 32 * 4 + 4 * 8)),
    (MS + "MulInteger", (t(2, 3, 4), S, t(3, 1), None), {}, [(2, 3, 4)], Work(muls=24, adds=24)),
    (MS + "ReduceSumInteger", (t(2, 3, 4),), {"axes": [1], "keepdims": 0}, [(2, 4)], Work(adds=24 - 8)),
    (MS + "QLinearReduceMean", (t(2, 3, 4), S, S, S, S), {"axes": [1], "keepdims": 1}, [(2, 1, 4)],
     DEQUANTIZE * 24 + Work(adds=16) + (Work(divs=1) + QUANTIZE) * 8),
    (MS + "QuantizeWithOrder", (t(2, 3), S), {}, [(2, 3)], QUANTIZE * 6),
    (MS + "DequantizeWithOrder", (t(2, 3), S), {"to": 1}, [(2, 3)], Work(muls=6)),
    (MS + "QOrderedGelu", (t(2, 3), S, S), {}, [(2, 3)], (Work(muls=3, adds=1, exps=1) + DEQUANTIZE + QUANTIZE) * 6),
    (MS + "QOrderedMatMul", (t(1, 2, 8), S, t(8, 5), S, S, t(5)), {}, [(1, 2, 5)], Work(macs=80) + (QUANTIZE + Work(muls=1, adds=1)) * 10),
]  # fmt: skip


@harness.each(CASES)
def test_an_operator_states_its_shape_and_work(case: harness.Stated) -> None:
    harness.assert_states(case)


@harness.each([
    (MS + "MatMulInteger16", (Tensor((3, 4), "int16"), Tensor((4, 5), "int16")), {}, "int32"),
    (MS + "MatMulInteger16", (Tensor((3, 4), "uint16"), Tensor((4, 5), "uint16")), {}, "uint32"),
    (MS + "ReduceSumInteger", (Tensor((3, 4), "int8"),), {"axes": [1], "keepdims": 0}, "int32"),
    (MS + "DequantizeWithOrder", (Tensor((3, 4), "int8"), S), {"to": 10}, "float16"),
    (MS + "QuantizeWithOrder", (t(3, 4), S), {}, "int8"),
])  # fmt: skip
def test_an_operator_states_its_type(case: harness.Typed) -> None:
    harness.assert_type(case)


def test_packed_matrices_are_counted_by_their_elements() -> None:
    """[8, 1, 16] bytes are 8 rows of 32 numbers of 4 bits, [8, 16] of FP4 are as many."""
    mlp = facts_of(MS + "MatMulNBitsMlp", t(2, 32), None, None, PACKED, t(8), None, PACKED, t(8),
                   K=32, N=8, block_size=32, activation="silu")  # fmt: skip
    assert [each for each in mlp.packed_as if each] == [Tensor((8, 32), "uint4")] * 2
    assert mlp.packed_as[3] and mlp.packed_as[6]
    fp4 = facts_of(MS + "MatMulBlockQuantizedFp4Weight", t(2, 32), t(8, 16), t(8, 2), S)
    assert fp4.packed_as[1] == Tensor((8, 32), "float4e2m1")


def test_attention_of_int8_has_three_projections() -> None:
    """Two sequences of 5 steps of 16; two heads of 8."""
    weights, scales, biases = [t(16, 16)] * 3, [S] * 3, [t(16)] * 3
    facts = facts_of(
        MS + "QOrderedAttention", t(2, 5, 16), S, *scales, *weights, *scales, *biases, S, S, S, num_heads=2
    )
    assert [y.shape for y in facts.outputs] == [(2, 5, 16)]
    assert facts.work is not None
    assert facts.work.macs == 10 * 16 * (3 * 16) + (2 * 2 * 5 * 5) * (8 + 8)


@pytest.mark.parametrize(
    ("kind", "inputs", "attrs"),
    [
        ("MatMulFpQ4", (t(2, 32), t(160), t(2)), {}),
        ("MatMulNBitsMlp", (t(2, 32), None, None, PACKED, t(8), None, PACKED, t(8)), {"K": 32, "N": 8, "block_size": 32, "activation": "gelu"}),
    ],
)  # fmt: skip
def test_what_a_rule_does_not_know_is_unknown(kind: str, inputs: Any, attrs: dict[str, Any]) -> None:
    with pytest.raises(Undecided):
        facts_of(MS + kind, *inputs, **attrs)
