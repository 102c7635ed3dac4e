"""Estimates: how operators are described, that a point tells its own time, and what is left out is said."""

from __future__ import annotations

from math import exp, log

import pytest

from graphcost import Analysis, ModelError, Report, Target, analyze, devices
from graphcost.calibrations import Calibration, Point
from graphcost.devices import Device
from graphcost.passes import estimate, runtime_fusion
from harness import HEAD, conv, layer, run_weighted

CONV = "g (float[1,{c},8,8] x, float[{o},{d},{k},{k}] w) => (float[1,{o},h,v] y) {{ y = Conv<group = {g}, strides = [{s},{s}]>(x, w) }}"


def described(graph: str) -> estimate.Description | None:
    net = run_weighted(graph)
    return estimate.describe(net.rows[0], net.fused_traffic.rows[0].dtype, net.evaluate)


@pytest.mark.parametrize(
    ("graph", "family", "at", "amount"),
    [
        (CONV.format(c=3, o=5, d=3, k=3, g=1, s=1), "conv", (3, 5, 6 * 6, 9, 1), (3 * 9) * (5 * 36)),
        (CONV.format(c=3, o=5, d=3, k=2, g=1, s=2), "conv", (3, 5, 4 * 4, 4, 2), (3 * 4) * (5 * 16)),
        (CONV.format(c=4, o=4, d=1, k=3, g=4, s=1), "depthwise", (4, 36, 9, 1), 9 * 4 * 36),
        (CONV.format(c=4, o=6, d=2, k=3, g=2, s=1), "grouped", (2, 3, 2, 36, 9), (2 * 9) * (6 * 36)),
        ("g (float[7,3] x, float[3,5] w) => (float[7,5] y) { y = MatMul(x, w) }", "gemm", (7, 3, 5), 7 * 3 * 5),
        ("g (float[2,7,3] x, float[2,3,5] v) => (float[2,7,5] y) { y = MatMul(x, v) }", "matmul", (2, 7, 3, 5), 210),
        ("g (float[4,6] x) => (float[4,6] y) { y = Softmax(x) }", "Softmax", (48, 6, 1), 48),
        ("g (float[1,1,4,4] x) => (float[1,1,3,3] y) { y = MaxPool<kernel_shape=[2,2]>(x) }", "MaxPool", (25, 3, 4), 25),
    ],
)  # fmt: skip
def test_an_operator_is_described_by_its_sizes(graph: str, family: str, at: tuple[float, ...], amount: int) -> None:
    found = described(graph)
    assert found is not None
    assert (found.family, found.at, found.amount) == (family, pytest.approx(at), amount)


def test_a_quantised_operator_is_of_a_family_of_its_own() -> None:
    found = described("g (uint8[7,3] x, int8[3,5] w) => (int32[7,5] y) { y = MatMulInteger(x, w) }")
    assert found is not None and found.family == "int8 gemm"


def machine(call: float = 0.0, operator: float = 0.0, fast: int = 1 << 40, **points: list[Point]) -> Device:
    found = Calibration({family: tuple(each) for family, each in points.items()}, call, operator)
    return Device("here", "here", {"float32": 1e30}, 1.0, fast, calibration=found)


def estimated(net: Analysis, device: Device) -> estimate.Estimate:
    found = estimate.estimate(net.model, net.rows, net.fused_traffic, device, net.evaluate)
    assert found is not None
    return found


DENSE = "g (float[8,64] x, float[64,32] w) => (float[8,32] y) { y = MatMul(x, w) }"
DENSE_POINT = Point((8, 64, 32), 8 * 64 * 32, 3e-5)


def test_a_point_tells_its_own_time_and_a_run_is_started_and_so_is_each_operator() -> None:
    found = estimated(run_weighted(DENSE), machine(call=7e-6, operator=1e-6, gemm=[DENSE_POINT]))
    assert found.rows == pytest.approx([3e-5 + 1e-6])
    assert found.seconds == pytest.approx(3e-5 + 1e-6 + 7e-6)


def test_between_two_points_the_rate_is_between_theirs() -> None:
    """Half way in the logarithm of the rows: the mean of the logarithms of the rates, kernels' fixed part apart."""
    slow, fast = Point((4, 64, 32), 8192, 4e-5), Point((16, 64, 32), 32768, 4e-5)
    rates = [(point.amount + estimate.SMALL_MACS) / point.seconds for point in (slow, fast)]
    rate = exp((log(rates[0]) + log(rates[1])) / 2)
    found = estimated(run_weighted(DENSE), machine(gemm=[slow, fast]))
    assert found.rows == pytest.approx([(16384 + estimate.SMALL_MACS) / rate])


def test_of_six_neighbours_the_slowest_is_left_out_as_something_may_have_disturbed_it() -> None:
    points = [DENSE_POINT] * 5 + [Point(DENSE_POINT.at, DENSE_POINT.amount, 1.0)]
    assert estimated(run_weighted(DENSE), machine(gemm=points)).rows == pytest.approx([3e-5])


def test_what_is_fused_takes_no_time_and_the_total_is_the_sum() -> None:
    net = run_weighted(DENSE.replace("y = MatMul(x, w)", "t = MatMul(x, w)  y = Relu(t)"))
    found = estimated(net, machine(gemm=[DENSE_POINT], Relu=[Point((512, 32, 1), 512, 5e-6)]))
    assert found.rows == pytest.approx([3e-5, 0.0]) and found.into == {1: 0}


def test_an_operator_that_nothing_like_was_measured_of_is_left_out_and_named() -> None:
    net = run_weighted("g (float[8,64] x, float[64,32] w) => (float[8,32] y) { t = MatMul(x, w)  y = Elu(t) }")
    found = estimated(net, machine(gemm=[DENSE_POINT]))
    assert found.rows == [pytest.approx(3e-5), None] and found.missing == {"Elu": 1}


def test_cheap_operators_stand_in_for_what_only_touches_its_elements() -> None:
    net = run_weighted("g (float[8,32] x) => (float[8,32] y) { y = Elu(x) }")
    assert estimated(net, machine(Relu=[Point((512, 32, 1), 512, 5e-6)])).rows == pytest.approx([5e-6])


def test_weights_that_do_not_fit_the_caches_are_fetched_in_every_run() -> None:
    """8192 bytes of weights at a byte a second, where the caches hold 100."""
    assert estimated(run_weighted(DENSE), machine(fast=100, gemm=[DENSE_POINT])).rows == [4 * 64 * 32]


def test_a_loop_takes_the_time_of_its_body_in_every_run() -> None:
    net = run_weighted(
        """g (float[8,8] x, float[8,8] w) => (float[8,8] y) <int64 n = {5}, bool c = {1}> {
        y = Loop(n, c, x) <body = b (int64 i, bool keep, float[8,8] s) => (bool keep, float[8,8] t) {
            t = MatMul(s, w) }> }"""
    )
    found = estimated(net, machine(gemm=[Point((8, 8, 8), 512, 2e-6)]))
    inner = next(at for at, row in enumerate(net.rows) if row.op.type == "MatMul")
    assert found.rows[inner] == pytest.approx(5 * 2e-6)


def test_without_a_calibration_there_is_no_estimate_and_it_is_said_how_to_get_one() -> None:
    model = run_weighted(DENSE).model
    analysis = analyze(model, target=Target(device="laptop-cpu"))
    assert analysis.estimate is None
    with pytest.raises(ModelError, match="bounds only: `graphcost --calibrate"):
        Report(analysis, columns=["time_estimate"]).render()
    with pytest.raises(ModelError, match="no estimate without a device"):
        Report(analyze(model), columns=["time_estimate"]).render()
    assert "No estimate: the profile of" in Report(analysis, sections=["device"]).render()


def test_a_report_has_the_estimate_and_the_error_that_its_calibration_saw(monkeypatch: pytest.MonkeyPatch) -> None:
    points = {"gemm": (DENSE_POINT,)}
    calibration = Calibration(points, 1e-6, 0.0, "here", "onnxruntime 1.0", 2, "2026-01-01", 12, 0.22, 0.4)
    device = Device("here", "here", {"float32": 1e9}, 1e9, 0, calibration=calibration)
    monkeypatch.setitem(devices.DEVICES._table, "here", device)
    analysis = analyze(run_weighted(DENSE).model, target=Target(device="here"))
    report = Report(analysis, sections=["device"])
    assert report.table.titles[-1] == "time estimate" and report.table.rows[0][-1] == "30.0 us"
    rows = {row[0]: row[1:] for row in report.tables[1].rows}
    assert rows["latency, estimate"] == ("31.0 us", "within 22 % on half of 12 networks, 40 % on nine in ten")
    assert "Estimated from 1 measurements (onnxruntime 1.0, 2 threads, 2026-01-01)." in report.tables[1].notes
    data = report.data
    assert data["totals"]["time_estimate"] == pytest.approx(31e-6) == data["device"]["time_estimate"]
    assert data["layers"][0]["time_estimate"] == pytest.approx(3e-5)


def leaders(net: Analysis) -> dict[str, str]:
    """For each row that is fused the row that runs it, by their types."""
    found = runtime_fusion.foretell(net.model, net.rows)
    return {net.rows[at].op.type: net.rows[found.leader(at)].op.type for at in found.into}


@pytest.mark.parametrize(
    ("graph", "fused"),
    [
        ("t = Conv(x, w)  y = Relu(t)", {"Relu": "Conv"}),
        ("t = Conv(x, w)  s = Add(t, x)  y = Relu(s)", {"Add": "Conv", "Relu": "Conv"}),
        ("t = Conv(x, w)  s = Relu(t)  y = Add(s, x)", {"Relu": "Conv"}),
        ("t = Conv(x, w)  s = Relu(t)  y = Sigmoid(s)", {"Relu": "Conv"}),
        ("t = Conv(x, w)  y = Elu(t)", {}),
        ("t = Conv(x, w)  s = Sigmoid(t)  y = Mul(t, s)", {}),
        ("t = Identity(x)  y = Conv(t, w)", {}),
    ],
)
def test_a_convolution_takes_a_sum_and_an_activation_that_alone_reads_it(graph: str, fused: dict[str, str]) -> None:
    net = run_weighted(f"g (float[1,4,8,8] x, float[4,4,1,1] w) => (float[1,4,8,8] y) {{ {graph} }}")
    assert leaders(net) == fused


def test_a_product_takes_a_bias_or_a_factor() -> None:
    head = "g (float[8,4] x, float[4,4] w, float[4] wb, float wf) => (float[8,4] y)"
    assert leaders(run_weighted(f"{head} {{ t = MatMul(x, w)  y = Add(t, wb) }}")) == {"Add": "MatMul"}
    assert leaders(run_weighted(f"{head} {{ t = MatMul(x, w)  y = Div(t, wf) }}")) == {"Div": "MatMul"}
    assert leaders(run_weighted(f"{head} {{ t = MatMul(x, w)  y = Mul(t, wb) }}")) == {}


def test_the_operators_that_a_gelu_is_written_as_run_as_one() -> None:
    net = run_weighted(
        "g (float[8,4] x, float wa, float wb, float wc) => (float[8,4] y)"
        " { a = Div(x, wa)  b = Erf(a)  c = Add(b, wb)  d = Mul(x, c)  y = Mul(d, wc) }"
    )
    found = runtime_fusion.foretell(net.model, net.rows)
    assert found.into == {0: 1, 2: 1, 3: 1, 4: 1} and found.as_type == {1: "Gelu"}


def test_caffe_layers_are_estimated_as_what_they_are_in_onnx(net: object) -> None:
    analysis: Analysis = net(HEAD + conv("c") + layer("r", "ReLU", "c"))  # type: ignore[operator]
    found = estimated(analysis, machine(conv=[Point((3, 4, 36, 9, 1), 3888, 1e-5)]))
    assert found.rows == pytest.approx([1e-5, 0.0])
