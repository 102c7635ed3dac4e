"""Many models, one after another or at once: in this process, in processes of one's own, or wherever an executor runs.

What becomes of a model is a row of totals, or the reason why there is none; the others go on.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import TYPE_CHECKING

from . import arguments, plugins
from .api import Report, analyze
from .dims import Extent
from .errors import ModelError, internal_error
from .importers import load
from .remote import status
from .summary import DEFAULT, ModelRow, RowMaker
from .target import AS_IT_IS, Target
from .workers import AHEAD, Bounds, Lost, call_each

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

Read = Callable[[str], ModelRow]
"""Reads one model."""


@dataclass(frozen=True)
class ScanOptions:
    """How each of many models is read, and what is kept of it; the names are those of `load`, `analyze` and Report."""

    columns: tuple[str, ...] = DEFAULT
    """Keys of columns that have a total; `ModelRow.totals` has their values."""
    objects: bool = False
    """Whether `ModelRow.data` has each model's JSON object."""
    phase: str = "test"
    level: int = 0
    stages: tuple[str, ...] = ()
    shapes: Mapping[str, tuple[int | str, ...]] = field(default_factory=dict)
    dims: Mapping[str, Extent] = field(default_factory=dict)
    values: Mapping[str, int] = field(default_factory=dict)
    target: Target = AS_IT_IS
    plugins: tuple[str, ...] = ()
    """Modules that register operators or columns; every process imports them."""


def scan(
    paths: Iterable[str | os.PathLike[str]],
    *,
    options: ScanOptions = ScanOptions(),
    executor: Executor | None = None,
    jobs: int = 1,
    timeout: float | None = None,
    memory_limit: int | None = None,
) -> Iterator[tuple[str, ModelRow | ModelError]]:
    """What many models cost: each path with its row of totals, or the error that it ends in, in the order of the paths.

    Paths are files, folders (searched) and URLs (by fsspec, read by ranges); there may be any number of them. With an
    `executor` of `concurrent.futures`, or one like it such as Dask's, each is read where that runs it. Without one
    `jobs` processes of this machine read them, 0 for one per core; a model that takes more than `timeout` seconds or
    `memory_limit` bytes, or that crashes its process, is an error and the others go on. With one job and no limits all
    is done in this process. Raises ModelError for a column that does not exist or has no total.
    """
    for module in options.plugins:
        _load_plugin(module)
    RowMaker(options.columns)
    names = (name for path in paths for name in arguments.models([os.fspath(path)]))
    read = partial(summarize, options)
    if executor is not None:
        return _submit_each(read, names, executor)
    in_here = jobs == 1 and timeout is memory_limit is None
    return read_each(read, names, None if in_here else jobs, timeout, memory_limit)


def summarize(options: ScanOptions, path: str) -> ModelRow:
    """The row of one model. Raises ModelError."""
    for module in options.plugins:
        _load_plugin(module)
    before = status(path)
    model = load(path, phase=options.phase, level=options.level, stages=options.stages)
    analysis = analyze(model, shapes=options.shapes, dims=options.dims, values=options.values, target=options.target)
    return with_status(RowMaker(options.columns, objects=options.objects)(Report(analysis)), before)


def with_status(row: ModelRow, found: tuple[int | None, str]) -> ModelRow:
    """The row with the size and time of its file, as `remote.status` found them before the file was read."""
    return replace(row, size=found[0], modified=found[1])


def read_each(
    read: Read,
    names: Iterable[str],
    jobs: int | None,
    timeout: float | None = None,
    memory: int | None = None,
) -> Iterator[tuple[str, ModelRow | ModelError]]:
    """Each model's row, or why there is none, in order; in `jobs` processes, or in this one when that is None."""
    here = jobs is None
    answers = _in_this_process(read, names) if here else call_each(read, names, jobs or 0, Bounds(timeout, memory))
    for name, answer in answers:
        yield name, _explained(name, answer) if isinstance(answer, Exception) else answer


def failed_row(path: str, problem: ModelError) -> ModelRow:
    """The row of a model that has none."""
    return with_status(ModelRow(path, error=problem.reason), status(path))


def _in_this_process(read: Read, names: Iterable[str]) -> Iterator[tuple[str, ModelRow | Exception]]:
    for name in names:
        try:
            yield name, read(name)
        except ModelError as problem:
            yield name, problem
        except Exception as problem:
            if os.environ.get("GRAPHCOST_DEBUG"):
                raise
            yield name, problem


def _submit_each(read: Read, names: Iterable[str], executor: Executor) -> Iterator[tuple[str, ModelRow | ModelError]]:
    """As many at once as are told ahead; what is left is cancelled when the iteration is broken off."""
    waiting = iter(names)
    ahead: deque[tuple[str, Future[ModelRow]]] = deque()
    try:
        while True:
            while len(ahead) < AHEAD and (name := next(waiting, None)) is not None:
                ahead.append((name, executor.submit(read, name)))
            if not ahead:
                return
            name, future = ahead[0]
            problem = future.exception()
            ahead.popleft()
            yield name, _explained(name, problem) if problem is not None else future.result()
    finally:
        for _, future in ahead:
            with suppress(Exception):
                future.cancel()


def _explained(path: str, problem: BaseException) -> ModelError:
    if isinstance(problem, ModelError):
        return problem
    return ModelError(path, "", str(problem)) if isinstance(problem, Lost) else internal_error(path, problem)


@cache
def _load_plugin(module: str) -> None:
    """Import a plugin once in each process. Raises ModelError."""
    plugins.load(module)
