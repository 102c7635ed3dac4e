"""Changing resolution: Resize, Upsample, and sampling at given places."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

from ..dims import Dim, Extent
from ..graph import Scalar, Tensor, UnknownShape
from ..rules import GLOBAL, NO_WORK, POINTWISE, Facts, Window, Work, data_dependent, rule
from ..shapes import axis_of
from .values import exact

INTERPOLATION = {
    "nearest": NO_WORK,
    "linear": Work(muls=2, adds=1),  # for each axis: two neighbours weighted and added
    "bilinear": Work(muls=2, adds=1),
    "cubic": Work(muls=4, adds=3),  # for each axis: four neighbours
    "bicubic": Work(muls=4, adds=3),
}
"""Work for each output element and each axis that is resized; interpolating one axis after the other."""


def scaled_extent(size: Extent, scale: Scalar, axis: int) -> Extent:
    """floor(size * scale); for a symbolic size only by a whole or unit-fraction scale."""
    if scale is None:
        return data_dependent(axis)
    if isinstance(size, int) and isinstance(scale, (int, float)):
        return floor(size * scale)
    product = exact(size, scale, lambda a, b: a * b)
    if isinstance(product, (int, Dim)):
        return product
    if isinstance(scale, float) and scale > 0 and (1 / scale).is_integer():
        return size // int(1 / scale)
    return data_dependent(axis)


def resized(x: Tensor, shape: Sequence[Extent], mode: str) -> Facts:
    """The facts of a resize to `shape`."""
    y = Tensor(tuple(shape), x.dtype)
    changed = [axis for axis in range(x.rank) if x.shape[axis] != y.shape[axis]]
    each = INTERPOLATION.get(mode, INTERPOLATION["linear"])
    work = NO_WORK if each is NO_WORK else each * (y.size * len(changed))
    return Facts((y,), work, _window(x, y, mode), elements_read=(y.size,) if mode == "nearest" else None)


def _window(x: Tensor, y: Tensor, mode: str) -> Window:
    """A window where the spatial axes grow or shrink by whole factors and each output copies or blends neighbours."""
    if not any(a != b for a, b in zip(x.shape, y.shape, strict=True)):
        return POINTWISE
    if x.rank < 3 or x.shape[:2] != y.shape[:2] or mode not in ("nearest", "linear", "bilinear"):
        return GLOBAL
    up: list[int] = []
    for a, b in zip(x.shape[2:], y.shape[2:], strict=True):
        if isinstance(a, int) and isinstance(b, int) and a and b and b % a == 0:
            up.append(b // a)
        elif isinstance(b, Dim) and isinstance(ratio := b // a, int) and ratio * a == b:
            up.append(ratio)
        else:
            return GLOBAL
    ones = (1,) * len(up)
    if mode == "nearest":
        return Window(tuple(up), ones, tuple(factor - 1 for factor in up), ones, tuple(up))
    # linear, half-pixel centres: output o blends the inputs around (o + 1/2) / up - 1/2
    kernel = tuple(1 if factor == 1 else 2 * factor if factor % 2 == 0 else 2 * factor - 1 for factor in up)
    pad = tuple(k - 1 - (f // 2 if f > 1 else 0) for k, f in zip(kernel, up, strict=True))
    return Window(kernel, ones, pad, ones, tuple(up))


@rule("Upsample")
def upsample(
    x: Tensor,
    factors: Tensor | None = None,
    *,
    scales: Sequence[float] | None = None,
    height_scale: float | None = None,
    width_scale: float | None = None,
    mode: str = "nearest",
) -> Facts:
    """Each axis times its scale: two attributes in version 1, one in 7, an input in 9.

    https://onnx.ai/onnx/operators/onnx__Upsample.html
    """
    given: Sequence[Scalar] | None = scales if factors is None else factors.value
    if height_scale is not None or width_scale is not None:
        given = (1.0, 1.0, height_scale or 1.0, width_scale or 1.0)
    if given is None:
        given = (None,) * x.rank
    return resized(x, [scaled_extent(e, s, a) for a, (e, s) in enumerate(zip(x.shape, given, strict=True))], mode)


@rule("Resize", since=11)
def resize(
    x: Tensor,
    roi: Tensor | None = None,
    scales: Tensor | None = None,
    sizes: Tensor | None = None,
    *,
    axes: Sequence[int] | None = None,
    mode: str = "nearest",
    coordinate_transformation_mode: str = "half_pixel",
    keep_aspect_ratio_policy: str = "stretch",
    antialias: int = 0,
) -> Facts:
    """The given axes times their scales, or to the given sizes; with a region of interest, of that part.

    https://onnx.ai/onnx/operators/onnx__Resize.html
    """
    at = [axis_of(axis, x.rank) for axis in axes] if axes is not None else list(range(x.rank))
    shape = list(x.shape)
    if sizes is not None and not (sizes.ranked and sizes.shape == (0,)):
        wanted = _entries(sizes, at)
        fitted = _fit([x.shape[axis] for axis in at], wanted, keep_aspect_ratio_policy)
        for axis, size in zip(at, fitted, strict=True):
            shape[axis] = data_dependent(axis) if size is None else size
    elif scales is not None:
        factors = _entries(scales, at)
        cropped = coordinate_transformation_mode == "tf_crop_and_resize"
        part = roi.value if cropped and roi is not None and roi.value else None
        for number, (axis, factor) in enumerate(zip(at, factors, strict=True)):
            if part is not None and isinstance(factor, (int, float)) and isinstance(size := x.shape[axis], int):
                begin, end = part[number], part[number + len(at)]
                if isinstance(begin, (int, float)) and isinstance(end, (int, float)):
                    shape[axis] = floor(size * (end - begin) * factor)
                    continue
            shape[axis] = (
                data_dependent(axis) if cropped and part is None else scaled_extent(x.shape[axis], factor, axis)
            )
    else:
        raise UnknownShape("neither scales nor sizes are given")
    facts = resized(x, shape, mode)
    return Facts(facts.outputs, facts.work, GLOBAL, elements_read=facts.elements_read) if antialias else facts


def _entries(given: Tensor, axes: Sequence[int]) -> Sequence[Scalar]:
    """An entry for each axis, None where only data decides it. Raises ValueError when there are more or fewer."""
    if given.value is None:
        return (None,) * len(axes)
    if len(given.value) != len(axes):
        raise ValueError(f"{len(given.value)} scales or sizes for {len(axes)} axes")
    return given.value


def _fit(before: Sequence[Extent], wanted: Sequence[Scalar], policy: str) -> list[Extent | None]:
    """Sizes as they are given, or as the aspect ratio allows: not larger, or not smaller, than given."""
    from fractions import Fraction  # it imports decimal

    plain: list[Extent | None] = [w if isinstance(w, (int, Dim)) else None for w in wanted]
    if policy == "stretch":
        return plain
    known = [w for w in plain if isinstance(w, int)]
    sizes = [b for b in before if isinstance(b, int)]
    if len(known) != len(plain) or len(sizes) != len(before):
        return [None] * len(plain)
    ratios = [Fraction(w, b) for w, b in zip(known, sizes, strict=True)]
    factor = min(ratios) if policy == "not_larger" else max(ratios)
    return [floor(factor * b + Fraction(1, 2)) for b in sizes]


@rule("Resize")
def resize_10(x: Tensor, scales: Tensor, *, mode: str = "nearest") -> Facts:
    """Version 10 knows scales only.  https://onnx.ai/onnx/operators/onnx__Resize.html#resize-10"""
    return upsample(x, scales, mode=mode)


@rule("GridSample", "com.microsoft.GridSample")
def grid_sample(x: Tensor, grid: Tensor, *, mode: str = "linear") -> Facts:
    """x [N, C, *spatial], grid [N, *out, axes] -> [N, C, *out]; each output blends the 2 (or 4) neighbours of an axis.

    https://onnx.ai/onnx/operators/onnx__GridSample.html
    """
    y = Tensor((x.shape[0], x.shape[1], *grid.shape[1:-1]), x.dtype)
    each = INTERPOLATION.get(mode, INTERPOLATION["linear"])
    work = NO_WORK if each is NO_WORK else each * (y.size * (x.rank - 2))
    return Facts((y,), work + Work(muls=1, adds=1) * grid.size, GLOBAL)


@rule("AffineGrid")
def affine_grid(theta: Tensor, size: Tensor) -> Facts:
    """theta [N, axes, axes + 1], size [rank] -> [N, *spatial, axes]; a matrix product with each position.

    https://onnx.ai/onnx/operators/onnx__AffineGrid.html
    """
    if size.value is None or theta.rank != 3:
        raise UnknownShape("the size of the grid is not known")
    extents = [e if isinstance(e, (int, Dim)) else data_dependent(a) for a, e in enumerate(size.value)]
    axes = len(extents) - 2
    y = Tensor((extents[0], *extents[2:], axes), theta.dtype)
    return Facts((y,), Work(macs=y.size * (axes + 1)), GLOBAL)


@rule("RoiAlign")
def roi_align(
    x: Tensor,
    rois: Tensor,
    batch: Tensor,
    *,
    mode: str = "avg",
    output_height: int = 1,
    output_width: int = 1,
    sampling_ratio: int = 0,
) -> Facts:
    """x [N, C, H, W], rois [R, 4] -> [R, C, output_height, output_width]; each sample blends four neighbours.

    With sampling_ratio 0 the size of each region decides how many samples a bin takes: one is counted, a lower bound.
    https://onnx.ai/onnx/operators/onnx__RoiAlign.html
    """
    y = Tensor((rois.shape[0], x.shape[1], output_height, output_width), x.dtype)
    if sampling_ratio < 1:
        return Facts((y,), None, GLOBAL)
    samples = y.size * sampling_ratio**2
    combined = Work(compares=samples - y.size) if mode == "max" else Work(adds=samples - y.size, divs=y.size)
    return Facts((y,), Work(muls=4, adds=3) * samples + combined, GLOBAL)


@rule("com.microsoft.CropAndResize")
def crop_and_resize(x: Tensor, rois: Tensor, batch: Tensor, size: Tensor, *, mode: str = "bilinear") -> Facts:
    """x [N, C, H, W], rois [R, 4] -> [R, C, *size]."""
    extents = size.value or (None, None)
    out = [e if isinstance(e, (int, Dim)) else data_dependent(2 + a) for a, e in enumerate(extents)]
    y = Tensor((rois.shape[0], x.shape[1], *out), x.dtype)
    each = INTERPOLATION.get(mode, INTERPOLATION["linear"])
    return Facts((y,), NO_WORK if each is NO_WORK else each * (y.size * 2), GLOBAL)
