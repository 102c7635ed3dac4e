"""load(): what a file is, is told by its content."""

from __future__ import annotations

from pathlib import Path

import pytest
from onnx import helper, save_model

import graphcost
from graphcost import ModelError
from harness import proto

PROTOTXT = 'name: "net"\ninput: "data"\ninput_shape { dim: 1 dim: 3 dim: 8 dim: 8 }\n' + (
    'layer { name: "relu" type: "ReLU" bottom: "data" top: "out" }\n'
)
SYNTAX = '<ir_version: 10, opset_import: ["" : 21]>\ng (float[2, 3] x) => (float[2, 3] y) { y = Relu(x) }\n'


RELU = proto([helper.make_node("Relu", ["x"], ["y"])], {"x": [2, 3]})


def write(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("name", ["net.prototxt", "net.txt", "net.onnx"])
def test_a_prototxt_is_one_under_any_name(tmp_path: Path, name: str):
    assert graphcost.load(write(tmp_path / name, PROTOTXT)).format == "caffe"


def test_a_prototxt_with_comments_that_are_not_utf8_is_one(tmp_path: Path):
    text = "# Größe\n".encode("latin-1") + PROTOTXT.encode()
    assert graphcost.load(write(tmp_path / "net.prototxt", text)).format == "caffe"


@pytest.mark.parametrize("name", ["net.onnx", "net.prototxt", "net"])
def test_an_onnx_model_is_one_under_any_name(tmp_path: Path, name: str):
    assert graphcost.load(write(tmp_path / name, RELU.SerializeToString())).format == "onnx"


@pytest.mark.parametrize("comment", ["", "# a comment\n", "\n\n"])
def test_both_text_forms_of_onnx_are_read(tmp_path: Path, comment: str):
    save_model(RELU, tmp_path / "net.textproto", format="textproto")
    text = (tmp_path / "net.textproto").read_text()
    assert graphcost.load(write(tmp_path / "a.textproto", comment + text)).format == "onnx"
    assert graphcost.load(write(tmp_path / "b.onnxtxt", comment + SYNTAX)).format == "onnx"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS pointer"),
        (b"\x1f\x8b\x08\x00garbage", "gzip"),
        (b"\x89HDF\r\n\x1a\n....", "HDF5"),
        (b"\x18\x00\x00\x00ORTM", "ONNX Runtime"),
        (bytes(range(256)), "byte"),
    ],
)
def test_what_cannot_be_read_is_said_in_words(tmp_path: Path, content: bytes, reason: str):
    with pytest.raises(ModelError, match=reason) as refusal:
        graphcost.load(write(tmp_path / "net.onnx", content))
    assert "\n" not in str(refusal.value)


def test_a_folder_and_a_missing_file_are_named(tmp_path: Path):
    with pytest.raises(ModelError, match="a folder"):
        graphcost.load(tmp_path)
    with pytest.raises(ModelError, match="No such file"):
        graphcost.load(tmp_path / "none.onnx")
