"""What the data layers of a Caffe network deliver: the sizes of its inputs, as far as the file says them.

Sources: data_layer.cpp, image_data_layer.cpp, memory_data_layer.cpp, dummy_data_layer.cpp and window_data_layer.cpp of
BVLC Caffe (https://github.com/BVLC/caffe/tree/master/src/caffe/layers); C3D's video_data_layer.cpp.
"""

from __future__ import annotations

from typing import Any

from .. import limits
from ..dims import Extent
from ..errors import ModelError
from .caffe_layers import Layer
from .prototxt import Message

SOURCES = {"Input", "Data", "ImageData", "HDF5Data", "MemoryData", "WindowData", "DummyData", "Python"}
"""Layer types that bring data in when they have no bottom; a fork's `*Data` and `*_DATA` are taken for such too."""


def is_source(layer: Layer) -> bool:
    return not layer.bottoms and (layer.type in SOURCES or layer.type.endswith(("Data", "_DATA")))


def top_shapes(layer: Layer, path: str) -> list[tuple[Extent, ...] | None]:
    """The shape of each top of a source, None where the file does not say."""
    attrs, tops = layer.attrs, len(layer.tops)
    if (shapes := attrs.get("shape")) is not None:  # Input, DummyData: a shape for all tops, or one for each
        one = not shapes or isinstance(shapes[0][0], str)
        listed = [shape_of(shape, path, layer.line) for shape in ([shapes] if one else shapes)]
        return [listed[number if number < len(listed) else 0] for number in range(tops)]

    def size(*names: str) -> Extent | None:
        given = next((attrs[name] for name in names if attrs.get(name)), None)
        return None if given is None else size_of(_last(given), path, layer.line)

    if layer.type == "DummyData":  # the older way: four lists, an entry for all tops or one for each
        lists = [_all(attrs.get(name, ())) for name in ("num", "channels", "height", "width")]
        if all(lists):
            picked = [[each[number if number < len(each) else 0] for each in lists] for number in range(tops)]
            return [tuple(size_of(extent, path, layer.line) for extent in extents) for extents in picked]
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


def input_shapes(net: Message, inputs: int, path: str) -> list[tuple[Extent, ...] | None]:
    """The shapes of the inputs at a net's head, of which there are so many: None where the file gives none.

    `input_shape` stands once for all or once for each (UpgradeNetInput in upgrade_proto.cpp), `input_dim` four times
    for each; in C3D (https://github.com/facebookarchive/C3D) five times. Raises ModelError for another number.
    """
    flat = net.all("input_dim")
    shapes: list[tuple[Extent, ...] | None] = [shape_of(shape, path) for shape in net.all("input_shape")]
    if shapes:
        if len(shapes) not in (1, inputs):
            found = f"input_shape stands {len(shapes)} times, and there are {inputs} inputs"
            raise ModelError(path, str(net.line_of("input_shape")), found)
        return shapes * inputs if len(shapes) == 1 else shapes
    if not flat:
        return [None] * inputs
    each, line = len(flat) // max(inputs, 1), net.line_of("input_dim")
    if each not in (4, 5) or each * inputs != len(flat):
        expected = f"{4 * inputs} are expected, four for each input (C3D has five)"
        raise ModelError(path, str(line), f"input_dim stands {len(flat)} times; {expected}")
    sizes = [size_of(extent, path, line) for extent in flat]
    return [tuple(sizes[start : start + each]) for start in range(0, len(sizes), each)]


def shape_of(shape: Any, path: str, line: int = 0) -> tuple[Extent, ...]:
    """The extents of a BlobShape. Raises ModelError for more than MAX_BLOB_AXES, and for one that is no size."""
    if isinstance(shape, Message):
        extents, line = shape.all("dim"), shape.line
    else:
        extents = _all(dict(shape).get("dim", ()))
    if len(extents) > limits.MAX_BLOB_AXES:
        raise ModelError(
            path, str(line), f"a shape of {len(extents):,} axes; Caffe's blobs have at most {limits.MAX_BLOB_AXES}"
        )
    return tuple([size_of(extent, path, line) for extent in extents])


def size_of(extent: Any, path: str, line: int) -> Extent:
    if isinstance(extent, bool) or not isinstance(extent, int):
        raise ModelError(path, str(line), f"a size should be a whole number, not {extent!r}")
    if extent < 0:
        raise ModelError(path, str(line), f"a size cannot be {extent}")
    return extent


def _all(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _last(value: Any) -> Any:
    return value[-1] if isinstance(value, tuple) else value
