"""What the onnx package itself knows of operators that have no rule here: their definitions and their shapes.

Asked only when a rule is missing, so that the package is imported only then. Whatever it cannot answer is None.
"""

from __future__ import annotations

from typing import Any

from ..errors import ModelError
from ..graph import Model, Op, Tensor, Unranked
from . import onnx as importer

_NUMBERS = {name: number for number, name in importer.DTYPES.items()}


class OnnxDefinitions:
    """Implements graphcost.graph.Definitions with the onnx package."""

    def __init__(self, opsets: dict[str, int] | None = None) -> None:
        self.opsets = opsets or {}

    def expand(self, op: Op, inputs: tuple[Tensor | None, ...]) -> Model | None:
        """The function body that the operator's schema carries."""
        schema = self._schema(op)
        if schema is None or not schema.has_function:
            return None
        from onnx import ModelProto

        holder = ModelProto()
        holder.opset_import.add(domain="", version=self.opsets.get("", 1))
        try:
            return importer.expand_function(holder, schema.function_body, op.attrs, op.where)
        except ModelError:
            return None

    def shapes(self, op: Op, inputs: tuple[Tensor | None, ...]) -> tuple[Tensor, ...] | None:
        """What onnx.shape_inference says of this one node."""
        schema = self._schema(op)
        if schema is None:
            return None
        from onnx import helper, shape_inference

        try:
            attrs = {name: value for name, value in op.attrs.items() if not isinstance(value, Tensor)}
            node = helper.make_node(op.kind.rpartition(".")[2], list(op.inputs), list(op.outputs), **attrs)
            types: dict[str, Any] = {}
            data: dict[str, Any] = {}
            for name, tensor in zip(op.inputs, inputs, strict=True):
                if tensor is None or not tensor.ranked:
                    continue
                number = _NUMBERS.get(tensor.dtype, 0)
                shape: list[Any] = [extent if isinstance(extent, int) else str(extent) for extent in tensor.shape]
                types[name] = helper.make_tensor_type_proto(number, shape)
                if tensor.value is not None and all(isinstance(v, (int, float)) for v in tensor.value):
                    data[name] = helper.make_tensor(name, number, shape, list(tensor.value))  # type: ignore[arg-type]
            found: dict[str, Any] = shape_inference.infer_node_outputs(schema, node, types, data)
        except Exception:  # the library raises its own, and anything, on what it does not understand
            return None
        result = tuple(importer.type_of(found[name], name) if name in found else Unranked() for name in op.outputs)
        return result if any(tensor.ranked for tensor in result) else None

    def _schema(self, op: Op) -> Any:
        from onnx import defs

        domain, _, kind = op.kind.rpartition(".")
        try:
            return defs.get_schema(kind, self.opsets.get(domain, 1), domain)
        except defs.SchemaError:
            return None
