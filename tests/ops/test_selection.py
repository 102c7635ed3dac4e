"""Elements selected by what they are: how many there are is known where their contents are, and else open."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from graphcost import Facts, Tensor, Work
from graphcost.dims import symbol, symbols
from harness import MS, ints, run, t

FactsOf = Callable[..., Facts]

N = symbol("N")
CUBE = np.arange(24, dtype=np.int64).reshape(2, 3, 4)


def test_non_zero_of_known_contents(agrees: FactsOf) -> None:
    agrees("NonZero", np.array([[1, 0, 2], [0, 0, 3]], np.int64))
    agrees("NonZero", np.array([True, False, True]))


def test_non_zero_of_a_mask_that_the_file_holds() -> None:
    analysis = run("""
    g (float[4] x) => (int64[] y) <bool[2, 3] mask = {1, 0, 1, 0, 0, 1}> { y = NonZero(mask) }
    """)
    assert analysis.tensors["y"].shape == (2, 3)


def test_non_zero_of_unknown_contents_finds_what_data_decides(facts_of: FactsOf) -> None:
    axes, found = facts_of("NonZero", t(3, 4)).outputs[0].shape
    assert axes == 2
    assert symbols(found)


def test_a_size_is_not_zero_though_it_is_not_known(facts_of: FactsOf) -> None:
    """A dimension is 1 or more; that of a difference is open."""
    assert facts_of("NonZero", ints(N, 0, N + 1)).outputs[0] == Tensor((1, 2), "int64", (0, 2))
    assert symbols(facts_of("NonZero", ints(N - 1)).outputs[0].shape[1])


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_compress_by_a_known_condition(agrees: FactsOf, axis: int | None) -> None:
    agrees("Compress", CUBE, np.array([False, True]), **({} if axis is None else {"axis": axis}))


def test_what_data_decides_is_open(facts_of: FactsOf) -> None:
    distinct, first, inverse, counts = facts_of("Unique", t(3, 4), outputs=4).outputs
    assert symbols(distinct.shape[0])
    assert (first.shape, counts.shape, inverse.shape) == (distinct.shape, distinct.shape, (3 * 4,))


def test_unique_compares_as_sorting_does(facts_of: FactsOf) -> None:
    """Each of 3 x 4 elements in ceil(log2(12)) = 4 rounds; nothing is compared where there is one."""
    assert facts_of("Unique", t(3, 4)).work == Work(compares=(3 * 4) * 4)
    assert facts_of("Unique", t(1)).work == Work()


def test_unique_slices_of_an_axis(facts_of: FactsOf) -> None:
    distinct, _, inverse = facts_of("Unique", t(3, 4), axis=1, outputs=3).outputs
    assert distinct.shape[0] == 3
    assert inverse.shape == (4,)


@pytest.mark.parametrize(("opset", "k"), [(1, 3), (10, 3), (11, 3), (24, 3)])
def test_top_k_holds_each_element_against_a_heap(facts_of: FactsOf, opset: int, k: int) -> None:
    """ceil(log2(3 + 1)) = 2 comparisons an element."""
    facts = (
        facts_of("TopK", t(2, 100), opset=opset, k=k)
        if opset < 10
        else facts_of("TopK", t(2, 100), ints(k), opset=opset)
    )
    assert [y.shape for y in facts.outputs] == [(2, 3), (2, 3)]
    assert facts.outputs[1].dtype == "int64"
    assert facts.work == Work(compares=2 * 100 * 2)


def test_top_k_of_more_than_there_is_is_a_contradiction(facts_of: FactsOf) -> None:
    with pytest.raises(ValueError, match="the best 5 of an axis of 4"):
        facts_of("TopK", t(4), ints(5))


def test_top_k_of_an_unknown_number_counts_the_most_and_says_so(facts_of: FactsOf) -> None:
    facts = facts_of("TopK", t(2, 100), t(1, dtype="int64"))
    assert symbols(facts.outputs[0].shape[1])
    assert facts.work == Work(compares=2 * 100 * 7)  # ceil(log2(100 + 1))
    assert "the best 100" in facts.note


def test_what_a_condition_says_beyond_the_end_of_an_axis_is_not_read(facts_of: FactsOf) -> None:
    condition = Tensor((4,), "bool", (False, True, True, True))
    assert facts_of("Compress", ints(7, 8), condition, axis=0).outputs[0] == ints(8)


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_unique_of_known_contents(agrees: FactsOf, axis: int | None) -> None:
    x = np.array([[3, 1, 3], [0, 2, 0], [3, 1, 3]], np.int64)
    agrees("Unique", x, outputs=4, **({} if axis is None else {"axis": axis}))


def test_unique_slices_in_the_order_they_come(facts_of: FactsOf) -> None:
    """Columns 3, 1 and 3, 1; onnx's own evaluator takes elements instead, onnxruntime these."""
    x = Tensor((2, 3), "int64", (3, 1, 3, 4, 5, 4))
    distinct, first, inverse, counts = facts_of("Unique", x, axis=1, sorted=0, outputs=4).outputs
    assert distinct == Tensor((2, 2), "int64", (3, 1, 4, 5))
    assert (first, inverse, counts) == (ints(0, 1), ints(0, 1, 0), ints(2, 1))


def test_unique_of_a_vector_in_the_order_it_comes(facts_of: FactsOf) -> None:
    """The operator of com.microsoft does not say where each first stands."""
    distinct, inverse, counts = facts_of(f"{MS}Unique", ints(2, 9, 2, 4), outputs=3).outputs
    assert (distinct, inverse, counts) == (ints(2, 9, 4), ints(0, 1, 0, 2), ints(2, 1, 1))


def test_elements_that_are_not_known_may_be_the_same(facts_of: FactsOf) -> None:
    assert symbols(facts_of("Unique", ints(1, N)).outputs[0].shape[0])
    assert symbols(facts_of("Unique", Tensor((2,), "float32", (float("nan"), 1.0))).outputs[0].shape[0])
