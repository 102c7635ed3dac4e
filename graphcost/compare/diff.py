"""What differs between two networks: their totals, and the layers that changed, came, went, moved or were renamed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..columns import Column, find
from ..dims import Dim, Extent, substitute, symbols, to_json
from ..errors import ModelError
from ..quantities import TOTAL_OF
from ..table import Value
from ..version import __version__
from .match import match
from .snapshot import CONTENT, Layer, Snapshot

DEFAULT = ("params", "macs", "activation")
KINDS = ("changed", "added", "removed", "renamed", "moved")
ORDERED_AT = 64
"""Where formulas are compared in size, every open dimension is taken to be so large."""


@dataclass(frozen=True)
class Delta:
    """One quantity on both sides."""

    column: Column
    old: Value
    new: Value
    """None where it is not known, or the layer is not there."""
    difference: Value
    """Formulas are subtracted; None where a side is not known."""
    percent: float | None
    """Of the old one; None where that is 0 or open, or a side is not known."""
    rank: float
    """How large the difference is beside others."""
    exact: bool = True
    """Whether neither is a lower bound."""


@dataclass(frozen=True)
class Change:
    """A layer that is not as it was."""

    kinds: tuple[str, ...]
    """Of KINDS, one or more."""
    old: Layer | None
    new: Layer | None
    deltas: Mapping[str, Delta]
    """By column."""

    @property
    def layer(self) -> Layer:
        """The layer as it is now; of a removed one, as it was."""
        layer = self.new or self.old
        assert layer is not None
        return layer


class Diff:
    """What differs between two networks, largest first.

    `columns` are those that are shown for each layer; `sort` is the one that orders them, else all of these do in turn.
    Raises ModelError for a column that a side does not have.
    """

    def __init__(
        self, old: Snapshot, new: Snapshot, columns: Sequence[str] | None = None, sort: str | None = None
    ) -> None:
        self.old, self.new = old, new
        self.columns = [find(key) for key in columns or DEFAULT]
        order = [sort] if sort else ["macs", *[column.key for column in self.columns]]
        for side in (old, new):
            for key in [column.key for column in self.columns] + ([sort] if sort else []):
                _check(side, key)
        self._keys = [key for key in CONTENT if key in old.columns and key in new.columns]
        shown = [column.key for column in self.columns]
        self._compared = [find(key) for key in dict.fromkeys([*self._keys, *shown, *order])]
        self._order = [key for key in order if key in [column.key for column in self._compared]]

    @cached_property
    def changes(self) -> list[Change]:
        """The layers that differ, those whose cost differs most first, then in the order of the networks."""
        old, new = self.old.layers, self.new.layers
        found = match(old, new, self._keys)
        changes = [self._change(old[at], None) for at in found.removed]
        changes += [self._change(None, new[at]) for at in found.added]
        for a, b in found.pairs:
            if (change := self._change(old[a], new[b], moved=b in found.moved)).kinds:
                changes.append(change)
        return sorted(changes, key=lambda change: [-change.deltas[key].rank for key in self._order])

    def _change(self, old: Layer | None, new: Layer | None, moved: bool = False) -> Change:
        if old is not None and new is not None and not moved and old.name == new.name and self._same(old, new):
            return Change((), old, new, {})
        deltas = {
            column.key: self._delta(column, _value(old, column.key), _value(new, column.key))
            for column in self._compared
        }
        return Change(self._kinds(old, new, moved), old, new, deltas)

    def _kinds(self, old: Layer | None, new: Layer | None, moved: bool) -> tuple[str, ...]:
        if old is None or new is None:
            return ("added",) if old is None else ("removed",)
        kinds = [] if self._same(old, new) else ["changed"]
        kinds += ["renamed"] if old.name != new.name else []
        return (*kinds, *(["moved"] if moved else []))

    def _same(self, old: Layer, new: Layer) -> bool:
        """Whether a layer is and costs what it did, whatever it is called."""
        values = all(old.values.get(column.key) == new.values.get(column.key) for column in self._compared)
        if not values or old.shapes != new.shapes:
            return False
        return old.attributes is None or new.attributes is None or old.attributes == new.attributes

    def _delta(self, column: Column, old: Value, new: Value, exact: bool = True) -> Delta:
        if isinstance(old, str) or isinstance(new, str):
            return Delta(column, old, new, None, None, float(old != new), exact)
        if old is None or new is None:
            return Delta(column, old, new, None, None, 0.0 if old == new else float("inf"), exact)
        difference = _minus(new, old)
        number, before = self.evaluate(difference), self.evaluate(old)
        percent = None if number is None or not before else 100 * number / before
        rank = abs(_at(difference) if number is None else number)
        return Delta(column, old, new, difference, percent, rank, exact)

    def evaluate(self, value: Value) -> float | None:
        """A number where both networks take the same for granted of its symbols; None otherwise."""
        if not isinstance(value, Dim):
            return value if isinstance(value, int | float) else None
        number = substitute(value, self.assumptions)
        return number if isinstance(number, int) else None

    @cached_property
    def assumptions(self) -> dict[str, int]:
        """What both networks take for granted of open dimensions: a batch of 1."""
        both = {**self.old.assumptions, **self.new.assumptions}
        return {name: size for name, size in both.items() if self._agreed(name, size)}

    def _agreed(self, name: str, size: int) -> bool:
        sides = (self.old, self.new)
        return all(side.assumptions.get(name, size if name not in _open(side) else None) == size for side in sides)

    @cached_property
    def totals(self) -> dict[str, Delta]:
        """Every total that both networks have, by its name."""
        column_of = {name: key for key, name in TOTAL_OF.items()}
        found = {}
        for name, old in self.old.totals.items():
            if name in self.new.totals:
                exact = self.old.exact[name] and self.new.exact[name]
                found[name] = self._delta(find(column_of.get(name, name)), old, self.new.totals[name], exact)
        return found

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many layers are unchanged, and of each kind of change; one that is renamed and moved counts twice."""
        found = Counter(kind for change in self.changes for kind in change.kinds)
        paired = sum(change.old is not None and change.new is not None for change in self.changes)
        unchanged = len(self.new.layers) - found["added"] - paired
        return {"unchanged": unchanged, **{kind: found[kind] for kind in KINDS}}

    @property
    def empty(self) -> bool:
        """Whether nothing differs."""
        return not self.changes and all(delta.old == delta.new for delta in self.totals.values())

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `--format json`: numbers, formulas in text, None for what is not known or not there."""
        return {
            "schema": 1,
            "generator": f"graphcost {__version__}",
            **{key: _side(side) for key, side in (("old", self.old), ("new", self.new))},
            "assumptions": dict(self.assumptions),
            "totals": {name: _delta_json(delta) | {"exact": delta.exact} for name, delta in self.totals.items()},
            "counts": dict(self.counts),
            "layers": [_change_json(change, [c.key for c in self._compared]) for change in self.changes],
        }


def _side(side: Snapshot) -> dict[str, Any]:
    return {"path": side.path, "name": side.name, "complete": side.complete, "layers": len(side.layers)}


def _change_json(change: Change, keys: Iterable[str]) -> dict[str, Any]:
    old, new = change.old, change.new
    return {
        "change": list(change.kinds),
        "name": new.name if new else None,
        "old_name": old.name if old else None,
        "kind": change.layer.kind,
        "type": {"old": old.type if old else None, "new": new.type if new else None},
        "output_shapes": {"old": old.shapes if old else None, "new": new.shapes if new else None},
        "values": {key: _delta_json(change.deltas[key]) for key in keys},
    }


def _delta_json(delta: Delta) -> dict[str, Any]:
    values = {"old": delta.old, "new": delta.new, "delta": delta.difference}
    numbers = {key: to_json(value) if isinstance(value, Dim) else value for key, value in values.items()}
    return {**numbers, "percent": delta.percent}


def _value(layer: Layer | None, key: str) -> Value:
    """A layer's value; where there is no such layer, it costs nothing."""
    return 0 if layer is None else layer.values.get(key)


def _minus(new: Extent | float, old: Extent | float) -> Value:
    """The difference; of a formula and a fraction there is none."""
    if isinstance(new, float) or isinstance(old, float):
        return None if isinstance(new, Dim) or isinstance(old, Dim) else new - old
    return new - old


def _open(side: Snapshot) -> frozenset[str]:
    totals = [value for value in side.totals.values() if isinstance(value, Dim)]
    return frozenset().union(*map(symbols, totals))


def _at(value: Value) -> float:
    """About how large a formula is."""
    if not isinstance(value, Dim):
        return float(value) if isinstance(value, int | float) else 0.0
    number = substitute(value, dict.fromkeys(symbols(value), ORDERED_AT))
    return float(number) if isinstance(number, int) else 0.0


def _check(side: Snapshot, key: str) -> None:
    if side.layers and key not in side.columns:
        reason = f"the report has no column {key}; it has {', '.join(side.columns)}"
        raise ModelError(side.path, "", reason)
