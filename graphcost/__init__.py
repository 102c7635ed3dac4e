"""What a neural network costs, read from the file that is deployed: Caffe `.prototxt` or `.onnx`."""

from .api import Analysis, Report, analyze, diff, measure, register
from .columns import Column
from .conventions import Convention, Metric
from .devices import Device
from .dims import Dim
from .errors import ArgumentError, ModelError
from .graph import Model, Op, Tensor
from .importers import load
from .ops import rule
from .render import Format
from .rules import GLOBAL, NO_WORK, POINTWISE, Facts, Window, Work
from .scanning import ScanOptions, scan
from .sections import Section
from .summary import ModelRow
from .table import Table
from .target import Target
from .version import __version__

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
