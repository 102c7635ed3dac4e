"""Which weights stand behind each constant tensor of a graph, and which of them an operator works with.

A constant made of other constants is only noted with what it is made of, and followed back when an operator reads it:
a network that adds a constant to itself forty times lists its weights once, not 2**40 times. What a weight holds is
not known here, only its shape and type.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from ..errors import ModelError
from ..graph import Model, Op, Tensor
from ..rules import LEARNED, NUMBER, SETTINGS, TABLES, Facts, Rule
from ..shapes import show_shape
from .rows import Row, Weight
from .weight_names import is_module_parameter


@dataclass(slots=True, eq=False)
class Constant:
    """A tensor that no input of the model changes: its own weights, and the constants that it is made of."""

    weights: tuple[Weight, ...] = ()
    sources: tuple[Constant, ...] = ()
    is_scaled: bool = False
    """Whether it is floating point, made of the others by multiplying them, as a quantised tensor is turned back."""
    use: str = ""
    """What its reader says that they are for, where none of them says so itself."""


Behind = Constant | Literal[False]
"""What stands behind a constant tensor; False where no weight does, as behind numbers drawn at random."""


def collect(constants: Iterable[Constant]) -> dict[Hashable, Weight]:
    """Every weight behind some constants by its key, each once, in the order in which they are met."""
    found: dict[Hashable, Weight] = {}
    seen: set[tuple[int, bool, str]] = set()
    waiting = [(constant, False, "") for constant in constants][::-1]
    while waiting:
        constant, scaled, use = waiting.pop()
        scaled = scaled or constant.is_scaled
        use = constant.use or use  # the operator nearest to a weight knows best
        if (id(constant), scaled, use) not in seen:
            seen.add((id(constant), scaled, use))
            for weight in constant.weights:
                known = _used(weight, use) if use else weight
                _keep(found, replace(known, is_scaled=True) if scaled else known)
            waiting += [(source, scaled, use) for source in constant.sources[::-1]]
    return found


def _used(weight: Weight, use: str) -> Weight:
    """A weight with what it is for, where that is not known already; NUMBER tells of a single number alone.

    Of what a formula fills, its reader knows better: zeros are the states of a recurrence, or stand for the kernel of a
    convolution in a file whose weights were taken out.
    """
    if not use or (weight.use and (weight.use != TABLES or use == NUMBER)):
        return weight
    if use == NUMBER:
        single = weight.tensor.ranked and weight.tensor.size == 1
        use = SETTINGS if single and not is_module_parameter(weight.name) else ""
    return weight.used_as(use) if use else weight


def _keep(found: dict[Hashable, Weight], weight: Weight) -> None:
    """Add a weight to those by key; of one that is used in two ways, being learned counts."""
    other = found.setdefault(weight.key, weight)
    if other.use not in ("", LEARNED) and weight.use in ("", LEARNED):
        found[weight.key] = other = replace(weight, is_scaled=other.is_scaled or weight.is_scaled)
    if weight.is_scaled and not other.is_scaled:
        found[weight.key] = replace(other, is_scaled=True)


@dataclass(frozen=True, slots=True)
class Attached:
    """The weights of an operator that reads activations too, whatever these are."""

    behind: list[Behind | None]
    """What stands behind each of its inputs; None for an activation."""
    constant_inputs: tuple[bool, ...]
    weights: tuple[Weight, ...]


@dataclass(slots=True)
class Scope:
    """The tensors that an operator can read by name, and what stands behind those that are constant."""

    tensors: dict[str, Tensor]
    constants: dict[str, Behind] = field(default_factory=dict)
    attached: Mapping[Op, Attached] = field(default_factory=dict)
    """What a run at other sizes found."""

    def inner(self, names: Iterable[tuple[str, str]]) -> Scope:
        """The scope of a body: of each pair, the second is what the body calls the tensor known here as the first."""
        inner = Scope({})
        for outer, name in names:
            if outer in self.tensors:
                inner.tensors[name] = self.tensors[outer]
            if outer in self.constants:
                inner.constants[name] = self.constants[outer]
        return inner

    def bind_initializers(self, weights: Mapping[str, Tensor]) -> None:
        """Make a graph's own weights known by name."""
        self.tensors.update(weights)
        if weights.keys() <= self.constants.keys():  # known from a run at other sizes
            return
        graph = id(weights)  # a name may stand for another weight in another graph
        for name, tensor in weights.items():
            self.constants[name] = Constant((Weight((graph, name), tensor, name=name),))

    def attach_weights(self, row: Row, facts: Facts | None, rule: Rule | None) -> None:
        """Note the weights that an operator without bodies works with, and which of its inputs are constant.

        One that sees only constants and multiplies nothing makes a constant. Of an operator of which nothing is known
        the weights among its inputs still are.
        """
        op = row.op
        behind = [*map(self.constants.get, op.inputs)]  # None for an activation, and for an input left out
        if facts is not None and None in behind and not facts.weights and not op.blobs and not any(behind):
            return  # as most operators, which see activations alone
        known = self.attached.get(op)
        if known is not None and known.behind == behind and _holds_nothing(facts):
            row.constant_inputs, row.weights = known.constant_inputs, known.weights
            return
        if any(behind):
            row.constant_inputs = tuple(map(bool, behind))
        activations = behind.count(None) - op.inputs.count("")
        own = _own_weights(op, facts, activations)
        if facts is not None:
            for at, held in enumerate(facts.packed_as[: len(behind)]):
                if held is not None and (packed := behind[at]):
                    behind[at] = _unpacked(packed, self.tensors[op.inputs[at]], held)
        sources = _sources(behind, row, rule)
        if facts is None or activations or facts.work is None or facts.work.macs != 0:
            row.weights = _all_weights(own, sources)
            return
        row.constant = bool(own or sources)
        if op.may_own_weights:  # a blob of a layer is there whether or not an activation ever meets it
            row.weights = own
        is_scaled = facts.work.muls != 0 and any("float" in y.dtype for y in facts.outputs)
        constant: Behind = row.constant and Constant(own, sources, is_scaled)
        self.constants.update(dict.fromkeys(filter(None, op.outputs), constant))

    def attached_to(self, row: Row) -> Attached | None:
        """The weights of an operator without bodies, if they are the same whatever activations it reads.

        Whether a single number is a setting may depend on what it is applied to.
        """
        behind = [*map(self.constants.get, row.op.inputs)]
        reads_activations = behind.count(None) > row.op.inputs.count("")
        doubtful = any(weight.tensor.size == 1 and weight.use in ("", SETTINGS, TABLES) for weight in row.weights)
        if doubtful or not reads_activations or not _holds_nothing(row.facts):
            return None
        return Attached(behind, row.constant_inputs, row.weights)

    def body_weights(self, row: Row, bodies: Iterable[tuple[Model, Scope]], rule: Rule | None) -> tuple[Weight, ...]:
        """The weights an operator with bodies works with; what only passes through a body stays constant outside."""
        op = row.op
        for body, scope in bodies:
            extra = len(body.outputs) - len(op.outputs)  # a loop's body begins with its condition
            for name, inside in zip(op.outputs, body.outputs[max(0, extra) :], strict=False):
                if name and (constant := scope.constants.get(inside)):
                    before = self.constants.get(name)
                    self.constants[name] = Constant(sources=(before, constant)) if before else constant
        if op.is_call:
            return ()
        return _all_weights((), _sources([*map(self.constants.get, op.inputs)], row, rule))


def _holds_nothing(facts: Facts | None) -> bool:
    """Whether the weights of an operator are those among its inputs, as the file has them."""
    return facts is not None and facts.work is not None and not facts.weights and not facts.packed_as


def _sources(behind: Sequence[Behind | None], row: Row, rule: Rule | None) -> tuple[Constant, ...]:
    """The constants among an operator's operands, each with what its rule says that a weight there is for."""
    if rule is None or not rule.classes:
        return tuple([constant for constant in behind if constant])
    sources = []
    for at, constant in enumerate(behind):
        if constant:
            use = rule.class_of(at)
            if use == NUMBER and not _is_spread(row, at):
                use = ""
            if use and (constant.sources or constant.is_scaled):
                constant = Constant(sources=(constant,), use=use)
            elif use:
                constant = Constant(tuple([_used(weight, use) for weight in constant.weights]))
            sources.append(constant)
    return tuple(sources)


def _is_spread(row: Row, at: int) -> bool:
    """Whether a single number is applied to many: the [1] that is added to [N, 1] is a bias, one for each output."""
    number, result = row.inputs[at], row.outputs[0]
    if number is None or not number.ranked or not result.ranked or not number.rank:
        return True
    return 1 not in result.shape[-number.rank :]


def check_shared(rows: Iterable[Row]) -> None:
    """Raise ModelError where layers share a blob whose shape is not the same for both.

    A layer that is permissive takes one of another shape with as many elements (Net::AppendParam in
    https://github.com/BVLC/caffe/blob/master/src/caffe/net.cpp).
    """
    owners: dict[str, tuple[Tensor, Row]] = {}
    for row in rows:
        op, facts = row.op, row.facts
        if not op.weight_names:
            continue
        held = facts.weights if facts is not None and facts.work is not None else op.blobs or ()
        for at, (name, tensor) in enumerate(zip(op.weight_names, held, strict=False)):
            if not name:
                continue
            other, owner = owners.setdefault(name, (tensor, row))
            by_size = at < len(op.permissive) and op.permissive[at]
            if _differ(tensor, other, by_size):
                shapes = f"{show_shape(tensor.shape)}, and {show_shape(other.shape)} in {owner.name}"
                remedy = "" if by_size else " (share_mode: PERMISSIVE allows it where the sizes are the same)"
                reason = f"{row.name}: its blob {name!r} is {shapes}, which it shares{remedy}"
                raise ModelError(op.location, "", reason)


def _differ(a: Tensor, b: Tensor, by_size: bool) -> bool:
    """Whether two blobs are known to differ in shape, or `by_size` in how many elements they have."""
    if by_size:
        return isinstance(a.size, int) and isinstance(b.size, int) and a.size != b.size
    pairs = zip(a.shape, b.shape, strict=False)
    return a.rank != b.rank or any(m != n for m, n in pairs if isinstance(m, int) and isinstance(n, int))


def _all_weights(own: tuple[Weight, ...], sources: Sequence[Constant]) -> tuple[Weight, ...]:
    """An operator's own weights and those behind the constants that it reads, each once."""
    if any(source.sources or source.is_scaled for source in sources):
        return tuple(collect([Constant(own), *sources]).values())
    every = [*own]
    for source in sources:
        every += source.weights
    if len({weight.key for weight in every}) == len(every):  # as mostly
        return tuple(every)
    found = {weight.key: weight for weight in own}
    for source in sources:
        for weight in source.weights:
            _keep(found, weight)
    return tuple(found.values())


def _own_weights(op: Op, facts: Facts | None, activations: int) -> tuple[Weight, ...]:
    """The tensors that an operator holds itself, named so that blobs which layers share are one weight.

    Of one whose work is not known they are those that a trained file holds, if there is one.
    """
    if op.blobs is not None and (facts is None or facts.work is None):
        return tuple([Weight(_key(op, at), tensor) for at, tensor in enumerate(op.blobs)])
    if facts is None or not facts.weights or (activations and facts.weights == facts.outputs):
        return ()  # a ConstantOfShape whose shape is computed makes an activation
    names = op.outputs if facts.weights == facts.outputs else ()
    classes = facts.weight_classes
    return tuple(
        [
            Weight(_key(op, at), tensor, name="".join(names[at : at + 1]), use="".join(classes[at : at + 1]))
            for at, tensor in enumerate(facts.weights)
        ]
    )


def _unpacked(constant: Constant, packed: Tensor, held: Tensor) -> Constant:
    """A constant whose own shape and type are only how it is packed, as what it holds."""
    weights = []
    for weight in collect([constant]).values():
        tensor = weight.tensor
        is_packed = tensor.dtype == packed.dtype and tensor.size == packed.size  # under another shape too
        weights.append(replace(weight, tensor=held) if is_packed else weight)
    return Constant(tuple(weights))


def _key(op: Op, at: int) -> Hashable:
    shared = op.weight_names[at] if at < len(op.weight_names) else ""
    return shared or (op, at)
