"""The rules: one file per operator family. `load` fills the table in `graphcost.rules`.

A Caffe network needs only Caffe's files and what they share; the others are loaded when something else is asked for.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

CAFFE = ("caffe", "caffe_detection", "caffe_forks", "caffe_resize")
ONNX = (
    "attention",
    "blocked",
    "control",
    "dense",
    "detection",
    "indexing",
    "ml",
    "movement",
    "normalize",
    "pointwise",
    "quantized",
    "random",
    "recurrent",
    "reduce",
    "resize",
    "shape_values",
    "signal",
    "text",
    "windowed",
)


@cache
def load(dialect: str) -> None:
    """Import the families of Caffe's layers ("caffe") or of every other operator (anything else)."""
    for family in CAFFE if dialect == "caffe" else ONNX:
        import_module(f".{family}", __name__)
