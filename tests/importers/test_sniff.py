"""Telling what a file is from its first bytes."""

from __future__ import annotations

import io
import pickle
import tarfile
import zipfile

import numpy as np
import onnx
import pytest
from onnx import helper

from graphcost.importers import sniff


def zipped(*members: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for member in members:
            archive.writestr(member, "")
    return out.getvalue()


def tarred() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("model.onnx"))
    return out.getvalue()


def saved(array: bool) -> bytes:
    out = io.BytesIO()
    np.save(out, np.ones(3)) if array else np.savez(out, a=np.ones(3))
    return out.getvalue()


@pytest.mark.parametrize(
    ("head", "word"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS pointer"),
        (b"/annex/objects/MD5E-s1--0.onnx\n", "git-annex"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"BZh91AY&SY", "bzip2"),
        (b"\xfd7zXZ\x00", "xz"),
        (b"\x28\xb5\x2f\xfd", "Zstandard"),
        (b"7z\xbc\xaf\x27\x1c\x00\x04", "7-Zip"),
        (b"Rar!\x1a\x07\x01\x00", "RAR"),
        (b"\x04\x22\x4d\x18\x64", "LZ4"),
        (b"%PDF-1.7", "PDF"),
        (tarred(), "tar archive"),
        (b"\x20\x00\x00\x00ORTM", "ONNX Runtime"),
        (b"\x1c\x00\x00\x00TFL3", "TensorFlow Lite"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (saved(array=True), ".npy"),
        (saved(array=False), ".npz"),
        (zipped("archive/data.pkl"), "PyTorch checkpoint"),
        (zipped("net/constants.pkl"), "TorchScript"),
        (zipped("metadata.json", "config.json"), "Keras"),
        (zipped("readme.txt"), "zip archive"),
        (zipped(), "empty zip"),
        (b"\x40\x00\x00\x00\x00\x00\x00\x00" + b'{"__metadata__"', "safetensors"),
        (b"GGUF\x03", "GGUF"),
        (pickle.dumps({}, protocol=2), "pickle"),
        (pickle.dumps({}), "pickle"),
        (b"\n <!DOCTYPE HTML><title>404</title>", "HTML page"),
        (b"<html><body>Sign in", "HTML page"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>", "XML"),
        (b"\x7fELF\x02", "ELF"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
    ],
)
def test_files_handed_over_by_mistake_are_named(head: bytes, word: str) -> None:
    known = sniff.describe(head)
    assert known is not None
    what, remedy = known
    assert word in what
    assert remedy


@pytest.mark.parametrize(
    "head",
    [
        helper.make_model(helper.make_graph([], "g", [], [])).SerializeToString(),
        onnx.ModelProto(producer_name="p").SerializeToString(),
        b'name: "LeNet"\nlayer {',
        b'<ir_version: 8, opset_import: ["": 17]> g () => () {}',
        b"",
    ],
)
def test_models_and_text_are_left_to_their_readers(head: bytes) -> None:
    assert sniff.describe(head) is None


@pytest.mark.parametrize(
    ("head", "text"),
    [
        (b'name: "LeNet"\r\n\tlayer {', True),
        (b"\xef\xbb\xbfname", True),
        ("name: 'é".encode()[:-1], True),  # the head ends inside the é
        (b"\x08\x08\x12\x07pytorch", False),
        (b"name\x00", False),
        (b"\xff\xfename", False),
        (b"", False),
    ],
)
def test_text_is_told_from_binary(head: bytes, text: bool) -> None:
    assert sniff.is_text(head) is text
