"""The command's arguments; docs/reference.md is made from them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NoReturn

from . import config as config_file
from . import options_file
from .config import Config
from .errors import ArgumentError, ModelError
from .suggest import close_to, no_such
from .version import __version__

SECTIONS = ("memory", "anchors", "reconcile", "device")
"""The sections of a report that a flag of the same name shows."""


_TO_FILE = "write to FILE (atomically) instead of stdout"
DEFAULT_TIMEOUT = 60
"""Seconds after which a model is given up with --jobs."""


_OPTIONS = {"shapes": "input", "dims": "dim", "values": "value", "sections": "section", "stages": "stage"}
"""The options whose arguments in the library have another name."""


def in_options(problem: ModelError) -> ModelError:
    """What to say of an error on the command line, where an argument of the library is an option."""
    if not isinstance(problem, ArgumentError):
        return problem
    option = f"--{_OPTIONS.get(problem.argument, problem.argument).replace('_', '-')}"
    name, value = problem.example
    if name:
        known = f": {problem.known}" if problem.known else ""
        reason = f"{problem.reason}: give it, as {option} {name}={value}{known}"
        return ModelError(problem.path, problem.place, reason)
    return ModelError(problem.path, problem.place, str(ModelError(option, "", problem.reason)))


COMMANDS = {
    "diff": "what a network costs more or less than another, layer by layer",
    "check": "whether models stay within budgets",
    "baseline": "write what models cost, for later checks",
    "serve": "the command in a browser, on this machine",
    "help": "help on a topic: a group of options, an option, a command, columns, exit-codes, ...",
    "completion": "the completion of the command line for bash, zsh or fish",
}
"""The subcommands in a line each."""
EXAMPLES = {
    "graphcost model.onnx": "what each layer costs, and all of them",
    "graphcost model.onnx --input 1x3x320x320": "at another input size; data=Nx3xHxW leaves sizes symbolic",
    "graphcost model.onnx --format html -o model.html": "a page with charts and the drawn network",
    "graphcost model.onnx --sort macs --top 10": "the ten most expensive layers",
    "graphcost model.onnx --device cortex-m4 --dtype int8": "latency, lower bound, and memory fit as if quantised",
    "graphcost models/ --columns params,macs,peak": "a row for each model of a folder",
}
"""Commands, and what they show."""
EXIT_CODES = {
    0: "done",
    1: "a gate failed, or is undecided (--strict: a number is only a lower bound)",
    2: "something cannot be read, or an argument cannot be taken",
    3: "an error of graphcost's own, in one line (GRAPHCOST_DEBUG=1 shows where)",
}
CONFIG = """Defaults of options are taken from graphcost.toml, or [tool.graphcost] in pyproject.toml,
in this folder or above it in the repository. Keys are the long names of options:
  device = "cortex-m4"
  columns = ["name", "macs", "peak"]
  dim = {N = 8}
What the command line says goes before them. --show-config shows them, --no-config leaves them
unread. What runs code or writes a file (--plugin, --output, ...) is for the command line alone."""


def epilog() -> str:
    """What stands under the options of --help."""
    return "\n".join(notes().values())


def notes() -> dict[str, str]:
    """The notes under the options, by title; `graphcost help` prints one of them."""
    texts = {
        "commands": _listed({f"graphcost {name}": what for name, what in COMMANDS.items()}, 22),
        "examples": "\n".join(f"  {command}\n      {what}" for command, what in EXAMPLES.items()),
        "exit codes": _listed({str(code): what for code, what in EXIT_CODES.items()}, 4),
        "configuration": "\n".join(f"  {line}" for line in CONFIG.splitlines()),
    }
    return {title: f"{title}:\n{text}\n" for title, text in texts.items()}


def _listed(items: dict[str, str], width: int) -> str:
    return "\n".join(f"  {name:{width}}{what}" for name, what in items.items())


class _Once(argparse.Action):
    """Stores a value, and refuses another one for the same option: only one can hold."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: object, option: str | None = None
    ) -> None:
        given = namespace.__dict__.setdefault("_given", {})
        if given.setdefault(self.dest, values) != values:
            parser.error(f"{option} is given twice, as {given[self.dest]} and as {values}")
        setattr(namespace, self.dest, values)


class _Parser(argparse.ArgumentParser):
    """Takes what is given on the command line, for other options what a project's file says, else their defaults."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options)
        self.register("action", None, _Once)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:  # as argparse has it
        """Raises ModelError."""
        defaults = {a.dest: a.default for a in self._actions if a.option_strings and a.default != argparse.SUPPRESS}
        for action in self._actions:
            if action.dest in defaults:
                action.default = argparse.SUPPRESS
        given, others = self.parse_known_args(args, namespace)
        if others:
            self.error(self._no_option(others))
        config = Config() if getattr(given, "no_config", False) else config_file.find()
        return options_file.merged(self, given, defaults, config, lambda: [f"--{name}" for name in names()])

    def _no_option(self, words: list[str]) -> str:
        """What to say of words that no option takes."""
        options = [word.partition("=")[0] for word in words if word.startswith("-")]
        if not options:
            return f"unrecognized arguments: {' '.join(words)}"
        near = close_to(options[0].lstrip("-"), [name[2:] for name in self._option_string_actions if name[:2] == "--"])
        meant = f"; did you mean {' or '.join(f'--{name}' for name in near)}?" if near else ""
        return f"no option {options[0]!r}{meant}"

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            self.error(f"{action.option_strings[-1]}: {no_such('choice', value, action.choices)}")

    def error(self, message: str) -> NoReturn:
        see = f"see {self.prog} --help"
        raise ModelError("", "", f"{message} ({see})" if message.endswith("?") else f"{message}; {see}")


def parser() -> argparse.ArgumentParser:
    """The parser. It raises ModelError for arguments that it does not take."""
    p = _Parser(
        prog="graphcost",
        usage="graphcost MODEL [MODEL ...] [options]\n       graphcost diff OLD NEW [options]\n"
        "       graphcost check [MODEL ...] [options]\n       graphcost baseline [MODEL ...] [options]\n"
        "       graphcost serve [FOLDER] [--port N]",
        description="What a neural network costs: shapes, parameters, arithmetic and memory, read from its file.",
        epilog=epilog(),
    )
    p.add_argument("models", nargs="*", metavar="MODEL", help=".prototxt, .caffemodel, .onnx, or a folder of these")
    _output(p.add_argument_group("output"))
    _layers(p.add_argument_group("the table of layers"))
    _numbers(p.add_argument_group("numbers"))
    _sections(p.add_argument_group("sections"))
    _network(p.add_argument_group("model inputs"))
    _sizes(p.add_argument_group("many sizes"))
    target = p.add_argument_group("deployment target")
    _target(target)
    _calibrate(target)
    _time(p.add_argument_group("measured times"))
    _many(p.add_argument_group("many models"))
    _lists(p.add_argument_group("listings"))
    return p


def serve_parser() -> argparse.ArgumentParser:
    """The parser of `graphcost serve`."""
    p = _Parser(
        prog="graphcost serve",
        usage="graphcost serve [FOLDER] [--port N]",
        description="The browser edition on this machine: a page that computes reports, and sends no file anywhere.",
    )
    p.add_argument(
        "folder", nargs="?", metavar="FOLDER", type=Path, help="what scripts/site built (default build/site)"
    )
    p.add_argument("--port", metavar="N", type=int, default=8000, help="default 8000; 0 takes a free one")
    return p


def subparser(name: str, usage: str, description: str, formats: str) -> argparse.ArgumentParser:
    """The parser of a subcommand: where its output goes, what says sizes and target of models, and nothing else yet.

    `formats` are those that it writes, in words.
    """
    p = _Parser(prog=f"graphcost {name}", usage=f"graphcost {name} {usage}", description=description)
    output = p.add_argument_group("output")
    output.add_argument("--format", metavar="FMT", help=f"{formats}; else taken from the suffix of --output")
    output.add_argument("-o", "--output", metavar="FILE", type=Path, help=_TO_FILE)
    _network(p.add_argument_group("model inputs"))
    _target(p.add_argument_group("deployment target"))
    p.set_defaults(align=1)
    return p


def names() -> frozenset[str]:
    """The long names of the command's options, without their dashes."""
    return frozenset(option[2:] for option in parser()._option_string_actions if option.startswith("--"))


def usage(p: argparse.ArgumentParser | None = None) -> str:
    """The text of --help at 100 columns, whatever the terminal."""
    p = p or parser()
    p.formatter_class = lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=100)
    return p.format_help()


def _output(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--format",
        metavar="FMT",
        help="md (default; on a terminal text), html, json, csv, xlsx, text or latex; for other programs graphml,"
        " dot, model-explorer, trace; else by the suffix of --output",
    )
    group.add_argument("-o", "--output", metavar="FILE", type=Path, help=_TO_FILE)
    group.add_argument(
        "--color", choices=("auto", "always", "never"), default="auto",
        help="colour the most expensive rows and unknown ones in text (auto: on a terminal, unless NO_COLOR is set)",
    )  # fmt: skip
    group.add_argument("--csv-raw", action="store_true", help="csv with names as the model has them, for programs")
    group.add_argument("--strict", action="store_true", help="exit with 1 when a number is only a lower bound")
    group.add_argument("--title", metavar="TEXT", default="", help="what stands over the report in place of the name")
    group.add_argument("-q", "--quiet", action="store_true", help="no progress on stderr, only errors")


def _layers(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--columns", metavar="A,B,...", help="which columns; see --list-columns")
    group.add_argument("--sort", metavar="COL", help="order rows by a column, largest first")
    group.add_argument("--fold", action="store_true", help="blocks that repeat in one row: 12 x {Conv, Relu}")
    group.add_argument("--all", action="store_true", help="show the operators too that only make constants")
    group.add_argument("--top", metavar="N", type=int, help="only the N most expensive rows; 0 shows all")
    group.add_argument(
        "--by",
        metavar="KEY",
        help="one row per operator type (op), module scope (scope) or resolution (stage), or blocks folded (fold)",
    )
    group.add_argument(
        "--style", metavar="NAME", default="default", help="table layout of another tool: netscope, ... (--list-styles)"
    )


def _numbers(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--unit", metavar="U", default="", help="k, M, G or T: the unit of counts; of bytes KiB, MiB, GiB or TiB"
    )
    group.add_argument("--precision", metavar="N", type=int, default=3, help="significant digits (default 3)")
    group.add_argument(
        "--compare", action="store_true", help="of several models, by how much each differs from the first"
    )
    group.add_argument("--exact", action="store_true", help="whole numbers in place of short ones")


def _sections(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--memory",
        action="store_true",
        help="live tensors at the peak, the arena, the weights and the best execution order",
    )
    group.add_argument(
        "--plan", metavar="FILE", type=Path, help="write where each buffer lies in one arena: .csv or .json"
    )
    group.add_argument("--align", metavar="N", type=int, default=1, help="offsets in the arena are multiples of N")
    group.add_argument(
        "--anchors", action="store_true", help="anchor sizes against the receptive field of each head of a detector"
    )
    group.add_argument(
        "--anchor-sizes", metavar="STRIDE=SIZE,...", action="append", default=[],
        help="the same, with the boxes that heads of a stride are trained for: 8=16,32 or 8=16x32 (width x height)",
    )  # fmt: skip
    group.add_argument(
        "--section",
        metavar="NAME",
        action="append",
        default=[],
        help="a section by name, also one that a plugin registers",
    )
    group.add_argument("--reconcile", action="store_true", help="what other tools would print for the model, and why")


def _sizes(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--largest", metavar="DIM", help="the largest value of a symbolic dimension that stays within every --within"
    )
    group.add_argument(
        "--within", metavar="QUANTITY=LIMIT", action="append", default=[],
        help="a limit for --largest on a total: peak=8MiB, macs=4.2G, time_bound=33ms",
    )  # fmt: skip
    group.add_argument(
        "--scenario", metavar="NAME:DIM=VALUE,...", action="append", default=[],
        help="totals at sizes of symbolic dimensions, a column for each scenario: prefill:sequence=512,past=0; a name"
        " alone is one of graphcost.toml",
    )  # fmt: skip
    group.add_argument(
        "--sweep", metavar="DIM=VALUES", action="append", default=[],
        help="the same for each of several sizes: batch=1,2,4 or H=224..640:32",
    )  # fmt: skip


def _network(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--input", metavar="NAME=SHAPE", action="append", default=[],
        help="size an input: data=1x3x640x640, data=Nx3xHxW (symbols) or ids=batch,max_tokens; one input needs no name;"
        " NAME:=SHAPE where it is meant to have fewer axes than the file states",
    )  # fmt: skip
    group.add_argument(
        "--value", metavar="INPUT=VALUE", action="append", default=[],
        help="the content of an input of one integer or boolean, which may choose a branch: use_cache=true",
    )  # fmt: skip
    group.add_argument(
        "--dim", metavar="NAME=VALUE", action="append", default=[], help="give a symbolic dimension a value"
    )
    group.add_argument(
        "--weights", metavar="FILE", type=Path,
        help="the .caffemodel of a prototxt: parameters of layers without a rule, and a check of the others'",
    )  # fmt: skip
    group.add_argument("--phase", choices=("train", "test"), help="which layers of a Caffe net count (default test)")
    group.add_argument("--level", type=int, metavar="N", help="level that a Caffe net's include rules see (default 0)")
    group.add_argument(
        "--stage", action="append", default=[], metavar="NAME", help="stage that a Caffe net's include rules see"
    )
    group.add_argument(
        "--plugin", metavar="MODULE", action="append", default=[],
        help="import a module (or .py file) that registers operators, columns, ...",
    )  # fmt: skip


def _target(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--device", metavar="NAME|FILE", default="",
        help="lower bound of the latency on a device, and memory fit; a profile by name or a .toml file",
    )  # fmt: skip
    group.add_argument(
        "--dtype", metavar="TYPE", default="", help="count as if floating-point tensors were of this type"
    )
    group.add_argument(
        "--weights-dtype", metavar="TYPE", default="",
        help="the same for the weights alone; int4:32: in groups of 32, with scales and zero points",
    )  # fmt: skip
    group.add_argument(
        "--io", metavar="WHERE", default="arena",
        help="input and output buffers: arena (default) or caller",
    )  # fmt: skip
    group.add_argument("--reorder", action="store_true", help="run in the order with the lowest peak that is found")
    group.add_argument("--fuse", action="store_true", help="count bytes with operators fused into their producers")
    _fit(group)


def _fit(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--quantize", metavar="TYPE", default="",
        help="int8: int8 weights with scales, int32 biases, int8 activations, batch normalisation folded",
    )  # fmt: skip
    group.add_argument(
        "--fold-bn", action="store_true", help="fold scalings and shifts by constants into the operator before them"
    )
    group.add_argument(
        "--ram", metavar="SIZE", help="whether peak activations fit SIZE (256KiB), and which layers do not"
    )
    group.add_argument("--flash", metavar="SIZE", help="the same for the weights")
    group.add_argument("--require-fit", action="store_true", help="exit with 1 unless everything fits")


def _calibrate(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--calibrate", metavar="FILE", type=Path, help="measure this machine and write a profile for --device"
    )


def _time(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--measure", action="store_true",
        help="run the network on this machine with onnxruntime, and show the time of each layer",
    )  # fmt: skip
    group.add_argument(
        "--profile", metavar="FILE", type=Path,
        help="times measured elsewhere: ONNX Runtime's or TensorRT's JSON, OpenVINO's counters, a CSV of name,ms",
    )  # fmt: skip
    group.add_argument(
        "--threads", metavar="N", type=int, help="threads that --measure and --calibrate use (default: all cores)"
    )
    group.add_argument("--provider", metavar="NAME", help="execution provider that --measure uses (default: CPU)")


def _many(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--jobs", metavar="N", type=int,
        help="read N models at once, 0 for one per core; --output results.csv, .jsonl or .parquet then grows with each"
        " model, and a run that was ended goes on where it was",
    )  # fmt: skip
    group.add_argument(
        "--timeout", metavar="S", type=float,
        help="give a model up after S seconds (60 with --jobs; 0: never); the others go on",
    )  # fmt: skip
    group.add_argument(
        "--limit", metavar="NAME=VALUE", action="append", default=[],
        help="raise a bound on what is read of a file, as the message that names it says: ops=500k, structure=1GiB",
    )  # fmt: skip
    group.add_argument(
        "--memory-limit", metavar="SIZE", help="give a model up that takes more memory than that, as in 2GiB"
    )


def _lists(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--list-columns", action="store_true", help="columns, their units and definitions")
    group.add_argument("--list-ops", action="store_true", help="operators that have a rule")
    group.add_argument("--list-styles", action="store_true", help="styles, and the tools that count so")
    group.add_argument("--list-devices", action="store_true", help="device profiles, with their peaks")
    group.add_argument("--show-config", action="store_true", help="the defaults that a project's file gives options")
    group.add_argument("--no-config", action="store_true", help="leave such a file unread")
    group.add_argument("--json-schema", action="store_true", help="the JSON Schema of --format json")
    group.add_argument("-V", "--version", action="version", version=f"graphcost {__version__}")
