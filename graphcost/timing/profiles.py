"""Profiles that were measured elsewhere -> times of a runtime's operators. What a file is, is told by its content.

* ONNX Runtime's JSON (`SessionOptions.enable_profiling`): events in microseconds, of every operator of every run.
  https://onnxruntime.ai/docs/performance/tune-performance/profiling-tools.html
* TensorRT's JSON (`trtexec --exportProfile`): a list whose first object has the `count` of runs, each further one the
  `name`, `medianMs` and `averageMs` of a layer.
* OpenVINO's per-layer counters (`benchmark_app -report_type average_counters`, or `detailed_counters` of each request):
  lines parted by `;` under a head that has `layerName`, `execStatus` and `realTime (ms)`, or `(us)`; with
  `-json_stats` a JSON of `nodes` with `name`, `status` and `real_time` in milliseconds.
* a CSV of name and milliseconds, with or without a head.
"""

from __future__ import annotations

import csv
import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from .. import limits
from ..errors import ModelError
from ..passes.timing import Ran
from .join import RuntimeOp
from .stats import summarise

KNOWN = (
    "ONNX Runtime's JSON, TensorRT's --exportProfile JSON, OpenVINO's per-layer counters, or a CSV of name and"
    " milliseconds"
)
NOT_RUN = ("NOT_RUN", "OPTIMIZED_OUT")
"""What OpenVINO says of layers that took no time; its Python tool writes `Status.NOT_RUN`."""


@dataclass(frozen=True)
class Profile:
    """What a file states: its operators in order, what wrote it, and the whole runs where it has them."""

    ops: Sequence[RuntimeOp]
    source: str
    run: Ran | None = None


def read(path: Path) -> Profile:
    """The profile in a file. Raises ModelError when it cannot be read, is none, or has no times."""
    try:
        size = path.stat().st_size
        if size > limits.MAX_PROFILE:
            raise ModelError(str(path), "", f"more than {limits.MAX_PROFILE // limits.MIB} MiB; profile fewer runs")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as problem:
        raise ModelError(str(path), "", f"cannot be read: {problem.strerror or problem}") from None
    except UnicodeDecodeError:
        raise _none(path) from None
    profile = _json(text, path) if text.lstrip()[:1] in ("[", "{") else _lines(text, path)
    if not profile.ops:
        raise ModelError(str(path), "", "a profile without the time of any operator")
    return profile


def _none(path: Path, why: str = "") -> ModelError:
    return ModelError(str(path), "", f"no profile that is known{why}; give {KNOWN}")


def _json(text: str, path: Path) -> Profile:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise _none(path, f" (JSON that breaks off: {problem})") from None
    if isinstance(data, dict) and (requests := _requests(data)):
        return _openvino(_counters(requests), path)
    events = data.get("traceEvents") if isinstance(data, dict) else data
    if not isinstance(events, list) or not all(isinstance(each, dict) for each in events):
        raise _none(path)
    if any("averageMs" in each or "timeMs" in each for each in events):
        return _tensorrt(events, path)
    if any(each.get("cat") in ("Node", "Session") for each in events):
        return _onnxruntime(events, path)
    raise _none(path)


def _number(value: Any, place: str, path: Path) -> float:
    """A time that a file states, which is neither negative nor endless."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if isinstance(value, bool) or not isfinite(number) or number < 0:
        raise ModelError(str(path), "", f"the time of {place} is {value!r}, which is none")
    return number


def _tensorrt(events: Sequence[Mapping[str, Any]], path: Path) -> Profile:
    count = next((each["count"] for each in events if "count" in each), None)
    ops = []
    for each in events:
        name = each.get("name")
        if not isinstance(name, str):
            continue
        stated = next((each[key] for key in ("medianMs", "averageMs") if key in each), None)
        if stated is None and "timeMs" in each and count:
            stated = _number(each["timeMs"], name, path) / _number(count, "count", path)
        ops.append(RuntimeOp(Ran(name, "", _number(stated, name, path) / 1e3)))
    return Profile(ops, "TensorRT" + (f", {count} runs" if isinstance(count, int) else ""))


def _onnxruntime(events: Sequence[Mapping[str, Any]], path: Path) -> Profile:
    runs = sorted(_span(each, path) for each in events if each.get("name") == "model_run")
    samples, kinds = by_operator(events, runs, path)
    ops = [RuntimeOp(summarise(name, kinds[name], times)) for name, times in samples.items()]
    whole = summarise("run", "", [length for _, length in runs]) if runs else None
    return Profile(ops, f"ONNX Runtime, {len(runs) or 1} runs", whole)


def _span(event: Mapping[str, Any], path: Path) -> tuple[float, float]:
    """When an event began, in microseconds as the file has it, and how many seconds it took."""
    name = str(event.get("name"))
    return _number(event.get("ts"), name, path), _number(event.get("dur"), name, path) / 1e6


def by_operator(
    events: Iterable[Mapping[str, Any]], runs: Sequence[tuple[float, float]], path: Path
) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Seconds of each operator in each run, several calls in one run added up, and each operator's type.

    `runs` are when the runs began, sorted; the first is left out where there are more than two, since it warms up.
    """
    starts = [start for start, _ in runs]
    first = 1 if len(runs) > 2 else 0
    samples: dict[str, list[float]] = {}
    kinds: dict[str, str] = {}
    for event in events:
        name = event.get("name")
        if event.get("cat") != "Node" or not isinstance(name, str) or not name.endswith("_kernel_time"):
            continue
        name = name.removesuffix("_kernel_time")
        start, seconds = _span(event, path)
        number = bisect_right(starts, start) - 1 if starts else 0
        if number < first:
            continue
        times = samples.setdefault(name, [0.0] * (max(1, len(runs)) - first))
        times[number - first] += seconds
        arguments = event.get("args")
        kinds[name] = str(arguments.get("op_name", "")) if isinstance(arguments, Mapping) else ""
    return samples, kinds


def _lines(text: str, path: Path) -> Profile:
    head = text.lstrip().partition("\n")[0]
    if "layerName" in head and "realTime" in head:
        try:
            return _openvino(_counter_lines(text), path)
        except csv.Error as problem:
            raise _none(path, f" ({problem})") from None
    return _csv(text, path)


_COUNTERS = ("layerName", "execStatus", "layerType", "realTime")
Counter = tuple[str, str, str, str, Any, float]
"""What OpenVINO states of a layer: name, type, status, its place in the file, the time, and the unit in seconds."""


def _requests(data: Mapping[str, Any]) -> list[Any]:
    """The tables of OpenVINO's JSON: the average of all requests, or one of each."""
    average, detailed = data.get("avg_performance"), data.get("detailed_performance")
    return [average] if isinstance(average, dict) else detailed if isinstance(detailed, list) else []


def _counters(requests: Sequence[Any]) -> Iterator[Counter]:
    for request in requests:
        nodes = request.get("nodes") if isinstance(request, dict) else None
        for node in filter(_is_object, nodes if isinstance(nodes, list) else []):
            name, kind, status = (str(node.get(key, "")) for key in ("name", "node_type", "status"))
            yield name, kind, status, name, node.get("real_time"), 1e-3


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _counter_lines(text: str) -> Iterator[Counter]:
    """Every line of the tables, each of which has a head of its own."""
    separator = ";" if ";" in text.partition("\n")[0] else ","
    columns, unit = dict[str, int](), 1e-3
    for number, row in enumerate(csv.reader(text.lstrip().splitlines(), delimiter=separator), 1):
        titles = {title.strip().partition(" ")[0]: at for at, title in enumerate(row)}
        if "layerName" in titles and "realTime" in titles:
            columns, unit = titles, 1e-6 if "(us)" in row[titles["realTime"]] else 1e-3
        elif columns and len(row) > max(columns[key] for key in _COUNTERS if key in columns):
            kind, status = (row[columns[key]] if key in columns else "" for key in ("layerType", "execStatus"))
            yield row[columns["layerName"]], kind, status, f"line {number}", row[columns["realTime"]], unit


def _openvino(counters: Iterable[Counter], path: Path) -> Profile:
    """The layers that ran. Of several requests the median counts."""
    samples: dict[str, list[float]] = {}
    kinds: dict[str, str] = {}
    for name, kind, status, place, stated, unit in counters:
        if name not in ("", "Total") and status.removeprefix("Status.") not in NOT_RUN:
            samples.setdefault(name, []).append(_number(stated, place, path) * unit)
            kinds[name] = kind
    ran = (
        summarise(name, kinds[name], times) if len(times) > 1 else Ran(name, kinds[name], times[0])
        for name, times in samples.items()
    )
    return Profile([RuntimeOp(each) for each in ran], "OpenVINO")


def _csv(text: str, path: Path) -> Profile:
    return Profile(list(_csv_rows(text, path)), "CSV of milliseconds")


def _csv_rows(text: str, path: Path) -> Iterator[RuntimeOp]:
    """A line of name and milliseconds each; a first line without a number is a head."""
    try:
        rows = [row for row in csv.reader(text.splitlines()) if any(cell.strip() for cell in row)]
    except csv.Error as problem:
        raise _none(path, f" ({problem})") from None
    for number, row in enumerate(rows):
        if len(row) < 2:
            raise _none(path)
        try:
            float(row[1])
        except ValueError:
            if number == 0:
                continue
            raise _none(path, f" (line {number + 1}: {row[1]!r} is no number)") from None
        yield RuntimeOp(Ran(row[0].strip(), "", _number(row[1], row[0], path) / 1e3))
