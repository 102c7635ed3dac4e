"""Where the contents of a model's initializers lie in its file, so that they can be mapped rather than read.

The wire format is walked as `wire` does it; nothing is copied.
"""

from __future__ import annotations

from dataclasses import dataclass

from .unpack import Buffer
from .wire import Walk

_GRAPH, _INITIALIZER, _NAME = 7, 5, 8
RAW, FLOATS, DOUBLES = 9, 4, 10
"""TensorProto's raw_data, float_data and double_data: bytes that are elements as they lie."""
PAYLOAD = frozenset({4, 5, 6, 7, 9, 10, 11})


@dataclass(frozen=True, slots=True)
class Payload:
    """The bytes of one initializer's elements."""

    field: int
    """The field of TensorProto that holds them."""
    start: int
    stop: int


def locate(buffer: Buffer, path: str) -> dict[str, Payload]:
    """The payloads of the outermost graph's initializers by name; of what stands in several fields the last one.

    Raises ModelError naming `path` and the byte where the buffer holds no serialized ModelProto.
    """
    walk = Walk(buffer, path)
    found: dict[str, Payload] = {}
    for key, _, content, stop in walk.fields(0, len(buffer), "model"):
        if key >> 3 == _GRAPH:
            for inner, _, start, end in walk.fields(content, stop, "graph"):
                if inner >> 3 == _INITIALIZER:
                    _locate_tensor(walk, start, end, found)
    return found


def _locate_tensor(walk: Walk, start: int, end: int, found: dict[str, Payload]) -> None:
    name, payload = "", None
    for key, _, content, stop in walk.runs(start, end, "tensor"):
        if key >> 3 == _NAME:
            name = bytes(walk.buffer[content:stop]).decode("utf-8", "replace")
        elif key >> 3 in PAYLOAD:
            packed = key & 7 == 2  # numbers that stand one by one have their keys among them
            payload = Payload(key >> 3 if packed else 0, content, stop)
    if payload is not None:
        found[name] = payload
