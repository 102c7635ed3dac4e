"""Operators, the order in which they run, and the DAG that connects them."""

from __future__ import annotations

import pytest

from graphcost import Model, ModelError, Op
from graphcost.graph import connect, schedule


def op(name: str, inputs: str, outputs: str) -> Op:
    """An operator; names of tensors separated by spaces, `_` for one left out."""
    return Op(name, "Some", *(tuple("" if n == "_" else n for n in names.split()) for names in (inputs, outputs)))


def names(ops: tuple[Op, ...]) -> str:
    return " ".join(each.name for each in ops)


def test_an_order_that_is_valid_is_kept_even_if_another_is_shorter() -> None:
    ops = [op("a", "x", "1"), op("c", "x", "2"), op("b", "1", "3"), op("d", "2 3", "4")]
    assert names(schedule(ops, ["x"])) == "a c b d"


def test_an_order_that_is_not_valid_becomes_the_nearest_that_is() -> None:
    ops = [op("d", "2 3", "4"), op("a", "x", "1"), op("c", "x", "2"), op("b", "1", "3")]
    assert names(schedule(ops, ["x"])) == "a c b d"


@pytest.mark.parametrize(
    ("ops", "reason"),
    [
        ([op("a", "x", "1"), op("b", "x", "1")], "b: output '1' is already made by a"),
        ([op("a", "y", "1")], "a: input 'y' is made by no layer and is no input"),
        ([op("a", "2", "1"), op("b", "1", "2")], "the layers form a cycle: a -> b -> a"),
        ([op("a", "1", "1")], "the layers form a cycle: a -> a"),
    ],
)
def test_what_is_no_graph_is_refused_by_name(ops: list[Op], reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        schedule(ops, ["x"])


def test_the_dag_leads_from_makers_to_readers_and_an_operand_left_out_is_no_edge() -> None:
    a, b, c = op("a", "x", "1 _"), op("b", "1 _", "2"), op("c", "1 2 2", "3")
    dag = connect([a, b, c])
    assert set(dag.edges) == {(a, b), (a, c), (b, c)} and list(dag) == [a, b, c]


def test_a_models_dag_is_made_once() -> None:
    model = Model("net", (op("a", "x", "1"),), {})
    assert model.dag is model.dag and len(model.dag) == 1
