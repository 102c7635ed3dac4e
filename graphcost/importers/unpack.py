"""Compressed data -> what is in it: gzip, bzip2, xz, Zstandard where Python can, and a zip archive with one model.

A compressed file says only at its end how much is in it, so what comes out is bounded while it comes.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, TypeAlias, cast

from .. import limits
from ..errors import ModelError
from ..slices import Slices
from . import foreign, sniff

if TYPE_CHECKING:
    import mmap

Buffer: TypeAlias = "bytes | mmap.mmap | Slices"

MODELS = (".onnx", ".prototxt", ".caffemodel", ".pbtxt", ".textproto", ".onnxtxt")
"""Endings of the members of a zip archive that are models, where there are other members too."""
ARCHIVE_TAIL = 2**16 + 100
"""Bytes at the end of an archive among which the record of its end lies: a comment of up to 64 KiB may follow it."""
NAMED = 3
"""Members of an archive that a message names before it only counts them."""


def unpack(data: Buffer, name: str) -> Buffer:
    """What is in compressed data; data that is not compressed, or that this Python cannot unpack, as it is.

    `name` is for error messages. Raises ModelError when the data is damaged, when nothing is in it or more than
    MAX_UNPACKED bytes, and for a zip archive without a model or with several.
    """
    format = sniff.packing_of(data[: sniff.HEAD])
    if format is None:
        return data
    try:
        if format == "zip archive":
            _check_archive(data, name)
        if len(data) > limits.MAX_UNPACKED:
            raise _too_much(name, format)
        stream = _OPENERS[format](io.BytesIO(data[:]), name)
        return data if stream is None else _read(stream, name, format)
    except ModelError:
        raise
    except Exception as problem:  # each library has errors of its own for damaged data
        said = " ".join(str(problem).split()).replace("Error -3 while decompressing data", "damaged data")  # of zlib
        raise ModelError(name, "", f"{format}: {said}") from None


def _read(stream: IO[bytes], name: str, format: str) -> bytes:
    content = bytearray()
    while chunk := stream.read(2**20):
        content += chunk
        if len(content) > limits.MAX_UNPACKED:
            raise _too_much(name, format)
    if not content:
        raise ModelError(name, "", f"{format}: nothing inside")
    return bytes(content)


def _too_much(name: str, format: str) -> ModelError:
    most = limits.MAX_UNPACKED // limits.MIB
    return ModelError(
        name, "", f"{format}: more than {most:,} MiB inside; decompress it first{limits.more('unpacked')}"
    )


def _open_gzip(file: IO[bytes], name: str) -> IO[bytes]:
    import gzip

    return cast(IO[bytes], gzip.GzipFile(fileobj=file))


def _open_bzip2(file: IO[bytes], name: str) -> IO[bytes]:
    import bz2

    return cast(IO[bytes], bz2.BZ2File(file))


def _open_xz(file: IO[bytes], name: str) -> IO[bytes]:
    import lzma

    return cast(IO[bytes], lzma.LZMAFile(file))


def _open_zstandard(file: IO[bytes], name: str) -> IO[bytes] | None:
    """None where neither Python, from 3.14 on, nor the zstandard package can read it."""
    try:
        from compression import zstd  # type: ignore[import-not-found]

        return cast(IO[bytes], zstd.ZstdFile(file))
    except ImportError:
        pass
    try:
        import zstandard

        return cast(IO[bytes], cast(Any, zstandard).open(file))
    except ImportError:
        return None


def _check_archive(data: Buffer, name: str) -> None:
    """Raise ModelError for an archive that is a model of another program, or that has too many members to list them."""
    import zipfile

    tail = data[-ARCHIVE_TAIL:]
    end = tail.rfind(b"PK\x05\x06")
    long_end = tail.rfind(b"PK\x06\x06")  # of Zip64, with longer numbers
    size = int.from_bytes(tail[long_end + 40 : long_end + 48] if long_end >= 0 else tail[end + 12 : end + 16], "little")
    if end >= 0 and size > limits.MAX_DIRECTORY:
        raise ModelError(name, "", "a zip archive of too many files: unpack it and name the model")
    archive = zipfile.ZipFile(io.BytesIO(data) if isinstance(data, bytes) else cast(IO[bytes], data))
    names = archive.namelist()
    is_read = any(each.lower().endswith(MODELS) for each in names)
    if not is_read and (known := foreign.describe_archive(names)) is not None:
        raise ModelError(name, "", "{}: {}".format(*known))


def _open_zip(file: IO[bytes], name: str) -> IO[bytes]:
    """The one model in an archive, or its one member. Raises ModelError naming the members when there are more."""
    import zipfile

    archive = zipfile.ZipFile(file)
    members = [member.filename for member in archive.infolist() if not member.is_dir()]
    models = [member for member in members if member.lower().endswith(MODELS)] or members
    if len(models) == 1:
        return archive.open(models[0])
    named = ", ".join(models[:NAMED]) + (f" and {len(models) - NAMED:,} more" if len(models) > NAMED else "")
    reason = (
        f"a zip archive of several files ({named}): unpack it and name the model"
        if models
        else "zip archive: nothing inside"
    )
    raise ModelError(name, "", reason)


_OPENERS: dict[str, Callable[[IO[bytes], str], Any]] = {
    "gzip": _open_gzip, "bzip2": _open_bzip2, "xz": _open_xz, "Zstandard": _open_zstandard, "zip archive": _open_zip,
}  # fmt: skip
