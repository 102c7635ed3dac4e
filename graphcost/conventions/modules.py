"""Which operators are modules of their own and which a forward function calls; tools that walk modules miss the latter.

Read off the module paths that exporters keep. What is not known: a module whose children all vanished in the export
looks like one that has none, and in a file without paths every operator passes for a module, as a Caffe layer is one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..analysis import Analysis


def path(scope: str) -> str:
    """PyTorch's dotted path: exporters repeat a container's name in those of its children, as layer1/layer1.0/conv1."""
    parts: list[str] = []
    for part in scope.split("/"):
        if parts and part.startswith(f"{parts[-1]}."):
            parts.pop()
        parts.append(part)
    return ".".join(parts)


def pathless(analysis: Analysis) -> bool:
    """Whether the file keeps no module paths at all."""
    return not any(row.scope for row in analysis.rows)


@lru_cache(maxsize=1)
def functional(analysis: Analysis) -> frozenset[int]:
    """The numbers of the rows that stand in a container of modules, or in none where others stand in one.

    A convolution is taken for a module wherever it stands: exporters move one into the normalisation they fold into it.
    """
    paths = [path(row.scope) for row in analysis.rows]
    containers = {""} if any(paths) else set()
    for own in set(paths):
        parts = own.split(".")
        containers.update(".".join(parts[:depth]) for depth in range(1, len(parts)))
    return frozenset(
        at
        for at, own in enumerate(paths)
        if own in containers and analysis.rows[at].op.type not in ("Conv", "ConvTranspose")
    )
