"""Models behind URLs, `s3://bucket/model.onnx` or `zip://net.onnx::archive.zip`, read by ranges through fsspec.

A store is asked for the bytes that somebody looks at and a little more, so that of a model of gigabytes its structure
is fetched and its weights are not. fsspec, and for most stores a package of its own, has to be installed.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, overload

from .errors import ModelError
from .slices import Slices

_URL = r"[A-Za-z][A-Za-z0-9+.-]+(?:://|::)"
OPENING = 64 * 1024
"""Bytes fetched first: a file's type is told by them, and most structures begin there."""
SMALLEST, LARGEST = 2 * 1024, 1024 * 1024
"""Bytes fetched at once: few after a leap over a payload, twice as many each time as long as reading goes on."""
NEAR = 32 * 1024
"""Bytes that are read through rather than leapt over: a request takes as long."""
HELD = 16
"""Pieces of the file that are held, the last ones."""
SUFFIXES = (".prototxt", ".onnx")


def is_url(name: str) -> bool:
    """Whether a name is a URL rather than a path."""
    return ("://" in name or "::" in name) and re.match(_URL, name) is not None


class RangeReader(Slices):
    """A file somewhere else; `fetched` counts the bytes that have been asked for.

    Looking raises ModelError when the store does not answer.
    """

    def __init__(self, file: IO[bytes], size: int, name: str) -> None:
        super().__init__(self._read_at, size, name)
        self.file = file
        self.size = size
        self.fetched = 0
        self._pieces: OrderedDict[int, bytes] = OrderedDict()
        """By where they begin, the one used last at the end."""
        self._begin, self._piece = 0, b""  # the piece that is looked at
        self._most = OPENING // 2
        self._end = 0  # of what was fetched last

    @overload
    def __getitem__(self, key: int) -> int: ...
    @overload
    def __getitem__(self, key: slice) -> bytes: ...
    def __getitem__(self, key: int | slice) -> int | bytes:
        if isinstance(key, slice):
            start, stop, step = key.indices(self.size)
            assert step == 1
            return self._between(start, stop) if start < stop else b""
        if not 0 <= key < self.size:
            raise IndexError(key)
        offset = key - self._begin
        if not 0 <= offset < len(self._piece):
            self._look_at(key, 1)
            offset = key - self._begin
        return self._piece[offset]

    def _between(self, start: int, stop: int) -> bytes:
        self._look_at(start, stop - start)
        return self._piece[start - self._begin : stop - self._begin]

    def _look_at(self, start: int, length: int) -> None:
        """Make the piece that is looked at one that holds these bytes."""
        for begin, piece in reversed(self._pieces.items()):
            if begin <= start and start + length <= begin + len(piece):
                self._pieces.move_to_end(begin)
                self._begin, self._piece = begin, piece
                return
        goes_on = 0 <= start - self._end < NEAR
        self._most = min(2 * self._most, LARGEST) if goes_on else SMALLEST
        self._begin, self._piece = start, self._fetch(start, min(max(length, self._most), self.size - start))
        self._end = start + len(self._piece)
        self._pieces.pop(start, None)
        self._pieces[start] = self._piece
        while len(self._pieces) > HELD:
            self._pieces.popitem(last=False)

    def _read_at(self, start: int, length: int) -> bytes:
        self.file.seek(start)
        return self.file.read(length)

    def _fetch(self, start: int, length: int) -> bytes:
        try:
            data = self._read_at(start, length)
        except Exception as problem:  # each store has errors of its own
            raise _failed(self.name, problem) from None
        self.fetched += len(data)
        if len(data) < length:
            reason = f"the store has no more, and says that there are {self.size:,} bytes"
            raise ModelError(self.name, f"byte {start + len(data)}", reason)
        return data


def open_url(url: str) -> RangeReader | IO[bytes]:
    """A file behind a URL; an open one, to be read to its end, where the store does not say how large it is.

    Raises ModelError when there is none, or fsspec or what it needs for such a store is not installed.
    """
    system, path = _system(url)
    try:
        size = system.info(path).get("size")
        file: IO[bytes] = system.open(path, "rb", cache_type="none")  # or else it would read megabytes ahead
    except Exception as problem:
        raise _failed(url, problem) from None
    return file if size is None else RangeReader(file, size, url)


def find(url: str) -> Iterator[str]:
    """The models in a folder or behind a pattern, `s3://bucket/nets/` or `s3://bucket/**.onnx`, by name.

    Any other URL stands for itself. Raises ModelError when the store does not answer.
    """
    if not url.endswith("/") and "*" not in url:
        yield url
        return
    system, path = _system(url)
    try:
        found = system.glob(path) if "*" in path else system.find(path)
        names = sorted(name for name in found if "*" in path or name.lower().endswith(SUFFIXES))
    except Exception as problem:
        raise _failed(url, problem) from None
    tail = url.partition("::")[2]  # of zip://*.onnx::archive.zip
    yield from (system.unstrip_protocol(name) + (f"::{tail}" if tail else "") for name in names)


def status(name: str) -> tuple[int | None, str]:
    """The size in bytes and the time of the last change of a file or URL, (None, "") where they cannot be told.

    Two answers are the same as long as the file is.
    """
    try:
        if not is_url(name):
            from datetime import UTC, datetime

            told = Path(name).stat()
            return told.st_size, datetime.fromtimestamp(told.st_mtime, UTC).isoformat()
        system, path = _system(name)
        info = system.info(path)
        return info.get("size"), _modified(system, path, info)
    except Exception:  # whoever reads it will say why
        return None, ""


def _modified(system: Any, path: str, info: dict[str, Any]) -> str:
    try:
        return str(system.modified(path).isoformat())
    except Exception:  # not every store knows
        return str(info.get("ETag") or info.get("etag") or "")


def _system(url: str) -> tuple[Any, str]:
    """The store of a URL, and what it calls the file. Raises ModelError."""
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        reason = "URLs are read by fsspec, which is not installed: pip install 'graphcost[remote]'"
        raise ModelError(url, "", reason) from None
    try:
        system, path = url_to_fs(url)
    except Exception as problem:
        raise _failed(url, problem) from None
    return system, path


def _failed(url: str, problem: Exception) -> ModelError:
    if isinstance(problem, FileNotFoundError):
        return ModelError(url, "", "No such file or directory")
    said = " ".join(str(problem).split())[:300]
    return ModelError(url, "", f"cannot be read: {said or type(problem).__name__}")
