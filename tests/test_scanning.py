"""Many models at once: by the command with --jobs, and by the library here, in processes or by an executor."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import graphcost
from graphcost import ModelError, ModelRow, ScanOptions, cli, scan, scanning
from harness import HEAD, conv, layer

PLUGIN = """
import os, signal, time
from graphcost import Facts, Work, rule

@rule("caffe.Hang")
def hang(x):
    time.sleep(60)

@rule("caffe.Die")
def die(x):
    os.kill(os.getpid(), signal.SIGKILL)

@rule("caffe.Grow")
def grow(x):
    return len(bytearray(2**32))

@rule("caffe.Fail")
def fail(x):
    raise RuntimeError("unforeseen")
"""


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """Models that are well, and that hang, die, grow, fail, or are none."""
    folder = tmp_path / "zoo"
    folder.mkdir()
    for name in ("a", "c", "e", "z"):
        (folder / f"{name}.prototxt").write_text(HEAD + conv("c"))
    for name, kind in (("b", "Hang"), ("d", "Die"), ("f", "Grow"), ("g", "Fail")):
        (folder / f"{name}.prototxt").write_text(HEAD + layer("x", kind))
    (folder / "h.onnx").write_text("no model")
    (tmp_path / "misbehave.py").write_text(PLUGIN)
    return folder


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "graphcost", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False, timeout=60)


REASONS = {
    "b": "took more than 2 s (--timeout)",
    "d": "the process that read it was ended by signal 9 (Killed)",
    "f": "took more than 1,024 MiB of memory (--memory-limit)",
}


def test_a_model_that_hangs_dies_or_grows_is_a_row_and_the_others_go_on(zoo: Path, tmp_path: Path) -> None:
    given = ["zoo", "--plugin", "misbehave.py", "--jobs", 2, "--timeout", 2, "--memory-limit", "1GiB"]
    done = run(*given, "--format", "csv", cwd=tmp_path)
    assert done.returncode == 2
    rows = {line.split(",")[0]: line for line in done.stdout.splitlines()[1:]}
    assert [name[4] for name in rows] == list("abcdefghz")
    for name, reason in REASONS.items():
        assert reason in rows[f"zoo/{name}.prototxt"]
        assert f"graphcost: error: zoo/{name}.prototxt: {reason}" in done.stderr
    assert all(",112," in rows[f"zoo/{name}.prototxt"] for name in "acez")  # 4 x 3 x 3 x 3 + 4 parameters
    assert "Traceback" not in done.stderr and len(done.stderr.splitlines()) == 5


def test_with_jobs_everything_is_as_without(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(root)
    printed = {}
    for options in ((), ("--jobs", "2"), ("--jobs", "0")):
        for more in (("--format", "json"), ("--sort", "macs", "--top", "3")):
            assert (
                cli.main(
                    ["prototxt/det1.prototxt", "prototxt/det2.prototxt", "prototxt/det3.prototxt", *options, *more]
                )
                == 0
            )
            printed.setdefault(more, set()).add(capsys.readouterr().out)
    assert [len(texts) for texts in printed.values()] == [1, 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--jobs", "-1"], "--jobs: -1 models cannot be read at once; 0 is one per core"),
        (["--timeout", "-2"], "--timeout: -2 s cannot be; 0 sets no limit"),
        (["--memory-limit", "much"], "--memory-limit: 'much' is no amount of 0 or more, as in 256KiB"),
        (["--jobs", "2", "-o", "x.csv", "--sort", "macs"], "--sort: rows of x.csv stand in the order in which models are read"),
        (["-o", "x.jsonl", "--memory"], "--memory: is about one model, and each is a row of the table: each gets a row of totals"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_before_anything_is_read(
    options: list[str], message: str, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main([str(root / "prototxt/det1.prototxt"), *options]) == 2
    assert capsys.readouterr().err == f"graphcost: error: {message}\n"
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--timeout", "0.5"], "took more than 0.5 s (--timeout)"),
        (["--memory-limit", "1GiB"], REASONS["f"]),
    ],
)
def test_a_single_model_is_bounded_too(options: list[str], reason: str, zoo: Path, tmp_path: Path) -> None:
    name = "zoo/b.prototxt" if "--timeout" in options else "zoo/f.prototxt"
    done = run(name, "--plugin", "misbehave.py", *options, "-o", "x.md", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"graphcost: error: {name}: {reason}\n"
    assert not (tmp_path / "x.md").exists()


def test_ctrl_c_ends_the_workers_and_leaves_the_rows_that_there_are(zoo: Path, tmp_path: Path) -> None:
    given = ["zoo/a.prototxt", "zoo/b.prototxt", "zoo/c.prototxt", "--plugin", "misbehave.py", "--jobs", "2"]
    command = [sys.executable, "-m", "graphcost", *given, "-o", "rows.jsonl"]
    process = subprocess.Popen(
        command, cwd=tmp_path, start_new_session=True, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored in a background job
    )  # fmt: skip
    rows = tmp_path / "rows.jsonl"
    end = time.monotonic() + 30
    while not (rows.exists() and rows.read_text()) and time.monotonic() < end:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers get it too
    assert process.wait(20) == 130 and process.stderr is not None and process.stderr.read() == b""
    with pytest.raises(ProcessLookupError):  # nobody is left in the session
        os.killpg(process.pid, 0)
    assert [json.loads(line)["model"] for line in rows.read_text().splitlines()] == ["zoo/a.prototxt"]


def test_scan_gives_each_path_with_its_totals_or_its_error(root: Path, zoo: Path) -> None:
    paths = [root / "prototxt/det1.prototxt", zoo / "h.onnx", root / "onnx_models/vgg16.onnx"]
    found = dict(scan(paths))
    assert [*found] == [str(path) for path in paths]
    row, problem, other = found.values()
    assert isinstance(row, ModelRow) and row.totals["params"] == 6632 and row.complete and row.error == ""
    assert row.size == paths[0].stat().st_size and row.modified
    assert isinstance(problem, ModelError) and problem.path == str(paths[1])
    assert isinstance(other, ModelRow) and str(other.totals["macs"]) == "15470264320"


def test_scan_works_at_several_at_once_under_limits(root: Path, zoo: Path, tmp_path: Path) -> None:
    options = ScanOptions(columns=("params", "macs"), plugins=(str(tmp_path / "misbehave.py"),))
    paths = [zoo / "a.prototxt", zoo / "b.prototxt", zoo / "c.prototxt"]
    code = (
        "import sys, graphcost\n"
        f"options = graphcost.ScanOptions(plugins=({str(tmp_path / 'misbehave.py')!r},))\n"
        "for path, found in graphcost.scan(sys.argv[1:], options=options, jobs=2, timeout=1):\n"
        "    print(path[-10:], getattr(found, 'reason', None) or found.totals['params'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *map(str, paths)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "a.prototxt 112", "b.prototxt took more than 1 s (--timeout)", "c.prototxt 112",
    ]  # fmt: skip
    assert options.columns == ("params", "macs")


def test_scan_takes_options_for_every_model(root: Path) -> None:
    options = ScanOptions(columns=("macs", "output"), shapes={"data": ("N", 3, 24, 24)})
    with pytest.raises(ModelError, match="output has no total"):
        next(scan([], options=options))
    options = ScanOptions(columns=("macs",), shapes={"data": ("N", 3, 24, 24)}, objects=True)
    ((_, row),) = scan([root / "prototxt/det2.prototxt"], options=options)
    assert isinstance(row, ModelRow) and str(row.totals["macs"]) == f"{row.numbers['macs']}*N"
    assert row.data is not None and row.data["inputs"][0]["shape"] == ["N", 3, 24, 24]


def test_scan_searches_folders_and_reads_only_as_far_as_it_is_asked(root: Path) -> None:
    found = scan([root / "prototxt"])
    path, row = next(found)
    assert path == str(root / "prototxt/det1.prototxt") and isinstance(row, ModelRow)


def test_an_executor_runs_each_model(root: Path) -> None:
    paths = sorted((root / "prototxt").glob("det*.prototxt"))
    with ThreadPoolExecutor(2) as executor:
        spread = [*scan(paths, executor=executor)]
    assert spread == [*scan(paths)]


class Inline:
    """An executor that runs what it is given when it is given, and keeps count."""

    def __init__(self) -> None:
        self.given = 0

    def submit(self, function: Any, *arguments: Any) -> Future[Any]:
        self.given += 1
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments))
        except Exception as problem:
            future.set_exception(problem)
        return future


def test_an_executor_is_told_so_many_ahead_and_no_more(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "AHEAD", 3)
    executor: Any = Inline()
    found = scan([root / "prototxt/det1.prototxt"] * 10, executor=executor)
    next(found)
    assert executor.given == 3
    assert len([*found]) == 9 and executor.given == 10


def test_what_an_executor_loses_is_an_error_of_that_model() -> None:
    class Losing(Inline):
        def submit(self, function: Any, *arguments: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.set_exception(RuntimeError("the worker is gone"))
            return future

    executor: Any = Losing()
    ((path, problem),) = scan(["a.onnx"], executor=executor)
    assert path == "a.onnx" and isinstance(problem, ModelError)
    assert problem.reason.startswith("internal error: RuntimeError: the worker is gone")


def test_what_is_asked_of_many_can_be_pickled(root: Path) -> None:
    import pickle

    options = ScanOptions(dims={"N": graphcost.Dim and 2}, target=graphcost.Target(dtype="float16"))
    assert pickle.loads(pickle.dumps(options)) == options
    ((_, row),) = scan([root / "prototxt/det1.prototxt"])
    assert pickle.loads(pickle.dumps(row)) == row
