"""Names and numbers for extents that only data decides: boxes that survive, elements that are not zero.

A rule leaves such an extent as a fresh symbol. Here it gets the user's number, a number that the file declares for it,
or a name after the tensor that has it first, which neither the file nor another extent has. Whether a declared number
is so is not known: a report says that it was trusted. Of a shape that is wrong in one extent no other is believed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ..dims import Dim, Extent, Names, substitute, symbol, symbols
from ..graph import UNKNOWN, Op, Tensor, Unranked
from ..rules import FRESH, Facts, wished

Stated = Callable[[str], Tensor]
"""What the file declares of a tensor, with the sizes that the user gave; UNKNOWN when it declares nothing."""


class OpenExtents:
    """The extents that data decides in one network, as they are met."""

    def __init__(self, dims: Mapping[str, Extent], taken: Iterable[str]) -> None:
        self.dims = dims
        """The values that the user gave."""
        self.names = Names(taken)
        self.named: set[str] = set()
        """Every name that a user may give a value, whether or not anything has given it a number."""
        self.symbols: set[str] = set()
        """Those of them that stand in shapes as symbols."""
        self.resolved: dict[str, Extent] = {}
        """Symbols for which the file declares a number further on."""
        self.trusted: dict[str, int] = {}
        """Every number of the file that was believed, by name."""
        self.assumed: dict[str, int] = {}
        """The numbers that rules assume until the user gives others, by name."""
        self.ops: set[Op] = set()
        """The operators that have such an extent."""

    def name_symbols(self, facts: Facts, op: Op, prefix: str, stated: Stated) -> Facts:
        """The facts with a number or a name of its own for each fresh symbol; `prefix` tells graphs apart."""
        self.ops.add(op)
        names: dict[str, Extent] = {}
        for name, tensor in zip(op.outputs, facts.outputs, strict=False):
            for axis, extent in enumerate(tensor.shape if tensor.ranked else ()):
                for fresh in _fresh([extent]):
                    if fresh not in names:
                        wish, default = wished(fresh)
                        own = self.names((prefix, name, axis), wish or f"{name}_{axis}")
                        names[fresh] = self._extent(own, stated(name), tensor, axis, default)
        for fresh in sorted(_fresh(facts.trip_counts)):
            if fresh not in names:
                names[fresh] = self._trip_count(self.names((prefix, op.name), f"{op.name}_times"))
        return facts.map(
            lambda extent: substitute(extent, names),
            # what is open in a sequence gets a name where a tensor is taken out: in each it may be another number
            lambda tensor: tensor.substitute(names) if tensor.ranked else tensor,
        )

    def record_declared(self, names: Iterable[str], tensors: Iterable[Tensor], stated: Stated) -> None:
        """Note the numbers that the file declares for symbols that stand in some tensors."""
        for name, tensor in zip(names, tensors, strict=True):
            declared = stated(name)
            if not _may_be(declared, tensor):
                continue
            for extent, number in zip(tensor.shape, declared.shape, strict=True):
                if isinstance(extent, Dim) and isinstance(number, int) and (own := str(extent)) in self.symbols:
                    self.resolved.setdefault(own, self.trusted.setdefault(own, number))

    def _extent(self, own: str, declared: Tensor, tensor: Tensor, axis: int, default: int | None) -> Extent:
        """The user's number, the file's, the rule's, or a symbol."""
        self.named.add(own)
        if own in self.dims:
            return self.dims[own]
        if _may_be(declared, tensor) and isinstance(extent := declared.shape[axis], int):
            return self.trusted.setdefault(own, extent)
        if default is not None:
            return self.assumed.setdefault(own, default)
        self.symbols.add(own)
        return symbol(own, lower=0)

    def step(self, prefix: str, name: str) -> Extent:
        """What stands for the number of any step of the loop whose body's rows begin with `prefix`."""
        return self._trip_count(self.names((prefix, "step"), f"{name}_step"))

    def _trip_count(self, own: str) -> Extent:
        self.named.add(own)
        return self.dims.get(own, symbol(own, lower=0))


def _may_be(declared: Tensor, found: Tensor) -> bool:
    """Whether a declared shape contradicts nothing that is known of the tensor."""
    if not (declared.ranked and found.ranked and declared.rank == found.rank):
        return False
    pairs = zip(declared.shape, found.shape, strict=True)
    return all(a == b for a, b in pairs if isinstance(a, int) and isinstance(b, int))


def has_fresh(facts: Facts) -> bool:
    """Whether an extent that data decides has no name yet."""
    for tensor in facts.outputs:
        for extent in tensor.shape if tensor.ranked else ():
            if type(extent) is not int and _fresh([extent]):
                return True
    return bool(facts.trip_counts) and bool(_fresh(facts.trip_counts))


def _fresh(extents: Iterable[Extent]) -> set[str]:
    """The symbols without a name of their own in some extents."""
    dims = [extent for extent in extents if isinstance(extent, Dim)]
    return {name for dim in dims for name in symbols(dim) if name.startswith(FRESH)}


def at_file_sizes(stated: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> bool:
    """Whether every extent that the file states as a number still has it; what it declares further on is for these."""
    for name, tensor in stated.items():
        other = given.get(name, tensor)
        if not tensor.ranked or tensor.shape == other.shape:
            continue
        if other.rank != tensor.rank:
            return False
        if any(isinstance(a, int) and a != b for a, b in zip(tensor.shape, other.shape, strict=True)):
            return False
    return True


def stated_by(declared: Mapping[str, Tensor], dims: Mapping[str, Extent], at_file_sizes: bool) -> Stated:
    """What a graph declares of its tensors, under the user's values for symbols.

    Under other input sizes than the file's a declared shape need not hold: of such a tensor only its type is believed.
    """

    def stated(name: str) -> Tensor:
        tensor = declared.get(name, UNKNOWN)
        if not at_file_sizes and tensor.ranked:
            return Unranked(tensor.dtype)
        try:
            return tensor.substitute(dims) if dims else tensor
        except ValueError:  # an empty dimension, which what the file declares of others need not hold for
            return Unranked(tensor.dtype)

    return stated
