"""What the fields of a layer's messages say: numbers, choices, lists, and the blobs that they size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from ...dims import Dim, Extent, Undecided
from ...graph import Tensor
from ...rules import data_dependent
from ..windowed import per_axis

Value = Any  # what a file may say where a number or a name belongs


def whole(value: Value, name: str, least: int | None = None) -> int:
    """A field that should be a whole number, its last value where it is repeated.

    Raises ValueError, and Undecided where it is missing.
    """
    if value is None:
        raise Undecided(f"{name} is missing")
    value = value[-1] if isinstance(value, tuple) and value else value
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} is {value!r}, not a whole number")
    if least is not None and value < least:
        raise ValueError(f"{name} is {value}, it should be at least {least}")
    return value


def choice(value: Value, *names: str) -> str:
    """An enumeration's value as its name, whether the file gives the name or the number. Raises ValueError."""
    value = value[-1] if isinstance(value, tuple) and value else value
    if isinstance(value, int) and 0 <= value < len(names):
        return names[value]
    if str(value).upper() not in names:
        raise ValueError(f"{value!r} is none of {', '.join(names)}")
    return str(value).upper()


def listed(value: Value) -> tuple[Any, ...]:
    """A repeated field: nothing, one value or a tuple of them."""
    return () if value is None else value if isinstance(value, tuple) else (value,)


def numbers(value: Value, name: str) -> tuple[float, ...]:
    """A repeated field of numbers. Raises ValueError."""
    entries = listed(value)
    for entry in entries:
        if isinstance(entry, bool) or not isinstance(entry, (int, float)):
            raise ValueError(f"{name} is {entry!r}, not a number")
    return entries


def blob(*shape: Extent) -> Tensor:
    """A weight that the layer allocates."""
    return Tensor(shape)


def blob_shape(shape: Value) -> tuple[Any, ...]:
    """The extents of a BlobShape message."""
    return listed(dict(shape).get("dim", ()))


def rois() -> Dim:
    """How many boxes a detector proposes, which only data decides: a dimension `rois`.

    Until the user gives another number it is 1, the size of the blob before the network has run.
    """
    return data_dependent(name="rois", default=1)


def differ(a: Extent, b: Extent) -> bool:
    """Whether two extents are known to be different numbers."""
    return isinstance(a, int) and isinstance(b, int) and a != b


def check_labels(scores: Tensor, labels: Tensor | None, classes: Extent) -> str:
    """What is wrong where each position of the scores has not one label (softmax_loss_layer.cpp); "" if nothing."""
    if labels is None or not labels.ranked or not isinstance(classes, int) or classes < 1:
        return ""
    positions = scores.size // classes
    return f"{labels.size} labels for {positions} positions of the scores" if differ(labels.size, positions) else ""


def check_targets(predictions: Tensor, targets: Tensor | None, each: bool = False, every: bool = False) -> str:
    """What is wrong where predictions and targets do not fit each other; "" if nothing.

    Every loss wants as many of one as of the other (loss_layer.cpp); with `each` those of an entry have to be as large
    (euclidean_loss_layer.cpp), with `every` all of them together (sigmoid_cross_entropy_loss_layer.cpp).
    """
    if targets is None or not (predictions.ranked and targets.ranked and predictions.rank and targets.rank):
        return ""
    if differ(predictions.shape[0], targets.shape[0]):
        return f"{predictions.shape[0]} predictions, and {targets.shape[0]} targets"
    sizes = prod(predictions.shape[1:]), prod(targets.shape[1:])
    if (each or every) and differ(*sizes):
        return f"predictions of {sizes[0]} elements each, and targets of {sizes[1]}"
    return ""


# --- sliding windows -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sliding:
    """How a layer slides, an entry per spatial axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    before: tuple[int, ...]
    """Padding before the first element, and `after` the last."""
    after: tuple[int, ...]
    dilation: tuple[int, ...]

    @property
    def pads(self) -> tuple[int, ...]:
        """As ONNX lists them: all the starts, then all the ends."""
        return self.before + self.after


WINDOW = (
    "kernel_size", "kernel_h", "kernel_w", "pad", "pad_h", "pad_w", "stride", "stride_h", "stride_w", "dilation",
    "hole", "hole_h", "hole_w",
)  # fmt: skip
"""What ConvolutionParameter and PoolingParameter say of a window; DeepLab's fork calls the dilation `hole`."""
SIDES = ("pad_l", "pad_r", "pad_t", "pad_b")
"""A padding for each side (Intel's fork and others)."""
WINDOW_3D = (
    "kernel_size", "kernel_h", "kernel_w", "kernel_depth", "kernel_l", "pad", "pad_h", "pad_w", "temporal_pad", "pad_l",
    "stride", "stride_h", "stride_w", "temporal_stride", "stride_l",
)  # fmt: skip
"""The window of a layer over [N, C, L, H, W], in time as C3D (kernel_depth, ...) or P3D (kernel_l, ...) call it."""

WINDOW_ND = ("kernel_shape", "stride_shape", "pad_shape", "dilation_shape")
"""The window of a layer over any number of axes, each of its fields a list (https://github.com/yjxiong/caffe)."""
QUANTISED = (
    "bw_layer_in", "bw_layer_out", "bw_params", "fl_layer_in", "fl_layer_out", "fl_params", "precision",
    "rounding_scheme", "mant_bits", "exp_bits", "exp_min", "exp_max", "scale_in", "scale_out", "scale_params",
    "is_negative_input",
)  # fmt: skip
"""How numbers are rounded in Ristretto's and Intel's quantised layers: every blob stays as large as it is."""

FILLERS = ("weight_filler", "bias_filler", "engine")
"""How blobs are filled before training, and which implementation runs: neither changes a shape or the cost."""
LOSS = (
    "ignore_label",
    "normalize",
    "normalization",
    "class_weighting",
    "weight_by_label_freqs",
    "pre_fixed_normalizer",
)
"""How a loss is averaged (LossParameter, and what forks add to it)."""


def sliding(fields: Mapping[str, Value], axes: int) -> Sliding:
    """The window that WINDOW and SIDES describe over so many spatial axes.

    Raises ValueError, and Undecided where a kernel is missing.
    """
    pads = _spatial(fields, "pad", "pad", axes, 0)
    before = after = pads
    if any(fields.get(side) is not None for side in SIDES):
        if axes != 2:
            raise ValueError(f"{', '.join(SIDES)} are for two spatial axes; there are {axes}")
        left, right, top, bottom = (whole(fields.get(side) or 0, side) for side in SIDES)
        before, after = (top, left), (bottom, right)
    return Sliding(
        _spatial(fields, "kernel_size", "kernel", axes, None),
        _spatial(fields, "stride", "stride", axes, 1),
        before,
        after,
        _dilation(fields, axes),
    )


def _dilation(fields: Mapping[str, Value], axes: int) -> tuple[int, ...]:
    """The dilation, under the name that the fork gives it."""
    name = "hole" if any(fields.get(each) is not None for each in ("hole", "hole_h", "hole_w")) else "dilation"
    return _spatial(fields, name, name, axes, 1)


def _spatial(fields: Mapping[str, Value], every: str, stem: str, axes: int, default: int | None) -> tuple[int, ...]:
    """A field per spatial axis: `stem_h` and `stem_w`, or `every` once or once per axis."""
    sides = (fields.get(f"{stem}_h"), fields.get(f"{stem}_w"))
    if sides != (None, None):
        if axes != 2:
            raise ValueError(f"{stem}_h and {stem}_w are for two spatial axes; there are {axes}")
        if None in sides and default is None:
            raise ValueError(f"{stem}_h and {stem}_w should be given together")
        named = ((sides[0], f"{stem}_h"), (sides[1], f"{stem}_w"))
        return tuple([default or 0 if side is None else whole(side, name) for side, name in named])
    entries = listed(fields.get(every))
    if not entries and default is None:
        raise Undecided(f"{every} is missing")
    return per_axis(tuple(whole(entry, every) for entry in entries), axes, default or 0)


def sliding_3d(fields: Mapping[str, Value]) -> Sliding:
    """The window that WINDOW_3D describes over time, height and width.

    Raises ValueError, and Undecided where a kernel is missing.
    """
    kernel = _in_time(fields, "kernel_depth", "kernel_l", 1) + _spatial(fields, "kernel_size", "kernel", 2, None)
    stride = _in_time(fields, "temporal_stride", "stride_l", 1) + _spatial(fields, "stride", "stride", 2, 1)
    pads = _in_time(fields, "temporal_pad", "pad_l", 0) + _spatial(fields, "pad", "pad", 2, 0)
    if min(kernel) < 1:
        raise ValueError(f"kernel {list(kernel)} should be at least 1")
    return Sliding(kernel, stride, pads, pads, (1, 1, 1))


def sliding_nd(fields: Mapping[str, Value], axes: int) -> Sliding:
    """The window that WINDOW_ND describes, or WINDOW where it has no kernel_shape.

    Raises ValueError, and Undecided where a kernel is missing.
    """
    if fields.get("kernel_shape") is None:
        return sliding(fields, axes)

    def extents(name: str, default: int) -> tuple[int, ...]:
        entries = blob_shape(fields.get(name) or ())
        return per_axis(tuple(whole(entry, name) for entry in entries), axes, default)

    pads = extents("pad_shape", 0)
    kernel, stride = extents("kernel_shape", 1), extents("stride_shape", 1)
    return Sliding(kernel, stride, pads, pads, extents("dilation_shape", 1))


def _in_time(fields: Mapping[str, Value], name: str, other: str, default: int) -> tuple[int]:
    given = fields.get(name)
    return (whole(fields.get(other, default), other),) if given is None else (whole(given, name),)
