"""What a neural network costs, read from the file that is deployed: Caffe `.prototxt` or `.onnx`."""

from typing import TYPE_CHECKING

from .api import Analysis, Report, analyze, diff, measure, register
from .columns import Column
from .conventions import Convention, Metric
from .devices import Device, Level
from .dims import Dim
from .errors import ArgumentError, ModelError
from .graph import Model, Op, Tensor
from .importers import load
from .ops import rule
from .render import Format
from .rules import GLOBAL, NO_WORK, POINTWISE, Facts, Window, Work
from .sections import Section
from .table import Table
from .target import Target
from .version import __version__

if TYPE_CHECKING:
    from .scanning import ScanOptions, scan
    from .summary import ModelRow

__all__ = [
    "Analysis",
    "ArgumentError",
    "Column",
    "Convention",
    "Device",
    "Dim",
    "Facts",
    "Format",
    "GLOBAL",
    "Level",
    "Metric",
    "Model",
    "ModelError",
    "ModelRow",
    "NO_WORK",
    "Op",
    "POINTWISE",
    "Report",
    "ScanOptions",
    "Section",
    "Table",
    "Target",
    "Tensor",
    "Window",
    "Work",
    "__version__",
    "analyze",
    "diff",
    "load",
    "measure",
    "register",
    "rule",
    "scan",
]


def __getattr__(name: str) -> object:
    """What only those who read many models need, imported when it is asked for."""
    if name in ("ScanOptions", "scan"):
        from . import scanning

        return getattr(scanning, name)
    if name == "ModelRow":
        from . import summary

        return summary.ModelRow
    raise AttributeError(f"module 'graphcost' has no attribute {name!r}")
