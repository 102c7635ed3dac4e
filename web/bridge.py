"""The command as the browser edition calls it: arguments in, its exit code and what it printed out.

Runs under Pyodide, in a worker; has no part in any number.
"""

from __future__ import annotations

import contextlib
import io
import json
import os

import graphcost
from graphcost import cli
from graphcost.dims import symbols
from graphcost.errors import ModelError

Answer = tuple[int, str, str]
"""An exit code, the standard output and the standard error."""

MOST_INPUTS = 12
"""Inputs that get a field of their own; a language model with its cache has some hundred."""


def run(folder: str, job: str) -> Answer:
    """The command with `job["arguments"]`, in the folder of the files that they name."""
    os.chdir(folder)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(json.loads(job)["arguments"])
    return code, out.getvalue(), err.getvalue()


def inputs(folder: str, job: str) -> Answer:
    """The model's inputs and what its shapes leave open, as JSON: {"inputs": [[name, shape]], "dims": [name]}."""
    os.chdir(folder)
    (path,) = json.loads(job)["models"]
    try:
        model = graphcost.load(path)
    except ModelError as problem:
        return 2, "", str(problem)
    sized = {name: tensor.shape for name, tensor in model.inputs.items() if tensor.ranked}
    given = [[name, "x".join(map(str, shape))] for name, shape in sized.items()]
    unsized = [[name, ""] for name in model.unsized_inputs if name not in sized]
    open_ = dict.fromkeys(name for shape in sized.values() for extent in shape for name in sorted(symbols(extent)))
    found = {"inputs": [*given, *unsized][:MOST_INPUTS], "dims": list(open_), "format": model.format}
    return 0, json.dumps(found), ""
