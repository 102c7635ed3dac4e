"""What a neural network costs, read from the file that is deployed: Caffe `.prototxt` or `.onnx`."""

from importlib import import_module
from typing import TYPE_CHECKING

from .version import __version__

if TYPE_CHECKING:
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
    from .scanning import ScanOptions, scan
    from .sections import Section
    from .summary import ModelRow
    from .table import Table
    from .target import Target

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

_HOME = {
    "api": "Analysis Report analyze diff measure register",
    "columns": "Column",
    "conventions": "Convention Metric",
    "devices": "Device Level",
    "dims": "Dim",
    "errors": "ArgumentError ModelError",
    "graph": "Model Op Tensor",
    "importers": "load",
    "ops": "rule",
    "render": "Format",
    "rules": "GLOBAL NO_WORK POINTWISE Facts Window Work",
    "scanning": "ScanOptions scan",
    "sections": "Section",
    "summary": "ModelRow",
    "table": "Table",
    "target": "Target",
}
"""The modules that public names are from, as above for types: each is imported when a name of it is asked for."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        for module, names in _HOME.items():
            if name in names.split():
                value = globals()[name] = getattr(import_module(f".{module}", __name__), name)
                return value
        raise AttributeError(f"module 'graphcost' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
