"""Running a small network here: what ran is joined to rows, weights are lent or made up, nothing is left behind."""

from __future__ import annotations

import gzip
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import graphcost
from graphcost import Analysis, ModelError, analyze, load
from graphcost.cli import main
from graphcost.timing import runnable, runtime
from harness import onnx_before, parsed, proto, saved, zeros

pytest.importorskip("onnxruntime")
QUICK = {"threads": 1, "seconds": 0.05}


def node(kind: str, inputs: str, output: str, name: str = "", **attributes: object) -> onnx.NodeProto:
    return helper.make_node(kind, inputs.split(), [output], name or output, **attributes)


def weights(**shapes: tuple[int, ...]) -> list[onnx.TensorProto]:
    rng = np.random.default_rng(1)
    return [numpy_helper.from_array(rng.random(shape, np.float32), name) for name, shape in shapes.items()]


def convolutions() -> onnx.ModelProto:
    """Convolution, normalisation and ReLU, which run as one; a pooling; a product whose weight is 16 KiB."""
    nodes = [
        node("Conv", "x w b", "conv", kernel_shape=[3, 3]),
        node("BatchNormalization", "conv s b m v", "norm"),
        node("Relu", "norm", "act"),
        node("MaxPool", "act", "pool", kernel_shape=[2, 2], strides=[2, 2]),
        node("Flatten", "pool", "flat"),
        node("MatMul", "flat d", "y", "dense"),
    ]
    shapes = {"w": (8, 3, 3, 3), "b": (8,), "s": (8,), "m": (8,), "v": (8,), "d": (8 * 8 * 8, 16)}
    return proto(nodes, {"x": (1, 3, 18, 18)}, ["y"], weights(**shapes))


def groups(analysis: Analysis) -> dict[str, list[str]]:
    assert analysis.timing is not None
    return {
        analysis.rows[group.leader].name: sorted(analysis.rows[at].name for at in group.rows)
        for group in analysis.timing.groups
    }


def test_what_the_runtime_fused_is_one_group_with_one_time(tmp_path: Path) -> None:
    analysis = graphcost.measure(saved(convolutions(), tmp_path), **QUICK)
    found = groups(analysis)
    assert found["conv"] == ["act", "conv", "norm"] and found["dense"] == ["dense"] and "pool" in found
    timing = analysis.timing
    assert timing is not None and timing.unjoined == [] and timing.untimed == []
    assert timing.run is not None and timing.run.low is not None and timing.run.high is not None
    assert timing.run.low <= timing.seconds <= timing.run.high
    assert all(group.seconds > 0 and group.fastest <= group.seconds for group in timing.groups)


def test_the_operators_together_take_no_longer_than_the_run_under_the_profiler(tmp_path: Path) -> None:
    """Kernel times are parts of a run: their fastest cannot add up to more than the slowest run."""
    timing = graphcost.measure(saved(convolutions(), tmp_path), **QUICK).timing
    assert timing is not None and timing.run is not None
    assert sum(group.fastest for group in timing.groups) < 10 * timing.run.seconds


@pytest.mark.parametrize("form", ["binary", "numbers", "gzip", "text", "external", "unnamed"])
def test_the_weights_of_a_file_of_any_form_are_those_that_run(form: str, tmp_path: Path) -> None:
    model = convolutions()
    dense = next(numpy_helper.to_array(tensor) for tensor in model.graph.initializer if tensor.name == "d")
    path = tmp_path / "net.onnx"
    if form == "gzip":
        path.write_bytes(gzip.compress(model.SerializeToString()))
    elif form == "text":
        path.write_text(onnx.printer.to_text(model))
    elif form == "external":
        onnx.save(model, path, save_as_external_data=True, location="net.bin", size_threshold=64)
    else:
        for each in model.graph.node if form == "unnamed" else ():
            each.name = ""
        for tensor in model.graph.initializer if form == "numbers" else ():  # as float_data, not as raw_data
            tensor.CopyFrom(onnx.helper.make_tensor(tensor.name, 1, tensor.dims, numpy_helper.to_array(tensor).ravel()))
        onnx.save(model, path)
    analysis = analyze(load(path))
    found = runnable.build(path, analysis)
    assert found.made_up == [] and (found.weights != {}) == (form in ("gzip", "text"))
    if found.weights:
        digits = 1e-5 if form == "text" and onnx_before(1, 23) else 0  # of which it prints six
        assert np.allclose(found.weights["d"], dense, rtol=digits, atol=0)
    assert runtime.measure(found, threads=1, seconds=0.02).run.seconds > 0
    assert next(iter(groups(analysis.measured(path, **QUICK)).values()))[1:] != []


def test_the_runtime_gets_the_place_of_a_weight_in_its_file_and_no_copy(tmp_path: Path) -> None:
    """Of 4 MiB of weights none is held here, wherever in the file they begin, and what runs has the file's numbers."""
    for pad in range(4):
        matrix = weights(w=(1024, 1024))
        model = proto([node("MatMul", "x w", "y")], {"x": (1, 1024)}, ["y"], matrix, producer_name="p" * pad)
        path = saved(model, tmp_path)
        found = runnable.build(path, analyze(load(path)))
        assert found.weights == {} and len(found.model) < 1000
        place = {
            each.key: each.value for each in onnx.ModelProto.FromString(found.model).graph.initializer[0].external_data
        }
        assert (place["location"], place["length"]) == ("net.onnx", str(4 << 20))
        held = path.read_bytes()[int(place["offset"]) :][: 4 << 20]
        assert held == matrix[0].raw_data


def test_weights_that_are_not_there_are_made_up_and_said(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(convolutions(), path, save_as_external_data=True, location="net.bin", size_threshold=64)
    (tmp_path / "net.bin").unlink()
    analysis = graphcost.measure(path, **QUICK)
    assert analysis.timing is not None and "made up" in analysis.timing.notes[0]


def test_external_data_outside_of_the_models_folder_is_not_looked_at(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    model = proto([node("MatMul", "x w", "y")], {"x": (1, 64)}, ["y"], weights(w=(64, 64)))
    onnx.save(model, inner / "net.onnx", save_as_external_data=True, location="net.bin", size_threshold=64)
    (inner / "net.bin").rename(tmp_path / "net.bin")
    changed = onnx.load(inner / "net.onnx", load_external_data=False)
    changed.graph.initializer[0].external_data[0].value = "../net.bin"
    (inner / "net.onnx").write_bytes(changed.SerializeToString())
    found = runnable.build(inner / "net.onnx", analyze(load(inner / "net.onnx")))
    assert found.made_up == ["w"]


def test_the_sizes_that_are_given_are_those_that_run(tmp_path: Path) -> None:
    path = saved(proto([node("Relu", "x", "y")], {"x": (1, 3, 8, 8)}), tmp_path)
    analysis = analyze(load(path), shapes={"x": (2, 3, 16, 16)})
    found = runnable.build(path, analysis)
    assert found.feeds["x"].shape == (2, 3, 16, 16)
    assert runtime.measure(found, threads=1, seconds=0.02).ops[0].ran.name == "y"


def test_an_open_size_is_refused_with_the_option_that_sets_it(tmp_path: Path) -> None:
    path = saved(proto([node("Relu", "x", "y")], {"x": ("N", "C", "H")}), tmp_path)
    with pytest.raises(ModelError, match=r"the size of input x is open: --dim C=\.\.\. gives it a value"):
        graphcost.measure(path, **QUICK)
    assert graphcost.measure(path, dims={"C": 2, "H": 3}, **QUICK).timing is not None


LOOP = """g (int64 n, bool go, float[64, 64] x) => (float[64, 64] y) {
    y = Loop(n, go, x) <body = b (int64 i, bool c, float[64, 64] a) => (bool d, float[64, 64] r) {
        d = Identity(c)
        [inner] p = MatMul(a, a)
        r = Tanh(p)
    }>
}"""


def test_an_operator_in_a_body_has_its_time_and_what_runs_the_body_has_the_rest(tmp_path: Path) -> None:
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]>\n{LOOP}')
    path = saved(model, tmp_path)
    analysis = graphcost.measure(path, values={"n": 7, "go": True}, **QUICK)
    found = groups(analysis)
    inner = [name for name in found if name.endswith("inner") or "MatMul" in name]
    assert len(inner) == 1 and analysis[inner[0]].trip_count == 7
    assert analysis.timing is not None and analysis.timing.unjoined == []


def test_a_runtime_that_cannot_run_the_model_is_quoted_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(
        proto([helper.make_node("Warp", ["x"], ["y"], domain="com.acme")], {"x": (1,)}, domains=["com.acme"]), tmp_path
    )
    assert main([str(path), "--measure"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "onnxruntime cannot run it" in err and err.count("\n") == 1


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    path = saved(convolutions(), tmp_path)
    seen = []

    def interrupt(text: str) -> None:
        seen.append(list(scratch.rglob("*.json")))
        if "run 3" in text:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analyze(load(path)).measured(path, progress=interrupt, **QUICK)
    assert len(seen) > 3 and seen[-1] != [] and list(scratch.iterdir()) == []


def test_the_optimised_graph_is_written_without_its_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    path = saved(proto([node("MatMul", "x w", "y")], {"x": (1, 512)}, ["y"], weights(w=(512, 512))), tmp_path)
    sizes = []

    def kept(file: Path) -> bool:
        return not file.is_symlink() and not file.name.startswith("profile")

    def look(text: str) -> None:
        if "run 2" in text:
            sizes.extend(each.stat().st_size for each in tmp_path.glob("graphcost-*/*") if kept(each))

    analyze(load(path)).measured(path, progress=look, **QUICK)
    assert sizes != [] and max(sizes) < 512 * 512


def test_without_the_runtime_it_is_said_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert main([str(saved(convolutions(), tmp_path)), "--measure"]) == 2
    assert "pip install 'graphcost[measure]'" in capsys.readouterr().err


def test_the_runtime_is_not_imported_for_a_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (tmp_path / "times.csv").write_text("conv,1\n")
    assert main([str(saved(convolutions(), tmp_path)), "--profile", str(tmp_path / "times.csv")]) == 0


def test_a_provider_is_named_in_any_case_and_one_that_is_not_there_is_refused() -> None:
    assert runtime.provider_name("cpu") == runtime.provider_name("CPUExecutionProvider") == "CPUExecutionProvider"
    with pytest.raises(ModelError, match="no provider 'Abacus' in this onnxruntime; there are"):
        runtime.provider_name("Abacus")


def test_the_command_shows_times_the_slowest_layers_and_the_total(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "FEWEST", 2)
    path = saved(convolutions(), tmp_path)
    assert main([str(path), "--measure", "--threads", "1", "--provider", "cpu", "--device", "laptop-cpu"]) == 0
    out = capsys.readouterr().out
    assert (
        "## Slowest layers" in out
        and "## Furthest from the roofline" in out
        and "CPUExecutionProvider, 1 thread," in out
    )


def test_a_model_that_was_parsed_has_no_file_to_run() -> None:
    analysis = analyze(parsed("g (float[2] x) => (float[2] y) { y = Relu(x) }"))
    with pytest.raises(ModelError, match="the model has to be a file"):
        analysis.measured()


def test_zero_weights_run(tmp_path: Path) -> None:
    path = saved(proto([node("MatMul", "x w", "y")], {"x": (1, 64)}, ["y"], zeros({"w": (64, 64)})), tmp_path)
    assert graphcost.measure(path, **QUICK).timing is not None


def test_types_without_an_array_type_are_lent_as_their_bytes(tmp_path: Path) -> None:
    model = proto(
        [node("Cast", "w", "c", to=TensorProto.FLOAT), node("MatMul", "x c", "y")], {"x": (1, 64)}, ["y"],
        [helper.make_tensor("w", TensorProto.BFLOAT16, [64, 64], [1.0] * 4096)],
    )  # fmt: skip
    assert graphcost.measure(saved(model, tmp_path), **QUICK).timing is not None
