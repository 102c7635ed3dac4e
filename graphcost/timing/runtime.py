"""Runs a model with onnxruntime and reports how long each of its operators and the whole run take on this machine.

One session: some runs to warm up, some under the runtime's own profiler, then some without it for the time by the
clock. The optimised graph, which says what was fused, is written without its weights. Everything that is written lies
in a folder that is removed whatever happens. Imported only when something is measured.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ModelError
from ..passes.timing import Ran
from .join import RuntimeOp
from .profiles import by_operator
from .runnable import Runnable
from .stats import at, summarise

EVENTS = 200_000
"""Events that a profile may have: the runtime keeps a million, and each takes some 500 bytes."""
FEWEST = 5
"""Runs of each part, however long they take."""
STABLE = 0.02
"""The medians of the earlier and the later half of the runs agree so well when it is enough."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Measured:
    """What a runtime reported."""

    ops: list[RuntimeOp]
    run: Ran
    source: str


def onnxruntime() -> Any:
    """The module. Raises ModelError when it is not installed."""
    try:
        import onnxruntime as module
    except ImportError as problem:
        reason = f"needs onnxruntime ({problem}): pip install 'graphcost[measure]'"
        raise ModelError("--measure", "", reason) from None
    return module


def provider_name(given: str) -> str:
    """The execution provider meant by a name, `CPU` for `CPUExecutionProvider`. Raises ModelError."""
    available: list[str] = onnxruntime().get_available_providers()
    wanted = given.lower().removesuffix("executionprovider")
    for name in available:
        if name.lower().removesuffix("executionprovider") == wanted:
            return name
    raise ModelError("--provider", "", f"no provider {given!r} in this onnxruntime; there are {', '.join(available)}")


def measure(
    runnable: Runnable,
    *,
    threads: int = 0,
    provider: str = "CPU",
    seconds: float = 3.0,
    clock: bool = True,
    progress: Progress | None = None,
) -> Measured:
    """The times of a model's operators; `threads` 0 leaves them to the runtime.

    About `seconds` are spent on runs under the profiler and, for the time by the `clock`, as many without; fewer when
    the median is stable before.
    Raises ModelError when the runtime cannot run the model.
    """
    module, name = onnxruntime(), provider_name(provider)
    say = progress or (lambda text: None)
    with tempfile.TemporaryDirectory(prefix="graphcost-") as folder:
        say("loading")
        with _refused(runnable.path):
            session = _session(module, runnable, Path(folder), threads, name)
        try:
            with _refused(runnable.path):
                times = _profiled(session, runnable.feeds, Path(folder), seconds, say)
        finally:
            profile = Path(session.end_profiling())
        events = json.loads(profile.read_text(encoding="utf-8"))
        ops = _ops(events, Path(folder), len(times))
        by_clock = times
        if clock:
            with _refused(runnable.path):
                by_clock = _repeated(session, runnable.feeds, seconds, 1 << 62, say, "without the profiler")
        del session
    say("")
    count = threads or os.cpu_count() or 1
    number = f"{count} thread{'s' if count > 1 else ''}, {len(times) + (len(by_clock) if clock else 0)} runs"
    return Measured(ops, summarise("run", "", by_clock), f"onnxruntime {module.__version__}, {name}, {number}")


@contextlib.contextmanager
def _refused(path: str) -> Iterator[None]:
    """What the runtime says against a model, in a line."""
    try:
        yield
    except (ModelError, MemoryError):
        raise
    except Exception as problem:  # of which classes they are is not stated
        reason = " ".join(str(problem).split())[:300]
        raise ModelError(path, "", f"onnxruntime cannot run it: {reason}") from None


def session_options(module: Any, threads: int) -> Any:
    """Options of a session that says nothing but errors."""
    options = module.SessionOptions()
    options.log_severity_level = 4
    if threads:
        options.intra_op_num_threads = threads
    return options


def _session(module: Any, runnable: Runnable, folder: Path, threads: int, provider: str) -> Any:
    options = session_options(module, threads)
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / "profile")
    options.optimized_model_filepath = str(folder / "optimized.onnx")
    with contextlib.suppress(OSError, NotImplementedError):  # where links cannot be made, weights lie there for a while
        (folder / "weights").symlink_to(os.devnull)
    options.add_session_config_entry("session.optimized_model_external_initializers_file_name", "weights")
    options.add_session_config_entry("session.optimized_model_external_initializers_min_size_in_bytes", "1024")
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", runnable.folder)
    if runnable.weights:
        values = [_lent(module, array, runnable.types[name]) for name, array in runnable.weights.items()]
        options.add_external_initializers(list(runnable.weights), values)
    providers = [provider] if provider == "CPUExecutionProvider" else [provider, "CPUExecutionProvider"]
    with contextlib.redirect_stdout(io.StringIO()):  # where it prints what it says again in what it raises
        return module.InferenceSession(runnable.model, options, providers=providers)


def _lent(module: Any, array: Any, element_type: int) -> Any:
    """The runtime's view of an array's own memory."""
    return module.OrtValue.ortvalue_from_numpy_with_onnx_type(array, element_type)


def _profiled(session: Any, feeds: dict[str, Any], folder: Path, seconds: float, say: Progress) -> list[float]:
    """Runs to warm up and runs that are profiled, which the profile cannot tell apart: so the first is left out."""
    nodes = max(1, len(_optimized(folder)))
    most = max(FEWEST + 1, EVENTS // nodes)
    return _repeated(session, feeds, seconds, most, say, "under the profiler")


def _repeated(session: Any, feeds: dict[str, Any], seconds: float, most: int, say: Progress, how: str) -> list[float]:
    """Seconds of runs until their median is stable, the time is over or there are so many."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < most:
        start = time.perf_counter()
        session.run(None, feeds)
        now = time.perf_counter()
        times.append(now - start)
        say(f"run {len(times)} {how}: {1e3 * times[-1]:,.1f} ms")
        if len(times) >= FEWEST and (now > end or (now > end - seconds / 2 and _is_stable(times))):
            break
    return times


def _is_stable(times: Sequence[float]) -> bool:
    half = len(times) // 2
    earlier, later = (at(sorted(part), 0.5) for part in (times[:half], times[half:]))
    return half >= 2 * FEWEST and abs(later - earlier) <= STABLE * earlier


def _optimized(folder: Path) -> Any:
    """The nodes of the runtime's optimised graph; none where the provider does not let it be written."""
    from onnx import load

    path = folder / "optimized.onnx"
    return load(path, load_external_data=False).graph.node if path.exists() else []


def _ops(events: Sequence[dict[str, Any]], folder: Path, count: int) -> list[RuntimeOp]:
    """The operators that ran, each with its own time alone: what runs in a body is taken off what runs the body."""
    runs = sorted((event["ts"], event["dur"] / 1e6) for event in events if event.get("name") == "model_run")
    samples, kinds = by_operator(events, runs[:count], folder / "profile")
    nodes: dict[str, Any] = {}
    owner: dict[str, str] = {}
    optimized = _optimized(folder)
    _name_the_unnamed(optimized, kinds)
    _collect(optimized, "", nodes, owner)
    for name, times in samples.items():
        if name in owner and owner[name] in samples:
            above = samples[owner[name]]
            above[:] = [max(0.0, whole - part) for whole, part in zip(above, times, strict=True)]
    found = []
    for name, times in samples.items():
        node = nodes.get(name)
        tensors = (tuple(node.input), tuple(node.output)) if node is not None and name not in owner else ((), ())
        found.append(RuntimeOp(summarise(name, kinds[name], times), *tensors))
    return found


def _name_the_unnamed(graph: Any, kinds: dict[str, str]) -> None:
    """Call nodes without a name as the profile does: `Mul_34`, by the order of those of a type."""
    named = {node.name for node in graph}
    unnamed: dict[str, list[Any]] = {}
    for node in graph:
        if not node.name:
            unnamed.setdefault(node.op_type, []).append(node)
    for kind, nodes in unnamed.items():
        events = [name for name, own in kinds.items() if own == kind and name not in named]
        if len(events) == len(nodes):
            for node, name in zip(nodes, events, strict=True):
                node.name = name


def _collect(graph: Any, above: str, nodes: dict[str, Any], owner: dict[str, str]) -> None:
    """Every node by its name, and for those in a body the node that runs it."""
    for node in graph:
        nodes[node.name] = node
        if above:
            owner[node.name] = above
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _collect(attribute.g.node, node.name, nodes, owner)


def terminal() -> Progress | None:
    """Writes progress over itself on stderr where that is a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        return None

    def say(text: str) -> None:
        print(f"\r{text}\x1b[K", end="", file=sys.stderr, flush=True)

    return say
