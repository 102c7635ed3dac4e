"""A Caffe network: prototxt messages -> Model.

Every dialect ends in the same layers: V0 (`layers { layer { type: "conv" } }`), V1 (`type: CONVOLUTION`) and V2
(`type: "Convolution"`), mixed if the file mixes them. Then the phase decides which layers count, and blobs that are
rewritten in place get a name per version, so that the graph has none twice. What a layer does is not known here; its
parameters travel on under their own names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import limits
from ..dims import Extent
from ..errors import ModelError
from ..graph import Model, Op, Tensor, Unranked, build_dag, unique
from . import prototxt
from .prototxt import Message

V1_TYPES = {
    number: (name, type_)
    for number, name, type_ in [
        (1, "ACCURACY", "Accuracy"), (2, "BNLL", "BNLL"), (3, "CONCAT", "Concat"), (4, "CONVOLUTION", "Convolution"),
        (5, "DATA", "Data"), (6, "DROPOUT", "Dropout"), (7, "EUCLIDEAN_LOSS", "EuclideanLoss"),
        (8, "FLATTEN", "Flatten"), (9, "HDF5_DATA", "HDF5Data"), (10, "HDF5_OUTPUT", "HDF5Output"),
        (11, "IM2COL", "Im2col"), (12, "IMAGE_DATA", "ImageData"), (13, "INFOGAIN_LOSS", "InfogainLoss"),
        (14, "INNER_PRODUCT", "InnerProduct"), (15, "LRN", "LRN"),
        (16, "MULTINOMIAL_LOGISTIC_LOSS", "MultinomialLogisticLoss"), (17, "POOLING", "Pooling"), (18, "RELU", "ReLU"),
        (19, "SIGMOID", "Sigmoid"), (20, "SOFTMAX", "Softmax"), (21, "SOFTMAX_LOSS", "SoftmaxWithLoss"),
        (22, "SPLIT", "Split"), (23, "TANH", "TanH"), (24, "WINDOW_DATA", "WindowData"), (25, "ELTWISE", "Eltwise"),
        (26, "POWER", "Power"), (27, "SIGMOID_CROSS_ENTROPY_LOSS", "SigmoidCrossEntropyLoss"),
        (28, "HINGE_LOSS", "HingeLoss"), (29, "MEMORY_DATA", "MemoryData"), (30, "ARGMAX", "ArgMax"),
        (31, "THRESHOLD", "Threshold"), (32, "DUMMY_DATA", "DummyData"), (33, "SLICE", "Slice"), (34, "MVN", "MVN"),
        (35, "ABSVAL", "AbsVal"), (36, "SILENCE", "Silence"), (37, "CONTRASTIVE_LOSS", "ContrastiveLoss"),
        (38, "EXP", "Exp"), (39, "DECONVOLUTION", "Deconvolution"),
    ]
}  # fmt: skip
"""V1's enumeration of types, by number: its name in the file, and the type it became in V2."""

V0_TYPES = {
    "accuracy": "Accuracy", "bnll": "BNLL", "concat": "Concat", "conv": "Convolution", "data": "Data",
    "dropout": "Dropout", "eltwise": "Eltwise", "euclidean_loss": "EuclideanLoss", "flatten": "Flatten",
    "hdf5_data": "HDF5Data", "hdf5_output": "HDF5Output", "im2col": "Im2col", "images": "ImageData",
    "infogain_loss": "InfogainLoss", "innerproduct": "InnerProduct", "lrn": "LRN",
    "multinomial_logistic_loss": "MultinomialLogisticLoss", "pool": "Pooling", "power": "Power", "relu": "ReLU",
    "sigmoid": "Sigmoid", "softmax": "Softmax", "softmax_loss": "SoftmaxWithLoss", "split": "Split", "tanh": "TanH",
    "window_data": "WindowData",
}  # fmt: skip
_V1_NAMES = dict(V1_TYPES.values())

V0_FIELDS = {
    "kernelsize": "kernel_size", "biasterm": "bias_term", "batchsize": "batch_size", "cropsize": "crop_size",
    "hdf5_output_param": "hdf5_output_param", "meanfile": "mean_file",
}  # fmt: skip
"""V0 fields whose names changed; the others kept theirs."""

WIRING = {"name", "type", "bottom", "top", "include", "exclude", "param", "loss_weight", "blobs", "phase", "layer"}


@dataclass
class Layer:
    """One layer of any dialect: how it is wired, and the fields of all its parameter messages in one dictionary."""

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    attrs: dict[str, Any]
    line: int
    rules: tuple[Message, ...] = ()
    """Its include and exclude messages."""
    excludes: tuple[Message, ...] = ()
    weight_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class State:
    """What `include` and `exclude` rules are held against."""

    phase: str = "TEST"
    level: int = 0
    stages: frozenset[str] = field(default_factory=frozenset)


def read(path: str, *, phase: str = "test", level: int = 0, stages: Iterable[str] = ()) -> Model:
    """The network in a prototxt, as `phase` ("train" or "test"), `level` and `stages` select its layers.

    Raises ModelError when the file is no network, or its layers cannot be connected.
    """
    net = prototxt.read(path)
    _refuse_others(net, path)
    state = State(phase.upper(), level, frozenset(stages))
    layers = list(_layers(net, path))
    model = _Builder(path)
    model.net_inputs(net)
    for layer in layers:
        if _counts(layer, state):
            model.add(layer)
    model.lend([layer for layer in layers if not _counts(layer, state)])
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


def _layers(net: Message, path: str) -> Iterator[Layer]:
    """Every layer in file order, upgraded to V2. V0's padding layers become the padding of the layer they feed."""
    if (count := len(net.all("layer")) + len(net.all("layers"))) > limits.MAX_LAYERS:
        raise ModelError(path, "", f"{count:,} layers; more than {limits.MAX_LAYERS:,} are not read")
    paddings: dict[str, tuple[str, Any]] = {}  # top of a padding layer -> its bottom, its padding
    for position, (key, message) in enumerate(net.items()):
        if key not in ("layer", "layers"):
            continue
        if not isinstance(message, Message):
            raise ModelError(path, str(net.line_of(key)), f"`{key}` should open a message with {{")
        layer = _layer(message, path, position)
        if layer.type == "padding":
            paddings[layer.tops[0]] = (layer.bottoms[0], layer.attrs.get("pad", 0))
            continue
        if layer.bottoms and layer.bottoms[0] in paddings:
            bottom, layer.attrs["pad"] = paddings[layer.bottoms[0]]
            layer.bottoms = (bottom, *layer.bottoms[1:])
        yield layer


def _layer(message: Message, path: str, position: int) -> Layer:
    inner = message.get("layer")
    v0 = isinstance(inner, Message)
    body = inner if isinstance(inner, Message) else message
    kind = body.get("type")
    if kind is None:
        raise ModelError(path, str(message.line), f"layer {body.get('name', '')!r} has no type")
    kind = V1_TYPES[kind][1] if isinstance(kind, int) and kind in V1_TYPES else str(kind)
    kind = V0_TYPES.get(kind, kind) if v0 else _V1_NAMES.get(kind, kind)
    bottoms, tops = (tuple(map(str, message.all(key))) for key in ("bottom", "top"))
    name = body.get("name")
    shared = [p.get("name", "") if isinstance(p, Message) else p for p in message.all("param")]
    return Layer(
        name=str(name) if name not in (None, "") else (tops[0] if tops else f"{kind}{position}"),
        type=kind,
        bottoms=bottoms,
        tops=tops,
        attrs=_v0_attributes(body) if v0 else _attributes(message),
        line=message.line,
        rules=tuple(m for m in message.all("include") if isinstance(m, Message)),
        excludes=tuple(m for m in message.all("exclude") if isinstance(m, Message)),
        weight_names=tuple(map(str, shared)),
    )


def _attributes(layer: Message) -> dict[str, Any]:
    """The fields of every `*_param` message of a layer, together; forks put theirs under many names.

    Where a layer reads the message of another type, its name is the attribute `message`.
    """
    fields: list[tuple[str, Any]] = []
    own = str(layer.get("type", "")).lower().replace("_", "")
    for name, value in layer.items():
        if isinstance(value, Message) and name.endswith("_param"):
            fields.extend(value.items())
            if name.removesuffix("_param").replace("_", "") not in own:
                fields.append(("message", name))
        elif name not in WIRING and not isinstance(value, Message):
            fields.append((name, value))
    return dict(_gather(fields))


def _v0_attributes(layer: Message) -> dict[str, Any]:
    fields = [(V0_FIELDS.get(name, name), value) for name, value in layer.items() if name not in WIRING]
    return dict(_gather(fields))


def _gather(fields: Sequence[tuple[str, Any]]) -> tuple[tuple[str, Any], ...]:
    """Fields by name in file order: what is given once as it is, what is given again as a tuple of all."""
    found: dict[str, list[Any]] = {}
    for name, value in fields:
        found.setdefault(name, []).append(_gather(value.items()) if isinstance(value, Message) else value)
    return tuple((name, values[0] if len(values) == 1 else tuple(values)) for name, values in found.items())


def _counts(layer: Layer, state: State) -> bool:
    """Caffe's rule (Net::FilterNet): one `include` that is met, or, without any, no `exclude` that is met."""
    if layer.rules:
        return any(_meets(rule, state) for rule in layer.rules)
    return not any(_meets(rule, state) for rule in layer.excludes)


def _meets(rule: Message, state: State) -> bool:
    phase, least, most = rule.get("phase"), rule.get("min_level"), rule.get("max_level")
    if phase is not None and phase not in (state.phase, {"TRAIN": 0, "TEST": 1}[state.phase]):
        return False
    if (isinstance(least, int) and state.level < least) or (isinstance(most, int) and state.level > most):
        return False
    return state.stages.issuperset(map(str, rule.all("stage"))) and state.stages.isdisjoint(
        map(str, rule.all("not_stage"))
    )


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
        shapes = [_dims(shape, self.path) for shape in net.all("input_shape")]
        flat = [_size(extent, self.path, net.line_of("input_dim")) for extent in net.all("input_dim")]
        if flat and not shapes:
            shapes = [tuple(flat[at : at + 4]) for at in range(0, len(flat), 4)]
        for at, name in enumerate(names):
            self.input(name, shapes[at] if at < len(shapes) else None, str(net.line_of("input")))

    def input(self, name: str, shape: Sequence[Extent] | None, line: str, what: str = "") -> None:
        if name in self.unsized_inputs and shape is not None:
            del (
                self.inputs[name],
                self.unsized_inputs[name],
                self.maker[name],
            )  # named at the head of the net, sized by a layer
        if name in self.maker:
            raise ModelError(self.path, line, f"input {name!r} is already made by {self.maker[name]}")
        self.inputs[name] = Tensor(tuple(shape)) if shape is not None else Unranked("float32")
        if shape is None and what is not None:
            reason = f"the file does not say how large {name!r} is{what}: give it, as --input {name}=1x3xHxW"
            self.unsized_inputs[name] = line, reason
        self.current[name] = name
        self.maker[name] = "the net's input"

    def add(self, layer: Layer) -> None:
        if _brings_data(layer):
            self.source(layer)
            return
        reads = tuple(self.current.get(blob, blob) for blob in layer.bottoms)
        if not layer.tops and layer.type.endswith(("Loss", "SoftmaxWithLoss")):
            layer.tops = ("(automatic)",)  # Net::Init gives a loss without a top one of this name
        tops, in_place = [], False
        for blob in layer.tops:
            top = blob
            if blob in self.maker:
                if blob not in layer.bottoms:
                    raise ModelError(
                        self.path,
                        str(layer.line),
                        f"{layer.name} ({layer.type}): top {blob!r} is already made by {self.maker[blob]}"
                        " and is not rewritten in place; do include rules select one of them?",
                    )
                top, in_place = self.version(blob, layer.name), True
            tops.append(top)
            self.current[blob] = top
            self.maker[blob] = layer.name
        self.ops.append(
            Op(
                name=unique(layer.name, self.names),
                kind=f"caffe.{layer.type}",
                inputs=reads,
                outputs=tuple(tops),
                attrs=layer.attrs,
                weight_names=layer.weight_names,
                in_place=in_place,
                location=f"{self.path}:{layer.line}",
            )
        )

    def source(self, layer: Layer) -> None:
        """A layer that brings data in: its tops are the model's inputs."""
        for at, (blob, shape) in enumerate(zip(layer.tops, _delivers(layer, self.path), strict=True)):
            line, what = str(layer.line), f" (a top of {layer.name}, {layer.type})"
            self.input(blob, shape, line, what)
            if at and shape is None:
                del self.unsized_inputs[blob]  # labels and the like; only what the network computes on has to be sized

    def lend(self, left_out: Sequence[Layer]) -> None:
        """Take an input that is read but only brought by layers left out from those, the phase's own stages last."""
        read = {name for op in self.ops for name in op.inputs}
        for layer in reversed(left_out):
            wanted = [top for top in layer.tops if top in read and top not in self.maker]
            if wanted and _brings_data(layer):
                self.source(layer)
                self.warnings.append(f"{', '.join(wanted)}: brought only by {layer.name}, which this stage leaves out")

    def version(self, blob: str, layer: str) -> str:
        """The name of a blob as a layer rewrites it."""
        name = unique(f"{blob}@{layer}", self.versions)
        self.blobs[name] = blob
        return name

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


SOURCES = {"Input", "Data", "ImageData", "HDF5Data", "MemoryData", "WindowData", "DummyData", "Python"}
"""Layer types that bring data in when they have no bottom; a fork's `*Data` and `*_DATA` are taken for such too."""


def _brings_data(layer: Layer) -> bool:
    return not layer.bottoms and (layer.type in SOURCES or layer.type.endswith(("Data", "_DATA")))


def _delivers(layer: Layer, path: str) -> list[tuple[Extent, ...] | None]:
    """The shape of each top of a source, None where the file does not say."""
    attrs, tops = layer.attrs, len(layer.tops)
    if (shapes := attrs.get("shape")) is not None:  # Input, DummyData: a shape for all tops, or one for each
        one = not shapes or isinstance(shapes[0][0], str)
        listed = [_dims(shape, path, layer.line) for shape in ([shapes] if one else shapes)]
        return [listed[at if at < len(listed) else 0] for at in range(tops)]

    def size(*names: str) -> Extent | None:
        given = next((attrs[name] for name in names if attrs.get(name)), None)
        return None if given is None else _size(_last(given), path, layer.line)

    if layer.type == "DummyData":  # the older way: four lists, an entry for all tops or one for each
        lists = [_all(attrs.get(name, ())) for name in ("num", "channels", "height", "width")]
        if all(lists):
            picked = [[each[at if at < len(each) else 0] for each in lists] for at in range(tops)]
            return [tuple(_size(extent, path, layer.line) for extent in extents) for extents in picked]
        return [None] * tops
    batch, crop = size("batch_size"), size("crop_size")
    height = crop or size("new_height", "height")
    width = crop or size("new_width", "width")
    channels = size("channels") or _channels(layer)
    image: tuple[Extent | None, ...] = (batch, channels, height, width)
    if layer.type in ("VideoData", "VIDEO_DATA") and size("new_length"):
        if "num_segments" in attrs:  # temporal segment networks stack frames as channels, how many varies with modality
            channels = None
        image = (batch, channels, size("new_length"), height, width)  # C3D's, frames as an axis
    first = tuple(e for e in image if e is not None) if None not in image else None
    label = None if batch is None else (batch,)
    return [first, *[label] * (tops - 1)][:tops]


def _channels(layer: Layer) -> int | None:
    """Channels that the file implies: a mean per channel, or a reader that always delivers colour."""
    means = _all(layer.attrs.get("mean_value", ()))
    if len(means) > 1:
        return len(means)
    if layer.type in ("ImageData", "WindowData"):
        return 1 if layer.attrs.get("is_color") in (False, 0) else 3
    return None


def _dims(shape: Any, path: str, line: int = 0) -> tuple[Extent, ...]:
    """The extents of a BlobShape. Raises ModelError for more than MAX_BLOB_AXES, and for one that is no size."""
    if isinstance(shape, Message):
        extents, line = shape.all("dim"), shape.line
    else:
        extents = _all(dict(shape).get("dim", ()))
    if len(extents) > limits.MAX_BLOB_AXES:
        raise ModelError(
            path, str(line), f"a shape of {len(extents):,} axes; Caffe's blobs have at most {limits.MAX_BLOB_AXES}"
        )
    return tuple([_size(extent, path, line) for extent in extents])


def _size(extent: Any, path: str, line: int) -> Extent:
    if isinstance(extent, bool) or not isinstance(extent, int):
        raise ModelError(path, str(line), f"a size should be a whole number, not {extent!r}")
    if extent < 0:
        raise ModelError(path, str(line), f"a size cannot be {extent}")
    return extent


def _all(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _last(value: Any) -> Any:
    return value[-1] if isinstance(value, tuple) else value
