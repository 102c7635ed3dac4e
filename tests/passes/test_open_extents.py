"""Extents that only data decides: who may say what they are, and tensors that are filled at run time."""

from __future__ import annotations

import pytest
from onnx import parser

from graphcost import ModelError, Work, analyze
from graphcost.dims import symbol
from graphcost.importers import onnx as importer
from harness import run

FOUND = """
g (float[3, 4] x) => (int64[SHAPE] y) {
    found = NonZero(x)
    y = Neg(found)
}
"""


def test_an_extent_that_data_decides_is_named_after_its_tensor() -> None:
    found = symbol("found_1", lower=0)
    analysis = run(FOUND.replace("SHAPE", "2, found"))
    assert analysis.tensors["found"].shape == (2, found)
    assert analysis.tensors["y"].shape == (2, found)
    assert analysis.rows[1].work == Work(adds=2 * found)


def test_a_number_that_the_file_declares_further_on_stands_for_it_everywhere() -> None:
    analysis = run(FOUND.replace("SHAPE", "2, 7"))
    assert analysis.tensors["found"].shape == (2, 7)
    assert analysis.tensors["y"].shape == (2, 7)
    assert analysis.rows[1].work == Work(adds=2 * 7)


def test_the_users_word_goes_before_the_files() -> None:
    analysis = run(FOUND.replace("SHAPE", "2, 7"), dims={"found_1": 5})
    assert analysis.tensors["y"].shape == (2, 5)


@pytest.mark.parametrize("declares", ["further on", "at once"])
def test_a_number_that_is_only_declared_is_said_to_be_assumed(declares: str) -> None:
    graph = FOUND.replace("SHAPE", "2, 7")
    if declares == "at once":
        graph = graph.replace("y)", "y) <int64[2, 7] found>", 1)
    analysis = run(graph)
    assert analysis.declared == analysis.to_dict()["declared"] == {"found_1": 7}
    assert "found_1 = 7" in analysis.report().assumptions
    told = run(graph, dims={"found_1": 5})
    assert told.declared == {} and told.report().assumptions == ""


def test_of_a_declared_shape_that_is_wrong_in_one_extent_no_other_is_believed() -> None:
    analysis = run(FOUND.replace("SHAPE", "3, 7"))
    assert str(analysis.tensors["found"].shape[1]) == "found_1"
    assert analysis.declared == {}
    assert any("declares 'y' as [3, 7]" in warning for warning in analysis.warnings)


FILLED = """
g (float[3, 4] x) => (float[3, 4] y)
<int64[2] constant = {3, 4}>
{
    computed = Shape(x)
    filled = ConstantOfShape(SHAPE)
    y = Add(x, filled)
}
"""


def test_a_tensor_filled_at_run_time_is_no_parameter_and_one_of_constant_shape_is() -> None:
    assert run(FILLED.replace("SHAPE", "computed")).to_dict()["totals"]["params"] == 0
    assert run(FILLED.replace("SHAPE", "constant")).to_dict()["totals"]["params"] == 3 * 4


def test_a_list_in_the_place_of_a_number_is_refused_in_words() -> None:
    graph = "g (float[8, 4] x) => (float[] y) { y = Softmax <axis = [1, 1]> (x) }"
    with pytest.raises(ModelError, match="attribute axis should be one number"):
        run(graph)


NONZERO = """
g (float[FIRST, 4] x) => (float[n, 4] y)
<float[2, 4] w = {0, 0, 0, 0, 0, 0, 0, 0}>
{
    z = NonZero(x)
    t = Transpose(z)
    c = Cast<to = 1>(t)
    y = MatMul(c, w)
}
"""


@pytest.mark.parametrize("first", ["z_1", "open_0", "_x6F_pen_0", "z_1_2"])
def test_a_dimension_of_the_file_is_never_taken_for_one_that_data_decides(first: str) -> None:
    """Found elements by 2x4: whatever the file calls its rows, they are no number of these."""
    analysis = run(NONZERO.replace("FIRST", first), dims={first: 5})
    (found,) = analysis.free_symbols
    assert found == ("z_1_2" if first == "z_1" else "z_1")
    assert analysis.inputs["x"].shape == (5, 4)
    assert analysis.total("macs") == symbol(found, lower=0) * 2 * 4
    assert run(NONZERO.replace("FIRST", first), dims={first: 5, found: 20}).total("macs") == 20 * 2 * 4


def test_what_two_calls_of_a_function_find_is_not_one_number() -> None:
    """The elements that are not zero of x, and those of its half; as many columns as both have together."""
    graph = """
    <ir_version: 8, opset_import: ["" : 17, "local" : 1]>
    g (float[3, 4] x) => (int64[2, n] y) {
        half = Slice(x, zero, one)
        a = local.Where(x)
        b = local.Where(half)
        y = Concat<axis = 1>(a, b)
    }
    <domain: "local", opset_import: ["" : 17]>
    Where (x) => (z) { z = NonZero(x) }
    """
    graph = graph.replace("y) {", "y)\n<int64[1] zero = {0}, int64[1] one = {1}>\n{", 1)
    analysis = analyze(importer.build(parser.parse_model(graph)))
    first, second = symbol("z_1", lower=0), symbol("z_1_2", lower=0)
    assert analysis.tensors["y"].shape == (2, first + second)


def test_tensors_whose_names_look_alike_keep_extents_of_their_own() -> None:
    analysis = run("""
    g (float[3, 4] x, float[3, 4] v) => (int64[2, n] y) {
        "a.b" = NonZero(x)
        "a-b" = NonZero(v)
        y = Concat<axis = 1>("a.b", "a-b")
    }
    """)
    assert analysis.tensors["y"].shape == (2, symbol("a_b_1", lower=0) + symbol("a_b_1_2", lower=0))
