"""An ONNX model: ModelProto without its weights -> Model.

Names become operators, value infos become declarations, initializers become weights of which only small contents are
known. Bodies of If, Loop and Scan become models of their own; a call of a function that the file defines becomes an
operator with the function's graph as its body. What an operator does is not known here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from math import prod
from typing import Any

from ..dims import Extent, symbol
from ..errors import ModelError
from ..graph import Model, Op, Scalar, Tensor, TensorSequence, Unranked, connect
from . import wire

DTYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool",
    10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
    17: "float8e4m3fn", 18: "float8e4m3fnuz", 19: "float8e5m2", 20: "float8e5m2fnuz", 21: "uint4", 22: "int4",
    23: "float4e2m1", 24: "float8e8m0", 25: "uint2", 26: "int2",
}  # fmt: skip
"""TensorProto.DataType by number."""

MAX_DEPTH = 50  # graphs within graphs; what exporters write nests three or four deep
MAX_OPS = 2_000_000  # operators after functions are expanded: a tree of calls can be far larger than its file

_CODES = {
    "float32": "f", "uint8": "B", "int8": "b", "uint16": "H", "int16": "h", "int32": "i", "int64": "q", "bool": "?",
    "float64": "d", "uint32": "I", "uint64": "Q", "float16": "e",
}  # fmt: skip
"""struct codes of the types whose contents may steer shapes."""
_FIELDS = {"float32": "float_data", "float64": "double_data", "int64": "int64_data", "uint64": "uint64_data",
           "uint32": "uint64_data"}  # fmt: skip


def read(path: str) -> Model:
    """The model in an ONNX file. Raises ModelError when it is damaged or its operators cannot be connected."""
    message = wire.read(path)
    if not message.HasField("graph"):
        raise ModelError(path, "", "no graph in it, so there is no model")
    importer = _Importer(message, path)
    model = importer.model(message.graph, importer.opsets, {}, 0)
    from .onnx_definitions import OnnxDefinitions

    model.definitions = OnnxDefinitions(importer.opsets)
    return model


def expand_function(message: Any, function: Any, attrs: Mapping[str, Any], where: str) -> Model:
    """A FunctionProto as the graph that one call of it runs; `message` is the model whose functions it may call."""
    importer = _Importer(message, where)
    return importer.expand(function, attrs, importer.opsets, 0, where)


class _Importer:
    """Builds models from one file's graphs and functions."""

    def __init__(self, message: Any, path: str) -> None:
        self.path = path
        self.opsets = _opsets(message.opset_import)
        self.functions = {(_domain(f.domain), f.name, getattr(f, "overload", "")): f for f in message.functions}
        self.bodies: dict[Any, Model] = {}
        self.calls: list[str] = []  # the functions being expanded, outermost first
        self.ops = 0
        self.sizes: dict[int, int] = {}

    def model(
        self,
        graph: Any,
        opsets: Mapping[str, int],
        bound: Mapping[str, Any],
        depth: int,
        outer: frozenset[str] = frozenset(),
    ) -> Model:
        """A graph as a model. `bound` are the attributes of the call that a function's nodes refer to."""
        if depth > MAX_DEPTH:
            raise ModelError(self.path, "", f"graphs nested deeper than {MAX_DEPTH}")
        weights = {t.name: tensor_of(t) for t in graph.initializer}
        for sparse in graph.sparse_initializer:
            weights[sparse.values.name] = Tensor(tuple(sparse.dims), _dtype(sparse.values.data_type))
        inputs = {v.name: self.value(v) for v in graph.input if v.name not in weights}
        given = outer.union(inputs, weights)
        ops = self.operators(graph.node, opsets, bound, depth, given)
        return self.connected(graph.name, ops, given, inputs, weights, graph, opsets)

    def connected(
        self, name: str, ops: list[Op], given: Iterable[str], inputs: dict[str, Tensor], weights: dict[str, Tensor],
        graph: Any, opsets: Mapping[str, int],
    ) -> Model:  # fmt: skip
        dag, schedule = connect(ops, given, self.path)
        declared = {v.name: self.value(v) for values in (graph.value_info, graph.output) for v in values}
        return Model(
            name=name,
            dag=dag,
            schedule=schedule,
            inputs=inputs,
            outputs=tuple(v.name for v in graph.output),
            weights=weights,
            declared={key: tensor for key, tensor in declared.items() if tensor.ranked or tensor.dtype != "unknown"},
            opsets=dict(opsets),
            format="onnx",
            path=self.path,
        )

    def operators(
        self, nodes: Any, opsets: Mapping[str, int], bound: Mapping[str, Any], depth: int, given: frozenset[str]
    ) -> list[Op]:
        ops: list[Op] = []
        names: dict[str, int] = {}
        made = set(given)
        if any(node.attribute and _holds_graph(node) for node in nodes):
            made.update(name for node in nodes for name in node.output)
        visible = frozenset(made)
        for number, node in enumerate(nodes):
            self.ops += 1
            if self.ops > MAX_OPS:
                raise ModelError(self.path, "", f"more than {MAX_OPS:,} operators once its functions are expanded")
            domain, kind = _domain(node.domain), node.op_type
            name = _text(node.name) or f"{kind}_{number}"
            seen = names[name] = names.get(name, 0) + 1
            where = f"{self.path}:node {number}"
            attrs: dict[str, Any] = {}
            bodies: list[tuple[str, Model]] = []
            for attribute in node.attribute:
                self.attribute(attribute, attrs, bodies, opsets, bound, depth, visible)
            function = self.functions.get((domain, kind, getattr(node, "overload", ""))) if self.functions else None
            captures: tuple[str, ...] = ()
            if function is not None:
                bodies = [("", self.expand(function, attrs, opsets, depth, where))]
            elif bodies:
                captures = tuple(dict.fromkeys(c for _, body in bodies for c in _free(body)))
            ops.append(
                Op(
                    name=name if seen == 1 else f"{name}#{seen}",
                    kind=f"{domain}.{kind}" if domain else kind,
                    inputs=tuple(node.input),
                    outputs=tuple(node.output),
                    attrs=attrs,
                    bodies=tuple(bodies),
                    captures=captures,
                    where=where,
                )
            )
        return ops

    def attribute(
        self, attribute: Any, attrs: dict[str, Any], bodies: list[tuple[str, Model]], opsets: Mapping[str, int],
        bound: Mapping[str, Any], depth: int, visible: frozenset[str],
    ) -> None:  # fmt: skip
        """Put an attribute into `attrs`, or the graph it holds into `bodies`."""
        if attribute.ref_attr_name:
            if attribute.ref_attr_name in bound:
                attrs[attribute.name] = bound[attribute.ref_attr_name]
            return
        kind = attribute.type
        if kind == 5 or (kind == 0 and attribute.HasField("g")):
            bodies.append((attribute.name, self.model(attribute.g, opsets, bound, depth + 1, visible)))
        elif (value := _plain(attribute)) is not None:
            attrs[attribute.name] = value

    def expand(
        self, function: Any, attrs: Mapping[str, Any], opsets: Mapping[str, int], depth: int, where: str
    ) -> Model:
        """The graph of a function for a call with these attributes; shared by calls that are alike."""
        title = f"{function.domain}.{function.name}"
        key = (title, getattr(function, "overload", ""), tuple(attrs.items()))
        if key in self.bodies:
            model = self.bodies[key]
            self.ops += self.sizes[id(model)]
            return model
        if title in self.calls:
            raise ModelError(where, "", f"a function calls itself: {' -> '.join([*self.calls, title])}")
        if depth > MAX_DEPTH:
            raise ModelError(where, "", f"functions nested deeper than {MAX_DEPTH}")
        self.calls.append(title)
        before = self.ops
        bound = {a.name: value for a in function.attribute_proto if (value := _plain(a)) is not None}
        bound.update(attrs)
        own = _opsets(function.opset_import) if function.opset_import else opsets
        inputs: dict[str, Tensor] = {name: Unranked() for name in function.input}
        given = frozenset(inputs)
        ops = self.operators(function.node, own, bound, depth + 1, given)
        dag, schedule = connect(ops, given, self.path)
        model = Model(
            name=title,
            dag=dag,
            schedule=schedule,
            inputs=inputs,
            outputs=tuple(function.output),
            opsets={**opsets, **own},
            format="onnx",
            path=self.path,
        )
        self.calls.pop()
        self.bodies[key] = model
        self.sizes[id(model)] = self.ops - before
        return model

    def value(self, info: Any) -> Tensor:
        return type_of(info.type, info.name)


def _holds_graph(node: Any) -> bool:
    return any(a.type in (5, 10) or a.HasField("g") for a in node.attribute)


def _free(model: Model) -> Iterator[str]:
    """Names that a body reads and does not make."""
    own = set(model.inputs) | set(model.weights)
    own.update(name for op in model.schedule for name in op.outputs)
    for op in model.schedule:
        yield from (name for name in op.reads if name and name not in own)
    yield from (name for name in model.outputs if name not in own)


def _opsets(imports: Any) -> dict[str, int]:
    return {_domain(entry.domain): entry.version for entry in imports}


def _domain(domain: str) -> str:
    return "" if domain == "ai.onnx" else domain


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _dtype(number: int) -> str:
    return DTYPES.get(number, "unknown")


def type_of(proto: Any, name: str) -> Tensor:
    """A TypeProto as a tensor; an extent that it leaves open becomes a symbol, after the axis if it has no name."""
    kind = proto.WhichOneof("value")
    if kind == "sequence_type":
        return TensorSequence(type_of(proto.sequence_type.elem_type, name))
    if kind == "optional_type":
        return type_of(proto.optional_type.elem_type, name)
    if kind not in ("tensor_type", "sparse_tensor_type"):
        return Unranked()
    tensor = getattr(proto, kind)
    if not tensor.HasField("shape"):
        return Unranked(_dtype(tensor.elem_type))
    return Tensor(
        tuple(_extent(dim, name, axis) for axis, dim in enumerate(tensor.shape.dim)), _dtype(tensor.elem_type)
    )


def _extent(dim: Any, name: str, axis: int) -> Extent:
    if dim.dim_param:
        return symbol(_text(dim.dim_param))
    if dim.HasField("dim_value") and dim.dim_value >= 0:
        return int(dim.dim_value)
    return symbol(f"{name}_{axis}")


def tensor_of(proto: Any) -> Tensor:
    """A TensorProto as a tensor, with its contents where they were kept."""
    dtype, shape = _dtype(proto.data_type), tuple(proto.dims)
    if any(extent < 0 for extent in shape):
        raise ModelError("", "", f"tensor {_text(proto.name)!r} has a negative extent: {list(shape)}")
    return Tensor(shape, dtype, _contents(proto, dtype, prod(shape)))


def _contents(proto: Any, dtype: str, size: int) -> tuple[Scalar, ...] | None:
    """The elements, None when they were left in the file or say nothing about shapes."""
    if dtype not in _CODES or not wire.has_payload(proto):
        return None
    if raw := proto.raw_data:
        code = _CODES[dtype]
        if len(raw) != size * struct.calcsize(f"<{code}"):
            return None
        return struct.unpack(f"<{size}{code}", raw)
    listed = getattr(proto, _FIELDS.get(dtype, "int32_data"))
    if dtype == "float16":
        listed = [struct.unpack("<e", struct.pack("<H", bits & 0xFFFF))[0] for bits in listed]
    return tuple(listed) if len(listed) == size else None


def _plain(attribute: Any) -> Any:
    """An attribute's value as plain Python, hashable; None when it holds none that is of use here."""
    kind = attribute.type
    if kind == 1:
        return attribute.f
    if kind == 2:
        return attribute.i
    if kind == 3:
        return _text(attribute.s)
    if kind == 4:
        return tensor_of(attribute.t)
    if kind == 6:
        return tuple(attribute.floats)
    if kind == 7:
        return tuple(attribute.ints)
    if kind == 8:
        return tuple(_text(s) for s in attribute.strings)
    if kind == 11:
        sparse = attribute.sparse_tensor
        return Tensor(tuple(sparse.dims), _dtype(sparse.values.data_type))
    if kind == 0:  # IR versions 1 and 2 left the type to be seen from what is there
        return _untyped(attribute)
    return None


def _untyped(attribute: Any) -> Any:
    for field in ("ints", "floats"):
        if listed := getattr(attribute, field):
            return tuple(listed)
    if attribute.strings:
        return tuple(_text(s) for s in attribute.strings)
    for field in ("i", "f"):
        if attribute.HasField(field):
            return getattr(attribute, field)
    if attribute.HasField("s"):
        return _text(attribute.s)
    return tensor_of(attribute.t) if attribute.HasField("t") else None
