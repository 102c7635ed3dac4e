"""Where nodes and passing edges stand, for random DAGs, by the library and without it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphcost.page import placement
from graphcost.page.placement import LANE, MOST_LANES, Link, Placement, place

Dag = tuple[int, list[Link]]


@st.composite
def dags(draw: st.DrawFn) -> Dag:
    count = draw(st.integers(1, 24))
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    found = draw(st.sets(pairs, max_size=2 * count))
    return count, sorted({(min(pair), max(pair)) for pair in found if pair[0] != pair[1]})


@pytest.fixture(params=["library", "without"], scope="module")
def way(request: pytest.FixtureRequest) -> str:
    if request.param == "library":
        pytest.importorskip("fast_sugiyama")
    return str(request.param)


def placed(way: str, dag: Dag) -> Placement:
    if way == "library":
        return place(*dag)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "fast_sugiyama", None)  # as if it were not installed
        return place(*dag)


@settings(max_examples=60, deadline=None)
@given(dag=dags())
def test_every_node_has_a_place_and_every_edge_leads_down(way: str, dag: Dag) -> None:
    result = placed(way, dag)
    assert sorted(result.nodes) == list(range(dag[0]))
    assert sorted(result.routes) == dag[1]
    assert all(result.nodes[source][1] < result.nodes[target][1] for source, target in dag[1])
    assert min(x for x, _ in result.spots) == 0
    assert min(rank for _, rank in result.spots) == 0


@settings(max_examples=60, deadline=None)
@given(dag=dags())
def test_an_edge_passes_every_rank_between_its_ends(way: str, dag: Dag) -> None:
    result = placed(way, dag)
    for (source, target), route in result.routes.items():
        assert [rank for _, rank in route] == list(range(result.nodes[source][1] + 1, result.nodes[target][1]))


@settings(max_examples=60, deadline=None)
@given(dag=dags())
def test_nothing_lies_on_a_node(way: str, dag: Dag) -> None:
    result = placed(way, dag)
    ranks: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for x, rank in result.nodes.values():
        ranks[rank].append((x, 1.0))
    for route in result.routes.values():
        for x, rank in route:
            ranks[rank].append((x, LANE))
    for row in ranks.values():
        for (left, wide), (right, thick) in pairwise(sorted(row)):
            assert right - left >= (wide + thick) / 2 - 1e-6


@settings(max_examples=20, deadline=None)
@given(dag=dags())
def test_the_order_of_the_edges_does_not_matter(way: str, dag: Dag) -> None:
    count, links = dag
    assert placed(way, (count, links[::-1])) == placed(way, dag)


def test_a_chain_is_a_straight_line(way: str) -> None:
    assert placed(way, (3, [(0, 1), (1, 2)])).nodes == {0: (0, 0), 1: (0, 1), 2: (0, 2)}


def test_what_no_edge_connects_stands_side_by_side(way: str) -> None:
    assert placed(way, (4, [(0, 1), (2, 3)])).nodes == {0: (0, 0), 1: (0, 1), 2: (1, 0), 3: (1, 1)}


def test_what_nothing_leads_to_stands_just_above_its_reader(way: str) -> None:
    """3 is read by the last of a chain of three."""
    ranks = {node: rank for node, (_, rank) in placed(way, (4, [(0, 1), (1, 2), (3, 2)])).nodes.items()}
    assert ranks == {0: 0, 1: 1, 2: 2, 3: 1}


def test_a_network_without_operators_has_no_places(way: str) -> None:
    assert placed(way, (0, [])) == Placement()


def test_edges_that_would_pass_too_many_ranks_have_no_route(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the edges from 0 over 1, 2, 3 and 4 ranks to the nodes of a chain, the two longest go: 1 + 2 are left."""
    monkeypatch.setattr(placement, "MOST_LANES", 5)
    chain = list(pairwise(range(6)))
    far = [(0, 2), (0, 3), (0, 4), (0, 5)]
    assert MOST_LANES > 5
    assert sorted(placed(way, (6, [*chain, *far])).routes) == sorted([*chain, (0, 2), (0, 3)])


@pytest.mark.slow
def test_every_process_places_alike() -> None:
    links = [(0, 2), (1, 2), (2, 3), (2, 4), (1, 4), (0, 5), (4, 5), (3, 5)]
    code = f"from graphcost.page.placement import place; print(place(6, {links}))"
    seeds = [{**os.environ, "PYTHONHASHSEED": seed} for seed in ("1", "2")]
    runs = [
        subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
        for env in seeds
    ]
    assert runs[0].stdout == runs[1].stdout != ""
