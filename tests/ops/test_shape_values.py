"""Tensors made of shapes, ranges and constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graphcost import Facts, Tensor, Work
from graphcost.dims import symbol, symbols
from graphcost.graph import UNKNOWN, UnknownShape
from harness import ints, t

FactsOf = Callable[..., Facts]

N, S = symbol("N"), symbol("S")


def one(element: Any, dtype: str = "int64") -> Tensor:
    return Tensor((), dtype, (element,))


CONSTANTS = [
    ({"value": t(3, 4)}, t(3, 4)),
    ({"sparse_value": t(3, 4)}, t(3, 4)),
    ({"value_int": 0}, one(0)),
    ({"value_ints": (1, 2)}, ints(1, 2)),
    ({"value_ints": ()}, ints()),
    ({"value_float": 0.5}, one(0.5, "float32")),
    ({"value_floats": (0.5, 2.0)}, Tensor((2,), "float32", (0.5, 2.0))),
    ({"value_string": "a"}, t(dtype="string")),
    ({"value_strings": ("a", "b")}, t(2, dtype="string")),
]


@pytest.mark.parametrize(("attrs", "tensor"), CONSTANTS)
def test_a_constant_is_what_its_attribute_spells_and_a_weight(
    facts_of: FactsOf, attrs: dict[str, Any], tensor: Tensor
) -> None:
    facts = facts_of("Constant", **attrs)
    assert facts.outputs == (tensor,)
    assert facts.weights == (tensor,)


def test_a_constant_without_a_value_is_a_contradiction(facts_of: FactsOf) -> None:
    with pytest.raises(ValueError, match="no attribute"):
        facts_of("Constant")


@pytest.mark.parametrize(
    ("shape", "value", "expected"),
    [
        (ints(2, 1), None, Tensor((2, 1), "float32", (0.0, 0.0))),
        (ints(2), ints(7), ints(7, 7)),
        (ints(), ints(7), one(7)),
        (ints(N, 3), ints(7), t(N, 3, dtype="int64")),
        (ints(2**20, 64), None, t(2**20, 64)),
    ],
)
def test_constant_of_shape(facts_of: FactsOf, shape: Tensor, value: Tensor | None, expected: Tensor) -> None:
    assert facts_of("ConstantOfShape", shape, value=value).outputs == (expected,)


def test_constant_of_a_shape_of_which_only_the_rank_is_known(facts_of: FactsOf) -> None:
    (y,) = facts_of("ConstantOfShape", t(2, dtype="int64")).outputs
    assert y.rank == 2
    assert all(symbols(extent) for extent in y.shape)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, None, (N, 3, S)), (1, None, (3, S)), (-1, None, (S,)), (0, -1, (N, 3)), (-9, 9, (N, 3, S)), (2, 1, ())],
)
def test_shape_from_start_to_end(facts_of: FactsOf, start: int, end: int | None, expected: tuple[Any, ...]) -> None:
    facts = facts_of("Shape", t(N, 3, S), start=start, end=end)
    assert facts.outputs == (ints(*expected),)
    assert facts.elements_read == (0,)


def test_the_shape_of_an_unknown_tensor_is_unknown(facts_of: FactsOf) -> None:
    with pytest.raises(UnknownShape):
        facts_of("Shape", UNKNOWN)


def test_size(facts_of: FactsOf) -> None:
    assert facts_of("Size", t(N, 3, 4)).outputs == (one(12 * N),)
    assert facts_of("Size", t()).outputs == (one(1),)


@pytest.mark.parametrize(("start", "limit", "delta"), [(0, 5, 1), (5, 0, -2), (3, 3, 1), (5, 0, 1), (-4, 4, 3)])
def test_range_counts_and_lists(agrees: FactsOf, start: int, limit: int, delta: int) -> None:
    agrees("Range", *(np.int64(bound) for bound in (start, limit, delta)))


@pytest.mark.parametrize(("start", "limit", "delta"), [(0.0, 1.0, 0.3), (1.0, 0.0, -0.25), (0.0, 1.0, 2.0)])
def test_range_of_floats(agrees: FactsOf, start: float, limit: float, delta: float) -> None:
    agrees("Range", *(np.float32(bound) for bound in (start, limit, delta)), followed=delta != 0.3)


@pytest.mark.parametrize(
    ("first", "last", "step", "length"),
    [(0, N, 1, N), (N, N + 7, 2, 4), (0, N, 2, (N + 1) // 2), (0, 2**62, 2**40, 2**22)],
)
def test_range_of_symbols_or_of_absurd_limits_is_a_formula(
    facts_of: FactsOf, first: Any, last: Any, step: Any, length: Any
) -> None:
    facts = facts_of("Range", one(first), one(last), one(step))
    assert facts.outputs[0].shape == (length,)
    assert facts.work == Work(adds=length)


def test_a_range_of_unknown_limits_is_open(facts_of: FactsOf) -> None:
    assert symbols(facts_of("Range", one(0), t(dtype="int64"), one(1)).outputs[0].shape[0])


def test_constant_fill_takes_a_shape_a_likeness_or_a_spelled_shape(facts_of: FactsOf) -> None:
    assert facts_of("ConstantFill", opset=1, shape=(2, 3)).outputs[0].shape == (2, 3)
    assert facts_of("ConstantFill", t(4, 5), opset=1, extra_shape=(6,)).outputs[0].shape == (4, 5, 6)
    assert facts_of("ConstantFill", ints(4, 5), opset=1, input_as_shape=1).outputs[0].shape == (4, 5)


@pytest.mark.parametrize("kind", ["RandomNormal", "RandomUniform"])
def test_random_numbers_of_a_shape_or_a_likeness(facts_of: FactsOf, kind: str) -> None:
    assert facts_of(kind, shape=(2, 3), dtype=11).outputs == (t(2, 3, dtype="float64"),)
    assert facts_of(f"{kind}Like", t(2, 3)).outputs == (t(2, 3),)
    assert facts_of(f"{kind}Like", t(2, 3), dtype=10).outputs == (t(2, 3, dtype="float16"),)


def test_multinomial_draws_samples_per_batch(facts_of: FactsOf) -> None:
    facts = facts_of("Multinomial", t(4, 10), sample_size=5)
    assert facts.outputs == (t(4, 5, dtype="int32"),)
    assert facts.work == Work(exps=4 * 10, adds=4 * 10, compares=4 * 5 * 10)
