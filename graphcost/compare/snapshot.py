"""What is kept of a network to compare it by: its totals and its layers, from an analysis or from a JSON report.

A JSON report is what `--format json` or `graphcost baseline` wrote in an earlier run; it is untrusted text. A report of
another schema is refused with the version that made it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from .. import limits
from ..analysis import TOTALS, Analysis
from ..columns import find
from ..defining import type_text
from ..dims import Dim, TooLarge, parse, substitute, symbol, symbols, to_json
from ..errors import ModelError
from ..quantities import TOTAL_OF
from ..report import Report
from ..table import Value, extents_text, shapes_text
from ..version import __version__

SCHEMA = 1
CONTENT = ("macs", "ops", "params", "param_bytes", "activation")
"""The columns that tell whether a layer is still the same."""
HEAD = 4096
"""Bytes at the beginning of a file that tell a JSON report from a model."""


@dataclass(frozen=True)
class Layer:
    """One layer of a network."""

    name: str
    kind: str
    type: str
    """The kind with what defines it, as reports show it; of a JSON report the kind alone."""
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    shapes: str
    """The shapes of its outputs, as text."""
    values: Mapping[str, Value]
    """By column; None for what is not known."""
    attributes: Mapping[str, Any] | None = None
    """What the file says of it besides; None where that is not kept."""


@dataclass(frozen=True)
class Snapshot:
    """A network as it is compared."""

    path: str
    name: str
    totals: Mapping[str, Value]
    exact: Mapping[str, bool]
    """Whether a total is exact rather than a lower bound."""
    complete: bool
    assumptions: Mapping[str, int]
    layers: Sequence[Layer]
    columns: Sequence[str]
    """The columns that its layers have."""
    inputs: str = ""
    """Their shapes."""
    analysis: Analysis | None = field(default=None, compare=False, repr=False)
    """What it was made from; None for a JSON report."""


def of_analysis(analysis: Analysis, columns: Sequence[str] = ()) -> Snapshot:
    """A network as it was analysed, with the values of these columns besides those that are always compared."""
    keys = list(dict.fromkeys([*CONTENT, *columns]))
    chosen, values, _ = Report(analysis, columns=keys, all=True).values()
    cells = [[_same_symbols(value) for value in each] for each in values]
    layers = []
    for at, row in enumerate(analysis.rows):
        found = dict(zip(keys, [each[at] for each in cells], strict=True))
        shapes = shapes_text(row.outputs)
        op = row.op
        layers.append(Layer(row.name, op.type, type_text(row), op.all_inputs, op.outputs, shapes, found, op.attrs))
    totals = {name: _same_symbols(analysis.total(name)) for name in TOTALS}
    exact = {name: find(key).total_is_exact(analysis) for key, name in _totals_of_columns().items()}
    for column in chosen:
        if column.total is not None and column.key not in _totals_of_columns():
            totals[column.key] = _same_symbols(column.total(analysis))
            exact[column.key] = column.total_is_exact(analysis)
    model, inputs_text = analysis.model, shapes_text(analysis.inputs.values())
    return Snapshot(
        model.path, model.name, totals, exact, analysis.complete, dict(analysis.assumptions), layers, keys, inputs_text,
        analysis,
    )  # fmt: skip


def _totals_of_columns() -> dict[str, str]:
    """The columns of the totals that every report has, and the names of these."""
    column_of = {name: key for key, name in TOTAL_OF.items()}
    return {column_of.get(name, name): name for name in TOTALS}


def _same_symbols(value: Value) -> Value:
    """A formula whose symbols may all be 0, as another file's may: those of one name are then the same."""
    return _over_naturals(value) if isinstance(value, Dim) else value


@lru_cache(maxsize=65536)
def _over_naturals(formula: Dim) -> Value:
    return substitute(formula, {name: symbol(name, lower=0) for name in symbols(formula)})


# --- JSON -------------------------------------------------------------------------------------------------------------


def to_dict(snapshot: Snapshot) -> dict[str, Any]:
    """A network as `graphcost baseline` keeps it: a JSON report with nothing but what is compared."""
    return {
        "schema": SCHEMA,
        "generator": f"graphcost {__version__}",
        "model": {"path": snapshot.path, "name": snapshot.name},
        "shapes": snapshot.inputs,
        "assumptions": dict(snapshot.assumptions),
        "totals": {name: _json(value) for name, value in snapshot.totals.items()},
        "exact": dict(snapshot.exact),
        "coverage": {"complete": snapshot.complete},
        "layers": [_layer_json(layer) for layer in snapshot.layers],
    }


def _layer_json(layer: Layer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "kind": layer.kind,
        "type": layer.type,
        "inputs": list(layer.inputs),
        "outputs": list(layer.outputs),
        "shapes": layer.shapes,
        "values": {key: _json(value) for key, value in layer.values.items()},
    }


def _json(value: Value) -> Any:
    return to_json(value) if isinstance(value, Dim) else value


def is_report(path: str) -> bool:
    """Whether a file is a JSON report, by how it begins."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(HEAD).lstrip()
    except OSError:
        return False
    return head[:1] in (b"{", b"[") and b'"schema"' in head


def read(path: str) -> list[Snapshot]:
    """The networks of a JSON report: one, or each of several. Raises ModelError."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(limits.MAX_UNPACKED + 1)
    except OSError as problem:
        raise ModelError(path, "", f"cannot be read: {problem.strerror or problem}") from None
    return parsed(content, path)


def read_one(path: str) -> Snapshot:
    """The network of a JSON report of one. Raises ModelError."""
    found = read(path)
    if len(found) != 1:
        names = f": {', '.join(each.path for each in found[:4])}" if found else ""
        raise ModelError(path, "", f"has {len(found)} networks, and one is compared with one{names}")
    return found[0]


def parsed(content: bytes, path: str) -> list[Snapshot]:
    """The same of the content of a file. Raises ModelError."""
    if len(content) > limits.MAX_UNPACKED:
        raise ModelError(path, "", f"has more than {limits.MAX_UNPACKED:,} bytes")
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as problem:
        raise ModelError(path, "", f"is no JSON report: {problem}") from None
    if isinstance(data, dict) and "models" in data:
        _check_schema(data, path)
        data = data["models"]
    reports = data if isinstance(data, list) else [data]
    return [of_dict(each, path) for each in reports if not (isinstance(each, dict) and "error" in each)]


def of_dict(data: Any, path: str = "") -> Snapshot:
    """A network from the JSON object of a report. Raises ModelError when it is none, or of another schema."""
    _check_schema(data, path)
    try:
        return _snapshot(data)
    except (KeyError, TypeError, ValueError, AttributeError, TooLarge) as problem:
        reason = str(problem)
        if isinstance(problem, KeyError):
            reason = f"it has no {problem}"
        elif not isinstance(problem, ValueError):
            reason = "a part of it is of another type than reports have there"
        raise ModelError(path, "", f"is no JSON report of graphcost: {reason[:200]}") from None


def _check_schema(data: Any, path: str) -> None:
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema is None:
        raise ModelError(path, "", "is no JSON report of graphcost: it has no schema")
    if schema != SCHEMA:
        maker = data.get("generator")
        made = f", made by {maker[:60]}" if isinstance(maker, str) else ""
        raise ModelError(path, "", f"is a report of schema {str(schema)[:20]}{made}; this version reads {SCHEMA}")


def _snapshot(data: Mapping[str, Any]) -> Snapshot:
    layers = [_layer(each) for each in data["layers"]]
    complete = bool(data["coverage"]["complete"])
    totals = {str(name): _value(value) for name, value in data["totals"].items()}
    exact = {
        name: bool(data.get("exact", {}).get(name, complete or name == "peak_activation_bytes")) for name in totals
    }
    model = data["model"]
    assumptions = {str(name): int(value) for name, value in data.get("assumptions", {}).items()}
    columns = [*layers[0].values] if layers else [*CONTENT]
    shapes = data.get("shapes") or ", ".join(_shape(each["shape"]) for each in data.get("inputs", []))
    path, name = str(model["path"] or ""), str(model.get("name") or "")
    return Snapshot(path, name, totals, exact, complete, assumptions, layers, columns, shapes)


def _layer(data: Mapping[str, Any]) -> Layer:
    if "values" in data:
        values = {str(key): _value(value, text=True) for key, value in data["values"].items()}
        shapes = str(data["shapes"])
    else:
        values = {column: _value(data[key]) for key, column in _KEYS.items() if key in data}
        values |= {key: _value(value) for key, value in (data.get("work") or {}).items()}
        shapes = ", ".join(map(_shape, data["output_shapes"]))
    kind = str(data["kind"])
    inputs, outputs = (tuple([str(name or "") for name in data[key]]) for key in ("inputs", "outputs"))
    return Layer(str(data["name"]), kind, str(data.get("type", kind)), inputs, outputs, shapes, values)


_KEYS = {
    "macs": "macs",
    "ops": "ops",
    "params": "params",
    "learned_params": "learned_params",
    "param_bytes": "param_bytes",
    "activation_bytes": "activation",
    "reads": "reads",
    "writes": "writes",
}
"""Keys of a layer in a JSON report, and the columns that they are."""


def _shape(extents: Sequence[Any] | None) -> str:
    """A shape of a JSON report, as reports for people write it."""
    return "?" if extents is None else extents_text(tuple([_extent(extent) for extent in extents]))


def _extent(value: Any) -> Any:
    return parse(value) if isinstance(value, str) else int(value)


def _value(value: Any, text: bool = False) -> Value:
    """A value of a JSON report; text that is no formula is a text where the column may be one. Raises ValueError."""
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{str(value)[:40]!r} is no number, formula or null")
    try:
        return _same_symbols(parse(value))
    except ValueError:
        if text:
            return value
        raise
