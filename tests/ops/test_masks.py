"""Triangles, diagonals and rows of one hot element: shapes, and contents that their positions tell."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from graphcost import Facts
from harness import MS, ints, number, onnx_before, run, t

FactsOf = Callable[..., Facts]


@pytest.mark.parametrize(("axis", "expected"), [(-1, (2, 3, 10)), (0, (10, 2, 3)), (1, (2, 10, 3)), (-2, (2, 10, 3))])
def test_one_hot_puts_an_axis_in(facts_of: FactsOf, axis: int, expected: tuple[int, ...]) -> None:
    facts = facts_of("OneHot", t(2, 3, dtype="int64"), ints(10), t(2), axis=axis)
    assert facts.outputs == (t(*expected),)


def test_eye_like_takes_the_type_of_its_attribute(facts_of: FactsOf) -> None:
    assert facts_of("EyeLike", t(3, 99, 99)).outputs == (t(3, 99, 99),)
    assert facts_of("EyeLike", t(99, 99), dtype=7).outputs == (t(99, 99, dtype="int64"),)


@pytest.mark.parametrize("k", [-2, 0, 1, 9])
@pytest.mark.parametrize("upper", [0, 1])
def test_a_triangle_of_known_contents(agrees: FactsOf, upper: int, k: int) -> None:
    agrees("Trilu", np.arange(1, 25, dtype=np.int64).reshape(2, 3, 4), np.int64(k), upper=upper)


def test_a_triangle_of_unknown_contents_or_at_an_unknown_place(facts_of: FactsOf) -> None:
    assert facts_of("Trilu", t(3, 4)).outputs == (t(3, 4),)
    assert facts_of(f"{MS}Trilu", ints(1, 2), t(dtype="int64"), upper=0).outputs[0].value is None


@pytest.mark.parametrize("k", [-1, 0, 2])
def test_a_diagonal_of_ones(agrees: FactsOf, k: int) -> None:
    agrees("EyeLike", np.zeros((3, 4), np.float32), k=k, dtype=7)


@pytest.mark.skipif(onnx_before(1, 23), reason="what the onnx package calculates here is wrong")
@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_one_hot_elements_of_known_indices(agrees: FactsOf, axis: int) -> None:
    """An index below 0 counts from the last class, and one outside is none of them."""
    agrees("OneHot", np.array([[0, 2, -1], [-3, 1, 5]], np.int64), np.int64(3), np.array([7, 9], np.int64), axis=axis)


def test_one_hot_of_indices_that_are_not_known(facts_of: FactsOf) -> None:
    assert facts_of("OneHot", t(2, dtype="int64"), number(3), ints(0, 1)).outputs == (t(2, 3, dtype="int64"),)


def test_pairs_of_features_are_as_many_as_their_triangle_has() -> None:
    """Products of features with those before them, as recommenders take them: 4 * 3 / 2 pairs."""
    analysis = run("""
    g (float[2, 4, 4] x) => (float[] y) {
        shape = Constant <value_ints = [4, 4]> ()
        ones = ConstantOfShape <value = int64[1] {1}> (shape)
        above = Constant <value = int64 {-1}> ()
        triangle = Trilu <upper = 0> (ones, above)
        places = NonZero(triangle)
        found = Transpose(places)
        last = Transpose <perm = [1, 2, 0]> (x)
        y = GatherND(last, found)
    }
    """)
    assert analysis.tensors["y"].shape == (6, 2)
