"""Devices: what a machine can do at most, as profiles in TOML, and which of its peaks holds for an element type.

A profile states limits, from a datasheet or measured; what share of them a kernel reaches is not known here. The
profiles that come along are the files in `profiles/`, each figure with its derivation beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from .calibrations import Calibration, Point
from .errors import ArgumentError, ModelError
from .graph import BITS
from .registry import Registry
from .suggest import no_such

FOLDER = Path(__file__).parent / "profiles"
LARGEST = 1 << 20
"""Bytes of the largest file taken for a profile."""
WIDER = {
    "int2": ("int4", "int8", "int16", "float16", "bfloat16", "float32"),
    "uint2": ("int4", "int8", "int16", "float16", "bfloat16", "float32"),
    "int4": ("int8", "int16", "float16", "bfloat16", "float32"),
    "uint4": ("int8", "int16", "float16", "bfloat16", "float32"),
    "int8": ("int16", "float16", "bfloat16", "float32"),
    "uint8": ("int8", "int16", "float16", "bfloat16", "float32"),
    "int16": ("float32",),
    "uint16": ("int16", "float32"),
    "float4e2m1": ("float8e4m3fn", "float16", "bfloat16", "float32"),
    "float8e4m3fn": ("float16", "bfloat16", "float32"),
    "float8e5m2": ("float8e4m3fn", "float16", "bfloat16", "float32"),
    "float8e4m3fnuz": ("float8e4m3fn", "float16", "bfloat16", "float32"),
    "float8e5m2fnuz": ("float8e5m2", "float8e4m3fn", "float16", "bfloat16", "float32"),
    "float16": ("float32",),
    "bfloat16": ("float32",),
    "float32": ("float64",),
}
"""Where a device has no units for a type: the types in which it can calculate with such numbers."""


@dataclass(frozen=True)
class Level:
    """A cache or an on-chip memory, or all of its kind together."""

    nbytes: int
    """What it holds."""
    bandwidth: float
    """Bytes a second between it and what is nearer to the arithmetic, both directions together."""
    name: str = ""


@dataclass(frozen=True)
class Device:
    """Limits of a machine."""

    name: str
    title: str
    macs: Mapping[str, float] = field(hash=False)
    """Multiply-accumulates a second at most, by the element type of the operands."""
    bandwidth: float
    """Bytes a second between main memory and what calculates, both directions together."""
    fast_memory: int
    """Bytes of the caches or on-chip memory in front of that, 0 where there is none."""
    memory: int | None = None
    """Bytes of memory for activations; where there is no flash, for weights too."""
    flash: int | None = None
    """Bytes of memory for weights alone."""
    source: tuple[str, ...] = ()
    """Where the figures are from."""
    levels: tuple[Level, ...] = ()
    """The memories in front of main memory, the nearest to the arithmetic first."""
    ops: Mapping[str, float] = field(default_factory=dict, hash=False)
    """Operations a second at most outside of multiply-accumulates, one for an element, by element type."""
    weights_compressed: bool = False
    """Weights are compressed for it before they are stored: how many bytes of them move is not known here."""
    calibration: Calibration | None = None
    """What was measured on it to estimate times; None for a profile that only bounds them."""

    def peak(self, dtype: str) -> float | None:
        """Multiply-accumulates a second for a type: its own figure, else the best of those that can hold it.

        None when the device cannot calculate with such numbers.
        """
        return _rate(self.macs, dtype)

    def ops_rate(self, dtype: str) -> float | None:
        """The same for operations that are no multiply-accumulates; None when nothing is stated of them."""
        return _rate(self.ops, dtype)


def _rate(rates: Mapping[str, float], dtype: str) -> float | None:
    """A type's own figure, else the best of those that can hold its numbers."""
    if dtype in rates:
        return rates[dtype]
    return max((rates[wider] for wider in WIDER.get(dtype, ()) if wider in rates), default=None)


DEVICES: Registry[Device] = Registry(
    "device", sorted(path.stem for path in FOLDER.glob("*.toml")), lambda name: load(FOLDER / f"{name}.toml")
)


def register(device: Device, *, replace: bool = False) -> None:
    """Add a profile under its name. Raises ValueError when the name is taken and `replace` is not set."""
    DEVICES.register(device.name, device, replace=replace)


def find(name: str) -> Device:
    """A profile by its name, or from a .toml file. Raises ModelError."""
    if name in DEVICES:
        return DEVICES[name]
    if name.endswith(".toml") or Path(name).parent != Path():
        return load(Path(name))
    reason = no_such("device", name, DEVICES)
    raise ArgumentError("device", f"{reason}{' Or' if reason.endswith('?') else ', or'} give a .toml file")


def load(path: Path) -> Device:
    """The profile in a file. Raises ModelError with the key that is wrong and what is asked of it."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as problem:
        raise ModelError(str(path), "", f"cannot be read: {problem.strerror or problem}") from None
    if len(content) > LARGEST:
        raise ModelError(str(path), "", f"is no device profile: it has more than {LARGEST} bytes")
    import tomllib

    try:
        given = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise ModelError(str(path), "", f"is no TOML: {problem}") from None
    return parse(str(path), given)


def parse(path: str, given: dict[str, Any]) -> Device:
    """The profile in a table; `path` is where it is from. Raises ModelError as `load` does."""
    return _Reader(path, given).device(Path(path).stem)


KEYS = (
    "title", "source", "bandwidth", "fast_memory", "memory", "flash", "macs", "ops", "level", "weights_compressed",
    "start", "calibration", "point",
)  # fmt: skip
START_KEYS = ("call", "operator")
CALIBRATION_KEYS = ("machine", "runtime", "threads", "date", "networks", "half_within", "most_within")
POINT_KEYS = ("family", "sizes", "measured")
MAX_POINTS = 20_000
"""Measurements of a calibration, each of which is looked at for every operator of its family."""

LEVEL_KEYS = ("name", "bytes", "bandwidth")


class _Reader:
    """Takes a profile apart; every complaint names the file and the key."""

    def __init__(self, path: str, given: dict[str, Any]) -> None:
        self.path = path
        self.given = given

    def device(self, name: str) -> Device:
        self.known(self.given, KEYS, "keys")
        macs = self.given.get("macs")
        if not isinstance(macs, dict) or not macs:
            raise self.wrong("macs", "should be a table of multiply-accumulates a second by element type")
        self.known(macs, tuple(BITS), "element types", "macs.")
        compressed = self.given.get("weights_compressed", False)
        if not isinstance(compressed, bool):
            raise self.wrong("weights_compressed", f"should be true or false, not {compressed!r}")
        return Device(
            name,
            self.text("title"),
            {dtype: self.number(macs, dtype, "macs.") for dtype in macs},
            self.number(self.given, "bandwidth"),
            self.size("fast_memory", least=0) or 0,
            self.size("memory", optional=True),
            self.size("flash", optional=True),
            self.texts("source"),
            self.levels(),
            self.ops(),
            compressed,
            self.calibration(),
        )

    def calibration(self) -> Calibration | None:
        """What a calibration measured; None where there is no point."""
        start, about = self.table("start", START_KEYS), self.table("calibration", CALIBRATION_KEYS)
        families = self.given.get("point", [])
        if not isinstance(families, list) or not all(isinstance(each, dict) for each in families):
            raise self.wrong("point", "should be tables, each [[point]] with family, sizes and measured")
        points = {self.family(number, each): self.points(number, each) for number, each in enumerate(families, 1)}
        if not points:
            return None
        if sum(map(len, points.values())) > MAX_POINTS:
            raise self.wrong("point", f"has more than {MAX_POINTS:,} measurements")
        for key in ("machine", "runtime", "date"):
            if not isinstance(about.get(key, ""), str):
                raise self.wrong(f"calibration.{key}", f"should be a text, not {about[key]!r}")
        number = {
            key: self.number(table, key, place, 0)
            for table, place in ((start, "start."), (about, "calibration."))
            for key in table
            if key not in ("machine", "runtime", "date")
        }
        return Calibration(
            points,
            number.get("call", 0.0),
            number.get("operator", 0.0),
            about.get("machine", ""),
            about.get("runtime", ""),
            int(number.get("threads", 0)),
            about.get("date", ""),
            int(number.get("networks", 0)),
            number.get("half_within"),
            number.get("most_within"),
        )

    def table(self, key: str, keys: tuple[str, ...]) -> dict[str, Any]:
        table = self.given.get(key, {})
        if not isinstance(table, dict):
            raise self.wrong(key, f"should be a table, not {table!r}")
        self.known(table, keys, "keys", f"{key}.")
        return table

    def family(self, number: int, given: dict[str, Any]) -> str:
        self.known(given, POINT_KEYS, "keys", f"point {number}: ")
        if not isinstance(given.get("family"), str):
            raise self.wrong(f"point {number}: family", "should be a text")
        return str(given["family"])

    def points(self, number: int, given: dict[str, Any]) -> tuple[Point, ...]:
        """Rows of sizes, the amount and the seconds, all more than 0 and all of one length."""
        rows = given.get("measured")
        place = f"point {number}: measured"
        if not isinstance(rows, list) or not rows or not all(isinstance(row, list) and len(row) > 2 for row in rows):
            raise self.wrong(place, "should be a list of lists: the sizes, the amount and the seconds")
        numbers = [value for row in rows for value in row]
        if not all(type(value) in (int, float) and isfinite(value) and value > 0 for value in numbers):
            raise self.wrong(place, "should hold numbers above 0 alone")
        if len({len(row) for row in rows}) > 1:
            raise self.wrong(place, "should hold lists of one length")
        return tuple(Point(tuple(map(float, row[:-2])), float(row[-2]), float(row[-1])) for row in rows)

    def ops(self) -> dict[str, float]:
        ops = self.given.get("ops", {})
        if not isinstance(ops, dict):
            raise self.wrong("ops", "should be a table of operations a second by element type")
        self.known(ops, tuple(BITS), "element types", "ops.")
        return {dtype: self.number(ops, dtype, "ops.") for dtype in ops}

    def levels(self) -> tuple[Level, ...]:
        given = self.given.get("level", [])
        if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
            raise self.wrong("level", "should be tables, each [[level]] with bytes and bandwidth")
        found = []
        for number, level in enumerate(given, 1):
            place = f"level {number}: "
            self.known(level, LEVEL_KEYS, "keys", place)
            nbytes, name = self.number(level, "bytes", place), level.get("name", "")
            if not isinstance(name, str):
                raise self.wrong(place + "name", f"should be a text, not {name!r}")
            if nbytes != int(nbytes):
                raise self.wrong(place + "bytes", f"should be a whole number of bytes, not {nbytes!r}")
            found.append(Level(int(nbytes), self.number(level, "bandwidth", place), name))
        return tuple(found)

    def wrong(self, key: str, reason: str) -> ModelError:
        return ModelError(self.path, "", f"{key} {reason}")

    def known(self, given: dict[str, Any], names: tuple[str, ...], what: str, place: str = "") -> None:
        for key in given:
            if key not in names:
                raise self.wrong(f"{place}{key}", f"is not known; the {what} are {', '.join(names)}")

    def text(self, key: str) -> str:
        value = self.given.get(key)
        if not isinstance(value, str) or not value:
            raise self.wrong(key, "is missing" if value is None else f"should be a text, not {value!r}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.given.get(key, [])
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
            raise self.wrong(key, f"should be a text or a list of texts, not {value!r}")
        return tuple(values)

    def number(self, given: dict[str, Any], key: str, place: str = "", least: float | None = None) -> float:
        value = given.get(key)
        if value is None:
            raise self.wrong(place + key, "is missing")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
            raise self.wrong(place + key, f"should be a number, not {value!r}")
        if value < (least or 0) or (least is None and value == 0):
            raise self.wrong(place + key, f"should be {'more than 0' if least is None else '0 or more'}, not {value!r}")
        return value

    def size(self, key: str, *, least: float | None = None, optional: bool = False) -> int | None:
        if optional and key not in self.given:
            return None
        number = self.number(self.given, key, least=least)
        if number != int(number):
            raise self.wrong(key, f"should be a whole number of bytes, not {number!r}")
        return int(number)
