"""A network as a graph with its costs, for programs that draw and search graphs: GraphML and Graphviz's DOT.

Operators are nodes, those of bodies too, the model's inputs and outputs as well; each tensor is an edge for each
operator that reads it. Costs are attributes: integers, formulas as text where sizes are open; what is not known is left
out, and `status` says so. What must not be obeyed in a name of the file is escaped, so that a name can be another's by
chance: `#2` tells them apart.

GraphML: http://graphml.graphdrawing.org/specification.html. DOT: https://graphviz.org/doc/info/lang.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import networkx as nx

from ..analysis import Analysis
from ..defining import type_text
from ..export import row_costs, tensor_costs, to_networkx
from ..graph import UNKNOWN, Model, unique
from ..passes.rows import Row, body_prefix
from ..printable import printable
from ..report import Report
from ..table import show


def graphml(report: Report) -> str:
    """The graph in GraphML, as networkx writes it; node ids are the operators' names."""
    return "\n".join(nx.generate_graphml(graph_of(report.analysis))) + "\n"


def graph_of(analysis: Analysis) -> nx.MultiDiGraph:
    """The graph with printable names, and a key of its own for each edge."""
    source = _with_bodies(analysis)
    names: dict[str, int] = {}
    node_of = {node: unique(printable(str(node)), names) for node in source}
    graph = nx.MultiDiGraph(name=printable(source.graph.get("name", "")))
    for node, data in source.nodes(data=True):
        graph.add_node(node_of[node], **_clean(data))
    edges: dict[str, int] = {}
    for maker, reader, tensor, data in source.edges(keys=True, data=True):
        key = unique(printable(str(tensor)), edges)
        graph.add_edge(node_of[maker], node_of[reader], key=key, tensor=printable(str(tensor)), **_clean(data))
    return graph


def _clean(data: dict[str, Any]) -> dict[str, Any]:
    return {name: printable(value) if isinstance(value, str) else value for name, value in data.items()}


def _with_bodies(analysis: Analysis) -> nx.MultiDiGraph:
    """The graph of the model and its costs, with the operators of bodies and what flows between these."""
    graph = to_networkx(analysis, tensors=True)
    numbers = {row.name: at for at, row in enumerate(analysis.rows)}
    for row in analysis.rows:
        if row.name not in graph:
            costs = row_costs(analysis, numbers[row.name], row)
            graph.add_node(row.name, kind=row.op.type, scope=row.scope, location=row.op.location, **costs)
    for prefix, body in _bodies(analysis.model, ""):
        own = {prefix + op.name for op in body.dag} & numbers.keys()
        made = {name: analysis.rows[numbers[name]] for name in own}
        for maker, reader, tensors in body.dag.edges(data="tensors"):
            if prefix + maker.name in made and prefix + reader.name in made:
                outputs = dict(zip(maker.outputs, made[prefix + maker.name].outputs, strict=False))
                for name in tensors:
                    costs = tensor_costs(outputs.get(name, UNKNOWN))
                    graph.add_edge(prefix + maker.name, prefix + reader.name, key=prefix + name, **costs)
    return graph


def _bodies(model: Model, prefix: str) -> Iterator[tuple[str, Model]]:
    """Every body, with what the names of its rows begin with."""
    for op in model.dag:
        for label, body in op.bodies:
            inner = body_prefix(prefix, op, label)
            yield inner, body
            yield from _bodies(body, inner)


def dot(report: Report) -> str:
    """The graph in DOT: labels for people, each cost as an attribute of its own."""
    analysis = report.analysis
    graph = graph_of(analysis)
    number = {node: f"n{at}" for at, node in enumerate(graph)}
    rows = dict(zip(map(printable, (row.name for row in analysis.rows)), analysis.rows, strict=True))
    lines = [f"digraph {_quoted(graph.graph['name'] or 'network')} {{", "  node [shape=box];"]
    for node, data in graph.nodes(data=True):
        label = _label(report, node, data, rows.get(node))
        lines.append(f"  {number[node]} [{_attributes({'label': label, 'operator': node, **data})}];")
    for maker, reader, data in graph.edges(data=True):
        label = data.get("shape", "?")
        lines.append(f"  {number[maker]} -> {number[reader]} [{_attributes({'label': label, **data})}];")
    return "\n".join([*lines, "}"]) + "\n"


def _label(report: Report, node: str, data: dict[str, Any], row: Row | None) -> str:
    """The lines of a node: its name, its type and what it multiplies."""
    kind = type_text(row) if row is not None else str(data.get("kind", ""))
    macs = data.get("macs")
    cost = "unknown" if row is not None and macs is None else f"{show(macs, 'short')} MACs" if macs else ""
    return "\n".join(filter(None, (node, printable(kind), cost)))


def _attributes(data: dict[str, Any]) -> str:
    return ", ".join(f"{name}={_quoted(str(value))}" for name, value in data.items())


def _quoted(text: str) -> str:
    """A quoted string of DOT, in which a label's line ends are \\n and nothing of the text is an escape."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n") + '"'
