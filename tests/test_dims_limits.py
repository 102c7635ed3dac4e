"""Formulas that a file makes grow: each operation ends soon, with a formula that can be written or with TooLarge."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from onnx import TensorProto, helper, parser

from graphcost import ModelError, analyze, cli
from graphcost.dims import (
    Extent,
    TooLarge,
    Undecided,
    bounded_effort,
    bounds,
    lower_bounds,
    maximum,
    minimum,
    parse,
    read_dimension,
    resolve,
    solve,
    substitute,
    symbol,
    symbols,
    total,
)
from graphcost.importers import onnx as importer
from graphcost.limits import MAX_BITS, MAX_FORMULA, MAX_OPERANDS, MAX_TERMS, MAX_WIDE_TERMS
from harness import onnx_text, parsed, saved, value_info

N, M, H = (symbol(name) for name in "NMH")
HUGE = 10**6000
"""A number that Python refuses to write: more than 4,300 digits."""


def grown(step: Callable[[Extent], Extent], times: int) -> Extent:
    """What becomes of N when it is changed so many times."""
    extent: Extent = N
    for _ in range(times):
        extent = step(extent)
    return extent


def wide(terms: int, name: str = "s") -> Extent:
    """A sum of so many symbols."""
    return total(symbol(f"{name}{number}") for number in range(terms))


@pytest.mark.parametrize(
    "operation",
    [
        lambda: grown(lambda x: x * x, 30),
        lambda: N ** 2**30,
        lambda: (N + M + 1) ** 1000,
        lambda: grown(lambda x: x + x, 20_000),
        lambda: grown(lambda x: x * 3, 20_000),
        lambda: grown(lambda x: maximum(x // 2 + 9, x - M), 100),
        lambda: grown(lambda x: x * x + M, 30),
        lambda: N * HUGE,
        lambda: N + HUGE,
        lambda: HUGE - N,
        lambda: N // HUGE,
        lambda: HUGE // N,
        lambda: N % HUGE,
        lambda: maximum(N, HUGE),
        lambda: minimum(N, -HUGE),
        lambda: N < HUGE,
        lambda: substitute(N * M, {"N": HUGE}),
        lambda: substitute(N**100, {"N": 10**1000}),
        lambda: substitute(N**100, {"N": wide(40)}),
        lambda: wide(MAX_TERMS + 1),
        lambda: wide(200) * wide(200, "t"),
        lambda: maximum(*[symbol(f"s{number}") // 2 for number in range(MAX_OPERANDS + 1)]),
        lambda: symbol("x" * (MAX_FORMULA + 1)) + 1,
        lambda: parse("*".join(f"(a{number} + b{number})" for number in range(60))),
        lambda: parse("9**9**9"),
    ],
)  # fmt: skip
def test_what_would_not_end_or_not_be_written_is_refused(operation: Callable[[], object]) -> None:
    with pytest.raises(TooLarge) as refusal:
        operation()
    assert isinstance(refusal.value, ModelError) and isinstance(refusal.value, ValueError)
    assert len(str(refusal.value)) < 120


@pytest.mark.parametrize(
    "extent",
    [
        2 ** (MAX_BITS - 1) * N + 1,
        N // 2 ** (MAX_BITS - 1),
        maximum(N // 2, 2 ** (MAX_BITS - 1)) ** 100 // 3,
        minimum((N + 10) ** 50, 2 ** (MAX_BITS - 2)) * M,
        wide(MAX_TERMS - 1),
        wide(5000) // 7,
        wide(3000) // wide(3, "t"),
        wide(2000) // (N + 1),
        (N * M) ** 40 // (N + M + 1),
        (N + M) ** 12 // (N + M + H),
        grown(lambda x: minimum((x + 1) // 2 + M, 900) * 2 + 1, 100),
        grown(lambda x: (x + 3) // (M + 1) + H, 60),
        maximum(*[wide(30, f"s{number}_") // 2 for number in range(MAX_OPERANDS)]),
    ],
    ids=range(13),
)
def test_what_is_just_not_refused_can_be_written_compared_bound_and_kept(extent: Extent) -> None:
    text = str(extent)
    assert len(text) < 10 * MAX_FORMULA
    low, high = bounds(extent)
    assert low is not None and low >= 0 and (high is None or low <= high)
    assert symbols(extent) == set(lower_bounds(extent))
    assert pickle.loads(pickle.dumps(extent)) == copy.deepcopy(extent) == extent
    assert extent - extent == 0
    try:
        assert isinstance(substitute(extent, dict.fromkeys(symbols(extent), 3)), int)
        assert extent < N + 1
    except (TooLarge, Undecided):
        assert True


def test_a_deep_formula_is_kept_read_and_bound_without_recursion() -> None:
    """Python's own recursion ends at 1,000."""
    extent = grown(lambda x: x // (M + 1) + 9, 400)
    assert parse(str(extent)) == pickle.loads(pickle.dumps(extent)) == copy.deepcopy(extent) == extent
    value = 500
    for _ in range(400):
        value = value // (2 + 1) + 9
    assert substitute(extent, {"N": 500, "M": 2}) == value


def test_names_of_any_length_are_dimensions_or_refused() -> None:
    assert symbols(read_dimension("(" * 400 + "a + 1" + ")" * 400)) == {"a"}
    assert len(symbols(read_dimension("a+" * 5000 + "a"))) == 1
    with pytest.raises(TooLarge):
        read_dimension("x y" * MAX_FORMULA)


def test_a_sum_of_many_is_that_of_each_in_turn() -> None:
    extents = [N, 3, 2 * M, H // 2, -N, 4]
    assert total(extents) == sum(extents, 0) == 2 * M + H // 2 + 7
    assert type(total([])) is type(total([N, -N])) is int


def test_values_may_be_formulas_of_one_another() -> None:
    assert resolve({"total": N + M, "N": 3, "other": 5}) == {"total": 3 + M, "N": 3, "other": 5}
    assert resolve({"a": parse("b + 1"), "b": parse("c + 1"), "c": 1}) == {"a": 3, "b": 2, "c": 1}
    with pytest.raises(ValueError, match="depends on itself"):
        resolve({"a": parse("b + 1"), "b": parse("a")})


@pytest.mark.parametrize(
    ("extent", "value", "solution"),
    [
        (N, 7, ("N", 7)),
        (2 * N, 6, ("N", 3)),
        (2 * N + 1, 6, None),
        (5 - N, 2, ("N", 3)),
        (3 * N + 1, 6 * M + 1, ("N", 2 * M)),
        (N // 2, 3, None),
        (N * N, 9, None),
        (N + M, 9, None),
        (4, 4, None),
    ],
)
def test_a_formula_of_one_symbol_tells_it_from_its_value(
    extent: Extent, value: Extent, solution: tuple[str, Extent] | None
) -> None:
    assert solve(extent, value) == solution


def chain(kind: str, steps: int) -> importer.Proto:
    """A network that computes a shape from the size N of its input, each step from the one before twice over."""
    nodes = [helper.make_node("Shape", ["x"], ["s"]), helper.make_node("Gather", ["s", "zero"], ["c0"])]
    nodes += [helper.make_node(kind, [f"c{at}", f"c{at}"], [f"c{at + 1}"]) for at in range(steps)]
    nodes.append(helper.make_node("Expand", ["x", f"c{steps}"], ["y"]))
    zero = helper.make_tensor("zero", TensorProto.INT64, [1], [0])
    net = helper.make_graph(nodes, "g", [value_info("x", ["N", "M"])], [value_info("y")], [zero])
    return helper.make_model(net, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize(("kind", "steps"), [("Mul", 30), ("Add", 6000), ("Div", 30), ("Max", 30), ("Mod", 30)])
def test_a_network_that_makes_formulas_grow_is_analysed(kind: str, steps: int) -> None:
    analysis = analyze(importer.build(chain(kind, steps)))
    assert analysis.tensors["y"].rank == 2
    assert analysis.report().render("json")


def test_thousands_of_inputs_of_their_own_sizes_are_added_up() -> None:
    """Each is of s x 8 elements, of which Relu compares every one."""
    names = [f"s{number}" for number in range(3000)]
    nodes = [helper.make_node("Relu", [f"x_{name}"], [f"y_{name}"]) for name in names]
    net = helper.make_graph(
        nodes, "g", [value_info(f"x_{name}", [name, 8]) for name in names], [value_info(f"y_{name}") for name in names]
    )
    analysis = analyze(
        importer.build(helper.make_model(net, opset_imports=[helper.make_opsetid("", 17)], ir_version=8))
    )
    assert analysis.work.compares == 8 * total(map(symbol, names))
    assert analysis.total("peak_activation_bytes") is not None


@pytest.mark.parametrize(
    "step", [lambda x: x + 1, lambda x: -x, lambda x: x * 3, lambda x: x // 2], ids=["+", "-", "*", "//"]
)
def test_wide_formulas_are_gone_through_for_so_long_together(step: Callable[[Extent], Extent]) -> None:
    """Each step goes through the thousand terms of one formula, of which five hundred are too many."""
    formula = wide(1000)
    with bounded_effort():
        for _ in range(MAX_WIDE_TERMS // 1000 // 2):
            step(formula)
        with pytest.raises(TooLarge, match="500,000 terms all together"):
            for _ in range(MAX_WIDE_TERMS // 1000):
                step(formula)
        assert step(wide(99)) is not None  # those of usual width are not counted
    step(formula)


def test_a_network_may_not_have_wide_formulas_without_end() -> None:
    """Each of 3,000 shapes is a thousand terms wide, of which one in six at most can be gone through."""
    names = [f"s{number}" for number in range(1000)]
    inputs = ", ".join(f"float[{name}] x_{name}" for name in names)
    joined = ", ".join(f"x_{name}" for name in names)
    steps = " ".join(f"c{at + 1} = Concat<axis = 0>(c{at}, one)" for at in range(3000))
    analysis = analyze(parsed(f"g ({inputs}, float[1] one) => (c3000) {{ c0 = Concat<axis = 0>({joined}) {steps} }}"))
    unknown = [row for row in analysis.rows if row.status == "unknown"]
    assert 2500 <= len(unknown) < 3000
    assert unknown[0].why == "formulas of more than 500,000 terms all together (give sizes numbers)"


def test_a_total_that_is_too_long_names_the_file_and_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """600 sizes, each with a name of a hundred characters."""
    names = [f"s{number:099}" for number in range(600)]
    inputs = ", ".join(f"float[{name}] x{at}" for at, name in enumerate(names))
    steps = " ".join(f"y{at} = Relu(x{at})" for at in range(600))
    path = saved(parser.parse_model(onnx_text(f"g ({inputs}) => (y0) {{ {steps} }}")), tmp_path)
    assert cli.main([str(path)]) == 2
    reason = f"{path}: a formula is longer than 50,000 characters; --input and --dim set the sizes that are open"
    assert capsys.readouterr().err == f"graphcost: error: {reason}\n"
