"""A Caffe network: prototxt messages -> Model.

The phase decides which layers count, and blobs that are rewritten in place get a name per version, so that the graph
has none twice. What a layer does is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..dims import Extent
from ..errors import ModelError
from ..graph import Model, Op, Tensor, Unranked, build_dag, unique
from . import prototxt
from .caffe_data import is_source, shape_of, size_of, top_shapes
from .caffe_layers import Layer, State, is_selected, layers_of
from .prototxt import Message


def read(text: str | bytes, path: str, *, phase: str = "test", level: int = 0, stages: Iterable[str] = ()) -> Model:
    """The network in a prototxt, as `phase` ("train" or "test"), `level` and `stages` select its layers.

    `path` is what messages call it. Raises ModelError when the text is no network, or its layers cannot be connected.
    """
    net = prototxt.parse(text, path)
    _refuse_others(net, path)
    state = State(phase.upper(), level, frozenset(stages))
    layers = list(layers_of(net, path))
    model = _Builder(path)
    model.net_inputs(net)
    for layer in layers:
        if is_selected(layer, state):
            model.add(layer)
    model.borrow_inputs([layer for layer in layers if not is_selected(layer, state)])
    name = net.get("name")
    return model.finish(name if isinstance(name, str) else "")


def _refuse_others(net: Message, path: str) -> None:
    """A prototxt that holds something else than a network is told by its fields."""
    if "layer" in net or "layers" in net or "input" in net:
        return
    if any(key in net for key in ("base_lr", "solver_type", "lr_policy", "max_iter", "train_net", "test_net")):
        trained = net.get("net") or net.get("train_net") or net.get("test_net")
        hint = f"; the network it trains is {trained}" if isinstance(trained, str) else ""
        raise ModelError(path, "", f"this is a solver, not a network{hint}")
    if "item" in net:
        raise ModelError(path, "", "this is a label map, not a network")
    if not net.items():
        raise ModelError(path, "", "the file is empty: it has no layers")
    found = ", ".join(dict.fromkeys(name for name, _ in net.items()))
    raise ModelError(path, "", f"no `layer` in it, so this is not a Caffe network; its fields are: {found[:80]}")


class _Builder:
    """Turns layers into operators, giving each version of a blob a name of its own."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.ops: list[Op] = []
        self.inputs: dict[str, Tensor] = {}
        self.unsized_inputs: dict[str, tuple[str, str]] = {}
        self.current: dict[str, str] = {}  # blob -> the version that a layer standing here reads
        self.maker: dict[str, str] = {}
        self.blobs: dict[str, str] = {}
        self.names: dict[str, int] = {}
        self.versions: dict[str, int] = {}
        self.warnings: list[str] = []

    def net_inputs(self, net: Message) -> None:
        """`input:` at the head of a net, sized by `input_shape` or by four `input_dim` each."""
        names = [str(name) for name in net.all("input")]
        line = net.line_of("input")
        shapes = self.input_shapes(net)
        for number, name in enumerate(names):
            self.input(name, shapes[number] if number < len(shapes) else None, line)

    def input_shapes(self, net: Message) -> list[tuple[Extent, ...]]:
        line = net.line_of("input_dim")
        flat = [size_of(extent, self.path, line) for extent in net.all("input_dim")]
        shapes = [shape_of(shape, self.path) for shape in net.all("input_shape")]
        return shapes or [tuple(flat[start : start + 4]) for start in range(0, len(flat), 4)]

    def input(self, name: str, shape: Sequence[Extent] | None, line: int, source: str = "") -> None:
        """Make a blob an input of the model; `source` describes the layer that brings it, if one does."""
        if name in self.unsized_inputs and shape is not None:  # named at the head of the net, sized by a layer
            del self.inputs[name], self.unsized_inputs[name], self.maker[name]
        if name in self.maker:
            raise ModelError(self.path, str(line), f"input {name!r} is already made by {self.maker[name]}")
        self.inputs[name] = Tensor(tuple(shape)) if shape is not None else Unranked("float32")
        if shape is None:
            reason = f"the file does not say how large {name!r} is{source}"
            self.unsized_inputs[name] = str(line), reason
        self.current[name] = name
        self.maker[name] = "the net's input"

    def add(self, layer: Layer) -> None:
        """Add a layer that is selected, in the order of the file."""
        if is_source(layer):
            self.source(layer)
        else:
            self.operator(layer)

    def source(self, layer: Layer) -> None:
        """A layer that brings data in: its tops are the model's inputs."""
        source = f" (a top of {layer.name}, {layer.type})"
        for number, (blob, shape) in enumerate(zip(layer.tops, top_shapes(layer, self.path), strict=True)):
            self.input(blob, shape, layer.line, source)
            if number and shape is None:
                del self.unsized_inputs[blob]  # labels and the like; only what the network computes on has to be sized

    def operator(self, layer: Layer) -> None:
        bottoms = tuple([self.current.get(blob, blob) for blob in layer.bottoms])
        blobs = layer.tops
        if not blobs and layer.type.endswith("Loss"):
            blobs = ("(automatic)",)  # Net::Init gives a loss without a top one of this name
        rewritten = [blob in self.maker for blob in blobs]
        tops = tuple([self.top(blob, layer) for blob in blobs])
        op = Op(
            name=unique(layer.name, self.names),
            kind=f"caffe.{layer.type}",
            inputs=bottoms,
            outputs=tops,
            attrs=layer.attrs,
            weight_names=layer.weight_names,
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
                    " and is not rewritten in place; do include rules select one of them?"
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

    def finish(self, name: str) -> Model:
        if not self.ops and not self.inputs:
            raise ModelError(self.path, "", "no layer is left in this phase: the network is empty")
        read = {tensor for op in self.ops for tensor in op.inputs}
        return Model(
            name=name,
            dag=build_dag(self.ops, self.inputs, self.path),
            inputs=self.inputs,
            unsized_inputs=self.unsized_inputs,
            outputs=tuple(top for op in self.ops for top in op.outputs if top not in read),
            format="caffe",
            path=self.path,
            blob_names=self.blobs,
            warnings=self.warnings,
        )
