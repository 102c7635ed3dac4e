"""The architecture in lines, as people write it down: Conv3(out_c=16, in_c=16, kernel=3, ...)-BN()-ReLU().

A line is a chain of operators joined by `-`. It goes on while what it makes has one reader, and ends before the next
operator that multiplies by a kernel or a matrix. A line reads the end of the line above unless it says `from` where
else; joins name what they join, and a blank line stands where the resolution changes. Constants, and what only computes
shapes, are left out. It counts nothing, so it has no metrics.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

from ..dims import Extent
from ..graph import Tensor
from ..passes.rows import Row
from ..rules import NO_WORK, Window
from ..table import Table, shape_text
from . import Convention
from .families import cell, ends, family, linear, macs, onnx_type, share

if TYPE_CHECKING:
    from ..analysis import Analysis

Key = tuple[str, str]  # the graph that a tensor belongs to, "" for the outer one, and its name there

SHORT = 36  # letters of a name that is taken from the file
_NAME = re.compile(r"[^\s/:(),]+")
_WORDS = {
    "Convolution": "Conv", "ConvTranspose": "Deconv", "Deconvolution": "Deconv", "Gemm": "FC", "InnerProduct": "FC",
    "BatchNormalization": "BN", "BatchNorm": "BN", "Relu": "ReLU", "LeakyRelu": "LeakyReLU", "PRelu": "PReLU",
    "Elu": "ELU", "TanH": "Tanh", "AveragePool": "AvgPool",
}  # fmt: skip
_SEVERAL = ("Pooling", "Eltwise", "ReLU")  # Caffe's types that are several of ONNX's


@dataclass
class Chain:
    """One line."""

    graph: str
    rows: list[Row]
    sources: list[Key]
    """What its first operator reads."""
    end: int
    """The place of its last operator in the schedule."""
    joined: dict[int, list[Key]] = field(default_factory=dict)
    """For an operator further on, by its place in the chain: what it reads besides the one before it."""


class Network:
    """The operators of an analysis as chains, and the names of tensors between them."""

    def __init__(self, analysis: Analysis) -> None:
        self.rows: list[Row] = []
        self._weights = analysis.model.weights.keys()
        self.makers: dict[Key, Row] = {}
        self._operands: list[list[Key]] = []
        hidden: set[Key] = set()
        for row in analysis.rows:
            graph = row.prefix
            made = [(graph, name) for name in row.op.outputs if name]
            if row.constant or (row.outputs and all(tensor.value is not None for tensor in row.outputs)):
                hidden.update(made)
                continue
            self._operands.append([key for key in self._read(row) if key not in hidden])
            self.rows.append(row)
            self.makers.update(dict.fromkeys(made, row))
        self._readers = Counter(key for keys in self._operands for key in keys)

    def _read(self, row: Row) -> Iterator[Key]:
        """What an operator reads that is no constant, each tensor once; what only lends its shape if that is all."""
        graph = row.prefix
        fixed = {name for name, constant in zip(row.op.inputs, row.constant_inputs, strict=False) if constant}
        if not graph:
            fixed |= self._weights
        seen = [name for name, _ in row.read if name and name not in fixed]
        lent = [name for name in row.op.inputs if name and name not in fixed]
        captured = [name for name in row.op.captures if name not in self._weights]
        for name in dict.fromkeys((*(seen or lent), *captured)):
            inside = (graph, name) in self.makers or ("", name) not in self.makers
            yield (graph if inside else "", name)

    @cached_property
    def chains(self) -> list[Chain]:
        """In the order in which they end, so that what a line names stands above it."""
        found: list[Chain] = []
        tails: dict[Key, Chain] = {}
        for at, (row, keys) in enumerate(zip(self.rows, self._operands, strict=True)):
            graph = row.prefix
            ready = [key for key in keys if key in tails and self._readers[key] == 1 and tails[key].graph == graph]
            if ready and not _multiplies(row) and (len(keys) == 1 or (row.facts and row.facts.elementwise)):
                before = max(ready, key=lambda key: tails[key].end)
                chain = tails.pop(before)
                chain.joined[len(chain.rows)] = [key for key in keys if key != before]
                chain.rows.append(row)
                chain.end = at
            else:
                chain = Chain(graph, [row], keys, at)
                found.append(chain)
            if not row.op.bodies and not self.several(row):  # what a body does stands below the line of its operator
                tails.update(dict.fromkeys(self._used(row), chain))
        return sorted(found, key=lambda chain: chain.end)

    def _used(self, row: Row) -> list[Key]:
        """The outputs that somebody reads."""
        graph = row.prefix
        return [(graph, name) for name in row.op.outputs if self._readers[graph, name]]

    def several(self, row: Row) -> bool:
        """Whether more than one of its outputs is read."""
        return len(self._used(row)) > 1

    @cached_property
    def labels(self) -> dict[int, str]:
        """A name for each chain, by the identity of its rows: the file's if that is short, else type and number."""
        own: dict[str, Chain] = {}
        rest = []
        for chain in self.chains:
            names = [name for name in _names(chain.rows[0]) if name not in own]
            if names:
                own[names[0]] = chain
            else:
                rest.append(chain)
        numbers: Counter[str] = Counter()
        for chain in rest:
            word = _word(chain.rows[0])
            while (name := f"{word}{numbers[word]}") in own:
                numbers[word] += 1
            own[name] = chain
        return {id(row): name for name, chain in own.items() for row in chain.rows}

    def name(self, key: Key) -> str:
        """What a tensor is called: the line that makes it, with the output's number where several are read."""
        row = self.makers.get(key)
        if row is None:
            return key[1]
        return self.labels[id(row)] + (f"[{row.op.outputs.index(key[1])}]" if self.several(row) else "")


def table(analysis: Analysis) -> Table:
    """The lines of the outline."""
    network = Network(analysis)
    lines: list[str] = []
    begins: dict[str, int] = {}  # where the line of each join is
    named: set[str] = set()
    stage: tuple[Extent, ...] = ()
    above: Chain | None = None
    for chain in network.chains:
        before, inside = stage, above.graph if above else ""
        stage = _stage(chain.rows[0]) or stage
        if above is not None and (chain.graph != inside or (before and stage != before)):
            lines.append("")
        if chain.graph != inside:
            lines.append(f"{chain.graph.rstrip('/') or analysis.model.name or 'network'}:")
        line = "-".join(_texts(chain, network))
        if len(chain.sources) > 1:
            begins[network.labels[id(chain.rows[0])]] = len(lines)
            named.update(network.name(key).partition("[")[0] for key in chain.sources)
        elif chain.sources and not _follows(chain.sources[0], above, network, analysis):
            line += f"   from {network.name(chain.sources[0])}"
            named.add(network.name(chain.sources[0]).partition("[")[0])
        named.update(network.name(key).partition("[")[0] for keys in chain.joined.values() for key in keys)
        lines.append(line)
        above = chain
    for label, at in begins.items():
        if label in named:
            lines[at] += f"   as {label}"
    return Table(("",), (False,), [(line,) for line in lines], listing=True)


def _follows(source: Key, above: Chain | None, network: Network, analysis: Analysis) -> bool:
    """Whether a line reads what one expects it to: the end of the line above, or, as the first, the only input."""
    if above is None:
        return source not in network.makers and len(analysis.inputs) == 1
    return network.makers.get(source) is above.rows[-1] and not network.several(above.rows[-1])


def _texts(chain: Chain, network: Network) -> Iterator[str]:
    """The operators of a chain; Caffe's Scale behind BatchNorm is the second half of one normalisation."""
    for at, row in enumerate(chain.rows):
        if at and row.op.type == "Scale" and chain.rows[at - 1].op.type == "BatchNorm" and not chain.joined[at]:
            continue
        title = _word(row)
        operands = chain.joined[at] if at else chain.sources if len(chain.sources) > 1 else []
        parts = [network.name(key) for key in operands]
        if at == 0 and not operands:
            word, title = title, network.labels[id(row)]
            parts += [word] if word.lower() not in title.lower() else []
        yield f"{title}({', '.join([*parts, *_parameters(row, bool(operands))])})"


def _parameters(row: Row, joins: bool) -> Iterator[str]:
    """What defines an operator: channels and window, or the shape it gives what it moves."""
    facts = row.facts
    x, y = ends(row)
    if facts is None or x is None or y is None:
        return
    window = facts.window
    weight = _kernel(row, x) if _multiplies(row) and window.kernel else None
    if weight is not None:
        yield f"out_c={y.shape[1]}"
        yield f"in_c={x.shape[1]}"
    elif linear(row) and y.rank and y.size != 0:
        yield f"out_c={y.shape[-1]}"
        yield f"in_c={share(macs(row), y.size)}"
    elif inner := cell(row) if family(row) == "recurrent" else None:
        yield f"out_c={inner.hidden}"
        yield f"in_c={inner.depth}"
        if inner.directions != 1:
            yield f"directions={inner.directions}"
    if facts.work == NO_WORK and not (window.kernel and window.up):
        if x.shape != y.shape and not joins:
            yield shape_text(y)
    elif window.kernel:
        yield from _window(window, transposed=weight is not None)
    if weight is not None:
        group = share((y if window.up else x).shape[1], weight.shape[1])
        if group not in (0, 1):
            yield f"group={group}"


def _window(window: Window, transposed: bool) -> Iterator[str]:
    """The window as files state it; a transposed convolution's stride is our upsampling factor."""
    reach = [dilation * (kernel - 1) for kernel, dilation in zip(window.kernel, window.dilation, strict=True)]
    if window.up and not transposed:
        yield _each("up", [Fraction(up) / stride for up, stride in zip(window.up, window.stride, strict=True)])
        return
    yield _each("kernel", window.kernel)
    yield _each("pad", [far - pad for far, pad in zip(reach, window.pad, strict=True)] if window.up else window.pad)
    yield _each("stride", window.up or window.stride)
    if set(window.dilation) != {1}:
        yield _each("dilation", window.dilation)


def _each(name: str, numbers: Sequence[int | Fraction]) -> str:
    """A number for each axis, one where they agree."""
    return f"{name}=" + "x".join(map(str, numbers if len(set(numbers)) > 1 else numbers[:1]))


def _kernel(row: Row, x: Tensor) -> Tensor | None:
    """What slides over `x`: a constant if there is one, else its second input."""
    tensors = [*(weight.tensor for weight in row.weights), *(tensor for tensor in row.inputs[1:] if tensor)]
    return next((tensor for tensor in tensors if tensor.ranked and tensor.rank == x.rank), None)


def _multiplies(row: Row) -> bool:
    return row.facts is not None and row.facts.work is not None and row.facts.work.macs != 0


def _word(row: Row) -> str:
    """The operator's type as people write it."""
    type_ = onnx_type(row) if row.op.type in _SEVERAL else row.op.type
    return _WORDS.get(type_, type_.rpartition(".")[2])


def _names(row: Row) -> Iterator[str]:
    """Its name in the file if that is short; before that Conv3 for conv3, conv_3 and Convolution3."""
    name, word = row.op.name, _word(row)
    if len(name) > SHORT or not _NAME.fullmatch(name):
        return
    number = re.fullmatch(rf"(?:{re.escape(word)}|{re.escape(row.op.type)})_?(\d+)", name, re.IGNORECASE)
    if number:
        yield word + number[1]
    yield name


def _stage(row: Row) -> tuple[Extent, ...]:
    """The extents of a map; empty for what is none."""
    _, y = ends(row)
    return y.shape[2:] if y is not None and y.rank > 3 else ()


CONVENTION = Convention(
    name="outline",
    tool="architecture written as lines",
    source="https://github.com/deepinsight/insightface/tree/master/RetinaFace",
    metrics=(),
    table=table,
)
