"""Plain text on a terminal: it fits the width, colours what is expensive or unknown, and says what it leaves out."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from graphcost.plain import EXPENSIVE, PLAIN, UNKNOWN, fitted, lines
from graphcost.table import Table

TABLE = Table(
    ("layer", "type", "output", "kMACs", "ops (k)"),
    (False, False, False, True, True),
    [
        ("backbone/layer1/0/conv1/Conv", "Conv 3x3", "1x8x32x32", "27.0", "54.1"),
        ("relu", "Relu", "1x8x32x32", "0", "8.19"),
    ],
    ("total", "", "", "27.0", "62.3"),
    keys=("name", "type", "output", "macs", "ops"),
    at=(0, 1),
)


def test_a_table_that_fits_stays_as_it_is() -> None:
    assert fitted(TABLE, 120) == TABLE


@pytest.mark.parametrize("width", [80, 60, 50, 40, 30])
def test_names_are_shortened_in_the_middle_and_then_columns_left_out(width: int) -> None:
    table = fitted(TABLE, width)
    assert max(map(len, lines(table))) <= width
    assert table.rows[0][0].startswith("backb") and table.rows[0][0].endswith("Conv")
    left_out = [title for title in TABLE.titles if title not in table.titles]
    assert left_out == ["ops (k)", "output", "type"][: len(left_out)] or set(left_out) <= {"ops (k)", "output", "type"}
    assert bool(left_out) == any(note.startswith("too narrow for") for note in table.notes)
    assert "kMACs" in table.titles


def test_the_most_expensive_rows_and_unknown_ones_have_colours() -> None:
    from dataclasses import replace

    coloured = lines(replace(TABLE, marked=frozenset({1})), expensive=[0])
    assert coloured[2].startswith(EXPENSIVE) and coloured[2].endswith(PLAIN)
    assert coloured[3].startswith(UNKNOWN)
    assert "\x1b" not in "".join(lines(TABLE))


def on_terminal(root: Path, columns: int, *arguments: str, **environment: str) -> str:
    """What the command prints on a terminal of so many columns."""
    master, slave = pty.openpty()
    names = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS")}
    process = subprocess.Popen(
        [sys.executable, "-m", "graphcost", *arguments], cwd=root, stdout=slave, stderr=subprocess.PIPE,
        env={**names, "COLUMNS": str(columns), **environment},
    )  # fmt: skip
    os.close(slave)
    parts = []
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # on Linux a terminal that nobody writes to any more cannot be read
            break
        if not part:
            break
        parts.append(part)
    os.close(master)
    assert process.wait(60) == 0 and process.stderr is not None and process.stderr.read() == b""
    return b"".join(parts).decode().replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [80, 120])
def test_a_report_on_a_terminal_fits_its_width(columns: int, root: Path) -> None:
    text = on_terminal(root, columns, "onnx_models/retinaface.onnx")
    plain = re.sub(r"\x1b\[\d*m", "", text)
    table = plain[plain.index("layer ") :].split("\n\n")[0].splitlines()
    assert len(table) == 1 + 1 + 40 + 1 + 1 and max(map(len, table)) <= columns
    assert "\\" not in plain and "|" not in plain
    assert text.count(EXPENSIVE) == 5 and "rf_c1_det_conv1 12.0%" in plain


def test_nobody_gets_colours_who_does_not_want_them(root: Path) -> None:
    assert "\x1b" not in on_terminal(root, 100, "prototxt/det1.prototxt", NO_COLOR="1")
    assert "\x1b" not in on_terminal(root, 100, "prototxt/det1.prototxt", "--color", "never")
    assert "\x1b" in on_terminal(root, 100, "prototxt/det1.prototxt", "--color", "always", NO_COLOR="1")
