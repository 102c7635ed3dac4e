"""Where the nodes of a DAG stand in a drawing from top to bottom, and by which way each edge passes those between.

The work is a library's: fast-sugiyama, or networkx's generations where that is not installed. Nodes are numbers, all of
one size; nothing here knows what they mean.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import networkx as nx

LANE = 0.2
"""The width an edge takes in a rank that it passes; that of a node is 1."""
MOST_LANES = 12_000
"""Ranks that all edges together may pass; the time of a layout grows with them."""

Link = tuple[int, int]
Spot = tuple[float, int]
"""The middle of a node's width, and its rank: 0 is at the top."""


@dataclass
class Placement:
    """Spots of nodes, and of edges in the ranks between their ends; an edge that would pass too many has no route."""

    nodes: dict[int, Spot] = field(default_factory=dict)
    routes: dict[Link, list[Spot]] = field(default_factory=dict)

    @property
    def spots(self) -> list[Spot]:
        return [*self.nodes.values(), *(spot for route in self.routes.values() for spot in route)]


def place(count: int, links: Iterable[Link]) -> Placement:
    """Place nodes 0 to `count` - 1 of a DAG: each link that has a route leads to a lower rank, no node lies on another
    or on a route, and the smallest x is 0. Parts that no edge connects stand side by side.
    """
    dag = nx.DiGraph()
    dag.add_nodes_from(range(count))
    dag.add_edges_from(sorted(links))
    dag.remove_edges_from(_too_far(dag))
    placed, left = Placement(), 0.0
    for part in sorted(map(sorted, nx.weakly_connected_components(dag))):
        number = {node: index for index, node in enumerate(part)}
        between = [(number[source], number[target]) for source, target in dag.edges(part)]
        here = _lay_out(between) if between else Placement({0: (0.0, 0)})
        shift = left - min(x for x, _ in here.spots)
        placed.nodes.update((part[index], (x + shift, rank)) for index, (x, rank) in here.nodes.items())
        for (source, target), route in here.routes.items():
            placed.routes[part[source], part[target]] = [(x + shift, rank) for x, rank in route]
        left = shift + 1 + max(x for x, _ in here.spots)
    return placed


def _too_far(dag: nx.DiGraph) -> list[Link]:
    """The longest edges, as many as leave few enough lanes."""
    ranks = _ranks(dag)
    spans = sorted((ranks[target] - ranks[source] - 1, source, target) for source, target in dag.edges)
    lanes = sum(span for span, _, _ in spans)
    far = []
    while lanes > MOST_LANES:
        span, source, target = spans.pop()
        far.append((source, target))
        lanes -= span
    return far


def _lay_out(links: list[Link]) -> Placement:
    try:
        import fast_sugiyama
    except ImportError:
        return _by_generations(links)
    ((positions, _, _, steps),) = fast_sugiyama.from_edges(links, vertex_spacing=1.0, dummy_size=LANE)
    top = max(y for _, (_, y) in positions)
    spots = {int(node): (float(x), round(top - y)) for node, (x, y) in positions}
    count = 1 + max(node for link in links for node in link)
    placed = Placement({node: spots[node] for node in range(count)})
    after: dict[int, list[int]] = {}  # a lane has a number of its own, from `count` on, in each rank that it passes
    for source, target in steps or ():
        after.setdefault(int(source), []).append(int(target))
    for source in range(count):
        for step in after.get(source, ()):
            route = []
            while step >= count:
                route.append(spots[step])
                (step,) = after[step]
            placed.routes[source, step] = route
    return placed


Slot = tuple[int, ...]
"""What takes width in a rank: (node,), or the lane (source, target, rank) of an edge that passes it."""


def _by_generations(links: list[Link]) -> Placement:
    """In each rank nodes and lanes stand in the order of what leads to them."""
    ranks = _ranks(nx.DiGraph(links))
    lanes: dict[Link, list[Slot]] = {
        (source, target): [(source, target, rank) for rank in range(ranks[source] + 1, ranks[target])]
        for source, target in links
    }
    x: dict[Slot, float] = {}
    for row in _rows(ranks, lanes):
        _abreast(row, x)
    routes = {link: [(x[lane], lane[2]) for lane in passed] for link, passed in lanes.items()}
    return Placement({node: (x[node,], rank) for node, rank in ranks.items()}, routes)


def _rows(ranks: dict[int, int], lanes: dict[Link, list[Slot]]) -> list[dict[Slot, list[Slot]]]:
    """The slots of each rank from the top, each with those that lead to it."""
    rows: list[dict[Slot, list[Slot]]] = [{} for _ in range(1 + max(ranks.values()))]
    for node, rank in ranks.items():
        rows[rank][node,] = []
    for (source, target), passed in lanes.items():
        for above, lane in pairwise([(source,), *passed]):
            rows[lane[2]][lane] = [above]
        rows[ranks[target]][target,].append(passed[-1] if passed else (source,))
    return rows


def _abreast(row: dict[Slot, list[Slot]], x: dict[Slot, float]) -> None:
    """Give the slots of a rank their places in `x`, which has those above: each as near below these as can be."""
    wish = {slot: sum(x[up] for up in above) / len(above) if above else 0.0 for slot, above in row.items()}
    widths = {slot: 1.0 if len(slot) == 1 else LANE for slot in sorted(row, key=lambda slot: (wish[slot], slot))}
    end = -sum(widths.values()) / 2
    for slot, width in widths.items():
        x[slot] = end + width / 2
        end += width


def _ranks(dag: nx.DiGraph) -> dict[int, int]:
    """The longest way from the top to each node; one that nothing leads to stands just above the first it leads to."""
    ranks = {node: rank for rank, row in enumerate(nx.topological_generations(dag)) for node in row}
    for node in dag:
        if not dag.pred[node] and dag.succ[node]:
            ranks[node] = min(ranks[target] for target in dag.succ[node]) - 1
    return ranks
