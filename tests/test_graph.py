"""Operators, the order in which they run, and the DAG that connects them."""

from __future__ import annotations

from collections.abc import Iterable

import networkx as nx
import pytest

from graphcost import Model, ModelError, Op, Tensor
from graphcost.graph import build_dag


def op(name: str, inputs: str, outputs: str) -> Op:
    """An operator; names of tensors separated by spaces, `_` for one left out."""
    return Op(name, "Some", *(tuple("" if n == "_" else n for n in names.split()) for names in (inputs, outputs)))


def names(ops: Iterable[Op]) -> str:
    return " ".join(each.name for each in ops)


def test_an_order_that_is_valid_is_kept_even_if_another_is_shorter() -> None:
    ops = [op("a", "x", "1"), op("c", "x", "2"), op("b", "1", "3"), op("d", "2 3", "4")]
    assert names(build_dag(ops, ["x"])) == "a c b d"


def test_an_order_that_is_not_valid_becomes_the_nearest_that_is() -> None:
    ops = [op("d", "2 3", "4"), op("a", "x", "1"), op("c", "x", "2"), op("b", "1", "3")]
    assert names(build_dag(ops, ["x"])) == "a c b d"


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
        build_dag(ops, ["x"])


def test_the_dag_leads_from_makers_to_readers_and_its_edges_say_what_flows() -> None:
    a, b, c = op("a", "x", "1 _ 4"), op("b", "1 _", "2"), op("c", "1 2 2 4", "3")
    dag = build_dag([a, b, c], ["x"])
    assert list(dag) == [a, b, c]
    assert list(dag.edges(data="tensors")) == [(a, b, ("1",)), (a, c, ("1", "4")), (b, c, ("2",))]


def test_a_sorted_dag_keeps_what_its_edges_say() -> None:
    b, a = op("b", "1", "2"), op("a", "x", "1")
    dag = build_dag([b, a], ["x"])
    assert list(dag) == [a, b] and dag.edges[a, b]["tensors"] == ("1",)


def test_a_long_cycle_is_told_by_its_first_layers() -> None:
    ops = [op(f"n{at}", f"t{at}", f"t{(at + 1) % 20_000}") for at in range(20_000)]
    with pytest.raises(ModelError, match="form a cycle: n") as told:
        build_dag(ops)
    assert len(str(told.value)) < 200 and "19992 more" in str(told.value)


def test_a_model_runs_in_another_order_with_the_same_edges() -> None:
    a, b, c = op("a", "x", "1"), op("b", "x", "2"), op("c", "1 2", "3")
    model = Model("net", build_dag([a, b, c], ["x"]), {"x": Tensor((4,))}, ("3",))
    other = model.in_order([b, a, c])
    assert other.schedule == (b, a, c) and set(other.dag.edges) == set(model.dag.edges)
    assert model.schedule == (a, b, c)


def test_the_view_by_tensors_has_an_edge_for_each_and_the_ends_of_the_network() -> None:
    a, b = op("a", "x", "1 2"), op("b", "1 2 x", "3")
    model = Model("net", build_dag([a, b], ["x"]), {"x": Tensor((4,))}, ("3",))
    by_operator, by_tensor = model.to_networkx(), model.to_networkx(tensors=True)
    assert list(by_operator.edges(data="tensors")) == [("a", "b", "1 2")]
    assert set(by_tensor.edges(keys=True)) == {
        ("input:x", "a", "x"), ("input:x", "b", "x"), ("a", "b", "1"), ("a", "b", "2"), ("b", "output:3", "3"),
    }  # fmt: skip
    assert len(list(nx.generate_graphml(by_tensor))) > 10
