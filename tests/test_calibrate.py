"""Measuring this machine: the profile can be read, says what was found, and bounds hold for what was measured."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from graphcost import calibrate, cli, devices

QUICK = {"sizes": (16,), "nbytes": 1 << 16, "seconds": 0.0}


def test_the_profile_of_this_machine_can_be_read_and_its_figures_are_positive(tmp_path: Path) -> None:
    path = tmp_path / "here.toml"
    path.write_text(calibrate.profile(**QUICK))
    device = devices.load(path)
    assert device.macs.keys() == {"float32", "int8"} and min(device.macs.values()) > 0
    assert device.bandwidth > 0 and device.fast_memory > 0
    assert device.title.endswith("measured") and device.source == ("graphcost --calibrate",)


def test_without_onnxruntime_numpy_is_measured_and_eight_bits_are_derived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    text = calibrate.profile(**QUICK)
    assert "numpy.matmul" in text and "not measured: 4 times that of float32" in text
    path = tmp_path / "here.toml"
    path.write_text(text)
    device = devices.load(path)
    assert device.macs["int8"] == pytest.approx(4 * device.macs["float32"], rel=0.01)  # each has four digits


def test_every_data_cache_counts_once(tmp_path: Path) -> None:
    caches = [
        ("cpu0", "index0", "Data", "1", "0", "32K"),
        ("cpu0", "index1", "Instruction", "1", "0", "64K"),
        ("cpu0", "index2", "Unified", "3", "0-1", "8M"),
        ("cpu1", "index0", "Data", "1", "1", "32K"),
        ("cpu1", "index2", "Unified", "3", "0-1", "8M"),
    ]
    for cpu, index, *values in caches:
        folder = tmp_path / cpu / "cache" / index
        folder.mkdir(parents=True)
        for name, value in zip(("type", "level", "shared_cpu_list", "size"), values, strict=True):
            (folder / name).write_text(f"{value}\n")
    (tmp_path / "cpu1" / "cache" / "index9").mkdir()
    assert calibrate._caches(tmp_path) == (32 + 32 + 8 * 1024) * 1024
    assert calibrate._caches(tmp_path / "absent") == 0


def test_where_caches_are_not_stated_so_much_is_taken_that_bounds_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate, "CACHES", Path("/absent"))
    assert f"fast_memory = {1 << 28}  # not stated" in calibrate.profile(**QUICK)


def test_the_command_writes_the_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate, "profile", lambda: 'title = "here"\n')
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert cli.main(["--calibrate", str(tmp_path / "here.toml")]) == 0
    assert (tmp_path / "here.toml").read_text().startswith('title = "here"\n\n# onnxruntime is not installed')


@pytest.mark.parametrize(("name", "reason"), [("here", "is a .toml file"), ("absent/here.toml", "no such folder")])
def test_what_cannot_be_written_is_refused_before_anything_is_measured(
    name: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(calibrate, "profile", None)
    assert cli.main(["--calibrate", str(tmp_path / name)]) == 2
    err = capsys.readouterr().err
    assert reason in err and err.count("\n") == 1 and not list(tmp_path.iterdir())
