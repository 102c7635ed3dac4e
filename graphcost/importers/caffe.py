"""A Caffe network: prototxt messages -> Model.

The phase decides which layers count, and blobs that are rewritten in place get a name per version, so that the graph
has none twice. What a layer does is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from .. import limits
from ..dims import Extent
from ..errors import ModelError
from ..graph import Model, Op, SizedBy, Tensor, Unranked, build_dag, unique
from . import caffe_solver, caffe_text, prototxt
from .caffe_data import input_shapes, is_source, tops_of
from .caffe_layers import Layer, State, is_selected, layers_of
from .caffe_precision import forward_dtype
from .caffe_state import file_stages, missing_blob, not_understood, nothing_left
from .caffe_trained import blob_tensor, has_blobs, notes, saved_phase
from .prototxt import Message
from .source import open_source
from .unpack import Buffer

HEAD = "the net's input"
"""What makes a blob that is named at the head of the net."""
SELECT = "; do include rules select one of them?"


def read(text: str | bytes, path: str, *, phase: str = "test", level: int = 0, stages: Iterable[str] = ()) -> Model:
    """The network in a prototxt, as `phase` ("train" or "test"), `level` and `stages` select its layers.

    `path` is what messages call it. Raises ModelError when the text is no network, or its layers cannot be connected.
    """
    net = prototxt.parse(text, path)
    state = State(phase.upper(), level, frozenset(stages))
    if caffe_solver.is_solver(net):
        return _read_solver(net, path, state)
    _refuse_others(net, path)
    caffe_text.check(net, "Net", path)
    return build(net, path, state)


def _read_solver(solver: Message, path: str, state: State) -> Model:
    """The network that a solver trains: the one in it, or that of the file in its folder which it names."""
    caffe_text.check(solver, "Solver", path)
    net = caffe_solver.find_net(solver, path, state.phase)
    if not isinstance(net, Message):
        path = str(net)
        net = prototxt.parse(open_source(path).data[: limits.MAX_PROTOTXT + 1], path)
        _refuse_others(net, path)
        caffe_text.check(net, "Net", path)
    model = build(net, path, caffe_solver.state_of(solver, state))
    model.warnings += caffe_solver.notes(solver, state.phase)
    return model


def read_binary(data: Buffer, path: str, *, phase: str = "test", level: int = 0, stages: Iterable[str] = ()) -> Model:
    """The network in a .caffemodel, whose layers have the blobs that it holds. What these hold is not read.

    Where each layer states its phase, Caffe wrote the file, and left out what its phase, level and stage did.
    """
    from . import caffemodel  # and with it the walk over binary files

    net = caffemodel.read(data, path)
    saved = saved_phase(net)
    model = build(net, path, State(phase.upper(), level, frozenset(stages)) if saved is None else None)
    model.warnings += notes(saved)
    return model


def build(net: Message, path: str, state: State | None) -> Model:
    """The network of a NetParameter in a state, to which the file may add stages; without a state with all its layers.

    Raises ModelError as `read` does.
    """
    layers = list(layers_of(net, path))
    dtype, warnings = forward_dtype(net, layers)
    state = state and replace(state, stages=state.stages | file_stages(net))
    selected = [state is None or is_selected(layer, state) for layer in layers]
    left_out = [layer for layer, is_in in zip(layers, selected, strict=True) if not is_in]
    model = _Builder(path, trained=has_blobs(layers))
    model.net_inputs(net)
    for layer, is_in in zip(layers, selected, strict=True):
        if is_in:
            model.add(layer)
    model.borrow_inputs(left_out)
    if state is not None:
        model.explain(left_out, state)
    model.warnings += [*not_understood(net), *warnings]
    name = net.get("name")
    return replace(model.finish(name if isinstance(name, str) else ""), dtype=dtype)


def _refuse_others(net: Message, path: str) -> None:
    """A prototxt that holds something else than a network is told by its fields."""
    if "layer" in net or "layers" in net or "input" in net:
        return
    if caffe_solver.is_solver(net):
        raise ModelError(path, "", "this is a solver, not a network")
    if "item" in net:
        raise ModelError(path, "", "this is a label map, not a network")
    if not net.items():
        raise ModelError(path, "", "the file is empty: it has no layers")
    found = ", ".join(dict.fromkeys(name for name, _ in net.items()))
    raise ModelError(path, "", f"no `layer` in it, so this is not a Caffe network; its fields are: {found[:80]}")


class _Builder:
    """Turns layers into operators, giving each version of a blob a name of its own."""

    def __init__(self, path: str, *, trained: bool) -> None:
        self.path = path
        self.trained = trained  # the file holds the blobs of all layers
        self.ops: list[Op] = []
        self.inputs: dict[str, Tensor] = {}
        self.unsized_inputs: dict[str, tuple[str, str, str, str]] = {}
        self.optional_sizes: set[str] = set()
        self.sized_by: dict[str, SizedBy] = {}
        self.current: dict[str, str] = {}  # blob -> the version that a layer standing here reads
        self.maker: dict[str, str] = {}
        self.blobs: dict[str, str] = {}
        self.names: dict[str, int] = {}
        self.versions: dict[str, int] = {}
        self.warnings: list[str] = []

    def net_inputs(self, net: Message) -> None:
        """`input:` at the head of a net, sized by `input_shape` or by `input_dim`."""
        names = [str(name) for name in net.all("input")]
        line = net.line_of("input")
        shapes = input_shapes(net, len(names), self.path)
        for name, shape in zip(names, shapes, strict=True):
            self.input(name, shape, line)

    def input(
        self, name: str, shape: Sequence[Extent] | None, line: int, layer: Layer | None = None, ask: str = ""
    ) -> None:
        """Make a blob an input of the model; `layer` brings it, if one does, and `ask` is what a user is to write who
        gives its shape.
        """
        if shape is not None and name in self.unsized_inputs and self.maker[name] == HEAD:  # sized by a layer
            del self.inputs[name], self.unsized_inputs[name], self.maker[name]
        if name in self.maker:
            reason = f"input {name!r} is already made by {self.maker[name]}"
            if layer is not None:
                reason = f"{layer.name} ({layer.type}): top {name!r} is already made by {self.maker[name]}{SELECT}"
            raise ModelError(self.path, str(line), reason)
        self.inputs[name] = Tensor(tuple(shape)) if shape is not None else Unranked("float32")
        if shape is None:
            source = f" (a top of {layer.name}, {layer.type})" if layer is not None else ""
            reason = f"the file does not say how large {name!r} is{source}"
            example, _, known = (ask.removeprefix(f"{name}=") or "1x3xHxW").partition(": ")
            self.unsized_inputs[name] = str(line), reason, example, known
        self.current[name] = name
        self.maker[name] = layer.name if layer is not None else HEAD

    def add(self, layer: Layer) -> None:
        """Add a layer that is selected, in the order of the file."""
        if is_source(layer):
            self.source(layer)
        else:
            self.operator(layer)

    def source(self, layer: Layer) -> None:
        """A layer that brings data in: its tops are the model's inputs."""
        for number, (blob, top) in enumerate(zip(layer.tops, tops_of(layer, self.path), strict=True)):
            self.input(blob, top.shape, layer.line, layer, top.ask)
            if number:  # labels and the like; only what the network computes on has to be sized
                self.optional_sizes.add(blob)
            if top.sized_by is not None:
                self.sized_by[blob] = top.sized_by

    def operator(self, layer: Layer) -> None:
        bottoms = tuple([self.current.get(blob, blob) for blob in layer.bottoms])
        blobs = layer.tops
        if not blobs and layer.type.endswith("Loss"):
            blobs = ("(automatic)",)  # Net::Init gives a loss without a top one of this name
        rewritten = [blob in self.maker for blob in blobs]
        tops = tuple([self.top(blob, layer) for blob in blobs])
        op = Op(
            name=unique(layer.name, self.names),
            kind=f"caffe.{layer.kind}",
            inputs=bottoms,
            outputs=tops,
            attrs=layer.attrs,
            weight_names=layer.weight_names,
            permissive=layer.permissive,
            blobs=tuple([blob_tensor(each, self.path) for each in layer.blobs]) if self.trained else None,
            in_place=any(rewritten),
            location=f"{self.path}:{layer.line}",
        )
        self.ops.append(op)

    def top(self, blob: str, layer: Layer) -> str:
        """The name of a blob as a layer makes it: its own, or, where the layer rewrites it in place, a version's."""
        version = blob
        if blob in self.maker:
            if blob not in layer.bottoms:
                reason = (
                    f"{layer.name} ({layer.type}): top {blob!r} is already made by {self.maker[blob]}"
                    f" and is not rewritten in place{SELECT}"
                )
                raise ModelError(self.path, str(layer.line), reason)
            version = unique(f"{blob}@{layer.name}", self.versions)
            self.blobs[version] = blob
        self.current[blob] = version
        self.maker[blob] = layer.name
        return version

    def borrow_inputs(self, left_out: Sequence[Layer]) -> None:
        """Take an input that is read but only brought by layers left out from those, the phase's own stages last."""
        read = {name for op in self.ops for name in op.inputs}
        for layer in reversed(left_out):
            wanted = [top for top in layer.tops if top in read and top not in self.maker]
            if wanted and is_source(layer):
                self.source(layer)
                self.warnings.append(f"{', '.join(wanted)}: brought only by {layer.name}, which this stage leaves out")

    def explain(self, left_out: Sequence[Layer], state: State) -> None:
        """Raise ModelError where the layers left out are why there is no network, or a blob is not there."""
        if left_out and not self.ops:
            raise ModelError(self.path, str(left_out[0].line), nothing_left(state, left_out))
        if (missing := missing_blob(self.ops, self.inputs, left_out)) is not None:
            raise ModelError(missing[0], "", missing[1])

    def finish(self, name: str) -> Model:
        if not self.ops and not self.inputs:
            raise ModelError(self.path, "", "no layer is left in this phase: the network is empty")
        read = {tensor for op in self.ops for tensor in op.inputs}
        return Model(
            name=name,
            dag=build_dag(self.ops, self.inputs, self.path),
            inputs=self.inputs,
            unsized_inputs=self.unsized_inputs,
            optional_sizes=frozenset(self.optional_sizes),
            sized_by=self.sized_by,
            outputs=tuple(top for op in self.ops for top in op.outputs if top not in read),
            format="caffe",
            path=self.path,
            blob_names=self.blobs,
            warnings=self.warnings,
        )
