"""Estimate: the time that a network should take on a calibrated machine, from what was measured there of its like.

An operator is described by a few sizes: a convolution by its channels, its positions and its taps, a matrix product by
its shape, others by their type and the elements that they read and make. Its rate is that of the nearest points of its
family in the logarithms of these sizes, nearer ones counting more. It runs as long as its multiply-accumulates, or its
elements, take at that rate, and it has to be started. What is fused into it takes no time of its own.

This is a guess, unlike the bound: docs/devices.md says how good it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import exp, log, prod

from ..calibrations import Calibration, Point
from ..devices import Device
from ..dims import Extent
from ..graph import Model, Tensor
from .rows import Row
from .runtime_fusion import foretell
from .traffic import Traffic

NEIGHBOURS = 6
"""Points that are looked at; the slowest of them is left out, as something may have disturbed it."""
SMALL_MACS, SMALL_ELEMENTS = 1e5, 2e4
"""What a kernel takes whatever its size is, as so many multiply-accumulates or elements more."""
SCALES: dict[str, tuple[float, ...]] = {
    "conv": (1.0, 1.0, 0.6, 1.2, 1.0),
    "depthwise": (0.6, 0.6, 1.2, 1.0),
    "grouped": (1.0, 1.0, 0.6, 0.6, 1.2),
    "gemm": (1.0, 0.7, 0.7),
    "matmul": (0.5, 1.0, 1.0, 1.0),
}
"""How much the logarithm of each size weighs in the distance of two points."""
AXES: dict[str, tuple[str, ...]] = {
    "conv": ("input channels", "output channels", "positions", "taps", "stride"),
    "depthwise": ("channels", "positions", "taps", "stride"),
    "grouped": ("input channels of a group", "output channels of a group", "groups", "positions", "taps"),
    "gemm": ("rows", "inner", "columns"),
    "matmul": ("batch", "rows", "inner", "columns"),
}
"""The sizes of a family's points."""
OTHER_AXES = ("elements", "last axis", "taps")
"""Those of the families that are called after an operator's type."""
OTHER_SCALES = (1.0, 0.4, 0.7)
STAND_INS = {"grouped": "conv", "depthwise": "conv", "matmul": "gemm", "conv": "gemm"}
"""A family of which to take the rate where nothing was measured of one."""
ALIASES = {
    "ReLU": "Relu", "Pooling": "MaxPool", "BatchNorm": "BatchNormalization", "Scale": "Mul", "Eltwise": "Add",
    "InnerProduct": "Gemm", "Normalize": "LpNormalization", "Permute": "Transpose", "PReLU": "PRelu",
    "Bias": "Add", "TanH": "Tanh", "Power": "Pow", "Exp": "Exp", "ELU": "Elu", "Upsample": "Resize", "Crop": "Slice",
}  # fmt: skip
"""What operators of Caffe are called in ONNX."""
ANY = "any"
"""The family of everything that does no more than touch its elements."""
CHEAP = ("Relu", "Add", "Mul", "Clip")
NARROW = ("int8", "uint8")

Evaluate = Callable[[Extent | None], int | None]


@dataclass(frozen=True, slots=True)
class Description:
    """What an operator is like."""

    family: str
    at: tuple[float, ...]
    amount: float
    """Multiply-accumulates, or elements where it has none."""
    repeats: int = 1
    """How often it runs."""


@dataclass
class Estimate:
    """The time that each row should take; rows that are fused into others take none."""

    rows: list[float | None]
    """Seconds; None where that cannot be said."""
    seconds: float | None
    """The sum with what calling the runtime takes; those of unknown time are left out."""
    into: dict[int, int] = field(default_factory=dict)
    """For a row that is fused the one that runs it."""
    missing: Counter[str] = field(default_factory=Counter)
    """Types of operators that nothing like them was measured of."""
    why: str = ""


def estimate(
    model: Model, rows: Sequence[Row], traffic: Traffic, device: Device, evaluate: Evaluate
) -> Estimate | None:
    """The time of each row on a calibrated device; None where the device has not been. `traffic` is the fused one."""
    calibration = device.calibration
    if calibration is None:
        return None
    fusion = foretell(model, rows)
    table = _Table(calibration)
    known: dict[object, float | None] = {}
    found = Estimate([], 0.0, fusion.into)
    for at, row in enumerate(rows):
        key = (row.signature, traffic.rows[at].dtype, fusion.as_type.get(at, "")) if row.signature is not None else at
        if at in fusion.into or _runs_before(row):
            found.rows.append(0.0)
            continue
        if key not in known:
            described = describe(row, traffic.rows[at].dtype, evaluate, fusion.as_type.get(at, ""))
            known[key] = None if described is None else table.seconds(described)
        seconds = known[key]
        found.rows.append(seconds)
        if seconds is None:
            found.missing[row.op.type] += 1
    weights = sum(evaluate(each.weight_reads) or 0 for each in traffic.rows)
    _stream(found, traffic, device, weights, evaluate)
    found.seconds = calibration.call + sum(seconds for seconds in found.rows if seconds is not None)
    return found


def _stream(found: Estimate, traffic: Traffic, device: Device, weights: int, evaluate: Evaluate) -> None:
    """Where the weights do not fit the caches together, each layer has to fetch its own anew."""
    if weights <= device.fast_memory:
        return
    for at, seconds in enumerate(found.rows):
        if seconds:
            found.rows[at] = max(seconds, (evaluate(traffic.rows[at].weight_reads) or 0) / device.bandwidth)


def _runs_before(row: Row) -> bool:
    """Whether a row makes a constant, or integers that are known already, as shapes are: it runs before the model."""
    made = all(tensor.ranked and tensor.value is not None and None not in tensor.value for tensor in row.outputs)
    return row.constant or row.op.is_call or (made and bool(row.outputs) and row.outputs[0].dtype == "int64")


def describe(row: Row, dtype: str, evaluate: Evaluate, as_type: str = "") -> Description | None:
    """What a row is like, or the operator `as_type` that it and others are run as; None where a size is not known."""
    if row.facts is None or row.facts.work is None or not row.outputs:
        return None
    macs, trips = evaluate(row.facts.work.macs), evaluate(row.trip_count)
    shape = _numbers(row.outputs[0], evaluate)
    if macs is None or trips is None or shape is None:
        return None
    prefix = "int8 " if (dtype or _dtype(row)) in NARROW else ""
    if macs and prod(shape):
        family, at = _multiplying(row, macs, shape, evaluate)
        return Description(prefix + family, at, macs, trips)
    sizes = [_numbers(each, evaluate) for each in (*row.inputs, *row.outputs) if each is not None]
    elements = sum(prod(size) for size in sizes if size is not None)
    taps = prod(row.facts.window.kernel) if row.facts.window.kernel else 1
    last = float(shape[-1]) if shape else 1.0
    kind = (as_type or ALIASES.get(row.op.type, row.op.type)).removeprefix("com.microsoft.")
    return Description(prefix + kind, (max(1.0, elements), max(1.0, last), float(taps)), max(1, elements), trips)


def _dtype(row: Row) -> str:
    return next((each.dtype for each in row.inputs if each is not None), "")


def _numbers(tensor: Tensor, evaluate: Evaluate) -> tuple[int, ...] | None:
    """A shape in numbers; None where they are not known."""
    if not tensor.ranked:
        return None
    shape = [evaluate(extent) for extent in tensor.shape]
    known = tuple(size for size in shape if size is not None)
    return known if len(known) == len(shape) else None


def _multiplying(row: Row, macs: int, shape: Sequence[int], evaluate: Evaluate) -> tuple[str, tuple[float, ...]]:
    """The family and the sizes of a row with multiply-accumulates."""
    assert row.facts is not None
    window, size = row.facts.window, prod(shape)
    if window.kernel and len(shape) == len(window.kernel) + 2:
        taps, outputs = prod(window.kernel), shape[1]
        positions, depth = size / outputs, macs / (size * taps)
        stride = max([1.0, *map(float, window.stride)])
        group = row.op.attrs.get("group", 1)
        groups = group if isinstance(group, int) and group > 0 else 1
        if groups > 1 and depth <= 1:
            return "depthwise", (float(outputs), positions, float(taps), stride)
        if groups > 1:
            return "grouped", (depth, outputs / groups, float(groups), positions, float(taps))
        return "conv", (max(depth, 1e-3), float(outputs), positions, float(taps), stride)
    if "Mat" in row.op.type or "Gemm" in row.op.type or row.op.type == "InnerProduct":
        columns = float(shape[-1]) if shape else 1.0
        inner, lines = macs / size, size / columns
        if row.weights:
            return "gemm", (lines, inner, columns)
        batch = float(prod(shape[:-2])) if len(shape) > 2 else 1.0
        return "matmul", (batch, lines / batch, inner, columns)
    steps = float(shape[0]) if shape else 1.0  # of a recurrent layer; the batch of others
    return row.op.type, (macs / steps, 1.0, steps)


class _Table:
    """The points of a calibration with the logarithms of their sizes."""

    def __init__(self, calibration: Calibration) -> None:
        self.start = calibration.operator
        self.families = {
            family: [
                (_scaled(family, point.at), log((point.amount + _small(family)) / point.seconds), point)
                for point in points
            ]
            for family, points in calibration.points.items()
        }
        self.families.setdefault(ANY, [each for kind in CHEAP for each in self.families.get(kind, [])])

    def seconds(self, described: Description) -> float | None:
        """How long an operator takes in all of its runs; None where nothing like it was measured."""
        family = self._family(described.family)
        if family is None:
            return None
        points = self.families[family]
        if len(points[0][0]) == len(described.at):
            rate = _rate(points, _scaled(family, described.at))
        else:  # of a family that stands in: what does as much
            rate = _rate([((log(p.amount),), r, p) for _, r, p in points], (log(described.amount),))
        return described.repeats * (self.start + (described.amount + _small(family)) / exp(rate))

    def _family(self, family: str) -> str | None:
        """The family whose points are used."""
        plain = family.removeprefix("int8 ")
        for name in (family, plain, STAND_INS.get(plain, "")):
            if self.families.get(name):
                return name
        multiplies = plain in AXES
        return ANY if not multiplies and self.families.get(ANY) else None


_Entry = tuple[tuple[float, ...], float, Point]


def _small(family: str) -> float:
    """What a kernel of a family takes whatever its size is."""
    return SMALL_MACS if family.removeprefix("int8 ") in AXES else SMALL_ELEMENTS


def _scaled(family: str, at: Sequence[float]) -> tuple[float, ...]:
    scales = SCALES.get(family.removeprefix("int8 "), OTHER_SCALES)
    if len(scales) != len(at):  # a file may have points of any length
        scales = (1.0,) * len(at)
    return tuple(scale * log(size) for scale, size in zip(scales, at, strict=True))


def _rate(points: Sequence[_Entry], at: Sequence[float]) -> float:
    """The logarithm of the rate at a place: that of the nearest points, by the inverse square of their distance."""
    ranked = sorted((sum((a - b) ** 2 for a, b in zip(place, at, strict=True)), rate) for place, rate, _ in points)
    nearest = sorted(ranked[:NEIGHBOURS], key=lambda each: each[1])[1 if len(ranked) >= NEIGHBOURS else 0 :]
    weights = [1.0 / (square + 1e-2) for square, _ in nearest]
    return sum(weight * rate for weight, (_, rate) in zip(weights, nearest, strict=True)) / sum(weights)
