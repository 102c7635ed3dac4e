"""Models behind URLs: what is fetched of them, and what is said when they are not there."""

from __future__ import annotations

import io
import struct
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto, helper

import graphcost
from graphcost import ModelError, remote
from graphcost.importers import wire
from graphcost.importers.wire import varint
from graphcost.remote import NEAR, OPENING, SMALLEST, RangeReader

fsspec = pytest.importorskip("fsspec")

MIB = 2**20


def model(layers: int, payload: int) -> bytes:
    """A chain of additions, each with a weight of `payload` bytes."""
    weights = [
        helper.make_tensor(f"w{at}", TensorProto.FLOAT, [payload // 4], bytes(payload), raw=True)
        for at in range(layers)
    ]
    nodes = [helper.make_node("Add", [f"x{at}", f"w{at}"], [f"x{at + 1}"]) for at in range(layers)]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [payload // 4]) for name in ("x0", f"x{layers}")]
    graph = helper.make_graph(nodes, "chain", ends[:1], ends[1:], weights)
    return bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())


@pytest.fixture
def store() -> Iterator[Any]:
    """The file system in memory, empty again afterwards."""
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


def test_of_a_model_behind_a_url_its_structure_is_fetched_and_its_weights_are_not(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """48 weights of 1 MiB: the first bytes, and a small piece behind each weight."""
    data = model(48, MIB)
    store.pipe("/nets/chain.onnx", data)
    fetched = []
    read = io.BytesIO.read
    monkeypatch.setattr(
        type(store.open("/nets/chain.onnx")), "read",
        lambda file, size=-1: fetched.append(size) or read(file, size), raising=False,
    )  # fmt: skip
    analysis = graphcost.analyze(graphcost.load("memory://nets/chain.onnx"))
    assert analysis.parameters.nbytes == 48 * MIB and analysis.complete
    assert analysis.model.path == "memory://nets/chain.onnx"
    assert 0 < sum(fetched) <= OPENING + 49 * SMALLEST < len(data) / 300
    assert len(fetched) <= 1 + 49


def with_holes(path: Path, weights: int, nbytes: int) -> None:
    """A model whose weights are holes in its file."""
    nodes = [helper.make_node("Sum", ["x", *(f"w{at}" for at in range(weights))], ["y"])]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [nbytes // 4]) for name in "xy"]
    graph = helper.make_graph(nodes, "large", ends[:1], ends[1:]).SerializeToString()
    heads = [TensorProto(name=f"w{at}", data_type=1, dims=[nbytes // 4]).SerializeToString() for at in range(weights)]
    heads = [head + b"\x4a" + varint(nbytes) for head in heads]  # raw_data, which follows
    heads = [b"\x2a" + varint(len(head) + nbytes) + head for head in heads]
    size = len(graph) + sum(len(head) + nbytes for head in heads)
    opset = helper.make_opsetid("", 17).SerializeToString()
    with path.open("wb") as file:
        file.write(b"\x08\x08\x42" + varint(len(opset)) + opset + b"\x3a" + varint(size) + graph)
        for head in heads:
            file.write(head)
            file.seek(nbytes, io.SEEK_CUR)
        file.truncate()


def test_a_model_of_5_gb_costs_what_its_structure_has(tmp_path: Path) -> None:
    """Five weights of 1 GiB."""
    path = tmp_path / "large.onnx"
    with_holes(path, 5, 2**30)
    analysis = graphcost.analyze(graphcost.load(f"file://{path}"))
    assert analysis.parameters.total == 5 * 2**28
    reader = remote.open_url(f"file://{path}")
    assert isinstance(reader, RangeReader) and len(reader) > 5 * 2**30
    wire.strip(reader)
    assert reader.fetched <= OPENING + 6 * SMALLEST


def test_it_is_the_same_model_as_the_file(store: Any, root: Path) -> None:
    for name in ("onnx_models/retinaface.onnx", "prototxt/det1.prototxt"):
        store.pipe("/net", (root / name).read_bytes())
        here, there = (graphcost.analyze(graphcost.load(each)).to_dict() for each in (root / name, "memory://net"))
        assert [here[key] for key in ("totals", "tensors")] == [there[key] for key in ("totals", "tensors")]


def test_numbers_that_stand_one_by_one_are_skipped_too(store: Any) -> None:
    """Old encoders wrote each with its key."""
    tensor = (
        b"\x08"
        + varint(5000)
        + b"\x10\x01"
        + b"".join(b"\x25" + struct.pack("<f", at) for at in range(5000))
        + b"\x42\x01w"
    )
    node = helper.make_node("Relu", ["w"], ["y"]).SerializeToString()
    graph = b"\x0a" + varint(len(node)) + node + b"\x2a" + varint(len(tensor)) + tensor
    opset = helper.make_opsetid("", 17).SerializeToString()
    data = b"\x08\x08\x3a" + varint(len(graph)) + graph + b"\x42" + varint(len(opset)) + opset
    store.pipe("/old.onnx", data)
    assert graphcost.load("memory://old.onnx").weights["w"].shape == (5000,)


def test_a_url_may_lead_into_an_archive(store: Any, root: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(root / "prototxt/det1.prototxt", "nets/det1.prototxt")
    store.pipe("/nets.zip", packed.getvalue())
    assert len(graphcost.load("zip://nets/det1.prototxt::memory://nets.zip").dag) == 10
    assert [*remote.find("zip://nets/*::memory://nets.zip")] == ["zip://nets/det1.prototxt::memory://nets.zip"]


def test_a_folder_and_a_pattern_are_searched(store: Any) -> None:
    for name in ("b.onnx", "a.prototxt", "deep/c.ONNX", "notes.txt"):
        store.pipe(f"/zoo/{name}", b"x")
    assert [*remote.find("memory://zoo/")] == [
        f"memory:///zoo/{each}" for each in ("a.prototxt", "b.onnx", "deep/c.ONNX")
    ]
    assert [*remote.find("memory://zoo/*.onnx")] == ["memory:///zoo/b.onnx"]
    assert [*remote.find("memory://zoo/notes.txt")] == ["memory://zoo/notes.txt"]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("memory://no/such.onnx", "No such file or directory"),
        ("nostore://x.onnx", "cannot be read: Protocol not known: nostore"),
    ],
)
def test_what_cannot_be_read_is_one_line(url: str, reason: str) -> None:
    with pytest.raises(ModelError) as caught:
        graphcost.load(url)
    assert str(caught.value).startswith(f"{url}: {reason}")


def test_without_fsspec_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(ModelError, match=r"pip install 'graphcost\[remote\]'"):
        graphcost.load("s3://bucket/net.onnx")


def test_a_store_that_ends_early_or_breaks_is_told() -> None:
    with pytest.raises(ModelError, match="m:byte 4: the store has no more, and says that there are 10 bytes"):
        RangeReader(io.BytesIO(b"abcd"), 10, "m")[0:10]
    closed = io.BytesIO()
    closed.close()
    with pytest.raises(ModelError, match="m: cannot be read: I/O operation on closed file"):
        RangeReader(closed, 10, "m")[3]


def test_a_reader_is_as_bytes_are() -> None:
    data = bytes(range(256)) * 4096
    reader = RangeReader(io.BytesIO(data), len(data), "m")
    for at in (0, 5, 700_000, 69_999, 1_048_575):
        assert reader[at] == data[at] and reader[at : at + 300] == data[at : at + 300]
    assert reader[:] == data and reader[5:5] == b"" and len(reader) == len(data)
    with pytest.raises(IndexError):
        reader[len(data)]


def test_pieces_grow_while_reading_goes_on_and_shrink_after_a_leap() -> None:
    size = 8 * MIB
    reader = RangeReader(io.BytesIO(bytes(size)), size, "m")
    reader[0]
    assert reader.fetched == OPENING
    reader[OPENING + NEAR - 1]  # near enough to be read through
    assert reader.fetched == OPENING + 2 * OPENING
    reader[5 * MIB]
    assert reader.fetched == OPENING + 2 * OPENING + SMALLEST


def test_two_answers_on_a_file_are_the_same_as_long_as_it_is(store: Any, tmp_path: Path) -> None:
    (tmp_path / "net").write_bytes(b"abc")
    store.pipe("/net", b"abcd")
    for name, size in ((str(tmp_path / "net"), 3), ("memory://net", 4)):
        assert remote.status(name) == remote.status(name)
        assert remote.status(name)[0] == size and remote.status(name)[1][:2] == "20"
    assert remote.status("no/such") == remote.status("memory://none") == (None, "")
