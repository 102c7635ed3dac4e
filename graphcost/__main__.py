"""python -m graphcost."""

import sys

from .cli import command

sys.exit(command())
