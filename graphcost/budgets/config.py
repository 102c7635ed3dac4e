"""Budgets as they stand in `graphcost.toml`, or in `[tool.graphcost]` of pyproject.toml.

    baseline = "costs.json"            keys that hold for every model
    complete = true
    [max]
    macs = "4.2G"
    [[model]]                          what holds besides, or instead, for the models of a path or glob
    path = "models/detector-*.onnx"
    max = { peak_activation_bytes = "256KiB" }
    dim = { N = 1 }

The file is untrusted text: a key, unit or model that does not exist is refused with its line and the nearest word.
Paths are relative to the file's folder, and patterns do not lead out of it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

from .. import config, options, quantities, units
from ..errors import ModelError
from ..quantities import Quantity
from ..suggest import close_to

LARGEST = 1 << 20
"""Bytes of the largest file taken for one of budgets."""
LIMITS = ("max", "max-growth")
FLAGS = ("complete", "allow-incomplete", "require-fit")
TEXTS = ("device", "ram", "flash")
SHARED = (*LIMITS, *FLAGS, *TEXTS, "dim")
TOP = (*SHARED, "baseline", "models", "model", "scenario")
PATTERN = re.compile(r"[*?\[]")
MOST_MATCHES = 10_000
"""Files that a pattern may name."""


@dataclass(frozen=True)
class Limit:
    """The most that a quantity may be, or may grow by in per cent."""

    quantity: Quantity
    most: Fraction
    growth: bool = False


@dataclass(frozen=True)
class Budget:
    """What one model may cost."""

    limits: tuple[Limit, ...] = ()
    complete: bool = False
    """Whether everything has to be counted."""
    allow_incomplete: bool = False
    """Whether a lower bound below the limit passes."""
    require_fit: bool = False
    device: str = ""
    ram: str = ""
    flash: str = ""
    dims: Mapping[str, str] = field(default_factory=dict)

    def __or__(self, other: Budget) -> Budget:
        """This budget with what another one says besides; its limits take the place of those of the same quantity."""
        known = {(limit.quantity.column.key, limit.growth): limit for limit in (*self.limits, *other.limits)}
        return Budget(
            tuple(known.values()),
            self.complete or other.complete,
            self.allow_incomplete or other.allow_incomplete,
            self.require_fit or other.require_fit,
            other.device or self.device,
            other.ram or self.ram,
            other.flash or self.flash,
            {**self.dims, **other.dims},
        )

    @property
    def empty(self) -> bool:
        """Whether there is nothing to decide."""
        return not (self.limits or self.complete or self.require_fit)


@dataclass(frozen=True)
class Config:
    """What a file of budgets says."""

    path: str = ""
    budget: Budget = Budget()
    """That of every model."""
    models: tuple[str, ...] = ()
    """The models that are checked when none is given."""
    special: tuple[tuple[frozenset[str], Budget], ...] = ()
    """Budgets of some models, by their resolved paths."""
    baseline: str = ""
    scenarios: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Values of dimensions by the name of a scenario."""
    override: Budget = Budget()
    """What options of the command say of every model; it comes last."""

    def of(self, model: str) -> Budget:
        """The budget of a model."""
        budget, place = self.budget, _resolved(Path(model))
        for paths, special in self.special:
            if place in paths:
                budget = budget | special
        return budget | self.override

    @property
    def budgets(self) -> tuple[Budget, ...]:
        """All that there are."""
        return (self.budget, *(budget for _, budget in self.special), self.override)


def find() -> Path | None:
    """The file of budgets of the project; a pyproject.toml only where it has `[tool.graphcost]`."""
    return config.find().path


def read(path: Path) -> Config:
    """The budgets in a file. Raises ModelError with the line of what is wrong."""
    text, data = _parsed(path)
    if path.name == "pyproject.toml":
        return _Reader(path, text, data.get("tool", {}).get("graphcost", {}), ("tool", "graphcost")).config()
    return _Reader(path, text, data, ()).config()


def _parsed(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as problem:
        raise ModelError(str(path), "", f"cannot be read: {problem.strerror or problem}") from None
    if len(content) > LARGEST:
        raise ModelError(str(path), "", f"is no file of budgets: it has more than {LARGEST:,} bytes")
    try:
        text = content.decode()
        return text, tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise ModelError(str(path), "", f"is no TOML: {problem}") from None


def _resolved(path: Path) -> str:
    try:
        return str(path.resolve())
    except (OSError, RuntimeError):
        return str(path)


Place = tuple[str | int, ...]
"""The keys that lead to a value; a number for an element of an array of tables."""


class _Reader:
    """Takes a file of budgets apart; every complaint names its line."""

    def __init__(self, path: Path, text: str, data: Any, place: Place) -> None:
        self.path, self.text, self.data, self.place = path, text, data, place

    def config(self) -> Config:
        data = self.table(self.data, ())
        self.known(data, (*TOP, *self.defaults(data)), ())
        special, models = [], list(self.texts(data, "models", ()))
        for number, each in enumerate(self.tables(data, "model")):
            place: Place = ("model", number)
            self.known(each, (*SHARED, "path"), place)
            pattern = self.text_of(each, "path", place)
            if not pattern:
                self.refuse(place, "a model needs a path")
            found = self.files(pattern, (*place, "path"))
            special.append((frozenset(map(_resolved, map(Path, found))), self.budget(each, place)))
            models.append(pattern)
        paths = [path for pattern in models for path in self.files(pattern, ("models",))]
        return Config(
            str(self.path),
            self.budget(data, ()),
            tuple(dict.fromkeys(paths)),
            tuple(special),
            self.beside(self.text_of(data, "baseline", ())),
            {name: self.dims(each, ("scenario", name)) for name, each in self.named(data, "scenario").items()},
        )

    def budget(self, data: Mapping[str, Any], place: Place) -> Budget:
        """The keys that a model and the whole file share."""
        limits = [
            self.limit(name, value, (*place, kind, name), kind == "max-growth")
            for kind in LIMITS
            for name, value in self.table(data.get(kind, {}), (*place, kind)).items()
        ]
        complete, allow, fit = (self.flag(data, key, place) for key in FLAGS)
        device = self.text_of(data, "device", place)
        if device.endswith(".toml"):
            device = self.beside(device)
        ram, flash = (self.size(data, key, place) for key in ("ram", "flash"))
        dims = self.dims(self.table(data.get("dim", {}), (*place, "dim")), (*place, "dim"))
        return Budget(tuple(limits), complete, allow, fit, device, ram, flash, dims)

    def limit(self, name: str, value: Any, place: Place, growth: bool) -> Limit:
        try:
            quantity = quantities.find(name)
            if isinstance(value, bool) or not isinstance(value, str | int | float):
                raise ModelError("", "", f'{name} should be an amount, as in "4.2G"')
            return Limit(quantity, units.amount(value, "share" if growth else quantity.column.form), growth)
        except ModelError as problem:
            self.refuse(place, problem.reason)

    def size(self, data: Mapping[str, Any], key: str, place: Place) -> str:
        if (value := data.get(key)) is None:
            return ""
        try:
            return str(units.size(value, ""))
        except ModelError as problem:
            self.refuse((*place, key), problem.reason)

    def dims(self, data: Mapping[str, Any], place: Place) -> dict[str, str]:
        for name, value in data.items():
            if isinstance(value, bool) or not isinstance(value, int | str):
                self.refuse((*place, name), f"{name} should be a size or a formula, not {value!r}")
        return {name: str(value) for name, value in data.items()}

    # --- values of one kind -------------------------------------------------------------------------------------------

    def table(self, value: Any, place: Place) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.refuse(place, f"{place[-1] if place else 'it'} should be a table")
        return value

    def named(self, data: Mapping[str, Any], key: str) -> dict[str, dict[str, Any]]:
        tables = self.table(data.get(key, {}), (key,))
        return {name: self.table(each, (key, name)) for name, each in tables.items()}

    def tables(self, data: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
        value = data.get(key, [])
        if not isinstance(value, list):
            self.refuse((key,), f"{key} should be an array of tables: [[{key}]]")
        return [self.table(each, (key, number)) for number, each in enumerate(value)]

    def flag(self, data: Mapping[str, Any], key: str, place: Place) -> bool:
        value = data.get(key, False)
        if not isinstance(value, bool):
            self.refuse((*place, key), f"{key} should be true or false, not {value!r}")
        return value

    def text_of(self, data: Mapping[str, Any], key: str, place: Place) -> str:
        value = data.get(key, "")
        if not isinstance(value, str):
            self.refuse((*place, key), f"{key} should be a text, not {value!r}")
        return value

    def texts(self, data: Mapping[str, Any], key: str, place: Place) -> Sequence[str]:
        value = data.get(key, [])
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
            self.refuse((*place, key), f"{key} should be a text or a list of texts")
        return values

    # --- paths --------------------------------------------------------------------------------------------------------

    def beside(self, path: str) -> str:
        """A path that is relative to the file's folder; a git revision of one, and nothing, as they are."""
        if not path or (":" in path and not (self.path.parent / path).exists()):
            return path
        return str(self.path.parent / path)

    def files(self, pattern: str, place: Place) -> list[str]:
        """The files of a path or pattern."""
        parts = Path(pattern).parts
        if not parts or Path(pattern).is_absolute() or ".." in parts:
            self.refuse(place, f"{pattern!r} should be a path or a pattern in the folder of the file")
        folder = self.path.parent
        if not PATTERN.search(pattern):
            found = [folder / pattern] if (folder / pattern).exists() else []
        else:
            found = [path for path, _ in zip(sorted(folder.glob(pattern)), range(MOST_MATCHES), strict=False)]
        if not found:
            near = [str(path.relative_to(folder)) for path in self._models()]
            close = close_to(pattern, near, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            self.refuse(place, f"there is no model {pattern!r}{hint}", pattern)
        return [str(path) for path in found]

    def _models(self) -> Iterator[Path]:
        for suffix in ("prototxt", "onnx"):
            yield from (path for path, _ in zip(self.path.parent.rglob(f"*.{suffix}"), range(1000), strict=False))

    # --- complaints ---------------------------------------------------------------------------------------------------

    @staticmethod
    def defaults(data: Mapping[str, Any]) -> Iterator[str]:
        """The keys that are defaults of the command's options (options_file.py)."""
        names = options.names() if not data.keys() <= {*TOP} else ()
        yield from (key for key in data if key.replace("_", "-") in names)

    def known(self, data: Mapping[str, Any], names: Sequence[str], place: Place) -> None:
        for key in data:
            if key not in names:
                close = close_to(key, names, 1)
                hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(names)}"
                self.refuse((*place, key), f"no key {key!r}; {hint}")

    def refuse(self, place: Place, reason: str, word: str = "") -> NoReturn:
        line = line_of(self.text, (*self.place, *place), word)
        raise ModelError(str(self.path), str(line) if line else "", reason)


_HEADER = re.compile(r"\s*\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"\s*([\w.\-\"' ]+?)\s*=")


def line_of(text: str, place: Place, word: str = "") -> int:
    """The line, from 1, where the value of some keys stands; of an inline table its own. 0 when it is not found.

    `word` is a text that the line has, for an element of a list that may stand on a line of its own.
    """
    best, longest = 0, -1
    count: dict[str, int] = {}
    table: Place = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.fullmatch(line):
            keys = _keys(header[1])
            if line.lstrip().startswith("[["):
                keys = (*keys, count.get(header[1], 0))
                count[header[1]] = count.get(header[1], 0) + 1
            table = here = keys
        elif key := _KEY.match(line):
            here = (*table, *_keys(key[1]))
        else:
            here = ()
        if word and word in line and (not here or place[: len(here)] == here or here[-1:] == place[-1:]):
            return number
        if here and place[: len(here)] == here and len(here) > longest:
            best, longest = number, len(here)
    return best


def _keys(dotted: str) -> Place:
    return tuple([key.strip().strip("\"'") for key in dotted.split(".")])


def with_limits(budget: Budget, most: Sequence[str], growth: Sequence[str]) -> Budget:
    """A budget with the limits of `--max` and `--max-growth`: `macs=4.2G`, `params=2%`. Raises ModelError."""
    limits = [_flagged("--max", text, False) for text in most]
    limits += [_flagged("--max-growth", text, True) for text in growth]
    known: dict[tuple[str, bool], Limit] = {}
    for limit in limits:
        before = known.setdefault((limit.quantity.column.key, limit.growth), limit)
        if before.most != limit.most:
            option = "--max-growth" if limit.growth else "--max"
            raise ModelError(option, "", f"{limit.quantity.name} is given twice, with two limits")
    return budget | Budget(tuple(limits))


def _flagged(option: str, text: str, growth: bool) -> Limit:
    name, equals, value = text.partition("=")
    if not equals:
        example = "params=2%" if growth else "macs=4.2G"
        raise ModelError(option, "", f"{text[:80]!r} should be a quantity and its limit, as in {example}")
    quantity = quantities.find(name.strip(), option)
    return Limit(quantity, units.amount(value, "share" if growth else quantity.column.form, option), growth)
