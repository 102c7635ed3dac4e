"""The scripts that people and the continuous integration share."""

from __future__ import annotations

import configparser
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from harness import script

# --- release ----------------------------------------------------------------------------------------------------------

CHANGELOG = """# Changelog

## Unreleased

## 0.2.0 - 2026-02-03

### Added

- A column.

## 0.1.0 - 2026-01-02

- All of it.
"""


def test_the_text_of_a_tag_is_the_section_of_its_version(root: Path) -> None:
    assert script(root, "release").notes(CHANGELOG, "0.2.0") == "### Added\n\n- A column."


@pytest.mark.parametrize(
    ("changelog", "version", "reason"),
    [
        (CHANGELOG, "0.3.0", r"newest section is '0.2.0 - 2026-02-03', and graphcost/version.py says 0.3.0"),
        (CHANGELOG.replace(" - 2026-02-03", ""), "0.2.0", "newest section is '0.2.0'"),  # a day is missing
        (CHANGELOG.replace("### Added\n\n- A column.\n", ""), "0.2.0", "says nothing of 0.2.0"),
        (CHANGELOG.replace("Unreleased\n", "Unreleased\n\n- Another.\n"), "0.2.0", "move what is under Unreleased"),
        ("# Changelog\n", "0.1.0", "newest section is ''"),
    ],
)
def test_a_changelog_that_does_not_agree_with_the_version_is_no_release(
    root: Path, changelog: str, version: str, reason: str
) -> None:
    release = script(root, "release")
    with pytest.raises(release.Unready, match=reason):
        release.notes(changelog, version)


# --- matrix -----------------------------------------------------------------------------------------------------------


def test_the_oldest_versions_are_those_that_setup_declares(root: Path) -> None:
    setup = "[options]\ninstall_requires =\n    numpy>=1.24\n    onnx>=1.16\n"
    setup += "[options.extras_require]\ngraph =\n    layout>=0.5\ndev =\n    pytest>=8\n    ruff\n    layout>=0.5\n"
    assert script(root, "matrix").oldest(setup) == ["layout==0.5", "numpy==1.24", "onnx==1.16"]


def test_the_matrix_has_every_python_that_is_declared(root: Path) -> None:
    setup = (root / "setup.cfg").read_text(encoding="utf-8")
    declared = {f"3.{minor}" for minor in re.findall(r"Python :: 3\.(\d+)", setup)}
    assert declared <= set(script(root, "matrix").PYTHONS)
    workflow = (root / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert declared <= set(re.findall(r'python(?:-version)?: "(3\.\d+)"', workflow))


def test_everything_that_setup_names_is_locked(root: Path) -> None:
    """A constraint for each dependency and each tool, and none twice."""
    config = configparser.ConfigParser()
    config.read(root / "setup.cfg")
    extras = config["options.extras_require"]
    named = re.findall(
        r"^[\w-]+", "\n".join([config["options"]["install_requires"], extras["graph"], extras["dev"]]), re.M
    )
    lines = (root / ".ci/constraints.txt").read_text(encoding="utf-8").splitlines()
    locked = [line.partition("==")[0].lower().replace("_", "-") for line in lines if not line.startswith("#")]
    assert {name.lower() for name in named} <= set(locked) and len(locked) == len(set(locked))


# --- fuzz -------------------------------------------------------------------------------------------------------------


def fuzz(root: Path, *arguments: str) -> str:
    words = [sys.executable, str(root / "scripts/fuzz"), *arguments]
    run = subprocess.run(words, capture_output=True, text=True, cwd=root, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def counts(report: str) -> dict[str, int]:
    """How often each outcome came."""
    return {what: int(count) for count, what in re.findall(r"^ *(\d+) (\D.*)$", report, re.MULTILINE)}


def test_damaged_networks_are_answered_or_refused(root: Path) -> None:
    """Some of each, so that neither half of the command goes untried."""
    found = counts(fuzz(root, "--seed", "1", "--count", "100"))
    assert sum(found.values()) == 100 and {"answered", "refused in words"} <= set(found)


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["2", "3", "4", "5"])
def test_many_damaged_networks_are_answered_or_refused(root: Path, seed: str) -> None:
    found = counts(fuzz(root, "--seed", seed, "--count", "475"))
    assert sum(found.values()) == 475 and found["answered"] > 100


def test_a_case_is_what_its_seed_and_number_say(root: Path) -> None:
    case_of = script(root, "fuzz").case_of
    assert case_of(1, 7) == case_of(1, 7) != case_of(1, 8)


@pytest.mark.parametrize(
    ("text", "format", "reason"),
    [
        ('{"totals": {"macs": 3}}', "json", ""),
        ('{"totals": {"macs": -3}}', "json", "a negative total"),
        ('{"totals": {"macs": NaN}}', "json", "NaN is no JSON"),
        ("a,b\r\n1,2\r\n", "csv", ""),
        ("a,b\r\n1\r\n", "csv", "differ in length"),
        ("a \u202e b", "md", r"prints '\u202e' in md"),
    ],
)
def test_a_report_that_no_reader_can_use_is_a_failure(root: Path, text: str, format: str, reason: str) -> None:
    found = script(root, "fuzz").wrong_with(text, format)
    assert reason in found and bool(reason) == bool(found)


def test_what_is_not_answered_or_refused_is_a_failure(root: Path, tmp_path: Path) -> None:
    """A process killed, an error of our own, a refusal that leaves a part of a report behind."""
    made = script(root, "fuzz")
    case = made.Case({"net.onnx": b""}, ["net.onnx"])

    def ended(status: int, out: str = "", err: str = "") -> str:
        (tmp_path / "stdout").write_text(out)
        (tmp_path / "stderr").write_text(err)
        return str(made.outcome(case, tmp_path, status))

    said = "graphcost: error: net.onnx: empty\n"
    assert ended(0, "a report") == made.ANSWERED and ended(2 << 8, err=said) == made.REFUSED
    assert ended(signal.SIGKILL) == "killed by SIGKILL" and ended(signal.SIGXCPU) == "too much time"
    assert ended(3 << 8, err="graphcost: error: internal error: KeyError: 1\n") == "internal error: KeyError: 1"
    assert ended(1 << 8, err="Traceback ...\nKeyError: 1\n") == "traceback: KeyError: 1"
    assert ended(2 << 8, "| half", said).startswith("refused with 1 lines, 6 characters")
    assert ended(2 << 8, err=said * 2).startswith("refused with 2 lines")
    assert ended(0) == "no report" and ended(1 << 8, "a report") == "exit code 1"


def test_a_case_that_ends_its_process_is_counted_and_the_others_go_on(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Eight cases in two processes: number 2 kills its own, and 5 fails where another was run before it."""
    made = script(root, "fuzz")

    def command(arguments: list[str]) -> int:
        number = Path.cwd().name
        if number == "2":
            os.kill(os.getpid(), signal.SIGKILL)
        if number == "5" and not made.ran_alone:
            return 70
        made.ran_alone = False
        os.write(1, b"a report")
        return 0

    made.ran_alone = True
    monkeypatch.setattr(made.cli, "main", command)
    monkeypatch.setattr(made, "wrong_with", lambda text, format: "")
    run = made.Run(1, tmp_path)
    run.all(range(8), jobs=2)
    found = {"answered": 6, "killed by SIGKILL": 1, "only after other cases: exit code _": 1}
    assert run.counts == found and list(tmp_path.iterdir()) == []
    assert sorted(re.findall(r"^1/\d", capsys.readouterr().out, re.MULTILINE)) == ["1/2", "1/5"]


# --- mutants ----------------------------------------------------------------------------------------------------------


def test_a_mutant_changes_one_thing_that_is_computed(root: Path, tmp_path: Path) -> None:
    """No annotation, no message, nothing that only a type checker reads."""
    made = script(root, "mutants")
    (tmp_path / "m.py").write_text(
        "if TYPE_CHECKING:\n    import x\n"
        "def f(n: Literal[1], k: int = 2) -> Literal[3]:\n"
        '    """At most 4."""\n'
        "    if n < k and not n:\n"
        '        raise ValueError(f"{n + 1} is 5 too many")\n'
        "    return n * k\n"
    )
    made.ROOT = tmp_path
    mutants = made.sample([Path("m.py")], seed=1, count=100)
    changes = {(mutant.line, mutant.before, mutant.after) for mutant in mutants}
    assert changes == {
        (3, "2", "3"), (5, "n < k and (not n)", "n < k or not n"), (5, "n < k and (not n)", "not (n < k and (not n))"),
        (5, "n < k", "n <= k"), (5, "not n", "n"), (7, "n * k", "n + k"),
    }  # fmt: skip
    assert len(mutants) == len(changes) and all(compile(mutant.source, "m.py", "exec") for mutant in mutants)


def test_tests_that_run_a_line_come_with_those_of_its_module_and_then_the_quick_ones_first(
    root: Path, tmp_path: Path
) -> None:
    made = script(root, "mutants")
    mutant = made.Mutant(Path("graphcost/dims.py"), 12, "a", "b", "")

    class Data:
        def data_filename(self) -> str:
            return str(tmp_path / "noted.coverage")

        def contexts_by_lineno(self, name: str) -> dict[int, list[str]]:
            return {
                11: [
                    "tests/a.py::test_a|run",
                    "tests/test_dims.py::test_b|run",
                    "tests/a.py::test_d|run",
                    "tests/a.py::test_e|run",
                    "",
                ],
                14: ["tests/a.py::test_c|run"],
            }

    (tmp_path / "noted.failing.json").write_text('{"tests/a.py::test_d": true}')
    sizes = {"tests/test_dims.py::test_b": 99, "tests/a.py::test_a": 20, "tests/a.py::test_e": 10}
    found = made.tests_of(mutant, Data(), sizes)
    assert found == ["tests/test_dims.py::test_b", "tests/a.py::test_e", "tests/a.py::test_a"]


# --- site -------------------------------------------------------------------------------------------------------------


def test_a_site_is_not_built_over_anything_else(root: Path, tmp_path: Path) -> None:
    site = script(root, "site")
    (tmp_path / "thesis.tex").touch()
    for target in (tmp_path, tmp_path / "thesis.tex"):
        with pytest.raises(site.Failed, match="is there, and is no site that could be built anew"):
            site.main([str(target)])
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_all_that_a_site_is_made_of_is_pinned_by_its_hash(root: Path) -> None:
    lines = (root / "web/requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = [re.fullmatch(r"[\w-]+==[\d.]+ --hash=sha256:[0-9a-f]{64}", line) for line in lines if line[:1] != "#"]
    assert len(pinned) == 4 and all(pinned)
    lock = json.loads((root / "web/package-lock.json").read_text(encoding="utf-8"))["packages"]
    asked = json.loads((root / "web/package.json").read_text(encoding="utf-8"))["dependencies"]
    assert lock.pop("")["dependencies"] == asked
    assert {name: lock[f"node_modules/{name}"]["version"] for name in asked} == asked
    assert all(each["integrity"].startswith("sha512-") and "resolved" not in each for each in lock.values())


def test_of_other_packages_the_site_takes_modules_without_tests(root: Path, tmp_path: Path) -> None:
    members = ["a/b.py", "a/c.so", "a/tests/test_b.py", "a/data.toml", "a-1.dist-info/METADATA"]
    taken = {}
    for name in ("a-1-py3-none-any.whl", "graphcost-1-py3-none-any.whl"):
        with ZipFile(tmp_path / name, "w") as archive:
            for member in members:
                archive.writestr(member, "")
        taken[name[:1]] = list(script(root, "site").wanted(tmp_path / name))
    assert taken == {"a": ["a/b.py"], "g": members[:4]}
