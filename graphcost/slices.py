"""A file that is read in slices, where they are looked at: for one that can neither be mapped nor held in memory.

That is how a browser has the files that a reader chooses, and some file systems have theirs. What is asked for twice
in a row is read once. What the bytes mean is not known here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import overload

from .errors import ModelError

PAGE = 16 * 1024
"""Bytes read at a time, at multiples of it: as much as the structure between two large weights takes, or more."""

Read = Callable[[int, int], bytes]
"""From where and how many bytes -> those bytes, fewer at the end of the file. May raise OSError."""


class Slices:
    """Bytes like any others, for indexing and slicing (by steps of one) alone."""

    def __init__(self, read: Read, size: int, name: str) -> None:
        """`name` is for error messages. Raises ValueError for a size that this machine cannot count."""
        if size > sys.maxsize:  # 2 GiB on 32 bits
            raise ValueError(f"{size:,} bytes are more than this Python can count; give the model with external data")
        self.name = name
        self._read = read
        self._size = size
        self._number = -1  # of the page that is held
        self._page = b""

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, key: int) -> int: ...
    @overload
    def __getitem__(self, key: slice) -> bytes: ...
    def __getitem__(self, key: int | slice) -> int | bytes:
        """Raises ModelError when the file can no longer be read, or has become shorter."""
        if isinstance(key, int):
            if not 0 <= key < self._size:
                raise IndexError("index out of range")
            number = key // PAGE
            if number != self._number:
                self._turn_to(number)
            return self._page[key - number * PAGE]
        start, stop, _ = key.indices(self._size)
        number = start // PAGE
        if stop <= start:
            return b""
        if stop > (number + 1) * PAGE:
            return self._fetch(start, stop - start)
        if number != self._number:
            self._turn_to(number)
        return self._page[start - number * PAGE : stop - number * PAGE]

    def _turn_to(self, number: int) -> None:
        begin = number * PAGE
        self._page = self._fetch(begin, min(PAGE, self._size - begin))
        self._number = number

    def _fetch(self, begin: int, size: int) -> bytes:
        try:
            data = self._read(begin, size)
        except OSError as problem:
            raise ModelError(self.name, f"byte {begin}", problem.strerror or str(problem)) from None
        if len(data) < size:
            raise ModelError(self.name, f"byte {begin + len(data)}", "the file has become shorter since it was opened")
        return data


class _Descriptor:
    """An open file of the system, closed when nobody looks at it any more."""

    def __init__(self, number: int) -> None:
        self.number = os.dup(number)

    def read(self, begin: int, size: int) -> bytes:
        chunks = []
        while size and (chunk := os.pread(self.number, size, begin)):
            chunks.append(chunk)
            begin, size = begin + len(chunk), size - len(chunk)
        return b"".join(chunks)

    def __del__(self) -> None:
        os.close(self.number)


def of_descriptor(number: int, name: str) -> Slices:
    """An open file of the system, which may be closed after this. Raises OSError or ValueError where it cannot be."""
    return Slices(_Descriptor(number).read, os.fstat(number).st_size, name)
