"""The element type that a net of NVIDIA's Caffe asks for.

`default_forward_type` is the type of every blob that a forward run has, learned ones included, and a layer's own
`forward_type` goes before it (NetParameter and LayerParameter in
https://github.com/NVIDIA/caffe/blob/caffe-0.17/src/caffe/proto/caffe.proto).
"""

from __future__ import annotations

from collections.abc import Iterable

from .caffe_layers import Layer
from .caffe_schema import ENUMS
from .prototxt import Message, Value

DTYPES = {"FLOAT16": "float16", "FLOAT": "float32", "DOUBLE": "float64"}
NAMED = 4
"""Layers that a message names before it only counts them."""


def forward_dtype(net: Message, layers: Iterable[Layer]) -> tuple[str, list[str]]:
    """The type of all floating-point blobs, "" where the file gives none, and what a reader should know of it.

    A layer that states the net's own type once more loses that field; one that states another keeps it, so that it is
    not understood.
    """
    own = _name(net.get("default_forward_type"))
    others = []
    for layer in layers:
        stated = _name(layer.attrs.get("forward_type"))
        if stated == (own or "FLOAT"):
            del layer.attrs["forward_type"]
        elif stated:
            others.append(layer.name)
    dtype = DTYPES.get(own, "")
    warnings = [f"default_forward_type is {own}: floating-point tensors are counted as {dtype}"] if dtype else []
    if others:
        named = ", ".join(others[:NAMED]) + (f" and {len(others) - NAMED} more" if len(others) > NAMED else "")
        warnings.append(f"a forward_type of its own, which is not followed: {named}")
    return "" if dtype == "float32" else dtype, warnings if dtype != "float32" or others else []


def _name(value: Value | None) -> str:
    """The name of a type of NVIDIA's enumeration, which a binary file gives as its number."""
    names = ENUMS["BlobType"]
    if isinstance(value, int) and 0 <= value < len(names):
        return names[value] or ""
    return str(value or "")
