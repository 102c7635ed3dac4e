"""Device profiles: what comes along, what a file may say, and which peak holds for a type."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphcost import ModelError, devices
from graphcost.devices import Device, Level

PROFILE = """
title = "A board"
source = "https://example.org/board.pdf"
bandwidth = 1e9
fast_memory = 65_536
memory = 1_048_576
flash = 2_097_152
macs = { float32 = 1e9, int8 = 4e9 }
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "board.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", tuple(devices.DEVICES))
def test_every_profile_that_comes_along_can_be_read_and_names_its_sources(name: str) -> None:
    device = devices.find(name)
    assert device.name == name
    assert device.source and all(url.startswith("https://") for url in device.source)
    assert all(figure > 0 for figure in (*device.macs.values(), device.bandwidth))


def test_there_are_devices_of_every_size() -> None:
    asked = {"cortex-m4", "cortex-m7", "esp32-s3", "raspberry-pi-4", "raspberry-pi-5", "jetson-orin-nano", "laptop-cpu",
             "rtx-4090", "a100", "h100", "ethos-u55", "coral-edge-tpu"}  # fmt: skip
    assert asked <= set(devices.DEVICES)


def test_a_profile_of_ones_own_is_read_from_a_file(tmp_path: Path) -> None:
    path = written(tmp_path, PROFILE)
    assert devices.find(str(path)) == Device(
        "board",
        "A board",
        {"float32": 1e9, "int8": 4e9},
        1e9,
        65536,
        1048576,
        2097152,
        ("https://example.org/board.pdf",),
    )


def test_levels_and_the_rate_of_other_operations_are_read(tmp_path: Path) -> None:
    more = (
        "ops = { float32 = 2e9 }\nweights_compressed = true\n[[level]]\nname = 'L1'\nbytes = 32_768\nbandwidth = 1e11\n"
    )
    device = devices.load(written(tmp_path, PROFILE + more))
    assert device.levels == (Level(32768, 1e11, "L1"),) and device.weights_compressed
    assert device.ops_rate("float32") == device.ops_rate("float16") == 2e9 and device.ops_rate("int32") is None


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("ops = 3", "ops should be a table"),
        ("ops = { float33 = 3 }", "ops.float33 is not known"),
        ("ops = { float32 = 0 }", "ops.float32 should be more than 0"),
        ("level = 3", "level should be tables"),
        ("[[level]]\nbytes = 3", "level 1: bandwidth is missing"),
        ("[[level]]\nbytes = 3.5\nbandwidth = 1", "level 1: bytes should be a whole number"),
        ("[[level]]\nbytes = 3\nbandwidth = 1\nspeed = 1", "level 1: speed is not known; the keys are name, bytes"),
        ("[[level]]\nbytes = 3\nbandwidth = 1\nname = 1", "level 1: name should be a text"),
        ('weights_compressed = "yes"', "weights_compressed should be true or false"),
    ],
)
def test_a_level_or_a_rate_that_is_none_is_refused(more: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        devices.load(written(tmp_path, PROFILE + more))
    assert reason in str(caught.value)


@pytest.mark.parametrize("name", tuple(devices.DEVICES))
def test_levels_that_come_along_are_in_front_of_main_memory_and_hold_no_more_than_fast_memory(name: str) -> None:
    device = devices.find(name)
    assert sum(level.nbytes for level in device.levels) <= device.fast_memory
    assert all(level.bandwidth > device.bandwidth for level in device.levels)
    assert (
        set(device.macs) <= set(device.ops) | {"int4", "float8e4m3fn", "float8e5m2", "int16", "int8"} or not device.ops
    )


def test_formats_of_eight_and_four_bits_run_at_the_peak_of_what_can_hold_them() -> None:
    h100 = devices.find("h100")
    assert h100.peak("float8e5m2fnuz") == h100.peak("float8e4m3fnuz") == h100.peak("float4e2m1") == 989.5e12
    assert devices.find("a100").peak("float8e4m3fnuz") == 156e12


def test_memory_and_flash_may_be_left_out(tmp_path: Path) -> None:
    device = devices.load(written(tmp_path, 'title = "x"\nbandwidth = 1\nfast_memory = 0\nmacs.int8 = 1'))
    assert (device.memory, device.flash, device.source) == (None, None, ())


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("bandwidth = 1e9", "", "bandwidth is missing"),
        ("bandwidth = 1e9", "bandwidth = -1", "bandwidth should be more than 0, not -1"),
        ("bandwidth = 1e9", "bandwidth = 0", "bandwidth should be more than 0, not 0"),
        ("bandwidth = 1e9", "bandwidth = inf", "bandwidth should be a number, not inf"),
        ("bandwidth = 1e9", 'bandwidth = "fast"', "bandwidth should be a number, not 'fast'"),
        ("bandwidth = 1e9", "bandwidth = true", "bandwidth should be a number, not True"),
        ("fast_memory = 65_536", "", "fast_memory is missing"),
        ("fast_memory = 65_536", "fast_memory = -1", "fast_memory should be 0 or more, not -1"),
        ("fast_memory = 65_536", "fast_memory = 0.5", "fast_memory should be a whole number of bytes, not 0.5"),
        ("memory = 1_048_576", "memory = 0", "memory should be more than 0, not 0"),
        ("flash = 2_097_152", "flsh = 2", "flsh is not known; the keys are title, source, bandwidth, fast_memory"),
        ('title = "A board"', "", "title is missing"),
        ('title = "A board"', "title = 3", "title should be a text, not 3"),
        ('source = "https://example.org/board.pdf"', "source = [1]", "source should be a text or a list of texts"),
        ("macs = { float32 = 1e9, int8 = 4e9 }", "", "macs should be a table"),
        ("macs = { float32 = 1e9, int8 = 4e9 }", "macs = 1e9", "macs should be a table"),
        ("macs = { float32 = 1e9, int8 = 4e9 }", "macs = {}", "macs should be a table"),
        ("int8 = 4e9", "int8 = -4e9", "macs.int8 should be more than 0, not -4000000000.0"),
        ("int8 = 4e9", "int9 = 4e9", "macs.int9 is not known; the element types are float64, float32"),
        ("bandwidth = 1e9", "bandwidth = ", "is no TOML: "),
    ],
)  # fmt: skip
def test_a_bad_profile_is_refused_with_its_file_key_and_reason(old: str, new: str, reason: str, tmp_path: Path) -> None:
    path = written(tmp_path, PROFILE.replace(old, new))
    with pytest.raises(ModelError) as refused:
        devices.load(path)
    assert str(refused.value).startswith(f"{path}: {reason}")
    assert "\n" not in str(refused.value)


def test_what_is_no_profile_at_all_is_refused_in_words(tmp_path: Path) -> None:
    large = written(tmp_path, "#" * (devices.LARGEST + 1))
    with pytest.raises(ModelError, match="more than 1048576 bytes"):
        devices.load(large)
    large.write_bytes(b"\xff\xfe")
    with pytest.raises(ModelError, match="is no TOML"):
        devices.load(large)
    with pytest.raises(ModelError, match="cannot be read: Is a directory"):
        devices.load(tmp_path)
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        devices.find(str(tmp_path / "absent.toml"))


def test_an_unknown_device_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(
        ModelError, match=r"no device 'cortex-m5'; did you mean cortex-m7 or cortex-m4\? Or give a .toml"
    ):
        devices.find("cortex-m5")
    with pytest.raises(
        ModelError, match=r"no device 'abacus'; there are a100, coral-edge-tpu, cortex-m4.*, or give a "
    ):
        devices.find("abacus")


@pytest.mark.parametrize(
    ("macs", "dtype", "expected"),
    [
        ({"float32": 1.0, "int8": 4.0}, "int8", 4.0),
        ({"float32": 1.0, "float16": 2.0}, "int8", 2.0),  # as float16, which holds every 8-bit integer
        ({"float32": 1.0}, "int8", 1.0),
        ({"float32": 1.0, "int8": 4.0}, "uint8", 4.0),
        ({"float32": 1.0, "int8": 4.0}, "float16", 1.0),
        ({"float64": 1.0}, "float32", 1.0),
        ({"int8": 4.0}, "float32", None),
        ({"int8": 4.0, "float32": 1.0}, "int64", None),
    ],
)
def test_a_type_without_units_of_its_own_runs_in_one_that_holds_it(
    macs: dict[str, float], dtype: str, expected: float | None
) -> None:
    assert Device("d", "d", macs, 1.0, 0).peak(dtype) == expected
