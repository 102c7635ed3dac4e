"""`graphcost baseline MODEL ... -o FILE`: what models cost now, to compare later versions with."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from .. import arguments, options
from ..errors import ModelError
from .shared import analysed, load_plugins, target_of, write_out


def parser() -> argparse.ArgumentParser:
    """The arguments of `graphcost baseline`."""
    p = options.subparser(
        "baseline",
        "[MODEL ...] [-o FILE] [options]",
        "What models cost now: the file that graphcost check --baseline and graphcost diff compare later versions with."
        " Without a model, those that the budgets name.",
        "json, the only one",
    )
    p.add_argument("models", nargs="*", metavar="MODEL", help="models or folders")
    p.add_argument(
        "--columns", metavar="A,B,...", help="columns to keep besides macs, ops, params, param_bytes and activation"
    )
    return p


def run(words: Sequence[str]) -> int:
    """Write the baseline, whole or not at all. Returns 0. Raises ModelError when a model cannot be read."""
    given = parser().parse_args(words)
    load_plugins(given)
    from ..budgets import baseline, config
    from ..compare.snapshot import of_analysis

    if given.format not in (None, "json"):
        raise ModelError("--format", "", f"a baseline is json, and --format {given.format} is given")
    path = config.find()
    budgets = config.read(path) if path is not None else config.Config()
    paths = list(arguments.models(given.models)) or list(budgets.models)
    if not paths:
        raise ModelError("", "", "no model given, and no budgets name any; see graphcost baseline --help")
    arguments.check_outputs([("--output", given.output)], [*paths, *given.plugin])
    columns, networks = arguments.listed(given.columns) or [], []
    for each in paths:
        budget = budgets.of(each)
        named = {text.partition("=")[0] for text in given.dim}
        dims = [f"{name}={value}" for name, value in budget.dims.items() if name not in named]
        sized = {"dim": [*dims, *given.dim], "device": given.device or budget.device}
        options_ = argparse.Namespace(**{**vars(given), **sized})
        networks.append(of_analysis(analysed(each, options_, target_of(options_)), columns))
    write_out(baseline.text(networks), given.output)
    return 0
