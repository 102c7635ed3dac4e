"""The boxes of a detector beside what their cells can see: anchors larger than the receptive field of their map.

Prior box layers state their own sizes. Detection heads are found by structure (passes/heads.py), and which anchors they
are trained for is in no file: `against` takes the sizes from the user, by the stride of the map. What is compared is
the field that the network's windows span; the part that trained weights make use of is smaller still.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from ..analysis import Analysis
from ..dims import to_json
from ..errors import ArgumentError
from ..graph import UNKNOWN, Tensor
from ..passes import heads
from ..passes.receptive_field import Field
from ..table import Table, extents_text, show
from . import Section

Size = tuple[float, float]
SHOWN = 6  # sizes that a cell lists, before it gives the smallest and the largest


@dataclass(frozen=True)
class Place:
    """A map at whose positions boxes are placed."""

    name: str
    """The operator that places or describes them."""
    map: str
    tensor: Tensor
    field: Field | None
    sizes: tuple[Size, ...] = ()
    """Width and height; empty where they are not known."""
    step: Size | None = None

    @property
    def known(self) -> bool:
        """Whether it is known how far a position sees."""
        return self.field is not None and not self.field.why

    @property
    def larger(self) -> tuple[Size, ...]:
        """The boxes that reach beyond what a position sees."""
        if self.field is None or not self.field.axes:
            return ()
        return tuple(
            (width, height)
            for width, height in self.sizes
            if any(
                size is not None and side > size for side, size in zip((height, width), self.field.size, strict=False)
            )
        )

    @property
    def drifts(self) -> bool:
        """Whether the boxes of several positions are spaced otherwise than their fields."""
        if self.step is None or self.field is None or len(self.field.axes) != len(self.step):
            return False
        if set(self.tensor.shape[2:]) == {1}:
            return False
        strides = [None if stride is None else float(stride) for stride in reversed(self.field.stride)]
        return None not in strides and list(self.step) != strides


def priors(analysis: Analysis) -> list[Place]:
    """The maps on which layers place boxes of stated sizes."""
    found = []
    for row in analysis.receptive_fields.rows:
        anchors = row.facts.anchors if row.facts else None
        if anchors is not None:
            name = row.op.inputs[anchors.operand]
            found.append(_place(analysis, row.name, name, anchors.sizes, anchors.step))
    return found


def described(analysis: Analysis, sizes: Mapping[str, Sequence[Size]]) -> list[Place]:
    """The detection heads, with the sizes for the stride of their map. Raises ArgumentError for a stride none has."""
    found = []
    strides: dict[str, None] = {}
    for row in heads.find(analysis.receptive_fields.rows, analysis.model.outputs):
        field = analysis.receptive_fields.of(row.op.outputs[0])
        stride = field.format("stride") if field is not None else "?"
        strides[stride] = None
        found.append(_place(analysis, row.name, row.op.outputs[0], tuple(sizes.get(stride, ()))))
    idle = [stride for stride in sizes if stride not in strides]
    if idle:
        there = ", ".join(strides) or "none"
        reason = f"no detection head has stride {', '.join(idle)}; there are: {there}"
        raise ArgumentError("anchor_sizes", reason, analysis.model.path)
    return found


def _place(analysis: Analysis, name: str, tensor: str, sizes: tuple[Size, ...], step: Size | None = None) -> Place:
    blob = analysis.model.blob_names.get(tensor, tensor)
    return Place(name, blob, analysis.tensors.get(tensor, UNKNOWN), analysis.receptive_fields.of(tensor), sizes, step)


def against(sizes: Mapping[str, Sequence[Size]]) -> Section:
    """The section for heads whose anchors are these: width and height, by the stride of the map as it is shown."""

    def tables(analysis: Analysis) -> list[Table]:
        tables = [_prior_table(analysis), _head_table(analysis, sizes)]
        filled = [table for table in tables if table.rows]
        if filled:
            return filled
        note = "No operator places boxes, and no convolution's values reach an output."
        return [Table((), (), [], notes=[note, *_lost(analysis)], heading="Detection heads")]

    def data(analysis: Analysis) -> dict[str, Any]:
        return {
            "priors": [_place_data(place) for place in priors(analysis)],
            "heads": [_place_data(place) for place in described(analysis, sizes)],
        }

    return Section("anchors", "the boxes of a detector beside what the cells of their maps see", tables, data)


def _prior_table(analysis: Analysis) -> Table:
    places = priors(analysis)
    rows = [
        (
            place.name, place.map, _extents(place.tensor), _seen(place, "stride"),
            _pair(place.step) if place.step else "?", _seen(place, "size"),
            str(len(place.sizes)) if place.sizes else "?", _listed(place.sizes), _verdict(place),
        )
        for place in places
    ]  # fmt: skip
    titles = ("prior layer", "source", "feature map", "stride", "step", "rf", "boxes", "sizes", "mismatches")
    right = (False, False, False, True, True, True, True, False, False)
    notes = ["Sizes are width x height, in input elements; step is from the boxes of one cell to those of the next."]
    if any(place.drifts for place in places):
        notes.append("Where the step is not the stride, boxes stand off what their cells see.")
    return Table(titles, right, rows, notes=notes, heading="Prior boxes", marked=_mismatches(places))


def _head_table(analysis: Analysis, sizes: Mapping[str, Sequence[Size]]) -> Table:
    places = described(analysis, sizes)
    titles: tuple[str, ...] = ("head", "feature map", "cells", "channels", "stride", "rf")
    rows: list[tuple[str, ...]] = [
        (
            place.name, _extents(place.tensor), _count(place.tensor), _channels(place.tensor),
            _seen(place, "stride"), _seen(place, "size"),
        )
        for place in places
    ]  # fmt: skip
    right: tuple[bool, ...] = (False, False, True, True, True, True)
    if sizes:
        titles, right = (*titles, "sizes", "mismatches"), (*right, False, False)
        rows = [(*row, _listed(place.sizes), _verdict(place)) for row, place in zip(rows, places, strict=True)]
    note = (
        "A head is a layer that makes boxes, or a convolution that reaches an output without crossing another"
        " channel-mixing layer."
    )
    return Table(
        titles, right, rows, notes=[note, *_lost(analysis)], heading="Detection heads", marked=_mismatches(places)
    )


def _lost(analysis: Analysis) -> list[str]:
    """That there may be more heads, where there may."""
    return [f"Not followed through what is not known: {', '.join(analysis.unknown)}."] if analysis.unknown else []


def _mismatches(places: Iterable[Place]) -> frozenset[int]:
    return frozenset(at for at, place in enumerate(places) if place.larger or (place.sizes and not place.known))


def _verdict(place: Place) -> str:
    """What is wrong with the sizes, "" when nothing is."""
    if not place.sizes:
        return ""
    if not place.known:
        return "not known"
    larger = len(place.larger)
    if not larger:
        return ""
    count = "" if larger == len(place.sizes) else f"{larger} of {len(place.sizes)} "
    return f"{count}larger than the receptive field ({_seen(place, 'size')})"


def _listed(sizes: Sequence[Size]) -> str:
    """Each size once, in order, with how many there are of it; of many the smallest and the largest."""
    counts: dict[Size, int] = {}
    for size in sizes:
        counts[size] = counts.get(size, 0) + 1
    if len(counts) > SHOWN:
        least, most = min(counts, key=prod), max(counts, key=prod)
        return f"{_pair(least, each=True)} to {_pair(most, each=True)}"
    return ", ".join(_pair(size, each=True) + (f" ({count})" if count > 1 else "") for size, count in counts.items())


def _pair(numbers: Size, each: bool = False) -> str:
    """Two numbers to a decimal as 42.4x21.2; one where they are the same, unless `each`."""
    across, down = (f"{round(number, 1):g}" for number in numbers)
    return across if across == down and not each else f"{across}x{down}"


def _seen(place: Place, quantity: str) -> str:
    return place.field.format(quantity) if place.field is not None else "?"


def _extents(tensor: Tensor) -> str:
    return extents_text(tensor.shape[2:]) if tensor.ranked else "?"


def _count(tensor: Tensor) -> str:
    return show(prod(tensor.shape[2:]), "count") if tensor.ranked else "?"


def _channels(tensor: Tensor) -> str:
    return show(tensor.shape[1], "count") if tensor.ranked and tensor.rank > 1 else "?"


def _place_data(place: Place) -> dict[str, Any]:
    """A place for JSON; sizes are null where they are not known, and so is what is larger."""
    shape = place.tensor.shape if place.tensor.ranked else None
    sized = bool(place.sizes)
    return {
        "name": place.name,
        "map": place.map,
        "shape": None if shape is None else list(map(to_json, shape)),
        "rf": place.field.to_dict() if place.field else None,
        "step": list(place.step) if place.step else None,
        "sizes": [list(size) for size in place.sizes] if sized else None,
        "larger": [list(size) for size in place.larger] if sized and place.known else None,
    }


SECTION = against({})
