"""Where a model's bytes come from: a file, a URL, a pipe, an open file or memory, compressed or not.

Large files are mapped into memory rather than read, or where they cannot be, read in slices, and those behind a URL are
read by ranges, so that weights which nobody asks for cost nothing. What the bytes mean is not known here.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias

from .. import limits, slices
from ..errors import ModelError
from ..remote import RangeReader, is_url, open_url
from . import foreign
from .unpack import Buffer, unpack

AnyPath: TypeAlias = "str | os.PathLike[str]"

MAP_FROM = 1024**2
"""Bytes from which a file is mapped; to read a smaller one is faster."""


@dataclass(frozen=True)
class Source:
    """The bytes of a model, and what messages call them. Bytes are there: an empty file is refused."""

    name: str
    data: Buffer


def open_source(given: AnyPath | bytes | bytearray | memoryview | IO[Any]) -> Source:
    """The bytes of a file that is named or open, or those that are given, decompressed.

    Raises ModelError when there is no such file, when it is a folder or a device, when nothing is in it, when more than
    MAX_UNPACKED bytes come out of a pipe or of compressed data, and when nobody writes into a pipe.
    """
    if isinstance(given, (bytes, bytearray, memoryview)):
        return _unpacked("<bytes>", bytes(given))
    if isinstance(given, (str, os.PathLike)):
        name = os.fspath(given)
        if not name:
            raise ModelError("", "", "a model's name is empty")
        if is_url(name):
            return _unpacked(name, _guarded(name, lambda: _read_url(name)))
        return _unpacked(name, _guarded(name, lambda: _read_path(name)))
    if hasattr(given, "read"):
        name = given.name if isinstance(getattr(given, "name", None), str) else "<file>"
        return _unpacked(name, _guarded(name, lambda: _read_file(given, name)))
    raise TypeError(f"a model is a path, bytes, an open binary file or an onnx.ModelProto, not {type(given).__name__}")


def _unpacked(name: str, data: Buffer) -> Source:
    if not data:
        raise ModelError(name, "", "the file is empty")
    return Source(name, unpack(data, name))


def _guarded(name: str, read: Callable[[], Buffer]) -> Buffer:
    try:
        return read()
    except OSError as problem:
        raise ModelError(name, "", problem.strerror or str(problem)) from None
    except ValueError as problem:  # a path with a zero byte in it, a file that has been closed
        raise ModelError(name, "", str(problem)) from None


def _read_path(name: str) -> Buffer:
    mode = Path(name).stat().st_mode
    if stat.S_ISDIR(mode):
        raise ModelError(name, "", describe_folder(name) or "a folder, not a model")
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
        raise ModelError(name, "", "a device or a socket, not a model")
    with open(name, "rb", buffering=0, opener=_open_at_once) as file:
        if stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
            return _read_pipe(file.fileno(), name)
        return _read_file(file, name)


def describe_folder(name: str) -> str:
    """What a folder of another program's model is, and what to do about it; "" where it is none that is known."""
    known = foreign.describe_folder(file.name for file in Path(name).iterdir())
    return "{}: {}".format(*known) if known is not None else ""


def _read_url(url: str) -> Buffer:
    file = open_url(url)
    return file if isinstance(file, RangeReader) else _read_all(file.read, url)


def _open_at_once(name: str, flags: int) -> int:
    """Open without waiting for somebody who writes, as is done for a pipe otherwise."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def _read_pipe(descriptor: int, name: str) -> bytes:
    """All that is written into a named pipe; it may have nobody who writes for PIPE_WAIT seconds."""
    data = b""
    end = time.monotonic() + limits.PIPE_WAIT
    while not data:
        try:
            data = os.read(descriptor, 2**16)
        except BlockingIOError:  # somebody has opened it and not written yet
            break
        if not data and time.monotonic() > end:
            raise ModelError(name, "", f"a pipe that nobody has written into for {limits.PIPE_WAIT:g} s")
        time.sleep(0 if data else 0.01)
    os.set_blocking(descriptor, True)
    return data + _read_all(lambda size: os.read(descriptor, size), name)


def _read_file(file: IO[Any], name: str) -> Buffer:
    """What is left of an open file: mapped, or read in slices, when it is a large one that has not been read from."""
    descriptor = _large(file)
    if descriptor is None:
        return _read_all(file.read, name)
    return _mapped(descriptor) or slices.of_descriptor(descriptor, name)


def _large(file: IO[Any]) -> int | None:
    """The descriptor of a large file of the system that has not been read from; None for any other."""
    try:
        descriptor = file.fileno()
        status = os.fstat(descriptor)
        is_large = stat.S_ISREG(status.st_mode) and status.st_size >= MAP_FROM and file.tell() == 0
    except (AttributeError, OSError, ValueError):  # no file of the system
        return None
    return descriptor if is_large else None


def _mapped(descriptor: int) -> Buffer | None:
    """The file in memory; None where its file system cannot do that."""
    import mmap

    try:
        return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):
        return None


def _read_all(read: Callable[[int], Any], name: str) -> bytes:
    """Read until nothing comes. Raises ModelError when that is more than MAX_UNPACKED bytes."""
    chunks: list[bytes] = []
    size = 0
    while chunk := read(2**20):
        if isinstance(chunk, str):  # a file that was opened as text
            chunk = chunk.encode()
        chunks.append(chunk)
        size += len(chunk)
        if size > limits.MAX_UNPACKED:
            most = limits.MAX_UNPACKED // limits.MIB
            raise ModelError(name, "", f"more than {most} MiB through a pipe; save it to a file and name that")
    return b"".join(chunks)
