"""`graphcost help TOPIC`: a part of the text of --help, or a list of what there is."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial

from .. import options
from ..errors import ModelError
from ..suggest import no_such
from .shared import write_out


def run(words: Sequence[str]) -> int:
    """Print the help on a topic, all of it without one. Raises ModelError for a topic that does not exist."""
    write_out(options.usage() if not words else topic(" ".join(words)), None)
    return 0


def topic(name: str) -> str:
    """The help on a group of options, an option, a subcommand, or something of which there is a list."""
    found = _topics()
    wanted = name.lower().lstrip("-").replace(" ", "-")
    exact = wanted if wanted in found else next((each for each in found if wanted in each.split("-")), None)
    if exact is None:
        raise ModelError("", "", no_such("help on", name, found))
    return found[exact]()


def topic_names() -> list[str]:
    """What there is help on."""
    return [*_topics()]


def _topics() -> dict[str, Callable[[], str]]:
    """Each topic by its name, those that are most asked for first."""
    parser = options.parser()
    topics: dict[str, Callable[[], str]] = {
        _named(title): partial(str, text) for title, text in options.notes().items()
    }
    for group in parser._action_groups[2:]:
        topics[_named(group.title or "")] = partial(_group, parser, group)
    topics |= {name: partial(_listing, name) for name in ("columns", "ops", "styles", "devices", "formats")}
    topics |= {name: partial(_command, name) for name in options.COMMANDS}
    for action in parser._actions:
        for option in action.option_strings:
            if option.startswith("--"):
                topics.setdefault(option[2:], partial(_option, parser, action))
    return topics


def _named(title: str) -> str:
    """`the table of layers` is asked for as table-of-layers, or by one of its words."""
    return title.lower().removeprefix("the ").replace(" ", "-")


def _formatter(parser: argparse.ArgumentParser) -> argparse.HelpFormatter:
    return argparse.RawDescriptionHelpFormatter(parser.prog)


def _group(parser: argparse.ArgumentParser, group: argparse._ArgumentGroup) -> str:
    formatter = _formatter(parser)
    formatter.start_section(group.title)
    formatter.add_arguments(group._group_actions)
    formatter.end_section()
    return formatter.format_help()


def _option(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    formatter = _formatter(parser)
    formatter.add_arguments([action])
    return formatter.format_help()


def _command(name: str) -> str:
    from . import baseline, check, diff

    made = {"diff": diff.parser, "check": check.parser, "baseline": baseline.parser, "serve": options.serve_parser}
    return options.usage(made[name]()) if name in made else f"graphcost {name}: {options.COMMANDS[name]}\n"


def _listing(name: str) -> str:
    from .. import listings, render

    if name == "formats":
        return "\n".join(f"{each.name:16}{' '.join(each.suffixes)}".rstrip() for each in render.FORMATS.values()) + "\n"
    made = {"columns": listings.columns, "ops": listings.operators}
    return {**made, "styles": listings.styles, "devices": listings.devices}[name]()
