"""What the texts of the command's options say: shapes, sizes, dimensions, element by element.

Whether a model has such an input or dimension is not known here. Everything raises ModelError with the option's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from . import folders, limits
from .dims import Extent, TooLarge, parse
from .errors import ModelError
from .remote import find, is_url

Shape = tuple[int | str, ...]


def shapes(given: Sequence[str], inputs: Sequence[str]) -> dict[str, Shape]:
    """`data=1x3xHxW` as {"data": (1, 3, "H", "W")}; the name may be left out where there is one input."""
    found: dict[str, Shape] = {}
    for text in given:
        name, _, shape = text.rpartition("=")
        name = name.removesuffix(":")
        if not name:
            if len(inputs) != 1:
                _refuse("--input", f"{text!r} names no input; the model has {', '.join(inputs[:8]) or 'none'}")
            name = inputs[0]
        extents = shape.split("," if "," in shape else "x") if shape else []  # a name may have an x in it
        if name in found:
            _refuse("--input", f"{name} is given twice")
        found[name] = tuple([_extent(extent, text) for extent in extents])
    return found


def lower_ranks(given: Sequence[str], inputs: Sequence[str]) -> frozenset[str]:
    """The inputs whose shape is meant although it has fewer axes than the file states: `data:=3x8x8`."""
    names = {text.rpartition("=")[0] for text in given if "=" in text}
    unnamed = {inputs[0] for text in given if text.startswith(":=") and len(inputs) == 1}
    return frozenset(name.removesuffix(":") for name in names if name.endswith(":")) | unnamed


def _extent(text: str, whole: str) -> int | str:
    if text.isdecimal():
        return _size(text, "--input", whole)
    if text.lower() in ("true", "false"):
        _refuse("--input", f"{text} is a value and no size: --value {whole[:80]} gives an input its content")
    if not text.isidentifier():
        _refuse("--input", f"{text[:40]!r} in {whole[:80]!r} is neither a size nor a name, as in data=Nx3x640x640")
    return text


def _size(text: str, option: str, whole: str) -> int:
    """A size of a few digits: the text of an integer of thousands takes Python minutes, or an error, to read."""
    if len(text) > limits.MAX_DIGITS:
        _refuse(option, f"{whole[:40]!r}... has a size of {len(text):,} digits; at most {limits.MAX_DIGITS} are read")
    return int(text)


def values(given: Sequence[str]) -> dict[str, int]:
    """`use_cache=true` as {"use_cache": 1}, `steps=12` as {"steps": 12}."""
    found: dict[str, int] = {}
    for text in given:
        name, _, value = text.rpartition("=")
        digits = value.removeprefix("-")
        if not name or not (digits.isdecimal() or value.lower() in ("true", "false")):
            _refuse("--value", f"{text[:80]!r} should be an input and its value, as in use_cache=true or steps=12")
        number = _size(digits, "--value", text) if digits.isdecimal() else int(value.lower() == "true")
        found[name] = -number if value.startswith("-") else number
    return found


def dims(given: Sequence[str]) -> dict[str, Extent]:
    """`N=8` as {"N": 8}, `total=past+sequence` with the formula of these."""
    found: dict[str, Extent] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            _refuse("--dim", f"{text[:80]!r} should be a name and a size, as in N=8, or a formula: total=past+1")
        extent = _size(value, "--dim", text) if value.isdecimal() else _formula(value, text)
        if found.setdefault(name, extent) != extent:
            _refuse("--dim", f"{name} is given twice, as {found[name]} and as {extent}")
    return found


def _formula(text: str, whole: str) -> Extent:
    try:
        return parse(text)
    except (ValueError, TooLarge) as problem:
        _refuse("--dim", f"{whole[:80]!r} should be a name and a size, or a formula of other names: {problem}")


def listed(text: str | None) -> list[str] | None:
    """`a,b` as ["a", "b"]; None where nothing is given."""
    return [each.strip() for each in text.split(",")] if text else None


def anchor_sizes(given: Sequence[str]) -> dict[str, tuple[tuple[float, float], ...]]:
    """`8=16,32x64` as {"8": ((16, 16), (32, 64))}."""
    found: dict[str, tuple[tuple[float, float], ...]] = {}
    for text in given:
        stride, _, listed = text.partition("=")
        boxes = []
        for size in listed.split(","):
            sides = [_side(side) for side in size.split("x")]
            if not all(sides) or len(sides) > 2:
                _refuse("--anchor-sizes", f"{text[:80]!r} should be a stride and sizes, as in 8=16,32 or 8=16x32")
            boxes.append((sides[0], sides[-1]))
        found[stride] = found.get(stride, ()) + tuple(boxes)
    return found


def _side(text: str) -> float:
    """A side of a box, 0.0 for what is none."""
    return float(text) if text.replace(".", "", 1).isdecimal() and len(text) <= limits.MAX_DIGITS else 0.0


def seconds(option: str, given: float) -> float | None:
    """A time that is not negative, None for 0, which is no limit."""
    if not 0 <= given < 10**9:
        _refuse(option, f"{given:g} s cannot be; 0 sets no limit")
    return given or None


def nbytes(option: str, given: str) -> int:
    """A size: `256KiB`."""
    from . import units  # it imports fractions

    return units.size(given, option)


def raised_limits(given: Sequence[str]) -> dict[str, int]:
    """`ops=500k` as {"ops": 500000}."""
    found: dict[str, int] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or name not in limits.RAISABLE:
            names = ", ".join(limits.RAISABLE)
            _refuse("--limit", f"{text[:80]!r} should be a limit and its value, as in ops=500k; there are {names}")
        found[name] = nbytes("--limit", value)
    return found


def grows(output: Path | None, jobs: int | None, format: str | None) -> bool:
    """Whether the output is a table of models to which each is added: .jsonl and .parquet, .csv where `jobs` read."""
    suffix = "" if output is None or format not in (None, "csv") else output.suffix.lower()
    if suffix == ".csv":
        return jobs is not None
    return suffix in (".jsonl", ".parquet") and format is None


def models(given: Sequence[str]) -> Iterator[str]:
    """Files as they are, folders and patterns as the models in them; a folder without any stands for itself.

    URLs that end in `/` or have a `*` in them are searched too.
    """
    for name in given:
        if not name:
            _refuse("", "a model's name is empty")
        found = list(find(name)) if is_url(name) else folders.models(name)
        if not found:
            _refuse(name, "no file matches")
        yield from found


def check_outputs(written: Iterable[tuple[str, Path | None]], read: Iterable[str]) -> None:
    """Raise ModelError where a file would be written over one that is read, or over another that is written."""
    inputs = {Path(name).resolve(): name for name in read if name != "-" and Path(name).exists()}
    outputs: dict[Path, str] = {}
    for option, path in written:
        if path is None:
            continue
        try:
            place = path.resolve()
        except (OSError, RuntimeError):
            continue  # writing says why it cannot be
        if place in inputs:
            _refuse(option, f"{path} is read as {inputs[place]}; it would be written over")
        if place in outputs:
            _refuse(option, f"{path} is written by {outputs[place]} too")
        outputs[place] = option


def _refuse(option: str, reason: str) -> NoReturn:
    raise ModelError(option, "", reason)
