"""Costs as node data of Google's Model Explorer, which colours the nodes of the same file by them.

A file has the values of each graph by the ids that Model Explorer's adapter for ONNX (model-explorer-onnx) gives
nodes: the names in the file; of nodes without one `node`, `node_1`; of names that stand again `conv_1`. The nodes of an
If stand in the graph around it, those of a loop and of a function in graphs of their own. Shown is the column by which
the report is sorted, else MACs. What is not known is text in the place of a number; open sizes are as the report
assumes them.

Format: https://github.com/google-ai-edge/model-explorer, src/server/package/src/model_explorer/node_data_builder.py.
Names: https://github.com/justinchuby/model-explorer-onnx.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from ..columns import find
from ..dims import Dim, to_json
from ..graph import Model, Op
from ..passes.rows import body_prefix
from ..report import Report
from ..table import Value

GRADIENT = [{"stop": 0, "bgColor": "#ffffff"}, {"stop": 1, "bgColor": "#f97316"}]
"""From the least to the largest value."""
UNKNOWN = "#d4d4d8"
MAIN = "<main>"
"""The id of a graph without a name."""

Place = tuple[str, str]
"""A graph's id and a node's in it."""


def write(report: Report) -> str:
    """The node data of a report."""
    analysis = report.analysis
    column = find(report.sort or "macs")
    places = dict(_places(analysis.model))
    results: dict[str, dict[str, list[Value]]] = {}
    for at, row in enumerate(analysis.rows):
        if row.name in places:
            graph, node = places[row.name]
            results.setdefault(graph, {}).setdefault(node, []).append(column.value(analysis, at))
    data = {
        graph: {
            "name": f"graphcost: {column.title}",
            "results": {node: _result(report, values) for node, values in nodes.items()},
            "gradient": GRADIENT,
        }
        for graph, nodes in results.items()
    }
    return json.dumps(data or {MAIN: {"results": {}}}, indent=1) + "\n"


def _result(report: Report, values: list[Value]) -> dict[str, Any]:
    """The value of a node, that of all calls where it stands in a function."""
    numbers = [report.analysis.evaluate(value) if isinstance(value, Dim) else value for value in values]
    if all(isinstance(number, int | float) for number in numbers):
        return {"value": sum(number for number in numbers if isinstance(number, int | float))}
    open_ = [str(to_json(value)) for value in values if isinstance(value, Dim)]
    text = open_[0] if open_ else next((str(value) for value in values if value is not None), "unknown")
    return {"value": text, "bgColor": UNKNOWN} if text else {"value": 0}


def _places(model: Model) -> Iterator[tuple[str, Place]]:
    """Where the operator of each row stands in Model Explorer, by the row's name."""
    if model.format != "onnx":
        yield from ((op.name, (model.name or MAIN, op.name)) for op in model.dag)
        return
    yield from _of_graph(model, "", model.name or MAIN, "", Counter())


def _of_graph(model: Model, prefix: str, graph: str, inside: str, counter: Counter[str]) -> Iterator[tuple[str, Place]]:
    """The places of a graph's operators and of those in its bodies. `inside` is the If that a graph belongs to."""
    used: set[str] = set()
    for op in sorted(model.dag, key=_number):
        own = _unique(op.file_name or "node", used, counter)
        node = inside + own
        yield prefix + op.name, (graph, node)
        for label, body in op.bodies:
            within = body_prefix(prefix, op, label)
            if op.is_call:
                yield from _of_graph(body, within, _function(op), "", Counter())
            elif op.kind == "If":
                yield from _of_graph(body, within, graph, f"{node}/{label}/", counter)
            else:
                yield from _of_graph(body, within, f"{node}/{label}", "", counter)


def _number(op: Op) -> int:
    """Where a node stands among those of its graph, as its location says."""
    found = re.search(r"node (\d+)$", op.location)
    return int(found[1]) if found else 0


def _unique(name: str, used: set[str], counter: Counter[str]) -> str:
    """A name that no other node of the graph has, as onnx_ir's NameFixPass makes one."""
    unique = name
    while unique in used:
        counter[name] += 1
        unique = f"{name}_{counter[name]}"
    used.add(unique)
    return unique


def _function(op: Op) -> str:
    domain, _, name = op.kind.rpartition(".")
    return f"[function]{domain}::{name}"
