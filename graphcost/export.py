"""An analysis as data for other programs: the JSON object, and a networkx graph whose nodes carry costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import networkx as nx

from .analysis import TOTALS, Analysis
from .dims import Extent, to_json
from .graph import UNKNOWN, Tensor
from .passes.rows import Row
from .rules import Work
from .table import shape_text, shapes_text
from .version import __version__

if TYPE_CHECKING:
    from .passes.receptive_field import Field


def to_dict(analysis: Analysis) -> dict[str, Any]:
    """The JSON object of `--format json`: integers, open dimensions as formulas in text, None for unknown."""
    model, blob = analysis.model, analysis.model.blob_names
    return {
        "schema": 1,
        "generator": f"graphcost {__version__}",
        "model": {"path": model.path, "name": model.name, "format": model.format, "opsets": dict(model.opsets)},
        "inputs": [{"name": name, **_tensor(tensor)} for name, tensor in analysis.inputs.items()],
        "outputs": [{"name": blob.get(name, name), **_tensor(_output(analysis, name))} for name in model.outputs],
        "assumptions": {**analysis.assumptions, **analysis.defaults},
        "declared": dict(analysis.declared),
        "target": asdict(analysis.target),
        "totals": {quantity: to_json(analysis.total(quantity)) for quantity in TOTALS} | _times(analysis),
        "parameter_classes": {kind: to_json(size) for kind, size in analysis.parameters.classes.items()},
        "coverage": {
            "complete": analysis.complete,
            "unknown_ops": dict(analysis.unknown),
            "dependent_ops": analysis.dependent,
            "unknown_tensors": analysis.unknown_tensors,
        },
        "layers": [_layer(analysis, at, row) for at, row in enumerate(analysis.rows)],
        "tensors": {blob.get(name, name): _tensor(tensor) for name, tensor in analysis.tensors.items()},
    }


def _times(analysis: Analysis) -> dict[str, float | None]:
    """Seconds of a forward run, measured and at least, where these were asked for."""
    timing, roofline = analysis.timing, analysis.roofline
    found = {"time": timing.seconds} if timing is not None else {}
    return found | ({"time_bound": roofline.seconds} if roofline is not None else {})


def _row_times(analysis: Analysis, at: int) -> dict[str, float | None]:
    """The same of one row; what ran as part of another row has no measured time of its own."""
    timing, roofline = analysis.timing, analysis.roofline
    found: dict[str, float | None] = {}
    if timing is not None:
        group = timing.leaders.get(at)
        found["time"] = group.seconds if group is not None else None
    return found | ({"time_bound": roofline.rows[at].seconds} if roofline is not None else {})


def _output(analysis: Analysis, name: str) -> Tensor:
    return analysis.tensors.get(name) or analysis.model.weights.get(name) or UNKNOWN


def _layer(analysis: Analysis, at: int, row: Row) -> dict[str, Any]:
    blob, work, traffic = analysis.model.blob_names, row.work, analysis.traffic.rows[at]
    fused_into = None if traffic.fused_into is None else analysis.rows[traffic.fused_into].name
    return {
        "name": row.name,
        "kind": row.op.type,
        "scope": row.scope,
        "inputs": [blob.get(name, name) for name in row.op.inputs],
        "outputs": [blob.get(name, name) for name in row.op.outputs],
        "output_shapes": [_tensor(tensor)["shape"] for tensor in row.outputs],
        "macs": to_json(work.macs) if work else None,
        "ops": to_json(work.ops) if work else None,
        "params": to_json(analysis.parameters.rows[at]),
        "learned_params": to_json(analysis.parameters.learned_rows[at]),
        "param_bytes": to_json(analysis.parameters.row_bytes[at]),
        "activation_bytes": to_json(row.activation_bytes),
        "reads": to_json(traffic.reads),
        "writes": to_json(traffic.writes),
        "intensity": analysis.intensity[at],
        **_row_times(analysis, at),
        "fused_into": fused_into,
        "folded_into": fused_into,  # the key's name before, for one version
        "work": {kind: to_json(getattr(work, kind)) for kind in Work.__slots__} if work else None,
        **_receptive_fields(analysis.receptive_fields_of(at)),
        "constant": row.constant,
        "status": row.status,
        "note": row.why or None,
        "where": row.op.location,
    }


def _receptive_fields(fields: Mapping[str, Field]) -> dict[str, Any]:
    """The field in the first input that is seen, in each one where there are several, and why it is not known."""
    data = {name: field.to_dict() for name, field in fields.items()}
    result: dict[str, Any] = {"rf": next(iter(data.values()), None)}
    if len(data) > 1:
        result["rf_inputs"] = data
    if why := next((field.why for field in fields.values() if field.why), ""):
        result["rf_why"] = why
    return result


def _tensor(tensor: Tensor) -> dict[str, Any]:
    shape = [to_json(extent) for extent in tensor.shape] if tensor.ranked else None
    return {"shape": shape, "dtype": tensor.dtype}


def to_networkx(analysis: Analysis, *, tensors: bool = False) -> nx.DiGraph | nx.MultiDiGraph:
    """The graph of `Model.to_networkx` with costs on nodes and sizes on edges; the model's own graph stays bare.

    Nodes of operators have `macs`, `ops`, `params`, `output` (shapes as text) and `status`; edges have `bytes`, and
    with `tensors=True` the `shape` and `dtype` of their tensor. Counts are integers, or formulas in text where sizes
    are open; what is not known is left out, since most graph formats have no word for it.
    """
    graph = analysis.model.to_networkx(tensors=tensors)
    for at, row in enumerate(analysis.rows):
        if row.op in analysis.model.dag:
            graph.nodes[row.name].update(_costs(analysis, at, row))
    if tensors:
        for *_, name, data in graph.edges(keys=True, data=True):
            tensor = analysis.tensors.get(name, UNKNOWN)
            data.update(_known(shape=shape_text(tensor), dtype=tensor.dtype, bytes=_nbytes(tensor)))
    else:
        for maker, reader, names in analysis.model.dag.edges(data="tensors"):
            sizes = [_nbytes(analysis.tensors.get(name, UNKNOWN)) for name in names]
            known = [size for size in sizes if size is not None]
            total = sum(known[1:], known[0]) if len(known) == len(sizes) else None
            graph.edges[maker.name, reader.name].update(_known(bytes=total))
    return graph


def _costs(analysis: Analysis, at: int, row: Row) -> dict[str, Any]:
    macs, ops = (row.work.macs, row.work.ops) if row.work is not None else (None, None)
    shapes = shapes_text(row.outputs)
    return _known(macs=macs, ops=ops, params=analysis.parameters.rows[at], output=shapes, status=row.status)


def _nbytes(tensor: Tensor) -> Extent | None:
    return tensor.nbytes if tensor.ranked else None


def _known(**values: Extent | str | None) -> dict[str, Any]:
    """The values that are known, as JSON has them."""
    known = {key: value for key, value in values.items() if value is not None}
    return {key: value if isinstance(value, str) else to_json(value) for key, value in known.items()}
