"""The sample ONNX networks: what the script writes, that onnx and onnxruntime take them, and that our shapes are theirs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import graphcost
from graphcost.cli import main

# sample -> parameters and multiply-accumulates, from the same networks as prototxt (RetinaFace counts BatchNormalization's
# four blobs here and Caffe's seven numbers a channel, with one factor for each layer, there)
SAMPLES = {
    "vgg16": (138_357_544, 15_470_264_320),
    "ssd300": (26_285_486, 31_373_537_792),
    "retinaface": (None, None),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_small_valid_and_what_the_script_writes(name: str, root: Path, tmp_path: Path) -> None:
    path = root / f"onnx_models/{name}.onnx"
    assert path.stat().st_size < 300_000
    onnx.checker.check_model(str(path), full_check=True)
    subprocess.run([sys.executable, root / "onnx_models/build.py", "-o", tmp_path], check=True, capture_output=True)
    assert (tmp_path / path.name).read_bytes() == path.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
def test_every_shape_is_what_onnxruntime_makes(name: str, root: Path) -> None:
    path = root / f"onnx_models/{name}.onnx"
    answer = graphcost.analyze(graphcost.load(path)).to_dict()
    assert answer["coverage"]["complete"]
    model = onnx.load(path)
    kept = {value.name for value in model.graph.output}
    names = [out for node in model.graph.node for out in node.output if out and out not in kept]
    model.graph.output.extend(onnx.ValueInfoProto(name=out) for out in names)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (image,) = session.get_inputs()
    wanted = [value.name for value in session.get_outputs()]
    results = session.run(wanted, {image.name: np.zeros(image.shape, np.float32)})
    true = {out: list(result.shape) for out, result in zip(wanted, results, strict=True)}
    assert {out: answer["tensors"][out]["shape"] for out in true} == true


@pytest.mark.parametrize("name", [name for name, (params, _) in SAMPLES.items() if params])
def test_parameters_and_arithmetic_are_those_of_the_published_network(name: str, root: Path) -> None:
    analysis = graphcost.analyze(graphcost.load(root / f"onnx_models/{name}.onnx"))
    assert (analysis.total("params"), analysis.total("macs")) == SAMPLES[name]


def test_both_retinafaces_do_the_same_convolutions(root: Path) -> None:
    """Upsampling costs multiply-accumulates as a Deconvolution (4 x 4 taps for each input element), and none as a Resize."""
    caffe = graphcost.analyze(graphcost.load(root / "prototxt/retinaface.prototxt"))
    exported = graphcost.analyze(graphcost.load(root / "onnx_models/retinaface.onnx"))
    upsampled = 64 * 16 * (20 * 20 + 40 * 40)
    assert caffe.total("macs") == exported.total("macs") + upsampled


def test_a_scope_is_a_row(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main([str(root / "onnx_models/vgg16.onnx"), "--by", "scope", "--format", "csv", "--columns", "name,macs"]) == 0
    )
    assert "features/features.0,86704128" in capsys.readouterr().out.splitlines()


@pytest.mark.slow
def test_reading_does_not_import_onnx(root: Path) -> None:
    """It takes longer than the analysis; only an operator without a rule needs it."""
    code = (
        "import sys, json\nfrom graphcost.cli import main\nassert main([sys.argv[1]]) == 0\n"
        "print(json.dumps([name for name in ('onnx', 'numpy') if name in sys.modules]))"
    )
    for name in SAMPLES:
        path = str(root / f"onnx_models/{name}.onnx")
        run = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
        assert json.loads(run.stdout.splitlines()[-1]) == []


def test_weights_that_operators_make_of_constants_are_no_activations(root: Path) -> None:
    """As in Caffe's file, but for a pool of single elements and a Flatten here, two Dropouts and a Softmax there."""
    ours, theirs = (
        graphcost.analyze(graphcost.load(root / file)).total("activation_bytes")
        for file in ("onnx_models/vgg16.onnx", "prototxt/vgg16.prototxt")
    )
    assert ours == theirs + 4 * (2 * 25088 - 2 * 4096 - 1000)
