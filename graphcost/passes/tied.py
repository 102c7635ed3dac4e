"""Matrices that a file holds twice: an exporter that folds the transposition of a weight writes a second, transposed
copy of an embedding which the last layer of a language model shares.

Contents are not read, so two matrices of transposed shapes are likely, not surely, the same; where an exporter notes
which parameter an operator was called with, that decides.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator

from ..graph import Shape
from .rows import Row, Weight

_GENERATED = r"(?:onnx::\w+|val|t|transpose|permute|T)_?\d+|\d+|.*[._]transposed"
"""Names that exporters make up: of a parameter that they leave as it is they keep the name."""
_PARAMETER = r"%p_(\w+)"


def transposed_copies(rows: Iterable[Row]) -> dict[Hashable, Weight]:
    """For the key of each matrix that is likely a transposed copy, the embedding that it is a copy of."""
    embeddings: dict[Shape, Weight | None] = {}
    products = []
    for row in rows:
        for weight in row.weights:
            if row.op.kind == "Gather" and _is_matrix(weight):
                other = embeddings.setdefault(weight.tensor.shape, weight)
                if other is not None and other.key != weight.key:
                    embeddings[weight.tensor.shape] = None  # two of one shape: a copy could be of either
            elif row.op.kind in ("MatMul", "Gemm") and _is_matrix(weight):
                products.append((row, weight))
    return dict(_copies(products, embeddings)) if embeddings else {}


def _copies(
    products: Iterable[tuple[Row, Weight]], embeddings: dict[Shape, Weight | None]
) -> Iterator[tuple[Hashable, Weight]]:
    for row, weight in products:
        embedding = embeddings.get(weight.tensor.shape[::-1])
        if embedding is None or embedding.key == weight.key or embedding.tensor.dtype != weight.tensor.dtype:
            continue
        rows, columns = embedding.tensor.shape
        noted = re.findall(_PARAMETER, row.op.origin.arguments) if row.op.origin is not None else []
        same = (
            re.sub(r"\W", "_", embedding.name) in noted if noted else re.fullmatch(_GENERATED, weight.name) is not None
        )
        if same and rows != columns:
            yield weight.key, embedding


def _is_matrix(weight: Weight) -> bool:
    return weight.tensor.ranked and weight.tensor.rank == 2
