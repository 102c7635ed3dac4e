"""python -m graphcost, and the command that is installed."""

import gc
import sys


def command() -> int:
    """`cli.command` without a search for cycles while it is imported, which takes a tenth of a short run."""
    gc.disable()
    from .cli import command

    return command()


if __name__ == "__main__":
    sys.exit(command())
