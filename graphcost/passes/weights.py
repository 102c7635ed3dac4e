"""Which weights stand behind each constant tensor of a graph, and which of them an operator works with.

A constant made of other constants is only noted with what it is made of, and followed back when an operator reads it:
a network that adds a constant to itself forty times lists its weights once, not 2**40 times. What a weight holds is
not known here, only its shape and type.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..graph import Model, Op, Tensor
from ..rules import Facts
from .rows import Row, Weight


@dataclass(slots=True, eq=False)
class Constant:
    """A tensor that no input of the model changes: its own weights, and the constants that it is made of."""

    weights: tuple[Weight, ...] = ()
    sources: tuple[Constant, ...] = ()


Behind = Constant | Literal[False]
"""What stands behind a constant tensor; False where no weight does, as behind numbers drawn at random."""


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
    constants: dict[str, Behind] = field(default_factory=dict)

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
        if facts is not None and None in behind and not facts.weights and not any(behind):
            return  # as most operators, which see activations alone
        if any(behind):
            row.constant_inputs = tuple(map(bool, behind))
        activations = behind.count(None) - op.inputs.count("")
        own: tuple[Weight, ...] = ()
        if facts is not None:
            own = _own_weights(op, facts, activations)
            for at, held in enumerate(facts.packed_as[: len(behind)]):
                if held is not None and (packed := behind[at]):
                    behind[at] = _unpacked(packed, self.tensors[op.inputs[at]], held)
        sources = tuple([constant for constant in behind if constant])
        if facts is None or activations or facts.work is None or facts.work.macs != 0:
            row.weights = _all_weights(own, sources)
            return
        row.constant = bool(own or sources)
        constant: Behind = row.constant and Constant(own, sources)
        self.constants.update(dict.fromkeys(filter(None, op.outputs), constant))

    def body_weights(self, op: Op, bodies: Iterable[tuple[Model, Scope]]) -> tuple[Weight, ...]:
        """The weights an operator with bodies works with; what only passes through a body stays constant outside."""
        for body, scope in bodies:
            extra = len(body.outputs) - len(op.outputs)  # a loop's body begins with its condition
            for name, inside in zip(op.outputs, body.outputs[max(0, extra) :], strict=False):
                if name and (constant := scope.constants.get(inside)):
                    before = self.constants.get(name)
                    self.constants[name] = Constant(sources=(before, constant)) if before else constant
        if op.is_call:
            return ()
        return _all_weights((), [constant for constant in map(self.constants.get, op.inputs) if constant])


def _all_weights(own: tuple[Weight, ...], sources: Sequence[Constant]) -> tuple[Weight, ...]:
    """An operator's own weights and those behind the constants that it reads, each once."""
    if any(source.sources for source in sources):
        return tuple(collect([Constant(own), *sources]).values())
    if len(sources) + len(own) < 2:
        return own or (sources[0].weights if sources else ())
    found = {weight.key: weight for weight in own}
    for source in sources:
        for weight in source.weights:
            found.setdefault(weight.key, weight)
    return tuple(found.values())


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
        weights.append(weight._replace(tensor=held) if is_packed else weight)
    return Constant(tuple(weights))


def _key(op: Op, at: int) -> Hashable:
    shared = op.weight_names[at] if at < len(op.weight_names) else ""
    return shared or (op, at)
