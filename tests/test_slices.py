"""Files that cannot be mapped are read in slices: the same network, from the bytes of its structure alone."""

from __future__ import annotations

import mmap
from pathlib import Path

import pytest
from onnx import TensorProto, helper

import graphcost
from graphcost import slices
from graphcost.errors import ModelError
from graphcost.importers import OPENING, source, wire
from graphcost.slices import PAGE, Slices
from harness import saved_with_holes

DATA = bytes(range(251)) * 200  # more than three pages, and no page like another


def sliced(data: bytes) -> tuple[Slices, list[tuple[int, int]]]:
    """Bytes as slices, and what has been read of them: where, and how many."""
    reads: list[tuple[int, int]] = []

    def read(begin: int, size: int) -> bytes:
        reads.append((begin, size))
        return data[begin : begin + size]

    return Slices(read, len(data), "net.onnx"), reads


@pytest.mark.parametrize("key", [slice(None), slice(0, 9), slice(PAGE - 3, PAGE + 3), slice(PAGE, 2 * PAGE), slice(9, 3), slice(len(DATA) - 2, len(DATA) + 9)], ids=str)  # fmt: skip
def test_slices_are_those_of_the_bytes(key: slice) -> None:
    buffer, _ = sliced(DATA)
    assert buffer[key] == DATA[key] and len(buffer) == len(DATA)


def test_bytes_are_those_of_the_bytes() -> None:
    buffer, reads = sliced(DATA)
    assert bytes(buffer[at] for at in range(len(DATA))) == DATA
    assert len(reads) == -(-len(DATA) // PAGE)  # a page at a time, each once
    for outside in (-1, len(DATA)):
        with pytest.raises(IndexError):
            buffer[outside]


def test_a_file_that_has_become_shorter_is_refused_by_name_and_byte() -> None:
    buffer = Slices(lambda begin, size: DATA[begin : begin + size - 1], len(DATA), "net.onnx")
    with pytest.raises(ModelError, match=rf"net.onnx:byte {PAGE - 1}: the file has become shorter"):
        buffer[0]


def test_a_file_that_can_no_longer_be_read_is_refused_with_the_reason() -> None:
    def read(begin: int, size: int) -> bytes:
        raise OSError(5, "Input/output error")

    with pytest.raises(ModelError, match=r"net.onnx:byte 0: Input/output error"):
        Slices(read, 9, "net.onnx")[0:9]


def test_more_bytes_than_python_can_count_are_refused() -> None:
    with pytest.raises(ValueError, match="more than this Python can count"):
        Slices(lambda begin, size: b"", 2**64, "net.onnx")


def model(*tensors: TensorProto) -> bytes:
    made = helper.make_node("Relu", ["x"], ["y"], axes=list(range(3000)), floats=[1.5] * 40)
    graph = helper.make_graph([made], "g", [helper.make_tensor_value_info("x", 1, [2])], [], list(tensors))
    return helper.make_model(graph).SerializeToString()


def one_by_one(count: int) -> bytes:
    """A TensorProto of int64 numbers that stand one by one, each with its key, and a name behind them."""
    return b"\x08" + wire.varint(count) + b"\x10\x07" + b"\x38\x85\x80\x01" * count + b"\x42\x01w"


@pytest.mark.parametrize("threshold", [None, 0, 10**9])
def test_the_walk_finds_the_same_in_slices(threshold: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_RUN_PIECE", 37)  # no multiple of a number's length
    weights = [helper.make_tensor(f"w{at}", 1, [at], bytes(4 * at), raw=True) for at in (0, 30, 3000, 30_000)]
    data = model(*weights)
    tensor = one_by_one(9000)
    graph = b"\x2a" + wire.varint(len(tensor)) + tensor
    data += b"\x3a" + wire.varint(len(graph)) + graph  # merged with the model's graph, as protobuf does
    assert wire.strip(sliced(data)[0], threshold) == wire.strip(data, threshold)


def test_a_damaged_file_is_refused_at_the_same_byte() -> None:
    data = model(helper.make_tensor("w", 1, [3000], bytes(12_000), raw=True))[:-7]
    messages = []
    for buffer in (data, sliced(data)[0]):
        with pytest.raises(ModelError) as caught:
            wire.strip(buffer, path="net.onnx")
        messages.append(str(caught.value))
    assert messages[0] == messages[1] and "truncated" in messages[0]


@pytest.fixture
def unmappable(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a file system cannot map files."""

    def refuse(*given: object, **named: object) -> None:
        raise OSError(19, "No such device")

    monkeypatch.setattr(mmap, "mmap", refuse)


@pytest.mark.usefixtures("unmappable")
def test_weights_of_a_file_that_cannot_be_mapped_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen weights of 8 MiB each, which are holes in the file."""
    read: list[int] = []
    fetch = slices._Descriptor.read

    def counted(self: slices._Descriptor, begin: int, size: int) -> bytes:
        read.append(size)
        return fetch(self, begin, size)

    monkeypatch.setattr(slices._Descriptor, "read", counted)
    path = saved_with_holes(tmp_path / "large.onnx", tensors=16, each=8 * 2**20)
    analysis = graphcost.analyze(graphcost.load(path))
    assert analysis.parameters.total == 16 * 2 * 2**20  # of 4 bytes each
    assert sum(read) <= OPENING + (1 + 16) * PAGE  # a page for the nodes, and one around each weight's beginning


@pytest.mark.usefixtures("unmappable")
def test_a_file_that_cannot_be_mapped_stays_open_for_its_slices_and_no_longer(tmp_path: Path) -> None:
    path, descriptors = tmp_path / "net", Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("there is no /proc")
    path.write_bytes(b"x" * source.MAP_FROM)
    before = len(list(descriptors.iterdir()))
    kept = source.open_source(path).data
    assert isinstance(kept, Slices) and kept[-1:] == b"x" and len(list(descriptors.iterdir())) == before + 1
    del kept
    assert len(list(descriptors.iterdir())) == before
