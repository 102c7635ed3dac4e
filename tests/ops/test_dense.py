"""Matrix products, Einsum and determinants: the shapes and the work that each states. Numbers show their factors."""

from __future__ import annotations

from graphcost import Work
from harness import MS, Refused, Stated, assert_refused, assert_states, each, facts_of, t

CASES: list[Stated] = [
    ("Gemm", (t(3, 5), t(7, 5), t(7)), {"transB": 1}, [(3, 7)], Work(macs=3 * 7 * 5, adds=21)),
    ("Gemm", (t(5, 3), t(5, 7)), {"transA": 1}, [(3, 7)], Work(macs=3 * 7 * 5)),
    ("MatMul", (t(2, 1, 3, 5), t(4, 5, 7)), {}, [(2, 4, 3, 7)], Work(macs=(2 * 4 * 3 * 7) * 5)),
    ("MatMul", (t(5), t(5, 7)), {}, [(7,)], Work(macs=7 * 5)),
    ("MatMul", (t(3, 5), t(5)), {}, [(3,)], Work(macs=3 * 5)),
    ("MatMul", (t(5), t(5)), {}, [()], Work(macs=5)),
    (MS + "FusedMatMul", (t(2, 5, 3), t(2, 7, 5)), {"transA": 1, "transB": 1}, [(2, 3, 7)], Work(macs=(2 * 3 * 7) * 5)),
    (MS + "FusedGemm", (t(3, 5), t(5, 7)), {"activation": "Relu"}, [(3, 7)], Work(macs=105, compares=21)),
    (MS + "FusedGemm", (t(3, 5), t(5, 7)), {}, [(3, 7)], Work(macs=105)),
    ("Gemm", (t(3, 5), t(5, 7), t(7)), {"alpha": 0.5, "beta": 2.0}, [(3, 7)], Work(macs=105, muls=21 + 7, adds=21)),
    (MS + "QGemm", (t(3, 5, dtype="uint8"), t(), t(), t(5, 7, dtype="int8"), t(), t()), {"alpha": 0.5}, [(3, 7)],
     Work(macs=105, muls=21 + 21, adds=21)),
    # transBatch moves the first axis to the place before the last, trans exchanges the last two of what that gives
    (MS + "FusedMatMul", (t(7, 3, 8), t(7, 3, 8)), {"transBatchA": 1, "transBatchB": 1, "transB": 1}, [(3, 7, 7)],
     Work(macs=(3 * 7 * 7) * 8)),
    (MS + "FusedMatMul", (t(2, 3, 6, 4), t(3, 6, 4, 5)), {"transBatchA": 1, "alpha": 0.5}, [(3, 6, 2, 5)],
     Work(macs=(3 * 6 * 2 * 5) * 4, muls=3 * 6 * 2 * 5)),
    (MS + "FusedMatMul", (t(2, 3, 6, 4), t(3, 6, 2, 5)), {"transBatchA": 1, "transA": 1}, [(3, 6, 4, 5)],
     Work(macs=(3 * 6 * 4 * 5) * 2)),
    ("Einsum", (t(2, 3), t(3, 4)), {"equation": "ij,jk->ik"}, [(2, 4)], Work(macs=2 * 3 * 4)),
    ("Einsum", (t(5, 2, 3), t(5, 3, 4)), {"equation": "...ij,...jk"}, [(5, 2, 4)], Work(macs=5 * 2 * 3 * 4)),
    ("Einsum", (t(2, 3),), {"equation": "ij->ji"}, [(3, 2)], Work()),
    ("Einsum", (t(2, 3),), {"equation": "ij->i"}, [(2,)], Work(adds=6)),
    ("Einsum", (t(2, 3), t(3, 4), t(4, 5)), {"equation": "ab,bc,cd->ad"}, [(2, 5)], Work(macs=2 * 3 * 4 + 2 * 4 * 5)),
    # 2 + 1 rows below the pivots, 2^2 + 1^2 elements of them, and three pivots to multiply
    ("Det", (t(5, 3, 3),), {}, [(5,)], Work(muls=5 * (5 + 3), adds=5 * 5, divs=5 * 3, compares=5 * 3)),
    (MS + "Inverse", (t(3, 4, 4),), {}, [(3, 4, 4)], Work(muls=3 * 4**3, adds=3 * 4**3)),
]  # fmt: skip


@each(CASES)
def test_an_operator_states_its_outputs_and_work(case: Stated) -> None:
    assert_states(case)


REFUSED: list[Refused] = [
    ("Det", (t(2, 3),), {}, "square matrices"),
    ("Einsum", (t(3, 3), t(3, 3)), {"equation": "ii,jj->->ij"}, "names -, >, which no operand has"),
    ("Gemm", (t(3, 5), t(6, 7)), {}, "contracted dimensions differ: 5 and 6"),
    ("Gemm", (t(3, 5, 1), t(6, 7)), {}, "should be matrices"),
    ("MatMul", (t(), t(2, 2)), {}, "scalar"),
    ("Einsum", (t(2, 3),), {"equation": "ij,jk->ik"}, "names 2 operands; there are 1"),
    ("Einsum", (t(2, 3),), {"equation": "ijk->ik"}, "names 3 axes of a tensor of 2"),
]  # fmt: skip


@each(REFUSED)
def test_a_contradiction_is_refused_in_words(case: Refused) -> None:
    assert_refused(case)


def test_a_product_of_transposed_operands_sees_the_rows_and_columns_of_each_as_they_lie() -> None:
    """[M, B, K] by [K, B, N] read as B products: rows lie along the first axis, columns along the last."""
    facts = facts_of(MS + "FusedMatMul", t(7, 3, 8), t(8, 3, 5), transBatchA=1, transBatchB=1)
    assert facts.outputs[0].shape == (3, 7, 5)
    assert facts.window.maps == ((1, 0, None), (None, 0, 2))
