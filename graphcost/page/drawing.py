"""The network as a drawing: boxes in ranks from top to bottom and the edges between them, in plain numbers.

Where boxes stand is decided in `placement`; here, what a box says and where an edge starts and ends. Every operator has
one box, and every module of a large network too, in a drawing of its own. Weights are no boxes. Knows nothing of SVG,
colours or scripts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby, pairwise, takewhile
from math import ceil, sqrt
from typing import Literal

from ..analysis import Analysis
from ..columns import type_text
from ..graph import Tensor
from ..passes.infer import Cost
from ..table import shape_text
from .charts import shorten
from .placement import Link, Spot, place

WIDTH, HEIGHT = 152, 50
"""A box, in pixels."""
PILL = 22
"""How high the box of an input or an output is."""
COLUMN, RANK = 176, 84
"""From the middle of a box to that of its neighbour, and of the one below."""
INSET = 12
"""How far from a box's corner an edge ends, at least."""
STUB = 16
"""The length of an edge of which only the end is drawn."""
MARGIN = 16

MOST = 2500
"""Operators that are drawn one by one; of more, only the modules."""
MANY = 400
"""Operators above which a reader sees the modules first."""
MODULES = 150
"""Boxes that a drawing of modules has at most, where the file names modules large enough."""
LETTERS = 22
"""Characters that fit into a box."""
LABEL = 13
"""Characters that fit between the ends of two edges."""
HOTTEST = 9

Role = Literal["op", "module", "input", "output"]


@dataclass(frozen=True)
class Box:
    """A box with its corner at (x, y). `rows` are the operators it stands for, as numbers of `analysis.rows`."""

    x: int
    y: int
    height: int
    role: Role
    lines: tuple[str, ...]
    """What is written in it, cut to its width: for an operator its type, the shape it makes, and its name."""
    title: str
    """The same in full."""
    rows: tuple[int, ...] = ()
    heat: int = 0
    """How dear it is: 0 when it costs nothing, HOTTEST for the dearest of the drawing, by square roots between."""
    known: bool = True
    """Whether shape and cost of all its operators are known."""

    @property
    def ranges(self) -> str:
        """Its rows as `3-17 20`."""
        runs = [[row for _, row in run] for _, run in groupby(enumerate(self.rows), lambda pair: pair[1] - pair[0])]
        return " ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


@dataclass(frozen=True)
class Edge:
    """A line from one box to another, both as numbers of `View.boxes`; it is vertical wherever it passes a box."""

    source: int
    target: int
    points: tuple[tuple[int, int], ...]
    label: str = ""
    """The shape it carries, where the box it comes from does not say so or is far away."""
    right: bool = False
    """It arrives in the right half of its target, so the label ends there instead of beginning."""
    stub: bool = False
    """Only its end is drawn: the whole way would be too long."""

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
    """One drawing of the whole network."""

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


def draw(analysis: Analysis, costs: Sequence[int | None]) -> Drawing:
    """Lay out the operators, and their modules where the file names any; `costs` of the rows give the heat."""
    network = _Network(analysis)
    count, modules = len(analysis.rows), network.modules()
    views = []
    if count <= MOST:
        views.append(_view("ops", f"Operators ({count:,})", network, costs))
    if modules:
        small = network.collapsed(modules)
        view = _view("modules", f"Modules ({len(modules):,})", small, costs)
        views.insert(0 if count > MANY else 1, view)
    if count <= MOST:
        return Drawing(tuple(views))
    instead = "only its modules are" if views else "and it names no modules that could be drawn instead"
    return Drawing(tuple(views), f"Operators are drawn up to {MOST:,}; this network has {count:,}, {instead}.")


@dataclass(frozen=True)
class _Item:
    """A box before it has its place."""

    role: Role
    lines: tuple[str, ...]
    title: str
    rows: tuple[int, ...] = ()
    outputs: int = 1
    known: bool = True


@dataclass
class _Graph:
    """Items by number, and the tensor that leads from which to which; None when it has no shape of its own to show."""

    items: list[_Item] = field(default_factory=list)
    links: dict[Link, Tensor | None] = field(default_factory=dict)
    stubs: set[Link] = field(default_factory=set)
    """Those drawn at their end alone: constants stand by the first operator that reads them, wherever others are."""


class _Network(_Graph):
    """The rows of an analysis as a graph: an item for each row, under its number, then the inputs and the outputs."""

    def __init__(self, analysis: Analysis) -> None:
        super().__init__([_operator(at, row) for at, row in enumerate(analysis.rows)])
        self.rows = analysis.rows
        makers: dict[tuple[str, str], tuple[int, Tensor | None]] = {}  # of a body's tensors by the body's place
        for name, given in analysis.inputs.items():
            text = f"{name} {shape_text(given)}"
            makers["", name] = len(self.items), given
            self.items.append(_Item("input", (shorten(text, LETTERS),), f"input {text} {given.dtype}"))
        self._link(makers)
        for name in analysis.model.outputs:
            if ("", name) in makers:
                source, tensor = makers["", name]
                shown = analysis.model.blobs.get(name, name)
                self.links[source, len(self.items)] = tensor
                self.items.append(_Item("output", (shorten(shown, LETTERS),), f"output {shown}"))

    def _link(self, makers: dict[tuple[str, str], tuple[int, Tensor | None]]) -> None:
        """Links to rows, from what was made before; what comes from outside a body, from the operator that runs it."""
        runners: dict[str, int] = {}
        read: set[int] = set()
        for at, row in enumerate(self.rows):
            body = row.name.removesuffix(row.op.name)
            for name in filter(None, row.op.reads):
                source, tensor = makers.get((body, name)) or (runners.get(body, at), None)
                if source == at or (source, at) in self.links:
                    continue
                self.links[source, at] = tensor
                if source < len(self.rows) and self.rows[source].constant and source in read:
                    self.stubs.add((source, at))
                read.add(source)
            for name, tensor in zip(row.op.outputs, row.outputs, strict=True):
                makers[body, name] = at, tensor
            for label, _ in row.op.bodies:
                runners[f"{row.name}/{label}/" if label else f"{row.name}/"] = at

    @cached_property
    def readers(self) -> dict[int, int]:
        """Of each row that reads nothing, the first row that reads it."""
        reading = {target for _, target in self.links}
        first: dict[int, int] = {}
        for source, target in self.links:
            if source not in reading and max(source, target) < len(self.rows):
                first[source] = min(target, first.get(source, target))
        return first

    @cached_property
    def order(self) -> list[int]:
        """The rows, each that reads nothing just before its reader."""
        return sorted(range(len(self.rows)), key=lambda row: (self.readers.get(row, row), row))

    @cached_property
    def scopes(self) -> list[tuple[str, ...]]:
        """The module path of each row; what reads nothing belongs to its reader."""
        paths = [tuple(filter(None, row.scope.split("/"))) for row in self.rows]
        return [paths[self.readers.get(at, at)] for at in range(len(paths))]

    def modules(self) -> list[list[int]]:
        """Rows by module, as deep as leaves few enough boxes; none where that would not be much fewer than operators.

        What a module does at several places in the order of execution is several boxes, so that edges lead downwards.
        """
        few = min(MODULES, len(self.rows) // 2)
        best: list[list[int]] = []
        for depth in range(1, 1 + max(map(len, self.scopes), default=0)):
            paths = [path[:depth] for path in self.scopes]
            runs = [list(run) for _, run in groupby(self.order, paths.__getitem__)]
            if len(runs) > (few if best else min(MOST, len(self.rows) // 2)):
                break
            best = runs
        return best if len(best) > 1 else []

    def collapsed(self, modules: Sequence[Sequence[int]]) -> _Graph:
        """A graph with an item for each module; one of a single operator is that operator."""
        graph = _Graph()
        number: dict[int, int] = {}
        for rows in modules:
            number.update(dict.fromkeys(rows, len(graph.items)))
            graph.items.append(self.items[rows[0]] if len(rows) == 1 else self._module(rows))
        for at in range(len(self.rows), len(self.items)):
            number[at] = len(graph.items)
            graph.items.append(self.items[at])
        for (source, target), tensor in self.links.items():
            link = number[source], number[target]
            if link[0] != link[1] and (source, target) not in self.stubs:
                graph.links.setdefault(link, tensor)
        return graph

    def _module(self, rows: Sequence[int]) -> _Item:
        scopes = zip(*(self.scopes[row] for row in rows), strict=False)
        path = [names[0] for names in takewhile(lambda names: len(set(names)) == 1, scopes)]
        inside = set(rows)
        leaving = {source: t for (source, target), t in self.links.items() if source in inside and target not in inside}
        shapes = list(dict.fromkeys(shape_text(tensor) for tensor in leaving.values() if tensor is not None))
        name, count = "/".join(path) or "outside modules", f"{len(rows)} operators"
        lines = (shorten(name, LETTERS), count, shorten(" ".join(shapes), LETTERS))
        known = all(self.rows[row].status == "known" for row in rows)
        return _Item("module", lines, "\n".join([name, count, *shapes]), tuple(sorted(rows)), len(leaving), known)


def _operator(at: int, row: Cost) -> _Item:
    shapes = " ".join(map(shape_text, row.outputs))
    lines = tuple(shorten(text, LETTERS) for text in (type_text(row), shapes, row.name))
    title = "\n".join(filter(None, (row.name, type_text(row), shapes, row.why)))
    return _Item("op", lines, title, (at,), len(row.outputs), row.status == "known")


def _view(key: str, title: str, graph: _Graph, costs: Sequence[int | None]) -> View:
    """Give every item its place and every link its line."""
    placed = place(len(graph.items), graph.links.keys() - graph.stubs)
    heats = _heats([sum(max(costs[row] or 0, 0) for row in item.rows) for item in graph.items])
    boxes = []
    for at, (item, heat) in enumerate(zip(graph.items, heats, strict=True)):
        x, rank = placed.nodes[at]
        height = HEIGHT if item.rows else PILL
        top = _top(rank) + (HEIGHT - height) // 2
        boxes.append(
            Box(_middle(x) - WIDTH // 2, top, height, item.role, item.lines, item.title, item.rows, heat, item.known)
        )
    edges = []
    labelled: set[tuple[int, int]] = set()
    for (source, target), tensor in sorted(graph.links.items(), key=lambda link: link[0]):
        route = placed.routes.get((source, target))
        points = _line(boxes[source], boxes[target], route)
        text = shape_text(tensor) if tensor is not None else ""
        said = graph.items[source].outputs == 1 and route == []
        fits = boxes[target].rows and len(text) <= LABEL and (target, points[-1][0]) not in labelled
        label = text if fits and not said else ""
        if label:
            labelled.add((target, points[-1][0]))
        right = points[-1][0] > boxes[target].x + WIDTH // 2
        edges.append(Edge(source, target, points, label, right, route is None))
    width = max((_middle(x) for x, _ in placed.spots), default=0) + WIDTH // 2 + MARGIN
    height = max((_top(rank) for _, rank in placed.spots), default=0) + HEIGHT + MARGIN
    return View(key, title, width, height, tuple(boxes), tuple(edges))


def _heats(costs: Sequence[int]) -> list[int]:
    most = max(costs, default=0) or 1
    return [ceil(HOTTEST * sqrt(cost / most)) for cost in costs]


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
