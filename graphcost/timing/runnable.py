"""A model as a runtime can run it: its structure, its nodes named as the rows are, its weights where they lie.

The runtime gets the structure, in which weights are external data of the model's own file: it maps them itself, and
nothing holds a second copy. What lies in no file as it is (a compressed model, one in memory) is lent to it; what is
not there at all (weights that were stripped, external data that is missing) is made up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from ..analysis import Analysis
from ..errors import ModelError
from ..graph import Model, Tensor, TensorSequence, element_type
from ..importers import onnx_file, onnx_payloads
from ..importers.source import AnyPath, open_source
from ..passes.rows import body_prefix
from ..slices import Slices

EVERYTHING = 1 << 62
"""A threshold that keeps every payload."""
EXTERNAL = 1
"""TensorProto.EXTERNAL"""
PLAIN = {onnx_payloads.RAW, onnx_payloads.FLOATS, onnx_payloads.DOUBLES}


@dataclass
class Runnable:
    """What a runtime needs."""

    path: str
    model: bytes
    """A serialized ModelProto whose large weights are external."""
    weights: dict[str, Any]
    """Contents of those that lie in no file as they are, arrays by name."""
    types: dict[str, int]
    """Their element types, as ONNX numbers them."""
    feeds: dict[str, Any]
    """Random contents of the inputs."""
    folder: str = ""
    """Where the files lie that the others are in."""
    made_up: list[str] = field(default_factory=list)
    """Weights that the file does not have."""


def build(source: AnyPath | bytes, analysis: Analysis) -> Runnable:
    """The model of an ONNX file at the sizes of an analysis of it.

    Raises ModelError when the file is no ONNX model, and when the size of an input is open.
    """
    import numpy as np

    rng = np.random.default_rng(0)
    feeds = {name: _content(analysis, name, rng) for name in analysis.model.inputs}
    opened = open_source(source)
    structure = onnx_file.read(opened)
    payloads = onnx_payloads.locate(structure.buffer, opened.name)
    if any(_is_dropped(tensor) for tensor in _inner_tensors(structure)) or any(
        payload.field not in PLAIN for name, payload in payloads.items() if name in _dropped_names(structure)
    ):
        structure = onnx_file.read(opened, threshold=EVERYTHING)
    model = _proto(structure)
    path = Path(opened.name).resolve()
    found = Runnable(opened.name, b"", {}, {}, feeds, str(path.parent))
    as_it_lies = structure.buffer is opened.data and path.is_file() and path.stat().st_size == len(opened.data)
    arrays = _Arrays(structure.buffer, payloads, path.parent, rng, path.name if as_it_lies else "")
    for tensor in model.graph.initializer:
        if _is_dropped(tensor) or tensor.data_location == EXTERNAL:
            _lend(tensor, arrays, found)
    _name(model.graph.node, analysis.model, "")
    _resize(model.graph, feeds)
    found.model = model.SerializeToString()
    return found


def _proto(structure: onnx_file.Structure) -> Any:
    """The whole structure as one message."""
    model = onnx_file.messages().ModelProto()
    model.CopyFrom(structure.model)
    model.graph.node.extend(structure.node(number) for number in range(len(structure.nodes)))
    return model


def _dropped_names(structure: onnx_file.Structure) -> set[str]:
    return {tensor.name for tensor in structure.model.graph.initializer if _is_dropped(tensor)}


def _is_dropped(tensor: Any) -> bool:
    """Whether a tensor has elements and no contents."""
    fields = ("raw_data", "float_data", "double_data", "int32_data", "int64_data", "uint64_data", "string_data")
    if tensor.data_location == EXTERNAL or prod(tensor.dims) == 0:
        return False
    return not any(getattr(tensor, each) for each in fields)


def _inner_tensors(structure: onnx_file.Structure) -> Iterator[Any]:
    """The tensors in attributes, in bodies and in functions: none of them can be lent to a runtime."""
    for number in range(len(structure.nodes)):
        yield from _tensors_of([structure.node(number)])
    for function in structure.model.functions:
        yield from _tensors_of(function.node)


def _tensors_of(nodes: Iterable[Any]) -> Iterator[Any]:
    for node in nodes:
        for attribute in node.attribute:
            yield from [attribute.t] if attribute.HasField("t") else []
            yield from attribute.tensors
            for graph in [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]:
                yield from graph.initializer
                yield from _tensors_of(graph.node)


@dataclass
class _Arrays:
    """Where the contents of weights come from."""

    buffer: Any
    payloads: Mapping[str, onnx_payloads.Payload]
    folder: Path
    rng: Any
    file: str
    """The name of the model's file, "" where its bytes do not lie in one as they are."""

    def place(self, tensor: Any) -> tuple[str, int, int] | None:
        """The file of the folder that has the contents, where they begin, and their bytes; None where none has."""
        nbytes = _nbytes(tensor)
        payload = self._payload(tensor, nbytes)
        if payload is not None:
            return (self.file, payload.start, nbytes) if self.file else None
        return self._beside(tensor, nbytes) if tensor.data_location == EXTERNAL else None

    def _payload(self, tensor: Any, nbytes: int) -> onnx_payloads.Payload | None:
        payload = self.payloads.get(tensor.name)
        if payload is None or payload.field not in PLAIN or payload.stop - payload.start != nbytes:
            return None
        return payload

    def _beside(self, tensor: Any, nbytes: int) -> tuple[str, int, int] | None:
        """The place that a tensor names, in the model's folder; one elsewhere is not looked at."""
        said = {entry.key: entry.value for entry in tensor.external_data}
        try:
            name = said.get("location", "")
            path, offset = (self.folder / name).resolve(), int(said.get("offset", "0") or 0)
            if path.is_relative_to(self.folder) and path.is_file() and path.stat().st_size >= offset + nbytes:
                return (name, offset, nbytes)
        except (OSError, ValueError):  # a name that no file can have, an offset that is no number
            pass
        return None

    def of(self, tensor: Any, dtype: Any) -> Any:
        """The contents in memory; None where there are none."""
        import numpy as np

        payload = self._payload(tensor, _nbytes(tensor))
        if payload is None:
            return None
        if isinstance(self.buffer, Slices):
            return np.frombuffer(self.buffer[payload.start : payload.stop], dtype)
        array = np.frombuffer(self.buffer, dtype, prod(tensor.dims), payload.start)
        return array if array.flags.aligned else array.copy()

    def made_up(self, tensor: Any, dtype: Any) -> Any:
        """Random numbers of a size that leaves activations about as large as they were; integers are small."""
        import numpy as np

        shape = tuple(tensor.dims)
        if dtype.kind in "iu" and dtype.itemsize == 1:
            info = np.iinfo(dtype)
            return self.rng.integers(info.min, info.max, prod(shape), dtype)
        if dtype.kind != "f":
            return np.zeros(prod(shape), dtype)
        numbers = self.rng.random(prod(shape), np.float32)
        if len(shape) < 2:
            return (numbers + np.float32(0.5)).astype(dtype, copy=False)
        taken = shape[0] if len(shape) == 2 else prod(shape[1:])
        numbers -= np.float32(0.5)
        numbers *= np.float32((12 / max(1, taken)) ** 0.5)  # a sum of `taken` products has a variance of 1
        return numbers.astype(dtype, copy=False)


def _nbytes(tensor: Any) -> int:
    """The bytes of a tensor's elements, packed where they are smaller than one."""
    nbytes = Tensor(tuple(tensor.dims), element_type(tensor.data_type)).nbytes
    assert isinstance(nbytes, int)
    return nbytes


def _lend(tensor: Any, arrays: _Arrays, found: Runnable) -> None:
    """Make a weight external: of the file that has it, or else with its contents given apart."""
    place = arrays.place(tensor)
    if place is None:
        array = _contents(tensor, arrays, found)
        found.weights[tensor.name] = array.reshape(tuple(tensor.dims))
        found.types[tensor.name] = tensor.data_type
        place = ("weights", 0, array.nbytes)
    tensor.data_location = EXTERNAL
    for each in ("raw_data", "float_data", "double_data", "int32_data", "int64_data", "uint64_data"):
        tensor.ClearField(each)
    del tensor.external_data[:]
    for key, value in zip(("location", "offset", "length"), place, strict=True):
        tensor.external_data.add(key=key, value=str(value))


def _contents(tensor: Any, arrays: _Arrays, found: Runnable) -> Any:
    """The contents of a weight that no file has as it is, made up where there are none."""
    dtype = numpy_type(element_type(tensor.data_type))
    if dtype is None:
        name = element_type(tensor.data_type)
        raise ModelError(
            found.path, "", f"{tensor.name} is of {name}, which cannot be measured: its bytes are not here"
        )
    array = arrays.of(tensor, dtype)
    if array is None:
        array = arrays.made_up(tensor, dtype)
        found.made_up.append(tensor.name)
    return array


def numpy_type(dtype: str) -> Any:
    """The type of an array that has the same bytes an element; None for what is packed or no number."""
    import numpy as np

    if dtype in ("bfloat16",):
        return np.dtype("uint16")
    if dtype.startswith("float8"):
        return np.dtype("uint8")
    try:
        found = np.dtype(dtype)
    except TypeError:
        return None
    return found if found.kind in "fiub" else None


def _content(analysis: Analysis, name: str, rng: Any) -> Any:
    """Random numbers for an input: floats around 0, integers 0 or 1, since they are often indices; True."""
    tensor = analysis.inputs[name]
    if isinstance(tensor, TensorSequence) or not tensor.ranked:
        raise ModelError("--measure", "", f"input {name} is no tensor of a known size: there is nothing to feed it")
    shape = [analysis.evaluate(extent) for extent in tensor.shape]
    if None in shape:
        open_ = next(str(extent) for extent, size in zip(tensor.shape, shape, strict=True) if size is None)
        raise ModelError("--measure", "", f"the size of input {name} is open: --dim {open_}=... gives it a value")
    dtype = numpy_type(analysis.model.inputs[name].dtype)
    if dtype is None:
        raise ModelError("--measure", "", f"input {name} is of {tensor.dtype}, which cannot be made up")
    if tensor.value is not None and all(isinstance(each, (int, float)) for each in tensor.value):
        import numpy as np

        return np.array(tensor.value, dtype).reshape(shape)
    if dtype.kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    return rng.integers(0, 2, shape).astype(dtype) if dtype.kind != "b" else rng.integers(1, 2, shape).astype(dtype)


def _name(nodes: Iterable[Any], model: Model, prefix: str) -> None:
    """Call each node as its row is called, in bodies too, so that what is reported of it can be joined."""
    ops = {next(filter(None, op.outputs), op.name): op for op in model.dag}
    for node in nodes:
        op = ops.get(next(filter(None, node.output), node.name))
        if op is None:
            continue
        node.name = prefix + op.name
        bodies = dict(op.bodies)
        for attribute in node.attribute:
            if attribute.HasField("g") and attribute.name in bodies:
                _name(attribute.g.node, bodies[attribute.name], body_prefix(prefix, op, attribute.name))


def _resize(graph: Any, feeds: Mapping[str, Any]) -> None:
    """State the sizes of inputs where the file has others; what it says of further shapes is then no longer so."""
    changed = False
    for info in graph.input:
        dims = info.type.tensor_type.shape.dim
        if info.name not in feeds or not info.type.tensor_type.HasField("shape"):
            continue
        shape = feeds[info.name].shape
        if len(dims) != len(shape):
            del dims[:]
            for size in shape:
                dims.add(dim_value=size)
            changed = True
            continue
        for dim, size in zip(dims, shape, strict=True):
            if dim.HasField("dim_value") and dim.dim_value != size:
                dim.dim_value = size
                changed = True
    if changed:
        del graph.value_info[:]
        for info in graph.output:
            info.type.tensor_type.ClearField("shape")
