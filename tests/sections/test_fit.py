"""Whether a network fits memories of given sizes, and which layers do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from graphcost import Target, cli
from graphcost.sections import fit
from harness import HEAD, conv, layer

NET = HEAD + conv("a") + conv("b", "a", "kernel_size: 3", 8)
"""Live: 768 + 576 bytes in a, then 576 + 512 in b. Weights: 112 and 296 floats."""


def test_the_layers_above_the_memory_are_named_with_what_they_need(net: Any) -> None:
    analysis = net(NET, target=Target(ram=1100, flash=1000))
    found = {item["place"]: item for item in fit.data(analysis)}
    assert found["memory"] | {"above": []} == {
        "what": "peak activations", "place": "memory", "bytes": 1344, "capacity": 1100, "share": 1344 / 1100,
        "over": 244, "fits": False, "above": [],
    }  # fmt: skip
    assert found["memory"]["above"] == [{"layer": "a", "step": 0, "bytes": 1344}]
    assert (found["flash"]["bytes"], found["flash"]["over"]) == (4 * 408, 632)
    first, above_flash, above_ram = (table for table in fit.tables(analysis))
    assert first.rows[1] == ("peak activations / RAM", "1.3 KiB of 1.1 KiB (122.2%)", "does not fit: over by 244 B")
    assert above_flash.notes == ["The flash is full at b, layer 2 of 2."]
    assert above_ram.rows == [("1", "a", "1.3 KiB", "244 B", "data 768 B, a 576 B")]


def test_what_fits_needs_no_more_than_a_line(net: Any) -> None:
    (table,) = fit.tables(net(NET, target=Target(ram=1344)))
    assert table.rows == [("peak activations / RAM", "1.3 KiB of 1.3 KiB (100.0%)", "fits")]


def test_memories_that_are_given_take_the_place_of_the_devices(net: Any) -> None:
    analysis = net(NET, target=Target(device="cortex-m4", ram=1000))
    sizes = {each.place: each.capacity for each in fit.of(analysis)}
    assert sizes["memory"] == 1000 and sizes["flash"] == analysis.device.flash


def test_a_lower_bound_that_fits_is_not_known_to(net: Any) -> None:
    analysis = net(NET + layer("w", "Warp9", "b"), target=Target(flash=10_000, ram=100))
    assert {each.place: each.fits for each in fit.of(analysis)}["flash"] is None


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.prototxt").write_text(NET)
    return "a.prototxt"


def test_require_fit_is_a_gate(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([model, "--ram", "2KiB", "--flash", "2KiB", "--require-fit"]) == 0
    assert "## Memory fit" in capsys.readouterr().out
    assert cli.main([model, "--ram", "1KiB", "--require-fit"]) == 1
    err = capsys.readouterr().err
    assert "--require-fit: peak activations in memory: does not fit: over by 320 B" in err and err.count("\n") == 1
    assert cli.main([model, "--require-fit"]) == 1
    assert "no memory to fit" in capsys.readouterr().err


def test_an_open_size_does_not_fit_for_sure(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([model, "--input", "1x3xHx8", "--ram", "1MiB", "--require-fit"]) == 1
    assert "not known" in capsys.readouterr().err


def test_json_has_the_fit(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([model, "--flash", "1KiB", "--quantize", "int8", "--format", "json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["fit"]
    assert found["fits"] is True and found["bytes"] == 108 + 288 + (4 + 8) * (4 + 4)


def test_check_takes_memories_of_options_and_budgets(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", model, "--require-fit", "--ram", "1KiB"]) == 1
    assert "FAIL       a.prototxt  fit peak activations in RAM: 1.3 KiB of 1.0 KiB" in capsys.readouterr().out
    Path("graphcost.toml").write_text('require-fit = true\nram = "2KiB"\n')
    assert cli.main(["check", model]) == 0


def test_a_size_that_is_none_is_refused(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([model, "--ram", "1KIB"]) == 2
    assert "--ram: no unit 'KIB'" in capsys.readouterr().err
