"""Measure a model here and join what was measured to the rows of its analysis."""

from __future__ import annotations

from collections.abc import Callable

from ..analysis import Analysis
from ..errors import ModelError
from ..importers.source import AnyPath
from ..passes.timing import Timing
from ..table import counted
from . import runnable, runtime
from .join import join

PROTOTXT = (
    "a prototxt has no weights and no runtime that is at hand: convert the network to ONNX, or join times measured"
    " elsewhere (--profile FILE)"
)


def measure(
    analysis: Analysis,
    source: AnyPath | bytes,
    *,
    threads: int = 0,
    provider: str = "CPU",
    seconds: float = 3.0,
    clock: bool = True,
    progress: Callable[[str], None] | None = None,
) -> Timing:
    """The times of an ONNX file's layers on this machine, at the sizes of its analysis. Raises ModelError."""
    if analysis.model.format == "caffe":
        raise ModelError("--measure", "", PROTOTXT)
    if not source or source == "-":
        raise ModelError("--measure", "", "the model has to be a file: what came from elsewhere is not kept")
    if analysis.target.dtype or analysis.target.weights_dtype:
        raise ModelError("--measure", "", "runs the file as it is: it cannot be measured as if its types were others")
    runtime.provider_name(provider)  # before the model is read once more
    model = runnable.build(source, analysis)
    measured = runtime.measure(
        model, threads=threads, provider=provider, seconds=seconds, clock=clock, progress=progress
    )
    notes = []
    if model.made_up:
        notes.append(
            f"{counted(len(model.made_up), 'weight')} not in the file: made up, so what depends on data may differ."
        )
    return join(analysis, measured.ops, measured.source, run=measured.run, notes=notes)
