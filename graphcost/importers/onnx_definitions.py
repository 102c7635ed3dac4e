"""What the onnx package itself knows of operators that have no rule here: their definitions and their shapes.

Asked only when a rule is missing, so that the package, which is slow to import, is imported only then. Whatever it
cannot answer is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ..errors import ModelError
from ..graph import DTYPES, Model, Op, Tensor, Unranked
from .onnx_graph import expand
from .onnx_proto import type_of

_NUMBERS = {name: number for number, name in enumerate(DTYPES)}


class OnnxDefinitions:
    """Implements graphcost.graph.Definitions with the onnx package."""

    def expand(self, op: Op, inputs: tuple[Tensor | None, ...], opsets: Mapping[str, int]) -> Model | None:
        """The function that the operator's schema carries, or makes for these attributes and inputs."""
        schema = _schema(op, opsets)
        if schema is None:
            return None
        try:
            function = _function(schema, op, inputs)
            if function is None:
                return None
            defaults = {name: attribute.default_value for name, attribute in schema.attributes.items()}
            function.attribute_proto.extend([value for value in defaults.values() if value.name])
            present = [tensor is not None for tensor in inputs]
            return expand(function, op.attrs, present, dict(opsets), op.location)
        except ModelError:
            return None
        except _errors():
            return None

    def shapes(self, op: Op, inputs: tuple[Tensor | None, ...], opsets: Mapping[str, int]) -> tuple[Tensor, ...] | None:
        """What onnx.shape_inference says of this one node."""
        schema = _schema(op, opsets)
        if schema is None:
            return None
        from onnx import helper, shape_inference

        try:
            types: dict[str, Any] = {}
            data: dict[str, Any] = {}
            for name, tensor in zip(op.inputs, inputs, strict=True):
                if tensor is None or not tensor.ranked:
                    continue
                types[name] = _type(tensor)
                if tensor.value is not None and all(isinstance(v, (int, float)) for v in tensor.value):
                    data[name] = helper.make_tensor(name, _NUMBERS[tensor.dtype], tensor.shape, tensor.value)  # type: ignore[arg-type]
            imports = [helper.make_opsetid(domain, version) for domain, version in opsets.items()]
            found: dict[str, Any] = shape_inference.infer_node_outputs(
                schema, _node(op), types, data, opset_imports=imports
            )
        except _errors():
            return None
        result = tuple(type_of(found[name], name) if name in found else Unranked() for name in op.outputs)
        return result if any(tensor.known for tensor in result) else None


def _errors() -> tuple[type[Exception], ...]:
    """What the library raises on what it does not understand, besides what its callers in Python may."""
    from onnx import checker, shape_inference

    return (shape_inference.InferenceError, checker.ValidationError, *_PYTHON_ERRORS)


_PYTHON_ERRORS = (ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError, OverflowError)


def _schema(op: Op, opsets: Mapping[str, int]) -> Any:
    domain, _, kind = op.kind.rpartition(".")
    return _schema_of(kind, domain, opsets.get(domain, 1))


@lru_cache(maxsize=1024)
def _schema_of(kind: str, domain: str, version: int) -> Any:
    """The schema of an operator; None where the library has none."""
    try:
        from onnx import defs
    except ImportError:  # its compiled part does not run everywhere: in a browser there are the messages alone
        return None
    if not defs.has(kind, domain):  # to ask for what there is not takes ten times as long: it raises in C++
        return None
    try:
        return defs.get_schema(kind, version, domain)
    except (defs.SchemaError, TypeError):  # TypeError: the version does not fit an int of C++
        return None


def _function(schema: Any, op: Op, inputs: tuple[Tensor | None, ...]) -> Any:
    """The FunctionProto of a schema, None when it has none."""
    from onnx import FunctionProto

    function = FunctionProto()
    if schema.has_function:
        function.CopyFrom(schema.function_body)
        return function
    if not schema.has_context_dependent_function:
        return None
    types = [b"" if tensor is None else _type(tensor).SerializeToString() for tensor in inputs]
    made = schema.get_context_dependent_function(_node(op).SerializeToString(), types)
    function.ParseFromString(made)
    return function


def _node(op: Op) -> Any:
    """The operator as a NodeProto, its tensors left out: only their shapes are known."""
    from onnx import helper

    domain, _, kind = op.kind.rpartition(".")
    attrs = {name: value for name, value in op.attrs.items() if not isinstance(value, Tensor)}
    return helper.make_node(kind, list(op.inputs), list(op.outputs), domain=domain, **attrs)


def _type(tensor: Tensor) -> Any:
    """A TypeProto; its rank is left open when it is not known."""
    from onnx import helper

    number = _NUMBERS.get(tensor.dtype, 0)
    shape = [extent if isinstance(extent, int) else str(extent) for extent in tensor.shape] if tensor.ranked else None
    return helper.make_tensor_type_proto(number, shape)
