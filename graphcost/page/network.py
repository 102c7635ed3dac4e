"""The operators of an analysis as the nodes of a graph to draw: one by one, or the modules that the file names.

Constants are part of the operator that reads them first, as weights are, and left out where none does; inputs and
outputs are nodes of their own.
Knows nothing of places and lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, takewhile
from typing import Literal

from ..analysis import Analysis
from ..columns import type_text
from ..graph import Tensor
from ..passes.rows import Row, body_prefix
from ..table import shape_text, shapes_text
from .placement import Link

Role = Literal["op", "module", "input", "output"]
Groups = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Node:
    """What a box says: `lines` in it, `more` when it is pointed at. `rows` are numbers of `analysis.rows`."""

    role: Role
    lines: tuple[str, ...]
    more: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()
    """The operators it stands for; of one with constants itself, then these."""
    outputs: int = 1
    """How many different tensors leave it."""
    known: bool = True
    """Whether shape and cost of all its operators are known."""
    shapes: tuple[Tensor, ...] = ()
    """Whose shapes its lines say, unless it is an operator."""


@dataclass
class Graph:
    """Nodes by number, and the tensor that leads from one to another; None when it has no shape of its own to show."""

    nodes: list[Node]
    links: dict[Link, Tensor | None]


class Network:
    """The rows of an analysis and its inputs and outputs, under numbers in this order, and what leads where."""

    def __init__(self, analysis: Analysis) -> None:
        self.rows = analysis.rows
        self.ends: list[Node] = []
        self.links: dict[Link, Tensor | None] = {}
        makers: dict[tuple[str, str], tuple[int, Tensor]] = {}
        for name, tensor in analysis.inputs.items():
            makers["", name] = len(self.rows) + len(self.ends), tensor
            said = f"{name} {shape_text(tensor)}"
            self.ends.append(Node("input", (said,), (f"input of type {tensor.dtype}",), shapes=(tensor,)))
        self._link(makers)
        for name in analysis.model.outputs:
            if ("", name) in makers:
                source, tensor = makers["", name]
                self.links[source, len(self.rows) + len(self.ends)] = tensor
                shown = analysis.model.blob_names.get(name, name)
                said = f"output {shape_text(tensor)} of type {tensor.dtype}"
                self.ends.append(Node("output", (shown,), (said,), shapes=(tensor,)))

    def _link(self, makers: dict[tuple[str, str], tuple[int, Tensor]]) -> None:
        """Link the rows to who makes what they read; what a body reads from outside, to the operator that runs it.

        `makers` are found by the body that a tensor is of, "" for none, and the tensor's name.
        """
        runners: dict[str, int] = {}
        for at, row in enumerate(self.rows):
            body = row.prefix
            for name in filter(None, row.op.all_inputs):
                source, tensor = makers.get((body, name), (runners.get(body), None))
                if source is not None:
                    self.links.setdefault((source, at), tensor)
            for name, tensor in zip(row.op.outputs, row.outputs, strict=True):
                makers[body, name] = at, tensor
            for label, _ in row.op.bodies:
                runners[body_prefix(body, row.op, label)] = at

    @cached_property
    def hosts(self) -> dict[int, int | None]:
        """Of each row that only makes constants, the first operator that they reach; None where exporters left them."""
        readers: dict[int, list[int]] = {}
        for source, target in self.links:
            readers.setdefault(source, []).append(target)
        hosts: dict[int, int | None] = {}
        for at in reversed(range(len(self.rows))):
            reached = readers.get(at, [])
            if self.rows[at].constant and all(target < len(self.rows) for target in reached):
                found = [hosts.get(target, target) for target in reached]
                operators = [target for target in found if target is not None and not self.rows[target].constant]
                if operators or all(target is None for target in found):
                    hosts[at] = min(operators, default=None)
        return hosts

    @cached_property
    def operators(self) -> Groups:
        """The rows that are drawn, each with the constants that are part of it."""
        members: dict[int, list[int]] = {at: [at] for at in range(len(self.rows)) if at not in self.hosts}
        for at, host in sorted(self.hosts.items()):
            if host is not None:
                members[host].append(at)
        return list(members.values())

    def inside(self, node: Node) -> Groups:
        """The operators that a node stands for."""
        rows = set(node.rows)
        return [group for group in self.operators if group[0] in rows]

    def modules(self, operators: Groups, most: int) -> Groups:
        """Operators by module, as deep as leaves at most so many groups; none where the file names no modules or only
        few operators would be in each.

        What a module does at several places in the order of execution is several groups, so that links still lead from
        earlier to later ones.
        """
        paths = [_path(self.rows[group[0]]) for group in operators]
        most = min(most, len(paths) // 3)
        best: Groups = []
        for depth in range(1, 1 + max(map(len, paths), default=0)):
            groups = list(_runs(operators, [path[:depth] for path in paths]))
            if len(groups) > (most if best else len(paths) // 2):
                break
            best = groups
        return best if len(best) > 1 else []

    def graph(self, groups: Groups) -> Graph:
        """A node for each group of rows, inputs and outputs after them. Constants lead nowhere."""
        return self._graph(groups, self.links, dict(enumerate(self.ends, len(self.rows))))

    def part(self, groups: Groups) -> Graph:
        """The same of a part of the network; what it gets from the rest, and hands to it, are nodes at its ends."""
        own = {row: at for at, rows in enumerate(groups) for row in rows}
        count = len(self.rows) + len(self.ends)
        links: dict[Link, Tensor | None] = {}
        makers: dict[int, Node] = {}
        readers: dict[int, dict[str, None]] = {}
        for (source, target), tensor in self.links.items():
            if source in self.hosts:
                continue
            if source in own and target in own:
                links[source, target] = tensor
            elif source in own:
                end = 2 * count + own[source]  # no row and no other end has this number
                readers.setdefault(end, {})[self._name(target)] = None
                links[source, end] = tensor
            elif target in own:
                shapes = (tensor,) if tensor is not None else ()
                makers[count + source] = Node("input", (f"from {self._name(source)}",), shapes=shapes)
                links[count + source, target] = tensor
        ends = {
            end: Node("output", (f"to {next(iter(names))}" if len(names) == 1 else f"to {len(names)} operators",))
            for end, names in readers.items()
        }
        return self._graph(groups, links, makers | ends)

    def _name(self, at: int) -> str:
        return self.rows[at].name if at < len(self.rows) else self.ends[at - len(self.rows)].lines[0]

    def _graph(self, groups: Groups, between: dict[Link, Tensor | None], ends: dict[int, Node]) -> Graph:
        number = {row: at for at, rows in enumerate(groups) for row in rows}
        number.update((end, len(groups) + at) for at, end in enumerate(ends))
        links: dict[Link, Tensor | None] = {}
        leaving: list[dict[tuple[int, Tensor | None], None]] = [{} for _ in range(len(groups) + len(ends))]
        for (source, target), tensor in between.items():
            if source in self.hosts:
                continue
            link = number[source], number[target]
            if link[0] != link[1]:
                links.setdefault(link, tensor)
                leaving[link[0]][source, tensor] = None
        nodes = [self._node(rows, [tensor for _, tensor in leaving[at]]) for at, rows in enumerate(groups)]
        return Graph([*nodes, *ends.values()], links)

    def _node(self, rows: Sequence[int], leaving: Sequence[Tensor | None]) -> Node:
        operators = [row for row in rows if row not in self.hosts]
        return self._module(rows, operators, leaving) if len(operators) > 1 else self._operator(rows)

    def _operator(self, rows: Sequence[int]) -> Node:
        row = self.rows[rows[0]]
        constants = f"with {_count(len(rows) - 1, 'constant')}" if len(rows) > 1 else ""
        lines = (type_text(row), shapes_text(row.outputs), row.name)
        more = tuple(filter(None, (row.why, constants)))
        return Node("op", lines, more, tuple(rows), len(row.outputs), row.status == "known")

    def _module(self, rows: Sequence[int], operators: Sequence[int], leaving: Sequence[Tensor | None]) -> Node:
        depths = zip(*(_path(self.rows[row]) for row in operators), strict=False)
        path = [names[0] for names in takewhile(lambda names: len(set(names)) == 1, depths)]
        shapes = {shape_text(tensor): tensor for tensor in leaving if tensor is not None}
        lines = ("/".join(path) or "outside modules", _count(len(operators), "operator"), ", ".join(shapes))
        known = all(self.rows[row].status == "known" for row in rows)
        return Node("module", lines, (), tuple(sorted(rows)), len(leaving), known, tuple(shapes.values()))


def _runs(groups: Groups, keys: Sequence[object]) -> Iterator[list[int]]:
    """Neighbouring groups with one key, joined."""
    for _, run in groupby(range(len(groups)), keys.__getitem__):
        yield [row for at in run for row in groups[at]]


def _path(row: Row) -> tuple[str, ...]:
    return tuple(filter(None, row.scope.split("/")))


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("s" if count != 1 else "")
