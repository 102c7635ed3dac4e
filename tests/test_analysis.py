"""The library: load, analyze, Analysis, plugins; what is remembered and what is not known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto, helper

import graphcost
from graphcost import Facts, Tensor, Work
from graphcost.dims import parse
from graphcost.importers import onnx
from harness import run


@pytest.fixture
def det1(root: Path) -> graphcost.Analysis:
    return graphcost.analyze(graphcost.load(root / "prototxt/det1.prototxt"))


def test_a_row_is_found_by_name_and_an_unknown_name_suggests(det1: graphcost.Analysis) -> None:
    assert det1["conv1"].work == Work(macs=(10 * 10 * 10) * (3 * 3 * 3), adds=1000)
    with pytest.raises(KeyError, match="did you mean conv1"):
        det1["conv_1"]


def test_totals_by_name(det1: graphcost.Analysis) -> None:
    assert det1.total("macs") == 44760
    assert det1.total("params") == det1.parameters.total == 6632
    assert det1.total("param_bytes") == 4 * 6632
    assert det1.total("ops") == det1.work.ops
    assert det1.total("activation_bytes") == 4 * (1000 + 1000 + 250 + 144 * 2 + 32 * 2 + 2 + 4 + 2)
    assert det1.total("peak_activation_bytes") == 4 * (432 + 1000)
    with pytest.raises(KeyError, match="no total 'flops'"):
        det1.total("flops")


def test_one_model_is_analysed_at_several_sizes(det1: graphcost.Analysis) -> None:
    large = graphcost.analyze(det1.model, shapes={"data": (2, 3, 24, 24)})
    assert large.tensors["conv1"].shape == (2, 10, 22, 22) and det1.tensors["conv1"].shape == (1, 10, 10, 10)


def test_open_sizes_stay_formulas_that_agree_with_concrete_runs(det1: graphcost.Analysis) -> None:
    open_ = graphcost.analyze(det1.model, shapes={"data": ("N", 3, "H", "W")})
    macs = open_.total("macs")
    assert isinstance(macs, graphcost.Dim)
    for n, h, w in ((1, 12, 12), (2, 33, 47), (5, 100, 64)):
        concrete = graphcost.analyze(det1.model, shapes={"data": (n, 3, h, w)})
        bound = graphcost.analyze(det1.model, shapes={"data": ("N", 3, "H", "W")}, dims={"N": n, "H": h, "W": w})
        assert eval(str(macs), {"N": n, "H": h, "W": w}) == concrete.total("macs") == bound.total("macs")
    assert open_.assumptions == {"N": 1} and open_.evaluate(macs) is None
    assert open_.memory.peak_bytes is None
    assert "symbolic dimensions" in open_.report().render("md")


def test_wrong_sizes_are_refused(det1: graphcost.Analysis) -> None:
    with pytest.raises(graphcost.ModelError, match="no input 'nobody'"):
        graphcost.analyze(det1.model, shapes={"nobody": (1,)})
    with pytest.raises(graphcost.ModelError, match="cannot be -1"):
        graphcost.analyze(det1.model, dims={"N": -1})


def test_equal_questions_are_asked_once(net: Any, scratch_rules: None) -> None:
    asked = []

    @graphcost.rule("caffe.Counted")
    def counted(x: Tensor) -> Facts:
        asked.append(x.shape)
        return Facts((Tensor(x.shape),), Work(muls=x.size))

    layers = "".join(
        f'layer {{ name: "l{i}" type: "Counted" bottom: "{f"l{i - 1}" if i else "data"}" top: "l{i}" }}'
        for i in range(50)
    )
    analysis = net('input: "data" input_shape { dim: 2 dim: 3 }' + layers)
    assert asked == [(2, 3)] and analysis.total("muls") == 50 * 6


def test_a_report_is_saved_in_the_format_of_its_suffix(det1: graphcost.Analysis, tmp_path: Path) -> None:
    det1.save(tmp_path / "det1.csv", columns=["name", "macs"])
    assert (tmp_path / "det1.csv").read_text().splitlines()[1] == "conv1,27000"
    with pytest.raises(graphcost.ModelError, match="no format"):
        det1.report().render("pdf")


def test_parts_print_themselves(det1: graphcost.Analysis) -> None:
    assert repr(det1.model) == "<Model 'det1': caffe, 10 ops>"
    assert len(det1.model.dag) == 10 and det1.model.dag.number_of_edges() == 9


def test_a_four_bit_tensor_packs_two_elements_a_byte() -> None:
    assert Tensor((3, 3), "int4").nbytes == 5 and Tensor((3, 3), "float16").nbytes == 18


def test_the_library_is_what_the_readme_says() -> None:
    assert {"Analysis", "ModelError", "analyze", "load", "rule"} <= set(graphcost.__all__)
    assert graphcost.__all__ == sorted(graphcost.__all__)
    assert all(getattr(graphcost, name).__doc__ for name in graphcost.__all__ if callable(getattr(graphcost, name)))


KEYS: dict[str, set[str]] = {
    "": {"schema", "model", "inputs", "outputs", "assumptions", "totals", "coverage", "layers", "tensors"},
    "model": {"path", "name", "format", "opsets"},
    "totals": {"macs", "ops", "params", "param_bytes", "activation_bytes", "peak_activation_bytes", "reads",
               "writes"},
    "coverage": {"complete", "unknown_ops", "unknown_tensors"},
}  # fmt: skip
LAYER = {
    "name", "kind", "scope", "inputs", "outputs", "output_shapes", "macs", "ops", "params", "work", "rf", "status", "where",
}  # fmt: skip


@pytest.mark.parametrize(
    "sample", ["prototxt/det1.prototxt", "prototxt/ssd300.prototxt", "onnx_models/retinaface.onnx"]
)
def test_a_dictionary_has_the_keys_that_scripts_rely_on(sample: str, root: Path) -> None:
    analysis = graphcost.analyze(graphcost.load(root / sample))
    data = analysis.to_dict()
    for part, keys in KEYS.items():
        assert set(data[part] if part else data) >= keys
    assert all(set(layer) >= LAYER for layer in data["layers"])
    assert all(set(layer["work"]) == set(Work.__slots__) for layer in data["layers"])
    assert all(set(layer["rf"] or {}) <= {"size", "stride", "start"} for layer in data["layers"])
    assert all({"name", "shape", "dtype"} <= set(each) for each in [*data["inputs"], *data["outputs"]])
    assert all({"shape", "dtype"} <= set(tensor) for tensor in data["tensors"].values())
    assert [layer["name"] for layer in data["layers"]] == [row.name for row in analysis.rows]
    assert data["totals"]["macs"] == sum(layer["macs"] for layer in data["layers"])
    assert data["totals"]["params"] == sum(layer["params"] for layer in data["layers"]) == analysis.parameters.total
    named = {name for layer in data["layers"] for name in layer["outputs"] if name}
    assert named <= set(data["tensors"])
    assert json.loads(json.dumps(data)) == data


def test_parameters_are_told_by_type(det1: graphcost.Analysis) -> None:
    assert det1.parameters.by_dtype == {"float32": 6632} and sum(det1.parameters.rows) == 6632
    assert det1.parameters.row_bytes == [4 * count for count in det1.parameters.rows]


def test_an_input_may_be_text_or_a_symbol_of_the_dims(det1: graphcost.Analysis) -> None:
    by_text = graphcost.analyze(det1.model, shapes={"data": ("1", 3, "H", 12)}, dims={"H": 24})
    assert by_text.tensors["conv1"].shape == (1, 10, 22, 10) and by_text.free_symbols == ()


def test_the_format_of_a_saved_report_is_that_of_its_suffix(det1: graphcost.Analysis, tmp_path: Path) -> None:
    for name, start in (
        ("a.md", "# det1"),
        ("a.html", "<!DOCTYPE"),
        ("a.json", "{"),
        ("a.CSV", "name,"),
        ("a.txt", "det1"),
    ):
        det1.save(tmp_path / name)
        assert (tmp_path / name).read_text().startswith(start)
    det1.save(str(tmp_path / "n.md"), style="netscope")
    assert "macc 27k" in (tmp_path / "n.md").read_text()
    with pytest.raises(graphcost.ModelError, match=r"no format has the suffix '[.]doc'"):
        det1.save(tmp_path / "a.doc")


def test_shapes_that_the_file_states_wrongly_are_warned_of_a_few_at_a_time(tmp_path: Path) -> None:
    outputs = ", ".join(f"float[9, 9] y{i}" for i in range(8))
    nodes = " ".join(f"y{i} = Relu(x)" for i in range(8))
    path = tmp_path / "net.onnxtxt"
    path.write_text(f'<ir_version: 8, opset_import: ["": 17]>\ng (float[2, 3] x) => ({outputs}) {{ {nodes} }}')
    analysis = graphcost.analyze(graphcost.load(path))
    assert len(analysis.warnings) == 6 and analysis.warnings[-1] == "3 more declared shapes disagree with inference"
    for format in ("md", "html", "text"):
        assert "declares" in analysis.report().render(format)


def test_a_dimension_that_nothing_has_is_named(det1: graphcost.Analysis) -> None:
    analysis = graphcost.analyze(det1.model, shapes={"data": ("N", 3, 12, 12)}, dims={"N": 2, "Q": 3}, check_dims=False)
    assert analysis.unused_dims == ("Q",)
    assert "unused dimension Q" in analysis.warnings[0]


CACHE = """g (float[b, s, 8] x, float[b, past_length, 8] past, float[8, 8] w) => (float[b, total, 8] present, float[] y)
{ present = Concat <axis = 1> (past, x)  y = MatMul(present, w) }"""


def test_a_dimension_may_be_zero_as_that_of_an_empty_cache() -> None:
    analysis = run(CACHE, dims={"b": 1, "s": 5, "past_length": 0})
    assert analysis.tensors["present"].shape == (1, 0 + 5, 8) and analysis.total("macs") == 5 * 8 * 8


def product(rows: str, columns: str) -> graphcost.Model:
    """A matrix product whose sizes have these names in the file."""
    sizes = {"x": [rows, 8], "w": [8, columns], "y": None}
    x, w, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, size) for name, size in sizes.items())
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", [x, w], [y])
    return onnx.build(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]))


def test_dimensions_may_be_formulas_of_one_another() -> None:
    model = product("2*s0", "s1")
    assert graphcost.analyze(model, dims={"s0": 3, "s1": 4}).total("macs") == (2 * 3) * 4 * 8
    assert graphcost.analyze(model, shapes={"x": (6, 8), "w": (8, "s0")}).total("macs") == 6 * 3 * 8
    assert str(graphcost.analyze(model).tensors["y"].shape[0]) == "2*s0"
    tied = graphcost.analyze(model, dims={"s0": 3, "s1": parse("s0 + 1")})
    assert tied.total("macs") == (2 * 3) * (3 + 1) * 8


def test_a_value_that_a_formula_of_the_file_cannot_have_is_refused() -> None:
    with pytest.raises(graphcost.ModelError, match=r"input .x. of shape .*: s0 is at least 1, not 0"):
        graphcost.analyze(product("s0 // 2", "s1"), dims={"s0": 0})
