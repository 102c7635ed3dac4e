"""An analysis as data for other programs: the JSON object, and a networkx graph whose nodes carry costs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import networkx as nx

from .analysis import TOTALS, Analysis
from .data_text import Elements, Members, whole
from .dims import Extent, to_json
from .graph import UNKNOWN, Tensor, TensorSequence
from .layers import Layers
from .ops.abstract import is_open
from .passes import caches
from .passes.rows import Row
from .table import shape_text, shapes_text
from .version import __version__

SCHEMA = 1
"""The version of the JSON object: keys are added under the same number, and none changes its meaning."""
GENERATOR = f"graphcost {__version__}"


def to_dict(analysis: Analysis) -> dict[str, Any]:
    """The JSON object of `--format json`: integers, open dimensions as formulas in text, None for unknown."""
    return whole(parts(analysis))


def parts(analysis: Analysis) -> dict[str, Any]:
    """The same with layers and tensors that are made when they are written."""
    model, blob = analysis.model, analysis.model.blob_names
    tensors = {blob.get(name, name): tensor for name, tensor in analysis.tensors.items()}
    return {
        "schema": SCHEMA,
        "generator": GENERATOR,
        "model": {
            "path": model.path or None,
            "name": model.name or None,
            "format": model.format or None,
            "opsets": dict(model.opsets),
        },
        "inputs": [{"name": name, **_tensor(tensor)} for name, tensor in analysis.inputs.items()],
        "outputs": [{"name": blob.get(name, name), **_tensor(_output(analysis, name))} for name in model.outputs],
        "assumptions": {**analysis.assumptions, **analysis.defaults},
        "declared": dict(analysis.declared),
        "target": {key: None if value == "" else value for key, value in asdict(analysis.target).items()},
        "totals": {quantity: to_json(analysis.total(quantity)) for quantity in TOTALS} | _times(analysis),
        **_language_model(analysis),
        "parameter_classes": {kind: to_json(size) for kind, size in analysis.parameters.classes.items()},
        "coverage": {
            "complete": analysis.complete,
            "unknown_ops": dict(analysis.unknown),
            "dependent_ops": analysis.dependent,
            "unknown_tensors": analysis.unknown_tensors,
        },
        "layers": Elements(layer.to_dict() for layer in Layers(analysis)),
        "tensors": Members((name, _tensor(tensor)) for name, tensor in tensors.items()),
    }


def _language_model(analysis: Analysis) -> dict[str, Any]:
    """The caches, and the parameters that work on a token; nothing where there are none of the first, and all do."""
    found: dict[str, Any] = {}
    if analysis.active_parameters != analysis.parameters.total:
        found["active_params"] = to_json(analysis.active_parameters)
    if analysis.caches:
        found["kv_cache"] = {
            "bytes_per_token": to_json(caches.bytes_per_token(analysis.caches)),
            "bytes": to_json(caches.nbytes(analysis.caches)),
            "tokens": to_json(analysis.caches[0].tokens),
            "layers": [
                {
                    "input": cache.input,
                    "output": cache.output,
                    "axis": cache.axis,
                    "in_place": cache.in_place,
                    "bytes_per_token": to_json(cache.bytes_per_token),
                    "bytes": to_json(cache.nbytes),
                }
                for cache in analysis.caches
            ],
        }
    return found


def _times(analysis: Analysis) -> dict[str, float | None]:
    """Seconds of a forward run, measured and at least, where these were asked for."""
    timing, roofline = analysis.timing, analysis.roofline
    found: dict[str, float | None] = {"time": timing.seconds} if timing is not None else {}
    found |= {"time_bound": roofline.seconds} if roofline is not None else {}
    return found | ({"time_estimate": analysis.estimate.seconds} if analysis.estimate is not None else {})


def _output(analysis: Analysis, name: str) -> Tensor:
    return analysis.tensors.get(name) or analysis.model.weights.get(name) or UNKNOWN


def _tensor(tensor: Tensor) -> dict[str, Any]:
    """A tensor's shape and element type; of a sequence, which has no shape, each item's where all are known."""
    shape = [to_json(extent) for extent in tensor.shape] if tensor.ranked else None
    found: dict[str, Any] = {"shape": shape, "dtype": tensor.dtype}
    items = tensor.items if isinstance(tensor, TensorSequence) else None
    if items is not None and not any(map(_has_open_extents, items)):
        found["items"] = [_tensor(item) for item in items]
    return found


def _has_open_extents(tensor: Tensor) -> bool:
    """Whether an extent of it has no name yet, as one has that data decides within a sequence."""
    return tensor.ranked and any(is_open(extent) for extent in tensor.shape)


def to_networkx(analysis: Analysis, *, tensors: bool = False) -> nx.DiGraph | nx.MultiDiGraph:
    """The graph of `Model.to_networkx` with costs on nodes and sizes on edges; the model's own graph stays bare.

    Nodes of operators have `macs`, `ops`, `params`, `output` (shapes as text) and `status`; edges have `bytes`, and
    with `tensors=True` the `shape` and `dtype` of their tensor. Counts are integers, or formulas in text where sizes
    are open; what is not known is left out, since most graph formats have no word for it.
    """
    graph = analysis.model.to_networkx(tensors=tensors)
    for at, row in enumerate(analysis.rows):
        if row.op in analysis.model.dag:
            graph.nodes[row.name].update(row_costs(analysis, at, row))
    if tensors:
        for *_, name, data in graph.edges(keys=True, data=True):
            tensor = analysis.tensors.get(name, UNKNOWN)
            data.update(tensor_costs(tensor))
    else:
        for maker, reader, names in analysis.model.dag.edges(data="tensors"):
            sizes = [_nbytes(analysis.tensors.get(name, UNKNOWN)) for name in names]
            known = [size for size in sizes if size is not None]
            total = sum(known[1:], known[0]) if len(known) == len(sizes) else None
            graph.edges[maker.name, reader.name].update(_known(bytes=total))
    return graph


def tensor_costs(tensor: Tensor) -> dict[str, Any]:
    """What is known of a tensor that flows, for an edge of a graph."""
    return _known(shape=shape_text(tensor), dtype=tensor.dtype, bytes=_nbytes(tensor))


def row_costs(analysis: Analysis, at: int, row: Row) -> dict[str, Any]:
    """What is known of an operator, for a node of a graph."""
    macs, ops = (row.work.macs, row.work.ops) if row.work is not None else (None, None)
    shapes = shapes_text(row.outputs)
    return _known(macs=macs, ops=ops, params=analysis.parameters.rows[at], output=shapes, status=row.status)


def _nbytes(tensor: Tensor) -> Extent | None:
    return tensor.nbytes if tensor.ranked else None


def _known(**values: Extent | str | None) -> dict[str, Any]:
    """The values that are known, as JSON has them."""
    known = {key: value for key, value in values.items() if value is not None}
    return {key: value if isinstance(value, str) else to_json(value) for key, value in known.items()}
