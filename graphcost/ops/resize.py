"""Changing resolution: Resize, Upsample, and sampling at given places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import floor

from ..dims import Dim, Extent
from ..graph import Scalar, Tensor, UnknownShape
from ..rules import GLOBAL, NO_WORK, Facts, Window, Work, data_dependent, rule
from ..shapes import axis_of, one_per_axis, quotient
from ..windows import AxisMap, mapped
from .sampling import SIMPLE, Region, Sampling, axis_map
from .values import exact, stored

INTERPOLATION = {
    "nearest": NO_WORK,
    "linear": Work(muls=2, adds=1),  # for each axis: two neighbours weighted and added
    "bilinear": Work(muls=2, adds=1),
    "cubic": Work(muls=4, adds=3),  # for each axis: four neighbours
    "bicubic": Work(muls=4, adds=3),
}
"""Work for each output element and each axis that is resized; interpolating one axis after the other."""


def scaled_extent(size: Extent, scale: Scalar, axis: int) -> Extent:
    """floor(size * scale), the product rounded to float32 as scales are; for a symbolic size only by a whole or
    unit-fraction scale.
    """
    if scale is None:
        return data_dependent(axis)
    if isinstance(size, int) and isinstance(scale, (int, float)):
        product = stored(float(size) * scale, "float32")
        if not isinstance(product, float):
            raise ValueError(f"a scale cannot be {scale}")
        return floor(product)
    product = exact(size, scale, lambda a, b: a * b)
    if isinstance(product, (int, Dim)):
        return product
    if isinstance(scale, float) and scale > 0 and (1 / scale).is_integer():
        return size // int(1 / scale)
    return data_dependent(axis)


def resized(
    x: Tensor,
    shape: Sequence[Extent],
    mode: str,
    sampling: Sampling | None = None,
    scales: Sequence[Scalar] | None = None,
    regions: Mapping[int, Region] | None = None,
) -> Facts:
    """The facts of a resize to `shape`; where each output looks is not known without a `sampling`.

    `scales` are those that are given, None where the extents tell them, and `regions` the parts of axes that are taken.
    """
    y = Tensor(tuple(one_per_axis(shape, x.rank, "sizes")), x.dtype)
    changed = [axis for axis in range(x.rank) if x.shape[axis] != y.shape[axis]]
    each = INTERPOLATION.get(mode, INTERPOLATION["linear"])
    work = NO_WORK if each == NO_WORK else each * (y.size * len(changed))
    given = scales or (None,) * x.rank
    window = _window(x, y, mode, [
        axis_map(axis, size, wanted, given[axis], mode, sampling, (regions or {}).get(axis))
        for axis, (size, wanted) in enumerate(zip(x.shape, y.shape, strict=True))
    ])  # fmt: skip
    return Facts((y,), work, window, elements_read=(y.size,) if mode == "nearest" else None)


def _window(x: Tensor, y: Tensor, mode: str, entries: Sequence[int | AxisMap | None]) -> Window:
    """Index maps, and a kernel that describes them where the spatial axes grow by whole factors."""
    found = mapped(tuple(entries))
    if x.rank < 3 or x.shape[:2] != y.shape[:2] or x.shape == y.shape or mode not in ("nearest", "linear", "bilinear"):
        return found
    up: list[int] = []
    for size, wanted in zip(x.shape[2:], y.shape[2:], strict=True):
        factor = quotient(wanted, size)
        if not isinstance(factor, int):
            return found
        up.append(factor)
    # a nearest element is seen by `factor` outputs, the inputs around (o + 1/2) / up - 1/2 by twice as many
    kernel = tuple(factor if mode == "nearest" or factor == 1 else 2 * factor - factor % 2 for factor in up)
    pad = tuple(k - 1 if mode == "nearest" else k - 1 - f // 2 * (f > 1) for k, f in zip(kernel, up, strict=True))
    ones = (1,) * len(up)
    return Window(kernel, ones, pad, ones, tuple(up), found.maps)


@rule("Upsample", weights={"factors": "settings"})
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
    given = one_per_axis(given, x.rank, "scales")
    shape = [scaled_extent(e, s, a) for a, (e, s) in enumerate(zip(x.shape, given, strict=True))]
    return resized(x, shape, mode, SIMPLE, given)


@rule(
    "Resize",
    since=11,
    harmless=("cubic_coeff_a", "exclude_outside", "extrapolation_value"),
    weights={"roi": "settings", "scales": "settings"},
)
def resize(
    x: Tensor,
    roi: Tensor | None = None,
    scales: Tensor | None = None,
    sizes: Tensor | None = None,
    *,
    axes: Sequence[int] | None = None,
    mode: str = "nearest",
    nearest_mode: str = "round_prefer_floor",
    coordinate_transformation_mode: str = "half_pixel",
    keep_aspect_ratio_policy: str = "stretch",
    antialias: int = 0,
) -> Facts:
    """The given axes times their scales, or to the given sizes; with a region of interest, of that part.

    https://onnx.ai/onnx/operators/onnx__Resize.html
    """
    at = [axis_of(axis, x.rank) for axis in axes] if axes is not None else list(range(x.rank))
    shape = list(x.shape)
    given: list[Scalar] = [1] * x.rank
    cropped = coordinate_transformation_mode == "tf_crop_and_resize"
    regions = _regions(roi, at) if cropped else None
    if sizes is not None and not (sizes.ranked and sizes.shape == (0,)):
        wanted = _entries(sizes, at)
        fitted, common = _fit([x.shape[axis] for axis in at], wanted, keep_aspect_ratio_policy)
        for axis, size in zip(at, fitted, strict=True):
            shape[axis] = data_dependent(axis) if size is None else size
            given[axis] = common
    elif scales is not None:
        for axis, factor in zip(at, _entries(scales, at), strict=True):
            given[axis] = factor
            shape[axis] = _scaled(x.shape[axis], factor, axis, cropped, (regions or {}).get(axis))
    else:
        raise UnknownShape("neither scales nor sizes are given")
    if cropped and regions is None:  # it may be of any part, so that even as many elements as before are others
        seen = mapped(tuple([None if axis in at else axis for axis in range(x.rank)]))
        return replace(resized(x, shape, mode, None, given), window=seen)
    sampling = Sampling(coordinate_transformation_mode, nearest_mode, bool(antialias))
    return resized(x, shape, mode, sampling, given, regions)


def _regions(roi: Tensor | None, axes: Sequence[int]) -> dict[int, Region] | None:
    """The part of each axis that is taken, by where it starts and ends; None where that is not known."""
    if roi is None or not roi.value:
        return None
    edges = [float(edge) for edge in roi.value if isinstance(edge, (int, float))]
    if len(edges) != 2 * len(axes):
        return None
    return dict(zip(axes, zip(edges, edges[len(axes) :], strict=False), strict=True))


def _scaled(size: Extent, factor: Scalar, axis: int, cropped: bool, region: Region | None) -> Extent:
    """An axis, or a part of it, times its scale."""
    if not cropped:
        return scaled_extent(size, factor, axis)
    if region is None or not isinstance(size, int) or not isinstance(factor, (int, float)):
        return data_dependent(axis)
    return floor(size * (region[1] - region[0]) * factor)


def _entries(given: Tensor, axes: Sequence[int]) -> Sequence[Scalar]:
    """An entry for each axis, None where only data decides it. Raises ValueError when there are more or fewer."""
    if given.value is None:
        return (None,) * len(axes)
    if len(given.value) != len(axes):
        raise ValueError(f"{len(given.value)} scales or sizes for {len(axes)} axes")
    return given.value


def _fit(before: Sequence[Extent], wanted: Sequence[Scalar], policy: str) -> tuple[list[Extent | None], float | None]:
    """Sizes as they are given, or as the aspect ratio allows: not larger, or not smaller, than given; and the scale of
    all axes, where they have one."""
    from fractions import Fraction  # it imports decimal

    plain: list[Extent | None] = [w if isinstance(w, (int, Dim)) else None for w in wanted]
    if policy == "stretch":
        return plain, None
    known = [w for w in plain if isinstance(w, int)]
    sizes = [b for b in before if isinstance(b, int)]
    if len(known) != len(plain) or len(sizes) != len(before):
        return [None] * len(plain), None
    ratios = [Fraction(w, b) for w, b in zip(known, sizes, strict=True)]
    factor = min(ratios) if policy == "not_larger" else max(ratios)
    return [floor(factor * b + Fraction(1, 2)) for b in sizes], float(factor)


@rule("Resize", weights={"scales": "settings"})
def resize_10(x: Tensor, scales: Tensor, *, mode: str = "nearest") -> Facts:
    """Version 10 knows scales only.  https://onnx.ai/onnx/operators/onnx__Resize.html#resize-10"""
    return upsample(x, scales, mode=mode)


@rule("GridSample", "com.microsoft.GridSample", harmless=("align_corners", "padding_mode"), weights={"grid": "tables"})
def grid_sample(x: Tensor, grid: Tensor, *, mode: str = "linear") -> Facts:
    """x [N, C, *spatial], grid [N, *out, axes] -> [N, C, *out]; each output blends the 2 (or 4) neighbours of an axis.

    https://onnx.ai/onnx/operators/onnx__GridSample.html
    """
    y = Tensor((x.shape[0], x.shape[1], *grid.shape[1:-1]), x.dtype)
    each = INTERPOLATION.get(mode, INTERPOLATION["linear"])
    work = NO_WORK if each == NO_WORK else each * (y.size * (x.rank - 2))
    return Facts((y,), work + Work(muls=1, adds=1) * grid.size, GLOBAL)


@rule("AffineGrid", harmless=("align_corners",))
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


@rule("RoiAlign", harmless=("coordinate_transformation_mode", "spatial_scale"), weights={"rois": "tables"})
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


@rule("com.microsoft.CropAndResize", harmless=("extrapolation_value",), weights={"rois": "tables"})
def crop_and_resize(x: Tensor, rois: Tensor, batch: Tensor, size: Tensor, *, mode: str = "bilinear") -> Facts:
    """x [N, C, H, W], rois [R, 4] -> [R, C, *size]."""
    extents = size.value or (None, None)
    out = [e if isinstance(e, (int, Dim)) else data_dependent(2 + a) for a, e in enumerate(extents)]
    y = Tensor((rois.shape[0], x.shape[1], *out), x.dtype)
    each = INTERPOLATION.get(mode, INTERPOLATION["linear"])
    return Facts((y,), NO_WORK if each == NO_WORK else each * (y.size * 2), GLOBAL)
