"""Which layer of a network is which of another: by name, then by kind and neighbourhood.

Names come first. Where layers are renumbered or renamed, as by another version of an exporter, so that names explain
less than what the layers are, the layers' kinds, shapes and costs in their order come first and names after them. What
is left over between two layers that are matched is matched by its kind there, and then by what feeds it or reads it.

Not known: weights' contents, which are never read.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

from .align import Pair, align, increasing
from .snapshot import Layer

Links = Sequence[tuple[int, ...]]
"""For each layer those that feed it, or read it."""


@dataclass(frozen=True)
class Matching:
    """Positions of layers that are the same in both networks, and the others."""

    pairs: tuple[Pair, ...]
    """In the order of the old network."""
    removed: tuple[int, ...]
    added: tuple[int, ...]
    moved: frozenset[int]
    """Positions in the new network of layers that run at another place in the order, and are fed by others there."""


def match(old: Sequence[Layer], new: Sequence[Layer], keys: Sequence[str]) -> Matching:
    """The matching that leaves the fewest layers added, removed or changed; by names where these do as well.

    `keys` are the columns, besides kinds and shapes, in which layers that are unchanged agree.
    """
    sides = _Side(old, keys), _Side(new, keys)
    found = _finished(_by_name(old, new, {}), *sides)
    if _cost(found, *sides):
        by_content = dict(align(sides[0].contents, sides[1].contents))
        _fill_gaps(by_content, sides[0].types, sides[1].types)  # names are the weaker evidence here
        other = _finished(_by_name(old, new, by_content), *sides)
        if _cost(other, *sides) < _cost(found, *sides):
            found = other
    pairs = tuple(sorted(found.items()))
    matched = set(found.values())
    return Matching(
        pairs,
        tuple([at for at in range(len(old)) if at not in found]),
        tuple([at for at in range(len(new)) if at not in matched]),
        _moved(pairs, *sides),
    )


class _Side:
    """One of the two networks, with who feeds whom."""

    def __init__(self, layers: Sequence[Layer], keys: Sequence[str]) -> None:
        self.layers = layers
        self.contents = [(each.kind, each.shapes, *[each.values.get(key) for key in keys]) for each in layers]
        self.kinds = [layer.kind for layer in layers]
        self.types = [layer.type for layer in layers]
        self.feeders: Links
        self.readers: Links
        self.feeders, self.readers = _links(layers)


def _links(layers: Sequence[Layer]) -> tuple[Links, Links]:
    maker: dict[str, int] = {}
    feeders: list[tuple[int, ...]] = []
    readers: list[list[int]] = [[] for _ in layers]
    for at, layer in enumerate(layers):
        feeders.append(tuple([maker[name] for name in layer.inputs if name in maker]))
        for feeder in feeders[-1]:
            readers[feeder].append(at)
        maker.update((name, at) for name in layer.outputs if name)
    return feeders, [tuple(each) for each in readers]


def _by_name(old: Sequence[Layer], new: Sequence[Layer], known: dict[int, int]) -> dict[int, int]:
    """The pairs that are known, and of the other layers those of the same name and kind."""
    taken = set(known.values())
    places = {layer.name: at for at, layer in enumerate(new) if at not in taken}
    found = dict(known)
    for at, layer in enumerate(old):
        place = places.get(layer.name) if at not in known else None
        if place is not None and new[place].kind == layer.kind:
            found[at] = place
    return found


def _finished(found: dict[int, int], old: _Side, new: _Side) -> dict[int, int]:
    """The same with what follows from it for layers that are left over."""
    if len(found) < min(len(old.layers), len(new.layers)):
        _fill_gaps(found, old.types, new.types)
        _fill_gaps(found, old.kinds, new.kinds)
        _spread(found, old, new)
    return found


def _fill_gaps(found: dict[int, int], old: Sequence[str], new: Sequence[str]) -> None:
    """Match layers of one type or kind, given for all layers, that stand between the same two layers."""
    taken = set(found.values())
    rest_old = [at for at in range(len(old)) if at not in found]
    rest_new = [at for at in range(len(new)) if at not in taken]
    fixed = increasing(sorted(found.items()))
    old_ends, new_ends = [a for a, _ in fixed], [b for _, b in fixed]
    gaps: dict[int, tuple[list[int], list[int]]] = {}
    for at in rest_old:
        gaps.setdefault(bisect_left(old_ends, at), ([], []))[0].append(at)
    for at in rest_new:
        gaps.setdefault(bisect_left(new_ends, at), ([], []))[1].append(at)
    for left, right in gaps.values():
        pairs = align([old[at] for at in left], [new[at] for at in right])
        found.update((left[a], right[b]) for a, b in pairs)


def _spread(found: dict[int, int], old: _Side, new: _Side) -> None:
    """Match layers of one kind that the same layers feed, then those that the same layers read, one at a time."""
    for order, old_links, new_links in (
        (range(len(old.layers)), old.feeders, new.feeders),
        (range(len(old.layers) - 1, -1, -1), old.readers, new.readers),
    ):
        taken = set(found.values())
        candidates = _keyed([at for at in range(len(new.layers)) if at not in taken], new, new_links)
        for at in order:
            if at in found or not old_links[at] or any(link not in found for link in old_links[at]):
                continue
            key = (old.kinds[at], tuple([found[link] for link in old_links[at]]))
            if len(places := candidates.get(key, [])) == 1:
                found[at] = places.pop()


def _keyed(layers: Iterable[int], side: _Side, links: Links) -> dict[Hashable, list[int]]:
    found: dict[Hashable, list[int]] = {}
    for at in layers:
        if links[at]:
            found.setdefault((side.kinds[at], links[at]), []).append(at)
    return found


def _cost(found: dict[int, int], old: _Side, new: _Side) -> int:
    """How many layers are added, removed or changed."""
    changed = sum(old.contents[a] != new.contents[b] for a, b in found.items())
    return len(old.layers) + len(new.layers) - 2 * len(found) + changed


def _moved(pairs: Sequence[Pair], old: _Side, new: _Side) -> frozenset[int]:
    fixed = set(increasing(pairs))
    place = dict(pairs).get
    feeders: Callable[[int], tuple[int | None, ...]] = lambda at: tuple(map(place, old.feeders[at]))  # noqa: E731
    return frozenset(b for a, b in pairs if (a, b) not in fixed and feeders(a) != new.feeders[b])
