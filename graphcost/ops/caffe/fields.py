"""What the fields of a layer's messages say: numbers, choices, lists, and the blobs that they size."""

from __future__ import annotations

from typing import Any

from ...dims import Extent
from ...graph import Tensor
from .. import windowed

Value = Any  # what a file may say where a number or a name belongs


def whole(value: Value, name: str, least: int | None = None) -> int:
    """A field that should be a whole number, its last value where it is repeated. Raises ValueError."""
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


def blob(*shape: Extent) -> Tensor:
    """A weight that the layer allocates."""
    return Tensor(shape)


def blob_shape(shape: Value) -> tuple[Any, ...]:
    """The extents of a BlobShape message."""
    return listed(dict(shape).get("dim", ()))


def spatial(axes: int, every: Value, height: Value, width: Value, default: int | None, name: str) -> tuple[int, ...]:
    """A window field per spatial axis: `name_h` and `name_w`, or `name` once or once per axis. Raises ValueError."""
    if height is not None or width is not None:
        if axes != 2:
            raise ValueError(f"{name}_h and {name}_w are for two spatial axes; there are {axes}")
        sides = (height, width)
        if None in sides and default is None:
            raise ValueError(f"{name}_h and {name}_w should be given together")
        return tuple(default or 0 if side is None else whole(side, name) for side in sides)
    entries = listed(every)
    if not entries and default is None:
        raise ValueError(f"{name} is missing")
    return windowed.per_axis(tuple(whole(entry, name) for entry in entries), axes, default or 0)
