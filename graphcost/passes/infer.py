"""Ask every operator's rule, in the order of execution: the one pass that calls rules.

Networks repeat, so the answer to each distinct question (rule, attributes, input tensors) is remembered. An operator
without a rule, or whose rule cannot decide, is no error: it becomes a row that says what is not known. An operator that
contradicts itself is one: a ModelError with its name, its place, its inputs and its attributes.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..dims import Dim, Extent, TooLarge, Undecided, identifier, substitute, symbol, symbols
from ..errors import ModelError
from ..graph import UNKNOWN, Model, Op, Tensor, UnknownShape, Unranked
from ..rules import FRESH, NO_WORK, Facts, Rule, Work, find
from ..shapes import show_shape
from .rows import Inference, Row, Weight, body_prefix

MAX_STEPS = 200_000
"""Operators looked at inside bodies, each time a loop in a loop is followed step by step counted anew."""
LARGEST = 2**50
"""Elements of the largest tensor believed; beyond it a size is a mistake in the file, or an attack."""


def infer(model: Model, inputs: Mapping[str, Tensor], dims: Mapping[str, Extent]) -> Inference:
    """Shapes and facts of every operator, given the shapes of the model's inputs and values for symbols.

    Raises ModelError when operators contradict their inputs.
    """
    scope = Scope(dict(inputs))
    engine = _Engine(model, dims)
    rows = engine.run(model, scope, "")
    if engine.learned:
        for row in rows:
            _settle(row, engine.learned)
        scope.tensors = {name: _with(tensor, engine.learned) for name, tensor in scope.tensors.items()}
    hidden = model.weights.keys() - set(model.outputs)
    activations = {name: tensor for name, tensor in scope.tensors.items() if name not in hidden}
    return Inference(rows, activations, frozenset(engine.named), engine.believed)


def _with(tensor: Tensor, sizes: Mapping[str, Extent]) -> Tensor:
    """A tensor with values in the place of symbols."""
    if not tensor.ranked or all(isinstance(extent, int) for extent in tensor.shape):
        return tensor
    return replace(tensor, shape=tuple([substitute(extent, sizes) for extent in tensor.shape]))


def _settle(row: Row, sizes: Mapping[str, Extent]) -> None:
    """Put values in the place of symbols all over a row."""
    row.inputs = tuple([tensor and _with(tensor, sizes) for tensor in row.inputs])
    row.outputs = tuple([_with(tensor, sizes) for tensor in row.outputs])
    row.trip_count = substitute(row.trip_count, sizes)
    if row.facts is not None:
        work = row.facts.work
        if work is not None:
            work = Work(*(substitute(getattr(work, kind), sizes) for kind in Work.__slots__))
        reads = row.facts.elements_read and tuple([substitute(extent, sizes) for extent in row.facts.elements_read])
        pieces = tuple([substitute(extent, sizes) for extent in row.facts.slice_offsets])
        outputs = tuple([_with(tensor, sizes) for tensor in row.facts.outputs])
        row.facts = replace(row.facts, work=work, outputs=outputs, elements_read=reads, slice_offsets=pieces)


@dataclass(slots=True)
class Scope:
    """The tensors that an operator can read by name, and the weights behind those that are constant."""

    tensors: dict[str, Tensor]
    constants: dict[str, tuple[Weight, ...]] = field(default_factory=dict)

    def inner(self, names: Iterable[tuple[str, str]]) -> Scope:
        """The scope of a body: of each pair, the second is what the body calls the tensor known here as the first."""
        inner = Scope({})
        for outer, name in names:
            if outer in self.tensors:
                inner.tensors[name] = self.tensors[outer]
            if outer in self.constants:
                inner.constants[name] = self.constants[outer]
        return inner

    def hold(self, weights: Mapping[str, Tensor]) -> None:
        self.tensors.update(weights)
        graph = id(weights)  # a name may stand for another weight in another graph
        self.constants.update((name, (Weight((graph, name), tensor),)) for name, tensor in weights.items())

    def weigh(self, row: Row, facts: Facts) -> None:
        """Note the weights that an operator without bodies works with, and what about it is constant.

        One that sees only constants and multiplies nothing hands them on.
        """
        op = row.op
        behind = [*map(self.constants.get, op.inputs)]  # the weights of each input, None for an activation
        if any(behind):
            row.constant_inputs = tuple(map(bool, behind))
        activations = behind.count(None) - op.inputs.count("")
        weights: list[Weight] = []
        if facts.weights and not (activations and facts.weights == facts.outputs):
            # but a ConstantOfShape whose shape is computed makes an activation
            weights = [Weight(_weight_key(op, at), tensor) for at, tensor in enumerate(facts.weights)]
        for at, held in enumerate(facts.packed_as[: len(behind)]):
            if held is not None and (packed := behind[at]) is not None:
                behind[at] = _unpacked(packed, self.tensors[op.inputs[at]], held)
        for group in behind:
            if group:
                weights += group
        if activations or facts.work is None or facts.work.macs != 0:
            row.weights = tuple(weights)
            return
        self.constants.update(dict.fromkeys(filter(None, op.outputs), tuple(weights)))
        row.constant = bool(weights)

    def take_out(self, op: Op, bodies: Iterable[Body]) -> tuple[Weight, ...]:
        """The weights an operator with bodies works with; those that only pass through a body stay constant outside."""
        for body in bodies:
            extra = len(body.model.outputs) - len(op.outputs)  # a loop's body begins with its condition
            results = body.model.outputs[max(0, extra) :]
            for name, inside in zip(op.outputs, results, strict=False):
                if name and inside in body.scope.constants:
                    self.constants[name] = (*self.constants.get(name, ()), *body.scope.constants[inside])
        if op.is_call:
            return ()
        return tuple(weight for name in op.inputs for weight in self.constants.get(name, ()))


def _unpacked(weights: tuple[Weight, ...], packed: Tensor, held: Tensor) -> tuple[Weight, ...]:
    """The weights of a constant that is only packed as it is, as what it holds."""
    return tuple([Weight(w.key, held if w.tensor.shape == packed.shape else w.tensor) for w in weights])


def _weight_key(op: Op, at: int) -> Hashable:
    shared = op.weight_names[at] if at < len(op.weight_names) else ""
    return shared or (op, at)


@dataclass(slots=True)
class Body:
    """A graph that a rule may run: call it with tensors for its inputs, get those of its outputs."""

    engine: _Engine
    model: Model
    scope: Scope
    """What the body sees of its surroundings, and after a call all that it has made."""
    prefix: str
    rows: list[Row] = field(default_factory=list)
    """A row per operator, of the last call or of several `added`."""

    def __call__(self, *arguments: Tensor | None) -> tuple[Tensor, ...]:
        """Raises Undecided when more than MAX_STEPS operators have been looked at."""
        self.engine.step(len(self.model.schedule))
        tensors = self.scope.tensors
        for at, name in enumerate(self.model.inputs):
            tensors[name] = (arguments[at] if at < len(arguments) else None) or UNKNOWN
        self.rows = self.engine.run(self.model, self.scope, self.prefix)
        return tuple([tensors.get(name, UNKNOWN) for name in self.model.outputs])

    @property
    def inputs(self) -> Mapping[str, Tensor]:
        return self.model.inputs

    def again(self, *arguments: Tensor | None) -> tuple[Tensor, ...]:
        """As a call, the work of this run added to that of the runs before."""
        before = {row.name: row for row in self.rows}
        outputs = self(*arguments)
        for row in self.rows:
            other = before.pop(row.name, None)
            work = None if row.work is None or (other and other.work is None) else row.work
            if work is not None and other is not None and other.work is not None:
                work = work + other.work
            row.facts = None if row.facts is None else replace(row.facts, work=work)
            row.trip_count, row.unrolled = 1, True
        self.rows.extend(before.values())  # of a branch that was not taken this time
        return outputs

    @property
    def work(self) -> Work:
        """The known work of the last call."""
        return sum((row.work for row in self.rows if row.work is not None), NO_WORK)

    @property
    def complete(self) -> bool:
        return all(row.status == "known" for row in self.rows)


_Answer = tuple[Facts | None, str, bool]
"""What a rule says, or None and why it cannot decide; and whether an extent in it still needs a name."""


class _Engine:
    def __init__(self, model: Model, dims: Mapping[str, Extent]) -> None:
        self.definitions = model.definitions
        self.dims = dims
        self.memo: dict[Hashable, _Answer] = {}
        """By the question: the rule, the attributes, the inputs and how many outputs there are."""
        self.same: dict[Hashable, tuple[_Answer, object, object]] = {}
        """By the identities of these, which operators that are alike mostly share: to tell that two are the same is
        faster than to compare them. They are held, so that nothing else gets their identities."""
        self.rules: dict[str, Rule | None] = {}
        """By kind, under the operator sets of the graph that is run."""
        self.opsets: Mapping[str, int] = {}
        self.steps = 0
        self.named: set[str] = set()
        """Names of extents that data decides, whether or not anything gives them a number."""
        self.minted: set[str] = set()
        """Those of them that stand in shapes."""
        self.learned: dict[str, Extent] = {}
        """Which of these the file declares as numbers further on."""
        self.believed: dict[str, int] = {}
        """All that it declares so."""

    def run(self, model: Model, scope: Scope, prefix: str) -> list[Row]:
        """A row for each operator of the schedule; `scope` holds every tensor afterwards."""
        outer = self.opsets, self.rules
        if model.opsets != self.opsets:
            self.opsets, self.rules = model.opsets, {}
        try:
            return self.rows(model, scope, prefix)
        finally:
            self.opsets, self.rules = outer

    def rows(self, model: Model, scope: Scope, prefix: str) -> list[Row]:
        rows: list[Row] = []
        scope.hold(model.weights)
        tensors, declared = scope.tensors, model.declared
        for op in model.schedule:
            inputs = tuple([tensors.get(name, UNKNOWN) if name else None for name in op.inputs])
            bodies = self.bodies(op, scope, prefix) if op.bodies else []
            facts, why = self.ask(op, inputs, bodies, declared)
            if facts is None:
                facts = self.fall_back(op, inputs, declared)
            outputs = facts.outputs if facts else ()
            if len(outputs) != len(op.outputs):
                missing = op.outputs[len(outputs) :]
                outputs = outputs[: len(op.outputs)] + tuple(self.stated(declared, name) for name in missing)
            if self.minted:
                self.learn(declared, op.outputs, outputs)
            for at, name in enumerate(op.outputs):
                if name:
                    tensor = outputs[at]
                    tensors[name] = self.stated(declared, name, tensor) if type(tensor) is Unranked else tensor
            row = Row(op, prefix + op.name, inputs, outputs, facts, 1, why)
            rows.append(row)
            if facts is None:
                continue
            if not bodies:
                scope.weigh(row, facts)
                continue
            row.weights = scope.take_out(op, bodies)
            for body, times in zip(bodies, facts.trip_counts, strict=False):
                for inner in body.rows:
                    inner.trip_count = inner.trip_count * times
                rows.extend(body.rows)
        return rows

    def learn(self, declared: Mapping[str, Tensor], names: Iterable[str], tensors: Iterable[Tensor]) -> None:
        """Note the numbers that the file declares for extents that data decides."""
        for name, tensor in zip(names, tensors, strict=True):
            stated = declared.get(name, UNKNOWN)
            if tensor.ranked and stated.ranked and stated.rank == tensor.rank:
                for extent, number in zip(tensor.shape, stated.shape, strict=True):
                    if isinstance(extent, Dim) and isinstance(number, int) and str(extent) in self.minted:
                        self.learned.setdefault(str(extent), self.believed.setdefault(str(extent), number))

    def stated(self, declared: Mapping[str, Tensor], name: str, otherwise: Tensor = UNKNOWN) -> Tensor:
        """What the file says of a tensor, with the sizes that the user gave."""
        if name not in declared:
            return otherwise
        tensor = declared[name]
        if not tensor.ranked or not self.dims:
            return tensor
        return replace(tensor, shape=tuple([substitute(extent, self.dims) for extent in tensor.shape]))

    def bodies(self, op: Op, scope: Scope, prefix: str) -> list[Body]:
        """The operator's bodies, each in a scope of its own: what it captures, or what a call gives the function."""
        bodies = []
        for label, body in op.bodies:
            outer, own = (op.inputs, body.inputs) if op.is_call else (op.captures, op.captures)
            inner = scope.inner(zip(outer, own, strict=False))
            bodies.append(Body(self, body, inner, body_prefix(prefix, op, label)))
        return bodies

    def step(self, operators: int) -> None:
        """Count operators looked at inside bodies. Raises Undecided when there are more than MAX_STEPS."""
        self.steps += operators
        if self.steps > MAX_STEPS:
            raise Undecided(f"more than {MAX_STEPS:,} operators in loops and functions")

    def ask(
        self, op: Op, inputs: tuple[Tensor | None, ...], bodies: list[Body], declared: Mapping[str, Tensor]
    ) -> tuple[Facts | None, str]:
        """The facts of an operator, or None and why not."""
        if bodies and op.is_call:
            try:
                return Facts(bodies[0](*inputs), NO_WORK, trip_counts=(1,)), ""
            except Undecided as reason:
                return None, str(reason)
        rule = self.rule(op)
        if rule is None:
            return None, f"no rule for {op.type}"
        facts, why, is_open = self.answer(rule, op, inputs, bodies) if bodies else self.remembered(rule, op, inputs)
        return (self.name_open(facts, op, declared) if facts and is_open else facts), why

    def remembered(self, rule: Rule, op: Op, inputs: tuple[Tensor | None, ...]) -> _Answer:
        """The answer to a question; a rule is asked each distinct one once."""
        same = (rule.function, id(op.attrs), len(op.outputs), *map(id, inputs))
        if (known := self.same.get(same)) is not None:
            return known[0]
        question = (rule.function, tuple(op.attrs.items()), inputs, len(op.outputs))
        if (answer := self.memo.get(question)) is None:
            answer = self.memo[question] = self.answer(rule, op, inputs, [])
        self.same[same] = answer, op.attrs, inputs
        return answer

    def rule(self, op: Op) -> Rule | None:
        """The rule of an operator under the operator sets of the graph that is run."""
        try:
            return self.rules[op.kind]
        except KeyError:
            rule = self.rules[op.kind] = find(op.kind, self.opsets.get(op.kind.rpartition(".")[0], 1))
            return rule

    def answer(self, rule: Rule, op: Op, inputs: tuple[Tensor | None, ...], bodies: list[Body]) -> _Answer:
        """Call a rule. Raises ModelError when it finds a contradiction."""
        attrs = op.attrs if rule.takes_any else {k: v for k, v in op.attrs.items() if k in rule.keywords}
        extra: dict[str, Any] = {"outputs": len(op.outputs)} if "outputs" in rule.keywords else {}
        labelled = zip(op.bodies, bodies, strict=True)
        extra.update((label, body) for (label, _), body in labelled if label in rule.keywords)
        try:
            _check_arity(rule, inputs)
            _check_attributes(rule, attrs)
            given = inputs if rule.most is None else inputs[: rule.most]
            facts = rule.function(*given, **{**attrs, **extra})
            _check_numbers(facts)
            return facts, facts.note, _is_open(facts)
        except (UnknownShape, Undecided, TooLarge) as reason:
            return None, str(reason), False
        except ModelError:
            raise
        except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError) as problem:
            raise ModelError(op.location, "", f"{describe(op)}: {problem}; {situation(op, inputs)}") from problem

    def fall_back(self, op: Op, inputs: tuple[Tensor | None, ...], declared: Mapping[str, Tensor]) -> Facts | None:
        """What can be said without a rule: by the operator's own definition, the format's library, the file's word."""
        if self.definitions is not None and self.rule(op) is None:
            if (definition := self.definitions.expand(op, inputs, self.opsets)) is not None:
                body = Body(self, definition, Scope({}), "")
                outputs = body(*inputs)
                if all(tensor.known for tensor in outputs):
                    return Facts(outputs, body.work if body.complete else None)
            if (shapes := self.definitions.shapes(op, inputs, self.opsets)) is not None:
                return Facts(shapes, None)
        stated = tuple(self.stated(declared, name) for name in op.outputs)
        return Facts(stated, None) if any(tensor.known for tensor in stated) else None

    def name_open(self, facts: Facts, op: Op, declared: Mapping[str, Tensor]) -> Facts:
        """Give the extents that data decides names of their own, after the tensor that has them first."""
        names: dict[str, Extent] = {}
        for name, tensor in zip(op.outputs, facts.outputs, strict=False):
            for axis, extent in enumerate(tensor.shape if tensor.ranked else ()):
                for free in symbols(extent):
                    if free.startswith(FRESH) and free not in names:
                        names[free] = self.open_extent(name, tensor, axis, declared)
        for free in sorted(name for times in facts.trip_counts for name in symbols(times)):
            if free.startswith(FRESH) and free not in names:
                own = identifier(f"{op.name}_times")
                self.named.add(own)
                names[free] = self.dims.get(own, symbol(own, lower=0))

        def named(tensor: Tensor) -> Tensor:
            if not tensor.ranked:
                return tensor
            return replace(tensor, shape=tuple(substitute(extent, names) for extent in tensor.shape))

        work = facts.work
        if work is not None:
            work = Work(*(substitute(getattr(work, kind), names) for kind in Work.__slots__))
        times = tuple(substitute(extent, names) for extent in facts.trip_counts)
        reads = facts.elements_read and tuple(substitute(extent, names) for extent in facts.elements_read)
        return replace(
            facts, outputs=tuple(map(named, facts.outputs)), work=work, trip_counts=times, elements_read=reads
        )

    def open_extent(self, name: str, tensor: Tensor, axis: int, declared: Mapping[str, Tensor]) -> Extent:
        """What stands for an extent that data decides: the user's word, a number that the file declares, or a name."""
        own = identifier(f"{name}_{axis}")
        self.named.add(own)
        if own in self.dims:
            return self.dims[own]
        stated = self.stated(declared, name)
        if stated.ranked and stated.rank == tensor.rank and isinstance(extent := stated.shape[axis], int):
            return self.believed.setdefault(own, extent)
        self.minted.add(own)
        return symbol(own, lower=0)


def _is_open(facts: Facts) -> bool:
    """Whether it holds an extent that data decides and that has no name yet."""
    for tensor in facts.outputs:
        for extent in tensor.shape if tensor.ranked else ():
            if isinstance(extent, Dim) and any(free.startswith(FRESH) for free in symbols(extent)):
                return True
    return any(free.startswith(FRESH) for extent in facts.trip_counts for free in symbols(extent))


def _check_numbers(facts: Facts) -> None:
    """Raise ValueError for a size that cannot be meant, TypeError where an attribute of another type became a size."""
    for tensor in facts.outputs:
        if not tensor.ranked:
            continue
        if not all(isinstance(extent, (int, Dim)) for extent in tensor.shape):
            raise TypeError(f"an output cannot have the shape {list(tensor.shape)}")
        if isinstance(size := tensor.size, int) and not 0 <= size <= LARGEST:
            raise ValueError(f"an output {show_shape(tensor.shape)} of {size} elements cannot be meant")
    work = facts.work
    if work is not None and not all(isinstance(getattr(work, kind), (int, Dim)) for kind in Work.__slots__):
        raise TypeError("an attribute of the wrong type")


def _check_attributes(rule: Rule, attrs: Mapping[str, Any]) -> None:
    """Raise TypeError for a list or a text where the rule takes one number; multiplied by it, a list would grow."""
    for name, value in attrs.items():
        if isinstance(value, (tuple, str)) and rule.function.__annotations__.get(name) in _NUMBERS:
            raise TypeError(f"attribute {name} should be one number, not {str(value)[:40]}")


_NUMBERS = ("int", "float", "int | None", "float | None")


def _check_arity(rule: Rule, inputs: tuple[Tensor | None, ...]) -> None:
    given = len(inputs)
    if given < rule.least:
        raise ValueError(f"needs at least {rule.least} inputs and has {given}")
    if any(tensor is None for tensor in inputs[: rule.least]):
        raise ValueError(f"input {inputs.index(None)} is left out, but is not optional")


def describe(op: Op) -> str:
    """An operator in an error message: `fc7 (Gemm)`."""
    return f"{op.name} ({op.type})" if op.name else op.type


def situation(op: Op, inputs: Iterable[Tensor | None]) -> str:
    """What an operator was given: `inputs [1, 9216], [4096, 4096], attributes {transB: 1}`."""
    shapes = ", ".join(
        "none" if tensor is None else show_shape(tensor.shape) if tensor.ranked else "of unknown shape"
        for tensor in inputs
    )
    attrs = ", ".join(f"{name}: {value!r}" for name, value in op.attrs.items())
    return f"inputs {shapes or 'none'}, attributes {{{attrs[:300]}}}"
