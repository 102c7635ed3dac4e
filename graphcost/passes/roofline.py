"""Roofline: the least time that a device can take, and whether its arithmetic or its memory sets it.

An operator takes at least as long as its multiply-accumulates at the device's peak, as one operation for each element
where it has none of these, as the bytes that must pass between main memory and fast memory, and as those that must pass
each cache. Operators run one after another, each with what can be fused into it. This is a lower bound and no
prediction: how well its kernel does and what starting it takes are not known here. A runtime that does with fewer
products (Winograd), or runs several operators piece by piece together, can be faster. docs/devices.md derives it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..devices import Device
from ..dims import Dim, Extent, maximum, minimum, symbol, symbols
from .rows import Row
from .traffic import OpTraffic, Traffic

LIMITS = ("compute", "memory", "cache")
"""What can set the least time of a row."""
Evaluate = Callable[[Extent | None], int | None]


@dataclass(slots=True)
class Bound:
    """The least time of one row."""

    seconds: float | None
    """None when it is not known."""
    by: str = ""
    """"compute", "memory" or "cache"; "" when none takes time."""
    why: str = ""
    """What is not known."""


@dataclass
class Roofline:
    """The least time of a forward run on a device."""

    device: Device
    rows: list[Bound]
    """In the order of the analysis' rows; what is fused into another row takes no time of its own."""
    seconds: float | None
    """The sum over the rows, those of unknown cost left out; None when the device or an open size does not tell."""
    compute: float
    """Seconds of the rows that are bound by arithmetic."""
    memory: float
    """Seconds of the rows that are bound by memory."""
    cache: float = 0.0
    """Seconds of the rows that are bound by a cache or an on-chip memory."""
    why: str = ""
    """Why there is no sum."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether something fits into a memory of the device."""

    what: str
    nbytes: int | None
    capacity: int
    place: str
    fits: bool | None
    """None when it is not known."""


@dataclass(frozen=True, slots=True)
class _Load:
    """What one row demands of the device."""

    compute: float = 0.0
    """Seconds."""
    cache: float = 0.0
    """Seconds that what passes the slowest of the levels takes."""
    moved: float = 0.0
    """Bytes that must pass between main and fast memory."""
    resident: float = 0.0
    """Bytes among them that need not if the weights are in fast memory when the run begins."""

    @property
    def floor(self) -> float:
        """Seconds, whatever main memory does."""
        return max(self.compute, self.cache)


def bound(rows: Sequence[Row], traffic: Traffic, device: Device, evaluate: Evaluate) -> Roofline:
    """The least time of each row; `traffic` is of the rows with all fused that can be.

    Fast memory holds as many bytes when an operator begins, and as many when it ends, so what an operator reads or
    writes beyond that passes main memory. When the run begins it holds as many bytes of weights.
    """
    again = repeats(rows)
    loads = [
        _load(row, moved, device, evaluate, at in again)
        for at, (row, moved) in enumerate(zip(rows, traffic.rows, strict=True))
    ]
    bounds = [
        _bound(load, saved, device) if isinstance(load, _Load) else load
        for load, saved in zip(loads, _saved(loads, device), strict=True)
    ]
    sums = {by: sum(each.seconds for each in bounds if each.seconds and each.by == by) for by in LIMITS}
    why = next((each.why for row, each in zip(rows, bounds, strict=True) if each.seconds is None and row.work), "")
    return Roofline(
        device, bounds, None if why else sum(sums.values()), sums["compute"], sums["memory"], sums["cache"], why
    )


def repeats(rows: Sequence[Row]) -> set[int]:
    """The rows whose weights an earlier row has brought in."""
    seen: set[object] = set()
    found = set()
    for at, row in enumerate(rows):
        keys = {weight.key for weight in row.weights}
        if keys and keys <= seen:
            found.add(at)
        seen |= keys
    return found


def compute_dtype(row: Row, moved: OpTraffic) -> str:
    """The element type whose peak holds for a row: that in which its first activation is read."""
    return moved.dtype or next((t.dtype for t in row.inputs if t is not None), "unknown")


def _load(row: Row, moved: OpTraffic, device: Device, evaluate: Evaluate, again: bool) -> _Load | Bound:
    """What a row demands of the device, or why that is not known; `again` when its weights were brought in before."""
    if row.work is None:
        return Bound(None, why=row.why)
    if row.work.macs == moved.nbytes == 0:
        return _Load()
    parts = (moved.activation_reads, moved.weight_reads, moved.activation_writes)
    if free := _open((row.work.macs, row.trip_count, *parts), evaluate):
        return Bound(None, why=f"{row.name} depends on {', '.join(free)}, a symbolic dimension (--input, --dim)")
    macs, times = evaluate(row.work.macs) or 0, evaluate(row.trip_count) or 0
    peak = device.peak(compute_dtype(row, moved)) if macs else None
    if macs and peak is None:
        return Bound(None, why=_no_peak(row, compute_dtype(row, moved), device))
    reads, weights, writes = (evaluate(part) or 0 for part in parts)  # what is not known cannot raise the bound
    if device.weights_compressed:
        weights = 0
    compute = macs / peak if peak else _other_operations(row, device, compute_dtype(row, moved), evaluate)
    cache = _caches(device, reads + weights, writes) * times if calculates(row) else 0.0
    first, later = _weight_bytes(weights, times, device.fast_memory, again)
    beyond = max(0, reads - device.fast_memory) + max(0, writes - device.fast_memory)
    return _Load(compute, cache, beyond * times + first + later, first)


def calculates(row: Row) -> bool:
    """Whether a row does arithmetic: one that only moves elements may be spared by the choice of a layout."""
    return row.work is not None and row.work.ops != 0


def elements(row: Row) -> Extent:
    """The elements that a row without multiply-accumulates has at least an operation each for, in one run.

    No more than it counts operations, nor than it reads or makes: a pooling may do with fewer than it counts.
    """
    if row.facts is None or row.facts.work is None:
        return 0
    sizes = [tensor.size for tensor in (*row.inputs, *row.outputs) if tensor is not None and tensor.ranked]
    return minimum(row.facts.work.ops, maximum(*sizes)) if sizes else 0


def _other_operations(row: Row, device: Device, dtype: str, evaluate: Evaluate) -> float:
    """Seconds of one operation for each element; none where nothing is stated of their rate."""
    rate = device.ops_rate(dtype)
    if rate is None or not calculates(row):
        return 0.0
    return (evaluate(elements(row)) or 0) * (evaluate(row.trip_count) or 0) / rate


def _caches(device: Device, reads: int, writes: int) -> float:
    """Seconds that what one run reads and writes takes past each level, the slowest of them.

    What the nearer levels hold when it begins, and can hold when it ends, need not pass the next.
    """
    slowest, nearer = 0.0, 0
    for level in device.levels:
        passing = max(0, reads - nearer) + max(0, writes - nearer)
        slowest = max(slowest, passing / level.bandwidth)
        nearer += level.nbytes
    return slowest


def _no_peak(row: Row, dtype: str, device: Device) -> str:
    able, best = ", ".join(device.macs), max(device.macs, key=device.macs.__getitem__)
    return f"{row.name} calculates in {dtype} and {device.title} in {able}: see --dtype {best}"


def _weight_bytes(nbytes: int, times: int, capacity: int, again: bool) -> tuple[int, int]:
    """Bytes of weights that pass main memory in a row's first run, and in its later ones, which find some in place."""
    beyond = max(0, nbytes - capacity)
    if again or not times:
        return 0, beyond * times
    return nbytes, beyond * (times - 1)


def _open(extents: Iterable[Extent | None], evaluate: Evaluate) -> list[str]:
    """The symbols in some extents that have no value."""
    names = {name for extent in extents if isinstance(extent, Dim) for name in symbols(extent)}
    return sorted(name for name in names if evaluate(symbol(name)) is None)


def _saved(loads: Sequence[_Load | Bound], device: Device) -> list[float]:
    """Bytes that each row need not move because fast memory holds weights when the run begins.

    Whichever those are, they save the rows that memory binds no more than its capacity, and none more than brings it
    down to what else binds it: so much is taken off each in proportion.
    """
    excess = [
        max(0.0, min(load.resident, load.moved - load.floor * device.bandwidth)) if isinstance(load, _Load) else 0.0
        for load in loads
    ]
    left = max(0.0, 1 - device.fast_memory / sum(excess)) if any(excess) else 1.0
    return [each * (1 - left) for each in excess]


def _bound(load: _Load, saved: float, device: Device) -> Bound:
    memory = (load.moved - saved) / device.bandwidth
    rounding = 1e-9 * load.moved / device.bandwidth  # without it a row brought down to its floor may seem above it
    if memory > load.floor + rounding:
        return Bound(memory, "memory")
    if load.cache > load.compute:
        return Bound(load.cache, "cache")
    return Bound(load.compute, "compute" if load.compute else "")


Rooms = list[tuple[str, str, int]]
"""What must fit, the memory where it must, and the bytes of that."""


def rooms(device: Device | None, ram: int | None = None, flash: int | None = None) -> Rooms:
    """What must fit where: on a device whose memories may be given anew, or in memories that are given alone.

    Activations and weights share memory where a device has no flash.
    """
    if device is None:
        alone = [("weights", "flash", flash), ("peak activations", "memory", ram)]
        return [(what, place, capacity) for what, place, capacity in alone if capacity is not None]
    memory = device.memory if ram is None else ram
    flash = device.flash if flash is None else flash
    found: Rooms = []
    if flash is not None:
        found.append(("weights", "flash", flash))
        if memory is not None:
            found.append(("peak activations", "memory", memory))
    elif memory is not None:
        found.append(("weights and peak activations", "memory", memory))
    if device.fast_memory:
        found += [(what, "fast memory", device.fast_memory) for what in ("peak activations", "weights")]
    return found


def fits(rooms: Rooms, peak: int | None, weights: int | None, complete: bool) -> list[Fit]:
    """Whether the peak activations and the weights fit.

    `peak` and `weights` are in bytes; unless `complete` they are the least that there can be.
    """
    both = None if peak is None or weights is None else peak + weights
    sizes = {"weights": weights, "peak activations": peak, "weights and peak activations": both}
    found = []
    for what, place, capacity in rooms:
        nbytes = sizes[what]
        enough = None if nbytes is None else nbytes <= capacity
        found.append(Fit(what, nbytes, capacity, place, enough if complete or enough is False else None))
    return found
