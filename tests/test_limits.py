"""Bounds on what is read: each message says what was exceeded and how it is raised, and raising it helps."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from graphcost import ModelError, cli, limits, load
from harness import HEAD, conv, layer, onnx_text

CHAIN = onnx_text("g (float[2] x) => (d) { a = Relu(x) b = Relu(a) c = Relu(b) d = Relu(c) }")
LISTED = onnx_text("g (float[2] x) => (y) { y = Relu<unread = [1, 2, 3, 4]>(x) }")
NET = HEAD + conv("a") + layer("b", "ReLU", "a") + layer("c", "ReLU", "b")
EXCEEDED = {
    "ops": (CHAIN, 3, "more than 3 operators once its functions are expanded"),
    "listed": (LISTED, 3, "more than 3 numbers in attributes, 'unread' the last"),
    "fields": (CHAIN, 9, "more than 9 nodes, tensors and other parts"),
    "structure": (CHAIN, 50, "more than 50 bytes even without its weights"),
    "text": (CHAIN, 100, "more than 0 MiB of text; give the model in protobuf's binary form"),
    "layers": (NET, 2, "3 layers; more than 2 are not read"),
    "prototxt": (NET, 99, "larger than 0 MiB: not a network's prototxt"),
}


@pytest.mark.parametrize("name", EXCEEDED)
def test_a_message_says_what_was_exceeded_and_how_it_is_raised(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    text, most, reason = EXCEEDED[name]
    path = tmp_path / "net"
    path.write_text(text)
    monkeypatch.setattr(limits, limits.RAISABLE[name], most)
    with pytest.raises(ModelError) as caught:
        load(path)
    assert caught.value.reason == f"{reason}; --limit {name}=... allows more"
    assert cli.main([str(path), "--limit", f"{name}=1M"]) == 0
    capsys.readouterr()
    assert cli.main([str(path)]) == 2  # it held for that command alone


def test_compressed_data_may_be_larger_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    import gzip

    path = tmp_path / "net.gz"
    path.write_bytes(gzip.compress(NET.encode() + b"# nothing\n" * 500))
    monkeypatch.setattr(limits, "MAX_UNPACKED", 2000)
    with pytest.raises(ModelError, match=re.escape("decompress it first; --limit unpacked=... allows more")):
        load(path)
    assert cli.main([str(path), "--limit", "unpacked=1MiB"]) == 0
    capsys.readouterr()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("speed=3", "'speed=3' should be a limit and its value, as in ops=500k; there are "),
        ("ops", "'ops' should be a limit and its value"),
        ("ops=many", "'many' is no amount of 0 or more"),
    ],
)
def test_a_limit_that_does_not_exist_is_told(given: str, reason: str, root: Path, capsys: Any) -> None:
    assert cli.main([str(root / "prototxt/det1.prototxt"), "--limit", given]) == 2
    assert capsys.readouterr().err.startswith(f"graphcost: error: --limit: {reason}")


def test_every_limit_that_can_be_raised_is_named_where_it_refuses(root: Path) -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (root / "graphcost/importers").glob("*.py"))
    silent = {"contents"}  # what is over it is known by its shape alone
    assert {name for name in limits.RAISABLE if f'more("{name}")' not in sources.replace("'", '"')} == silent
