"""How much is read, built and computed before a file is refused: every bound on untrusted input has its name here.

A bound is far above what networks seen in public need, and low enough that a hostile file of a few bytes cannot take
the machine's memory or hours. Modules read these as `limits.NAME` when they need them, so that a caller (or a test) can
set another value. Each message of a refusal says what was exceeded, and where a user may
need more, how `--limit` raises it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

KIB, MIB = 1024, 1024**2

RAISABLE = {
    "unpacked": "MAX_UNPACKED",
    "prototxt": "MAX_PROTOTXT",
    "layers": "MAX_LAYERS",
    "structure": "MAX_STRUCTURE",
    "fields": "MAX_FIELDS",
    "text": "MAX_TEXT",
    "ops": "MAX_OPS",
    "listed": "MAX_LISTED",
    "contents": "MAX_CONTENTS",
}
"""What `--limit NAME=VALUE` calls the bounds that a large model of somebody trusted may need more of."""


@contextmanager
def set_to(values: Mapping[str, int]) -> Iterator[None]:
    """Other values for some bounds, by their names in RAISABLE, as long as the context lasts."""
    own = globals()
    before = {RAISABLE[name]: own[RAISABLE[name]] for name in values}
    try:
        own.update({RAISABLE[name]: value for name, value in values.items()})
        yield
    finally:
        own.update(before)


def more(name: str) -> str:
    """What ends the message of a refusal: how the bound is raised."""
    return f"; --limit {name}=... allows more"


# --- what is read of a file -------------------------------------------------------------------------------------------

MAX_UNPACKED = 512 * MIB
"""Bytes that a compressed file may hold, or that a pipe may deliver: these stand in memory."""
MAX_DIRECTORY = 8 * MIB
"""Bytes of the list of members at a zip archive's end, some 100 a member; Python keeps 700 for each of them."""
PIPE_WAIT = 3.0
"""Seconds that a named pipe may stay without anybody who writes into it."""

MAX_PROFILE = 512 * MIB
"""Bytes of a profile of measured times: ONNX Runtime writes some 500 for every operator of every run."""

# --- prototxt ---------------------------------------------------------------------------------------------------------

MAX_PROTOTXT = 16 * MIB
"""Bytes of a prototxt; the largest seen in public is under half a MiB."""
MAX_PROTOTXT_DEPTH = 100
"""Messages within messages of a prototxt; Caffe's own schema nests five deep."""
MAX_CONFIG = 1 * MIB
"""Bytes of a project's own file, graphcost.toml or pyproject.toml."""
MAX_DIGITS = 100
"""Digits of one integer; an extent has at most 19."""
MAX_LAYERS = 200_000
"""Layers of a Caffe network, as many as operators of an ONNX file; the largest seen in public has some thousand."""
MAX_BLOB_AXES = 32
"""Axes of a Caffe blob (kMaxBlobAxes in blob.hpp of BVLC Caffe)."""

# --- the protobuf structure of an ONNX file ---------------------------------------------------------------------------

KEEP_INTEGERS = 16 * KIB
"""Bytes of an int32 or int64 tensor whose contents are kept: shapes, axes and indices, of 2,048 int64, steer shapes."""
KEEP_OTHERS = 1 * KIB
"""Bytes of any other tensor whose contents are kept: scales of Resize, a zero point. More is weights."""
KEEP_ATTRIBUTE = 4 * MIB
"""Bytes of an attribute's list or string that are kept: tree ensembles fit, embedded engines do not."""
MAX_STRUCTURE = 64 * MIB
"""Bytes of a model without its weights: what protobuf is given, whose objects take up to four times that."""
MAX_FIELDS = 3_000_000
"""Nodes, tensors and other fields of a model; a message among them takes some 250 bytes even when it is empty.

Within the smallest parts they are counted from twice as many bytes on: below that they cannot be so many."""
MAX_TEXT = 8 * MIB
"""Bytes of a model in one of ONNX's text forms; protobuf's text parser takes up to 3 s and 120 MB for each MB."""
MAX_MESSAGE_DEPTH = 100
"""Messages within messages; protobuf itself reads no deeper."""

# --- the graphs of an ONNX file ---------------------------------------------------------------------------------------

MAX_GRAPH_DEPTH = 50
"""Graphs within graphs and functions within functions; what exporters write nests three or four deep."""
MAX_OPS = 200_000
"""Operators once functions are expanded at every call: a tree of calls can be far larger than its file."""
MAX_CONTENTS = 4_000_000
"""Elements of all tensors whose contents are kept, 40 bytes each; what comes after is known by its shape only."""
MAX_LISTED = 12_000_000
"""Numbers and texts in the lists of all attributes; large tree ensembles have some millions."""
MAX_AXES = 256
"""Axes of a tensor; four times what numpy has. More are a mistake in the file, or an attack."""

# --- formulas of open sizes -------------------------------------------------------------------------------------------
# Read once, when graphcost.dims is imported: every sum and product looks at them. Over some 1,700 public ONNX files the
# largest formula of any use had 63 terms, a term 30 factors, coefficients of 37 bits and a maximum 3 operands.

MAX_TERMS = 10_000
"""Terms of one formula: a total over so many inputs, each with an open size of its own."""
MAX_WIDE_TERMS = 500_000
"""Terms of all formulas of more than a hundred that one analysis goes through: some 3 s and 150 MB with the report."""
MAX_PRODUCT = 20_000
"""Pairs of terms that one product multiplies, and terms that one long division of formulas goes through."""
MAX_POWER = 100
"""Power of one factor in a term."""
MAX_FACTORS = 100
"""Factors of a term."""
MAX_BITS = 4_000
"""Bits of a number in a formula: 1,205 digits, where Python writes no more than 4,300."""
MAX_FORMULA = 50_000
"""Characters of a formula that is read, and of the names and quotients in one that is computed."""
MAX_OPERANDS = 20
"""Operands of a maximum or a minimum: they are compared in pairs."""
MAX_SEARCH = 300
"""Terms that the search for the sign of a formula goes through, some 15 formulas of usual size."""
MAX_EXPRESSION = 1_000
"""Characters of a dimension's name up to which it may be an expression of others."""
