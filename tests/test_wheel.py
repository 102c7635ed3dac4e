"""The wheel carries all it needs: installed into an empty environment, the command works from anywhere.

Nothing is fetched. The wheel is built by the setuptools of the environment that runs the tests, and what graphcost
depends on is taken from there too, wherever that environment has it from.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")


def command(*arguments: str | Path, cwd: Path) -> str:
    """What a command prints; a failure shows what it complained of."""
    run = subprocess.run(arguments, capture_output=True, text=True, cwd=cwd, check=False)
    assert run.returncode == 0, f"{arguments}\n{run.stdout}{run.stderr}"
    return run.stdout


def packages_of_this_environment() -> list[str]:
    """The folders that its packages lie in, those that a .pth file adds among them."""
    return [folder for folder in sys.path if Path(folder).name in ("site-packages", "dist-packages")]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with nothing but the wheel, and after it what the running environment has.

    A folder that a .pth file names is searched, but .pth files in it are not read: an editable graphcost in the
    running environment is not seen from there.
    """
    root, folder = Path(__file__).resolve().parent.parent, tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, source)
    for name in ("graphcost", "templates"):
        shutil.copytree(root / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    here = ("--no-index", "--no-build-isolation", "--no-deps", "--quiet")
    command(*PIP, "wheel", *here, "-w", folder, source, cwd=folder)
    (wheel,) = folder.glob("*.whl")

    home = folder / "env"
    venv.create(home, with_pip=False)
    command(*PIP, "--python", home / "bin/python", "install", "--no-index", "--no-deps", "--quiet", wheel, cwd=folder)
    packages = next((home / "lib").iterdir()) / "site-packages"
    (packages / "dependencies.pth").write_text("\n".join(packages_of_this_environment()) + "\n")
    return home


@pytest.mark.slow
def test_the_installed_wheel_runs_the_command(home: Path, root: Path, tmp_path: Path) -> None:
    page = command(home / "bin/graphcost", root / "prototxt/det1.prototxt", "--format", "html", cwd=tmp_path)
    assert "<td" in page and "44.8 k" in page
    assert "cortex-m4" in command(home / "bin/graphcost", "--list-devices", cwd=tmp_path)
    assert "macs" in command(home / "bin/graphcost", root / "onnx_models/vgg16.onnx", "--format", "json", cwd=tmp_path)


@pytest.mark.slow
def test_what_the_command_runs_is_the_wheel(home: Path, tmp_path: Path) -> None:
    """Code and templates both, and nothing of the checkout."""
    where = "import graphcost.render as r; print(r.__file__, r.environment().get_template('report.md.j2').filename)"
    paths = command(home / "bin/python", "-c", where, cwd=tmp_path).split()
    assert len(paths) == 2 and all(Path(path).is_relative_to(home) for path in paths)
