"""What infer finds, as data: a row for each operator, and the weights behind it.

Every pass after infer, the conventions and the reports read these records; only infer makes them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field

from ..dims import Extent
from ..frozen import frozen_dataclass
from ..graph import Op, Tensor
from ..rules import Facts, Work

NO_RULE = "no rule for "
"""What the reason of a row begins with whose operator nobody has taught."""


@frozen_dataclass(frozen=True, slots=True)
class Weight:
    """A constant tensor at the place it comes from, so that it is counted once however often it is used."""

    key: Hashable
    tensor: Tensor
    file_dtype: str = ""
    """Its element type in the file, where `tensor` is as if it were converted."""
    is_scaled: bool = False
    """Whether it is multiplied, and floating point made of it, before the operator that it belongs to reads it."""
    name: str = ""
    """What the file calls it."""
    use: str = ""
    """What the operator says that it is for: one of `rules.CLASSES`, "" where it does not tell."""

    def used_as(self, use: str) -> Weight:
        """The same weight where that is what it is for; `dataclasses.replace` takes ten times as long."""
        return Weight(self.key, self.tensor, self.file_dtype, self.is_scaled, self.name, use)


@dataclass(slots=True)
class Row:
    """One operator and what is known of it: a row of every report."""

    op: Op
    name: str
    """The operator's name; inside a body `loop/body/name`."""
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    facts: Facts | None
    trip_count: Extent = 1
    """How often it runs in one forward run of the model: a loop's trip count, 0 in a branch that is not counted."""
    why: str = ""
    """The reason when something is not known, or what was counted where that needs saying."""
    weights: tuple[Weight, ...] = ()
    """The constants it works with: its own blobs, initializers, and those behind operators that only see constants."""
    constant_inputs: tuple[bool, ...] = ()
    """Which of its inputs are constants; empty when none is."""
    constant: bool = False
    """Its outputs are constants: it can run once, before the model does."""
    unrolled: bool = False
    """It stands for several runs of a loop that was followed step by step: their work, and the shapes of the last."""

    dependent: bool = False
    """It is not known only because the shape of an input is not: the cause is another operator, or an input."""
    signature: int | None = None
    """The same for rows that are the same operation on the same shapes; they differ in names, weights and places."""

    @property
    def work(self) -> Work | None:
        """Scalar operations in one forward run of the model; None when they are not known."""
        if self.facts is None or self.facts.work is None:
            return None
        return self.facts.work if self.trip_count == 1 else self.facts.work * self.trip_count

    @property
    def activation_bytes(self) -> Extent | None:
        """Bytes of its outputs, none of a constant; None when a shape among them is not known."""
        if self.constant:
            return 0
        known = [tensor.nbytes for tensor in self.outputs if tensor.ranked]
        return sum(known) if len(known) == len(self.outputs) else None

    @property
    def prefix(self) -> str:
        """What the names of all rows of its graph begin with: `loop/body/`, "" outside of bodies."""
        return self.name.removesuffix(self.op.name)

    @property
    def read(self) -> Iterator[tuple[str, Tensor | None]]:
        """The operands whose elements it reads, by name; a tensor that only lends its shape is not among them."""
        reads = (self.facts.elements_read if self.facts else None) or ()
        for at, (name, operand) in enumerate(zip(self.op.inputs, self.inputs, strict=True)):
            if at >= len(reads) or reads[at] != 0:
                yield name, operand

    @property
    def scope(self) -> str:
        """The module path of the operator: the file's own, else what stands before the last `/` of its name."""
        return self.op.scope or self.name.rpartition("/")[0].strip("/")

    @property
    def status(self) -> str:
        """`known`, `partial` (shapes or cost, not both) or `unknown`."""
        known = True
        for tensor in self.outputs:
            known = known and tensor.known
        if self.facts is not None and self.facts.work is not None:
            return "known" if known else "partial"
        return "partial" if known and self.outputs else "unknown"


@dataclass(slots=True)
class Inference:
    """What one run over the schedule found."""

    rows: list[Row]
    """A row per operator in schedule order; those of a body follow the operator that runs it."""
    tensors: dict[str, Tensor]
    """Every activation of the outer graph by name, inputs included, weights only where they are the model's outputs."""
    named: frozenset[str] = frozenset()
    """Names that a user may give a value: those of extents that data decides."""
    declared: dict[str, int] = field(default_factory=dict)
    """Those that stand nowhere, because the file declares numbers in their place, which are believed."""
    assumed: dict[str, int] = field(default_factory=dict)
    """Those that stand nowhere, because their rules have a number for them until the user gives one."""


def body_prefix(prefix: str, op: Op, label: str) -> str:
    """What the names of the rows in a body begin with, where those beside the operator begin with `prefix`."""
    return f"{prefix}{op.name}/{label}/" if label else f"{prefix}{op.name}/"


def sign(rows: Sequence[Row]) -> None:
    """Give each row its signature: what is asked of one row holds for all that have the same.

    Nine of ten layers of a network repeat another: asking once for them takes 30 % off totals and columns at 10,000
    layers. Rows share facts and outputs where infer remembered its answer, so identity tells them apart.
    """
    known: dict[Hashable, int] = {}
    first = 1 + max([row.signature for row in rows if row.signature is not None], default=-1)
    for row in rows:
        if row.signature is not None:  # known from a run at other sizes
            continue
        op = row.op
        left_out = tuple(map(bool, op.outputs)) if "" in op.outputs else ()
        key = (
            op.kind, id(row.facts or row), id(row.outputs), row.trip_count, row.constant, row.unrolled,
            row.constant_inputs, _repeats(op.inputs), left_out, op.in_place,
        )  # fmt: skip
        row.signature = known.setdefault(key, first + len(known))


def _repeats(names: tuple[str, ...]) -> tuple[int, ...]:
    """For each name the place where it stands first, () when none stands twice and none is left out."""
    if len(set(names)) == len(names) and "" not in names:
        return ()
    first: dict[str, int] = {}
    return tuple([first.setdefault(name, at) for at, name in enumerate(names)])
