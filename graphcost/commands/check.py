"""`graphcost check [MODEL ...]`: whether models stay within their budgets."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .. import arguments, options
from ..errors import ModelError, internal_error
from .shared import analysed, load_plugins, print_error, target_of, write_out

if TYPE_CHECKING:
    from ..budgets.baseline import Baseline
    from ..budgets.config import Budget, Config
    from ..budgets.gates import Checked
    from ..target import Target

BY_SUFFIX = {".txt": "text", ".text": "text", ".md": "md", ".xml": "junit", ".json": "json"}


def parser() -> argparse.ArgumentParser:
    """The arguments of `graphcost check`."""
    p = options.subparser(
        "check",
        "[MODEL ...] [options]",
        "Whether models stay within budgets, which are options or stand in graphcost.toml or [tool.graphcost] of"
        " pyproject.toml. Exit code 0: all gates pass; 1: one failed or is undecided; 2: something cannot be read.",
        "text (default), md, github, junit or json",
    )
    p.add_argument("models", nargs="*", metavar="MODEL", help="models or folders; else those that the budgets name")
    group = p.add_argument_group("budgets")
    group.add_argument("--config", metavar="FILE", type=Path, help="read budgets from FILE")
    group.add_argument(
        "--max", metavar="QUANTITY=LIMIT", action="append", default=[],
        help="the most of a total: macs=4.2G, peak_activation_bytes=256KiB",
    )  # fmt: skip
    group.add_argument(
        "--max-growth", metavar="QUANTITY=PERCENT", action="append", default=[],
        help="the most that a total may grow by from the baseline: params=2%%",
    )  # fmt: skip
    group.add_argument(
        "--baseline", metavar="FILE", help="what models cost earlier, as graphcost baseline writes it; main:FILE of git"
    )
    group.add_argument("--complete", action="store_true", help="everything has to be counted")
    group.add_argument(
        "--allow-incomplete", action="store_true", help="a lower bound below its limit passes; else it is undecided"
    )
    return p


def run(words: Sequence[str]) -> int:
    """Check the models. Returns the exit code. Raises ModelError for budgets that cannot be read."""
    given = parser().parse_args(words)
    load_plugins(given)
    from ..budgets import text

    format = _format(given)
    config = _config(given)
    paths = list(arguments.models(given.models)) or list(config.models)
    if not paths:
        raise ModelError("", "", "no model given, and the budgets name none; see graphcost check --help")
    read = [*paths, *given.plugin, *filter(None, [config.path, given.baseline or config.baseline])]
    arguments.check_outputs([("--output", given.output)], read)
    baseline = _baseline(given, config)
    checked = list(_checked(paths, given, config, baseline))
    write_out(text.write(checked, format), given.output)
    verdict = text.verdict(checked)
    return 0 if verdict == "pass" else 2 if verdict == "error" else 1


def _format(given: argparse.Namespace) -> str:
    from ..budgets.text import FORMATS

    named = given.format is None and given.output is not None
    format = BY_SUFFIX.get(given.output.suffix.lower()) if named else given.format or "text"
    if format not in FORMATS:
        what = f"no format has the suffix {given.output.suffix!r}" if named else f"no format {format!r} here"
        raise ModelError("--format", "", f"{what}; there are {', '.join(FORMATS)}")
    return str(format)


def _config(given: argparse.Namespace) -> Config:
    """The budgets of the file, and those of options for all models besides. Raises ModelError when there are none."""
    from dataclasses import replace

    from ..budgets import config

    path = given.config or config.find()
    found = config.read(path) if path is not None else config.Config()
    flags = config.Budget(
        complete=given.complete, allow_incomplete=given.allow_incomplete, require_fit=given.require_fit
    )
    options_ = config.with_limits(flags, given.max, given.max_growth)
    found = replace(found, override=options_)
    if all(budget.empty for budget in found.budgets):
        where = f"{found.path} has none" if found.path else "there is no graphcost.toml here"
        named = "--max, --max-growth, --require-fit nor --complete"
        raise ModelError("", "", f"no budget: {where}, and neither {named} is given")
    return found


def _baseline(given: argparse.Namespace, config: Config) -> Baseline | None:
    from ..budgets import baseline

    path = given.baseline or config.baseline
    grows = any(limit.growth for budget in config.budgets for limit in budget.limits)
    if not path and grows:
        reason = "growth is from a baseline: --baseline FILE, which graphcost baseline writes"
        raise ModelError("--max-growth", "", reason)
    return baseline.read(path) if path and grows else None


def _checked(
    paths: Sequence[str], given: argparse.Namespace, config: Config, baseline: Baseline | None
) -> Iterator[Checked]:
    """The gates of each model; one that cannot be read says why, and the others go on."""
    from ..budgets.gates import Checked

    targets = {path: _target(given, config.of(path)) for path in paths}  # what does not exist is the fault of no model
    for path in paths:
        try:
            yield _one(path, given, config.of(path), targets[path], baseline)
        except Exception as fault:
            if os.environ.get("GRAPHCOST_DEBUG") and not isinstance(fault, ModelError):
                raise
            problem = fault if isinstance(fault, ModelError) else internal_error(path, fault)
            print_error(problem)
            yield Checked(path, error=problem.reason)


def _target(given: argparse.Namespace, budget: Budget) -> Target:
    own = {key: getattr(given, key) or getattr(budget, key) for key in ("device", "ram", "flash")}
    return target_of(argparse.Namespace(**{**vars(given), **own}))


def _one(path: str, given: argparse.Namespace, budget: Budget, target: Target, baseline: Baseline | None) -> Checked:
    from ..budgets.gates import Checked, check

    named = {text.partition("=")[0] for text in given.dim}
    dims = [f"{name}={value}" for name, value in budget.dims.items() if name not in named]
    sized = argparse.Namespace(**{**vars(given), "dim": [*dims, *given.dim]})
    analysis = analysed(path, sized, target)
    return Checked(path, tuple(check(analysis, budget, baseline)))
