"""The architecture in lines, as people write it down: Conv3(out_c=16, in_c=16, kernel=3, ...)-BN()-ReLU().

A line is a chain of operators joined by `-`. It goes on while what it makes has one reader, and ends before the next
operator that multiplies by a kernel or a matrix. A line reads the end of the line above unless it says `from` where
else; joins name what they join, and a blank line stands where the resolution changes. Constants, and what only computes
shapes, are left out. It counts nothing, so it has no metrics.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
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
            type_ = word(chain.rows[0])
            while (name := f"{type_}{numbers[type_]}") in own:
                numbers[type_] += 1
            own[name] = chain
        return {id(row): name for name, chain in own.items() for row in chain.rows}

    def chain(self, row: Row) -> Chain:
        """The line that an operator stands in."""
        return self._lines[id(row)]

    @cached_property
    def _lines(self) -> dict[int, Chain]:
        return {id(row): chain for chain in self.chains for row in chain.rows}

    def name(self, key: Key) -> str:
        """What a tensor is called: the line that makes it, with the output's number where several are read."""
        row = self.makers.get(key)
        if row is None:
            return key[1]
        return self.labels[id(row)] + (f"[{row.op.outputs.index(key[1])}]" if self.several(row) else "")


def table(analysis: Analysis) -> Table:
    """The lines of the outline."""
    return laid_out(analysis, texts, _note)


def _note(chain: Chain, network: Network, follows: bool) -> str:
    return "" if follows else f"   from {network.name(chain.sources[0])}"


def laid_out(
    analysis: Analysis,
    texts: Callable[[Chain, Network], Iterable[str]],
    note: Callable[[Chain, Network, bool], str],
) -> Table:
    """A line for each chain: what `texts` says of its operators, and what `note` says of where it starts.

    The note is told whether the line reads what one expects it to: the end of the line above.
    """
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
        line = "-".join(texts(chain, network))
        if len(chain.sources) > 1:
            begins[network.labels[id(chain.rows[0])]] = len(lines)
            named.update(network.name(key).partition("[")[0] for key in chain.sources)
        elif chain.sources:
            follows = _follows(chain.sources[0], above, network, analysis)
            line += note(chain, network, follows)
            if not follows:
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


def texts(chain: Chain, network: Network) -> Iterator[str]:
    """The operators of a chain, each with what defines it."""
    for at, row in steps(chain):
        title, parts = heading(chain, at, network)
        parts += [f"{key}={text}" if key else text for key, text in parameters(row, bool(operands(chain, at)))]
        yield f"{title}({', '.join(parts)})"


def steps(chain: Chain) -> Iterator[tuple[int, Row]]:
    """The operators of a chain by place; Caffe's Scale behind BatchNorm is the second half of one normalisation."""
    for at, row in enumerate(chain.rows):
        if at and row.op.type == "Scale" and chain.rows[at - 1].op.type == "BatchNorm" and not chain.joined[at]:
            continue
        yield at, row


def operands(chain: Chain, at: int) -> list[Key]:
    """What the operator at a place of a chain joins to what stands before it; of the first all that it joins."""
    if at:
        return chain.joined[at]
    return chain.sources if len(chain.sources) > 1 else []


def heading(chain: Chain, at: int, network: Network) -> tuple[str, list[str]]:
    """How an operator is called, and the names of what it joins, or its type where the name does not tell it."""
    row = chain.rows[at]
    joined = operands(chain, at)
    if at or joined:
        return word(row), [network.name(key) for key in joined]
    label = network.labels[id(row)]
    return label, [] if word(row).lower() in label.lower() else [word(row)]


def parameters(row: Row, joins: bool) -> Iterator[tuple[str, str]]:
    """What defines an operator: channels and window by name, or, without one, the shape it gives what it moves."""
    facts = row.facts
    x, y = ends(row)
    if facts is None or x is None or y is None:
        return
    window = facts.window
    weight = _kernel(row, x) if _multiplies(row) and window.kernel else None
    if weight is not None:
        yield "out_c", str(y.shape[1])
        yield "in_c", str(x.shape[1])
    elif linear(row) and y.rank and y.size != 0:
        yield "out_c", str(y.shape[-1])
        yield "in_c", str(share(macs(row), y.size))
    elif inner := cell(row) if family(row) == "recurrent" else None:
        yield "out_c", str(inner.hidden)
        yield "in_c", str(inner.depth)
        if inner.directions != 1:
            yield "directions", str(inner.directions)
    if facts.work == NO_WORK and not (window.kernel and window.up):
        if x.shape != y.shape and not joins:
            yield "", shape_text(y)
    elif window.kernel:
        yield from _window(window, transposed=weight is not None)
    if weight is not None:
        group = share((y if window.up else x).shape[1], weight.shape[1])
        if group not in (0, 1):
            yield "group", str(group)


def _window(window: Window, transposed: bool) -> Iterator[tuple[str, str]]:
    """The window as files state it; a transposed convolution's stride is our upsampling factor."""
    reach = [dilation * (kernel - 1) for kernel, dilation in zip(window.kernel, window.dilation, strict=True)]
    if window.up and not transposed:
        yield "up", _each([Fraction(up) / stride for up, stride in zip(window.up, window.stride, strict=True)])
        return
    yield "kernel", _each(window.kernel)
    yield "pad", _each([far - pad for far, pad in zip(reach, window.pad, strict=True)] if window.up else window.pad)
    yield "stride", _each(window.up or window.stride)
    if set(window.dilation) != {1}:
        yield "dilation", _each(window.dilation)


def _each(numbers: Sequence[int | Fraction]) -> str:
    """A number for each axis, one where they agree."""
    return "x".join(map(str, numbers if len(set(numbers)) > 1 else numbers[:1]))


def _kernel(row: Row, x: Tensor) -> Tensor | None:
    """What slides over `x`: a constant if there is one, else its second input."""
    tensors = [*(weight.tensor for weight in row.weights), *(tensor for tensor in row.inputs[1:] if tensor)]
    return next((tensor for tensor in tensors if tensor.ranked and tensor.rank == x.rank), None)


def _multiplies(row: Row) -> bool:
    return row.facts is not None and row.facts.work is not None and row.facts.work.macs != 0


def word(row: Row) -> str:
    """The operator's type as people write it."""
    type_ = onnx_type(row) if row.op.type in _SEVERAL else row.op.type
    return _WORDS.get(type_, type_.rpartition(".")[2])


def _names(row: Row) -> Iterator[str]:
    """Its name in the file if that is short; before that Conv3 for conv3, conv_3 and Convolution3."""
    name, type_ = row.op.name, word(row)
    if len(name) > SHORT or not _NAME.fullmatch(name):
        return
    number = re.fullmatch(rf"(?:{re.escape(type_)}|{re.escape(row.op.type)})_?(\d+)", name, re.IGNORECASE)
    if number:
        yield type_ + number[1]
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
