"""The network as a drawing: boxes in ranks from top to bottom and the edges between them, in plain numbers.

Where boxes stand is decided in `placement`, what they stand for in `network`; here, how large they are and where edges
start and end. Knows nothing of SVG, colours or scripts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import ceil, sqrt

from ..analysis import Analysis
from ..dims import Dim
from ..graph import Tensor
from ..table import shape_text
from .figure import shorten
from .network import Graph, Network, Node
from .placement import Spot, place

WIDTH, HEIGHT = 152, 50
"""A box, in pixels."""
PILL = 22
"""How high the box of an input or an output is."""
COLUMN, RANK = 176, 84
"""From the middle of a box to that of its neighbour, and of the one below."""
LINE = 14
"""From one line of text in a box to the next."""
INSET = 12
"""How far from a box's corner an edge ends, at least."""
STUB = 16
"""The length of an edge of which only the end is drawn."""
MARGIN = 16

MOST = 2500
"""Operators that are drawn one by one; of more, only the modules."""
MOST_INSIDE = 5000
"""Operators of a network whose modules unfold to single ones: more would double a report that is long already."""
MANY = 400
"""Operators above which a reader sees the modules first."""
MODULES = 150
"""Boxes that a drawing of modules has at most, where the file names modules large enough."""
BOLD, LETTERS = 20, 21
"""Characters that fit into a box: of its first line, and of the others."""
FEW = 40
"""Boxes that an unfolded module has at most, where it names modules of its own large enough."""
LABEL = 13
"""Characters that fit between the ends of two edges."""
HOTTEST = 9


@dataclass(frozen=True)
class Box:
    """A node's box with its corner at (x, y)."""

    node: Node
    x: int
    y: int
    height: int
    heat: int = 0
    """How dear it is: 0 when it costs nothing, HOTTEST for the dearest of the drawing, by square roots between."""
    width: int = WIDTH
    inside: View | None = None
    """The drawing of the module that it stands for."""

    @property
    def texts(self) -> list[tuple[int, int, str]]:
        """Its lines, cut to its width, each with the middle of its baseline as seen from the box's corner."""
        lines = [(line, room) for line, room in self._lines if line]
        first = (self.height - LINE * (len(lines) - 1)) // 2 + 4
        return [(self.width // 2, first + LINE * at, shorten(*line)) for at, line in enumerate(lines)]

    @property
    def title(self) -> str:
        """All there is to say of it, "" where its texts do."""
        cut = any(len(line) > room for line, room in self._lines)
        return "\n".join(filter(None, (*self.node.lines, *self.node.more))) if cut or self.node.more else ""

    @property
    def open(self) -> str:
        """The shapes in its lines for scripts to say them under other sizes; "" where these do not matter."""
        return _open(self.node.shapes)

    @property
    def _lines(self) -> list[tuple[str, int]]:
        """Its lines in full, and how many characters of each there is room for."""
        rooms = (BOLD if self.node.rows else LETTERS, LETTERS, LETTERS)
        return list(zip(self.node.lines, rooms, strict=False))

    @property
    def ranges(self) -> str:
        """The numbers of its rows as `3-17 20`."""
        runs = groupby(enumerate(sorted(self.node.rows)), lambda pair: pair[1] - pair[0])
        ends = [(run[0][1], run[-1][1]) for run in (list(members) for _, members in runs)]
        return " ".join(f"{first}-{last}" if last > first else str(first) for first, last in ends)


@dataclass(frozen=True)
class Edge:
    """A line from one box to another, both as numbers of `View.boxes`; it is vertical wherever it passes a box."""

    source: int
    target: int
    points: tuple[tuple[int, int], ...]
    label: str = ""
    """The shape it carries, where the box it comes from does not say so or is far away."""
    open: str = ""
    """That shape for scripts, where sizes matter; there may be no room for the label before they are known."""
    right: bool = False
    """It arrives in the right half of its target, so the label ends there instead of beginning."""
    stub: bool = False
    """Only its end is drawn: the whole way would be too long."""

    @property
    def label_at(self) -> tuple[int, int]:
        """Where the label begins, or ends when it is at the right."""
        x, y = self.points[-1]
        return x + (-3 if self.right else 3), y - 4

    @property
    def path(self) -> str:
        """The points as SVG path data; where it changes its column, a curve that starts and ends vertically."""
        parts = ["M{} {}".format(*self.points[0])]
        for (from_x, from_y), (x, y) in pairwise(self.points):
            middle = (from_y + y) // 2
            parts.append(f"V{y}" if x == from_x else f"C{from_x} {middle} {x} {middle} {x} {y}")
        return "".join(parts)


@dataclass(frozen=True)
class View:
    """One drawing of the whole network, or of what is in a module."""

    key: str
    title: str
    width: int
    height: int
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True)
class Drawing:
    """The drawings of a network, the one to begin with first, and what was left out."""

    views: tuple[View, ...]
    note: str = ""
    hottest: int = HOTTEST
    letters: int = LETTERS
    """Of a line of a box, as scripts need it who write one anew."""
    label: int = LABEL
    """The same of what is written at an edge."""

    @property
    def unfolds(self) -> bool:
        """Whether it has modules that can unfold."""
        return any(box.inside is not None for view in self.views for box in view.boxes)


def draw(analysis: Analysis, costs: Sequence[int | None]) -> Drawing:
    """Lay out the operators, and their modules where the file names any; `costs` of the rows give the heat."""
    network = Network(analysis)
    count, modules = len(network.operators), network.modules(network.operators, MODULES)
    views = []
    if count <= MOST:
        views.append(_view("ops", f"Operators ({count:,})", network.graph(network.operators), _Heat(costs)))
    if modules and len(modules) <= MOST:
        heat = _Heat(costs)
        view = _view("modules", f"Modules ({len(modules):,})", network.graph(modules), heat, network)
        views.insert(0 if count > MANY else 1, view)
    notes = []
    if count > MOST:
        instead = "only its modules are" if views else "and it names no modules that could be drawn instead"
        notes.append(f"Operators are drawn in one up to {MOST:,}; this network has {count:,}, {instead}.")
    if unread := sum(host is None for host in network.hosts.values()):
        notes.append(f"Constants that nothing reads are not drawn: {unread:,}.")
    return Drawing(tuple(views), " ".join(notes))


class _Heat:
    """How dear nodes are beside the dearest of a drawing, and of what unfolds in it."""

    def __init__(self, costs: Sequence[int | None]) -> None:
        self.costs = costs
        self.most = 0

    def of(self, nodes: Sequence[Node]) -> list[int]:
        sums = [sum(max(self.costs[row] or 0, 0) for row in node.rows) for node in nodes]
        self.most = self.most or max(sums, default=0) or 1
        return [ceil(HOTTEST * sqrt(cost / self.most)) for cost in sums]


def _view(key: str, title: str, graph: Graph, heat: _Heat, network: Network | None = None) -> View:
    """Give every node its place and every link its line; modules of the network, when it is given, can unfold."""
    placed = place(len(graph.nodes), graph.links)
    heats = heat.of(graph.nodes)
    boxes = []
    for at, node in enumerate(graph.nodes):
        x, rank = placed.nodes[at]
        height = HEIGHT if node.rows else PILL
        corner = _middle(x) - WIDTH // 2, _top(rank) + (HEIGHT - height) // 2
        inside = _unfold(node, heat, network) if network is not None and node.role == "module" else None
        boxes.append(Box(node, *corner, height, heats[at], inside=inside))
    edges = []
    labelled: set[tuple[int, int]] = set()
    for (source, target), tensor in sorted(graph.links.items(), key=lambda link: link[0]):
        route = placed.routes.get((source, target))
        points = _line(boxes[source], boxes[target], route)
        text = shape_text(tensor) if tensor is not None else ""
        said = graph.nodes[source].outputs == 1 and route == []
        open_ = _open((tensor,)) if tensor is not None else ""
        fits = graph.nodes[target].rows and (len(text) <= LABEL or open_) and (target, points[-1][0]) not in labelled
        if not fits or said:
            text = open_ = ""
        if text:
            labelled.add((target, points[-1][0]))
        right = points[-1][0] > boxes[target].x + WIDTH // 2
        label = text if len(text) <= LABEL else ""
        edges.append(Edge(source, target, points, label, open_, right, route is None))
    width = max((_middle(x) for x, _ in placed.spots), default=0) + WIDTH // 2 + MARGIN
    height = max((_top(rank) for _, rank in placed.spots), default=0) + HEIGHT + MARGIN
    return View(key, title, width, height, tuple(boxes), tuple(edges))


def _unfold(module: Node, heat: _Heat, network: Network) -> View | None:
    """What is in a module: modules where it has many, else operators; None where these are too many to be drawn."""
    operators = network.inside(module)
    groups = network.modules(operators, FEW)
    if not groups and len(network.operators) <= MOST_INSIDE and len(operators) <= MOST:
        groups = operators
    return _view("", module.lines[0], network.part(groups), heat, network) if groups else None


def _open(tensors: Sequence[Tensor]) -> str:
    """Shapes as JSON, formulas as text, if any has an extent that is open."""
    shapes = [tensor.shape if tensor.ranked else None for tensor in tensors]
    if not any(isinstance(extent, Dim) for shape in shapes for extent in shape or ()):
        return ""
    return json.dumps(shapes, default=str, separators=(",", ":"))


def _middle(x: float) -> int:
    return MARGIN + WIDTH // 2 + round(x * COLUMN)


def _top(rank: int) -> int:
    return MARGIN + rank * RANK


def _line(source: Box, target: Box, route: Sequence[Spot] | None) -> tuple[tuple[int, int], ...]:
    """From the middle below one box to the nearest place above another, past the boxes of the ranks between."""
    if route is None:
        end = target.x + WIDTH - INSET
        return (end, target.y - STUB), (end, target.y)
    points = [(source.x + WIDTH // 2, source.y + source.height)]
    for x, rank in route:
        points += [(_middle(x), _top(rank)), (_middle(x), _top(rank) + HEIGHT)]
    end = min(max(points[-1][0], target.x + INSET), target.x + WIDTH - INSET)
    points.append((end, target.y))
    turns = [
        here
        for before, here, after in zip(points, points[1:], points[2:], strict=False)
        if not before[0] == here[0] == after[0]
    ]
    return points[0], *turns, points[-1]
