"""The outline in shorthand: numbered lines in full, named ones as rf_c3_lateral(conv1x1,out=64)-BN-ReLU.

A backbone is mostly numbered, necks and heads have names: where a named line reads a numbered one, a dashed note says
which it follows. What a shorthand leaves out is usual: a stride of 1, a padding of half the kernel, one group.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..passes.rows import Row
from ..table import Table
from . import Convention
from .outline import Chain, Network, heading, laid_out, operands, parameters, steps, texts, word

if TYPE_CHECKING:
    from ..analysis import Analysis

DASHES = 34


def table(analysis: Analysis) -> Table:
    """The lines of the outline in shorthand."""
    return laid_out(analysis, _texts, _note)


def _note(chain: Chain, network: Network, follows: bool) -> str:
    """The line of the backbone that a named one starts from, and any other that is not the one above."""
    source = chain.sources[0]
    row = network.makers.get(source)
    if row is not None and _numbered(network.chain(row), network) and not _numbered(chain, network):
        return f"   {'-' * DASHES} followed by {network.name(source)}"
    return "" if follows else f"   from {network.name(source)}"


def _numbered(chain: Chain, network: Network) -> bool:
    """Whether a line is called by its type and a number."""
    first = chain.rows[0]
    return re.fullmatch(rf"{re.escape(word(first))}[0-9]+", network.labels[id(first)]) is not None


def _texts(chain: Chain, network: Network) -> Iterator[str]:
    if _numbered(chain, network):
        yield from texts(chain, network)
        return
    for at, row in steps(chain):
        title, parts = heading(chain, at, network)
        short = [*_short(row, bool(operands(chain, at)))]
        if short and (short[0].startswith(word(row).lower()) or "upsampling" in title.lower()):  # they tell the type
            parts = [part for part in parts if part != word(row)]
        parts += short
        yield f"{title}({','.join(parts)})" if parts else title


def _short(row: Row, joins: bool) -> Iterator[str]:
    """What defines an operator, without what is usual and without shapes."""
    known = dict(parameters(row, joins))
    known.pop("", None)
    channels = known.pop("out_c", None)
    known.pop("in_c", None)
    if channels is not None and "kernel" in known and row.facts is not None:
        kernel = row.facts.window.kernel
        yield f"{word(row).lower()}{'x'.join(map(str, kernel))}"
        del known["kernel"]
        halves = list(dict.fromkeys(str(size // 2) for size in kernel))
        if known["pad"] == halves[0] and len(halves) == 1:
            del known["pad"]
        if known["stride"] == "1":
            del known["stride"]
    if channels is not None:
        yield f"out={channels}"
    if set(known) == {"up"}:
        yield known.pop("up")
    yield from (f"{key}={text}" for key, text in known.items())


CONVENTION = Convention(
    name="outline_short",
    tool="architecture written as short lines",
    source="https://github.com/deepinsight/insightface/tree/master/RetinaFace",
    metrics=(),
    table=table,
)
