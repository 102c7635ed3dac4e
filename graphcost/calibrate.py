"""Measure this machine and write a device profile of it: what numpy, or onnxruntime where it is installed, reaches.

A measured peak is what the best kernel reached that was tried; a library with a better one can beat the times that are
bounded by it. Caches are as the operating system states them. Where onnxruntime is installed, operators of many sizes
are timed too, for estimates (`timing.calibrating`). Nothing is known here of GPUs and other accelerators.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

from .errors import ModelError
from .files import write

CACHES = Path("/sys/devices/system/cpu")
UNSTATED = 1 << 28
"""Bytes taken for the caches where they are not stated: more than there are, so that bounds hold."""
LANES = 4
"""8-bit products that the dot-product instructions of processors do in the place of one 32-bit product."""


def profile(*, sizes: Sequence[int] = (256, 384, 512, 1024, 2048), nbytes: int = 1 << 28, seconds: float = 1.0) -> str:
    """The text of a profile: products of square matrices of each size, and copies and sums of `nbytes`.

    Each is repeated for some seconds and its fastest run taken: short runs find a moment in which the machine is idle.
    """
    float32, kernel = max(_products("float32", sizes, seconds))
    int8, kernel8 = max(
        _products("int8", sizes, seconds), default=(LANES * float32, f"not measured: {LANES} times that of float32")
    )
    cores = os.cpu_count() or 1
    counts = {1, cores}  # where something else runs, one core may do more than all of them, which wait for each other
    bandwidth = max(max(_copy(nbytes, seconds, count), _read(nbytes, seconds, count)) for count in counts)
    caches = _caches(CACHES)
    name = platform.processor() or platform.machine()
    lines = [
        f"title = {json.dumps(f'{platform.node()}, {os.cpu_count()} x {name}, measured')}",
        'source = "graphcost --calibrate"',
        f"bandwidth = {bandwidth:.4g}  # bytes a second, the best of copying and of reading, by all cores and by one",
        f"fast_memory = {caches or UNSTATED}  # {'all caches' if caches else 'not stated; more than there is'}",
        *(f"memory = {memory}" for memory in _memory()),
        "",
        "[macs]",
        f"float32 = {float32:.4g}  # {kernel}",
        f"int8 = {int8:.4g}  # {kernel8}",
    ]
    return "\n".join(lines) + "\n"


def save(path: Path, *, threads: int = 0, scale: float = 1.0, progress: Callable[[str], None] | None = None) -> None:
    """Measure, and write the profile to a .toml file. Raises ModelError, before it measures where it can.

    `threads` are those that operators are timed with for estimates, 0 all; `scale` is the share of the operators.
    """
    if path.suffix != ".toml":
        raise ModelError(str(path), "", "a profile is a .toml file: that is how --device knows it from a name")
    if not path.absolute().parent.is_dir():
        raise ModelError(str(path), "", "cannot be written: there is no such folder")
    if progress is not None:
        progress("calibrating: peak and bandwidth")
    write(with_times(profile(), threads, scale, progress), path)


def with_times(text: str, threads: int = 0, scale: float = 1.0, progress: Callable[[str], None] | None = None) -> str:
    """A profile's text with what estimates need; as it is where onnxruntime is not installed."""
    import tomllib

    from .devices import parse
    from .timing import calibrating, runtime

    try:
        runtime.onnxruntime()
    except ModelError:
        return text + "\n# onnxruntime is not installed: no operator was timed, so there are no estimates.\n"
    device = parse("this-machine.toml", tomllib.loads(text))
    found = calibrating.calibrate(device, threads=threads, scale=scale, progress=progress)
    cores = os.cpu_count() or 1
    reached = calibrating.fastest_bytes(found) * cores / min(found.threads, cores)
    bandwidth = max(MARGIN * reached, 1.01 * device.bandwidth)
    level = [
        "",
        "[[level]]",
        f"bytes = {device.fast_memory}",
        f"bandwidth = {bandwidth:.4g}  # {MARGIN} x what the best elementwise kernel reached",
    ]
    return text + "\n".join(level) + "\n" + calibrating.to_toml(found)


MARGIN = 1.5
"""What a kernel may read and write of the caches for what the best one that was measured did, so that bounds hold."""


def _fastest(run: Callable[[], object], seconds: float) -> float:
    """Seconds of the fastest run in so many seconds, after one to warm up."""
    run()
    best, end = float("inf"), time.perf_counter() + seconds
    while best == float("inf") or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return max(best, 1e-9)


def _products(dtype: str, sizes: Sequence[int], seconds: float) -> Iterator[tuple[float, str]]:
    """Multiply-accumulates a second of square matrix products, by each kernel that there is for the type."""
    import numpy as np

    for size in sizes if dtype == "float32" else ():
        matrix = np.ones((size, size), "float32")
        run = partial(np.matmul, matrix, matrix, out=np.empty_like(matrix))
        yield size**3 / _fastest(run, seconds), "numpy.matmul"
    try:
        import onnxruntime
    except ImportError:
        return
    for size in sizes:
        session = onnxruntime.InferenceSession(_product(dtype, size), providers=["CPUExecutionProvider"])
        given = {"a": np.ones((size, size), "float32" if dtype == "float32" else "uint8")}
        yield size**3 / _fastest(partial(session.run, None, given), seconds), "onnxruntime"


def _product(dtype: str, size: int) -> bytes:
    """An ONNX model of one matrix product with a constant."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    kind, given, made = ("MatMul", TensorProto.FLOAT, TensorProto.FLOAT)
    if dtype == "int8":
        kind, given, made = ("MatMulInteger", TensorProto.UINT8, TensorProto.INT32)
    shape = [size, size]
    graph = helper.make_graph(
        [helper.make_node(kind, ["a", "b"], ["c"])],
        "product",
        [helper.make_tensor_value_info("a", given, shape)],
        [helper.make_tensor_value_info("c", made, shape)],
        [numpy_helper.from_array(np.ones(shape, dtype), "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


def _copy(nbytes: int, seconds: float, cores: int) -> float:
    """Bytes a second, read and written, of a copy by so many cores."""
    import numpy as np

    source = np.ones(nbytes // 4, "float32")
    pairs = list(zip(_blocks(source), _blocks(source.copy()), strict=True))
    return 2 * _passing(lambda pair: np.copyto(pair[1], pair[0]), pairs, pairs[0][0].nbytes, seconds, cores)


def _read(nbytes: int, seconds: float, cores: int) -> float:
    """Bytes a second of scalar products with itself by so many cores."""
    import numpy as np

    blocks = _blocks(np.ones(nbytes // 4, "float32"))
    return _passing(lambda block: block.dot(block), blocks, blocks[0].nbytes, seconds, cores)


def _blocks(array: Any) -> list[Any]:
    """Four blocks for each core."""
    import numpy as np

    return np.array_split(array, 4 * (os.cpu_count() or 1))


def _passing(run: Callable[[Any], object], blocks: list[Any], nbytes: int, seconds: float, cores: int) -> float:
    """Bytes a second of the fastest run: a block for each core, the next ones each time, so that no cache has them."""
    rounds = cycle([blocks[at : at + cores] for at in range(0, len(blocks), cores)])
    with ThreadPoolExecutor(cores) as pool:
        return cores * nbytes / _fastest(lambda: list(pool.map(run, next(rounds))), seconds)


def _caches(folder: Path) -> int:
    """Bytes of all data caches that Linux states, each counted once; 0 when it states none."""
    found: dict[tuple[str, ...], int] = {}
    for index in folder.glob("cpu[0-9]*/cache/index*"):
        try:
            kind, level, shared, size = (
                (index / name).read_text().strip() for name in ("type", "level", "shared_cpu_list", "size")
            )
        except OSError:
            continue
        if kind != "Instruction" and size[:-1].isdecimal():
            found[kind, level, shared] = int(size[:-1]) * {"K": 1 << 10, "M": 1 << 20}.get(size[-1], 1)
    return sum(found.values())


def _memory() -> Iterator[int]:
    """Bytes of the machine's memory, where the system says it."""
    try:
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return
