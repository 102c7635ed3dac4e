"""Which rows ONNX Runtime runs as one operator, foretold from the graph: an estimate has to know what takes no time.

Elementwise operators behind a convolution or a matrix product, quantisation around operators that have an 8-bit kernel,
and the operators that a Gelu or a layer normalisation is written as. Everything else runs by itself. It is no promise:
what a runtime fuses changes with its version, and --measure shows what it did.

https://onnxruntime.ai/docs/performance/model-optimizations/graph-optimizations.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..graph import Model
from .rows import Row

ACTIVATIONS = frozenset({"Relu", "LeakyRelu", "Sigmoid", "Tanh", "Clip", "HardSigmoid", "HardSwish", "ReLU", "ReLU6"})
SCALINGS = frozenset({"BatchNormalization", "BatchNorm", "Scale", "Bias"})
ARITHMETIC = frozenset({"Add", "Mul", "Div", "Sum", "Eltwise"})
FACTORS = ("Mul", "Div")
DROPPED = frozenset({"Identity", "Dropout"})
QUANTISED = frozenset({"QuantizeLinear"})
WIDENING = frozenset({"DequantizeLinear"})
NORMALISING = frozenset({"LayerNormalization", "SimplifiedLayerNormalization"})


@dataclass(slots=True)
class _State:
    """What an operator that others are fused into has taken already."""

    convolves: bool
    summed: bool = False
    activated: bool = False
    last: str = ""
    """The tensor that it makes now."""


@dataclass
class RuntimeFusion:
    """The row that does the work of each row that is fused."""

    into: dict[int, int] = field(default_factory=dict)
    as_type: dict[int, str] = field(default_factory=dict)
    """For a row that several together are run as another operator: its type."""

    def leader(self, at: int) -> int:
        """The row that runs a row."""
        while at in self.into:
            at = self.into[at]
        return at


def foretell(model: Model, rows: Sequence[Row]) -> RuntimeFusion:
    """The fusion of the outermost graph's rows."""
    walk = _Walk(model, rows)
    for at in walk.outer:
        walk.patterns(at)
    for at in walk.outer:
        walk.step(at)
    return walk.found


class _Walk:
    def __init__(self, model: Model, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.outer = [at for at, row in enumerate(rows) if not row.prefix and not row.constant]
        self.outputs = frozenset(model.outputs)
        self.maker = {name: at for at in self.outer for name in rows[at].op.outputs if name}
        self.readers: dict[str, list[int]] = {}
        for at in self.outer:
            for name in dict.fromkeys(rows[at].op.all_inputs):
                self.readers.setdefault(name, []).append(at)
        self.states: dict[int, _State] = {}
        self.found = RuntimeFusion()

    def type(self, at: int) -> str:
        return self.rows[at].op.type

    def only_reader(self, at: int) -> int | None:
        """The row that alone reads what a row makes, where it is no output of the model."""
        (name, *_) = self.rows[at].op.outputs or ("",)
        readers = self.readers.get(name, [])
        return readers[0] if len(readers) == 1 and name not in self.outputs else None

    def activations(self, at: int) -> list[str]:
        """The operands of a row that are no constants."""
        row = self.rows[at]
        constant = row.constant_inputs or (False,) * len(row.op.inputs)
        return [name for name, fixed in zip(row.op.inputs, constant, strict=True) if name and not fixed]

    def step(self, at: int) -> None:
        """Note an operator that others can be fused into, or fuse a row into one before it or behind it."""
        row = self.rows[at]
        if at in self.found.into:
            return
        if row.facts is not None and row.facts.work is not None and row.facts.work.macs != 0:
            self.states[at] = _State(bool(row.facts.window.kernel), last=row.op.outputs[0])
            return
        if self.type(at) in WIDENING:
            self._widen(at)
            return
        for name in self.activations(at):
            before = self.maker.get(name)
            if before is None or len(self.readers.get(name, [])) != 1 or name in self.outputs:
                continue
            into = self.found.leader(before)
            if self._takes(into, at, name):
                self.found.into[at] = into
                return

    def _takes(self, into: int, at: int, name: str) -> bool:
        """Whether an operator does the work of a row that reads `name`, which the operator makes."""
        kind, state = self.type(at), self.states.get(into)
        if kind in DROPPED:
            return True
        if state is None:
            return kind in QUANTISED and self._quantised(into)
        if state.last != name:
            return False
        taken = False
        if kind in QUANTISED:
            taken = self._quantised(into)
        elif kind in ACTIVATIONS:
            taken = not state.activated
            state.activated = True
        elif kind in SCALINGS:
            taken = state.convolves and not state.activated and not state.summed
        elif kind in ARITHMETIC and not state.activated:
            several = len(self.activations(at)) > 1
            taken = state.convolves and not state.summed
            if not several and not state.convolves:
                taken = not state.summed and (kind not in FACTORS or self._by_a_number(at))
            state.summed = state.summed or (taken and (several or kind not in FACTORS))
        if taken:
            state.last = self.rows[at].op.outputs[0]
        return taken

    def _by_a_number(self, at: int) -> bool:
        """Whether all constant operands of a row have one element."""
        row = self.rows[at]
        operands = zip(row.inputs, row.constant_inputs, strict=False)
        return all(each is None or (each.ranked and each.size == 1) for each, fixed in operands if fixed)

    def _quantised(self, at: int) -> bool:
        """Whether an operator reads what was widened for it: it runs in 8 bits then."""
        names = self.rows[at].op.inputs
        return any(name in self.maker and self.type(self.maker[name]) in WIDENING for name in names)

    def _widen(self, at: int) -> None:
        """A row that makes its operand wider is part of its reader, where that has an 8-bit kernel."""
        reader = self.only_reader(at)
        behind = self.only_reader(reader) if reader is not None else None
        row = self.rows[reader] if reader is not None else None
        multiplies = (
            row is not None and row.facts is not None and row.facts.work is not None and row.facts.work.macs != 0
        )
        quantised = behind is not None and self.type(behind) in QUANTISED | ACTIVATIONS
        if reader is not None and (quantised or multiplies):
            self.found.into[at] = reader

    def patterns(self, at: int) -> None:
        """The operators that a Gelu is written as: x * 0.5 * (1 + erf(x / sqrt 2)), in whatever order."""
        if self.type(at) == "Erf":
            self._gelu(at)
        elif self.type(at) == "ReduceMean":
            self._normalisation(at)
        elif self.type(at) in NORMALISING:
            self._skip(at)

    def _gelu(self, at: int) -> None:
        (name,) = self.rows[at].op.inputs
        chain, last = (
            [self.maker[name]] if name in self.maker and self.type(self.maker[name]) in ("Div", "Mul") else [],
            at,
        )
        for _ in range(3):
            reader = self.only_reader(last)
            if reader is None or self.type(reader) not in ("Add", "Mul"):
                break
            chain.append(reader)
            last = reader
        if len(chain) >= 3:
            self.found.as_type[at] = "Gelu"
            for each in chain:
                self.found.into.setdefault(each, at)

    def _normalisation(self, at: int) -> None:
        """x - mean, over the root of its mean square: from the first ReduceMean to the last scaling."""
        (source, *_) = self.rows[at].op.inputs
        reader = self.only_reader(at)
        if reader is None or self.type(reader) != "Sub" or source not in self.rows[reader].op.inputs:
            return
        chain = [reader]
        frontier, seen = [reader], {reader}
        while frontier and len(chain) < 9:
            current = frontier.pop(0)
            for name in self.rows[current].op.outputs:
                for each in self.readers.get(name, []):
                    if each not in seen and self.type(each) in ("Pow", "Mul", "ReduceMean", "Add", "Sqrt", "Div"):
                        seen.add(each)
                        chain.append(each)
                        frontier.append(each)
        if any(self.type(each) == "Sqrt" for each in chain):
            self.found.as_type[at] = "LayerNormalization"
            for each in chain:
                self.found.into.setdefault(each, at)

    def _skip(self, at: int) -> None:
        """An addition before a normalisation is done by that where nobody else reads the sum."""
        (name, *_) = self.rows[at].op.inputs
        before = self.maker.get(name)
        if before is None or self.only_reader(before) != at:
            return
        if self.type(before) == "Add" and len(self.activations(before)) > 1 and before not in self.found.into:
            self.found.into[before] = at
            self.found.as_type[at] = f"Skip{self.type(at)}"
