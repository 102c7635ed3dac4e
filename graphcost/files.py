"""Files written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import ModelError


def write(text: str, path: Path) -> None:
    """Write a file whole or not at all: into a neighbour first, which then takes its place. Raises ModelError.

    Where a link leads is written, and a device or pipe is written to rather than replaced.
    """
    import tempfile

    content = text.encode("utf-8", "replace")  # names of files need not be UTF-8
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            path.write_bytes(content)
            return
        path = path.resolve()
        handle, temporary = tempfile.mkstemp(prefix=".graphcost-", dir=path.parent)  # of any name, however long
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
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


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
