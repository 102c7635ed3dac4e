"""What a file calls its dimensions: expressions of others, or names, of which no two become one."""

from __future__ import annotations

import keyword
from operator import add, mul, sub
from typing import Any

import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from graphcost.dims import (
    Extent,
    Names,
    identifier,
    maximum,
    minimum,
    read_dimension,
    substitute,
    symbol,
    symbols,
)
from graphcost.dims.names import escaped, spelled

a, b, s0, s1, past = (symbol(name) for name in ("a", "b", "s0", "s1", "past_sequence_length"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("past_sequence_length + 1", past + 1),  # optimum, onnxruntime's transformer tools
        ("past_sequence_length + sequence_length", past + symbol("sequence_length")),
        ("batch*sequence", symbol("batch") * symbol("sequence")),
        ("a+b", a + b),
        ("(a+b)*2", 2 * a + 2 * b),
        ("2*s0", 2 * s0),  # torch.onnx.export(dynamo=True)
        ("s0 + s1", s0 + s1),
        ("s0//2", s0 // 2),
        ("s0 // 2", s0 // 2),
        ("(s0//2)", s0 // 2),
        ("((1500*s0)//s1)", 1500 * s0 // s1),
        ("(((s0 - 1)//8)) + 1", (s0 - 1) // 8 + 1),
        ("((((((((s0//80)) - 3)//2)) - 1)//2)) + 1", ((s0 // 80 - 3) // 2 - 1) // 2 + 1),
        ("-s0 + 512", 512 - s0),
        ("s0**2", s0 * s0),
        ("2**s0", None),
        ("s0 % 8", s0 % 8),
        ("Mod(s0, 8)", s0 % 8),
        ("PythonMod(s0, 8)", s0 % 8),
        ("ModularIndexing(s0, 4, 8)", s0 // 4 % 8),
        ("FloorDiv(s0, 2)", s0 // 2),
        ("CleanDiv(s0, 2)", s0 // 2),
        ("CeilDiv(s0, 2)", (s0 + 1) // 2),
        ("CeilToInt(IntTrueDiv(s0, 2))", (s0 + 1) // 2),
        ("FloorToInt(1.5*ToFloat(s0))", 3 * s0 // 2),
        ("TruncToInt(2.0*ToFloat(4*(((s0 - 1)//4)) + 4))", 8 * ((s0 - 1) // 4) + 8),
        ("math.ceil(s0 / 2)", (s0 + 1) // 2),
        ("math.trunc(0.5*torch.sym_float(s0))", s0 // 2),
        ("PowByNatural(s0, 3)", s0**3),
        ("Max(1, s0 - 3)", maximum(1, s0 - 3)),
        ("torch.sym_max(1, s0 - 3)", maximum(1, s0 - 3)),
        ("Min(512, s0)", minimum(512, s0)),
        ("max(a, b, 4)", maximum(a, b, 4)),
        ("floor(a/2 + 1/2)", (a + 1) // 2),  # sympy, as onnxruntime's symbolic shape inference writes it
        ("floor(a/2 + 1/2) + floor(b/3)", (a + 1) // 2 + b // 3),
        ("ceiling(a/2)", (a + 1) // 2),
        ("floor(a*b/(2*s0))", a * b // (2 * s0)),
        ("Max(0, a/2 - 1/2)", maximum(0, a - 1) // 2),
        ("a/2", a // 2),  # so says the file: the extent is an integer, and a is even
        ("4*a/2", 2 * a),
        ("Abs(a)", a),
        ("Abs(a - 1)", a - 1),  # 0 where a is 1
        ("a.b + 1", symbol("a_x2E_b") + 1),
    ],
)
def test_an_expression_is_read_as_what_it_says(text: str, expected: Extent | None) -> None:
    assert read_dimension(text) == (symbol(escaped(text)) if expected is None else expected)


@pytest.mark.parametrize(
    "name",
    [
        "batch", "batch size", "batch-size", "input-0_dim0", "seq-1", "s0-1", "H/W", "H/w + 1", "batch.size", "8", "-1", "?", "None", "", "2d",
        "LayerNormalizationonnx::Gather_1358_dim_0", "unk__12", "max", "1.5", "2*", "(a", "a b", "a**b", "foo(a)", "f(a) + 1",
        "a // 0", "a % (b - b)", "floor(a, b)", "1.3333*a", "a/b", "-a", "Abs(a - b)", "TruncToInt(a - 5)", "Max(a/b, 1)", "a < b",
        "Piecewise((a, b))", "größe + 1", "9" * 2000 + "*a", "a+" * 600 + "a", "a" * 5000, "x\0", "a\n+\n", "sqrt(a)", "zoo", "a if b else 1",
    ],
)  # fmt: skip
def test_what_is_no_expression_is_a_name_of_its_own(name: str) -> None:
    extent = read_dimension(name)
    assert extent == symbol(escaped(name))
    assert len(symbols(extent)) == 1


def test_an_expression_too_large_to_write_out_is_a_name() -> None:
    """100 products of 100 sums of two symbols have 2**100 terms."""
    text = "*".join(f"(a{i} + b{i})" for i in range(60))
    assert read_dimension(text) == symbol(escaped(text))
    assert read_dimension("a**101") == symbol(escaped("a**101"))


# A random expression as sympy prints it, with sympy's own value of it at a point.

trees: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from(["a", "b", "s0"]) | st.integers(1, 9),
    lambda inner: st.tuples(st.sampled_from(["+", "-", "*", "floor", "ceiling", "Max", "Min"]), inner, inner),
    max_leaves=5,
)


def build(tree: Any) -> Any:
    if isinstance(tree, str):
        return sympy.Symbol(tree, integer=True, positive=True)
    if isinstance(tree, int):
        return sympy.Integer(tree)
    operator, left, right = tree[0], build(tree[1]), build(tree[2])
    if operator in ("floor", "ceiling"):
        assume(right != 0)
        return getattr(sympy, operator)(left / right)
    return {"+": add, "-": sub, "*": mul, "Max": sympy.Max, "Min": sympy.Min}[operator](left, right)


@settings(max_examples=60, deadline=None)
@given(trees, st.fixed_dictionaries({name: st.integers(1, 12) for name in ("a", "b", "s0")}))
def test_what_sympy_prints_has_the_value_that_sympy_gives_it(tree: Any, point: dict[str, int]) -> None:
    expression = build(tree)
    text = str(expression)
    extent = read_dimension(text)
    assume(extent != symbol(escaped(text)) or text in point)
    value = expression.subs({sympy.Symbol(n, integer=True, positive=True): v for n, v in point.items()})
    assume(value.is_Integer)
    try:
        assert substitute(extent, point) == int(value)
    except ZeroDivisionError:
        assume(False)  # no value there; sympy makes 0/(1 - s0) 0 before it comes to s0


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("batch", "batch"),
        ("size_x", "size_x"),
        ("grid_x_20", "grid_x_20"),
        ("grid_x20_", "grid_x5F_x20_"),
        ("batch size", "batch_x20_size"),
        ("batch.size", "batch_x2E_size"),
        ("batch-size", "batch_x2D_size"),
        ("?", "_x3F_"),
        ("", "_x5F_"),
        ("2d", "_x32_d"),
        ("größe", "gr_xF6__xDF_e"),
        ("lambda", "_x6C_ambda"),
        ("max", "_x6D_ax"),
    ],
)
def test_any_text_becomes_a_name(name: str, expected: str) -> None:
    assert escaped(name) == expected
    assert identifier(name) == (
        name if name.isidentifier() and name not in ("lambda", "max") and name.isascii() else expected
    )
    assert identifier(expected) == expected  # as reports print it
    assert str(symbol(escaped(name))) == expected
    assert symbols(symbol(expected) * 2 + a) == {expected, "a"}


near = st.text(st.sampled_from("ab_x2F. -") | st.characters(), max_size=8) | st.sampled_from(keyword.kwlist)


@settings(max_examples=300, deadline=None)
@given(near)
def test_a_name_can_be_told_from_its_identifier(name: str) -> None:
    word = escaped(name)
    assert word.isascii() and word.isidentifier() and not keyword.iskeyword(word) and word not in ("max", "min")
    assert spelled(word) == name


@pytest.mark.parametrize(
    "names",
    [
        ("a.b", "a_b", "a-b", "a b", "a__b"),
        ("2d", "_2d", "_x32_d"),
        ("a b", "a_x20_b", "a_x5F_x20_b"),
        ("max", "max_", "_x6D_ax", "Max"),
        ("_xAB.", "«x2E_", "_xAB_x2E_"),
        ("x", "X", "х"),  # the last is Cyrillic
        ("past + seq", "past - seq", "past-seq", "past*seq", "past_seq", "past/seq"),
    ],
)  # fmt: skip
def test_names_that_look_alike_are_different_dimensions(names: tuple[str, ...]) -> None:
    extents = [read_dimension(name) for name in names]
    assert len(set(extents)) == len(names)
    assert len({str(extent) for extent in extents}) == len(names)


def test_coined_names_keep_away_from_those_that_are_taken() -> None:
    names = Names(taken=["z_1", "z_1_2"])
    assert names(("z", 0), "z_0") == "z_0"
    assert names(("z", 1), "z_1") == "z_1_3"
    assert names(("other", 1), "z_1") == "z_1_4"
    assert names(("z", 1), "z_1") == "z_1_3"  # the same whenever it is asked
    assert names("/model/NonZero", "/model/NonZero_1") == "_model_NonZero_1"
    assert names("model:NonZero", ":model:NonZero_1") == "_model_NonZero_1_2"
    assert [names(word, word) for word in ("2d", "if", "")] == ["_2d", "if_", "_"]


@settings(max_examples=100, deadline=None)
@given(st.lists(near, unique=True), st.sets(near))
def test_every_coined_name_is_another(wishes: list[str], taken: set[str]) -> None:
    names = Names(map(identifier, taken))
    coined = [names(wish, wish) for wish in wishes]
    assert len({*coined, *map(identifier, taken)}) == len(coined) + len(set(map(identifier, taken)))
    assert all(identifier(name) == name for name in coined)
