"""What a neural network costs, read from the file that is deployed: Caffe `.prototxt` or `.onnx`."""

from .analysis import Analysis, analyze
from .dims import Dim
from .errors import ModelError
from .graph import Model, Op, Tensor
from .importers import load
from .ops import rule
from .rules import GLOBAL, NO_WORK, POINTWISE, Facts, Window, Work
from .target import Target
from .version import __version__

__all__ = [
    "Analysis",
    "Dim",
    "Facts",
    "GLOBAL",
    "Model",
    "ModelError",
    "NO_WORK",
    "Op",
    "POINTWISE",
    "Target",
    "Tensor",
    "Window",
    "Work",
    "__version__",
    "analyze",
    "load",
    "rule",
]
