"""What there is to draw of a network: its operators, the modules that the file names, or blocks that repeat as one, and
what leads where.

Constants are part of the operator that reads them first, as weights are, and are left out where none does; inputs and
outputs are nodes of their own. Knows nothing of positions, lines and colours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby, takewhile
from typing import Literal

import networkx as nx

from ..analysis import Analysis
from ..defining import type_text
from ..graph import Model, Op, Tensor
from ..grouping import Fold, folds
from ..passes.rows import Row, body_prefix
from ..printable import printable
from ..table import counted, shape_text, shapes_text
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
    block: tuple[int, ...] = ()
    """Of blocks that repeat, the rows of the first, which stands for all."""


@dataclass
class Graph:
    """Nodes by number, and the tensor that leads from one to another; None when it has no shape of its own to show."""

    nodes: list[Node]
    links: dict[Link, Tensor | None]


Source = tuple[int, Tensor | None]
"""The number where a tensor comes from, and the tensor where it has a shape of its own to show."""
Key = int | tuple[str, int]
"""A number of the network; or an end of a part of it: ("from", who makes the tensor), ("to", which group's readers)."""


Flow = tuple[Key, Key, Tensor | None]
"""A tensor on its way from one thing that is drawn to another."""


@dataclass
class _Run:
    """A graph whose operators have rows: the model's, or a body's as one operator runs it."""

    model: Model
    given: Mapping[str, Source]
    """Where each tensor comes from that is handed to it, and what it is."""
    runner: int | None = None
    """The row of the operator that runs it; None for the model's own graph."""
    rows: dict[Op, int] = field(default_factory=dict)


class Network:
    """An analysis as a graph of numbers: its rows in their order, then the inputs and the outputs of the model."""

    def __init__(self, analysis: Analysis) -> None:
        self.rows = analysis.rows
        self.ends: list[Node] = []
        self.flow = nx.DiGraph()
        """Which number hands on to which, and as `tensor` what; None for what a body is given by its operator."""
        self.flow.add_nodes_from(range(len(self.rows)))
        self.results: dict[int, int] = {}
        """For each row that makes a result of a body, the row of the operator that runs it."""
        inputs = {name: (self._end(_input_node(name, tensor)), tensor) for name, tensor in analysis.inputs.items()}
        main = _Run(analysis.model, inputs)
        self._connect(main)
        made = inputs | self._outputs(main)
        for name in analysis.model.outputs:
            if name in made:
                source, tensor = made[name]
                shown = analysis.model.blob_names.get(name, name)
                self.flow.add_edge(source, self._end(_output_node(shown, tensor)), tensor=tensor)

    def _end(self, node: Node) -> int:
        """The number of a new input or output."""
        number = len(self.rows) + len(self.ends)
        self.ends.append(node)
        self.flow.add_node(number)
        return number

    def _connect(self, main: _Run) -> None:
        """Lead to each row from those whose results it reads, as the DAGs of the model and of its bodies have it."""
        runs = {"": main}  # by what the names of its rows begin with
        for number, row in enumerate(self.rows):
            run = runs[row.prefix]
            run.rows[row.op] = number
            self._link(number, run)
            for label, body in row.op.bodies:
                given: dict[str, Source] = dict.fromkeys([*body.inputs, *row.op.captures], (number, None))
                runs[body_prefix(row.prefix, row.op, label)] = _Run(body, given, number)

    def _link(self, number: int, run: _Run) -> None:
        row, dag = self.rows[number], run.model.dag
        op = row.op
        for maker in dag.pred[op]:
            source = run.rows[maker]
            made = dict(zip(maker.outputs, self.rows[source].outputs, strict=True))
            self.flow.add_edge(source, number, tensor=made[dag.edges[maker, op]["tensors"][0]])
        for name in op.all_inputs:
            if name in run.given:
                source, tensor = run.given[name]
                self.flow.add_edge(source, number, tensor=tensor)
        if run.runner is None:
            return
        if not row.constant and all(self.rows[source].constant for source in self.flow.pred[number]):
            self.flow.add_edge(run.runner, number, tensor=None)  # it would be drawn apart from all else
        if not set(run.model.outputs).isdisjoint(op.outputs):
            self.results[number] = run.runner

    def _outputs(self, main: _Run) -> dict[str, tuple[int, Tensor]]:
        """The row that makes each output of the model, and what it is."""
        wanted = frozenset(main.model.outputs)
        return {
            name: (number, tensor)
            for op, number in main.rows.items()
            for name, tensor in zip(op.outputs, self.rows[number].outputs, strict=True)
            if name in wanted
        }

    @cached_property
    def hosts(self) -> dict[int, int | None]:
        """For each row that only makes constants, the operator that it is part of; None where nothing reads them.

        That is the first operator that they reach, or the one that runs a body whose result they are. Constants that
        the model hands out are no part of anything.
        """
        hosts: dict[int, int | None] = {}
        for number in reversed(range(len(self.rows))):
            readers = self.flow.succ[number]
            if not self.rows[number].constant or any(reader >= len(self.rows) for reader in readers):
                continue
            found = [hosts.get(reader, reader) for reader in readers]
            operators = [host for host in found if host is not None and not self.rows[host].constant]
            if operators or all(host is None for host in found):
                hosts[number] = min(operators, default=self.results.get(number))
        return hosts

    @cached_property
    def drawn(self) -> list[tuple[int, int, Tensor | None]]:
        """The flow between what is drawn: what leads to a constant leads to its host, and from a constant nothing."""
        found = []
        for target in self.flow:
            host = self.hosts.get(target, target)
            for source, link in self.flow.pred[target].items():
                if source not in self.hosts and host is not None and host != source:
                    found.append((source, host, link["tensor"]))
        return found

    @cached_property
    def operators(self) -> Groups:
        """The rows that are drawn, each with the constants that are part of it."""
        members: dict[int, list[int]] = {
            number: [number] for number in range(len(self.rows)) if number not in self.hosts
        }
        for number, host in sorted(self.hosts.items()):
            if host is not None:
                members[host].append(number)
        return list(members.values())

    def inside(self, node: Node) -> Groups:
        """The operators that a node stands for; of blocks that repeat those of the first."""
        rows = set(node.block or node.rows)
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

    def repeated(self, analysis: Analysis) -> Mapping[int, Fold]:
        """The operators with blocks that repeat one after another as one, each by its first row."""
        return {fold.rows[0]: fold for fold in folds(analysis, [group[0] for group in self.operators])}

    def folded(self, repeated: Mapping[int, Fold]) -> Graph:
        """A node for each operator that does not repeat and for all repetitions of a block."""
        members = {group[0]: group for group in self.operators}
        groups = [[row for first in fold.rows for row in members[first]] for fold in repeated.values()]
        return self._graph(groups, self.drawn, dict(enumerate(self.ends, len(self.rows))), repeated)

    def graph(self, groups: Groups) -> Graph:
        """A node for each group of rows, inputs and outputs after them."""
        return self._graph(groups, self.drawn, dict(enumerate(self.ends, len(self.rows))))

    def part(self, groups: Groups) -> Graph:
        """The same of a part of the network; what it gets from the rest, and hands to it, are nodes at its ends."""
        own = {row: group for group, rows in enumerate(groups) for row in rows}
        flow: list[Flow] = []
        makers: dict[Key, Node] = {}
        readers: dict[Key, dict[str, None]] = {}
        for source, target, tensor in self.drawn:
            if source in own and target in own:
                flow.append((source, target, tensor))
            elif source in own:
                end = "to", own[source]
                readers.setdefault(end, {})[self._name(target)] = None
                flow.append((source, end, tensor))
            elif target in own:
                end = "from", source
                makers[end] = _maker_node(self._name(source), tensor)
                flow.append((end, target, tensor))
        return self._graph(groups, flow, makers | {end: _reader_node(list(names)) for end, names in readers.items()})

    def _name(self, number: int) -> str:
        return self.rows[number].name if number < len(self.rows) else self.ends[number - len(self.rows)].lines[0]

    def _graph(
        self, groups: Groups, flow: Iterable[Flow], ends: Mapping[Key, Node], repeated: Mapping[int, Fold] | None = None
    ) -> Graph:
        number: dict[Key, int] = {row: group for group, rows in enumerate(groups) for row in rows}
        number.update((end, count) for count, end in enumerate(ends, len(groups)))
        links: dict[Link, Tensor | None] = {}
        leaving: list[dict[tuple[Key, Tensor | None], None]] = [{} for _ in number]
        for source, target, tensor in flow:
            link = number[source], number[target]
            if link[0] != link[1]:
                links.setdefault(link, tensor)
                leaving[link[0]][source, tensor] = None
        nodes = [
            self._node(rows, [tensor for _, tensor in leaving[group]], (repeated or {}).get(rows[0]))
            for group, rows in enumerate(groups)
        ]
        return Graph([*nodes, *ends.values()], links)

    def _node(self, rows: Sequence[int], leaving: Sequence[Tensor | None], fold: Fold | None = None) -> Node:
        if fold is not None and fold.times > 1:
            return self._repetition(rows, fold, leaving)
        operators = [row for row in rows if row not in self.hosts]
        return self._module(rows, operators, leaving) if len(operators) > 1 else self._operator(rows)

    def _operator(self, rows: Sequence[int]) -> Node:
        row = self.rows[rows[0]]
        constants = f"with {counted(len(rows) - 1, 'constant')}" if len(rows) > 1 else ""
        lines = (type_text(row), shapes_text(row.outputs), row.name)
        more = tuple(filter(None, (row.why, constants)))
        known = row.status == "known"
        return Node("op", _printable(*lines), _printable(*more), tuple(rows), len(row.outputs), known)

    def _module(self, rows: Sequence[int], operators: Sequence[int], leaving: Sequence[Tensor | None]) -> Node:
        depths = zip(*(_path(self.rows[row]) for row in operators), strict=False)
        path = [names[0] for names in takewhile(lambda names: len(set(names)) == 1, depths)]
        return self._several(rows, ("/".join(path) or "outside modules", counted(len(operators), "operator")), leaving)

    def _repetition(self, rows: Sequence[int], fold: Fold, leaving: Sequence[Tensor | None]) -> Node:
        node = self._several(rows, (f"{fold.times} x {counted(len(fold.kinds), 'operator')}", fold.text), leaving)
        return replace(node, block=tuple(fold.block))

    def _several(self, rows: Sequence[int], lines: tuple[str, str], leaving: Sequence[Tensor | None]) -> Node:
        """What stands for several operators: two lines, and below them the shapes of what leaves it."""
        shapes = {shape_text(tensor): tensor for tensor in leaving if tensor is not None}
        known = all(self.rows[row].status == "known" for row in rows)
        more = tuple(shapes.values())
        said = _printable(*lines, ", ".join(shapes))
        return Node("module", said, (), tuple(sorted(rows)), len(leaving), known, more)


def _input_node(name: str, tensor: Tensor) -> Node:
    return Node(
        "input", _printable(f"{name} {shape_text(tensor)}"), (f"input of type {tensor.dtype}",), shapes=(tensor,)
    )


def _output_node(name: str, tensor: Tensor) -> Node:
    return Node("output", _printable(name), (f"output {shape_text(tensor)} of type {tensor.dtype}",), shapes=(tensor,))


def _maker_node(name: str, tensor: Tensor | None) -> Node:
    """What a part of the network gets from an operator."""
    return Node("input", _printable(f"from {name}"), shapes=(tensor,) if tensor is not None else ())


def _reader_node(names: Sequence[str]) -> Node:
    """What a part of the network hands on to these operators."""
    return Node("output", _printable(f"to {names[0]}" if len(names) == 1 else f"to {counted(len(names), 'operator')}"))


def _printable(*lines: str) -> tuple[str, ...]:
    """What a node says: names cannot add lines to it."""
    return tuple(map(printable, lines))


def _runs(groups: Groups, keys: Sequence[object]) -> Iterator[list[int]]:
    """Neighbouring groups with one key, joined."""
    for _, run in groupby(range(len(groups)), keys.__getitem__):
        yield [row for group in run for row in groups[group]]


def _path(row: Row) -> tuple[str, ...]:
    return tuple(filter(None, row.scope.split("/")))
