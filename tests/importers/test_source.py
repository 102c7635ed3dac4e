"""Where bytes come from: files, pipes, open files, memory; compressed or not; and what is no file."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from graphcost import limits
from graphcost.errors import ModelError
from graphcost.importers import source
from graphcost.importers.source import open_source

TEXT = b'name: "net"\n'


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return file.getvalue()


def refusal(given: object, name: str = "<bytes>") -> str:
    with pytest.raises(ModelError) as caught:
        open_source(given)  # type: ignore[arg-type]
    text = str(caught.value)
    assert text.startswith(f"{name}: ") and "\n" not in text
    return text.removeprefix(f"{name}: ")


def test_a_path_and_its_name(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_bytes(TEXT)
    for given in (path, str(path)):
        opened = open_source(given)
        assert (opened.name, opened.data) == (str(path), TEXT)


@pytest.mark.parametrize("given", [TEXT, bytearray(TEXT), memoryview(TEXT)], ids=["bytes", "bytearray", "memoryview"])
def test_bytes_are_the_model_itself(given: bytes) -> None:
    assert open_source(given) == source.Source("<bytes>", TEXT)


def test_an_open_file_is_read_from_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_bytes(b"magic" + TEXT)
    with path.open("rb") as file:
        file.seek(5)
        assert open_source(file) == source.Source(str(path), TEXT)
    assert open_source(io.BytesIO(TEXT)) == source.Source("<file>", TEXT)
    assert open_source(io.StringIO(TEXT.decode())) == source.Source("<file>", TEXT)


def test_a_large_file_is_mapped_and_a_small_one_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net"
    path.write_bytes(TEXT)
    assert isinstance(open_source(path).data, bytes)
    monkeypatch.setattr(source, "MAP_FROM", 5)
    mapped = open_source(path).data
    assert not isinstance(mapped, bytes) and mapped[:] == TEXT
    with path.open("rb") as file:
        assert open_source(file).data[:] == TEXT


def test_a_file_that_says_it_is_empty_and_is_not_is_read() -> None:
    """Files of /proc have a size of 0, and cannot be mapped."""
    path = Path("/proc/self/status")
    if not path.exists():
        pytest.skip("there is no /proc")
    assert open_source(path).data.startswith(b"Name:")


@contextmanager
def pipe(tmp_path: Path, *writers: Callable[[Path], object]) -> Iterator[Path]:
    """A named pipe and what is done with it in other threads."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    threads = [threading.Thread(target=writer, args=(path,)) for writer in writers]
    for thread in threads:
        thread.start()
    yield path
    for thread in threads:
        thread.join()


needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")


@needs_pipes
def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    content = TEXT * 100_000  # many times what a pipe holds
    with pipe(tmp_path, lambda path: path.write_bytes(content)) as path:
        assert open_source(path).data == content


@needs_pipes
def test_a_pipe_that_nobody_writes_into_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PIPE_WAIT", 0.05)
    with pipe(tmp_path) as path:
        assert refusal(path, str(path)) == "a pipe that nobody has written into for 0.05 s"


@needs_pipes
def test_what_comes_out_of_a_pipe_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_UNPACKED", 3 * limits.MIB)

    def write(path: Path) -> None:
        with pytest.raises(BrokenPipeError), path.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(2**16))

    with pipe(tmp_path, write) as path:
        assert refusal(path, str(path)) == (
            "more than 3 MiB through a pipe; save it to a file and name that; --limit unpacked=... allows more"
        )


def test_what_is_no_file_is_refused_in_words(tmp_path: Path) -> None:
    assert refusal(tmp_path / "absent", f"{tmp_path}/absent") == "No such file or directory"
    assert refusal(tmp_path, str(tmp_path)) == "a folder, not a model"
    assert refusal(os.devnull, os.devnull) == "a device or a socket, not a model"
    assert "null" in refusal("a\0b", "a\\x00b")
    (tmp_path / "empty").touch()
    assert refusal(tmp_path / "empty", f"{tmp_path}/empty") == "the file is empty"
    assert refusal(b"") == "the file is empty"
    closed = io.BytesIO(TEXT)
    closed.close()
    assert "closed file" in refusal(closed, "<file>")


def test_what_is_no_model_at_all_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"a path, bytes, an open binary file or an onnx\.ModelProto, not int"):
        open_source(7)  # type: ignore[arg-type]


PACKED = {
    "gzip": gzip.compress(TEXT),
    "gzip of two parts": gzip.compress(TEXT[:4]) + gzip.compress(TEXT[4:]),
    "bzip2": bz2.compress(TEXT),
    "xz": lzma.compress(TEXT),
    "zip": zipped(**{"net.prototxt": TEXT}),
    "zip with a license": zipped(LICENSE=b"free", **{"model__net.prototxt": TEXT}),
}


@pytest.mark.parametrize("data", PACKED.values(), ids=PACKED)
def test_compressed_data_is_unpacked(data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_source(data).data == TEXT
    (tmp_path / "net").write_bytes(data)
    monkeypatch.setattr(source, "MAP_FROM", 5)
    assert open_source(tmp_path / "net").data == TEXT


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (PACKED["gzip"][:-9], "gzip: Compressed file ended before the end-of-stream marker was reached"),
        (PACKED["bzip2"][:-9], "bzip2: Compressed file ended before the end-of-stream marker was reached"),
        (PACKED["xz"][:-9], "xz: Compressed file ended before the end-of-stream marker was reached"),
        (PACKED["xz"][:20] + b"?" + PACKED["xz"][21:], "xz: Corrupt input data"),
        (PACKED["gzip"][:10] + b"\xff" * 9, "gzip: damaged data: invalid block type"),
        (PACKED["zip"][:-9], "zip archive: File is not a zip file"),
        (gzip.compress(b""), "gzip: nothing inside"),
        (gzip.compress(bytes(5 * 2**20)), "gzip: more than 4 MiB inside; decompress it first; --limit unpacked=... allows more"),
        (zipped(**{"a.onnx": TEXT, "b.onnx": TEXT}), "a zip archive of several files (a.onnx, b.onnx): unpack it and name the model"),
        (zipped(a=TEXT, b=TEXT, c=TEXT, d=TEXT, e=TEXT), "a zip archive of several files (a, b, c and 2 more): unpack it and name the model"),
    ],
    ids=["gzip cut", "bzip2 cut", "xz cut", "xz damaged", "gzip damaged", "zip cut", "gzip of nothing", "gzip of much", "zip of two", "zip of five"],
)  # fmt: skip
def test_what_cannot_be_unpacked_is_refused(data: bytes, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_UNPACKED", 4 * limits.MIB)
    assert refusal(data) == reason


def test_zstandard_is_unpacked_where_a_package_can(monkeypatch: pytest.MonkeyPatch) -> None:
    zstandard = pytest.importorskip("zstandard")
    assert open_source(zstandard.compress(TEXT)).data == TEXT
    monkeypatch.setattr("graphcost.limits.MAX_UNPACKED", 2)
    with pytest.raises(ModelError, match="Zstandard: more than 0 MiB inside"):
        open_source(zstandard.compress(TEXT))
