"""Quantised operators: the shapes and the work that each states. Numbers show their factors."""

from __future__ import annotations

import pytest

from graphcost import Work
from graphcost.dims import Undecided
from harness import IMAGE, MS, Stated, Typed, assert_states, assert_type, each, facts_of, t

CASES: list[Stated] = [
    ("QuantizeLinear", (t(2, 3), t(), t(dtype="int8")), {}, [(2, 3)], Work(divs=6, compares=18, adds=6)),
    ("DequantizeLinear", (t(2, 3, dtype="int8"), t()), {}, [(2, 3)], Work(adds=6, muls=6)),
    ("DynamicQuantizeLinear", (t(2, 3),), {}, [(2, 3), (), ()], None),
    ("ConvInteger", (IMAGE, t(6, 4, 3, 3)), {}, [(1, 6, 6, 6)], Work(macs=(6 * 36) * 36)),
    ("QLinearConv", (IMAGE, t(), t(), t(6, 4, 3, 3), t(), t(), t(), t(dtype="uint8"), t(6)), {}, [(1, 6, 6, 6)], None),
    ("MatMulInteger", (t(2, 3), t(3, 4)), {}, [(2, 4)], Work(macs=24)),
    ("QLinearMatMul", (t(2, 3), t(), t(), t(3, 4), t(), t(), t(), t(dtype="uint8")), {}, [(2, 4)], None),
    (MS + "MatMulIntegerToFloat", (t(2, 3), t(3, 4), t(), t(), None, None, t(4)), {}, [(2, 4)], Work(macs=24, muls=8, adds=8)),
    (MS + "DynamicQuantizeMatMul", (t(2, 3), t(3, 4), t()), {}, [(2, 4)], None),
    (MS + "MatMulNBits", (t(1, 5, 32), t(64, 1, 16, dtype="uint8"), t(64)), {"K": 32, "N": 64}, [(1, 5, 64)],
     Work(macs=5 * 64 * 32, adds=64 * 32, muls=64 * 32)),
    (MS + "MatMulBnb4", (t(1, 5, 32), t(64 * 16, dtype="uint8"), t(32)), {"K": 32, "N": 64}, [(1, 5, 64)],
     Work(macs=5 * 64 * 32, muls=64 * 32)),
    (MS + "GatherBlockQuantized", (t(9, 8, dtype="uint8"), t(2, dtype="int64"), t(9, 1)), {}, [(2, 16)],
     Work(adds=2 * 16, muls=2 * 16)),
    (MS + "GatherBlockQuantized", (t(9, 16, dtype="int4"), t(2, dtype="int64"), t(9, 1)), {}, [(2, 16)], None),
    (MS + "QGemm", (t(2, 3), t(), t(), t(3, 4), t(), t()), {}, [(2, 4)], None),
    (MS + "QLinearAdd", (t(2, 3), t(), t(), t(3), t(), t()), {}, [(2, 3)], None),
    (MS + "QLinearSigmoid", (t(2, 3),), {}, [(2, 3)], None),
    (MS + "QLinearSoftmax", (t(2, 3),), {}, [(2, 3)], None),
    (MS + "QLinearConcat", (t(), t(), t(2, 3), t(), t(), t(2, 4), t(), t()), {"axis": 1}, [(2, 7)], None),
    (MS + "QLinearWhere", (t(2, 1, dtype="bool"), t(3), t(), t(), t(2, 3), t(), t(), t(), t()), {}, [(2, 3)], None),
]  # fmt: skip


@each(CASES)
def test_an_operator_states_its_outputs_and_work(case: Stated) -> None:
    assert_states(case)


TYPES: list[Typed] = [
    ("QuantizeLinear", (t(2), t(), t(dtype="int8")), {}, "int8"),
    ("QuantizeLinear", (t(2), t()), {}, "uint8"),
    ("QuantizeLinear", (t(2), t()), {"output_dtype": 22}, "int4"),
    ("DequantizeLinear", (t(2, dtype="int8"), t(dtype="float16")), {}, "float16"),
    ("MatMulInteger", (t(2, 2), t(2, 2)), {}, "int32"),
]  # fmt: skip


@each(TYPES)
def test_an_operator_states_the_type_of_its_output(case: Typed) -> None:
    assert_type(case)


def test_packed_weights_are_padded_to_whole_blocks() -> None:
    """48 rows of 60 elements, which take two blocks of 32 each."""
    facts = facts_of(MS + "MatMulNBits", t(5, 60), t(48, 2, 16, dtype="uint8"), t(96), K=60, N=48, block_size=32)
    assert facts.packed_as[1] == t(48, 64, dtype="uint4") and facts.work is not None
    assert facts.work.macs == 5 * 48 * 60


def test_a_width_that_no_type_has_is_not_understood() -> None:
    with pytest.raises(Undecided, match="elements of 3 bits"):
        facts_of(MS + "MatMulNBits", t(5, 32), t(48, 1, 12, dtype="uint8"), t(48), K=32, N=48, bits=3)
