"""Reductions: which axes go, what they cost, and what becomes of contents."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from graphcost import GLOBAL, Facts, Work
from graphcost.dims import symbol, symbols
from graphcost.graph import UnknownShape
from graphcost.ops.reduce import REDUCTIONS
from graphcost.windows import mapped
from harness import facts_of, ints, t

FactsOf = Callable[..., Facts]

N = symbol("N")
CUBE = np.arange(1, 25, dtype=np.int64).reshape(2, 3, 4)


WORK = [
    ("ReduceSum", Work(adds=24 - 6)),
    ("ReduceMean", Work(adds=24 - 6, divs=6)),
    ("ReduceMax", Work(compares=24 - 6)),
    ("ReduceMin", Work(compares=24 - 6)),
    ("ReduceProd", Work(muls=24 - 6)),
    ("ReduceL1", Work(compares=24, adds=24 - 6)),
    ("ReduceL2", Work(muls=24, adds=24 - 6, exps=6)),
    ("ReduceSumSquare", Work(muls=24, adds=24 - 6)),
    ("ReduceLogSum", Work(adds=24 - 6, exps=6)),
    ("ReduceLogSumExp", Work(exps=24 + 6, adds=24 - 6)),
    ("ArgMax", Work(compares=24 - 6)),
]


@pytest.mark.parametrize(("kind", "work"), WORK)
def test_a_reduction_joins_all_but_the_first_of_each_group(facts_of: FactsOf, kind: str, work: Work) -> None:
    """[2, 3, 4] over its last axis: 24 elements in, 2 x 3 out."""
    assert facts_of(kind, t(2, 3, 4), opset=11, axes=(2,), axis=2).work == work


def test_a_reduction_over_nothing_joins_nothing(facts_of: FactsOf) -> None:
    assert facts_of("ReduceMean", t(2, 0), opset=11, axes=(1,)).work == Work(divs=2)


@pytest.mark.parametrize("kind", sorted(REDUCTIONS))
@pytest.mark.parametrize(
    ("axes", "keepdims", "expected"),
    [
        (None, 1, (1, 1, 1)),
        (None, 0, ()),
        ((1,), 1, (2, 1, 4)),
        ((-1,), 0, (2, 3)),
        ((0, 2), 0, (3,)),
        ((), 1, (1, 1, 1)),
    ],
)
def test_axes_are_an_attribute_and_later_an_input(
    facts_of: FactsOf, kind: str, axes: tuple[int, ...] | None, keepdims: int, expected: tuple[int, ...]
) -> None:
    x = t(2, 3, 4)
    assert facts_of(kind, x, opset=11, axes=axes, keepdims=keepdims).outputs[0].shape == expected
    given = None if axes is None else ints(*axes)
    assert facts_of(kind, x, given, opset=18, keepdims=keepdims).outputs[0].shape == expected


def test_only_the_sum_takes_its_axes_as_an_input_in_version_13(facts_of: FactsOf) -> None:
    assert facts_of("ReduceSum", t(2, 3), ints(0), opset=13).outputs[0].shape == (1, 3)
    assert facts_of("ReduceMean", t(2, 3), opset=13, axes=(0,)).outputs[0].shape == (1, 3)


def test_no_axes_may_mean_no_reduction(facts_of: FactsOf) -> None:
    facts = facts_of("ReduceSumSquare", t(2, 3), ints(), noop_with_empty_axes=1)
    assert facts.outputs == (t(2, 3),)
    assert facts.work == Work(muls=2 * 3)


def test_a_scalar_may_be_reduced_along_its_axis_0(facts_of: FactsOf) -> None:
    assert facts_of("ReduceSum", t(), ints(0)).outputs[0].shape == ()


def test_unknown_axes_leave_the_number_of_axes(facts_of: FactsOf) -> None:
    kept = facts_of("ReduceSum", t(2, 3, 4), t(1, dtype="int64"))
    assert kept.outputs[0].rank == 3
    assert all(symbols(extent) for extent in kept.outputs[0].shape)
    assert kept.work is None
    assert facts_of("ReduceSum", t(2, 3, 4), t(1, dtype="int64"), keepdims=0).outputs[0].rank == 3 - 1
    with pytest.raises(UnknownShape):
        facts_of("ReduceSum", t(2, 3, 4), t(N, dtype="int64"), keepdims=0)


def test_symbolic_extents(facts_of: FactsOf) -> None:
    facts = facts_of("ReduceMean", t(N, 3, 8), ints(-1))
    assert facts.outputs[0].shape == (N, 3, 1)
    assert facts.work == Work(adds=N * 3 * 8 - N * 3, divs=N * 3)


def test_only_a_reduction_over_the_image_sees_all_of_it(facts_of: FactsOf) -> None:
    assert facts_of("ReduceMean", t(1, 3, 8, 8), ints(2, 3)).window == GLOBAL
    assert facts_of("ReduceMean", t(1, 3, 8, 8), ints(1)).window == mapped((0, None, 2, 3))
    assert facts_of("ReduceMean", t(1, 3, 8, 8), ints(3)).window == mapped((0, 1, 2, None))
    assert facts_of("ReduceMean", t(1, 3, 8, 8), ints(1), keepdims=0).window == mapped((0, None, 1, 2))


@pytest.mark.parametrize("kind", ["ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd"])
@pytest.mark.parametrize("axes", [(0,), (1, 2), (-1,), ()])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_reductions_follow_contents(agrees: FactsOf, kind: str, axes: tuple[int, ...], keepdims: int) -> None:
    agrees(kind, CUBE[:, :2, :2], np.array(axes, np.int64), keepdims=keepdims)


def test_a_mean_follows_contents(agrees: FactsOf) -> None:
    agrees("ReduceMean", CUBE.astype(np.float32), np.array([1], np.int64))


def test_products_of_symbols(facts_of: FactsOf) -> None:
    """How exporters write the number of elements of a shape."""
    assert facts_of("ReduceProd", ints(N, 3, N), keepdims=0).outputs[0].value == (3 * N * N,)


@pytest.mark.parametrize("kind", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize(("axis", "keepdims", "expected"), [(0, 1, (1, 3, 4)), (-1, 0, (2, 3))])
def test_arg_max_gives_integers(
    facts_of: FactsOf, kind: str, axis: int, keepdims: int, expected: tuple[int, ...]
) -> None:
    assert facts_of(kind, t(2, 3, 4), axis=axis, keepdims=keepdims).outputs == (t(*expected, dtype="int64"),)


@pytest.mark.parametrize("exclusive", [0, 1])
@pytest.mark.parametrize("reverse", [0, 1])
def test_running_sums_follow_contents(agrees: FactsOf, exclusive: int, reverse: int) -> None:
    x = np.array([3, 1, 4, 1, 5], np.int64)
    facts = agrees("CumSum", x, np.int64(0), exclusive=exclusive, reverse=reverse)
    assert facts.work == Work(adds=5 - 1)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize(("exclusive", "reverse"), [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_running_sums_of_a_matrix_run_along_an_axis(agrees: FactsOf, axis: int, exclusive: int, reverse: int) -> None:
    x = np.array([[3, 1, 4], [1, 5, 9]], np.int64)
    agrees("CumSum", x, np.int64(axis), exclusive=exclusive, reverse=reverse)


def test_a_running_sum_adds_to_all_but_the_first(facts_of: FactsOf) -> None:
    assert facts_of("CumSum", t(3, 4), ints(1)).work == Work(adds=3 * (4 - 1))
    assert facts_of("CumProd", t(3, 4), ints(0), opset=26).work == Work(muls=(3 - 1) * 4)


def test_a_running_sum_over_an_empty_axis_adds_nothing() -> None:
    facts = facts_of("CumSum", t(4, 0), ints(1))
    assert facts.outputs[0].shape == (4, 0) and facts.work == Work()
