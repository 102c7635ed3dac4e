"""The command: arguments in, library calls, text out."""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from . import arguments, commands, limits, options_file
from .commands.progress import progress
from .commands.shared import analysed, load_plugins, print_error, target_of, unfit, write_out
from .commands.sizes import scenarios_csv, size_sections
from .commands.timing import check_timing, measuring_progress, threads, timed
from .dims import TooLarge
from .errors import ModelError, internal_error
from .options import DEFAULT_TIMEOUT, SECTIONS, in_options, parser
from .printable import printable

if TYPE_CHECKING:
    from .api import Report
    from .files import Content
    from .notation import Notation
    from .sections import Section
    from .summary import ModelRow, RowMaker, Summary
    from .target import Target


OF_ONE = ("style", "title", "columns", "sort", "top", "by", "section", *SECTIONS)
"""Options that several models take no defaults for from a project's file: they are of the report of one."""


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
        words = sys.argv[1:] if argv is None else list(argv)
        command = commands.find(words[0]) if words else None
        if command is not None:
            return command(words[1:])
        options = parser().parse_args(words)
        with limits.set_to(arguments.raised_limits(options.limit)):
            return _run(options)
    except ModelError as problem:
        print_error(problem)
        return 2
    except BrokenPipeError:
        return 0  # the reader went away; nothing is left to say
    except KeyboardInterrupt:
        return 130
    except Exception as problem:
        if os.environ.get("GRAPHCOST_DEBUG"):
            raise
        print_error(internal_error("", problem))
        return 3


def _run(options: argparse.Namespace) -> int:
    load_plugins(options)
    listing = _listing(options)
    if listing is not None:
        if options.models:
            raise ModelError("", "", "a list of what there is takes no model")
        write_out(listing, options.output)
        return 0
    if options.calibrate is not None:
        from . import calibrate

        calibrate.save(options.calibrate, threads=threads(options), progress=measuring_progress(options))
        return 0
    if not options.models:
        raise ModelError("", "", "no model given; see graphcost --help")
    if options.jobs is not None and options.jobs < 0:
        raise ModelError("--jobs", "", f"{options.jobs} models cannot be read at once; 0 is one per core")
    if options.top is not None and options.top < 0:
        raise ModelError("--top", "", f"{options.top} rows cannot be shown; 0 shows all")
    grows = arguments.grows(options.output, options.jobs, options.format)
    target, format = target_of(options), "" if grows else _format(options)
    check_timing(options)
    paths = list(arguments.models(options.models))
    read = [*paths, *options.plugin, *([str(options.weights)] if options.weights else [])]
    arguments.check_outputs([("--output", options.output), ("--plan", options.plan)], read)
    if grows:
        return _run_growing(paths, options, target)
    if len(paths) > 1:
        return _run_many(paths, options, target, format)
    return _run_one(paths[0], options, target, format)


def _run_one(path: str, options: argparse.Namespace, target: Target, format: str) -> int:
    if options.compare:
        raise ModelError(
            "--compare", "", "is about several models, and there is one; graphcost diff OLD NEW has layers"
        )
    try:
        return _report_one(path, options, target, format)
    except TooLarge as problem:
        raise ModelError(path, "", f"{problem.reason}; --input and --dim set the sizes that are open") from None
    except (ModelError, BrokenPipeError):
        raise
    except MemoryError:
        reason = "takes more memory than there is; a smaller size (--input, --dim) takes less"
        raise ModelError(path, "", reason) from None
    except Exception as problem:
        if os.environ.get("GRAPHCOST_DEBUG"):
            raise
        print_error(internal_error(path, problem))
        return 3


def _report_one(path: str, options: argparse.Namespace, target: Target, format: str) -> int:
    with _bounded(options, path):
        with progress(path, options.quiet):
            report = _report(path, options, target, format)
            report.analysis.check_dims()
            content = _content(report, format, options)
        if options.plan is not None:
            report.analysis.memory.plan(target.align).save(options.plan)
        write_out(content, options.output)
    if options.require_fit and (reason := unfit(report.analysis)):
        print_error(ModelError(path, "", f"--require-fit: {reason}"))
        return 1
    return _exit_code(options, [] if report.analysis.complete else [(path, report.coverage)])


def _content(report: Report, format: str, options: argparse.Namespace) -> Content:
    """The report in its format; text fits a terminal that it is written to, with colours where they are wanted."""
    scenarios = scenarios_csv(report) if format.startswith("csv") else None
    if scenarios is not None:
        return scenarios
    if format != "text" or (options.color != "always" and not _on_terminal(options)):
        from .render import rendered

        return rendered(report, format)
    from .render import terminal

    color = options.color == "always" or (options.color == "auto" and not os.environ.get("NO_COLOR"))
    return terminal(report, shutil.get_terminal_size().columns if _on_terminal(options) else 0, color)


def _on_terminal(options: argparse.Namespace) -> bool:
    """Whether a person reads the output at once."""
    return options.output is None and sys.stdout is not None and sys.stdout.isatty()


def _exit_code(options: argparse.Namespace, incomplete: Sequence[tuple[str, str]]) -> int:
    """The exit code, given the models whose totals are lower bounds and what these leave out."""
    if options.strict and incomplete:
        path, missing = incomplete[0]
        print_error(ModelError(path, "", f"--strict: {missing}"))
        return 1
    return 0


def _report(path: str, options: argparse.Namespace, target: Target, format: str) -> Report:
    from .api import Report
    from .report import default_top

    analysis = timed(analysed(path, options, target), path, options)
    top = options.top
    if top is None:
        plain = format in ("md", "text") and options.style == "default"
        top = default_top(analysis) if plain and _on_terminal(options) else 0
    columns = _columns(options)
    sections: list[str | Section] = [*_flagged(options), *options.section]
    sections += size_sections(options)
    if options.ram or options.flash or options.require_fit:
        sections.append("fit")
    if options.anchor_sizes:
        from .sections.anchors import against, described

        sizes = arguments.anchor_sizes(options.anchor_sizes)
        described(analysis, sizes)  # now: of several models, those without a head of a stride fail and others go on
        sections = [*(name for name in sections if name != "anchors"), against(sizes)]
    own = not (options.scenario or options.sweep)  # else they are about the table of scenarios
    columns, sort, by = (columns, options.sort, _by(options)) if own else (None, None, None)
    report = Report(
        analysis,
        style=options.style,
        columns=columns,
        sort=sort,
        top=top,
        by=by,
        sections=sections,
        all=options.all,
        notation=_notation(options),
        title=options.title,
    )
    if format not in ("html", "json") and not all(section.beside for section in report.sections):
        _check_sections(report, options, format)
    return report


def _by(options: argparse.Namespace) -> str | None:
    if options.fold and options.by not in (None, "fold"):
        raise ModelError("--fold", "", f"is a grouping of its own, and --by {options.by} is given")
    return "fold" if options.fold else options.by


def _notation(options: argparse.Namespace) -> Notation:
    from .notation import Notation

    return Notation(options.unit, options.precision, options.exact)


def _check_sections(report: Report, options: argparse.Namespace, format: str) -> None:
    """Say what would be lost where the tables of a section take the place of the layers. Raises ModelError."""
    instead = next(section.name for section in report.sections if not section.beside)
    if format == "xlsx" or (format.startswith("csv") and instead != "scenarios"):
        kind = format.partition("-")[0]
        raise ModelError(
            "--format", "", f"{kind} has a line for each layer; --{instead} is for md, text, html and json"
        )
    about = ("top",) if instead == "scenarios" else ("columns", "sort", "top", "by")  # scenarios have some of these
    for name in (*about, "style"):
        if name in options.given:
            raise ModelError(f"--{name}", "", f"is about the table of layers, and --{instead} takes its place")


def _run_many(paths: list[str], options: argparse.Namespace, target: Target, format: str) -> int:
    """A row of totals for each model; what cannot be read gets a row that says why, and the others go on."""
    from .render import rendered
    from .summary import RowMaker, Summary

    options = options_file.only_given(options, OF_ONE)
    _refuse_options_of_one(options, f"there are {len(paths)}", objects=format == "json")
    make = RowMaker(_total_columns(options), options.sort, objects=format == "json")
    rows = _rows(paths, options, target, format, make)
    summary = Summary(
        rows, columns=make.keys, sort=options.sort, top=options.top or 0, objects=make.objects,
        notation=_notation(options), compare=options.compare,
    )  # fmt: skip
    _check_dims(options, summary)
    write_out(rendered(summary, format), options.output)
    return 2 if summary.failed else _exit_code(options, summary.incomplete)


def _run_growing(paths: list[str], options: argparse.Namespace, target: Target) -> int:
    """The same into a table that grows with each model; those that it has are not read again."""
    from .result_files import open_table
    from .summary import RowMaker

    options = options_file.only_given(options, OF_ONE)
    _refuse_options_of_one(options, "each is a row of the table", objects=False)
    for flag, value in {"--sort": options.sort, "--top": options.top, "--csv-raw": options.csv_raw}.items():
        if value:
            raise ModelError(flag, "", f"rows of {options.output} stand in the order in which models are read")
    make = RowMaker(_total_columns(options))
    table = open_table(options.output, make.data_keys)
    missing = table.missing(paths)
    with table:
        for row in _rows(missing, options, target, "", make):
            table.add(row)
    return 2 if table.failed else _exit_code(options, table.incomplete)


def _refuse_options_of_one(options: argparse.Namespace, many: str, *, objects: bool) -> None:
    """Raise ModelError for an option that has no place in a row of totals, nor in a model's JSON object."""
    given = {
        "--plan": options.plan,
        "--weights": options.weights,
        "--profile": options.profile,
        "--by": options.by,
        "--fold": options.fold,
        "--require-fit": options.require_fit,
        "--style": options.style != "default",
        "--title": options.title,
    }
    if not objects:
        flagged = [name for name in _flagged(options) if name not in ("device", "timing")]
        given |= {f"--{name}": True for name in flagged} | {"--section": options.section}
        given |= {f"--{name}": getattr(options, name) for name in ("largest", "scenario", "sweep", "ram", "flash")}
    for flag, value in given.items():
        if value:
            raise ModelError(flag, "", f"is about one model, and {many}: each gets a row of totals")


def _total_columns(options: argparse.Namespace) -> tuple[str, ...]:
    """The keys of the columns of a row of totals; () for the usual ones."""
    from .summary import DEFAULT

    if columns := _columns(options):
        return tuple(columns)
    times = [*(["time_bound"] if options.device else []), *(["time"] if options.measure else [])]
    return (*DEFAULT, *times) if times else ()


def _check_dims(options: argparse.Namespace, summary: Summary) -> None:
    """Raise ModelError for a dimension that none of several models has."""
    unused = [name for name in arguments.dims(options.dim) if name not in summary.used_dims]
    if unused and not summary.failed:
        raise ModelError("--dim", "", f"no model has a dimension {', '.join(unused)}")


def _rows(
    paths: list[str], options: argparse.Namespace, target: Target, format: str, make: RowMaker
) -> Iterator[ModelRow]:
    """The row of each model, with the reason where it has none; on a terminal with the progress."""
    from .scanning import failed_row, read_each

    shown = sys.stderr is not None and sys.stderr.isatty() and not options.quiet
    names = _shown(paths) if shown else iter(paths)
    timeout, memory = _limits(options)
    jobs = options.jobs if options.jobs is not None else None if timeout is memory is None else 1
    read = partial(_row, options, target, format, make)
    for path, answer in read_each(read, names, jobs, timeout, memory):
        if isinstance(answer, ModelError):
            if shown:
                print("\r\x1b[K", end="", file=sys.stderr)
            print_error(answer)
            yield failed_row(path, in_options(answer))
        else:
            yield answer
    if shown:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _row(options: argparse.Namespace, target: Target, format: str, make: RowMaker, path: str) -> ModelRow:
    """The row of one model. Raises ModelError."""
    from .remote import status
    from .scanning import with_status

    before = status(path)
    return with_status(make(_report(path, options, target, format)), before)


def _shown(paths: list[str]) -> Iterator[str]:
    """The models one by one, each with a line of progress when it is taken on."""
    for number, path in enumerate(paths, 1):
        print(f"\r[{number}/{len(paths)}] {printable(path)}\x1b[K", end="", file=sys.stderr, flush=True)
        yield path


def _limits(options: argparse.Namespace) -> tuple[float | None, int | None]:
    """The seconds and the bytes that one model may take."""
    timeout = options.timeout if options.timeout is not None else 0 if options.jobs is None else DEFAULT_TIMEOUT
    memory = options.memory_limit and arguments.nbytes("--memory-limit", options.memory_limit)
    return arguments.seconds("--timeout", timeout), memory or None


@contextlib.contextmanager
def _bounded(options: argparse.Namespace, path: str) -> Iterator[None]:
    """Hold the limits of one model in this process. Raises ModelError where they are exceeded."""
    timeout, memory = _limits(options)
    if timeout is memory is None:
        yield
        return
    from .workers import Bounds, Lost, bounded

    try:
        with bounded(Bounds(timeout, memory)):
            yield
    except Lost as problem:
        raise ModelError(path, "", str(problem)) from None


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
        return render.find(options.format).name
    if options.output is not None:
        return render.format_of(options.output)
    return "text" if _on_terminal(options) else "md"


def _listing(options: argparse.Namespace) -> str | None:
    if options.show_config:
        return options_file.shown(options)
    if options.json_schema:
        from . import schema

        return schema.text()
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
