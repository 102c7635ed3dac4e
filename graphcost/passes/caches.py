"""Caches that a model hands on from one run to the next: keys and values of the tokens so far, states that grow.

A cache is recognised by what it is: an input and an output that has the same shape but for one axis, along which it is
the input with something added, where the length of the input is open in the file. Which input an output continues is
seen from what makes it: the operator, or one that only views or selects its result, reads that input.

Between runs one of the two is kept: the output, or the input where the file declares the output to be of its very
shape, as it does of a cache with room for all tokens that is written in place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..dims import Dim, Extent, bounds, total
from ..graph import BITS, Model, Tensor
from .rows import Row


@dataclass(frozen=True)
class Cache:
    """One tensor of a cache."""

    input: str
    output: str
    axis: int
    """The axis that grows."""
    before: Tensor
    after: Tensor
    in_place: bool = False
    """The file declares both to be of one shape: what is new is written into the room that there is."""

    @property
    def kept(self) -> Tensor:
        """What lives until the next run."""
        return self.before if self.in_place else self.after

    @property
    def bytes_per_token(self) -> Extent:
        """Bytes of one more position, of the whole batch."""
        shape = (*self.after.shape[: self.axis], *self.after.shape[self.axis + 1 :])
        return Tensor(shape, self.after.dtype).nbytes

    @property
    def nbytes(self) -> Extent:
        """Bytes after the run: what is kept until the next."""
        return self.kept.nbytes

    @property
    def tokens(self) -> Extent:
        """Positions after the run; of a cache that is written in place, those that there is room for."""
        return self.kept.shape[self.axis]

    @property
    def added(self) -> Extent:
        """Positions that the run adds."""
        return self.after.shape[self.axis] - self.before.shape[self.axis]


def find(model: Model, inputs: Mapping[str, Tensor], tensors: Mapping[str, Tensor], rows: Iterable[Row]) -> list[Cache]:
    """The caches of a model, in the order of its outputs."""
    maker = {name: row for row in rows if row.name == row.op.name for name in row.op.outputs}
    found: dict[str, Cache] = {}
    for output in model.outputs:
        after = tensors.get(output)
        if after is None or not after.ranked or output not in maker:
            continue
        for name in _read_for(output, maker):
            before, stated = inputs.get(name), model.inputs.get(name)
            if name in found or before is None or stated is None or not (before.ranked and stated.ranked):
                continue
            axis = _growing_axis(before, after)
            if axis is not None and isinstance(stated.shape[axis], Dim):
                declared = model.declared.get(output)
                in_place = declared is not None and declared.ranked and declared.shape == stated.shape
                found[name] = Cache(name, output, axis, before, after, in_place)
                break
    return list(found.values())


def _read_for(output: str, maker: Mapping[str, Row]) -> list[str]:
    """What the operator behind an output reads, looking through views of its results."""
    row = maker[output]
    while row.facts is not None and row.facts.is_view and row.op.inputs and row.op.inputs[0] in maker:
        row = maker[row.op.inputs[0]]
    return list(row.op.all_inputs)


def _growing_axis(before: Tensor, after: Tensor) -> int | None:
    """The one axis along which a tensor is longer than another of the same type; None when they differ otherwise."""
    if before.rank != after.rank or before.rank < 2 or before.dtype != after.dtype or before.dtype not in BITS:
        return None
    axes = [axis for axis, pair in enumerate(zip(before.shape, after.shape, strict=True)) if pair[0] != pair[1]]
    if len(axes) != 1:
        return None
    (axis,) = axes
    return axis if axis and _is_longer(before.shape[axis], after.shape[axis]) else None  # the first is the batch


def _is_longer(before: Extent, after: Extent) -> bool:
    """Whether one extent can be more than another, as far as is known."""
    _, most = bounds(after - before)
    return after != before and (most is None or most > 0)


def bytes_per_token(caches: Sequence[Cache]) -> Extent:
    """Bytes of one more position in all of them."""
    return total(cache.bytes_per_token for cache in caches)


def nbytes(caches: Sequence[Cache]) -> Extent:
    """Bytes kept until the next run."""
    return total(cache.nbytes for cache in caches)
