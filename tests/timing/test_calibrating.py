"""Timing operators for estimates: networks of the grid run, points can be written and read, the error is stated."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphcost import analyze, calibrate, devices, load
from graphcost.calibrations import Calibration, Point
from graphcost.cli import main
from graphcost.devices import Device
from graphcost.errors import ModelError
from graphcost.timing import calibrating, grid, trials

pytest.importorskip("onnxruntime")
HERE = Device("here", "here", {"float32": 1e12}, 1e11, 1 << 26)


@pytest.mark.parametrize("kind", grid.KINDS)
def test_every_kind_of_network_of_the_grid_is_known_and_has_layers(kind: str) -> None:
    make, _ = grid.KINDS[kind]
    for seed in range(4):
        analysis = analyze(load(make(seed).model()))
        assert analysis.complete and len(analysis.rows) > 1
        assert all(row.work is not None and row.work.macs <= 2 * grid.MOST_MACS for row in analysis.rows)


def test_the_grid_is_the_same_on_every_run() -> None:
    make, _ = grid.KINDS["convolutions"]
    assert make(5).model() == make(5).model() != make(6).model()


def test_the_networks_that_a_calibration_is_tried_on_are_known() -> None:
    found = {name: analyze(load(data)) for name, data in trials.networks()}
    assert len(found) == 12 and all(analysis.complete for analysis in found.values())


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two networks of the grid and one to try it on, each for a moment."""
    monkeypatch.setattr(calibrating, "SECONDS", 0.01)
    monkeypatch.setattr(calibrating, "SMALL", 4)
    monkeypatch.setattr(grid, "KINDS", {kind: (grid.KINDS[kind][0], 1) for kind in ("products", "reductions")})
    few = list(trials.networks())[-1:]
    monkeypatch.setattr(trials, "networks", lambda: iter(few))


def test_each_group_that_ran_becomes_a_point_and_the_error_is_that_on_networks_apart(quick: None) -> None:
    seen: list[str] = []
    found = calibrating.calibrate(HERE, threads=1, progress=seen.append)
    assert {"gemm", "Softmax", "LayerNormalization"} <= set(found.points)
    assert all(point.seconds > 0 and point.amount > 0 for points in found.points.values() for point in points)
    assert found.call > 0 and found.threads == 1 and found.runtime.startswith("onnxruntime")
    assert found.networks == 1 and found.half_within is not None
    assert seen[0] == "calibrating: network 1 of 2, products" and seen[-1] == ""


def test_a_calibration_can_be_written_and_read(tmp_path: Path) -> None:
    points = {
        "conv": (Point((3.0, 8.0, 100.0, 9.0, 1.0), 21600.0, 1.25e-5),),
        "Relu": (Point((800.0, 10.0, 1.0), 800.0, 1e-6), Point((1600.0, 10.0, 1.0), 1600.0, 2e-6)),
    }
    written = Calibration(points, 7e-6, 1e-7, 'a "machine"', "onnxruntime 1.0", 2, "2026-01-02", 12, 0.1, 0.25)
    path = tmp_path / "here.toml"
    path.write_text('title = "x"\nbandwidth = 1\nfast_memory = 0\nmacs = { int8 = 1 }\n' + calibrating.to_toml(written))
    read = devices.load(path).calibration
    assert read is not None and read.points == dict(sorted(points.items()))
    assert (read.call, read.operator, read.machine, read.threads) == (7e-6, 1e-7, "a machine", 2)
    assert (read.networks, read.half_within, read.most_within, read.date) == (12, 0.1, 0.25, "2026-01-02")


def test_the_command_writes_a_profile_that_estimates(
    quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = 'title = "here"\nbandwidth = 1e9\nfast_memory = 1_000_000\n[macs]\nfloat32 = 1e12\n'
    monkeypatch.setattr(calibrate, "profile", lambda: text)
    path = tmp_path / "here.toml"
    assert main(["--calibrate", str(path), "--threads", "1"]) == 0
    device = devices.load(path)
    assert device.calibration is not None and device.calibration.threads == 1
    assert device.levels[0].nbytes == 1_000_000 and device.levels[0].bandwidth > 1e9
    model = tmp_path / "net.onnx"
    model.write_bytes(next(data for name, data in trials.networks()))
    assert main([str(model), "--device", str(path), "--columns", "name,time_bound,time_estimate"]) == 0
    assert "latency, estimate" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("point = 3", "point should be tables"),
        ("[[point]]\nfamily = 3\nmeasured = [[1, 1, 1]]", "point 1: family should be a text"),
        ("[[point]]\nfamily = 'x'", "point 1: measured should be a list of lists"),
        ("[[point]]\nfamily = 'x'\nmeasured = [[1, 1]]", "point 1: measured should be a list of lists"),
        ("[[point]]\nfamily = 'x'\nmeasured = [[1, 0, 1]]", "should hold numbers above 0 alone"),
        ("[[point]]\nfamily = 'x'\nmeasured = [[1, inf, 1]]", "should hold numbers above 0 alone"),
        ("[[point]]\nfamily = 'x'\nmeasured = [[1, 'a', 1]]", "should hold numbers above 0 alone"),
        ("[[point]]\nfamily = 'x'\nmeasured = [[1, 1, 1], [1, 1, 1, 1]]", "should hold lists of one length"),
        ("[[point]]\nfamily = 'x'\nspeed = 1\nmeasured = [[1, 1, 1]]", "point 1: speed is not known"),
        ("[start]\ncall = -1\n[[point]]\nfamily = 'x'\nmeasured = [[1, 1, 1]]", "start.call should be 0 or more"),
        ("[calibration]\ndate = 3\n[[point]]\nfamily = 'x'\nmeasured = [[1, 1, 1]]", "calibration.date should be a text"),
        ("[calibration]\nerror = 3", "calibration.error is not known"),
    ],
)  # fmt: skip
def test_a_calibration_that_is_none_is_refused(more: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "here.toml"
    path.write_text('title = "x"\nbandwidth = 1\nfast_memory = 0\nmacs.int8 = 1\n' + more)
    with pytest.raises(ModelError) as caught:
        devices.load(path)
    assert reason in str(caught.value)


def test_points_of_another_length_than_their_family_has_stand_in_by_their_amount(tmp_path: Path) -> None:
    """A file may say anything: it is no reason to break off."""
    path = tmp_path / "here.toml"
    head = 'title = "x"\nbandwidth = 1\nfast_memory = 0\nmacs.float32 = 1\n'
    path.write_text(head + "[[point]]\nfamily = 'gemm'\nmeasured = [[1, 1000, 1e-5]]\n")
    model = tmp_path / "net.onnx"
    model.write_bytes(grid.Chain(0, (1, 8)).product(8).model())
    assert main([str(model), "--device", str(path), "--columns", "name,time_estimate"]) == 0
