"""The command: arguments in, library calls, text out."""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import sys
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from . import arguments, plugins
from .errors import ModelError
from .options import SECTIONS, parser
from .shapes import show_shape

if TYPE_CHECKING:
    from .api import Analysis, Report
    from .graph import Model
    from .sections import Section
    from .summary import Failure, Summary
    from .target import Target


def command() -> int:
    """`main` as a process of its own, which is short: it builds many small objects, drops few and ends.

    Searching them for cycles, on the way and at the end, would take a quarter more time.
    """
    gc.disable()
    code = main()
    gc.freeze()  # a process that ends searches all it has, even so, but what is frozen
    return code


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit code: 0 done, 1 a gate failed, 2 cannot be read, 3 a fault here."""
    try:
        return _run(parser().parse_args(argv))
    except ModelError as problem:
        _print_error(problem)
        return 2
    except BrokenPipeError:
        return 0  # the reader went away; nothing is left to say
    except KeyboardInterrupt:
        return 130
    except Exception as problem:
        if os.environ.get("GRAPHCOST_DEBUG"):
            raise
        _print_error(_internal_error("", problem))
        return 3


def _internal_error(path: str, problem: Exception) -> ModelError:
    """What to say of an exception that nothing foresaw, so that it is not taken for a fault of the model."""
    what = f"{type(problem).__name__}: {problem}"[:300]
    reason = f"internal error: {what} (GRAPHCOST_DEBUG=1 shows where; please report it)"
    return ModelError(path, "", reason)


def _run(options: argparse.Namespace) -> int:
    plugins.load_installed()
    for module in options.plugin:
        plugins.load(module)
    listing = _listing(options)
    if listing is not None:
        if options.models:
            raise ModelError("", "", "a list of what there is takes no model")
        _write_out(listing, options.output)
        return 0
    if options.calibrate is not None:
        from . import calibrate

        calibrate.save(options.calibrate, threads=_threads(options), progress=_progress())
        return 0
    if not options.models:
        raise ModelError("", "", "no model given; see graphcost --help")
    if options.top is not None and options.top < 0:
        raise ModelError("--top", "", f"{options.top} rows cannot be shown; 0 shows all")
    target, format = _target(options), _format(options)
    _check_timing(options)
    paths = list(arguments.models(options.models))
    arguments.check_outputs([("--output", options.output), ("--plan", options.plan)], [*paths, *options.plugin])
    if len(paths) > 1:
        return _run_many(paths, options, target, format)
    return _run_one(paths[0], options, target, format)


def _run_one(path: str, options: argparse.Namespace, target: Target, format: str) -> int:
    try:
        return _report_one(path, options, target, format)
    except (ModelError, BrokenPipeError):
        raise
    except Exception as problem:
        if os.environ.get("GRAPHCOST_DEBUG"):
            raise
        _print_error(_internal_error(path, problem))
        return 3


def _report_one(path: str, options: argparse.Namespace, target: Target, format: str) -> int:
    report = _report(path, options, target, format)
    if report.analysis.unused_dims:
        open_ = ", ".join(report.analysis.free_symbols) or "none"
        unused = ", ".join(report.analysis.unused_dims)
        raise ModelError("--dim", "", f"{path} has no dimension {unused}; open are: {open_}")
    text = report.render(format)
    if options.plan is not None:
        report.analysis.memory.plan(target.align).save(options.plan)
    _write_out(text, options.output)
    return _exit_code(options, [] if report.analysis.complete else [(path, report.coverage)])


def _exit_code(options: argparse.Namespace, incomplete: Sequence[tuple[str, str]]) -> int:
    """The exit code, given the models whose totals are lower bounds and what these leave out."""
    if options.strict and incomplete:
        path, missing = incomplete[0]
        _print_error(ModelError(path, "", f"--strict: {missing}"))
        return 1
    return 0


def _target(options: argparse.Namespace) -> Target:
    """Where and how the models are to run. Raises ModelError: what does not exist is the fault of none of them."""
    from .target import Target

    if options.device:
        from . import devices

        devices.find(options.device)
    return Target(
        dtype=options.dtype,
        weights_dtype=options.weights_dtype,
        io=options.io,
        reorder=options.reorder,
        fuse=options.fuse,
        device=options.device,
        align=options.align,
    )


def _report(path: str, options: argparse.Namespace, target: Target, format: str) -> Report:
    from .api import Report, analyze
    from .importers import load
    from .report import default_top

    if Path(path).is_dir():
        raise ModelError(path, "", "a folder without a .prototxt or .onnx file")
    source = sys.stdin.buffer if path == "-" else path
    model = load(source, phase=options.phase or "test", level=options.level or 0, stages=options.stage)
    if model.format != "caffe":
        _refuse_caffe_options(options)
    inputs = list(model.inputs)
    shapes = arguments.shapes(options.input, inputs)
    _check_ranks(model, shapes, arguments.lower_ranks(options.input, inputs))
    analysis = analyze(
        model, shapes=shapes, dims=arguments.dims(options.dim), values=arguments.values(options.value), target=target
    )
    analysis = _timed(analysis, path, options)
    top = options.top
    if top is None:
        plain = format in ("md", "text") and options.style == "default"
        person = plain and options.output is None and sys.stdout is not None and sys.stdout.isatty()
        top = default_top(analysis) if person else 0
    columns = _columns(options)
    sections: list[str | Section] = [*_flagged(options), *options.section]
    if options.anchor_sizes:
        from .sections.anchors import against, described

        sizes = arguments.anchor_sizes(options.anchor_sizes)
        described(analysis, sizes)  # now: of several models, those without a head of a stride fail and others go on
        sections = [*(name for name in sections if name != "anchors"), against(sizes)]
    report = Report(
        analysis, style=options.style, columns=columns, sort=options.sort, top=top, by=options.by, sections=sections
    )
    if format not in ("html", "json") and not all(section.beside for section in report.sections):
        _check_sections(report, options, format)
    return report


def _timed(analysis: Analysis, path: str, options: argparse.Namespace) -> Analysis:
    """The analysis with the measured times that were asked for."""
    if options.profile is not None:
        return analysis.with_times(options.profile)
    if options.measure:
        return analysis.measured(
            path, threads=_threads(options), provider=options.provider or "CPU", progress=_progress()
        )
    return analysis


def _threads(options: argparse.Namespace) -> int:
    """How many threads measure, 0 where it is left to the runtime. Raises ModelError for fewer than one."""
    if options.threads is not None and options.threads < 1:
        raise ModelError("--threads", "", f"{options.threads} threads cannot run anything; 1 or more can")
    return options.threads or 0


def _progress() -> Callable[[str], None] | None:
    from .timing.runtime import terminal

    return terminal()


def _check_timing(options: argparse.Namespace) -> None:
    """Raise ModelError for options that say how to measure where nothing is measured, or that exclude each other."""
    if options.measure and options.profile is not None:
        raise ModelError("--profile", "", "has times measured elsewhere, and --measure measures them here: give one")
    _threads(options)
    for name in ("threads", "provider"):
        if getattr(options, name) is not None and not options.measure:
            raise ModelError(f"--{name}", "", "says how to measure: it goes with --measure")


def _refuse_caffe_options(options: argparse.Namespace) -> None:
    """Raise ModelError for an option that selects layers of a Caffe net, where there are none."""
    given = {"--phase": options.phase, "--level": options.level, "--stage": options.stage or None}
    for option, value in given.items():
        if value is not None:
            raise ModelError(option, "", "selects layers of a Caffe net, and this is an ONNX model")


def _check_ranks(model: Model, shapes: Mapping[str, Sequence[int | str]], meant: Container[str]) -> None:
    """Raise ModelError where an input is given fewer axes than the file states, unless that is said to be meant."""
    for name, shape in shapes.items():
        stated = model.inputs.get(name)
        if stated is not None and stated.ranked and len(shape) < stated.rank and name not in meant:
            axes = f"{name} has {stated.rank} axes in the file, {show_shape(stated.shape)}, and {len(shape)} are given"
            raise ModelError("--input", "", f"{axes}; {name}:=SHAPE says that it is meant")


def _check_sections(report: Report, options: argparse.Namespace, format: str) -> None:
    """Say what would be lost where the tables of a section take the place of the layers. Raises ModelError."""
    instead = next(section.name for section in report.sections if not section.beside)
    if format.startswith("csv"):
        raise ModelError("--format", "", f"csv has a line for each layer; --{instead} is for md, text, html and json")
    given = {name: getattr(options, name) is not None for name in ("columns", "sort", "top", "by")}
    given["style"] = options.style != "default"
    for name in given:
        if given[name]:
            raise ModelError(f"--{name}", "", f"is about the table of layers, and --{instead} takes its place")


def _run_many(paths: list[str], options: argparse.Namespace, target: Target, format: str) -> int:
    """A row of totals for each model; what cannot be read gets a row that says why, and the others go on."""
    from .render import render
    from .summary import DEFAULT, Summary

    given = {
        "--plan": options.plan,
        "--profile": options.profile,
        "--by": options.by,
        "--style": options.style != "default",
    }
    if format != "json":
        given |= {f"--{name}": True for name in _flagged(options) if name not in ("device", "timing")} | {
            "--section": options.section
        }
    for flag, value in given.items():
        if value:
            raise ModelError(flag, "", f"is about one model, and there are {len(paths)}: each gets a row of totals")
    columns, top = _columns(options), options.top or 0
    Summary([], columns=columns, sort=options.sort)  # what does not exist is the fault of no model
    if columns is None and options.device:
        columns = [*DEFAULT, "time_bound"]
    if options.columns is None and options.measure:
        columns = [*(columns or DEFAULT), "time"]
    results = _results(paths, options, target, format)
    summary = Summary(results, columns=columns, sort=options.sort, top=top, objects=format == "json")
    _check_dims(options, summary)
    _write_out(render(summary, format), options.output)
    return 2 if summary.failed else _exit_code(options, summary.incomplete)


def _check_dims(options: argparse.Namespace, summary: Summary) -> None:
    """Raise ModelError for a dimension that none of several models has."""
    unused = [name for name in arguments.dims(options.dim) if name not in summary.used_dims]
    if unused and not summary.failed:
        raise ModelError("--dim", "", f"no model has a dimension {', '.join(unused)}")


def _results(paths: list[str], options: argparse.Namespace, target: Target, format: str) -> Iterator[Report | Failure]:
    """The report of each model, or why there is none; on a terminal with the progress."""
    from .summary import Failure

    progress = sys.stderr is not None and sys.stderr.isatty()
    for number, path in enumerate(paths, 1):
        if progress:
            print(f"\r[{number}/{len(paths)}] {path}\x1b[K", end="", file=sys.stderr, flush=True)
        try:
            yield _report(path, options, target, format)
        except Exception as fault:
            if os.environ.get("GRAPHCOST_DEBUG") and not isinstance(fault, ModelError):
                raise
            problem = fault if isinstance(fault, ModelError) else _internal_error(path, fault)
            if progress:
                print("\r\x1b[K", end="", file=sys.stderr)
            _print_error(problem)
            yield Failure(path, problem.reason)
    if progress:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _flagged(options: argparse.Namespace) -> list[str]:
    """The sections whose own flags are given."""
    timing = ["timing"] if options.measure or options.profile is not None else []
    return [*(name for name in SECTIONS if getattr(options, name)), *timing]


def _columns(options: argparse.Namespace) -> list[str] | None:
    return [key.strip() for key in options.columns.split(",")] if options.columns else None


def _format(options: argparse.Namespace) -> str:
    from . import render

    if options.csv_raw:
        if options.format not in (None, "csv"):
            raise ModelError("--csv-raw", "", f"is about --format csv, and --format {options.format} is given")
        return "csv-raw"
    if options.format is not None:
        if options.format not in render.FORMATS:
            raise ModelError("--format", "", f"no format {options.format!r}; there are {', '.join(render.FORMATS)}")
        return str(options.format)
    return "md" if options.output is None else render.format_of(options.output)


def _listing(options: argparse.Namespace) -> str | None:
    if not (options.list_columns or options.list_ops or options.list_devices or options.list_styles):
        return None
    from . import listings

    if options.list_columns:
        return listings.columns()
    if options.list_ops:
        return listings.operators()
    if options.list_devices:
        return listings.devices()
    return listings.styles()


def _write_out(text: str, output: Path | None) -> None:
    if output is not None:
        from .files import write

        write(text, output)
        return
    if sys.stdout is None:
        raise ModelError("standard output", "", "is closed")
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as problem:
        with contextlib.suppress(OSError):  # or else the interpreter tries once more to write the rest when it ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(problem, BrokenPipeError):
            raise
        raise ModelError("standard output", "", f"cannot be written: {problem.strerror or problem}") from None


def _print_error(problem: ModelError) -> None:
    if sys.stderr is None:  # closed; print would write to standard output instead
        return
    print("graphcost: error: " + " ".join(str(problem).split()), file=sys.stderr)
