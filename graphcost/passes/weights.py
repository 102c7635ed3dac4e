"""Which weights stand behind each constant tensor of a graph, and which of them an operator works with.

A constant made of other constants is only noted with what it is made of, and followed back when an operator reads it:
a network that adds a constant to itself forty times lists its weights once, not 2**40 times. What a weight holds is
not known here, only its shape and type.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from ..graph import Model, Op, Tensor
from ..rules import Facts
from .rows import Row, Weight


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """A tensor that no input of the model changes: its own weights, and the constants that it is made of."""

    weights: tuple[Weight, ...] = ()
    sources: tuple[Constant, ...] = ()

    def __bool__(self) -> bool:
        """Whether a weight stands behind it: numbers drawn at random have none."""
        return bool(self.weights or self.sources)


def collect(constants: Iterable[Constant]) -> dict[Hashable, Weight]:
    """Every weight behind some constants by its key, each once, in the order in which they are met."""
    found: dict[Hashable, Weight] = {}
    seen: set[int] = set()
    waiting = [*constants][::-1]
    while waiting:
        constant = waiting.pop()
        if id(constant) not in seen:
            seen.add(id(constant))
            for weight in constant.weights:
                found.setdefault(weight.key, weight)
            waiting += constant.sources[::-1]
    return found


@dataclass(slots=True)
class Scope:
    """The tensors that an operator can read by name, and what stands behind those that are constant."""

    tensors: dict[str, Tensor]
    constants: dict[str, Constant] = field(default_factory=dict)

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
        graph = id(weights)  # a name may stand for another weight in another graph
        for name, tensor in weights.items():
            self.constants[name] = Constant((Weight((graph, name), tensor),))

    def attach_weights(self, row: Row, facts: Facts | None) -> None:
        """Note the weights that an operator without bodies works with, and which of its inputs are constant.

        One that sees only constants and multiplies nothing makes a constant. Of an operator of which nothing is known
        the weights among its inputs still are.
        """
        op = row.op
        behind = [*map(self.constants.get, op.inputs)]  # None for an activation, and for an input left out
        if any(behind):
            row.constant_inputs = tuple(map(bool, behind))
        activations = behind.count(None) - op.inputs.count("")
        own: tuple[Weight, ...] = ()
        if facts is not None:
            own = _own_weights(op, facts, activations)
            for at, held in enumerate(facts.packed_as[: len(behind)]):
                if held is not None and (packed := behind[at]) is not None:
                    behind[at] = _unpacked(packed, self.tensors[op.inputs[at]], held)
        sources = tuple(filter(None, behind))
        if facts is None or activations or facts.work is None or facts.work.macs != 0:
            if own or sources:
                row.weights = tuple(collect([Constant(own, sources)]).values())
            return
        constant = Constant(own, sources)
        self.constants.update(dict.fromkeys(filter(None, op.outputs), constant))
        row.constant = bool(own or sources)

    def body_weights(self, op: Op, bodies: Iterable[tuple[Model, Scope]]) -> tuple[Weight, ...]:
        """The weights an operator with bodies works with; what only passes through a body stays constant outside."""
        for body, scope in bodies:
            extra = len(body.outputs) - len(op.outputs)  # a loop's body begins with its condition
            for name, inside in zip(op.outputs, body.outputs[max(0, extra) :], strict=False):
                if name and (constant := scope.constants.get(inside)) is not None:
                    before = self.constants.get(name)
                    self.constants[name] = constant if before is None else Constant(sources=(before, constant))
        if op.is_call:
            return ()
        return tuple(collect(filter(None, map(self.constants.get, op.inputs))).values())


def _own_weights(op: Op, facts: Facts, activations: int) -> tuple[Weight, ...]:
    """The tensors that an operator holds itself, named so that blobs which layers share are one weight."""
    if not facts.weights or (activations and facts.weights == facts.outputs):
        return ()  # a ConstantOfShape whose shape is computed makes an activation
    return tuple([Weight(_key(op, at), tensor) for at, tensor in enumerate(facts.weights)])


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
