"""What the data layers of a Caffe network deliver: the sizes of its inputs, as far as the file says them.

Sources: data_layer.cpp, image_data_layer.cpp, memory_data_layer.cpp, dummy_data_layer.cpp, window_data_layer.cpp and
hdf5_data_layer.cpp of BVLC Caffe (https://github.com/BVLC/caffe/tree/master/src/caffe/layers). Of forks, in the same
folder: annotated_data_layer.cpp and the resize_param of util/im_transforms.cpp (https://github.com/weiliu89/caffe),
video_data_layer.cpp of https://github.com/facebookarchive/C3D and https://github.com/yjxiong/caffe. For segmentation:
image_seg_data_layer.cpp (https://github.com/hszhao/PSPNet), window_seg_data_layer.cpp
(https://github.com/HyeonwooNoh/caffe), dense_image_data_layer.cpp (https://github.com/alexgkendall/caffe-segnet) and
image_labelmap_data_layer.cpp (https://github.com/s9xie/hed). In Python: voc_layers.py and its kin
(https://github.com/shelhamer/fcn.berkeleyvision.org), roi_data_layer/layer.py
(https://github.com/rbgirshick/py-faster-rcnn/tree/master/lib).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import limits
from ..dims import Extent
from ..errors import ModelError
from ..graph import Shape, SizedBy
from .caffe_layers import Layer
from .prototxt import Message

SOURCES = {"Input", "Data", "ImageData", "HDF5Data", "MemoryData", "WindowData", "DummyData", "Python"}
"""Layer types that bring data in when they have no bottom; a fork's `*Data` and `*_DATA` are taken for such too."""

Pattern = tuple[int | str, ...]
"""The shape of a top beside the first one, as `SizedBy` has it."""

CLASSES: Pattern = ("N",)
PIXELS: Pattern = ("N", 1, "H", "W")
"""A label for each image, and one for each of its elements."""

SEGMENTATION: tuple[Pattern, ...] = (PIXELS, ("N", 1, 1, 2))
"""The labels, and how large each image was before it was padded."""

LATER_TOPS: dict[str, tuple[Pattern, ...]] = {
    "data": (CLASSES,), "imagedata": (CLASSES,), "memorydata": (CLASSES,), "windowdata": (CLASSES,),
    "videodata": (CLASSES,), "imagesegdata": SEGMENTATION, "windowsegdata": SEGMENTATION, "denseimagedata": (PIXELS,),
    "imagelabelmapdata": (PIXELS,),
}  # fmt: skip
"""The tops after the first of each type, in small letters without underscores; those of others have any shape."""

IMAGE_READERS = ("imagedata", "windowdata", "imagesegdata", "windowsegdata", "denseimagedata", "imagelabelmapdata")
"""Types that read images, in colour unless the file says otherwise."""


@dataclass(frozen=True, slots=True)
class _Image:
    """The extents of a first top, None for those that the file does not say."""

    batch: Extent | None = None
    channels: Extent | None = None
    height: Extent | None = None
    width: Extent | None = None
    frames: Extent | None = None
    """Only of a video whose frames are an axis of their own."""
    cropped: bool = False

    @property
    def extents(self) -> tuple[Extent | None, ...]:
        frames = () if self.frames is None else (self.frames,)
        return (self.batch, self.channels, *frames, self.height, self.width)

    @property
    def shape(self) -> Shape | None:
        known = tuple(extent for extent in self.extents if extent is not None)
        return known if len(known) == len(self.extents) else None


PYTHON: dict[str, tuple[_Image, tuple[Pattern, ...]]] = {
    **dict.fromkeys(
        ("voc_layers.VOCSegDataLayer", "voc_layers.SBDDSegDataLayer", "pascalcontext_layers.PASCALContextSegDataLayer"),
        (_Image(1, 3), (PIXELS,)),
    ),
    "siftflow_layers.SIFTFlowSegDataLayer": (_Image(1, 3), (PIXELS, PIXELS)),  # semantic and geometric labels
    "roi_data_layer.layer.RoIDataLayer": (_Image(None, 3), ((1, 3),)),  # im_info; the boxes are those of an image
}
"""Data layers written in Python, by module and class: what is known of the first top, and the tops after it."""


def is_source(layer: Layer) -> bool:
    return not layer.bottoms and (layer.type in SOURCES or layer.type.endswith(("Data", "_DATA")))


@dataclass(frozen=True, slots=True)
class Top:
    """What the file says of a blob that a source delivers."""

    shape: Shape | None = None
    """None where the file does not say all of it."""
    ask: str = ""
    """What a user who gives the shape is to write, and what of it is in the file."""
    sized_by: SizedBy | None = None
    """The top that it is as long or as large as."""


def tops_of(layer: Layer, path: str) -> list[Top]:
    """What each top of a source is. Raises ModelError for a size that is none."""
    if (shapes := _shapes(layer, path)) is not None:
        return [
            Top(shape) if shape is not None else _unsized(layer.tops[at], _NOTHING) for at, shape in enumerate(shapes)
        ]
    image, later = _image(layer, path)
    if not layer.tops:
        return []
    first = layer.tops[0]
    tops = [Top(image.shape) if image.shape is not None else _unsized(first, image)]
    for at, blob in enumerate(layer.tops[1:]):
        sized_by = SizedBy(first, later[at]) if at < len(later) else None
        shape = sized_by.shape(image.extents) if sized_by is not None else None
        tops.append(Top(shape, _any_shape(blob, image.batch), sized_by))
    return tops


# --- shapes that are spelled out --------------------------------------------------------------------------------------


def _shapes(layer: Layer, path: str) -> list[Shape | None] | None:
    """The shape of each top where the layer's type spells shapes out; None where it does not."""
    attrs, tops = layer.attrs, len(layer.tops)
    if (shapes := attrs.get("shape", attrs.get("input_shapes"))) is not None:  # a shape for all tops, or one for each
        one = not shapes or isinstance(shapes[0][0], str)
        listed = [shape_of(shape, path, layer.line) for shape in ([shapes] if one else shapes)]
        return [listed[number if number < len(listed) else 0] for number in range(tops)]
    if layer.type != "DummyData":
        return None
    lists = [_all(attrs.get(name, ())) for name in ("num", "channels", "height", "width")]  # the older way
    if not all(lists):
        return [None] * tops
    picked = [[each[number if number < len(each) else 0] for each in lists] for number in range(tops)]
    return [tuple(size_of(extent, path, layer.line) for extent in extents) for extents in picked]


# --- images -----------------------------------------------------------------------------------------------------------


_NOTHING = _Image()


def _unsized(blob: str, image: _Image) -> Top:
    """A top of which the file says at most a part: `data=50x3x227x227: batch 50 and crop 227 are in the file, ...`."""
    frames = [] if image.frames is None else [image.frames]
    wished = (image.batch or 1, image.channels or 3, *frames, image.height or "H", image.width or "W")
    square = image.cropped and image.height == image.width
    named = [("batch", image.batch), ("channels", image.channels), ("frames", image.frames)]
    sides = [("crop", image.height)] if square else [("height", image.height), ("width", image.width)]
    said = [f"{name} {extent}" for name, extent in [*named, *sides] if extent is not None]
    missing = [name for name, extent in [*named, *sides] if extent is None and name != "frames"]
    ask = f"{blob}={'x'.join(map(str, wished))}"
    if said:
        plural = len(missing) > 1 or missing == ["channels"]
        ask += f": {_and(said)} {'are' if len(said) > 1 else 'is'} in the file"
        ask += f", the {_and(missing)} {'are' if plural else 'is'} not" if missing else ""
    return Top(None, ask)


def _any_shape(blob: str, batch: Extent | None) -> str:
    """What a user is to write who gives the shape of a later top."""
    if batch is None:
        return f"{blob}=1x1xHxW"
    return f"{blob}={batch}x...: batch {batch} is in the file, the rest of its shape is not"


def _and(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _image(layer: Layer, path: str) -> tuple[_Image, tuple[Pattern, ...]]:
    """What is known of the first top of a layer that reads images, and the shapes of the tops after it."""
    if layer.type == "Python":
        module = str(layer.attrs.get("module", ""))
        names = [f"{place}.{layer.attrs.get('layer', '')}" for place in (module, module.rpartition(".")[2])]
        return next((PYTHON[name] for name in names if name in PYTHON), (_NOTHING, ()))
    kind = layer.type.lower().replace("_", "")
    return _read(layer, path, kind), _later(layer, kind)


def _later(layer: Layer, kind: str) -> tuple[Pattern, ...]:
    """The shapes of the tops after the first."""
    if layer.type == "VIDEO_DATA":  # C3D's first version; the second has a label as others have it
        return (("N", 1, 1, 1, 1),)
    if kind == "videodata" and "num_segments" in layer.attrs:  # temporal segment networks
        return (("N", 1, 1, 1),)
    return LATER_TOPS.get(kind, ())


def _read(layer: Layer, path: str, kind: str) -> _Image:
    """The extents that the fields of a layer say."""
    attrs = layer.attrs

    def size(fields: Mapping[str, Any], *names: str) -> Extent | None:
        given = next((fields[name] for name in names if fields.get(name)), None)
        return None if given is None else size_of(_last(given), path, layer.line)

    batch, crop = size(attrs, "batch_size"), size(attrs, "crop_size")
    warped = _warped(attrs.get("resize_param"))
    height = crop or size(attrs, "crop_height", "crop_h")
    width = crop or size(attrs, "crop_width", "crop_w")
    cropped = height is not None and width is not None
    if not cropped:
        fields = attrs if warped is None else warped
        height, width = size(fields, "new_height", "height"), size(fields, "new_width", "width")
    channels = size(attrs, "channels") or _channels(attrs, kind)
    if kind == "videodata" and size(attrs, "new_length"):
        if "num_segments" in attrs:  # temporal segment networks stack frames as channels, how many varies with modality
            return _Image(batch, None, height, width, cropped=cropped)
        return _Image(batch, channels, height, width, size(attrs, "new_length"), cropped)  # C3D's, frames as an axis
    return _Image(batch, channels, height, width, cropped=cropped)


def _warped(resize: Any) -> Mapping[str, Any] | None:
    """The fields of SSD's resize_param, none where the images' own sizes matter; None without such a message."""
    if not isinstance(resize, tuple) or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in resize):
        return None
    fields = {str(name): value for name, value in resize}
    return {} if fields.get("resize_mode") in ("FIT_SMALL_SIZE", 2) else fields


def _channels(attrs: Mapping[str, Any], kind: str) -> int | None:
    """Channels that the file implies: a mean per channel, or a reader that always delivers colour."""
    means = _all(attrs.get("mean_value", ()))
    if len(means) > 1:
        return len(means)
    if kind in IMAGE_READERS:
        return 1 if attrs.get("is_color") in (False, 0) else 3
    return None


def input_shapes(net: Message, inputs: int, path: str) -> list[tuple[Extent, ...] | None]:
    """The shapes of the inputs at a net's head, of which there are so many: None where the file gives none.

    `input_shape` stands once for each, `input_dim` four times (UpgradeNetInput in upgrade_proto.cpp); in C3D
    (https://github.com/facebookarchive/C3D) five times. Raises ModelError for another number.
    """
    if not inputs:
        return []
    flat = net.all("input_dim")
    shapes: list[tuple[Extent, ...] | None] = [shape_of(shape, path) for shape in net.all("input_shape")]
    if shapes:
        if len(shapes) != inputs:
            found = f"there should be an input_shape for each input; there are {len(shapes)} for {inputs}"
            raise ModelError(path, str(net.line_of("input_shape")), found)
        return shapes
    if not flat:
        return [None] * inputs
    each, line = len(flat) // inputs, net.line_of("input_dim")
    if each not in (4, 5) or each * inputs != len(flat):
        expected = f"{4 * inputs} are expected, four for each input (C3D has five)"
        raise ModelError(path, str(line), f"input_dim stands {len(flat)} times; {expected}")
    sizes = [size_of(extent, path, line) for extent in flat]
    return [tuple(sizes[start : start + each]) for start in range(0, len(sizes), each)]


# --- numbers ----------------------------------------------------------------------------------------------------------


def shape_of(shape: Any, path: str, line: int = 0) -> tuple[Extent, ...]:
    """The extents of a BlobShape. Raises ModelError for more than MAX_BLOB_AXES, and for one that is no size."""
    if isinstance(shape, Message):
        extents, line = shape.all("dim"), shape.line
    else:
        try:
            extents = _all(dict(shape).get("dim", ()))
        except (TypeError, ValueError):
            raise ModelError(path, str(line), f"a shape should be {{ dim: ... }}, not {shape!r}") from None
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
