"""protobuf's messages of an ONNX model -> values: tensors, types, attributes, names, operator sets.

What a large weight holds stays unknown, only its shape is read. Nothing here knows a graph or what an operator does.

Messages: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from math import prod
from typing import Any, NoReturn

from .. import limits
from ..dims import Extent, Names, read_dimension, symbol, symbols
from ..errors import ModelError
from ..graph import Origin, Scalar, Shape, Tensor, TensorSequence, Unranked, element_type
from .wire import NodeNames

Proto = Any
"""A message of the generated module, which is loaded at run time and has no static types."""

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
_CONTENTS = {"int64": 4096, "int32": 512, "bool": 512}
"""Elements up to which contents are kept where they may be shapes, axes or indices."""
_OTHER_CONTENTS = 16
"""For scalars and vectors of other types: limits of a Range, scales of a Resize. More makes equal layers look other."""

# AttributeProto.AttributeType
UNDEFINED = 0
FLOAT, INT, STRING, TENSOR, GRAPH, FLOATS, INTS, STRINGS, SPARSE_TENSOR, TYPE_PROTO = 1, 2, 3, 4, 5, 6, 7, 8, 11, 13

_SCOPES = "pkg.torch.onnx.name_scopes"  # metadata that torch.onnx.export writes: "['', 'layer1', 'layer1.0', 'conv2d']"
_CLASSES = "pkg.torch.onnx.class_hierarchy"  # of the same length: "['Net', '...', 'torch.nn...Conv2d', 'aten.conv2d']"
_CALL = "pkg.torch.onnx.fx_node"  # "%y : ... [target=torch.ops.aten.conv2d.default](args = (%x, %w), ...)"
_REWRITES = "pkg.onnxscript.rewriter.rule_name"  # "RemoveOptionalBiasFromConv, FuseBatchNormIntoConv"
_ORIGIN = (_SCOPES, _CLASSES, _CALL, _REWRITES)
_TARGET = re.compile(r"target=torch\.ops\.(\w+\.\w+)[^(]*\(args = \(([^)]*)")
MAX_ARGUMENTS = 200
"""Letters that are kept of the arguments of an exported call: enough for the weights, which stand first."""
_QUOTED = re.compile(r"'([^']*)'")


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


def domain_of(domain: str) -> str:
    """An operator set's name; the standard one has two, of which "" is used here."""
    return "" if domain == "ai.onnx" else domain


def opsets_of(imports: Iterable[Proto]) -> dict[str, int]:
    """Versions by domain."""
    return {domain_of(text_of(entry.domain)): entry.version for entry in imports}


def text_of(value: str | bytes) -> str:
    """A string field; protobuf hands it over as bytes when it is not UTF-8."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def names_in(node: Proto) -> NodeNames:
    """Of a NodeProto's inputs, of its outputs, and its own."""
    return names_of(node.input), names_of(node.output), text_of(node.name)


def names_of(names: Iterable[str]) -> tuple[str, ...]:
    """Several string fields, mostly all of them text."""
    result = tuple(names)
    try:
        "".join(result)
    except TypeError:
        return tuple(map(text_of, result))
    return result


def origin_of(properties: Iterable[Proto]) -> Origin | None:
    """What torch.onnx.export notes of the call that became a node; None where a node has no such notes."""
    notes = {entry.key: text_of(entry.value) for entry in properties if entry.key in _ORIGIN}
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


def scope_of(origin: Origin | None, inputs: Sequence[str]) -> str:
    """The module path of a node, without that of a normalisation which was fused into it.

    The fused node has the notes of the normalisation, but its weight keeps the name of the layer that it belongs to.
    """
    if origin is None:
        return ""
    fused = any(rule.startswith("FuseBatchNormInto") for rule in origin.rewrites)
    weight = inputs[1] if fused and len(inputs) > 1 else ""
    return weight.rpartition(".")[0].replace(".", "/") or origin.path


def input_types(infos: Sequence[Proto]) -> dict[str, Tensor]:
    """What a graph states of its inputs; an axis without a name gets one that no other axis of them has."""
    inputs = [(text_of(info.name), info.type) for info in infos]
    named = [type_of(proto, "", lambda name, axis: 0) for _, proto in inputs]
    shapes = [tensor.shape for tensor in named if tensor.ranked]
    names = Names({name for shape in shapes for extent in shape for name in symbols(extent)})

    def unnamed(name: str, axis: int) -> Extent:
        return symbol(names((name, axis), f"{name}_{axis}"))

    return {name: type_of(proto, name, unnamed) for name, proto in inputs}


def _after_its_place(name: str, axis: int) -> Extent:
    return symbol(f"{name}_{axis}")


def type_of(proto: Proto, name: str, unnamed: Callable[[str, int], Extent] = _after_its_place) -> Tensor:
    """A TypeProto as a tensor. An extent that it leaves open is what its name says, else `unnamed` has a symbol for it.

    Of more than MAX_AXES axes none is believed.
    """
    kind = proto.WhichOneof("value")
    if kind == "sequence_type":
        return TensorSequence(type_of(proto.sequence_type.elem_type, name, unnamed))
    if kind == "optional_type":
        return type_of(proto.optional_type.elem_type, name, unnamed)
    if kind not in ("tensor_type", "sparse_tensor_type"):
        return Unranked()  # a map, or a type that nobody but its maker knows
    tensor = getattr(proto, kind)
    dtype = element_type(tensor.elem_type)
    if not tensor.HasField("shape") or len(tensor.shape.dim) > limits.MAX_AXES:
        return Unranked(dtype)
    extents = [_extent(dim) for dim in tensor.shape.dim]
    return Tensor(tuple([unnamed(name, axis) if e is None else e for axis, e in enumerate(extents)]), dtype)


def _extent(dim: Proto) -> Extent | None:
    if dim.HasField("dim_value") and dim.dim_value >= 0:
        return int(dim.dim_value)
    return read_dimension(text_of(dim.dim_param)) if dim.dim_param else None


def tensor_of(proto: Proto, where: str) -> Tensor:
    """A TensorProto as a tensor, with its contents when they are small.

    Raises ModelError for a negative extent and for more than MAX_AXES axes.
    """
    shape, dtype = tuple(proto.dims), element_type(proto.data_type)
    if shape and (min(shape) < 0 or len(shape) > limits.MAX_AXES):
        _refuse(shape, f"tensor {text_of(proto.name)!r}", where)
    size, most = prod(shape), _CONTENTS.get(dtype, _OTHER_CONTENTS if len(shape) < 2 else 0)
    return _tensor(shape, dtype) if size > most else Tensor(shape, dtype, _contents(proto, dtype, size))


@lru_cache(maxsize=4096)  # weights of equal shape share one record
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


def sparse_tensor_of(proto: Proto, where: str) -> Tensor:
    """A SparseTensorProto under its dense shape. Raises ModelError as `tensor_of` does."""
    shape = tuple(proto.dims)
    if shape and (min(shape) < 0 or len(shape) > limits.MAX_AXES):
        _refuse(shape, "a sparse tensor", where)
    return Tensor(shape, element_type(proto.values.data_type))


def _refuse(shape: Sequence[int], tensor: str, where: str) -> NoReturn:
    """Say why no tensor can have a shape. Raises ModelError."""
    if len(shape) > limits.MAX_AXES:
        raise ModelError(where, "", f"{tensor} has {len(shape):,} axes; more than {limits.MAX_AXES} cannot be meant")
    raise ModelError(where, "", f"{tensor} has a negative extent: {list(shape)}")


def attribute_value(attribute: Proto, where: str) -> Any:
    """An attribute's value as plain Python, hashable; None when it holds none that is of use here."""
    kind = attribute.type or _kind_of_value(attribute)
    if kind == FLOAT:
        return attribute.f
    if kind == INT:
        return attribute.i
    if kind == STRING:
        return text_of(attribute.s)
    if kind == TENSOR:
        return tensor_of(attribute.t, where)
    if kind == FLOATS:
        return tuple(attribute.floats)
    if kind == INTS:
        return tuple(attribute.ints)
    if kind == STRINGS:
        return tuple(map(text_of, attribute.strings))
    if kind == SPARSE_TENSOR:
        return sparse_tensor_of(attribute.sparse_tensor, where)
    if kind == TYPE_PROTO:
        return type_of(attribute.tp, text_of(attribute.name))
    return None


def _kind_of_value(attribute: Proto) -> int:
    """The type of an attribute that does not state it, as those of IR version 1; 0 when there is no value."""
    kinds = {"f": FLOAT, "i": INT, "s": STRING, "t": TENSOR, "floats": FLOATS, "ints": INTS, "strings": STRINGS}
    return next((kinds[field.name] for field, _ in attribute.ListFields() if field.name in kinds), 0)
