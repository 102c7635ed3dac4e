"""Parameters: every learned or constant number that the model carries, counted once however often it is used.

Floating-point and quantised (at most 8-bit) tensors count wherever they hide. Wider integers steer shapes and indices
and do not, save where an operator that multiplies reads them: an int16 matrix, the int32 bias of a quantised layer, a
table whose rows are scaled. A weight belongs to the row of the first operator that computes with it.

Each of them is of a class (`rules.CLASSES`), by what the operator that reads it has it for; of one that two operators
read in different ways, being learned counts. `learned` is what papers and torch's sum(p.numel()) say.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field

from ..dims import Extent, floor_div
from ..graph import BITS, Op
from ..rules import CLASSES, LEARNED, TABLES
from .rows import Row, Weight
from .scores import biased_scores
from .tables import multiplied
from .tied import transposed_copies
from .weight_names import is_of_module, meaning

COPIES = "copies"
"""The class of what is likely a copy of another weight."""
NORMALISATIONS = ("BatchNormalization", "GroupNormalization", "InstanceNormalization", "LayerNormalization")
"""Operators whose factors and shifts an exporter has to write even where the module has none."""
UNTOLD = "unknown"
"""The class of what only operators read of which nothing is known: it may be learned, or a setting of theirs."""


@dataclass
class Parameters:
    """Counts of one model; `rows` has the new parameters of each row, in the order of the rows."""

    total: Extent = 0
    nbytes: Extent = 0
    by_dtype: dict[str, Extent] = field(default_factory=dict)
    bytes_by_dtype: dict[str, Extent] = field(default_factory=dict)
    rows: list[Extent | None] = field(default_factory=list)
    """None where an operator of which nothing is known may hold weights of its own."""
    row_bytes: list[Extent | None] = field(default_factory=list)
    learned_rows: list[Extent | None] = field(default_factory=list)
    """Of these, the learned ones."""
    classes: dict[str, Extent] = field(default_factory=lambda: dict.fromkeys((*CLASSES, COPIES, UNTOLD), 0))
    """Elements of each class, which add up to `total`."""
    class_bytes: dict[str, Extent] = field(default_factory=lambda: dict.fromkeys((*CLASSES, COPIES, UNTOLD), 0))
    guesses: list[str] = field(default_factory=list)
    """In words, what was put into a class by names or shapes, which is likely rather than certain."""

    def add(self, dtype: str, kind: str, size: Extent, nbytes: Extent) -> None:
        """Count elements of a type and a class, and their bytes."""
        self.total += size
        self.nbytes += nbytes
        self.by_dtype[dtype] = self.by_dtype.get(dtype, 0) + size
        self.bytes_by_dtype[dtype] = self.bytes_by_dtype.get(dtype, 0) + nbytes
        self.classes[kind] += size
        self.class_bytes[kind] += nbytes

    @property
    def learned(self) -> Extent:
        """What training finds, each number once: sum(p.numel() for p in model.parameters()) in torch."""
        return self.classes[LEARNED]

    @property
    def others(self) -> dict[str, Extent]:
        """The other classes of which the model has any."""
        return {name: size for name, size in self.classes.items() if name != LEARNED and size != 0}


def count(rows: Sequence[Row]) -> Parameters:
    """Elements and bytes of every weight, each at the first row that uses it."""
    result = Parameters()
    classes = _Classes(rows)
    sums: dict[tuple[str, str], tuple[Extent, Extent]] = {}  # elements and bytes by type and class
    seen: set[Hashable] = set()
    rows = list(rows)
    tables = multiplied(rows)
    for row in rows:
        elements: Extent = 0
        nbytes: Extent = 0
        learned: Extent = 0
        for weight in row.weights:
            if weight.key in seen or not (weight.key in tables or is_parameter(weight, row)):
                continue
            seen.add(weight.key)
            tensor, kind = weight.tensor, classes.of[weight.key]
            size, own_bytes = tensor.size, tensor.nbytes
            elements += size
            nbytes += own_bytes
            if kind == LEARNED:
                learned += size
            before = sums.get((tensor.dtype, kind), (0, 0))
            sums[tensor.dtype, kind] = before[0] + size, before[1] + own_bytes
        hidden = row.facts is None and row.op.may_own_weights
        result.rows.append(None if hidden else elements)
        result.row_bytes.append(None if hidden else nbytes)
        result.learned_rows.append(None if hidden else learned)
    for (dtype, kind), (size, own_bytes) in sums.items():
        result.add(dtype, kind, size, own_bytes)
    result.guesses = classes.guesses(seen)
    return result


NUMBERS = ("int16", "uint16", "int32")
"""Types wider than 8 bits that quantised tensors have; positions and lengths are of 64 bits."""


def active(rows: Iterable[Row], counted: Parameters) -> Extent:
    """Parameters that work on one token; experts that are not chosen for it do not."""
    resting: Extent = 0
    seen: set[Hashable] = set()
    for row in rows:
        chosen = row.facts.experts if row.facts is not None else None
        for weight in row.weights if chosen else ():
            tensor = weight.tensor
            if chosen and weight.key not in seen and is_parameter(weight, row) and tensor.rank > 1:
                if tensor.shape[0] == chosen[1]:
                    resting += floor_div(tensor.size * (chosen[1] - min(chosen)), chosen[1])
                seen.add(weight.key)
    return counted.total - resting


def is_parameter(weight: Weight, row: Row) -> bool:
    """Whether a constant that an operator reads counts among the parameters."""
    dtype = weight.file_dtype or weight.tensor.dtype
    if not weight.tensor.ranked or dtype in ("bool", "string"):
        return False
    if "int" not in dtype or BITS.get(dtype, 64) <= 8:
        return True
    if weight.is_scaled and dtype in NUMBERS:
        return True
    if row.work is None or row.work.macs == 0:
        return False
    # Positions and lengths that attention and packed products read are int64; a matrix of these has a product of these.
    return dtype in NUMBERS or any(output.dtype == dtype for output in row.outputs)


class _Classes:
    """The class of every weight of a model, by its key."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.of: dict[Hashable, str] = {}
        self.likely: dict[str, list[Weight]] = {}
        """The weights of each class that only their names, or what is made of them, put there."""
        self.named = any(
            _is_initializer(weight) and is_of_module(weight.name) for row in rows for weight in row.weights
        )
        """Whether the file says which module its weights belong to."""
        scores = biased_scores(rows)
        for row in rows:
            untold = not row.dependent and (row.facts is None or row.facts.work is None)
            normalises = self.named and row.op.type in NORMALISATIONS
            for weight in row.weights:
                if untold and not weight.use:
                    self.of.setdefault(weight.key, UNTOLD)
                elif normalises and weight.use == LEARNED and _is_written_out(weight):
                    self.of.setdefault(weight.key, TABLES)
                elif weight.use == LEARNED or not (weight.use or weight.name):  # as most are
                    self.of[weight.key] = LEARNED
                else:
                    self._note(weight, id(row) in scores)
        self.copies = transposed_copies(rows)
        self.of.update(dict.fromkeys(self.copies, COPIES))

    def _note(self, weight: Weight, biases_scores: bool) -> None:
        use = weight.use or self._likely(weight, biases_scores)
        if (known := self.of.get(weight.key)) in (None, UNTOLD) or use == LEARNED:
            self.of[weight.key] = use
            if known in (None, UNTOLD) and use not in (weight.use, LEARNED):
                self.likely.setdefault(use, []).append(weight)

    def _likely(self, weight: Weight, biases_scores: bool) -> str:
        """The class of a weight of which the operator does not tell it.

        What an exporter put into a node, where it gives parameters the names of their modules, was made on the way.
        """
        if use := meaning(weight.name):
            return use
        made = self.named and not _is_initializer(weight)
        return TABLES if made or (biases_scores and not is_of_module(weight.name)) else LEARNED

    def guesses(self, counted: set[Hashable]) -> list[str]:
        """In words, what of the counted weights is likely rather than certain to be of its class."""
        words = []
        for use, weights in self.likely.items():
            names = [weight.name for weight in weights if weight.key in counted and self.of[weight.key] == use]
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            words += [f"{names[0]}{more} are likely {use}"] if names else []
        for key, original in self.copies.items():
            name = key[1] if isinstance(key, tuple) else key
            words.append(f"{name} is likely a transposed copy of {original.name}")
        return words


def _is_initializer(weight: Weight) -> bool:
    """Whether the file lists the weight by name, rather than an operator holding it."""
    return isinstance(weight.key, tuple) and isinstance(weight.key[0], int)


def _is_written_out(weight: Weight) -> bool:
    """Whether a node of the file states its numbers, as exporters write the ones and zeros of a normalisation that has
    no factors and shifts of its own.
    """
    key = weight.key
    return isinstance(key, tuple) and isinstance(key[0], Op) and key[0].type == "Constant"
