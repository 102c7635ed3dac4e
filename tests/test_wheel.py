"""The wheel carries all it needs: installed into an empty environment, the command works from anywhere."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest


@pytest.mark.slow
def test_the_installed_wheel_runs_the_command(root: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, source)
    for name in ("graphcost", "templates"):
        shutil.copytree(root / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--quiet", "--no-deps", "-w", tmp_path, source], check=True)
    (wheel,) = tmp_path.glob("*.whl")

    home = tmp_path / "env"
    venv.create(home, with_pip=False)
    subprocess.run([*pip, "--python", home / "bin/python", "install", "--quiet", "--no-deps", wheel], check=True)
    packages = next((home / "lib").iterdir()) / "site-packages"
    # what it depends on comes from the environment that runs the tests, after the wheel's own files
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    run = subprocess.run(
        [home / "bin/graphcost", root / "prototxt/det1.prototxt", "--format", "html"],
        capture_output=True, text=True, cwd=tmp_path, check=True,
    )  # fmt: skip
    assert "<td" in run.stdout and "44.8 k" in run.stdout
    listed = subprocess.run(
        [home / "bin/graphcost", "--list-devices"], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert "cortex-m4" in listed.stdout
    where = subprocess.run(
        [home / "bin/python", "-c", "import graphcost.render as r; print(r.__file__, r.environment().get_template('report.md.j2').filename)"],
        capture_output=True, text=True, cwd=tmp_path, check=True,
    )  # fmt: skip
    assert all(path.startswith(str(home)) for path in where.stdout.split())
