"""What the command and its subcommands share: models read and analysed as options say, text written, errors said."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .. import analysis as _analysis
from .. import arguments, plugins
from ..errors import ModelError
from ..options import in_options
from ..shapes import show_shape

if TYPE_CHECKING:
    from ..api import Analysis
    from ..files import Content
    from ..graph import Model
    from ..target import Target


def load_plugins(options: argparse.Namespace) -> None:
    """Import the plugins that are installed, and those that are named."""
    plugins.load_installed()
    for module in options.plugin:
        plugins.load(module)


def target_of(options: argparse.Namespace) -> Target:
    """Where and how the models are to run. Raises ModelError: what does not exist is the fault of none of them."""
    from ..target import Target

    if options.device:
        from .. import devices

        devices.find(options.device)
    return Target(
        dtype=options.dtype,
        weights_dtype=options.weights_dtype,
        io=options.io,
        reorder=options.reorder,
        fuse=options.fuse,
        device=options.device,
        align=options.align,
        quantize=options.quantize,
        fold_bn=options.fold_bn,
        **{key: arguments.nbytes(f"--{key}", size) for key in ("ram", "flash") if (size := getattr(options, key))},
    )


def analysed(path: str, options: argparse.Namespace, target: Target) -> Analysis:
    """A model in a file (`-`: standard input) under the sizes, values and phase of the options. Raises ModelError."""
    from ..api import analyze
    from ..importers import load
    from ..importers.source import describe_folder

    if Path(path).is_dir():
        raise ModelError(path, "", describe_folder(path) or "a folder without a .prototxt or .onnx file")
    source = sys.stdin.buffer if path == "-" else path
    model = load(
        source, phase=options.phase or "test", level=options.level or 0, stages=options.stage, weights=options.weights
    )
    if model.format != "caffe":
        _refuse_caffe_options(options)
    inputs = list(model.inputs)
    shapes = arguments.shapes(options.input, inputs)
    _check_ranks(model, shapes, arguments.lower_ranks(options.input, inputs))
    return analyze(
        model,
        shapes=shapes,
        dims=arguments.dims(options.dim),
        values=arguments.values(options.value),
        target=target,
        check_dims=False,  # of several models only some may have one: whoever reports says so
    )


def unfit(analysis: _analysis.Analysis) -> str:
    """What does not fit, or is not known to; "" where everything does."""
    from ..sections import fit

    found = fit.of(analysis)
    if not found:
        return "no memory to fit: --device, --ram or --flash says how much there is"
    return "; ".join(f"{each.what} in {each.place}: {fit.result(each)}" for each in found if not each.fits)


def _refuse_caffe_options(options: argparse.Namespace) -> None:
    """Raise ModelError for an option that selects layers of a Caffe net, where there are none."""
    for name in ("phase", "level", "stage"):
        if name in options.given:
            raise ModelError(f"--{name}", "", "selects layers of a Caffe net, and this is an ONNX model")


def _check_ranks(model: Model, shapes: Mapping[str, Sequence[int | str]], meant: Container[str]) -> None:
    """Raise ModelError where an input is given fewer axes than the file states, unless that is said to be meant."""
    for name, shape in shapes.items():
        stated = model.inputs.get(name)
        if stated is not None and stated.ranked and len(shape) < stated.rank and name not in meant:
            axes = f"{name} has {stated.rank} axes in the file, {show_shape(stated.shape)}, and {len(shape)} are given"
            raise ModelError("--input", "", f"{axes}; {name}:=SHAPE says that it is meant")


def format_of(options: argparse.Namespace, formats: Sequence[str]) -> str:
    """The format that is asked for by name, else by the suffix of the output, else the first. Raises ModelError."""
    if options.format is None and options.output is None:
        return formats[0]
    if options.format is None:
        from ..render import format_of as by_suffix

        format = by_suffix(options.output)
    else:
        format = options.format
    if format not in formats:
        raise ModelError("--format", "", f"no format {format!r} here; there are {', '.join(formats)}")
    return str(format)


def write_out(content: Content, output: Path | None) -> None:
    """Write to a file, else to standard output: what is made on the way only when all of it is."""
    if output is not None:
        from ..files import write

        write(content, output)
        return
    pieces = [content] if isinstance(content, str | bytes) else list(content)
    if sys.stdout is None:
        raise ModelError("standard output", "", "is closed")
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    try:
        for piece in pieces:
            if isinstance(piece, bytes):
                if sys.stdout.isatty():
                    raise ModelError("--output", "", "says which file this goes to: it is no text for a terminal")
                sys.stdout.buffer.write(piece)
            else:
                sys.stdout.write(piece)
        sys.stdout.flush()
    except OSError as problem:
        with contextlib.suppress(OSError):  # or else the interpreter tries once more to write the rest when it ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(problem, BrokenPipeError):
            raise
        raise ModelError("standard output", "", f"cannot be written: {problem.strerror or problem}") from None


def print_error(problem: ModelError) -> None:
    if sys.stderr is None:  # closed; print would write to standard output instead
        return
    print("graphcost: error: " + " ".join(str(in_options(problem)).split()), file=sys.stderr)
