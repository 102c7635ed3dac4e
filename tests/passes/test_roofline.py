"""The lower bound on time: each side by hand, what fast memory saves, and that the parts make up the whole."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphcost
from graphcost import Analysis, analyze
from graphcost.devices import Device, Level
from graphcost.passes import fusion, roofline, traffic
from graphcost.passes.roofline import Roofline
from harness import run_weighted as network

F32 = 4  # bytes


def bound(net: Analysis, device: Device) -> Roofline:
    fused = traffic.count(net.rows, fusion.fuse(net.model, net.rows, joins=True))
    return roofline.bound(net.rows, fused, device, net.evaluate)


def device(peak: float = 1e3, bandwidth: float = 1e3, fast: int = 0, dtype: str = "float32") -> Device:
    return Device("d", "a device", {dtype: peak}, bandwidth, fast)


DENSE = "g (float[2,3] x, float[3,5] w) => (float[2,5] y) { y = MatMul(x, w) }"
MACS = 2 * 3 * 5
BYTES = F32 * (2 * 3 + 3 * 5 + 2 * 5)


def test_a_layer_takes_its_products_at_the_peak_or_its_bytes_at_the_bandwidth_whichever_is_longer() -> None:
    net = network(DENSE)
    slow = bound(net, device(peak=10, bandwidth=1e6))
    assert (slow.rows[0].seconds, slow.rows[0].by, slow.seconds) == (MACS / 10, "compute", MACS / 10)
    narrow = bound(net, device(peak=1e6, bandwidth=10))
    assert (narrow.rows[0].seconds, narrow.rows[0].by) == (BYTES / 10, "memory")
    assert (narrow.compute, narrow.memory) == (0, BYTES / 10)


def test_what_fast_memory_holds_need_not_pass_main_memory() -> None:
    """Of 24 bytes read, 60 of weights and 40 written, 30 each may stay: nothing, 30 and 10 are left."""
    found = bound(network(DENSE), device(peak=1e9, bandwidth=1, fast=30))
    assert found.seconds == (60 - 30) + (40 - 30)
    assert bound(network(DENSE), device(peak=1e9, bandwidth=1, fast=60)).rows[0].by == "compute"


def test_weights_are_saved_once_over_all_layers_not_in_each() -> None:
    """Two layers of 64 bytes of weights each: 32 bytes of fast memory save a quarter of what both read."""
    net = network(
        "g (float[1,4] x, float[4,4] w1, float[4,4] w2) => (float[1,4] y) { t = MatMul(x, w1)  y = MatMul(t, w2) }"
    )
    found = bound(net, device(peak=1e9, bandwidth=1, fast=32))
    assert found.seconds == pytest.approx(2 * 64 - 32)
    assert [row.seconds for row in found.rows] == pytest.approx([48, 48])


def test_a_weight_that_an_earlier_layer_brought_in_may_still_be_there() -> None:
    net = network("g (float[1,4] x, float[4,4] w) => (float[1,4] y) { t = MatMul(x, w)  y = MatMul(t, w) }")
    assert bound(net, device(peak=1e9, bandwidth=1, fast=16)).seconds == pytest.approx((64 - 16) + (64 - 16))
    assert bound(net, device(peak=1e9, bandwidth=1, fast=64)).seconds == pytest.approx(2 * 16 / 1e9)


def test_a_fused_operator_takes_no_time_of_its_own() -> None:
    net = network(DENSE.replace("y = MatMul(x, w)", "t = MatMul(x, w)  y = Relu(t)"))
    found = bound(net, device(peak=1e9, bandwidth=1))
    assert [row.seconds for row in found.rows] == [BYTES, 0]
    assert [row.by for row in found.rows] == ["memory", ""]


def levelled(*levels: tuple[int, float], ops: float = 0.0) -> Device:
    """A device whose peak and main memory bound nothing."""
    rates = {"float32": ops} if ops else {}
    return Device("d", "d", {"float32": 1e30}, 1e30, 1 << 40, levels=tuple(Level(*each) for each in levels), ops=rates)


def test_all_that_a_layer_reads_and_writes_passes_the_nearest_level_and_what_that_cannot_hold_the_next() -> None:
    """Of 24 + 60 bytes read and 40 written, 30 may be there before and stay there after: 54 and 10 pass the second."""
    net = network(DENSE)
    first = bound(net, levelled((30, 2.0), (1000, 1e9)))
    assert (first.rows[0].seconds, first.rows[0].by) == (BYTES / 2, "cache")
    second = bound(net, levelled((30, 1e9), (1000, 2.0)))
    assert second.rows[0].seconds == ((24 + 60 - 30) + (40 - 30)) / 2
    assert second.cache == second.seconds and second.compute == second.memory == 0


def test_what_only_moves_elements_is_bound_by_no_level_since_a_layout_may_spare_it() -> None:
    net = network("g (float[2,8] x) => (float[8,2] y) { y = Transpose<perm = [1, 0]>(x) }")
    assert bound(net, levelled((30, 1.0), ops=1.0)).seconds == 0


def test_an_elementwise_layer_has_an_operation_for_each_element_at_least() -> None:
    """A softmax of 16 elements counts more than 16 operations; the larger of its sides has 16."""
    net = network("g (float[2,8] x) => (float[2,8] y) { y = Softmax(x) }")
    found = bound(net, levelled(ops=2.0))
    assert (found.rows[0].seconds, found.rows[0].by) == (16 / 2, "compute")


def test_a_pooling_has_no_more_operations_than_elements_of_its_input() -> None:
    """Windows of 3x3 at every position count 8 comparisons for each output, and a clever kernel does with fewer."""
    net = network("g (float[1,1,8,8] x) => (float[1,1,6,6] y) { y = MaxPool<kernel_shape = [3, 3]>(x) }")
    assert bound(net, levelled(ops=1.0)).seconds == 8 * 8


def test_weights_that_are_compressed_bound_nothing() -> None:
    plain = Device("d", "d", {"float32": 1e30}, 1.0, 0)
    assert bound(network(DENSE), plain).seconds == BYTES
    assert bound(network(DENSE), replace(plain, weights_compressed=True)).seconds == BYTES - F32 * 3 * 5


def test_a_loop_takes_its_layers_time_in_every_run() -> None:
    net = network(
        """g (float[4,4] x, float[4,4] w) => (float[4,4] y) <int64 n = {5}, bool c = {1}> {
        y = Loop(n, c, x) <body = b (int64 i, bool keep, float[4,4] s) => (bool keep, float[4,4] t) {
            t = MatMul(s, w) }> }"""
    )
    assert bound(net, device(peak=2, bandwidth=1e9)).seconds == 5 * 64 / 2
    assert bound(net, device(peak=1e9, bandwidth=1)).seconds == 5 * 3 * 64
    assert bound(net, device(peak=1e9, bandwidth=1, fast=64)).seconds == pytest.approx(5 * 64 / 1e9)


def test_eight_bit_products_run_at_the_eight_bit_peak_in_a_quantised_network() -> None:
    net = network(
        """g (uint8[2,3] x, int8[3,5] w, float ws) => (float[2,5] y) {
        a = DequantizeLinear(x, ws)  b = DequantizeLinear(w, ws)  y = MatMul(a, b) }"""
    )
    both = Device("d", "d", {"float32": 1.0, "int8": 4.0}, 1e9, 1 << 30)
    assert bound(net, both).seconds == MACS / 4


def test_a_type_that_the_device_cannot_calculate_in_has_no_bound_and_says_why() -> None:
    found = bound(network(DENSE), device(dtype="int8"))
    assert found.seconds is None and found.rows[0].seconds is None
    assert found.why == "MatMul_0 calculates in float32 and a device in int8: see --dtype int8"


def test_an_operator_without_a_rule_is_left_out_of_the_sum() -> None:
    net = network(DENSE.replace("y = MatMul(x, w)", "t = MatMul(x, w)  y = com.acme.Warp(t)"))
    found = bound(net, device(peak=1, bandwidth=1e9))
    assert found.seconds == MACS and found.rows[1].seconds is None
    assert found.rows[1].why == "no rule for com.acme.Warp"


def test_an_open_batch_counts_as_the_report_assumes_and_other_open_sizes_leave_no_bound() -> None:
    batch = network("g (float[N,3] x, float[3,5] w) => (float[N,5] y) { y = MatMul(x, w) }")
    assert bound(batch, device(peak=1, bandwidth=1e9)).seconds == 3 * 5
    length = network("g (float[2,S,3] x, float[3,5] w) => (float[2,S,5] y) { y = MatMul(x, w) }")
    assert bound(length, device()).why == "MatMul_0 depends on S, a symbolic dimension (--input, --dim)"
    moves = network("g (float[2,S] x) => (float[S,2] y) { y = Transpose<perm = [1, 0]>(x) }")
    assert bound(moves, device()).why.startswith("Transpose_0 depends on S")  # though it calculates nothing


def test_without_a_device_there_is_no_roofline() -> None:
    net = network(DENSE)
    assert net.roofline is None and net.fits == [] and net.device is None


# --- what fits --------------------------------------------------------------------------------------------------------


def verdicts(
    device: Device, peak: int | None, weights: int | None, complete: bool = True
) -> dict[tuple[str, str], bool | None]:
    return {(fit.what, fit.place): fit.fits for fit in roofline.fits(roofline.rooms(device), peak, weights, complete)}


def test_weights_go_to_flash_and_activations_to_memory() -> None:
    board = Device("d", "d", {"int8": 1.0}, 1.0, 0, memory=100, flash=200)
    assert verdicts(board, 101, 200) == {("weights", "flash"): True, ("peak activations", "memory"): False}


def test_without_flash_weights_and_activations_share_the_memory() -> None:
    both = ("weights and peak activations", "memory")
    assert verdicts(Device("d", "d", {"int8": 1.0}, 1.0, 0, memory=100), 40, 61) == {both: False}
    assert verdicts(Device("d", "d", {"int8": 1.0}, 1.0, 0, memory=100), 40, 60) == {both: True}


def test_what_is_only_known_to_be_more_does_not_fit_for_sure_but_fits_for_no_sure() -> None:
    board = Device("d", "d", {"int8": 1.0}, 1.0, 0, memory=100, flash=200)
    assert verdicts(board, 99, 201, complete=False) == {
        ("weights", "flash"): False, ("peak activations", "memory"): None,
    }  # fmt: skip
    assert verdicts(board, None, 1)[("peak activations", "memory")] is None


# --- properties -------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=2, max_size=8),
    st.floats(0.1, 1e4),
    st.floats(0.1, 1e4),
    st.integers(0, 10_000),
)
def test_rows_add_up_and_more_of_anything_is_never_slower(
    widths: list[int], peak: float, bandwidth: float, fast: int
) -> None:
    """A chain of dense layers."""
    weights = "".join(f", float[{a},{b}] w{at}" for at, (a, b) in enumerate(pairwise(widths)))
    nodes = "  ".join(f"t{at + 1} = MatMul(t{at}, w{at})" for at in range(len(widths) - 1))
    last = f"t{len(widths) - 1}"
    net = network(f"g (float[1,{widths[0]}] t0{weights}) => (float[1,{widths[-1]}] {last}) {{ {nodes} }}")
    found = bound(net, device(peak, bandwidth, fast))
    assert found.seconds is not None
    assert found.seconds == pytest.approx(sum(row.seconds or 0 for row in found.rows))
    assert found.seconds == pytest.approx(found.compute + found.memory)
    macs, held = net.work.macs, net.parameters.nbytes
    assert isinstance(macs, int) and isinstance(held, int)
    assert found.seconds >= macs / peak * (1 - 1e-9)
    assert found.seconds >= (held - fast) / bandwidth * (1 - 1e-9)
    for better in (
        device(2 * peak, bandwidth, fast),
        device(peak, 2 * bandwidth, fast),
        device(peak, bandwidth, 2 * fast),
    ):
        assert (bound(net, better).seconds or 0) <= found.seconds * (1 + 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(
    "sample", ["prototxt/det1.prototxt", "prototxt/ssd300.prototxt", "onnx_models/retinaface.onnx"]
)
def test_a_sample_is_bound_on_every_device_that_calculates_in_its_type(sample: str, root: Path) -> None:
    from graphcost import devices
    from graphcost.target import Target

    model = graphcost.load(root / sample)
    for name in [*devices.DEVICES]:
        net = analyze(model, target=Target(device=name))
        found = net.roofline
        assert found is not None and len(found.rows) == len(net.rows)
        if found.device.peak("float32") is None:
            assert found.seconds is None and "--dtype int8" in found.why
        else:
            assert found.seconds == pytest.approx(found.compute + found.memory + found.cache) and found.seconds > 0
        assert json.dumps([row.seconds for row in found.rows])
