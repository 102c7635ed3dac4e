"""What a trained file of Caffe holds besides the net: the blobs of each layer, and the phase it was saved in.

Blobs have their shape in `shape`, or in files before 2015 in four numbers (Blob::FromProto in
https://github.com/BVLC/caffe/blob/master/src/caffe/blob.cpp).
"""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import ModelError
from ..graph import Model, Tensor
from .caffe_data import shape_of, size_of
from .caffe_layers import Layer, layers_of
from .prototxt import Message

LEGACY = ("num", "channels", "height", "width")
NAMED = 4
"""Names in a message before it only counts the others."""


def blob_tensor(message: Message, path: str) -> Tensor:
    """The shape of a BlobProto. Raises ModelError where it has none that can be meant."""
    dtype = "float16" if message.get("raw_data_type") == "FLOAT16" else "float32"
    shape = message.get("shape")
    if isinstance(shape, Message):
        return Tensor(shape_of(shape, path), dtype)
    if any(name in message for name in LEGACY):
        return Tensor(tuple([size_of(message.get(name, 0), path, message.line) for name in LEGACY]), dtype)
    return Tensor((), dtype)


def has_blobs(layers: Iterable[Layer]) -> bool:
    """Whether a file holds trained parameters; a layer without any has none then."""
    return any(layer.blobs for layer in layers)


def saved_phase(net: Message) -> str | None:
    """The phase of a net that Caffe itself saved, with the layers of that phase alone; None for another file.

    Net::Init writes its phase into each layer (https://github.com/BVLC/caffe/blob/master/src/caffe/net.cpp).
    """
    layers = [each for each in net.all("layer") if isinstance(each, Message)]
    phases = {str(each.get("phase")) for each in layers}
    return phases.pop() if len(phases) == 1 and "None" not in phases and "layers" not in net else None


def notes(saved: str | None) -> list[str]:
    """What a reader should know of a net that was read from a trained file."""
    return ["the layers are those of phase TRAIN, in which the file was saved"] if saved == "TRAIN" else []


def attach(model: Model, net: Message, path: str) -> None:
    """Give each operator of a prototxt the blobs that a trained file has for the layer of its name.

    Raises ModelError where the file holds none for any of them.
    """
    blobs = {layer.name: tuple([blob_tensor(each, path) for each in layer.blobs]) for layer in layers_of(net, path)}
    named = [op for op in model.dag if op.name in blobs]
    if not any(blobs[op.name] for op in named):
        held = ", ".join([name for name, each in blobs.items() if each][:NAMED]) or "none"
        raise ModelError(path, "", f"no layer of {model.path} has weights here; those that have: {held}")
    for op in named:
        op.blobs = blobs[op.name]
    model.weights_path = path
