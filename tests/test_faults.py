"""Faults of the system: a full disk, a folder that is read-only, a kill, an interrupt, a closed pipe, a bare environment.

Each command runs in a process of its own. Whatever happens: a report, or one line that says what went wrong, an exit code
that says so too, and never half a file.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness import HEAD, conv

LINE = "graphcost: error: "
BARE = {"PATH": os.environ.get("PATH", os.defpath)}


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    def refused(self, *words: str) -> bool:
        """In one line on stderr that has these words, with exit code 2 and no report."""
        one_line = self.err.startswith(LINE) and self.err.count("\n") == 1
        return self.code == 2 and not self.out and one_line and all(word in self.err for word in words)


def run(
    *arguments: str | bytes | Path,
    folder: Path,
    first: str = "",
    limits: Callable[[], None] | None = None,
    prefix: tuple[str, ...] = (),
    environment: Mapping[str, str] | None = None,
    **options: Any,
) -> Ended:
    """Run the command in a folder, after the Python of `first`; `limits` is called in its process before it starts."""
    program = f"import os, signal, sys\n{first}\nfrom graphcost.cli import command\nsys.exit(command())"
    end = subprocess.run(
        [*prefix, sys.executable, "-c", program, *arguments],
        cwd=folder, preexec_fn=limits, env=environment, check=False, timeout=120,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )  # fmt: skip
    return Ended(end.returncode, (end.stdout or b"").decode(), (end.stderr or b"").decode())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a network of one convolution, and a report that was there before."""
    (tmp_path / "net.prototxt").write_text(HEAD + conv("c"))
    (tmp_path / "report.md").write_text("the last good one")
    return tmp_path


def untouched(folder: Path, *others: str) -> bool:
    """Nothing new lies in the folder, and the report is the one from before."""
    names = {path.name for path in folder.iterdir()}
    return names == {"net.prototxt", "report.md", *others} and (folder / "report.md").read_text() == "the last good one"


# --- the disk ---------------------------------------------------------------------------------------------------------


def small_disk() -> None:
    """Files may have 100 bytes; to write more fails as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


@pytest.mark.parametrize("option", ["-o", "--plan"])
def test_a_disk_that_fills_up_leaves_the_file_that_was_there(folder: Path, option: str) -> None:
    name = "report.md" if option == "-o" else "plan.json"
    ended = run("net.prototxt", option, name, folder=folder, limits=small_disk)
    assert ended.refused(name, "cannot be written")
    assert untouched(folder)


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="a device that Linux has")
@pytest.mark.parametrize("arguments", [(), ("--format", "md", "-o", "/dev/full")])
def test_a_full_device_is_one_line(folder: Path, arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        ended = run("net.prototxt", *arguments, folder=folder, **({} if arguments else {"stdout": full}))
    assert ended.refused("cannot be written", "No space left on device")
    assert untouched(folder)


def without_privileges() -> tuple[str, ...]:
    """A prefix that takes from root the right to ignore permissions; skips where that cannot be done."""
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    prefix = (
        setpriv or "",
        "--bounding-set=-dac_override,-dac_read_search",
        "--inh-caps=-dac_override,-dac_read_search",
    )
    if setpriv is None or subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("root writes everywhere, and setpriv is not there to keep it from that")
    return prefix


@pytest.mark.parametrize("option", ["-o", "--plan"])
def test_a_folder_that_is_read_only_is_one_line(folder: Path, option: str) -> None:
    name = "report.md" if option == "-o" else "plan.json"
    folder.chmod(0o555)
    ended = run("net.prototxt", option, name, folder=folder, prefix=without_privileges())
    folder.chmod(0o755)
    assert ended.refused(name, "cannot be written", "Permission denied")
    assert untouched(folder)


def test_a_model_that_may_not_be_read_is_one_line(folder: Path) -> None:
    (folder / "net.prototxt").chmod(0)
    assert run("net.prototxt", folder=folder, prefix=without_privileges()).refused("net.prototxt", "Permission denied")


@pytest.mark.parametrize("target", ["loop.md", "missing/report.md", "net.prototxt/report.md", "."])
def test_a_place_that_cannot_be_is_one_line(folder: Path, target: str) -> None:
    """A link to itself, a folder that is not there, a file in place of a folder, a folder."""
    (folder / "loop.md").symlink_to("loop.md")
    assert run("net.prototxt", "--format", "md", "-o", target, folder=folder).refused("cannot be written")
    assert untouched(folder, "loop.md")


def test_a_model_that_is_a_link_to_itself_is_one_line(folder: Path) -> None:
    (folder / "loop.onnx").symlink_to("loop.onnx")
    assert run("loop.onnx", folder=folder).refused("loop.onnx")


@pytest.mark.parametrize("length", [200, 250, 255])
def test_a_name_as_long_as_the_file_system_has_is_written(folder: Path, length: int) -> None:
    name = "r" * (length - 3) + ".md"
    assert run("net.prototxt", "-o", name, folder=folder) == Ended(0, "", "")
    assert (folder / name).read_text().startswith("# net") and untouched(folder, name)


# --- killed and interrupted -------------------------------------------------------------------------------------------

HEARS = "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
"""What Python does when it starts, unless it was started in the background, where a shell has interrupts ignored."""


def test_a_kill_before_the_file_is_in_place_leaves_the_one_that_was_there(folder: Path) -> None:
    """SIGKILL at the moment when the new file, written whole beside it, would take its place."""
    kill = "os.replace = os.rename = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)"
    assert run("net.prototxt", "-o", "report.md", folder=folder, first=kill).code == -signal.SIGKILL
    assert (folder / "report.md").read_text() == "the last good one"
    assert run("net.prototxt", "-o", "report.md", folder=folder) == Ended(0, "", "")
    assert (folder / "report.md").read_text().startswith("# net")


def test_an_interrupt_while_writing_leaves_the_file_that_was_there(folder: Path) -> None:
    stop = HEARS + "os.replace = os.rename = lambda *_, **__: signal.raise_signal(signal.SIGINT)"
    ended = run("net.prototxt", "-o", "report.md", folder=folder, first=stop)
    assert (ended.code, ended.out, ended.err) == (130, "", "")
    assert untouched(folder)


def test_an_interrupt_while_analysing_ends_quietly(folder: Path) -> None:
    stop = HEARS + "import graphcost.analysis as a; a.infer.infer = lambda *_, **__: signal.raise_signal(signal.SIGINT)"
    ended = run("net.prototxt", "-o", "report.md", folder=folder, first=stop)
    assert (ended.code, ended.out, ended.err) == (130, "", "")
    assert untouched(folder)


# --- pipes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_streams_that_are_closed_end_in_no_traceback(folder: Path, closed: tuple[int, ...]) -> None:
    """As a shell's `>&-` leaves them. With an output file nothing is written to them."""

    def close() -> None:
        for number in closed:
            os.close(number)

    ended = run("net.prototxt", "-o", "report.md", folder=folder, limits=close)
    assert (ended.code, ended.err) == (0, "")
    assert (folder / "report.md").read_text().startswith("# net")
    ended = run("net.prototxt", folder=folder, limits=close)
    assert "Traceback" not in ended.err
    assert ended.code == (2 if 1 in closed else 0)


def test_a_refusal_without_a_stderr_keeps_its_exit_code(folder: Path) -> None:
    assert run("none.prototxt", folder=folder, limits=lambda: os.close(2)) == Ended(2, "", "")


@pytest.mark.parametrize("format", ["md", "html", "json"])
def test_a_reader_that_reads_nothing_is_no_error(folder: Path, format: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ended = run("net.prototxt", "--format", format, folder=folder, stdout=writer)
    os.close(writer)
    assert (ended.code, ended.err) == (0, "")


# --- the environment --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["md", "html", "json"])
def test_no_home_and_no_other_variable_are_needed(folder: Path, format: str) -> None:
    ended = run("net.prototxt", "--format", format, folder=folder, environment=BARE)
    assert (ended.code, ended.err) == (0, "") and ended.out


def test_a_place_for_temporary_files_is_not_needed(folder: Path) -> None:
    ended = run("net.prototxt", "-o", "report.md", folder=folder, environment={**BARE, "TMPDIR": "/nonexistent"})
    assert ended == Ended(0, "", "")


@pytest.mark.parametrize(
    "locale", [{"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, {"PYTHONIOENCODING": "ascii"}]
)
@pytest.mark.parametrize("format", ["md", "text", "csv", "json", "html"])
def test_an_ascii_locale_prints_utf8(folder: Path, locale: dict[str, str], format: str) -> None:
    (folder / "net.prototxt").write_text(HEAD + conv("größe→"), encoding="utf-8")
    ended = run("net.prototxt", "--format", format, folder=folder, environment={**BARE, **locale})
    assert (ended.code, ended.err) == (0, "")
    assert "größe→" in ended.out or "gr\\u00f6\\u00dfe\\u2192" in ended.out


@pytest.mark.parametrize(
    "locale", [{"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, {"PYTHONIOENCODING": "ascii"}]
)
def test_an_ascii_locale_prints_refusals(folder: Path, locale: dict[str, str]) -> None:
    (folder / "net.prototxt").write_text(HEAD + conv("größe", fields="kernel_size: 99"), encoding="utf-8")
    assert run("net.prototxt", folder=folder, environment={**BARE, **locale}).refused(
        "net.prototxt:2", "a window of 99"
    )


NAME = os.fsdecode(b"net-\xff\xfe.prototxt")
"""As Python holds bytes of a name that are no UTF-8, and hands them back to the system."""


@pytest.mark.parametrize("format", ["md", "text", "csv", "json", "html"])
def test_a_file_name_that_is_not_utf8_is_read(folder: Path, format: str) -> None:
    (folder / "net.prototxt").rename(folder / NAME)
    ended = run(NAME, "--format", format, folder=folder)
    assert (ended.code, ended.err) == (0, "") and ended.out
    ended = run(NAME, NAME, "--format", format, folder=folder)
    assert (ended.code, ended.err) == (0, "") and ended.out


def test_a_file_name_that_is_not_utf8_is_refused_and_written(folder: Path) -> None:
    assert run("none-" + NAME, folder=folder).refused("none-net-", "No such file")
    report = os.fsdecode(b"report-\xff.md")
    assert run("net.prototxt", "-o", report, folder=folder) == Ended(0, "", "")
    assert (folder / report).read_text(encoding="utf-8").startswith("# net")


def test_a_folder_with_a_name_that_is_not_utf8_is_searched(folder: Path) -> None:
    (folder / "net.prototxt").rename(folder / NAME)
    ended = run(".", folder=folder)
    assert (ended.code, ended.err) == (0, "") and ended.out.startswith("#")


def test_a_folder_that_is_gone_is_one_line(folder: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    ended = run("net.prototxt", folder=folder, first=f"os.chdir({str(gone)!r}); os.rmdir({str(gone)!r})")
    assert ended.refused("net.prototxt", "No such file")
