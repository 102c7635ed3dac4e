"""Which files of a folder are models, and which names a pattern stands for that the shell did not expand.

A file's ending makes it a candidate; of those in text form the content tells nets from what lies beside them: solvers,
label maps, other programs' files. What a file means is not known here.
"""

from __future__ import annotations

import re
from pathlib import Path

ENDINGS = frozenset({".prototxt", ".onnx"})
"""Endings of files that are taken for models, in any case."""
NET_ENDINGS = frozenset({".pt"})
"""Endings of files that are taken for models where a Caffe net stands in them; PyTorch's checkpoints have them too."""

HEAD = 64 * 1024
"""Bytes of a file that are looked at."""

_NET = rb"(?:^|[\s{;,])(?:layers?\s*:?\s*[{<]|input\s*:)"
_OTHER = (
    rb"(?m)^\s*(?:base_lr|lr_policy|max_iter|solver_mode|solver_type|train_net|test_net|net|test_iter)\s*:"
    rb"|^\s*item\s*:?\s*[{<]"
)
"""Patterns of fields: of a net; of a solver, and of a label map."""


def models(name: str) -> list[str]:
    """The models that a name stands for, in order of their names: itself, those in a folder, or those of a pattern.

    A folder without any stands for itself. The list is empty for a pattern that nothing matches.
    """
    path = Path(name)
    if path.is_dir():
        return _in_folder(path) or [name]
    if any(mark in name for mark in "*?[") and not path.exists():
        from glob import glob  # most runs do without

        names = sorted(glob(name, recursive=True))  # noqa: PTH207
        matches = [Path(each) for each in names]
        return [model for match in matches for model in (_in_folder(match) if match.is_dir() else [str(match)])]
    return [name]


def _in_folder(folder: Path) -> list[str]:
    """The models below a folder; where there is none but what lies beside models, trained files and solvers, that."""
    nets, trained, others = [], [], []
    for file in sorted(folder.rglob("*")):
        ending = file.suffix.lower()
        if ending == ".caffemodel" and file.is_file():
            trained.append(str(file))
        if ending not in ENDINGS | NET_ENDINGS or not file.is_file():
            continue
        if ending == ".onnx" or is_net(file, certain=ending in NET_ENDINGS):
            nets.append(str(file))
        elif ending in ENDINGS:
            others.append(str(file))
    return nets or trained or others


def is_net(file: Path, *, certain: bool) -> bool:
    """Whether a Caffe net may stand in a file, or, if that is to be `certain`, does.

    What cannot be read, or is neither a net nor known to be something else, is left to its reader to refuse.
    """
    try:
        with file.open("rb") as opened:
            head = opened.read(HEAD)
    except OSError:
        return not certain
    if certain and b"\0" in head:
        return False
    text = head.replace(b"\0", b"")  # UTF-16, which Windows' tools write
    return bool(re.search(_NET, text)) or not (certain or re.search(_OTHER, text))
