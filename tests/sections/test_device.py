"""What a report says of a device: the bound, what has room, and why there is no bound."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from graphcost import Report, analyze, load
from graphcost.cli import main
from graphcost.sections import device
from graphcost.target import Target

BOARD = """
title = "A board"
source = "https://example.org/board.pdf"
bandwidth = 1e6
fast_memory = 0
memory = 4096
flash = 65_536
macs = { float32 = 1e6 }
"""


@pytest.fixture
def board(tmp_path: Path) -> str:
    path = tmp_path / "board.toml"
    path.write_text(BOARD)
    return str(path)


def det1(root: Path, device: str) -> Report:
    target = Target(device=device)
    return Report(analyze(load(root / "prototxt/det1.prototxt"), target=target), sections=["device"])


def test_the_verdict_stands_below_the_layers_with_the_bound_and_what_fits(root: Path, board: str) -> None:
    layers, verdict = det1(root, board).tables
    assert layers.titles[-2:] == ("time bound (ms)", "bound by")
    assert verdict.heading == "On A board"
    conv1, pool1 = (3 * 3 * 3 * 10) * (10 * 10) / 1e6, 4 * (1000 + 250) / 1e6
    assert layers.rows[0][-2:] == (f"{1e3 * conv1:.1f}", "compute")
    assert layers.rows[2][-2:] == (f"{1e3 * pool1:.2f}", "memory")
    rows = {row[0]: row[1:] for row in verdict.rows}
    assert rows["weights / flash"] == ("25.9 KiB of 64.0 KiB (40.5%)", "fits")
    assert rows["peak activations / RAM"] == ("5.6 KiB of 4.0 KiB (139.8%)", "does not fit")
    bound, estimate = verdict.notes
    assert bound == "A lower bound on the time, never a prediction of it: docs/devices.md."
    assert estimate.startswith("No estimate: the profile of A board bounds only: `graphcost --calibrate")


def test_the_shares_of_compute_and_memory_make_up_the_bound(root: Path, board: str) -> None:
    rows = {row[0]: row[2] for row in det1(root, board).tables[1].rows}
    shares = [float(rows[f"{by}-bound part"].removesuffix("%")) for by in ("compute", "memory")]
    assert sum(shares) == pytest.approx(100, abs=0.1)


def test_where_there_is_no_bound_the_reason_is_named(root: Path) -> None:
    report = det1(root, "coral-edge-tpu")
    layers, verdict = report.tables
    assert verdict.rows[0][:2] == ("latency, lower bound", "?") and layers.total[-2] == "?"
    assert verdict.notes[0] == (
        "No bound: conv1 calculates in float32 and Coral USB Accelerator (Edge TPU) in int8: see --dtype int8."
    )


def test_json_has_seconds_in_full_and_every_layer(root: Path, board: str) -> None:
    data = json.loads(det1(root, board).render("json"))["device"]
    assert data["name"] == "board" and data["source"] == ["https://example.org/board.pdf"] and data["why"] == ""
    assert data["time_bound"] == pytest.approx(data["compute_bound"] + data["memory_bound"])
    assert [layer["name"] for layer in data["layers"]][:2] == ["conv1", "PReLU1"]
    assert data["layers"][0]["time_bound"] == pytest.approx(0.027)
    assert {fit["place"]: fit["fits"] for fit in data["fits"]} == {"flash": True, "memory": False}
    assert all(fit["capacity"] == fit["room"] for fit in data["fits"])  # under the name it had before too


def test_without_a_device_the_section_is_empty(root: Path) -> None:
    analysis = analyze(load(root / "prototxt/det1.prototxt"))
    assert device.tables(analysis) == [] and device.data(analysis) is None


@pytest.mark.parametrize("format", ["md", "html", "text", "json", "csv"])
def test_every_format_carries_the_bound(
    format: str, root: Path, board: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(root / "prototxt/det1.prototxt"), "--device", board, "--format", format]) == 0
    out = capsys.readouterr().out
    expected = {
        "json": '"time_bound": 0.027',
        "csv": ",0.027,compute",
        "md": "27.0 | compute",
        "text": "27.0  compute",
    }
    assert expected.get(format, "27.0 ms") in out


def test_a_verdict_is_no_gate(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(root / "prototxt/vgg16.prototxt"), "--device", "cortex-m4", "--strict"]) == 0
    assert "does not fit" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (
            ["--device", "cortex-m5"],
            "--device: no device 'cortex-m5'; did you mean cortex-m7 or cortex-m4? Or give a .toml file",
        ),
        (["--device", "absent.toml"], "absent.toml: cannot be read: No such file or directory"),
        (["--columns", "time_bound"], "time_bound and bound_by are times on a device, and none is given"),
        (["--sort", "bound_by"], "time_bound and bound_by are times on a device, and none is given"),
    ],
)
def test_what_cannot_be_bound_is_refused_in_a_line(
    options: list[str], reason: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(root / "prototxt/det1.prototxt"), *options]) == 2
    out, err = capsys.readouterr()
    assert out == "" and reason in err and err.count("\n") == 1


@pytest.mark.parametrize("options", [("--device", "absent"), ("--dtype", "int9"), ("--align", "0"), ("--io", "mine")])
def test_a_target_that_does_not_exist_is_refused_before_any_of_several_models(
    options: tuple[str, str], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(root / "prototxt"), *options]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1


def test_the_profiles_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list-devices"]) == 0
    out = capsys.readouterr().out
    assert "| cortex-m4 " in out and "336.0 M" in out and "192.0 KiB" in out


def test_groups_add_their_rows_times_and_have_the_intensity_of_all_that_they_move(
    root: Path, board: str, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = "name,macs,ops,reads,writes,intensity,time_bound"
    options = ["--device", board, "--by", "op", "--columns", columns, "--format", "csv"]
    assert main([str(root / "prototxt/det1.prototxt"), *options]) == 0
    rows = {line.split(",")[0]: line.split(",")[1:] for line in capsys.readouterr().out.splitlines()}
    macs, ops, reads, writes, intensity, seconds = rows["Convolution"]
    assert float(intensity) == int(ops) / (int(reads) + int(writes)) and float(seconds) >= int(macs) / 1e6
