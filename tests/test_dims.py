"""Extents that are not known yet: canonical form, comparison, text; the arithmetic against Python's and sympy's."""

from __future__ import annotations

import copy
import math
import pickle
import sys
from collections.abc import Callable
from functools import partial
from operator import add, floordiv, ge, lt, mod, mul, sub
from typing import Any

import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from graphcost.dims import (
    Dim,
    Extent,
    TooLarge,
    Undecided,
    bounds,
    ceil_div,
    floor_div,
    maximum,
    minimum,
    parse,
    substitute,
    symbol,
    symbols,
    to_json,
)

B, C, H, M, N, S, W, d = (symbol(name) for name in "BCHMNSWd")
found = symbol("found", lower=0)  # what a NonZero found: data decides


@pytest.mark.parametrize(
    ("result", "formula"),
    [
        (224 * 224 * 3 * N, "150528*N"),
        (2 * B * S * S * d + 12 * B * S * d**2, "12*B*S*d**2 + 2*B*S**2*d"),
        (N * 2 - N, "N"),
        ((H + 2 * 1 - 3) // 2 + 1, "(H + 1)//2"),
        ((4 * N + 6) // 2, "2*N + 3"),
        ((2 * N + 1) // 2, "N"),
        ((4 * N + 3) // 6, "(2*N + 1)//3"),
        (5 * N // 4, "N + N//4"),
        ((N // 2) // 2, "N//4"),
        (((H + 1) // 2 + 1) // 2, "(H + 3)//4"),
        ((N // M) // 2, "N//(2*M)"),
        (N // -4, "-((N + 3)//4)"),
        ((5 * N) // N, "5"),
        ((found * 4) // found, "4"),
        ((N * H * W * 12) // (H * W), "12*N"),
        ((2 * (H // 4) * (W // 4) * 8) // ((H // 4) * 8), "2*(W//4)"),
        (((H // 2 + 1) * (W + 3) * 6) // (2 * (H // 2 + 1)), "3*W + 9"),
        ((N * M + 3) // N, "M + 3//N"),
        (N // (N + 1), "0"),
        (N % 1, "0"),
        (4 * N % 2, "0"),
        ((4 * N + 3) % 2, "1"),
        ((N - N % 4) // 4, "N//4"),
        (H + -H % 7, "7*((H + 6)//7)"),
        (ceil_div(N, 4), "(N + 3)//4"),
        (ceil_div(4 * N, 4), "N"),
        (ceil_div(N, M), "-(-N//M)"),
        (maximum(0, N), "N"),
        (maximum(0, N - 3), "max(0, N - 3)"),
        (maximum(1, found), "max(1, found)"),
        (maximum(2, maximum(N, M), 1, N), "max(2, M, N)"),
        (maximum(3, 7), "7"),
        (minimum(N, N + 1), "N"),
        (minimum(N, N // 2), "N//2"),
        (minimum(5, N, 4), "min(4, N)"),
        (minimum(0, N), "0"),
        (minimum(N, 4) // 8, "0"),
        (N * (M // N), "N*(M//N)"),
        (-(N // 4), "-(N//4)"),
        (M - N // 4, "M - N//4"),
        ((N // 4) ** 2, "(N//4)**2"),
        (2 // N, "2//N"),
        (7 - N, "-N + 7"),
        (math.prod((N, 3, H, W)), "3*H*N*W"),
        (N - N, "0"),
    ],
)
def test_arithmetic_is_brought_to_one_form(result: Extent, formula: str) -> None:
    assert str(result) == formula
    assert parse(formula) == result or "found" in formula


def test_a_result_without_a_symbol_is_an_int() -> None:
    for result in (
        N - N + 3,
        0 * N,
        N // N,
        N % 1,
        minimum(N, 0),
        maximum(2, 3),
        floor_div(7, 2),
        ceil_div(7, 2),
        N**0,
    ):
        assert type(result) is int


def test_equal_formulas_are_equal_and_hash_alike() -> None:
    assert N * 2 == N + N
    assert hash(N * 2) == hash(N + N)
    assert ceil_div(H, 2) == (H - 1) // 2 + 1
    assert {N * M: "area"}[M * N] == "area"
    assert N != M
    assert N != 1
    assert symbol("found") != found


def test_two_roundings_that_differ_at_some_point_are_not_equal() -> None:
    assert H // 2 + H // 2 != H
    assert N * (M // N) != M


@pytest.mark.parametrize(
    ("holds", "formula"),
    [
        (N > 0, "N > 0"),
        (N >= 1, "N >= 1"),
        (found >= 0, "found >= 0"),
        (N + 1 > N, "N + 1 > N"),
        (N // 2 <= N, "N//2 <= N"),
        (N - N // 2 > 0, "N - N//2 > 0"),
        (minimum(N, 4) <= N, "min(N, 4) <= N"),
        (maximum(N, M) >= M, "max(N, M) >= M"),
        (N % 4 < 4, "N%4 < 4"),
        (N % M >= 0, "N%M >= 0"),
        (N - N % 4 >= 0, "N - N%4 >= 0"),
        (minimum(N, 4) < 5, "min(N, 4) < 5"),
    ],
)
def test_a_comparison_that_bounds_prove_is_answered(holds: bool, formula: str) -> None:
    assert holds is True, formula


@pytest.mark.parametrize("fails", [N <= 0, N < 1, N + 1 <= N, 2 * N < N, minimum(N, 4) > 4, N // 2 > N])
def test_a_comparison_that_bounds_refute_is_answered(fails: bool) -> None:
    assert fails is False


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: N < 3, "whether N - 3 < 0 depends on N"),
        (lambda: 3 > N, "whether N - 3 < 0 depends on N"),  # noqa: SIM300
        (lambda: N * H >= M, "whether H*N - M >= 0 depends on H, M, N"),
        (lambda: found > 0, "whether found > 0 depends on found"),
        (lambda: bool(found), "whether found is 0 depends on found"),
        (lambda: bool(N // 2), "whether N//2 is 0 depends on N"),
    ],
)
def test_a_comparison_that_depends_on_a_symbol_says_so(ask: Callable[[], bool], message: str) -> None:
    with pytest.raises(Undecided) as raised:
        ask()
    assert str(raised.value) == message


def test_an_extent_that_cannot_be_zero_is_true() -> None:
    assert bool(N)
    assert bool(-N)


@pytest.mark.parametrize(
    ("extent", "expected"),
    [
        (7, (7, 7)),
        (N, (1, None)),
        (found, (0, None)),
        (3 - N, (None, 2)),
        (minimum(N, 4), (1, 4)),
        (maximum(3, N), (3, None)),
        (N % 4, (0, 3)),
        (N // M, (0, None)),
        (10 // N, (0, 10)),
        ((N - 3) ** 2, (None, None)),  # expanded, its sign is no longer seen
    ],
)
def test_bounds_follow_from_the_smallest_values_of_symbols(
    extent: Extent, expected: tuple[int | None, int | None]
) -> None:
    assert bounds(extent) == expected


def test_a_name_may_be_bound_as_the_file_spells_it() -> None:
    assert substitute(3 * symbol("batch size"), {"batch size": 8}) == 3 * 8


def test_substitution_reaches_into_quotients_and_maxima() -> None:
    extent = maximum(0, N - 3) * (H // 2) + ceil_div(N, M)
    assert substitute(extent, {"N": 5, "H": 9, "M": 3}) == (5 - 3) * (9 // 2) + 2
    assert substitute(extent, {"N": 3 * M}) == maximum(0, 3 * M - 3) * (H // 2) + 3
    assert substitute(extent, {"other": 4}) is extent
    assert substitute(12, {"N": 5}) == 12


def test_names_are_replaced_all_at_once() -> None:
    assert substitute(N - 2 * M, {"N": M, "M": N}) == M - 2 * N


def test_a_value_below_the_least_is_refused() -> None:
    with pytest.raises(ValueError, match="N is at least 1, not 0"):
        substitute(maximum(1, N), {"N": 0})
    assert substitute(maximum(1, found), {"found": 0}) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12", 12),
        (" 2*N + 1 ", 2 * N + 1),
        ("-(-N//4)", ceil_div(N, 4)),
        ("N % 4", N % 4),
        ("+N**2", N * N),
        ("max(0, N - 3, 2)", maximum(2, N - 3)),
        ("min(7)", 7),
        ("2**10", 1024),
    ],
)
def test_a_formula_is_read(text: str, expected: Extent) -> None:
    assert parse(text) == expected


def test_a_formula_is_read_with_the_least_values_it_was_written_under() -> None:
    assert parse("max(1, found)") == symbol("found")
    assert parse("max(1, found)", {"found": 0}) == maximum(1, found)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not a formula"),
        ("2*", "is not a formula"),
        ("N N", "is not a formula"),
        ("N/2", "divide with //"),
        ("1.5*N", "has no '1.5'"),
        ("True", "has no 'True'"),
        ("'N'", "is not a formula"),
        ("abs(N)", "has no 'abs'"),
        ("max()", "is not a formula"),
        ("max(*N)", "is not a formula"),
        ("max(N,)", "is not a formula"),
        ("(N, M)", "is not a formula"),
        ("N)", "is not a formula"),
        ("(N", "is not a formula"),
        ("N.real", "has no 'N.real'"),
        ("__import__('os').system('true')", "has no '__import__'"),
        ("N if N else 1", "is not a formula"),
        ("N < 2", "is not a formula"),
        ("~N", "is not a formula"),
        ("N//0", "divides by zero"),
        ("N % (M - M)", "divides by zero"),
        ("N**M", "exponent"),
        ("N**-1", "exponent"),
        ("9**9**9", "more than 4000 bits"),
        ("9" * 5000, "5000 digits"),
        ("N+" * 40000 + "N", "more than 50,000"),
        ("N\0", "is not a formula"),
    ],
)
def test_text_that_is_no_formula_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(text)


@pytest.mark.parametrize("text", ["(" * 20000 + "N" + ")" * 20000, "-" * 40000 + "N", "max(" * 9000 + "N" + ")" * 9000])
def test_a_formula_may_nest_as_deep_as_it_is_long(text: str) -> None:
    assert parse(text) == N


def test_a_sum_of_many_terms_is_read_back() -> None:
    total = sum(symbol(f"n{i}") for i in range(1500))
    assert parse(str(total)) == total


def test_repr_makes_the_dim_again() -> None:
    dim = 2 * N + H // 2
    assert repr(dim) == "Dim('2*N + H//2')"
    assert eval(repr(dim)) == dim
    with pytest.raises(ValueError, match="is the integer 4"):
        Dim("2 + 2")


def test_copies_are_equal() -> None:
    dim = maximum(H // 2, 3) * W
    assert pickle.loads(pickle.dumps(dim)) == dim
    assert copy.deepcopy(dim) == dim


def test_a_formula_beyond_reading_is_refused() -> None:
    wide = sum(symbol(f"n{i}") for i in range(100))
    with pytest.raises(TooLarge):
        wide * wide * wide  # 171,700 monomials
    doubled: Extent = N
    with pytest.raises(TooLarge):
        for _ in range(40):
            doubled = maximum(doubled // 2 + 9, doubled - M)


def test_a_zero_divisor_is_an_error() -> None:
    with pytest.raises(ZeroDivisionError):
        N // 0
    with pytest.raises(ZeroDivisionError):
        N % (M - M)


@pytest.mark.parametrize("other", [[3], 1.5, None])
def test_arithmetic_with_anything_else_is_a_type_error(other: Any) -> None:
    for operator in (add, sub, mul, floordiv, mod, lt, ge):
        with pytest.raises(TypeError):
            operator(N, other)
        with pytest.raises(TypeError):
            operator(other, N)
    assert other != N


@pytest.mark.parametrize(("extent", "data"), [(3, 3), (2 * N + 1, "2*N + 1"), (None, None)])
def test_json_has_integers_and_formulas_as_text(extent: Extent | None, data: int | str | None) -> None:
    assert to_json(extent) == data


def calls(work: Callable[[], object]) -> int:
    """How many Python functions a piece of work calls."""
    count = 0

    def seen(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def strided(layers: int) -> tuple[Extent, Extent]:
    """The extent behind so many layers that halve, rounding up, and the elements of all of them."""
    size: Extent = H
    total: Extent = 0
    for _ in range(layers):
        size = (size + 2 * 1 - 3) // 2 + 1
        total = total + B * 64 * size * W
    return size, total


def test_a_hundred_strided_layers_take_little_work_and_stay_small() -> None:
    """Together one division by 2**100; the sum has a term for each layer, so it takes as many steps for each."""
    size, total = strided(100)
    assert size == (H + 2**100 - 1) // 2**100
    assert substitute(total, {"B": 2, "H": 8, "W": 5}) == 2 * 64 * 5 * (4 + 2 + 1 * 98)
    assert calls(partial(strided, 100)) < 6 * calls(partial(strided, 25))


def clipped(layers: int) -> Extent:
    """Down by a ceil-mode pool with Caffe's clip, up by a transposed convolution, so many times over."""
    size: Extent = H
    for layer in range(layers):
        size = minimum(ceil_div(size, 2), 1000 + layer) * 2 + 1
    return size


def test_a_network_whose_roundings_do_not_merge_takes_work_in_proportion() -> None:
    expected = 700
    for layer in range(60):
        expected = min(-(-expected // 2), 1000 + layer) * 2 + 1
    assert substitute(clipped(60), {"H": 700}) == expected
    few, many = (calls(partial(substitute, clipped(layers), {"H": 700})) for layers in (15, 60))
    assert many < 8 * few and calls(partial(clipped, 60)) < 8 * calls(partial(clipped, 15))


# The same random tree is built of dims, of Python's integers and of sympy's expressions.

LOWER = {"N": 1, "M": 1, "k": 0, "z": -2}
Tree = Any  # a name, an integer, or (operator, tree, tree)

trees: st.SearchStrategy[Tree] = st.recursive(
    st.sampled_from(sorted(LOWER)) | st.integers(-4, 9),
    lambda inner: st.tuples(st.sampled_from(["+", "-", "*", "//", "%", "max", "min", "ceil"]), inner, inner),
    max_leaves=8,
)
points = st.fixed_dictionaries({name: st.integers(least, least + 12) for name, least in LOWER.items()})

DIMS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "max": maximum,
    "min": minimum,
    "ceil": ceil_div,
}
INTEGERS = {**DIMS, "max": max, "min": min, "ceil": lambda a, b: -(-a // b)}
SYMPY = {
    **INTEGERS,
    "//": lambda a, b: sympy.floor(a / b),
    "%": lambda a, b: a - b * sympy.floor(a / b),
    "max": sympy.Max,
    "min": sympy.Min,
    "ceil": lambda a, b: sympy.ceiling(a / b),
}


def build(tree: Tree, leaf: Callable[[Any], Any], operators: dict[str, Callable[[Any, Any], Any]]) -> Any:
    if isinstance(tree, tuple):
        operator, left, right = tree
        return operators[operator](build(left, leaf, operators), build(right, leaf, operators))
    return leaf(tree)


def as_dim(tree: Tree) -> Extent:
    try:
        return build(tree, lambda leaf: symbol(leaf, LOWER[leaf]) if isinstance(leaf, str) else leaf, DIMS)
    except ZeroDivisionError:
        assume(False)
        raise


def at(tree: Tree, point: dict[str, int]) -> int:
    try:
        return build(tree, lambda leaf: point.get(leaf, leaf), INTEGERS)
    except ZeroDivisionError:
        assume(False)  # no value there, so nothing to agree with
        raise


@settings(max_examples=400, deadline=None)
@given(trees, points)
def test_every_formula_has_the_value_of_the_arithmetic_it_came_from(tree: Tree, point: dict[str, int]) -> None:
    dim, value = as_dim(tree), at(tree, point)
    assert substitute(dim, point) == value
    assert eval(str(dim), {"max": max, "min": min, **point}) == value
    low, high = bounds(dim)
    assert low is None or low <= value
    assert high is None or value <= high


@settings(max_examples=100, deadline=None)
@given(trees, points)
def test_formulas_have_the_values_that_sympy_gives_them(tree: Tree, point: dict[str, int]) -> None:
    dim = as_dim(tree)
    at(tree, point)
    names = {name: sympy.Symbol(name, integer=True) for name in LOWER}
    expression = build(
        tree, lambda leaf: names.get(leaf, sympy.Integer(leaf) if isinstance(leaf, int) else leaf), SYMPY
    )
    assert substitute(dim, point) == int(expression.subs({names[name]: value for name, value in point.items()}))


@settings(max_examples=200, deadline=None)
@given(trees)
def test_a_formula_written_and_read_is_the_same(tree: Tree) -> None:
    dim = as_dim(tree)
    assert parse(str(dim), LOWER) == dim
    assert hash(parse(str(dim), LOWER)) == hash(dim)


@settings(max_examples=200, deadline=None)
@given(trees, points, st.sets(st.sampled_from(sorted(LOWER))))
def test_binding_some_names_and_then_the_rest_is_binding_all(
    tree: Tree, point: dict[str, int], first: set[str]
) -> None:
    dim, value = as_dim(tree), at(tree, point)
    try:
        partly = substitute(dim, {name: point[name] for name in first})
    except ZeroDivisionError:
        assume(False)
        raise
    assert symbols(partly) <= set(LOWER) - first
    assert substitute(partly, point) == value


@settings(max_examples=300, deadline=None)
@given(trees, trees, points)
def test_comparisons_are_true_at_every_point_or_undecided(left: Tree, right: Tree, point: dict[str, int]) -> None:
    a, b, x, y = as_dim(left), as_dim(right), at(left, point), at(right, point)
    if a == b:
        assert x == y
    for answer, truth in [
        (lambda: a < b, x < y),
        (lambda: a <= b, x <= y),
        (lambda: a > b, x > y),
        (lambda: a >= b, x >= y),
        (lambda: bool(a), bool(x)),
    ]:
        assert decided(answer) in (truth, None)


def decided(answer: Callable[[], bool]) -> bool | None:
    try:
        return answer()
    except Undecided:
        return None


@settings(max_examples=100, deadline=None)
@given(trees, trees, trees)
def test_sums_and_products_do_not_depend_on_order(one: Tree, two: Tree, three: Tree) -> None:
    a, b, c = as_dim(one), as_dim(two), as_dim(three)
    assert (a + b) + c == c + (b + a)
    assert a * (b + c) == c * a + b * a
    assert maximum(a, b, c) - minimum(a, b) == maximum(c, b, a) - minimum(b, a)
