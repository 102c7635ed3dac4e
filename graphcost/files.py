"""Files written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from .errors import ModelError

Content = str | bytes | Iterable[str]
"""What is written: text, pieces of it that are made on the way, or bytes."""


def write(content: Content, path: Path) -> None:
    """Write a file whole or not at all: into a neighbour first, which then takes its place. Raises ModelError.

    Where a link leads is written, and a device or pipe is written to rather than replaced.
    """
    import tempfile

    pieces = (encoded(piece) for piece in ([content] if isinstance(content, str | bytes) else content))
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            with path.open("wb") as device:
                device.writelines(pieces)
            return
        path = path.resolve()
        if path.is_symlink():  # which Python 3.13 leaves as it is where it leads to itself
            raise RuntimeError(path)
        handle, temporary = tempfile.mkstemp(prefix=".graphcost-", dir=path.parent)  # of any name, however long
        try:
            with os.fdopen(handle, "wb") as file:
                file.writelines(pieces)
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
            Path(temporary).chmod(mode)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except RuntimeError:  # a link that leads to itself
        raise ModelError(str(path), "", "cannot be written: too many levels of symbolic links") from None
    except OSError as problem:
        raise ModelError(str(path), "", f"cannot be written: {problem.strerror or problem}") from None


def encoded(piece: str | bytes) -> bytes:
    """Text as UTF-8; names of files in it need not have a form there."""
    return piece.encode("utf-8", "replace") if isinstance(piece, str) else piece


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
