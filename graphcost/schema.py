"""The JSON Schema of what `--format json` prints; docs/schema.json is made from it.

It describes each key that there is and forbids no other: keys are added under the same number of `schema`, by later
versions, by sections and by plugins, and none changes its meaning.
"""

from __future__ import annotations

import json
from typing import Any

from .analysis import TOTALS
from .export import SCHEMA
from .rules import Work

DIALECT = "https://json-schema.org/draft/2020-12/schema"
IDENTIFIER = "https://github.com/graphcost/graphcost/blob/main/docs/schema.json"

COUNTS = ("macs", "ops", "params", "learned_params", "param_bytes", "activation_bytes", "reads", "writes")
"""What is counted of a layer."""
_TOTALS = {
    "macs": "multiply-accumulates",
    "ops": "scalar operations, a multiply-accumulate as two",
    "params": "elements of the weights, each counted once",
    "learned_params": "those of them that training changes",
    "param_bytes": "their bytes",
    "activation_bytes": "bytes of all that operators make",
    "peak_activation_bytes": "the most bytes alive while one operator runs",
    "reads": "bytes read by all operators",
    "writes": "bytes written by all operators",
}


def schema() -> dict[str, Any]:
    """The schema as data."""
    return {
        "$schema": DIALECT,
        "$id": IDENTIFIER,
        "title": "graphcost --format json",
        "description": "What a model costs, or of several models a list of them. A count is an integer, a formula in"
        " Python's syntax while dimensions are symbolic, or null where it is not known. null also stands for what is"
        " not given.",
        "anyOf": [
            _ref("report"),
            {
                "type": "array",
                "items": {"if": {"required": ["error"]}, "then": _ref("failure"), "else": _ref("report")},
            },
        ],
        "$defs": {
            **_values(),
            "report": _report(),
            "failure": _object(
                "A model that could not be read, in its place among several.",
                {"schema": {"const": SCHEMA}, "generator": _ref("generator"), "model": _named_path(), "error": _text()},
            ),
            "generator": {"type": "string", "description": "what wrote this, with version", "pattern": "^graphcost"},
            "tensor": _object(
                "A tensor, or a sequence of tensors, which has no shape.",
                {"shape": _ref("shape"), "dtype": _text("element type, as in ONNX")},
                {"items": {**_list(_ref("tensor")), "description": "those of a sequence, where each is known"}},
            ),
            "layer": _layer(),
            "window": _window(),
            "receptive_field": _receptive_field(),
        },
    }


def text() -> str:
    """The schema as `--json-schema` prints it."""
    return json.dumps(schema(), indent=2) + "\n"


def _values() -> dict[str, Any]:
    formula = {"type": "string", "description": "a formula of symbolic dimensions in Python's syntax: 44760*N"}
    extent = {"anyOf": [{"type": "integer"}, formula]}
    return {
        "extent": extent,
        "count": {"anyOf": [{"type": "integer", "minimum": 0}, formula, {"type": "null"}]},
        "shape": {"anyOf": [{"type": "array", "items": _ref("extent")}, {"type": "null"}]},
        "name": {"type": ["string", "null"]},
        "attribute": {
            "description": "A number, text, truth or list of them; a tensor as its shape, type and, when it is small,"
            " value; a message as an object; of what is long only how many elements or letters it has; null for what is"
            " too large to be read."
        },
    }


def _report() -> dict[str, Any]:
    properties = {
        "schema": {"const": SCHEMA, "description": "the version of this form"},
        "generator": _ref("generator"),
        "model": _object(
            "The file.",
            {
                "path": _ref("name"),
                "name": _ref("name"),
                "format": {"enum": ["caffe", "onnx", None]},
                "opsets": {"type": "object", "additionalProperties": {"type": "integer"}},
            },
        ),
        "inputs": _list(_named_tensor()),
        "outputs": _list(_named_tensor()),
        "assumptions": _numbers("what a printed number takes for granted: a batch of 1"),
        "declared": _numbers("dimensions that data decides and the file declares"),
        "target": _target(),
        "totals": _object(
            "Sums over all layers; lower bounds unless coverage is complete.",
            {name: {**_ref("count"), **_said(_TOTALS.get(name, ""))} for name in TOTALS},
        ),
        "parameter_classes": {"type": "object", "additionalProperties": _ref("count")},
        "coverage": _object(
            "What the totals leave out.",
            {
                "complete": {"type": "boolean"},
                "unknown_ops": _numbers("operator types that are not known, with counts"),
                "dependent_ops": {"type": "integer", "description": "operators not known only for want of a shape"},
                "unknown_tensors": {"type": "integer"},
            },
        ),
        "layers": _list(_ref("layer")),
        "tensors": {"type": "object", "additionalProperties": _ref("tensor")},
    }
    return _object("What one model costs at one set of sizes.", properties)


def _target() -> dict[str, Any]:
    return _object(
        "Where and how the network is to run.",
        {
            "dtype": _ref("name"),
            "weights_dtype": _ref("name"),
            "io": {"enum": ["arena", "caller"]},
            "reorder": {"type": "boolean"},
            "fuse": {"type": "boolean"},
            "device": _ref("name"),
            "align": {"type": "integer", "minimum": 1},
        },
    )


def _layer() -> dict[str, Any]:
    required = {
        "name": _text("inside a body loop/body/name"),
        "kind": _text("what the file calls the operator"),
        "scope": {**_ref("name"), "description": "the module path"},
        "inputs": {**_list(_ref("name")), "description": "names of tensors; null is an optional one left out"},
        "outputs": _list(_ref("name")),
        "output_shapes": _list(_ref("shape")),
        "attributes": {"type": "object", "additionalProperties": _ref("attribute")},
        "window": {"anyOf": [_ref("window"), {"type": "null"}]},
        **{name: _ref("count") for name in COUNTS},
        "intensity": {"type": ["number", "null"], "description": "operations for each byte moved"},
        "fused_into": {**_ref("name"), "description": "the operator that it is fused into"},
        "work": {
            "anyOf": [
                _object("Scalar operations by kind.", {kind: _ref("count") for kind in Work.__slots__}),
                {"type": "null"},
            ]
        },
        "rf": {"anyOf": [_ref("receptive_field"), {"type": "null"}]},
        "constant": {"type": "boolean", "description": "it only makes constants"},
        "status": {"enum": ["known", "partial", "unknown"]},
        "note": {**_ref("name"), "description": "why something is not known, or what was counted"},
        "where": {**_ref("name"), "description": "the place in the file"},
    }
    optional = {
        "time": {"type": ["number", "null"], "description": "measured seconds"},
        "time_bound": {"type": ["number", "null"], "description": "the least seconds on the target's device"},
        "time_estimate": {"type": ["number", "null"], "description": "what a calibrated device should take"},
        "folded_into": {**_ref("name"), "deprecated": True, "description": "fused_into, as it was called"},
        "rf_inputs": {"type": "object", "additionalProperties": {"anyOf": [_ref("receptive_field"), {"type": "null"}]}},
        "rf_why": _text("why the receptive field is not known"),
    }
    return _object("One operator.", required, optional)


def _window() -> dict[str, Any]:
    axis = {"type": ["integer", "string"], "description": "a fraction is text: 1/2"}
    parts = {name: _list(axis) for name in ("stride", "padding", "dilation", "up")}
    kernel = {"kernel": {**_list(axis), "description": "a size per spatial axis"}}
    return _object("What a sliding operator slides.", kernel, {**parts, "group": {"type": ["integer", "null"]}})


def _receptive_field() -> dict[str, Any]:
    axis = {"type": ["number", "string", "null"]}
    each = {"anyOf": [axis, _list(axis)]}
    return _object(
        "What one output position sees of an input: a number, or one per axis where they differ.",
        {"size": {**each, "description": "all is the whole axis"}, "stride": each, "start": each},
    )


def _object(what: str, required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    """An object that has these keys, and may have more."""
    properties = {**required, **(optional or {})}
    return {"type": "object", "description": what, "required": [*required], "properties": properties}


def _named_tensor() -> dict[str, Any]:
    return {"allOf": [_ref("tensor"), _object("With its name.", {"name": _text()})]}


def _named_path() -> dict[str, Any]:
    return _object("The file.", {"path": _text()})


def _numbers(what: str) -> dict[str, Any]:
    return {"type": "object", "description": what, "additionalProperties": {"type": "integer"}}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _text(what: str = "") -> dict[str, Any]:
    return {"type": "string", **_said(what)}


def _said(what: str) -> dict[str, Any]:
    return {"description": what} if what else {}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}
