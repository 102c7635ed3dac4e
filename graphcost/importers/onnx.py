"""ONNX: a ModelProto without its weights -> Model.

Nodes become operators, initializers weights, nested graphs the bodies of the operators that run them; a call of a
function that the file defines becomes an operator with one body, the function under the call's attributes. What an
operator does is not known here; nor is what a large weight holds, only its shape.

https://github.com/onnx/onnx/blob/main/docs/IR.md
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import prod
from typing import Any, NoReturn

from ..dims import Extent, symbol
from ..errors import ModelError
from ..graph import Model, Op, Origin, Scalar, Shape, Tensor, TensorSequence, Unranked, build_dag, element_type, unique
from . import wire

MAX_DEPTH = 50
"""Graphs within graphs and functions within functions; what exporters write nests three or four deep."""
MAX_OPS = 200_000
"""Operators once functions are expanded at every call: a tree of calls can be far larger than its file."""

MAX_CONTENTS = 4_000_000
"""Elements of all tensors whose contents are kept, 40 bytes each; what comes after them is known by its shape only."""
MAX_LISTED = 12_000_000
"""Numbers and texts in the lists of all attributes; large tree ensembles have some millions."""
MAX_RANK = 256
"""Axes of a tensor; four times what numpy has. More are a mistake in the file, or an attack."""

_CODES = {
    "float32": "f", "uint8": "B", "int8": "b", "uint16": "H", "int16": "h", "int32": "i", "int64": "q", "bool": "?",
    "float64": "d", "uint32": "I", "uint64": "Q", "float16": "e", "bfloat16": "H",
}  # fmt: skip
"""struct codes of the types whose contents may steer shapes; bfloat16, which struct does not know, as its bits."""
_FIELDS = {
    "float32": "float_data", "float64": "double_data", "int64": "int64_data", "uint64": "uint64_data",
    "uint32": "uint64_data",
}  # fmt: skip
"""Where a TensorProto without raw_data has them; the others are in int32_data."""
_CONTENTS = {"int64": 4096, "int32": 512}
"""Elements up to which contents are kept where they may be shapes, axes or indices."""
_OTHER_CONTENTS = 16
"""For scalars and vectors of other types: limits of a Range, scales of a Resize. More makes equal layers look other."""

_INT, _STRING, _TENSOR, _GRAPH, _FLOATS, _INTS, _STRINGS, _SPARSE, _TYPE = 2, 3, 4, 5, 6, 7, 8, 11, 13
_FLOAT = 1  # AttributeProto.AttributeType

_SCOPES = "pkg.torch.onnx.name_scopes"  # metadata that torch.onnx.export writes: "['', 'layer1', 'layer1.0', 'conv2d']"
_CLASSES = "pkg.torch.onnx.class_hierarchy"  # of the same length: "['Net', '...', 'torch.nn...Conv2d', 'aten.conv2d']"
_CALL = "pkg.torch.onnx.fx_node"  # "%y : ... [target=torch.ops.aten.conv2d.default](args = (%x, %w), ...)"
_REWRITES = "pkg.onnxscript.rewriter.rule_name"  # "RemoveOptionalBiasFromConv, FuseBatchNormIntoConv"
_ORIGIN = (_SCOPES, _CLASSES, _CALL, _REWRITES)
_QUOTED = re.compile(r"'([^']*)'")
_TARGET = re.compile(r"target=torch\.ops\.(\w+\.\w+)[^(]*\(args = \(([^)]*)")
MAX_ARGUMENTS = 200
"""Letters that are kept of the arguments of an exported call: enough for the weights, which stand first."""

Proto = Any
"""A message of the generated module, which is loaded at run time and has no static types."""
FunctionKey = tuple[str, str, str]
"""Domain, name, overload."""


def read(path: str | os.PathLike[str]) -> Model:
    """The network in an ONNX file: protobuf, gzip around it, or one of ONNX's two text forms. Weights are not read.

    Raises ModelError when the file cannot be read or describes no network: a tensor that nobody makes or that two
    operators make, a cycle, a function that calls itself, graphs nested deeper than MAX_DEPTH.
    """
    return _model(wire.read(os.fspath(path)))


def build(message: Proto, path: str = "") -> Model:
    """The network of a ModelProto. Raises ModelError as `read` does."""
    return _model(wire.decode(message.SerializeToString(), path=path))


def _model(structure: wire.Structure) -> Model:
    from .onnx_definitions import OnnxDefinitions

    model = _Importer(structure.path, structure.model.functions).main(structure)
    model.definitions = OnnxDefinitions()
    return model


def expand(function: Proto, attrs: Mapping[str, Any], present: Sequence[bool], opsets: dict[str, int]) -> Model:
    """A FunctionProto as the graph that one call runs: `present` tells for each input whether the call gives it.

    Raises ModelError when the function's nodes cannot be connected.
    """
    return _Importer("").function(function, attrs, present, _Place("", opsets))


class Declared(Mapping[str, Tensor]):
    """What a graph states of its tensors, converted when it is asked for: mostly it is not."""

    def __init__(self, infos: Iterable[Proto]) -> None:
        self._infos = {info.name: info for info in infos}

    def __getitem__(self, name: str) -> Tensor:
        return type_of(self._infos[name].type, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._infos)

    def __len__(self) -> int:
        return len(self._infos)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where nodes stand, and what holds for them there."""

    where: str
    opsets: dict[str, int]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """Those of the call, in a function: its nodes may refer to them."""
    omitted: frozenset[str] = frozenset()
    """A function's inputs that the call leaves out."""


@dataclass(slots=True)
class _Node:
    """What a node says besides the names of its tensors and its own."""

    kind: str
    """The key of its rule."""
    plain: str
    """The operator's name without its domain."""
    attrs: dict[str, Any]
    bodies: tuple[tuple[str, Model], ...]
    captures: tuple[str, ...]
    scope: str
    origin: Origin | None
    function: Proto | None
    """The function that it calls, where the file defines it."""


_Said = tuple[str, wire.Names, _Node]
"""Where a node stands, the names in it, and what it says besides."""


class _Importer:
    """One file: its path, its functions, and the limits that bound the work."""

    def __init__(self, path: str, functions: Iterable[Proto] = ()) -> None:
        self.path = path
        self.functions: dict[FunctionKey, Proto] = {(domain_of(f.domain), f.name, f.overload): f for f in functions}
        self.calls: list[FunctionKey] = []
        self.depth = 0
        self.built = 0
        self.expansions: dict[Any, Model] = {}
        self.sizes: dict[int, int] = {}
        self.free: dict[int, list[str]] = {}
        self.contents = 0  # elements, against MAX_CONTENTS
        self.listed = 0  # numbers, against MAX_LISTED

    def main(self, structure: wire.Structure) -> Model:
        place = _Place(self.path, opsets_of(structure.model.opset_import))
        model = self.graph(structure.model.graph, self.distinct(structure, place), place, nested=False)
        for name in self.free[id(model)]:
            model.warnings.append(f"the model's output {name!r} is made by no operator")
        return model

    def graph(self, graph: Proto, nodes: Iterable[_Said], place: _Place, *, nested: bool) -> Model:
        """A graph as a Model. If `nested`, its operators may read tensors of the graphs around it."""
        weights: dict[str, Tensor] = {}
        for tensor in graph.initializer:
            weights[_text(tensor.name)] = self.bounded(tensor_of(tensor, self.path))
        for sparse in graph.sparse_initializer:
            weights[_text(sparse.values.name)] = _sparse(sparse, self.path)
        inputs: dict[str, Tensor] = {}
        for info in graph.input:
            if (name := _text(info.name)) not in weights:
                inputs[name] = type_of(info.type, name)
        outputs = _names([info.name for info in graph.output])
        declared = Declared([*graph.value_info, *graph.output])
        ops = self.ops(nodes, place)
        return self.model(_text(graph.name), ops, inputs, outputs, weights, declared, place, nested)

    def body(self, graph: Proto, place: _Place) -> Model:
        """A graph within an operator."""
        return self.graph(graph, self.each(graph.node, place), place, nested=True)

    def function(self, function: Proto, attrs: Mapping[str, Any], present: Sequence[bool], place: _Place) -> Model:
        """A function's graph for a call with these attributes; one Model for all calls that are alike."""
        key: FunctionKey = (domain_of(function.domain), function.name, function.overload)
        formal = _names(function.input)
        given = (*present, *[False] * len(formal))
        omitted = frozenset(name for name, here in zip(formal, given, strict=False) if not here)
        # Two tensors of equal shape whose contents are not known are not the same tensor.
        distinct = any(isinstance(value, (Model, Tensor)) for value in attrs.values())
        call = None if distinct else (key, tuple(sorted(attrs.items(), key=lambda item: item[0])), omitted)
        if call in self.expansions:
            return self.expansions[call]
        if key in self.calls:
            chain = " -> ".join(_text(name) for _, name, _ in (*self.calls, key))
            raise ModelError(place.where, "", f"a function calls itself: {chain}")
        bound = {_text(attribute.name): _plain(attribute, self.path) for attribute in function.attribute_proto}
        opsets = {**place.opsets, **opsets_of(function.opset_import)}
        inner = _Place(place.where, opsets, {**bound, **attrs}, omitted)
        self.calls.append(key)
        ops = self.ops(self.each(function.node, inner), inner)
        self.calls.pop()
        inputs: dict[str, Tensor] = {name: Unranked() for name in formal}
        declared = Declared(function.value_info)
        model = self.model(_text(key[1]), ops, inputs, _names(function.output), {}, declared, inner, nested=False)
        if call is not None:
            self.expansions[call] = model
        return model

    def model(
        self,
        name: str,
        ops: list[Op],
        inputs: dict[str, Tensor],
        outputs: tuple[str, ...],
        weights: dict[str, Tensor],
        declared: Mapping[str, Tensor],
        place: _Place,
        nested: bool,
    ) -> Model:
        made = [output for op in ops for output in op.outputs]
        known = {*inputs, *weights, *made}
        if len(set(made)) != len(made):
            ops = _without_repeats(ops)
        free = [output for output in outputs if output and output not in known]
        given = {*inputs, *weights}
        if nested:
            free += [read for op in ops for read in op.all_inputs if read and read not in known]
            given.update(free)
        model = Model(
            name, build_dag(ops, given, place.where), inputs, outputs, weights,
            declared=declared, opsets=place.opsets, format="onnx", path=self.path,
        )  # fmt: skip
        size = len(ops) + sum(self.sizes[id(body)] for op in ops for _, body in op.bodies)
        if size > MAX_OPS:
            raise ModelError(place.where, "", f"more than {MAX_OPS:,} operators once its functions are expanded")
        self.sizes[id(model)] = size
        self.free[id(model)] = list(dict.fromkeys(free))
        return model

    def ops(self, nodes: Iterable[_Said], place: _Place) -> list[Op]:
        if self.depth > MAX_DEPTH:
            raise ModelError(place.where, "", f"graphs nested deeper than {MAX_DEPTH}")
        self.depth += 1
        ops: list[Op] = []
        names: dict[str, int] = {}
        for number, (where, (inputs, outputs, name), node) in enumerate(nodes):
            name = unique(name or f"{node.plain}_{number}", names)
            if place.omitted:
                inputs = tuple(["" if read in place.omitted else read for read in inputs])
            op = Op(
                name,
                node.kind,
                inputs,
                outputs,
                node.attrs,
                node.bodies,
                node.captures,
                scope=node.scope,
                location=where,
                origin=node.origin,
            )
            if node.function is not None:
                self.call(op, node.function, place)
            ops.append(op)
        self.depth -= 1
        return ops

    def call(self, op: Op, function: Proto, place: _Place) -> None:
        """Make `op` a call of `function`: its one body is the function's graph and has no label."""
        present = [bool(name) for name in op.inputs]
        attrs = {**op.attrs, **dict(op.bodies)}
        body = self.function(function, attrs, present, replace(place, where=op.location))
        op.bodies, op.captures = (("", body),), ()

    def count(self, nodes: int, place: _Place) -> None:
        """Raises ModelError when operators are to be built of more than MAX_OPS nodes."""
        self.built += nodes
        if self.built > MAX_OPS:
            raise ModelError(place.where, "", f"more than {MAX_OPS:,} operators once its functions are expanded")

    def each(self, nodes: Sequence[Proto], place: _Place) -> Iterator[_Said]:
        """What each node says."""
        self.count(len(nodes), place)
        for number, proto in enumerate(nodes):
            where = f"{place.where}, node {number}"
            yield where, _names_in(proto), self.node(proto, place, where)

    def distinct(self, structure: wire.Structure, place: _Place) -> Iterator[_Said]:
        """The same of the outermost graph, read once for all nodes that say the same besides names: networks repeat."""
        self.count(len(structure.nodes), place)
        known: dict[bytes, _Node] = {}
        for number, data in enumerate(structure.nodes):
            where = f"{place.where}, node {number}"
            names, rest = wire.names(data)
            node = known.get(rest)
            if node is None:
                proto = structure.node(number)
                told, node = _names_in(proto), self.node(proto, place, where)
                # Fields may come in any order; bodies have weights of their own; in metadata exporters put tracebacks.
                if told == names and not node.bodies and not proto.metadata_props:
                    known[rest] = node
                names = told
            yield where, names, node

    def node(self, proto: Proto, place: _Place, where: str) -> _Node:
        domain, op_type = domain_of(_text(proto.domain)), _text(proto.op_type)
        attrs, bodies = self.attributes(proto.attribute, place, where)
        captures = tuple(dict.fromkeys(read for _, body in bodies for read in self.free[id(body)]))
        function = self.functions.get((domain, op_type, proto.overload)) if self.functions else None
        kind = f"{domain}.{op_type}" if domain else op_type
        origin = _origin(proto.metadata_props)
        scope = _scope(origin, _names(proto.input))
        return _Node(kind, op_type, attrs, bodies, captures, scope, origin, function)

    def bounded(self, tensor: Tensor) -> Tensor:
        """A tensor, without its contents when more than MAX_CONTENTS elements have been kept."""
        if tensor.value is None:
            return tensor
        self.contents += len(tensor.value)
        return tensor if self.contents <= MAX_CONTENTS else Tensor(tensor.shape, tensor.dtype)

    def attributes(
        self, attributes: Iterable[Proto], place: _Place, where: str
    ) -> tuple[dict[str, Any], tuple[tuple[str, Model], ...]]:
        """The values among the attributes, and the graphs in the order of their names."""
        attrs: dict[str, Any] = {}
        bodies: list[tuple[str, Model]] = []
        for attribute in attributes:
            name, kind = attribute.name, attribute.type
            if kind == _INT:
                value: Any = attribute.i
            elif kind == _INTS:
                value = tuple(attribute.ints)
            elif kind == _GRAPH or (kind == 0 and attribute.HasField("g")):
                inner = replace(place, where=f"{where}, {_text(name)}")
                value = None if attribute.ref_attr_name else self.body(attribute.g, inner)
            else:
                value = _plain(attribute, where)
                if isinstance(value, Tensor):
                    value = self.bounded(value)
            if isinstance(value, tuple):
                self.listed += len(value)
                if self.listed > MAX_LISTED:
                    raise ModelError(where, "", f"more than {MAX_LISTED:,} numbers in attributes, {name!r} the last")
            if attribute.ref_attr_name:
                value = place.attributes.get(_text(attribute.ref_attr_name))
            if isinstance(value, Model):
                bodies.append((_text(name), value))
            elif value is not None:
                attrs[_text(name)] = value
        return attrs, tuple(sorted(bodies, key=lambda body: body[0]))


def _without_repeats(ops: list[Op]) -> list[Op]:
    """The operators without the Constants that a later one replaces, as onnxruntime has it."""
    last = {op.outputs: op for op in ops if op.kind == "Constant"}
    return [op for op in ops if op.kind != "Constant" or last[op.outputs] is op]


def domain_of(domain: str) -> str:
    """An operator set's name; the standard one has two, of which "" is used here."""
    return "" if domain == "ai.onnx" else domain


def opsets_of(imports: Iterable[Proto]) -> dict[str, int]:
    """Versions by domain."""
    return {domain_of(_text(entry.domain)): entry.version for entry in imports}


def _text(value: str | bytes) -> str:
    """protobuf hands over a string field that is not UTF-8 as bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _names_in(node: Proto) -> wire.Names:
    return _names(node.input), _names(node.output), _text(node.name)


def _names(names: Iterable[str]) -> tuple[str, ...]:
    result = tuple(names)
    try:
        "".join(result)
    except TypeError:
        return tuple(map(_text, result))
    return result


def _origin(properties: Iterable[Proto]) -> Origin | None:
    """What torch.onnx.export notes of the call that became a node; None where a node has no such notes."""
    notes = {entry.key: _text(entry.value) for entry in properties if entry.key in _ORIGIN}
    if not notes:
        return None
    paths, classes = (_QUOTED.findall(notes.get(key, "")) for key in (_SCOPES, _CLASSES))
    call = _TARGET.search(notes.get(_CALL, ""))
    return Origin(
        module=classes[-2] if len(classes) > 1 else "",
        path=paths[-2].replace(".", "/") if len(paths) > 1 else "",
        function=call[1] if call else "",
        arguments=call[2][:MAX_ARGUMENTS] if call else "",
        rewrites=tuple(filter(None, notes.get(_REWRITES, "").split(", "))),
    )


def _scope(origin: Origin | None, inputs: Sequence[str]) -> str:
    """The module path of a node, without that of a normalisation which was fused into it.

    The fused node has the notes of the normalisation, but its weight keeps the name of the layer that it belongs to.
    """
    if origin is None:
        return ""
    fused = any(rule.startswith("FuseBatchNormInto") for rule in origin.rewrites)
    weight = inputs[1] if fused and len(inputs) > 1 else ""
    return weight.rpartition(".")[0].replace(".", "/") or origin.path


def type_of(proto: Proto, name: str) -> Tensor:
    """A TypeProto as a tensor; an extent that it leaves open becomes a symbol, after the axis when it has no name.

    Of more than MAX_RANK axes none is believed.
    """
    kind = proto.WhichOneof("value")
    if kind == "sequence_type":
        return TensorSequence(type_of(proto.sequence_type.elem_type, name))
    if kind == "optional_type":
        return type_of(proto.optional_type.elem_type, name)
    if kind not in ("tensor_type", "sparse_tensor_type"):
        return Unranked()  # a map, or a type that nobody but its maker knows
    tensor = getattr(proto, kind)
    dtype = element_type(tensor.elem_type)
    if not tensor.HasField("shape") or len(tensor.shape.dim) > MAX_RANK:
        return Unranked(dtype)
    return Tensor(tuple([_extent(dim, name, axis) for axis, dim in enumerate(tensor.shape.dim)]), dtype)


def _extent(dim: Proto, name: str, axis: int) -> Extent:
    if dim.HasField("dim_value") and dim.dim_value >= 0:
        return int(dim.dim_value)
    if dim.dim_param:
        return symbol(_text(dim.dim_param))
    return symbol(f"{name}_{axis}")


def tensor_of(proto: Proto, where: str) -> Tensor:
    """A TensorProto as a tensor, with its contents when they are small.

    Raises ModelError for a negative extent and for more than MAX_RANK axes.
    """
    shape, dtype = tuple(proto.dims), element_type(proto.data_type)
    if shape and (min(shape) < 0 or len(shape) > MAX_RANK):
        _refuse(shape, f"tensor {_text(proto.name)!r}", where)
    size, most = prod(shape), _CONTENTS.get(dtype, _OTHER_CONTENTS if len(shape) < 2 else 0)
    return _tensor(shape, dtype) if size > most else Tensor(shape, dtype, _contents(proto, dtype, size))


@lru_cache(maxsize=4096)  # networks repeat
def _tensor(shape: Shape, dtype: str) -> Tensor:
    return Tensor(shape, dtype)


def _contents(proto: Proto, dtype: str, size: int) -> tuple[Scalar, ...] | None:
    """The elements in row-major order, None when they are not in the message."""
    code, raw = _CODES.get(dtype), proto.raw_data
    if code is None:
        return None
    if not raw:
        listed = tuple(getattr(proto, _FIELDS.get(dtype, "int32_data")))
        if not dtype.endswith("float16"):
            return listed if len(listed) == size else None
        raw = struct.pack(f"<{len(listed)}H", *[bits & 0xFFFF for bits in listed])
    if len(raw) != struct.calcsize(f"<{size}{code}"):
        return None
    elements = struct.unpack(f"<{size}{code}", raw)
    if dtype == "bfloat16":  # the upper half of a float32
        return struct.unpack(f"<{size}f", struct.pack(f"<{size}I", *[bits << 16 for bits in elements]))
    return elements


def _sparse(proto: Proto, where: str) -> Tensor:
    """A SparseTensorProto under its dense shape. Raises ModelError as `tensor_of` does."""
    shape = tuple(proto.dims)
    if shape and (min(shape) < 0 or len(shape) > MAX_RANK):
        _refuse(shape, "a sparse tensor", where)
    return Tensor(shape, element_type(proto.values.data_type))


def _refuse(shape: Sequence[int], tensor: str, where: str) -> NoReturn:
    """Say why no tensor can have a shape. Raises ModelError."""
    if len(shape) > MAX_RANK:
        raise ModelError(where, "", f"{tensor} has {len(shape):,} axes; more than {MAX_RANK} cannot be meant")
    raise ModelError(where, "", f"{tensor} has a negative extent: {list(shape)}")


def _plain(attribute: Proto, where: str) -> Any:
    """An attribute's value as plain Python, hashable; None when it holds none that is of use here."""
    kind = attribute.type or _kind_of_value(attribute)
    if kind == _FLOAT:
        return attribute.f
    if kind == _INT:
        return attribute.i
    if kind == _STRING:
        return _text(attribute.s)
    if kind == _TENSOR:
        return tensor_of(attribute.t, where)
    if kind == _FLOATS:
        return tuple(attribute.floats)
    if kind == _INTS:
        return tuple(attribute.ints)
    if kind == _STRINGS:
        return tuple(map(_text, attribute.strings))
    if kind == _SPARSE:
        return _sparse(attribute.sparse_tensor, where)
    if kind == _TYPE:
        return type_of(attribute.tp, _text(attribute.name))
    return None


def _kind_of_value(attribute: Proto) -> int:
    """The type of an attribute that does not state it, as those of IR version 1; 0 when there is no value."""
    kinds = {"f": _FLOAT, "i": _INT, "s": _STRING, "t": _TENSOR, "floats": _FLOATS, "ints": _INTS, "strings": _STRINGS}
    return next((kinds[field.name] for field, _ in attribute.ListFields() if field.name in kinds), 0)
