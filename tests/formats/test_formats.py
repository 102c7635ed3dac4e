"""What is written for other programs, opened by their own readers."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import networkx as nx
import onnx
import pytest
from onnx import TensorProto, helper

import graphcost
from graphcost import Analysis, Target, cli
from harness import HEAD, analysed, conv, layer, run, saved, value_info

NET = HEAD + conv("c") + layer("r", "ReLU", "c") + layer("m", "Mystery", "c")
MACS = 4 * 6 * 6 * 3 * 3 * 3  # outputs x taps
NASTY = 'a"b\\" <&>;]}\\'
LOOP = """g (int64 n, bool c, float[4, 4] x) => (float[4, 4] y) { y = Loop (n, c, x) <
    body = b (int64 i, bool k, float[4, 4] p) => (bool k2, float[4, 4] q) { k2 = Identity(k)  t = MatMul(p, p)  q = Relu(t) } > }"""


@pytest.fixture
def small() -> Analysis:
    return graphcost.analyze(NET.encode())


def written(analysis: Analysis, format: str, **options: Any) -> str:
    return analysis.report(**options).render(format)


# --- GraphML ----------------------------------------------------------------------------------------------------------


def test_networkx_reads_the_graph_with_its_costs(small: Analysis) -> None:
    graph = nx.read_graphml(io.BytesIO(written(small, "graphml").encode()), force_multigraph=True)
    assert graph.nodes["c"]["macs"] == MACS and graph.nodes["c"]["params"] == 112
    assert set(graph) == {"input:data", "c", "r", "m", "output:r", "output:m"}
    (edge,) = graph.get_edge_data("c", "r").values()
    assert (edge["tensor"], edge["shape"], edge["bytes"]) == ("c", "1x4x6x6", 4 * 4 * 6 * 6)
    assert graph.nodes["m"]["status"] == "unknown" and "macs" not in graph.nodes["m"]
    assert len({key for *_, key in graph.edges(keys=True)}) == graph.number_of_edges()


def test_formulas_stand_as_text_and_ids_survive_what_a_name_may_hold() -> None:
    net = HEAD + "".join(layer(name, "ReLU").replace("'", "") for name in ("a\x1b", "a\\\\x1b"))
    graph = nx.read_graphml(io.BytesIO(written(graphcost.analyze(net.encode()), "graphml").encode()))
    assert {"a\\x1b", "a\\x1b#2"} <= set(graph)
    open_ = graphcost.analyze(NET.encode(), shapes={"data": "Nx3x8x8"})
    assert nx.read_graphml(io.BytesIO(written(open_, "graphml").encode())).nodes["c"]["macs"] == f"{MACS}*N"


@pytest.mark.parametrize("analysis", [run(LOOP), run(LOOP, values={"n": 3})], ids=["open", "three"])
def test_the_costs_of_bodies_are_in_the_graph(analysis: Analysis) -> None:
    graph = nx.read_graphml(io.BytesIO(written(analysis, "graphml").encode()))
    inner = [name for name, data in graph.nodes(data=True) if data["kind"] == "MatMul"]
    assert len(inner) == 1 and inner[0].startswith(analysis.rows[0].name) and "/body/" in inner[0]
    assert [data["kind"] for _, data in graph.nodes(data=True) if data.get("macs")] == ["MatMul"]
    assert any(graph.nodes[b]["kind"] == "Relu" for a, b in graph.out_edges(inner[0]))


# --- DOT --------------------------------------------------------------------------------------------------------------


def nasty() -> Analysis:
    node = helper.make_node("Relu", ["x"], ["y"], name=NASTY)
    return analysed(helper.make_model(helper.make_graph([node], NASTY, [value_info("x", [2])], [value_info("y")])))


def test_dot_has_a_node_for_each_operator_and_an_edge_for_each_tensor(small: Analysis) -> None:
    text = written(small, "dot")
    assert (
        'n0 [label="c\\nConvolution 3x3\\n3.9 k MACs", operator="c", kind="Convolution"' in text
        and f'macs="{MACS}"' in text
    )
    assert 'n0 -> n1 [label="1x4x6x6", tensor="c"' in text
    assert '\\nunknown"' in text  # a layer without a rule is no layer without cost


@pytest.mark.parametrize("name", ["small", "nasty", "loop"])
def test_pydot_parses_it(name: str, small: Analysis) -> None:
    pydot = pytest.importorskip("pydot")
    analysis = {"small": lambda: small, "nasty": nasty, "loop": lambda: run(LOOP)}[name]()
    (graph,) = pydot.graph_from_dot_data(written(analysis, "dot"))
    names = [node.get("operator") for node in graph.get_nodes() if node.get("operator")]
    assert len(names) >= len(analysis.rows)


@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")
@pytest.mark.parametrize("name", ["small", "nasty", "loop"])
def test_graphviz_draws_it(name: str, small: Analysis) -> None:
    analysis = {"small": lambda: small, "nasty": nasty, "loop": lambda: run(LOOP)}[name]()
    text = written(analysis, "dot")
    done = subprocess.run(["dot", "-Tjson"], input=text, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
    drawn = json.loads(done.stdout)["objects"]
    assert {"small": "c", "nasty": NASTY, "loop": "x"}[name] in {
        each["name"].removeprefix("input:")
        if "label" not in each
        else each["label"].split("\\n")[0].removeprefix("input:").replace("\\\\", "\\")
        for each in drawn
    }


# --- Model Explorer ---------------------------------------------------------------------------------------------------


def node(kind: str, reads: str, makes: str, name: str = "") -> onnx.NodeProto:
    return helper.make_node(kind, reads.split(), makes.split(), name=name)


def branching() -> onnx.ModelProto:
    """Names that are missing and that stand twice, an If, a Loop, a function that is called twice."""
    then = helper.make_graph([node("Relu", "x", "p"), node("Relu", "p", "p2", "inner")], "then", [], [value_info("p2")])
    other = helper.make_graph([node("Identity", "x", "q")], "else", [], [value_info("q")])
    choose = helper.make_node("If", ["c"], ["i"], name="choose", then_branch=then, else_branch=other)
    body = helper.make_graph(
        [node("Identity", "k", "k2"), node("Relu", "s", "s2", "step")],
        "body",
        [value_info("n", [], TensorProto.INT64), value_info("k", [], TensorProto.BOOL), value_info("s", [2, 2])],
        [value_info("k2", [], TensorProto.BOOL), value_info("s2", [2, 2])],
    )
    loop = helper.make_node("Loop", ["t", "c", "b"], ["l"], name="", body=body)
    double = helper.make_function(
        "local", "Double", ["a"], ["z"], [node("Add", "a a", "z", "twice")], [helper.make_opsetid("", 17)]
    )
    calls = [helper.make_node("Double", [a], [z], domain="local", name=z) for a, z in (("l", "f1"), ("f1", "f2"))]
    nodes = [
        node("Relu", "x", "a"),
        node("Relu", "a", "b", "same"),
        choose,
        loop,
        *calls,
        node("Add", "f2 i", "y", "same"),
    ]
    inputs = [value_info("x", [2, 2]), value_info("c", [], TensorProto.BOOL), value_info("t", [], TensorProto.INT64)]
    graph = helper.make_graph(nodes, "main", inputs, [value_info("y")])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    return helper.make_model(graph, opset_imports=opsets, functions=[double], ir_version=8)


IDS = {
    "main": {"node", "same", "same_1", "node_1", "choose", "choose/then_branch/node", "choose/then_branch/inner"},
    "node_1/body": {"node", "step"},
    "[function]local::Double": {"twice"},
}


def test_node_data_is_keyed_by_graph_and_node() -> None:
    data = json.loads(written(analysed(branching()), "model-explorer", sort="ops"))
    assert all(ids <= set(data[graph]["results"]) for graph, ids in IDS.items())
    assert data["[function]local::Double"]["results"]["twice"]["value"] == 2 * 4  # two calls, an addition an element
    assert data["main"]["results"]["node"]["value"] == 4 and data["main"]["name"] == "graphcost: ops"


def test_what_is_not_known_is_no_number(small: Analysis) -> None:
    (data,) = json.loads(written(small, "model-explorer")).values()
    assert data["results"]["c"] == {"value": MACS} and data["results"]["m"]["value"] == "unknown"
    assert data["gradient"][0]["stop"] == 0 and data["gradient"][-1]["stop"] == 1
    open_ = graphcost.analyze(NET.encode(), shapes={"data": "1x3xHx8"})
    (data,) = json.loads(written(open_, "model-explorer")).values()
    assert "H" in data["results"]["c"]["value"]


@pytest.mark.parametrize("sample", ["branching", "retinaface", "vgg16"])
def test_the_ids_are_those_that_the_adapter_of_model_explorer_makes(sample: str, root: Path, tmp_path: Path) -> None:
    adapter = pytest.importorskip("model_explorer_onnx.main").ONNXAdapter
    path = saved(branching(), tmp_path) if sample == "branching" else root / f"onnx_models/{sample}.onnx"
    there = {graph.id: {node.id for node in graph.nodes} for graph in adapter().convert(str(path), {})["graphs"]}
    ours = json.loads(written(graphcost.analyze(path), "model-explorer"))
    missing = {graph: set(data["results"]) - there.get(graph, set()) for graph, data in ours.items()}
    assert {graph: ids for graph, ids in missing.items() if ids} == {}
    builder = pytest.importorskip("model_explorer.node_data_builder")
    for data in ours.values():
        results = {name: builder.NodeDataResult(**each) for name, each in data["results"].items()}
        builder.GraphNodeData(**{**data, "results": results}).to_json_string()


# --- the trace --------------------------------------------------------------------------------------------------------

REQUIRED = {"X": {"dur", "cat"}, "C": {"args"}, "M": {"args"}, "b": {"id", "cat"}, "e": {"id", "cat"}}
"""What the Trace Event Format asks of each kind of event, besides name, ph, ts, pid and tid."""


def events(analysis: Analysis) -> dict[str, list[dict[str, Any]]]:
    """The events of a trace by kind, each checked for what the format asks."""
    data = json.loads(written(analysis, "trace"))
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in data["traceEvents"]:
        assert {"name", "ph", "ts", "pid", "tid"} | REQUIRED[event["ph"]] <= event.keys() and event["ts"] >= 0
        found[event["ph"]].append(event)
    return found


def test_a_trace_has_each_operator_and_the_live_memory_of_each_step(root: Path) -> None:
    analysis = graphcost.analyze(root / "prototxt/det1.prototxt")
    found = events(analysis)
    assert [event["name"] for event in found["X"]] == [row.name for row in analysis.rows]
    assert [event["ts"] for event in found["X"]] == list(range(10)) and {event["dur"] for event in found["X"]} == {1.0}
    assert [event["args"]["bytes"] for event in found["C"]] == [*analysis.memory.curve, 0]
    assert max(event["args"]["bytes"] for event in found["C"]) == analysis.memory.peak_bytes
    assert len(found["b"]) == len(found["e"]) == len(analysis.memory.buffers)
    assert all(b["id"] == e["id"] and b["ts"] < e["ts"] for b, e in zip(found["b"], found["e"], strict=True))


def test_on_a_device_an_operator_takes_its_lower_bound(root: Path) -> None:
    analysis = graphcost.analyze(root / "prototxt/det1.prototxt", target=Target(device="cortex-m4"))
    found = events(analysis)["X"]
    assert analysis.roofline is not None and analysis.roofline.seconds is not None
    assert sum(event["dur"] for event in found) == pytest.approx(1e6 * analysis.roofline.seconds)
    assert found[0]["args"]["bound by"] == "compute"


def test_what_runs_in_a_body_lies_within_the_operator_that_runs_it() -> None:
    found = {event["args"]["type"]: event for event in events(run(LOOP))["X"]}
    loop, inner = found["Loop"], found["MatMul"]
    assert loop["ts"] <= inner["ts"] and inner["ts"] + inner["dur"] <= loop["ts"] + loop["dur"]


def test_a_trace_of_open_sizes_has_no_memory_that_is_not_known(small: Analysis) -> None:
    assert events(graphcost.analyze(NET.encode(), shapes={"data": "Nx3xHxW"}))["C"] == []
    (mystery,) = [event for event in events(small)["X"] if event["name"] == "m"]
    assert mystery["args"]["macs"] is None and mystery["args"]["note"] == "no rule for Mystery"


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".graphml", ".dot", ".gv"])
def test_the_suffix_names_the_format(suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.prototxt").write_text(NET)
    assert cli.main([str(tmp_path / "net.prototxt"), "-o", str(tmp_path / f"net{suffix}")]) == 0
    assert (tmp_path / f"net{suffix}").read_text().startswith("<graphml" if suffix == ".graphml" else "digraph")


@pytest.mark.parametrize("format", ["graphml", "dot", "model-explorer", "trace"])
def test_a_format_of_one_model_is_refused_for_several(
    format: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.prototxt").write_text(NET)
    (tmp_path / "b.prototxt").write_text(NET)
    assert cli.main([str(tmp_path), "--format", format]) == 2
    assert f"--format: {format} is for one model at a time" in capsys.readouterr().err
    assert cli.main([str(tmp_path / "a.prototxt"), "--format", format]) == 0
