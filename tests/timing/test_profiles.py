"""Profiles measured elsewhere: what each tool writes is read, told by its content, and refused in a line otherwise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from graphcost import Analysis, ModelError, Report, analyze, load
from graphcost.cli import main
from harness import conv, image, layer

NET = image(1, 3, 8, 8) + conv("conv1") + layer("relu1", "ReLU", "conv1") + layer("pool1", "Pooling", "relu1", "pooling_param { kernel_size: 2 stride: 2 }")  # fmt: skip
CONV1 = (3 * 3 * 3) * (4 * 6 * 6)
"""Multiply-accumulates of conv1: taps x outputs."""


def net(tmp_path: Path) -> Path:
    path = tmp_path / "net.prototxt"
    path.write_text(NET)
    return path


def joined(tmp_path: Path, text: str) -> Analysis:
    profile = tmp_path / "profile"
    profile.write_text(text)
    return analyze(load(net(tmp_path))).with_times(profile)


def seconds(analysis: Analysis) -> dict[str, float]:
    assert analysis.timing is not None
    return {analysis.rows[group.leader].name: group.seconds for group in analysis.timing.groups}


def members(analysis: Analysis) -> dict[str, list[str]]:
    assert analysis.timing is not None
    return {
        analysis.rows[group.leader].name: [analysis.rows[at].name for at in group.rows]
        for group in analysis.timing.groups
    }


def node(name: str, start: float, length: float) -> dict[str, object]:
    return {"cat": "Node", "name": f"{name}_kernel_time", "ts": start, "dur": length, "args": {"op_name": "Conv"}}


def run(start: float, length: float) -> dict[str, object]:
    return {"cat": "Session", "name": "model_run", "ts": start, "dur": length, "args": {}}


def test_a_csv_has_milliseconds_with_or_without_a_head(tmp_path: Path) -> None:
    lines = "conv1,2.5\nrelu1,0.5\npool1,1\n"
    expected = {"conv1": 2.5e-3, "relu1": 0.5e-3, "pool1": 1e-3}
    assert seconds(joined(tmp_path, lines)) == pytest.approx(expected)
    assert seconds(joined(tmp_path, "layer,ms\n" + lines)) == pytest.approx(expected)


def test_a_row_that_is_fused_has_no_time_of_its_own_and_says_with_whom_it_ran(tmp_path: Path) -> None:
    analysis = joined(tmp_path, "conv1,2.5\npool1,1\n")
    assert members(analysis) == {"conv1": ["conv1", "relu1"], "pool1": ["pool1"]}
    table = Report(analysis, columns=["name", "time", "ran_with"]).table
    assert table.rows == [("conv1", "2.5 ms", ""), ("relu1", "", "conv1"), ("pool1", "1.0 ms", "")]
    assert table.total == ("total", "3.5 ms", "")


def test_tensorrt_names_a_layer_by_all_that_it_is_made_of(tmp_path: Path) -> None:
    profile = [
        {"count": 100},
        {"name": "Reformatting CopyNode for Input Tensor 0 to conv1 + relu1", "timeMs": 1.0, "averageMs": 0.01},
        {"name": "conv1 + relu1", "timeMs": 50.0, "averageMs": 0.5, "medianMs": 0.4, "percentage": 50.0},
        {"name": "PWN(pool1)", "timeMs": 30.0},
    ]
    analysis = joined(tmp_path, json.dumps(profile))
    assert seconds(analysis) == pytest.approx({"conv1": 0.4e-3, "pool1": 30e-3 / 100})
    assert members(analysis)["conv1"] == ["conv1", "relu1"]
    assert analysis.timing is not None and [each.seconds for each in analysis.timing.added] == [pytest.approx(0.01e-3)]
    assert analysis.timing.source == "TensorRT, 100 runs, profile"


def test_tensorrt_names_a_region_by_its_two_ends(tmp_path: Path) -> None:
    profile = [{"count": 1}, {"name": "{ForeignNode[conv1...pool1]}", "averageMs": 2.0}]
    assert members(joined(tmp_path, json.dumps(profile))) == {"conv1": ["conv1", "relu1", "pool1"]}


COUNTERS = "layerName;execStatus;layerType;execType;realTime (ms);cpuTime (ms)\n"


def test_openvino_states_milliseconds_or_microseconds_and_layers_that_did_not_run(tmp_path: Path) -> None:
    lines = "conv1/WithoutBiases;EXECUTED;Convolution;jit;1.5;1.5\nrelu1;OPTIMIZED_OUT;Relu;undef;0.000;0.000\n"
    analysis = joined(tmp_path, COUNTERS + lines + "Total;;;;1.5;1.5\n")
    assert seconds(analysis) == pytest.approx({"conv1": 1.5e-3})
    assert members(analysis)["conv1"] == ["conv1", "relu1"]
    in_us = COUNTERS.replace("(ms)", "(us)")
    assert seconds(joined(tmp_path, in_us + lines)) == pytest.approx({"conv1": 1.5e-6})


def test_the_python_tool_of_openvino_writes_its_statuses_with_the_name_of_their_type(tmp_path: Path) -> None:
    lines = "conv1/WithoutBiases;Status.EXECUTED;Convolution;jit;1.5;1.5\nrelu1;Status.NOT_RUN;Relu;undef;0.000;0.000\n"
    assert seconds(joined(tmp_path, COUNTERS + lines)) == pytest.approx({"conv1": 1.5e-3})


def test_of_several_requests_of_openvino_the_median_counts(tmp_path: Path) -> None:
    """In lines, where each table has a head and a total, and in JSON, where times are strings."""
    times = [(1.0, 4.0), (2.0, 5.0), (9.0, 6.0)]
    lines = "".join(
        f"{COUNTERS}conv1;EXECUTED;Convolution;jit;{conv};0\npool1;EXECUTED;MaxPool;jit;{pool};0\nTotal;;;;{conv + pool};0\n\n"
        for conv, pool in times
    )
    tables = [
        {"nodes": [counter("conv1", conv), counter("pool1", pool), counter("relu1", 0, "Status.NOT_RUN")]}
        for conv, pool in times
    ]
    data = {"report_type": "detailed", "detailed_performance": tables}
    for text in (lines, json.dumps(data)):
        analysis = joined(tmp_path, text)
        assert seconds(analysis) == pytest.approx({"conv1": 2e-3, "pool1": 5e-3})
        assert analysis.timing is not None and analysis.timing.source.startswith("OpenVINO, ")
        assert analysis.timing.groups[0].fastest == pytest.approx(1e-3)


def counter(name: str, milliseconds: float, status: str = "Status.EXECUTED") -> dict[str, str]:
    return {"name": name, "node_type": "Convolution", "status": status, "real_time": f"{milliseconds:.3f}"}


def test_openvino_states_the_average_of_all_requests_in_json(tmp_path: Path) -> None:
    data = {"report_type": "average", "avg_performance": {"nodes": [counter("conv1", 1.5), counter("pool1", 0.25)]}}
    analysis = joined(tmp_path, json.dumps(data))
    assert seconds(analysis) == pytest.approx({"conv1": 1.5e-3, "pool1": 0.25e-3})
    assert analysis.timing is not None and analysis.timing.groups[0].spread is None  # one figure has no spread


def test_a_line_of_openvino_that_breaks_off_is_passed_over(tmp_path: Path) -> None:
    """Its columns may stand in any order, and the last ones are missing."""
    lines = "realTime (ms);layerName;layerType\n1.5;conv1;Convolution\n2.5;pool1\n"
    assert seconds(joined(tmp_path, lines)) == pytest.approx({"conv1": 1.5e-3})


def test_a_cell_of_openvino_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no profile that is known \(field larger than"):
        joined(tmp_path, COUNTERS + "x" * 200_000 + ";EXECUTED;Convolution;jit;1;1\n")


@pytest.mark.parametrize(
    "data",
    [
        {"avg_performance": {"nodes": [{"name": "conv1"}]}},
        {"avg_performance": {"nodes": ["conv1", 3]}},
        {"avg_performance": {"nodes": [{"name": "conv1", "real_time": "soon"}]}},
        {"detailed_performance": [{"nodes": 3}, 7]},
        {"avg_performance": {}},
    ],
)
def test_counters_of_openvino_without_times_are_refused(tmp_path: Path, data: object) -> None:
    with pytest.raises(ModelError, match=r"the time of conv1 is|without the time of any operator"):
        joined(tmp_path, json.dumps(data))


def test_onnxruntime_has_the_median_of_its_runs_but_the_first(tmp_path: Path) -> None:
    """The first of four runs warms up; 30 + 10 are two calls of one operator in the last run."""
    events = [run(0, 900), node("conv1", 10, 800), run(1000, 100), node("conv1_nchwc", 1010, 20)]
    events += [
        run(2000, 110),
        node("conv1", 2010, 30),
        run(3000, 120),
        node("conv1", 3010, 30),
        node("conv1", 3050, 10),
    ]
    analysis = joined(tmp_path, json.dumps(events[:2] + events[4:]))
    assert seconds(analysis) == pytest.approx({"conv1": (30 + 40) / 2 * 1e-6})
    assert analysis.timing is not None and analysis.timing.run is not None
    assert analysis.timing.seconds == pytest.approx(120e-6)  # the median of 900, 110 and 120


def test_what_is_of_no_layer_is_listed_and_given_to_nobody(tmp_path: Path) -> None:
    analysis = joined(tmp_path, "conv1,2\nmystery,1\npool1,1\n")
    assert analysis.timing is not None and [each.name for each in analysis.timing.unjoined] == ["mystery"]
    report = Report(analysis, columns=["name", "duration"], sections=["timing"])
    assert report.table.rows == [("conv1", "50.0%"), ("relu1", ""), ("pool1", "25.0%")]  # of 2 + 1 + 1
    tables = {table.heading: table for table in report.tables}
    assert tables["Measured, and of no layer here"].rows == [("mystery", "", "1.0 ms")]


def test_a_layer_that_the_profile_lacks_is_unknown_and_named(tmp_path: Path) -> None:
    analysis = joined(tmp_path, "conv1,2\n")
    report = Report(analysis, columns=["name", "time"], sections=["timing"])
    assert report.table.rows[2] == ("pool1", "?")
    assert "Without a measured time: pool1." in report.tables[1].notes


def test_rates_are_those_of_all_that_ran_together(tmp_path: Path) -> None:
    analysis = joined(tmp_path, "conv1,2\npool1,1\n")
    (conv1, *_), total = Report(analysis, columns=["achieved", "bandwidth"]).values()[1], None
    assert conv1[0] == pytest.approx(CONV1 / 2e-3)
    moved = 4 * (3 * 8 * 8 + (4 * 3 * 3 * 3 + 4) + 4 * 6 * 6)  # the image, the weights, the output of relu1
    bandwidth = Report(analysis, columns=["bandwidth"]).values()[1][0]
    assert bandwidth[0] == pytest.approx(moved / 2e-3) and total is None


def test_efficiency_is_the_bound_of_a_group_for_its_time(tmp_path: Path) -> None:
    (tmp_path / "board.toml").write_text(
        'title = "A board"\nbandwidth = 1e12\nfast_memory = 0\nmacs = { float32 = 1e6 }\n'
    )
    (tmp_path / "times.csv").write_text("conv1,8\npool1,1\n")
    arguments = [str(net(tmp_path)), "--device", str(tmp_path / "board.toml"), "--profile", str(tmp_path / "times.csv")]
    assert main([*arguments, "--format", "json", "-o", str(tmp_path / "out.json")]) == 0
    data = json.loads((tmp_path / "out.json").read_text())
    first = data["timing"]["layers"][0]
    assert first["time_bound"] == pytest.approx(CONV1 / 1e6) and first["rows"] == ["conv1", "relu1"]
    assert data["layers"][0]["time"] == 8e-3 and data["layers"][1]["time"] is None
    assert data["totals"]["time"] == pytest.approx(9e-3)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a profile without the time of any operator"),
        ("{}", "no profile that is known"),
        ('[{"cat": "Node"', "JSON that breaks off"),
        ("nothing of the kind\n", "no profile that is known"),
        ("conv1,1\npool1,fast\n", "line 2: 'fast' is no number"),
        ("conv1,-1\n", "the time of conv1 is '-1', which is none"),
        ("conv1,inf\n", "the time of conv1 is 'inf', which is none"),
        ('[{"count": 1}, {"name": "conv1", "averageMs": "slow"}]', "the time of conv1 is 'slow', which is none"),
        ("\x00\x01\x02", "no profile that is known"),
    ],
)
def test_what_is_no_profile_is_refused_in_a_line(
    text: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = tmp_path / "profile"
    profile.write_text(text)
    assert main([str(net(tmp_path)), "--profile", str(profile)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and reason in err and err.count("\n") == 1 and str(profile) in err


def test_a_profile_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        analyze(load(net(tmp_path))).with_times(tmp_path / "absent")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--measure"], "a prototxt has no weights and no runtime"),
        (["--measure", "--profile", "x"], "give one"),
        (["--threads", "2"], "it goes with --measure"),
        (["--provider", "CPU"], "it goes with --measure"),
        (["--measure", "--threads", "0"], "0 threads cannot run anything"),
        (["--columns", "time"], "are of measured times: give --measure or --profile"),
        (["--profile", "times.csv", "--columns", "efficiency"], "give the device of the bound by --device"),
    ],
)
def test_options_that_cannot_be_followed_are_refused(
    options: list[str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "times.csv").write_text("conv1,1\n")
    assert main([str(net(tmp_path)), *options]) == 2
    out, err = capsys.readouterr()
    assert out == "" and reason in err and err.count("\n") == 1


def test_the_torchstat_table_has_the_share_of_the_modules_time(root: Path, tmp_path: Path) -> None:
    analysis = joined(tmp_path, "conv1,3\npool1,1\n")
    table = Report(analysis, style="torchstat").table
    at = table.titles.index("duration[%]")
    assert [row[at] for row in table.rows] == ["75.00%", "-", "25.00%"] and table.total[at] == "100.00%"
    assert "measured time" in table.notes[0]
