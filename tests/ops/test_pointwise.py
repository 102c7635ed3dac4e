"""Elementwise operators: broadcasting, work per element, element types, and arithmetic on contents that steer shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graphcost import Facts, Tensor, Work
from graphcost.dims import substitute, symbol
from graphcost.ops.pointwise import ACTIVATIONS, BINARY, COMPARISONS, UNARY
from harness import floats, ints, t

FactsOf = Callable[..., Facts]

N = symbol("N")
EVEN = 2 * N


# --- work -------------------------------------------------------------------------------------------------------------

WORK = [
    ("Relu", [t(2, 3, 4)], {}, Work(compares=2 * 3 * 4)),
    ("LeakyRelu", [t(2, 12)], {"alpha": 0.1}, Work(compares=24, muls=24)),
    ("PRelu", [t(2, 3, 4), t(3, 1)], {}, Work(compares=24, muls=24)),
    ("Sigmoid", [t(24)], {}, Work(exps=24, adds=24, divs=24)),
    ("Clip", [t(24)], {}, Work()),
    ("Clip", [t(24), t()], {}, Work(compares=24)),
    ("Clip", [t(24), None, t()], {}, Work(compares=24)),
    ("Clip", [t(24), t(), t()], {}, Work(compares=2 * 24)),
    ("Add", [t(2, 3, 4), t(4)], {}, Work(adds=2 * 3 * 4)),
    ("Sub", [t(2, 3, 4), t(4)], {}, Work(adds=2 * 3 * 4)),
    ("Mul", [t(4, 1), t(1, 5)], {}, Work(muls=4 * 5)),
    ("Div", [t(5), t()], {}, Work(divs=5)),
    ("Pow", [t(5), t()], {}, Work(exps=5)),
    ("Pow", [t(5), Tensor((), "float32", (2.0,))], {}, Work(muls=5)),
    ("Pow", [t(5), Tensor((), "float32", (3.0,))], {}, Work(muls=2 * 5)),
    ("Sum", [t(5)], {}, Work()),
    ("Sum", [t(5), t(5), t(5)], {}, Work(adds=2 * 5)),
    ("Mean", [t(5), t(5), t(5)], {}, Work(adds=2 * 5, divs=5)),
    ("Max", [t(5), t(2, 1)], {}, Work(compares=2 * 5)),
    ("Where", [t(5, dtype="bool"), t(2, 1), t(1)], {}, Work(compares=2 * 5)),
    ("Cast", [t(5)], {"to": 7}, Work()),
    ("Identity", [t(5)], {}, Work()),
    ("Dropout", [t(5)], {}, Work()),
    ("Dropout", [t(5), None, Tensor((), "bool", (True,))], {}, Work(compares=5, muls=5)),
    ("com.microsoft.BiasSplitGelu", [t(2, 10), t(10)], {}, Work(muls=(3 + 1) * 10, adds=10 + 2 * 10, exps=10)),
    ("com.microsoft.BiasGelu", [t(2, 5), t(5)], {}, Work(muls=3 * 10, adds=(1 + 1) * 10, exps=10)),
]


@pytest.mark.parametrize(("kind", "inputs", "attrs", "work"), WORK)
def test_work_is_per_element_of_the_result(
    facts_of: FactsOf, kind: str, inputs: list[Tensor | None], attrs: dict[str, Any], work: Work
) -> None:
    assert facts_of(kind, *inputs, **attrs).work == work


STEPS = {
    "Relu": "max", "LeakyRelu": "cmp mul", "ThresholdedRelu": "cmp", "Clip": "min max",
    "Elu": "cmp exp sub mul", "Celu": "cmp div exp sub mul", "Selu": "cmp exp sub mul mul",
    "Sigmoid": "exp add div", "HardSigmoid": "mul add min max", "HardSwish": "mul add min max mul",
    "Tanh": "exp", "Softplus": "exp add exp", "Softsign": "cmp add div", "Mish": "exp add exp exp mul",
    "Swish": "mul exp add div mul", "Gelu": "mul exp add mul mul", "Shrink": "cmp cmp add",
    "ParametricSoftplus": "mul exp add exp mul", "ScaledTanh": "mul exp mul", "Affine": "mul add",
}  # fmt: skip
"""What each activation does to an element, step by step as its formula says; a logarithm, erf or tanh is an "exp"."""
KINDS = {"cmp": "compares", "min": "compares", "max": "compares", "mul": "muls", "div": "divs", "add": "adds",
         "sub": "adds", "exp": "exps"}  # fmt: skip


@pytest.mark.parametrize("kind", STEPS)
def test_an_activation_takes_the_steps_of_its_formula(kind: str) -> None:
    steps = [KINDS[step] for step in STEPS[kind].split()]
    assert ACTIVATIONS[kind] == Work(**{each: steps.count(each) for each in set(steps)})


def test_every_activation_has_a_rule_that_keeps_the_shape(facts_of: FactsOf) -> None:
    for kind, work in ACTIVATIONS.items():
        if kind == "Clip":
            continue
        inputs = [t(2, 3)] * (2 if kind == "PRelu" else 1)
        facts = facts_of(kind, *inputs, opset=10 if kind in ("ThresholdedRelu", "Shrink") else 25)
        assert facts.outputs == (t(2, 3),)
        assert facts.work == work * 6


# --- shapes and element types -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(BINARY))
def test_arithmetic_broadcasts_both_operands(facts_of: FactsOf, kind: str) -> None:
    assert facts_of(kind, t(2, 1, 4), t(3, 1)).outputs[0].shape == (2, 3, 4)


@pytest.mark.parametrize("kind", sorted(COMPARISONS))
def test_a_comparison_gives_truth_values(facts_of: FactsOf, kind: str) -> None:
    assert facts_of(kind, t(2, 1), t(3)).outputs == (t(2, 3, dtype="bool"),)


def test_operands_that_do_not_broadcast_are_a_contradiction(facts_of: FactsOf) -> None:
    with pytest.raises(ValueError, match="do not broadcast"):
        facts_of("Add", t(2, 3), t(2))


@pytest.mark.parametrize(
    ("a", "b", "axis", "expected"),
    [
        (t(2, 3, 4, 5), t(3, 4), 1, (2, 3, 4, 5)),
        (t(2, 3, 4, 5), t(2), 0, (2, 3, 4, 5)),
        (t(2, 3, 4, 5), t(5), -1, (2, 3, 4, 5)),
        (t(2, 3, 4, 5), t(4, 5), None, (2, 3, 4, 5)),
    ],
)
def test_before_version_7_an_axis_aligns_the_second_operand(
    facts_of: FactsOf, a: Tensor, b: Tensor, axis: int | None, expected: tuple[int, ...]
) -> None:
    for kind in ("Add", "Pow", "And"):
        assert facts_of(kind, a, b, opset=6, broadcast=1, axis=axis).outputs[0].shape == expected


def test_a_channel_operand_does_not_broadcast_at_an_axis_from_version_7(facts_of: FactsOf) -> None:
    with pytest.raises(ValueError, match="do not broadcast"):
        facts_of("Add", t(2, 3, 4, 5), t(3), opset=7, broadcast=1, axis=1)


@pytest.mark.parametrize(("opset", "mask"), [(1, "float32"), (7, "float32"), (10, "bool"), (12, "bool"), (22, "bool")])
def test_the_mask_of_dropout_is_boolean_from_version_10(facts_of: FactsOf, opset: int, mask: str) -> None:
    facts = facts_of("Dropout", t(2, 3), opset=opset, outputs=2)
    assert facts.outputs == (t(2, 3), t(2, 3, dtype=mask))
    assert facts.is_view


def test_clip_takes_its_bounds_from_attributes_before_version_11(facts_of: FactsOf) -> None:
    assert facts_of("Clip", t(5), opset=6, min=0.0, max=6.0).work == Work(compares=2 * 5)
    assert facts_of("Clip", t(5), opset=6, max=6.0).work == Work(compares=5)


@pytest.mark.parametrize(("to", "dtype"), [(1, "float32"), (10, "float16"), ("DOUBLE", "float64"), ("INT64", "int64")])
def test_cast_names_the_type_by_number_or_in_version_1_by_name(facts_of: FactsOf, to: int | str, dtype: str) -> None:
    assert facts_of("Cast", t(3), to=to).outputs == (t(3, dtype=dtype),)


# --- contents ---------------------------------------------------------------------------------------------------------

A = np.array([[7, -7, 3], [-3, 0, 2]], np.int64)
B = np.array([2, -2, 5], np.int64)
X = np.array([[2.5, -1.5], [0.5, 4.0]], np.float32)
BOOLS = np.array([True, False, True])


@pytest.mark.parametrize("kind", ["Add", "Sub", "Mul", "Max", "Min", "Mod", "Div", *COMPARISONS])
def test_integer_arithmetic_follows_contents(agrees: FactsOf, kind: str) -> None:
    if kind in ("And", "Or", "Xor"):
        agrees(kind, BOOLS[:, None], BOOLS)
    elif kind == "Div":  # onnx's own evaluator floors; the specification and onnxruntime truncate
        agrees(kind, np.abs(A), np.abs(B))
    else:
        agrees(kind, A, B)


@pytest.mark.parametrize("kind", ["Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean", "Greater", "Equal"])
def test_float_arithmetic_follows_contents(agrees: FactsOf, kind: str) -> None:
    agrees(kind, X, np.float32(3))


@pytest.mark.parametrize("kind", sorted(kind for kind, (_, function) in UNARY.items() if function))
def test_functions_follow_contents(agrees: FactsOf, kind: str) -> None:
    if kind == "BitwiseNot":
        agrees(kind, A)
        return
    agrees(kind, np.abs(X) if kind in ("Sqrt", "Log") else X, followed=kind not in ("Exp", "Log"))


@pytest.mark.parametrize("fmod", [0, 1])
def test_mod_takes_the_sign_of_the_divisor_or_of_the_dividend(agrees: FactsOf, fmod: int) -> None:
    agrees("Mod", A, B, fmod=fmod)


@pytest.mark.parametrize("to", [1, 6, 7, 9, 2])
@pytest.mark.parametrize("x", [A, np.abs(X), BOOLS], ids=["integers", "floats", "truth values"])
def test_cast_follows_contents(agrees: FactsOf, x: Any, to: int) -> None:
    agrees("Cast", np.abs(x) if to == 2 else x, to=to)


def test_the_sign_of_contents_is_one_of_three(facts_of: FactsOf) -> None:
    assert facts_of("Sign", ints(-7, 0, 5)).outputs[0].value == (-1, 0, 1)


def test_integers_divide_toward_zero(facts_of: FactsOf) -> None:
    quotients = facts_of("Div", ints(7, -7, 7, -7), ints(2, 2, -2, -2)).outputs[0].value
    assert quotients == (3, -3, -3, 3)


@pytest.mark.parametrize(
    ("kind", "dtype", "a", "b", "left"),
    [
        ("Add", "int32", 2**31 - 1, 1, -(2**31)),
        ("Sub", "uint8", 3, 5, 254),
        ("Mul", "int8", 16, 8, -128),
        ("Add", "int64", 2**63 - 1, 1, -(2**63)),
        ("Add", "int64", 2**31, 1, 2**31 + 1),
    ],
)
def test_integers_leave_off_the_bits_that_their_type_has_no_room_for(
    facts_of: FactsOf, kind: str, dtype: str, a: int, b: int, left: int
) -> None:
    assert facts_of(kind, Tensor((), dtype, (a,)), Tensor((), dtype, (b,))).outputs[0].value == (left,)


@pytest.mark.parametrize("signs", [{}, {"detect_negative": 0}, {"detect_positive": 0}])
def test_is_inf_looks_for_the_signs_that_it_is_told(agrees: FactsOf, signs: dict[str, int]) -> None:
    agrees("IsInf", np.array([np.inf, -np.inf, 1, np.nan], np.float32), **signs)


def test_where_chooses_elements(agrees: FactsOf) -> None:
    agrees("Where", BOOLS, A, B)


def test_where_knows_an_element_whose_choice_is_not_known_when_both_are_the_same(facts_of: FactsOf) -> None:
    y = facts_of("Where", t(3, dtype="bool"), ints(1, 2, N), ints(1, 3, N)).outputs[0]
    assert y.value == (1, None, N)


def test_where_does_not_need_the_operand_it_does_not_choose(facts_of: FactsOf) -> None:
    y = facts_of("Where", Tensor((2,), "bool", (True, False)), ints(5, 6), t(2, dtype="int64")).outputs[0]
    assert y.value == (5, None)


@pytest.mark.parametrize(("dtype", "scaled"), [("float64", 114.0), ("float32", 115.0)])
def test_a_rounding_decides_as_the_element_type_does(facts_of: FactsOf, dtype: str, scaled: float) -> None:
    """100 * 1.15 is 114.99999999999999 in double precision, and 115 in single."""
    product = facts_of("Mul", Tensor((), dtype, (100.0,)), Tensor((), dtype, (1.15,))).outputs[0]
    assert facts_of("Floor", product).outputs[0].value == (scaled,)


@pytest.mark.parametrize(("exact", "held"), [(256.0, 256.0), (257.0, 256.0), (257.1, 258.0), (259.0, 260.0)])
def test_bfloat16_holds_eight_digits_to_even_from_halfway(facts_of: FactsOf, exact: float, held: float) -> None:
    """Above 2**8 it holds every second integer."""
    wide = Tensor((), "float32", (exact,))
    assert facts_of("Cast", wide, to=16).outputs[0].value == (held,)


# --- contents with symbols --------------------------------------------------------------------------------------------

SYMBOLIC = [
    ("Add", ints(N, 3), ints(1, N), (N + 1, N + 3)),
    ("Sub", ints(N), ints(N), (0,)),
    ("Mul", floats(N), floats(2.0), (2 * N,)),
    ("Mul", floats(N), floats(0.5), (None,)),
    ("Div", ints(N), ints(4), (N // 4,)),
    ("Div", floats(EVEN), floats(2.0), (N,)),
    ("Div", floats(N), floats(2.0), (None,)),
    ("Mod", ints(EVEN), ints(2), (0,)),
    ("Equal", ints(N, N, N), ints(-1, N, 5), (False, True, None)),
    ("Greater", ints(N, N), ints(0, 5), (True, None)),
    ("Pow", ints(N), ints(2), (N * N,)),
]


@pytest.mark.parametrize(("kind", "a", "b", "expected"), SYMBOLIC)
def test_arithmetic_of_symbols_is_exact_or_unknown(
    facts_of: FactsOf, kind: str, a: Tensor, b: Tensor, expected: tuple[Any, ...]
) -> None:
    assert facts_of(kind, a, b).outputs[0].value == expected


def test_a_symbolic_quotient_is_cut_toward_zero_where_it_may_be_negative(facts_of: FactsOf) -> None:
    (quotient,) = facts_of("Div", ints(N - 7), ints(2)).outputs[0].value or ()
    for size in (1, 2, 6, 7, 8, 20):
        assert substitute(quotient, {"N": size}) == int((size - 7) / 2)  # type: ignore[arg-type]


def test_a_symbol_passes_through_a_cast_to_float_and_back(facts_of: FactsOf) -> None:
    there = facts_of("Cast", ints(N), to=1).outputs[0]
    rounded = facts_of("Floor", there).outputs[0]
    assert facts_of("Cast", rounded, to=7).outputs[0] == ints(N)


def test_unknown_elements_stay_unknown_one_by_one(facts_of: FactsOf) -> None:
    assert facts_of("Add", ints(None, 2), ints(1, 1)).outputs[0].value == (None, 3)


def test_division_by_zero_is_unknown_and_no_error(facts_of: FactsOf) -> None:
    assert facts_of("Div", ints(1, 4), ints(0, 2)).outputs[0].value == (None, 2)


# --- bounds -----------------------------------------------------------------------------------------------------------


def test_contents_larger_than_the_limit_are_not_followed(facts_of: FactsOf) -> None:
    wide = facts_of("Add", Tensor((4096, 1), "int64", (1,) * 4096), ints(1, 2)).outputs[0]
    assert wide.shape == (4096, 2)
    assert wide.value is None


def test_powers_of_powers_end_as_unknown(facts_of: FactsOf) -> None:
    """2**64 and more fit no integer type, so no chain of products can fill the memory."""
    tensor = ints(3, 2 * N)
    for _ in range(60):
        tensor = facts_of("Mul", tensor, tensor).outputs[0]
    assert tensor.value == (None, None)
