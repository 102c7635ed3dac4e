"""The network as data: tensors, operators, and the model that connects them into a networkx DAG.

Importers build these and passes read them; nothing here knows a file format or what an operator does, and results
never go back onto the graph, so that one model can be analysed under several bindings at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, ClassVar, NoReturn, Protocol

import networkx as nx

from .dims import Dim, Extent, substitute
from .errors import ModelError
from .frozen import frozen_dataclass

Shape = tuple[Extent, ...]
Scalar = int | float | Dim | None  # None: this element is not known

BITS = {
    "float64": 64, "float32": 32, "float16": 16, "bfloat16": 16,
    "float8e4m3fn": 8, "float8e4m3fnuz": 8, "float8e5m2": 8, "float8e5m2fnuz": 8, "float8e8m0": 8,
    "float6e2m3": 6, "float6e3m2": 6, "float4e2m1": 4,
    "int64": 64, "int32": 32, "int16": 16, "int8": 8, "int4": 4, "int2": 2,
    "uint64": 64, "uint32": 32, "uint16": 16, "uint8": 8, "uint4": 4, "uint2": 2,
    "bool": 8, "complex64": 64, "complex128": 128, "string": 0,
}  # fmt: skip
"""Bits an element takes; a string's length is not in any shape, so it counts as nothing."""

DTYPES = (
    "unknown", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16", "float64",
    "uint32", "uint64", "complex64", "complex128", "bfloat16", "float8e4m3fn", "float8e4m3fnuz", "float8e5m2",
    "float8e5m2fnuz", "uint4", "int4", "float4e2m1", "float8e8m0", "uint2", "int2", "float6e2m3", "float6e3m2",
)  # fmt: skip
"""Element types by their number in ONNX (TensorProto.DataType)."""


def element_type(number: int, default: str = "unknown") -> str:
    """The element type of a number; `default` for 0, which is "not given", and for numbers of the future."""
    return DTYPES[number] if 0 < number < len(DTYPES) else default


CYCLE = 8
"""Layers of a cycle that an error names before it only counts them."""


class UnknownShape(ValueError):
    """Somebody asked for the shape of a tensor whose rank is not known."""


@frozen_dataclass(frozen=True, slots=True)
class Tensor:
    """A shape, an element type and, for the small integer tensors that steer later shapes, the contents (row-major)."""

    shape: Shape
    dtype: str = "float32"
    value: tuple[Scalar, ...] | None = None
    _hash: int = field(default=0, init=False, repr=False, compare=False)
    """What is asked of a tensor many times in a run is found once, as its bytes are; 0 until somebody asks."""
    _nbytes: Extent | None = field(default=None, init=False, repr=False, compare=False)

    def __hash__(self) -> int:
        if not self._hash:
            object.__setattr__(self, "_hash", hash((self.shape, self.dtype, self.value)))
        return self._hash

    def __reduce__(self) -> tuple[type[Tensor], tuple[object, ...]]:
        """Pickled and copied by its fields: hashes of text differ from one process to the next."""
        return type(self), (self.shape, self.dtype, self.value)

    ranked: ClassVar[bool] = True
    """Whether the number of its axes is known."""

    @property
    def known(self) -> bool:
        """Whether it is known what this is: a tensor of some rank, or a sequence of such tensors."""
        return self.ranked

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> Extent:
        """Number of elements."""
        return prod(self.shape)

    @property
    def nbytes(self) -> Extent:
        """Bytes of the elements packed without gaps: two 4-bit elements share a byte."""
        packed = self._nbytes
        if packed is None:
            bits, size = BITS.get(self.dtype, 0), prod(self.shape)
            packed = size * (bits // 8) if bits % 8 == 0 else -(-size * bits // 8)
            object.__setattr__(self, "_nbytes", packed)
        return packed

    def substitute(self, sizes: Mapping[str, Extent]) -> Tensor:
        """The tensor with values in the place of symbols of its shape."""
        if all(isinstance(extent, int) for extent in self.shape):
            return self
        return replace(self, shape=tuple([substitute(extent, sizes) for extent in self.shape]))


class Unranked(Tensor):
    """A tensor of which not even the rank is known; asking for its shape raises UnknownShape."""

    __slots__ = ()

    def __init__(self, dtype: str = "unknown") -> None:
        object.__setattr__(self, "dtype", dtype)
        object.__setattr__(self, "value", None)
        object.__setattr__(self, "_nbytes", None)

    @property
    def shape(self) -> NoReturn:
        raise UnknownShape("the shape of an input is not known")

    ranked = False

    def substitute(self, sizes: Mapping[str, Extent]) -> Tensor:
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unranked) and type(other) is type(self) and other.dtype == self.dtype

    def __hash__(self) -> int:
        return hash((type(self), self.dtype))

    def __reduce__(self) -> tuple[type[Unranked], tuple[object, ...]]:
        """Pickled and copied by what it is made of: it has no shape that could be asked for."""
        return type(self), (self.dtype,)

    def __repr__(self) -> str:
        return f"Unranked({self.dtype!r})"


UNKNOWN = Unranked()


class TensorSequence(Unranked):
    """A sequence of tensors: each of them when they are known, what any of them is like, and how many there are."""

    __slots__ = ("element", "items", "length")
    element: Tensor
    items: tuple[Tensor, ...] | None
    length: Extent | None

    def __init__(self, element: Tensor, items: tuple[Tensor, ...] | None = None, length: Extent | None = None) -> None:
        super().__init__(f"sequence({element.dtype})")
        object.__setattr__(self, "element", element)
        object.__setattr__(self, "items", items)
        object.__setattr__(self, "length", length if items is None else len(items))

    @property
    def known(self) -> bool:
        return self.element.known or (self.items is not None and all(item.known for item in self.items))

    def substitute(self, sizes: Mapping[str, Extent]) -> Tensor:
        """The sequence with values in the place of symbols of its tensors."""
        items = None if self.items is None else tuple([item.substitute(sizes) for item in self.items])
        length = None if self.length is None else substitute(self.length, sizes)
        return TensorSequence(self.element.substitute(sizes), items, length)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TensorSequence) and self._parts == other._parts

    def __hash__(self) -> int:
        return hash((TensorSequence, self._parts))

    def __reduce__(self) -> tuple[type[Unranked], tuple[object, ...]]:
        return TensorSequence, self._parts

    def __repr__(self) -> str:
        return f"TensorSequence({self.element!r}, {self.items!r}, {self.length!r})"

    @property
    def _parts(self) -> tuple[Tensor, tuple[Tensor, ...] | None, Extent | None]:
        return self.element, self.items, self.length


@dataclass(frozen=True, slots=True)
class Unread:
    """The value of an attribute that is in the file and too large to be kept: an operator with it is not understood."""

    def __repr__(self) -> str:
        return "(too large to be read)"


@dataclass(frozen=True, slots=True)
class Origin:
    """The call of a framework that an exporter wrote as an operator, or as several, where the file says so."""

    module: str = ""
    """The class that computes it: `torch.nn.modules.conv.Conv2d`."""
    path: str = ""
    """Where that class stands: `layer1/0/conv1`; of operators that were fused, the last one's."""
    function: str = ""
    """What it calls: `aten.conv2d`."""
    arguments: str = ""
    """With what, as the exporter writes it: `%x, %p_conv1_weight, None`; cut off where it is long."""
    rewrites: tuple[str, ...] = ()
    """Rules that rewrote the operator afterwards, in order: `FuseBatchNormIntoConv`."""


@dataclass(eq=False, slots=True)
class Op:
    """One operator of the file. Two operators are the same only if they are the same object."""

    name: str
    kind: str
    """The key of its rule: `Conv`, `com.microsoft.MatMulNBits`, `caffe.Convolution`."""
    inputs: tuple[str, ...]
    """Names of tensors in operand order; "" is an optional input left out."""
    outputs: tuple[str, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    bodies: tuple[tuple[str, Model], ...] = ()
    """Graphs that the operator runs (branches, loop bodies), each under its attribute's name and in that order."""
    captures: tuple[str, ...] = ()
    """Tensors of the surrounding graph that the bodies read."""
    weight_names: tuple[str, ...] = ()
    """Names under which a Caffe layer shares its blobs; "" is a blob of its own."""
    permissive: tuple[bool, ...] = ()
    """For each of these whether a blob of another shape will do that has as many elements (share_mode PERMISSIVE)."""
    blobs: tuple[Tensor, ...] | None = None
    """The blobs that a trained file holds for a Caffe layer; None where there is no such file, or it has none."""
    in_place: bool = False
    scope: str = ""
    """The module it belongs to, `layer1/0/conv1`, where the file says so apart from the name."""
    location: str = ""
    """Where it stands in the file: `det1.prototxt:14`, `model.onnx, node 38`."""
    file_name: str = ""
    """The name that an ONNX file gives it, which need not be its own; "" where it gives none."""
    origin: Origin | None = None
    """The call that it was exported from, None where the file does not say."""

    @property
    def type(self) -> str:
        """The operator as the file calls it: a Caffe layer's type without our prefix."""
        return self.kind.removeprefix("caffe.")

    @property
    def is_call(self) -> bool:
        """Whether it calls a function that the file defines: its one body, which has no label."""
        return bool(self.bodies) and not self.bodies[0][0]

    @property
    def may_own_weights(self) -> bool:
        """Whether it may hold weights that the file does not list, as Caffe's layers do."""
        return self.kind.startswith("caffe.") and self.blobs is None

    @property
    def all_inputs(self) -> tuple[str, ...]:
        """Every tensor it needs, those that only its bodies read included."""
        return self.inputs + self.captures


class Definitions(Protocol):
    """What a format's own library knows of its operators; asked only about operators without a rule."""

    def expand(self, op: Op, inputs: tuple[Tensor | None, ...], opsets: Mapping[str, int]) -> Model | None:
        """The operator as a graph of simpler ones, None when it is not defined so."""

    def shapes(self, op: Op, inputs: tuple[Tensor | None, ...], opsets: Mapping[str, int]) -> tuple[Tensor, ...] | None:
        """The shapes of its outputs, None when the library does not know them."""


@dataclass(frozen=True, slots=True)
class SizedBy:
    """The shape of an input that follows another one's, as the labels of a batch do."""

    leader: str
    """The input that it follows."""
    pattern: tuple[int | str, ...]
    """An extent, or the leader's by a letter: N its first, H the one before the last, W the last."""

    def shape(self, leader: Sequence[Extent | None]) -> Shape | None:
        """The shape beside a leader of these extents; None where the leader has no such axis, or it is not known."""
        if len(leader) < 1 or (len(leader) < 4 and not {"H", "W"}.isdisjoint(self.pattern)):
            return None
        places = {"N": 0, "H": -2, "W": -1}
        extents = [leader[places[each]] if isinstance(each, str) else each for each in self.pattern]
        known = tuple([extent for extent in extents if extent is not None])
        return known if len(known) == len(extents) else None


@dataclass(eq=False)
class Model:
    """A network: its operators as the nodes of a DAG, and what the file says of its tensors."""

    name: str
    dag: nx.DiGraph
    """The operators, as nodes in the order of execution: `for op in model.dag` is a topological walk. Edges lead from
    makers of tensors to readers, and `dag.edges[a, b]["tensors"]` names what flows. Made by `build_dag`."""
    inputs: dict[str, Tensor]
    outputs: tuple[str, ...] = ()
    weights: dict[str, Tensor] = field(default_factory=dict)
    unsized_inputs: dict[str, tuple[str, str, str, str]] = field(default_factory=dict)
    """For an input whose size the file does not say: the place in the file, what to say of it, a shape that it could
    have, and what of that is in the file."""
    optional_sizes: frozenset[str] = frozenset()
    """Inputs that can do without a size as long as nothing computes on them: labels, and what else comes with data."""
    sized_by: Mapping[str, SizedBy] = field(default_factory=dict)
    """Inputs whose sizes follow those of others, also of those that a user gives."""
    declared: Mapping[str, Tensor] = field(default_factory=dict)
    """Shapes that the file states; what is inferred wins over them."""
    opsets: dict[str, int] = field(default_factory=dict)
    format: str = ""
    path: str = ""
    blob_names: dict[str, str] = field(default_factory=dict)
    """For a Caffe blob rewritten in place: the name of each later version -> the blob's name in the file."""
    weights_path: str = ""
    """The trained file that the blobs of operators are read from, where it is another than the model's own."""
    dtype: str = ""
    """The type in which the file asks to have every floating-point tensor, whatever it calls each; "" where it does
    not."""
    warnings: list[str] = field(default_factory=list)
    definitions: Definitions | None = None
    """Where the format itself defines operators that have no rule."""

    @property
    def schedule(self) -> tuple[Op, ...]:
        """The operators in the order of execution, for indexing."""
        return tuple(self.dag)

    def in_order(self, ops: Iterable[Op]) -> Model:
        """The same network run in another order, which has to be a topological one of the same operators."""
        dag = nx.DiGraph()
        dag.add_nodes_from(ops)
        dag.add_edges_from(self.dag.edges(data=True))
        return replace(self, dag=dag)

    def to_networkx(self, *, tensors: bool = False) -> nx.DiGraph | nx.MultiDiGraph:
        """A graph of names for other tools: nodes are operators with `kind`, `scope` and `location` as attributes.

        An edge names what flows in `tensors`, parted by blanks. With `tensors=True` each tensor is an edge of its own
        whose key is its name, in a MultiDiGraph, and the model's inputs and outputs are nodes too, of the kinds
        `input` and `output`, named `input:NAME` and `output:NAME`. It is a copy: the model's own `dag` stays as it is.
        """
        graph = nx.MultiDiGraph(name=self.name) if tensors else nx.DiGraph(name=self.name)
        for op in self.dag:
            graph.add_node(op.name, kind=op.type, scope=op.scope, location=op.location)
        for maker, reader, names in self.dag.edges(data="tensors"):
            if tensors:
                graph.add_edges_from((maker.name, reader.name, name) for name in names)
            else:
                graph.add_edge(maker.name, reader.name, tensors=" ".join(names))
        if tensors:
            self._add_ends(graph)
        return graph

    def _add_ends(self, graph: nx.MultiDiGraph) -> None:
        """Add the model's inputs and outputs as nodes, with an edge for each operator that reads or makes one."""
        for name in self.inputs:
            graph.add_node(f"input:{name}", kind="input", scope="", location="")
        for name in self.outputs:
            graph.add_node(f"output:{name}", kind="output", scope="", location="")
        outputs = frozenset(self.outputs)
        for op in self.dag:
            for name in dict.fromkeys(op.all_inputs):
                if name in self.inputs:
                    graph.add_edge(f"input:{name}", op.name, name)
            for name in op.outputs:
                if name in outputs:
                    graph.add_edge(op.name, f"output:{name}", name)

    def __repr__(self) -> str:
        return f"<Model {self.name!r}: {self.format}, {len(self.dag)} ops>"


def unique(name: str, given: dict[str, int]) -> str:
    """A name that is none of those `given`, which are counted there: `conv`, `conv#2`."""
    while (count := given.get(name, 0)) > 0:
        given[name] = count + 1
        name = f"{name}#{count + 1}"
    given[name] = 1
    return name


def build_dag(ops: Sequence[Op], available: Iterable[str] = (), path: str = "") -> nx.DiGraph:
    """The DAG of operators; `available` are the tensors that none of them makes: inputs, weights, the outer scope.

    Nodes stand in the file's order when that is valid, else in a topological order as near to it as can be. Raises
    ModelError for a tensor that two operators make, one that nobody makes, and a cycle.
    """
    maker = _makers(ops, path)
    dag = nx.DiGraph()
    dag.add_nodes_from(ops)
    ready = {"", *available}
    in_order = True
    edges = []
    for op in ops:
        inputs = op.all_inputs
        flows: dict[Op, dict[str, None]] = {}  # the tensors that flow into the operator, by where they are made
        for name in inputs:
            if (source := maker.get(name)) is not None:
                flows.setdefault(source, {})[name] = None
            elif name not in ready:
                missing = f"{op.name}: input {name!r} is made by no layer and is no input"
                raise ModelError(op.location or path, "", missing)
        in_order = in_order and ready.issuperset(inputs)
        ready.update(op.outputs)
        edges += [(source, op, {"tensors": tuple(names)}) for source, names in flows.items()]
    dag.add_edges_from(edges)
    return dag if in_order else _sorted(dag, path)


def _makers(ops: Iterable[Op], path: str) -> dict[str, Op]:
    """The operator that makes each tensor. Raises ModelError when there are two."""
    maker: dict[str, Op] = {}
    for op in ops:
        for name in op.outputs:
            if name and maker.setdefault(name, op) is not op:
                twice = f"{op.name}: output {name!r} is already made by {maker[name].name}"
                raise ModelError(op.location or path, "", twice)
    return maker


def _sorted(dag: nx.DiGraph, path: str) -> nx.DiGraph:
    """The same graph, its nodes in the topological order that is nearest to the one they stand in."""
    position = {op: at for at, op in enumerate(dag)}
    try:
        order = list(nx.lexicographical_topological_sort(dag, key=position.__getitem__))
    except nx.NetworkXUnfeasible:
        raise _cycle(dag, path) from None
    arranged = nx.DiGraph()
    arranged.add_nodes_from(order)
    arranged.add_edges_from(dag.edges(data=True))
    return arranged


def _cycle(dag: nx.DiGraph, path: str) -> ModelError:
    """What to say of a graph that has a cycle: the layers on one, the first few where they are many."""
    cycle = [source for source, _ in nx.find_cycle(dag)]
    names = [op.name for op in cycle]
    shown = [*names, names[0]] if len(names) <= CYCLE else [*names[:CYCLE], f"{len(names) - CYCLE} more", names[0]]
    return ModelError(cycle[0].location or path, "", f"the layers form a cycle: {' -> '.join(shown)}")
