"""The layers of a prototxt, of any dialect, as records of one form.

V0 (`layers { layer { type: "conv" } }`), V1 (`type: CONVOLUTION`) and V2 (`type: "Convolution"`) end in the same
layers, mixed if the file mixes them. What a layer does is not known here; its parameters travel on under their own
names.

Messages: https://github.com/BVLC/caffe/blob/master/src/caffe/proto/caffe.proto, upgrades: util/upgrade_proto.cpp there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import limits
from ..errors import ModelError
from . import prototxt
from .caffe_types import canonical
from .prototxt import Message, Value

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

WIRING = {
    "name", "type", "bottom", "top", "include", "exclude", "param", "loss_weight", "blobs", "phase", "layer",
    "propagate_down", "blobs_lr", "weight_decay", "blob_share_mode", "backward_type", "forward_math", "backward_math",
}  # fmt: skip
"""What any layer may say: how it is wired, when it counts, and how its blobs are shared and learned."""


@dataclass
class Layer:
    """One layer of any dialect: how it is wired, and the fields of all its parameter messages in one dictionary."""

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    attrs: dict[str, Any]
    line: int
    includes: tuple[Message, ...] = ()
    excludes: tuple[Message, ...] = ()
    weight_names: tuple[str, ...] = ()
    permissive: tuple[bool, ...] = ()
    blobs: tuple[Message, ...] = ()
    """What a trained file holds of the layer's parameters."""

    @property
    def kind(self) -> str:
        """The type; of a layer written in Python with its module and class: `Python:rpn.layer.ProposalLayer`."""
        place = ".".join(str(self.attrs[name]) for name in ("module", "layer") if self.attrs.get(name))
        return f"{self.type}:{place}" if self.type == "Python" and place else self.type


@dataclass(frozen=True)
class State:
    """The state of the net that `include` and `exclude` rules are compared with."""

    phase: str = "TEST"
    level: int = 0
    stages: frozenset[str] = field(default_factory=frozenset)


def layers_of(net: Message, path: str) -> Iterator[Layer]:
    """Every layer in file order, upgraded to V2. V0's padding layers become the padding of the layer they feed."""
    if (count := len(net.all("layer")) + len(net.all("layers"))) > limits.MAX_LAYERS:
        raise ModelError(
            path, "", f"{count:,} layers; more than {limits.MAX_LAYERS:,} are not read{limits.more('layers')}"
        )
    paddings: dict[str, tuple[str, Any]] = {}  # top of a padding layer -> its bottom, its padding
    for position, (key, message) in enumerate(net.items()):
        if key not in ("layer", "layers"):
            continue
        if not isinstance(message, Message):
            raise ModelError(path, str(net.line_of(key)), f"`{key}` should open a message with {{")
        layer = _layer(message, path, position, is_v1=key == "layers")
        if layer.type == "padding":
            paddings[layer.tops[0]] = (layer.bottoms[0], layer.attrs.get("pad", 0))
            continue
        if layer.bottoms and layer.bottoms[0] in paddings:
            bottom, layer.attrs["pad"] = paddings[layer.bottoms[0]]
            layer.bottoms = (bottom, *layer.bottoms[1:])
        yield layer


def _layer(message: Message, path: str, position: int, *, is_v1: bool) -> Layer:
    inner = message.get("layer")
    v0 = isinstance(inner, Message)
    body = inner if isinstance(inner, Message) else message
    kind = body.get("type")
    if kind is None:
        raise ModelError(path, str(message.line), f"layer {body.get('name', '')!r} has no type")
    if isinstance(kind, int):  # of a binary file, or of one that gives the number
        kind = V1_TYPES[kind][1] if kind in V1_TYPES else f"LayerType{kind}"
    kind = str(kind)
    kind = V0_TYPES.get(kind, kind) if v0 else _V1_NAMES.get(kind, kind)
    kind = canonical(kind) if is_v1 else kind
    if not kind.isascii() and (wrong := prototxt.invisible(kind)):
        raise ModelError(path, str(body.line_of("type")), f"the type of layer {body.get('name', '')!r}: {wrong}")
    bottoms, tops = (tuple(map(str, message.all(key))) for key in ("bottom", "top"))
    name = body.get("name")
    params = message.all("param")
    shared = [each.get("name", "") if isinstance(each, Message) else each for each in params]
    modes = [each.get("share_mode") for each in params if isinstance(each, Message)]
    modes = modes or [*message.all("blob_share_mode")]  # V1 lists names and modes apart
    return Layer(
        name=str(name) if name not in (None, "") else (tops[0] if tops else f"{kind}{position}"),
        type=kind,
        bottoms=bottoms,
        tops=tops,
        attrs=_v0_attributes(body) if v0 else _attributes(message),
        line=message.line,
        includes=_messages(message, "include"),
        excludes=_messages(message, "exclude"),
        weight_names=tuple(map(str, shared)),
        blobs=tuple([blob for each in (message, inner) for blob in _messages(each, "blobs")]),
        permissive=tuple([mode in ("PERMISSIVE", 1) for mode in modes]) if any(modes) else (),
    )


def _messages(message: Value | None, name: str) -> tuple[Message, ...]:
    """The messages that a repeated field of another holds."""
    return tuple([m for m in message.all(name) if isinstance(m, Message)]) if isinstance(message, Message) else ()


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
        elif name not in WIRING:
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


def is_selected(layer: Layer, state: State) -> bool:
    """Caffe's rule (Net::FilterNet): one `include` that is met, or, without any, no `exclude` that is met."""
    if layer.includes:
        return any(_meets(rule, state) for rule in layer.includes)
    return not any(_meets(rule, state) for rule in layer.excludes)


def _meets(rule: Message, state: State) -> bool:
    phase, lowest, highest = rule.get("phase"), rule.get("min_level"), rule.get("max_level")
    if phase is not None and phase not in (state.phase, {"TRAIN": 0, "TEST": 1}[state.phase]):
        return False
    if (isinstance(lowest, int) and state.level < lowest) or (isinstance(highest, int) and state.level > highest):
        return False
    return state.stages.issuperset(map(str, rule.all("stage"))) and state.stages.isdisjoint(
        map(str, rule.all("not_stage"))
    )
