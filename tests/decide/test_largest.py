"""The largest size within limits, against brute force."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

import graphcost
from graphcost import Analysis, ModelError, Target, cli, load
from harness import HEAD, conv, layer, run

OPEN = {"data": (1, 3, "H", 8)}
MACS = 4 * 27 * 6
"""Of a 3x3 convolution for each of its H - 2 rows of positions."""


def brute(analysis: Analysis, dim: str, most: int, **within: int) -> int | None:
    """The largest value up to `most`, by an analysis at each."""
    model, shapes = analysis.model, {name: tensor.shape for name, tensor in analysis.inputs.items()}
    found = None
    for value in range(1, most):
        sized = {
            name: tuple(str(extent) if not isinstance(extent, int) else extent for extent in shape)
            for name, shape in shapes.items()
        }
        try:
            at = graphcost.analyze(model, shapes=sized, dims={dim: value})
        except ModelError:
            continue
        totals = {"peak": at.memory.peak_bytes, "macs": at.total("macs"), "reads": at.total("reads")}
        if all(totals[name] is not None and totals[name] <= limit for name, limit in within.items()):
            found = value
    return found


def random_network(chance: random.Random) -> str:
    """Convolutions and poolings of any window and stride, some of them joined."""
    text, top = HEAD, "data"
    for number in range(chance.randint(1, 6)):
        size, stride, pad = chance.choice([1, 2, 3, 5]), chance.choice([1, 1, 2, 3]), chance.choice([0, 0, 1])
        window = f"kernel_size: {size} stride: {stride} pad: {min(pad, size - 1)}"
        kind = chance.choice(["conv", "pool", "relu"])
        name = f"l{number}"
        if kind == "conv":
            text += conv(name, top, window, chance.choice([2, 4, 8]))
        elif kind == "pool":
            text += layer(name, "Pooling", top, f"pooling_param {{ {window} }}")
        else:
            text += layer(name, "ReLU", top)
        top = name
    return text


@pytest.mark.parametrize("seed", range(25))
def test_the_answer_is_that_of_brute_force_on_random_networks(seed: int, net: Any) -> None:
    chance = random.Random(seed)
    analysis = net(random_network(chance), shapes={"data": (1, 3, "H", 200)})
    size = chance.randint(20, 90)
    try:
        sized = graphcost.analyze(analysis.model, shapes={"data": (1, 3, size, 200)})
    except ModelError:
        pytest.skip("the network cannot have this size")
    limits = {"peak": sized.memory.peak_bytes + chance.randint(0, 500)}
    if sized.total("macs"):
        limits["macs"] = sized.total("macs") + chance.randint(0, 500)
    found = analysis.largest("H", **limits)
    assert found.exact and found.value == brute(analysis, "H", 150, **limits)


def test_several_limits_hold_at_once_and_the_one_that_binds_is_named(net: Any) -> None:
    """MACs allow 12 rows of positions; the output has 4 x 6 floats a row and the input 3 x 8."""
    analysis = net(HEAD + conv("a"), shapes=OPEN)
    found = analysis.largest("H", macs=12 * MACS, peak="1GiB")
    assert (found.value, found.binding, found.layer) == (14, "macs", "a")
    assert found.answer.totals[0] == 12 * MACS and found.after.totals[0] == 13 * MACS
    row = 4 * (4 * 6 + 3 * 8)
    found = analysis.largest("H", macs="1G", peak=10 * row)
    assert (found.value, found.binding) == (11, "peak")  # 11 rows read and 9 written: 20 x 96 bytes


def test_limits_take_units_and_other_names_of_quantities(net: Any) -> None:
    analysis = net(HEAD + conv("a"), shapes=OPEN)
    assert analysis.largest("H", ram="1KiB").value == analysis.largest("H", peak_activation_bytes=1024).value


def test_a_time_on_a_device_can_be_a_limit(net: Any) -> None:
    analysis = net(HEAD + conv("a"), shapes=OPEN, target=Target(device="cortex-m4"))
    found = analysis.largest("H", time_bound="1ms")
    assert found.answer.totals[0] <= 1e-3 < found.after.totals[0]


def test_no_value_may_be_within_the_limits(net: Any) -> None:
    found = net(HEAD + conv("a"), shapes=OPEN).largest("H", macs=10)
    assert found.value is None and found.after.value == 3 and found.binding == "macs"


def test_what_does_not_grow_has_no_largest_value(net: Any) -> None:
    found = net(HEAD + conv("a"), shapes=OPEN).largest("H", params="1k")
    assert found.after is None and not found.exact


def test_figures_that_fall_again_are_seen(net: Any) -> None:
    """Of N rows those after the tenth are cut off by the end from the back: 10 x 4 products at most, then none."""
    graph = """g (float[N, 4] x) => (float[M, 1] y) {
        s = Constant<value = int64[1] {-20}>() e = Constant<value = int64[1] {-10}>()
        z = Constant<value = int64[1] {0}>() c = Slice(x, s, e, z)
        w = Constant<value = float[4, 1] {1, 1, 1, 1}>() y = MatMul(c, w)
    }"""
    found = run(graph).largest("N", macs=20)
    assert found.value == 15 and found.after.totals[0] == 24


def test_a_size_that_the_network_cannot_have_is_no_answer(net: Any) -> None:
    """Two paths join where H is even only: an analysis finds out, formulas do not."""
    text = HEAD + layer("p", "Pooling", "data", "pooling_param { kernel_size: 2 stride: 2 }")
    text += layer("d", "Deconvolution", "p", "convolution_param { num_output: 3 kernel_size: 2 stride: 2 }")
    text += layer("join", "Eltwise", "d data")
    analysis = net(text, shapes=OPEN)
    found = analysis.largest("H", peak=4000)
    assert found.value == brute(analysis, "H", 120, peak=4000)
    assert found.value % 2 == 0


@pytest.mark.parametrize(
    ("dim", "within", "reason"),
    [
        ("N", {"macs": 5}, "no open dimension N; open are: H"),
        ("H", {}, "needs a limit"),
        ("H", {"mac": 5}, "no quantity 'mac'; did you mean macs"),
        ("H", {"peak": "8MIB"}, "no unit 'MIB'"),
        ("H", {"time_bound": "1ms"}, "are times on a device"),
    ],
)
def test_a_question_that_has_no_answer_is_refused(dim: str, within: dict[str, Any], reason: str, net: Any) -> None:
    with pytest.raises(ModelError, match=reason):
        net(HEAD + conv("a"), shapes=OPEN).largest(dim, **within)


def test_another_open_dimension_has_to_be_set(net: Any) -> None:
    with pytest.raises(ModelError, match="macs is not known for any H that was tried; set --dim W="):
        net(HEAD + conv("a"), shapes={"data": (1, 3, "H", "W")}).largest("H", macs=5)


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_says_the_value_what_limits_it_and_the_layer(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(root / "prototxt/det1.prototxt")
    arguments = [path, "--input", "1x3xHxH", "--largest", "H", "--within", "peak=8MiB", "--within", "macs=1G"]
    assert cli.main(arguments) == 0
    out = capsys.readouterr().out
    assert "## Largest H: 403" in out and "At H = 404 peak is above its limit, most of all at conv1." in out
    assert cli.main([*arguments, "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)["largest"]
    assert data["value"] == 403 and data["limited_by"] == "peak" and data["next"]["totals"]["peak"] > 8 << 20
    analysis = graphcost.analyze(load(path), shapes={"data": (1, 3, 403, 403)})
    assert analysis.memory.peak_bytes == data["at"]["totals"]["peak"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--within", "peak=8MiB"], "--within: is a limit for --largest DIM"),
        (["--largest", "H", "--within", "peak"], "should be a quantity and its limit, as in peak=8MiB"),
        (["--largest", "H"], "H needs a limit: --within peak=8MiB"),
        (["--largest", "Q", "--within", "peak=1"], "no open dimension Q"),
    ],
)
def test_the_command_refuses_what_cannot_be(
    options: list[str], reason: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([str(root / "prototxt/det1.prototxt"), "--input", "1x3xHxH", *options]) == 2
    err = capsys.readouterr().err
    assert reason in err and err.count("\n") == 1
