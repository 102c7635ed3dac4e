"""Extents that only data decides: who may say what they are, and tensors that are filled at run time."""

from __future__ import annotations

import pytest

from graphcost import ModelError, Work
from graphcost.dims import symbol
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
