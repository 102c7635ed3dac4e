"""The network as a drawing: boxes in ranks from top to bottom and the edges between them, in plain numbers.

Where boxes stand is decided in `placement`, what they stand for in `network`; here, how large they are and where edges
start and end. Knows nothing of SVG, colours or scripts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from ..analysis import Analysis
from ..dims import Dim
from ..graph import Tensor
from ..table import counted, shape_text
from .figure import shorten
from .heat import HOTTEST, Heat
from .measured import Measured
from .network import Graph, Network, Node
from .placement import Link, Spot, place

WIDTH, HEIGHT = 152, 64
"""A box, in pixels."""
END_HEIGHT = 22
"""How high the box of an input or an output is."""
COLUMN, RANK = 176, 98
"""From the middle of a box to that of its neighbour, and of the one below."""
LINE = 14
"""From one line of text in a box to the next."""
INSET = 12
"""How far from a box's corner an edge ends, at least."""
STUB = 16
"""The length of an edge of which only the end is drawn."""
MARGIN = 16
PAPER = 1500, 950
"""The largest drawing, in pixels, whose type can still be read (5 points) on a landscape page of A4 or Letter."""
SHEET = 9 * RANK
"""The height of what is printed on a sheet of a drawing that is too long for one; no box is cut."""
MAX_SHEETS = 16

MAX_BOXES = 2500
"""Operators that are drawn one by one; of more, only the modules."""
MAX_EXPANDABLE = 5000
"""Operators of a network whose modules expand to single ones: more would double a report that is long already."""
MODULES_FIRST = 400
"""Operators above which a reader sees the modules first."""
MAX_MODULES = 150
"""Boxes that a drawing of modules has at most, where the file names modules large enough."""
MAX_INSIDE = 40
"""Boxes that an expanded module has at most, where it names modules of its own large enough."""
BOLD_CHARS, LINE_CHARS = 20, 21
"""Characters that fit into a box: of its first line, and of the others."""
LABEL_CHARS = 13
"""Characters that fit between the ends of two edges."""
FEW = 24
"""Operators of a network that is drawn as it is, also where blocks of it repeat."""
FOLDED = 0.75
"""The part of the boxes that is left at most where blocks that repeat are one, for it to be drawn so."""


Point = tuple[int, int]


@dataclass(frozen=True)
class Box:
    """A node's box with its corner at (x, y)."""

    node: Node
    x: int
    y: int
    height: int
    heat: int = 0
    """Its cost: 0 when it has none, HOTTEST for the largest of the drawing, by square roots between."""
    cost: str = ""
    """The same in words, its last line."""
    width: int = WIDTH
    inside: View | None = None
    """The drawing of the module that it stands for."""

    @property
    def texts(self) -> list[tuple[int, int, str]]:
        """Its lines, cut to its width, each with the middle of its baseline as seen from the box's corner."""
        lines = [(line, most) for line, most in [*self._lines, (self.cost, LINE_CHARS)] if line]
        first = (self.height - LINE * (len(lines) - 1)) // 2 + 4
        return [(self.width // 2, first + LINE * number, shorten(*line)) for number, line in enumerate(lines)]

    @property
    def title(self) -> str:
        """All there is to say of it, "" where its texts do."""
        cut = any(len(line) > most for line, most in self._lines)
        return "\n".join(filter(None, (*self.node.lines, *self.node.more))) if cut or self.node.more else ""

    @property
    def symbolic(self) -> str:
        """The shapes in its lines, for scripts to write them under other sizes; "" where these do not matter."""
        return _symbolic_json(self.node.shapes)

    @property
    def _lines(self) -> list[tuple[str, int]]:
        """Its lines in full, and how many characters of each fit."""
        fitting = (BOLD_CHARS if self.node.rows else LINE_CHARS, LINE_CHARS, LINE_CHARS)
        return list(zip(self.node.lines, fitting, strict=False))

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
    points: tuple[Point, ...]
    label: str = ""
    """The shape it carries, where the box it comes from does not say so or is far away."""
    symbolic: str = ""
    """That shape for scripts, where it is symbolic: the label may be too long before sizes are known."""
    right: bool = False
    """It arrives in the right half of its target, so the label ends there instead of beginning."""
    stub: bool = False
    """Only its end is drawn: the whole way would be too long."""

    @property
    def label_at(self) -> Point:
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
    hottest_cost: int = 0
    """What a box costs whose heat is HOTTEST."""

    @property
    def fits_paper(self) -> bool:
        """Whether it can be read on one printed page."""
        return self.width <= PAPER[0] and self.height <= PAPER[1]

    @property
    def sheets(self) -> range:
        """Where each sheet of paper begins; none where it fits one page, or would be too large on several."""
        tops = range(MARGIN - (RANK - HEIGHT) // 2, self.height, SHEET)
        return tops if not self.fits_paper and self.width <= PAPER[0] and len(tops) <= MAX_SHEETS else range(0)

    sheet = SHEET


@dataclass(frozen=True)
class Drawing:
    """The drawings of a network, the one to begin with first, and what was left out."""

    views: tuple[View, ...]
    note: str = ""
    hottest: int = HOTTEST
    line_chars: int = LINE_CHARS
    """Of a line of a box, as scripts need it that write one anew."""
    label_chars: int = LABEL_CHARS
    """The same of what is written at an edge."""

    @property
    def expandable(self) -> bool:
        """Whether it has modules that can expand."""
        return any(box.inside is not None for view in self.views for box in view.boxes)


def draw(analysis: Analysis, measured: Measured | None = None) -> Drawing:
    """Lay out the operators, their modules where the file names any, and once more with blocks that repeat as one.

    What is `measured` of the rows gives boxes their colour and their cost.
    """
    network = Network(analysis)
    heat = Heat(measured, measured is not None and measured.column.total_is_exact(analysis))
    count = len(network.operators)
    summaries = list(_summaries(analysis, network, heat))
    views = list(summaries)
    if count <= MAX_BOXES:
        graph = network.graph(network.operators)
        view = _view("ops", f"Operators ({count:,})", graph, heat.over(graph.nodes))
        views.insert(1 if count > MODULES_FIRST and summaries else 0, view)
    notes = []
    if count > MAX_BOXES:
        notes.append(f"With {count:,} operators, more than {MAX_BOXES:,}, {_instead([view.key for view in views])}.")
    if unread := sum(host is None for host in network.hosts.values()):
        notes.append(f"Not drawn: {counted(unread, 'constant')} without readers.")
    return Drawing(tuple(views), " ".join(notes))


def _summaries(analysis: Analysis, network: Network, heat: Heat) -> Iterator[View]:
    """The drawings in which a box stands for several operators, as far as they are small enough."""
    modules = network.modules(network.operators, MAX_MODULES)
    if modules and len(modules) <= MAX_BOXES:
        graph = network.graph(modules)
        yield _view("modules", f"Modules ({len(modules):,})", graph, heat.over(graph.nodes), network)
    count = len(network.operators)
    repeated = network.repeated(analysis) if count >= FEW else {}
    if repeated and len(repeated) <= min(MAX_BOXES, FOLDED * count):
        graph = network.folded(repeated)
        yield _view("folded", f"Repeated blocks as one ({len(repeated):,})", graph, heat.over(graph.nodes), network)


def _instead(keys: Sequence[str]) -> str:
    """What is drawn of a network that is too large."""
    if not keys:
        return "it is not drawn, and the file names no modules to draw"
    if keys[0] == "folded":
        return "it is drawn with repeated blocks as one only"
    return "only its modules are drawn" + (", and repeated blocks as one" if len(keys) > 1 else "")


def _view(key: str, title: str, graph: Graph, heat: Heat, network: Network | None = None) -> View:
    """Give every node its place and every link its line; modules of the network, when it is given, can expand."""
    placed = place(len(graph.nodes), graph.links)
    boxes = [_box(node, placed.nodes[number], heat, network) for number, node in enumerate(graph.nodes)]
    edges = _edges(graph, boxes, placed.routes)
    right = max((_middle(x) for x, _ in placed.spots), default=0) + WIDTH // 2
    bottom = max((_top(rank) for _, rank in placed.spots), default=0) + HEIGHT
    return View(key, title, right + MARGIN, bottom + MARGIN, tuple(boxes), tuple(edges), heat.largest)


def _box(node: Node, spot: Spot, heat: Heat, network: Network | None) -> Box:
    """The box of a node, in the middle of its spot; that of an input or output is lower."""
    x, rank = spot
    height = HEIGHT if node.rows else END_HEIGHT
    inside = _expand(node, heat, network) if network is not None and node.role == "module" else None
    corner = _middle(x) - WIDTH // 2, _top(rank) + (HEIGHT - height) // 2
    return Box(node, *corner, height, heat.of(node), heat.text(node), inside=inside)


def _expand(module: Node, heat: Heat, network: Network) -> View | None:
    """What is in a module: modules where it has many, else operators; None where these are too many to be drawn."""
    operators = network.inside(module)
    groups = network.modules(operators, MAX_INSIDE)
    if not groups and len(network.operators) <= MAX_EXPANDABLE and len(operators) <= MAX_BOXES:
        groups = operators
    return _view("", module.lines[0], network.part(groups), heat, network) if groups else None


def _edges(graph: Graph, boxes: Sequence[Box], routes: Mapping[Link, Sequence[Spot]]) -> list[Edge]:
    """The lines of all links. Where several arrive at one point the first has the label."""
    edges = []
    labelled: set[Point] = set()
    for link, tensor in sorted(graph.links.items(), key=lambda item: item[0]):
        source, target = (boxes[end] for end in link)
        route = routes.get(link)
        points = _line(source, target, route)
        end = points[-1]
        label, symbolic = _label(source.node, target.node, tensor, route) if end not in labelled else ("", "")
        if label or symbolic:
            labelled.add(end)
        right = end[0] > target.x + WIDTH // 2
        edges.append(Edge(*link, points, label, symbolic, right, stub=route is None))
    return edges


def _label(source: Node, target: Node, tensor: Tensor | None, route: Sequence[Spot] | None) -> tuple[str, str]:
    """The shape that a line carries, and the same for scripts, as far as there is something to say.

    That of its only output is in the box just above. A formula that is too long may be a number under other sizes.
    """
    shown_above = source.outputs == 1 and route == []
    if tensor is None or shown_above or not target.rows:
        return "", ""
    text = shape_text(tensor)
    return text if len(text) <= LABEL_CHARS else "", _symbolic_json([tensor])


def _symbolic_json(tensors: Sequence[Tensor]) -> str:
    """Shapes as JSON, formulas as text, if any has an extent that is open."""
    shapes = [tensor.shape if tensor.ranked else None for tensor in tensors]
    if not any(isinstance(extent, Dim) for shape in shapes for extent in shape or ()):
        return ""
    return json.dumps(shapes, default=str, separators=(",", ":"))


def _middle(x: float) -> int:
    return MARGIN + WIDTH // 2 + round(x * COLUMN)


def _top(rank: int) -> int:
    return MARGIN + rank * RANK


def _line(source: Box, target: Box, route: Sequence[Spot] | None) -> tuple[Point, ...]:
    """From the middle below one box to the nearest place above another, past the boxes of the ranks between."""
    if route is None:
        end = target.x + WIDTH - INSET
        return (end, target.y - STUB), (end, target.y)
    points = [(source.x + WIDTH // 2, source.y + source.height)]
    for x, rank in route:
        points += [(_middle(x), _top(rank)), (_middle(x), _top(rank) + HEIGHT)]
    end = min(max(points[-1][0], target.x + INSET), target.x + WIDTH - INSET)
    return _turns([*points, (end, target.y)])


def _turns(points: Sequence[Point]) -> tuple[Point, ...]:
    """The ends of a line, and of the points between those at which it leaves its column or enters another."""
    between = zip(points, points[1:], points[2:], strict=False)
    turns = [here for before, here, after in between if not before[0] == here[0] == after[0]]
    return points[0], *turns, points[-1]
