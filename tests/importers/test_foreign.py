"""Models of other programs are named for what they are, with the usual way to ONNX."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import flatbuffers
import pytest
from onnx import helper

from caffe_binary import number, part
from graphcost import ModelError, limits, load
from graphcost.cli import main
from graphcost.importers import foreign
from harness import HEAD, layer, proto

NODE = part(1, "input") + part(2, "Placeholder")
CONFIG = {"architectures": ["BertModel"], "hidden_size": 768}


def archive(*members: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        for member in members:
            zipped.writestr(member, b"x")
    return file.getvalue()


def flatbuffer() -> bytes:
    """A table of two fields, as MNN's Net is one: without an identifier."""
    builder = flatbuffers.Builder(0)
    name = builder.CreateString("MNN")
    builder.StartObject(8)
    builder.PrependUOffsetTRelativeSlot(0, name, 0)
    builder.PrependInt32Slot(3, 7, 0)
    builder.Finish(builder.EndObject())
    return bytes(builder.Output())


FILES = {
    "TFLite": (b"\x1c\x00\x00\x00TFL3" + bytes(20), "a TensorFlow Lite model: convert it with .* --tflite"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(20), "an HDF5 file .*: .*--keras"),
    "Keras": (archive("metadata.json", "config.json", "model.weights.h5"), "a Keras model .*--keras"),
    "safetensors": (bytes([64, 0, 0, 0, 0, 0, 0, 0]) + b'{"__metadata__"', "a safetensors file: .*optimum-cli"),
    "checkpoint": (archive("net/data.pkl", "net/version"), r"a PyTorch checkpoint \(zip\): .*torch\.onnx\.export"),
    "TorchScript": (archive("net/data.pkl", "net/code/a.py", "net/constants.pkl"), r"a TorchScript .*torch\.jit\.load"),
    "exported program": (archive("a/serialized_exported_program.json", "a/data.pkl"), r"exported program .*torch\.export"),
    "SavedModel in a zip": (archive("m/saved_model.pb", "m/variables/variables.index"), "SavedModel: .*--saved-model"),
    "GraphDef": (part(1, NODE) + part(1, NODE), r"a TensorFlow graph \(\.pb\): .*--graphdef"),
    "SavedModel": (number(1, 1) + part(2, part(1, part(2, b"\x0a\x03Add")) + part(2, NODE)), "a TensorFlow SavedModel"),
    "Core ML": (number(1, 5) + part(2, part(1, part(1, "image") + part(3, b"\x20\x01"))), "a Core ML model"),
    "Paddle": (part(1, number(1, 0) + number(2, -1) + part(3, b"\x0a\x01x")), "PaddlePaddle .*paddle2onnx"),
    "OpenVINO": (b'<?xml version="1.0"?>\n<net name="a" version="11">', r"an OpenVINO IR \(\.xml\)"),
    "XML": (b'<?xml version="1.0"?>\n<svg>', "an XML document"),
    "NCNN": (b"7767517\n75 83\nInput data 0 1 data\n", "an NCNN param file"),
    "MNN": (flatbuffer(), "a FlatBuffers file, as MNN models are"),
    "config.json": (json.dumps(CONFIG, indent=2).encode(), "a config.json, .*optimum-cli export onnx"),
    "Keras JSON": (b'{"class_name": "Sequential"}', "a Keras model's architecture"),
    "TensorFlow.js": (b'{"format": "graph-model", "generatedBy": "2.0"}', "a TensorFlow.js model"),
    "JSON": (b'[{"a": 1}]', "a JSON document"),
    "GGUF": (b"GGUF\x03\x00\x00\x00", "a GGUF model: .*optimum-cli"),
    "TensorRT": (b"ftrt\x00\x00\x00\x00" + bytes(20), "a TensorRT engine"),
    "Darknet": (b"# yolo\n[net]\nbatch=1\n", "a Darknet .cfg"),
    "Python": (b"#!/usr/bin/env python3\nimport torch\n", "a Python script"),
    "solver state": (number(1, 50000) + part(2, "net_iter_50000.caffemodel") + part(3, b""), "a Caffe solver state"),
    "mean image": (number(1, 1) + number(2, 3) + number(3, 256) + number(4, 256) + part(5, bytes(8)), "a Caffe mean image"),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_a_model_of_another_program_is_named_in_one_line(case: str, tmp_path: Path):
    content, reason = FILES[case]
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=reason) as refusal:
        load(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "content",
    [
        proto([helper.make_node("Relu", ["x"], ["y"])], {"x": [1]}).SerializeToString(),
        proto(
            [helper.make_node("Relu", ["x"], ["y"])], {"x": [1]}, producer_name="p", doc_string="{"
        ).SerializeToString(),
        (HEAD + layer("r", "ReLU")).encode(),
        b"# import torch\n" + (HEAD + layer("r", "ReLU")).encode(),
        b'<ir_version: 8, opset_import: ["" : 17]>\ng (float[1] x) => (float[1] y) { y = Relu(x) }',
    ],
)
def test_networks_are_not_taken_for_others(content: bytes):
    assert foreign.describe(content[:512]) is None
    assert len(load(content).dag) == 1


def test_a_number_that_does_not_end_in_the_head_is_none() -> None:
    """Seven bits in each byte, the highest bit of which says that another follows."""
    assert foreign.describe(b"\x08" + b"\x80" * 511) is None


@pytest.mark.parametrize("member", ["net.prototxt", "NET.PROTOTXT"])
def test_an_archive_with_a_network_is_read_whatever_lies_beside_it(member: str):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr("metadata.json", "{}")
        zipped.writestr(member, HEAD + layer("r", "ReLU"))
    assert len(load(file.getvalue()).dag) == 1


def test_a_large_archive_is_named_without_being_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Mapped, a checkpoint of gigabytes costs the list of its members."""
    monkeypatch.setattr(limits, "MAX_UNPACKED", 2**20)
    path = tmp_path / "net.pt"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr("net/data.pkl", b"x")
        zipped.writestr("net/data/0", bytes(3 * 2**20))
    with pytest.raises(ModelError, match="a PyTorch checkpoint"):
        load(path)


def test_an_archive_of_too_many_files_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "MAX_DIRECTORY", 1000)
    with pytest.raises(ModelError, match="a zip archive of too many files"):
        load(archive(*[f"file{number}.txt" for number in range(100)]))


def test_a_folder_of_another_programs_model_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for name, reason in {
        "saved_model.pb": "SavedModel",
        "config.json": "optimum-cli",
        "Manifest.json": "Core ML",
    }.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).write_bytes(b"")
        with pytest.raises(ModelError, match=reason):
            load(folder)
        assert main([str(folder)]) == 2
        assert reason in capsys.readouterr().err
