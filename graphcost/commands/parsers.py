"""The parsers of the subcommands, for what is made of all of them: the reference, completion."""

from __future__ import annotations

import argparse

from .. import options
from . import baseline, check, diff


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each subcommand that has options."""
    found = {"diff": diff.parser(), "check": check.parser(), "baseline": baseline.parser()}
    return {**found, "serve": options.serve_parser()}
