"""load(): what a file is, is told by its content."""

from __future__ import annotations

import io
from pathlib import Path

import onnx
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


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_text_of_other_encodings_is_read(tmp_path: Path, encoding: str):
    assert graphcost.load(write(tmp_path / "net.prototxt", PROTOTXT.encode(encoding))).format == "caffe"
    assert graphcost.load(write(tmp_path / "net.onnxtxt", SYNTAX.encode(encoding))).format == "onnx"


def test_comments_and_blanks_may_be_long_before_the_first_field(tmp_path: Path):
    notice = "# all rights reserved\n\n" * 100
    assert graphcost.load(write(tmp_path / "net.prototxt", notice + PROTOTXT)).format == "caffe"
    assert graphcost.load(write(tmp_path / "net.onnxtxt", notice + SYNTAX)).format == "onnx"
    assert graphcost.load(write(tmp_path / "blank.prototxt", "\n" * 2000 + PROTOTXT)).format == "caffe"


def test_a_prototxt_with_a_control_character_is_no_damaged_onnx(tmp_path: Path):
    with pytest.raises(ModelError, match="prototxt:2: "):
        graphcost.load(write(tmp_path / "net.prototxt", 'name: "net"\n\x01' + PROTOTXT))


def test_a_model_may_be_given_as_bytes_an_open_file_or_a_message(tmp_path: Path):
    path = write(tmp_path / "net.onnx", RELU.SerializeToString())
    with path.open("rb") as file:
        models = [
            graphcost.load(given) for given in (path, file, path.read_bytes(), io.BytesIO(path.read_bytes()), RELU)
        ]
    assert [model.path for model in models] == [str(path), str(path), "<bytes>", "<file>", "<ModelProto>"]
    assert {repr([op.kind for op in model.dag]) for model in models} == {"['Relu']"}
    assert graphcost.load(PROTOTXT.encode()).format == "caffe"


def test_a_message_that_protobuf_cannot_serialize_is_refused_in_words(monkeypatch: pytest.MonkeyPatch):
    class Large:
        DESCRIPTOR = onnx.ModelProto.DESCRIPTOR

        def SerializeToString(self) -> bytes:
            raise ValueError("exceeds maximum protobuf size of 2GB")

    with pytest.raises(ModelError, match=r"<ModelProto>: protobuf cannot serialize .* external data"):
        graphcost.load(Large())  # type: ignore[arg-type]


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
    with pytest.raises(ModelError, match="a model's name is empty"):
        graphcost.load("")
