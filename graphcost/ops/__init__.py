"""The rules: one file per operator family. Importing this package fills the table in `graphcost.rules`."""

from . import (
    caffe,
    caffe_forks,
    control,
    dense,
    detection,
    indexing,
    movement,
    normalize,
    pointwise,
    random,
    recurrent,
    reduce,
    resize,
    shape_values,
    windowed,
)

__all__ = [
    "caffe",
    "caffe_forks",
    "control",
    "dense",
    "detection",
    "indexing",
    "movement",
    "normalize",
    "pointwise",
    "random",
    "recurrent",
    "reduce",
    "resize",
    "shape_values",
    "windowed",
]
