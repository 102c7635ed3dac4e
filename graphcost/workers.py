"""A function called for many things in several processes, each call bounded in time and memory.

What the function does is not known here. `concurrent.futures` gives all up when one process dies and cannot end a call
that hangs, so the processes are looked after here, by one thread.
"""

from __future__ import annotations

import gc
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from .errors import ModelError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 1000
"""Things taken on before the answer for the first of them is there: so many answers wait to be given in order."""
GRACE = 5.0
"""Seconds after which a worker whose parent is gone ends by itself, beyond the time that a call may take."""
OPTIONS = TIMEOUT, MEMORY_LIMIT = "--timeout", "--memory-limit"


class Lost(Exception):
    """A call without an answer: it took too long or too much memory, or its process died. One line says which."""


@dataclass(frozen=True)
class Bounds:
    """What one call may take."""

    timeout: float | None = None
    """Seconds."""
    memory: int | None = None
    """Bytes that a process may have allocated; what is mapped from files, as large models are, is not counted."""


UNBOUNDED = Bounds()


def call_each(
    function: Callable[[T], R], things: Iterable[T], jobs: int, bounds: Bounds = UNBOUNDED
) -> Iterator[tuple[T, R | Exception]]:
    """Each thing with what the function makes of it, or the exception that it ends in, in the order of the things.

    `jobs` processes work at once, 0 for one per core. Things and answers are pickled, the function only where the
    system cannot fork. A call that is over its bounds, or whose process dies, ends in Lost. The processes end with the
    iteration, also when that is broken off.
    """
    if bounds.memory is not None:
        _memory_limits()
    pool = _Pool(function, bounds)
    waiting = iter(enumerate(things))
    order: deque[tuple[int, T]] = deque()  # taken on and not given back yet
    answers: dict[int, R | Exception] = {}
    more = True
    try:
        while more or order:
            while more and len(pool.busy) < (jobs or cores()) and len(order) < AHEAD:
                if (item := next(waiting, None)) is None:
                    more = False
                else:
                    order.append(item)
                    pool.start(*item)
            if pool.busy and order[0][0] not in answers:
                answers.update(pool.finished())
            while order and order[0][0] in answers:
                number, thing = order.popleft()
                yield thing, answers.pop(number)
    finally:
        pool.end()


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Worker:
    """A process, and the call it is at."""

    def __init__(self, function: Callable[[Any], Any], bounds: Bounds) -> None:
        import multiprocessing  # 20 ms, which a single model need not take

        fork = "fork" in multiprocessing.get_all_start_methods()
        context: Any = multiprocessing.get_context("fork" if fork else None)
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, function, bounds), daemon=True)
        self.process.start()
        theirs.close()
        self.number = 0
        self.deadline = float("inf")

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.connection.close()


class _Pool:
    def __init__(self, function: Callable[[Any], Any], bounds: Bounds) -> None:
        self.function = function
        self.bounds = bounds
        self.idle: list[_Worker] = []
        self.busy: dict[Any, _Worker] = {}
        """By what its answer comes through."""

    def start(self, number: int, thing: Any) -> None:
        """Give a worker, an idle one where there is one, a thing to do."""
        worker = self.idle.pop() if self.idle else _Worker(self.function, self.bounds)
        worker.number = number
        worker.deadline = time.monotonic() + (self.bounds.timeout or float("inf"))
        self.busy[worker.connection] = worker
        with suppress(BrokenPipeError):  # it died idle, and is found so
            worker.connection.send(thing)

    def finished(self) -> Iterator[tuple[int, Any]]:
        """Wait until some call ends or is over its time, and give the numbers and answers of those that did."""
        from multiprocessing.connection import wait

        now = time.monotonic()
        first = min(worker.deadline for worker in self.busy.values())
        ready = wait([*self.busy], None if first == float("inf") else max(0.0, first - now))
        now = time.monotonic()
        for connection, worker in [*self.busy.items()]:
            if connection in ready:
                yield worker.number, self._answer(worker)
            elif worker.deadline <= now:
                del self.busy[connection]
                worker.end()
                yield worker.number, _too_long(self.bounds.timeout or 0)

    def _answer(self, worker: _Worker) -> Any:
        del self.busy[worker.connection]
        try:
            answer = worker.connection.recv()
        except (EOFError, OSError):  # the end of the process
            worker.process.join()
            code = worker.process.exitcode
            worker.connection.close()
            return Lost(_death(code))
        if isinstance(answer, MemoryError):  # what it holds now is not to be relied on
            worker.end()
            return _too_much(self.bounds.memory or 0)
        self.idle.append(worker)
        return answer

    def end(self) -> None:
        for worker in (*self.idle, *self.busy.values()):
            worker.end()


def _serve(connection: Connection, function: Callable[[Any], Any], bounds: Bounds) -> None:
    """What a worker does: answer each thing that comes until no more can come."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the parent ends the others
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    timed = bool(bounds.timeout) and hasattr(signal, "setitimer")
    if timed:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    if bounds.memory is not None:
        _limit_memory(bounds.memory)
    gc.disable()
    gc.freeze()  # so that what is searched for cycles below is what calls leave behind
    while True:
        try:
            thing = connection.recv()
        except (EOFError, OSError):
            return
        if timed:
            signal.setitimer(signal.ITIMER_REAL, (bounds.timeout or 0) + GRACE)
        answer = _answer(function, thing)
        if timed:
            signal.setitimer(signal.ITIMER_REAL, 0)
        try:
            connection.send(answer)
        except BrokenPipeError:
            return
        except Exception as problem:  # it cannot be pickled
            connection.send(Lost(f"no answer: {type(problem).__name__}: {problem}"))
        del answer
        gc.collect()


def _answer(function: Callable[[Any], Any], thing: Any) -> Any:
    try:
        return function(thing)
    except MemoryError:
        return MemoryError()
    except Exception as problem:
        return problem


def _memory_limits() -> tuple[int, int]:
    """The limits of what this process may allocate, soft and hard. Raises ModelError where the system has none."""
    try:
        import resource
    except ImportError:
        raise ModelError(MEMORY_LIMIT, "", "this system cannot limit the memory of a process") from None
    return resource.getrlimit(resource.RLIMIT_DATA)


def _limit_memory(most: int) -> None:
    import resource

    _, hard = _memory_limits()
    resource.setrlimit(resource.RLIMIT_DATA, (most if hard < 0 else min(most, hard), hard))


def _too_long(seconds: float) -> Lost:
    return Lost(f"took more than {seconds:g} s ({TIMEOUT})")


def _too_much(nbytes: int) -> Lost:
    return Lost(f"took more than {nbytes / 2**20:,.0f} MiB of memory ({MEMORY_LIMIT})" if nbytes else "out of memory")


def _death(code: int | None) -> str:
    if code is not None and code < 0:
        return f"the process that read it was ended by signal {-code} ({signal.strsignal(-code)})"
    return f"the process that read it ended with code {code}"


class _Overtime(BaseException):
    """No Exception, so that nothing that handles one takes it for its own."""


@contextmanager
def bounded(bounds: Bounds) -> Iterator[None]:
    """The same bounds for what this process itself does. Raises Lost where they are exceeded.

    Python code is interrupted; a call into a library is only when it returns.
    """

    def overtime(signum: int, frame: object) -> None:
        raise _Overtime

    timed = bool(bounds.timeout) and hasattr(signal, "setitimer")
    limits = None if bounds.memory is None else _memory_limits()
    before = signal.signal(signal.SIGALRM, overtime) if timed else None
    try:
        if bounds.memory is not None:
            _limit_memory(bounds.memory)
        if timed:
            signal.setitimer(signal.ITIMER_REAL, bounds.timeout or 0)
        yield
    except _Overtime:
        raise _too_long(bounds.timeout or 0) from None
    except MemoryError:
        raise _too_much(bounds.memory or 0) from None
    finally:
        if timed:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        if limits is not None:
            import resource

            resource.setrlimit(resource.RLIMIT_DATA, limits)
