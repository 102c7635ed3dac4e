"""Where a resize looks: the index map of each axis, by how it finds coordinates, rounds them and interpolates.

Output position o looks at the coordinate v(o) = (a * o + b) / c of the input, in whole numbers, and takes the indices
within a distance of v that its mode tells. Runtimes calculate v in 32 bits: where the scale is no such number, v may
come out on either side of an index, and both are taken to be seen.

https://onnx.ai/onnx/operators/onnx__Resize.html
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import gcd

from ..dims import Dim, Extent
from ..graph import Scalar
from ..shapes import quotient
from ..windows import AxisMap, Border

LONGEST = 1024  # the largest denominator of a fraction that a scale is taken for
ULPS = 2**21  # a coordinate is taken to be right to one part in so many


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a resize finds the indices that an output reads, in the words of ONNX."""

    coordinates: str = "half_pixel"
    rounding: str = "round_prefer_floor"
    """How the nearest index is found; `simple`: down, and up where the image becomes smaller."""
    antialias: bool = False
    exact: bool = True
    """Whether coordinates are as precise as ONNX Runtime's; if not, either side of an index is seen."""


REPEATED = Sampling("asymmetric", "floor")
"""Each element so many times over."""
SIMPLE = Sampling("asymmetric", "simple")
"""As operators resize that say no more than a scale."""

Region = tuple[float, float]
"""Where the part of an axis that is taken starts and ends, as fractions of it."""

_ROUNDED = {  # in halves: from, to, and whether either end belongs to it
    "floor": (-2, 0, False, True),
    "ceil": (0, 2, True, False),
    "round_prefer_floor": (-1, 1, True, False),
    "round_prefer_ceil": (-1, 1, False, True),
}
_BLENDED = {"linear": 2, "bilinear": 2, "cubic": 4, "bicubic": 4}
"""Within how many halves of a coordinate indices are blended; what stands so far away has no weight."""


@dataclass(frozen=True, slots=True)
class _Place:
    """The coordinate (a * o + b) / c."""

    a: int
    b: int
    c: int


def axis_map(
    axis: int,
    size: Extent,
    wanted: Extent,
    scale: Scalar,
    mode: str,
    sampling: Sampling | None,
    region: Region | None = None,
) -> int | AxisMap | None:
    """How a resize from `size` to `wanted` elements reads an axis; None where that is not known, which is all of it.

    `scale` is the one that is given, None where the extents tell it; `region` the part that tf_crop_and_resize takes.
    """
    if size == wanted and scale in (1, None) and region is None:
        return axis
    ratio = _ratio(size, wanted, scale)
    if sampling is None or ratio is None:
        return None
    place = _region_place(size, wanted, region) if region else _place(sampling.coordinates, size, wanted, ratio)
    reach = _reach(mode, sampling, ratio)
    if place is None or reach is None:
        return None
    plain = sampling.exact and region is None and not sampling.antialias
    exact = plain and _is_exact(sampling.coordinates, size, wanted, ratio)
    return _taps(axis, place, reach, None if exact else size, "" if region else "edge")


@dataclass(frozen=True, slots=True)
class _Ratio:
    """Input elements per output element, as a fraction."""

    above: int
    below: int
    exact: bool
    """Whether the scale, its inverse, is a number of 32 bits."""


def _ratio(size: Extent, wanted: Extent, scale: Scalar) -> _Ratio | None:
    if size == 0 or wanted == 0 or isinstance(scale, Dim):
        return None
    if scale is not None:
        return _ratio_of_scale(size, wanted, float(scale))
    if isinstance(size, int) and isinstance(wanted, int):
        return _fraction(size, wanted)
    if isinstance(up := quotient(wanted, size), int):
        return _fraction(1, up)
    down = quotient(size, wanted)
    return _fraction(down, 1) if isinstance(down, int) else None


def _ratio_of_scale(size: Extent, wanted: Extent, scale: float) -> _Ratio | None:
    """The ratio of a given scale: that of the extents if it is the same, else the simplest fraction that is."""
    from fractions import Fraction  # it imports decimal

    if not 0 < scale < ULPS:
        return None
    if isinstance(size, int) and isinstance(wanted, int) and _float32(wanted / size) == _float32(scale):
        return _fraction(size, wanted)
    simple = Fraction(scale).limit_denominator(LONGEST)
    found = simple if simple and _float32(float(simple)) == _float32(scale) else Fraction(scale)
    return _fraction(found.denominator, found.numerator)


def _fraction(above: int, below: int) -> _Ratio:
    common = gcd(above, below)
    above, below = above // common, below // common
    scale = _float32(below / above)
    return _Ratio(above, below, scale * above == below)


def _float32(number: float) -> float:
    return float(struct.unpack("f", struct.pack("f", number))[0])


def _place(coordinates: str, size: Extent, wanted: Extent, ratio: _Ratio) -> _Place | None:
    """The coordinate that an output looks at; None where symbols decide it."""
    above, below = ratio.above, ratio.below
    half_pixel = _Place(2 * above, above - below, 2 * below)
    if coordinates == "half_pixel" or (coordinates == "pytorch_half_pixel" and wanted != 1):
        return half_pixel
    if coordinates == "pytorch_half_pixel" or (coordinates == "align_corners" and wanted == 1):
        return _Place(0, 0, 1)
    if coordinates == "asymmetric":
        return _Place(above, 0, below)
    if coordinates == "tf_half_pixel_for_nn":
        return _Place(2 * above, above, 2 * below)
    if coordinates == "align_corners" and isinstance(size, int) and isinstance(wanted, int):
        return _Place(size - 1, 0, wanted - 1)
    cut = size * below - wanted * above  # what rounding the output's size down leaves over at either side
    if coordinates == "half_pixel_symmetric" and isinstance(cut, int):
        return _Place(half_pixel.a, half_pixel.b + cut, half_pixel.c)
    return None


def _region_place(size: Extent, wanted: Extent, region: tuple[float, float]) -> _Place | None:
    """The coordinate in a part of the input, given by two fractions of it."""
    from fractions import Fraction

    if not isinstance(size, int) or not isinstance(wanted, int):
        return None
    start, end = (Fraction(edge) * (size - 1) for edge in region)
    first, step = (start, (end - start) / (wanted - 1)) if wanted > 1 else ((start + end) / 2, Fraction(0))
    below = first.denominator * step.denominator
    return _Place(int(step * below), int(first * below), below)


def _reach(mode: str, sampling: Sampling, ratio: _Ratio) -> tuple[int, int, bool, bool, int] | None:
    """The indices around a coordinate that are read: from, to, whether either end belongs to them, and in which
    fractions of an element the ends are."""
    if mode == "nearest":
        smaller = ratio.above > ratio.below
        rounding = ("ceil" if smaller else "floor") if sampling.rounding == "simple" else sampling.rounding
        rounded = _ROUNDED.get(rounding)
        return None if rounded is None else (*rounded, 2)
    halves = _BLENDED.get(mode)
    if halves is None:
        return None
    if sampling.antialias and ratio.above > ratio.below:
        return -halves * ratio.above, halves * ratio.above, False, False, 2 * ratio.below
    return -halves, halves, False, False, 2


def _is_exact(coordinates: str, size: Extent, wanted: Extent, ratio: _Ratio) -> bool:
    """Whether a coordinate that is a whole or a half number is one in 32 bits, too."""
    if coordinates == "half_pixel_symmetric" and size * ratio.below != wanted * ratio.above:
        return False
    return ratio.exact or coordinates == "align_corners"


def _taps(
    axis: int, place: _Place, reach: tuple[int, int, bool, bool, int], inexact: Extent | None, border: Border
) -> int | AxisMap:
    """The whole i with v + low <= i <= v + high, an end left out that does not belong to it, as taps.

    In units of 1 / (c * parts) they are those from a * o + first to a * o + last. On an axis of `inexact` elements a
    coordinate may be off by rounding, so that both ends belong to it.
    """
    low, high, from_low, to_high, parts = reach
    a, up = place.a * parts, place.c * parts
    first, last = place.b * parts + low * place.c, place.b * parts + high * place.c
    if inexact is None:
        first, last = first + (not from_low), last - (not to_high)
    elif isinstance(inexact, int):
        slack = (inexact + 2) * up // ULPS
        first, last = first - slack, last + slack
    common = gcd(a, up)
    skipped = -first % common  # only every so manyth tap can be whole
    kernel, pad = (last - first - skipped) // common + 1, -(first + skipped) // common
    if (kernel, a, pad, up) == (1, common, 0, common):
        return axis
    return AxisMap(axis, kernel, a // common, pad, 1, up // common, border)
