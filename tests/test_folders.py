"""Which files of a folder are models, and what a pattern stands for that the shell did not expand."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphcost import ModelError, folders
from graphcost.arguments import models
from graphcost.cli import main

NET = 'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 1 dim: 3 } } }\n' + (
    'layer { name: "r" type: "ReLU" bottom: "x" top: "r" }\n'
)
SOLVER = 'net: "net.prototxt"\nbase_lr: 0.01\nlr_policy: "step"\nmax_iter: 100\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        "net.prototxt": NET.encode(),
        "solver.prototxt": SOLVER.encode(),
        "labels.prototxt": b'item { name: "none" label: 0 }\n',
        "LOUD.PROTOTXT": NET.encode("utf-16"),
        "test.pt": NET.encode(),
        "checkpoint.pt": b"PK\x03\x04" + bytes(100) + b"layer {",
        "words.pt": b"layer cake\n",
        "broken.prototxt": b"layer {",
        "deep/net.onnx": b"\x08",
        "inline.prototxt": b"base_lr: 0.1 net_param { " + NET.encode() + b"}",
        "readme.md": NET.encode(),
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def names(found: list[str], folder: Path) -> list[str]:
    return [str(Path(name).relative_to(folder)) for name in found]


def test_a_folder_has_the_nets_in_it_and_not_what_lies_beside_them(folder: Path):
    """A solver and a label map are no models, a .pt file is one where a net stands in it; what is broken is shown."""
    found = names(folders.models(str(folder)), folder)
    expected = ["LOUD.PROTOTXT", "broken.prototxt", "deep/net.onnx", "inline.prototxt", "net.prototxt", "test.pt"]
    assert found == expected


def test_a_folder_without_a_net_has_what_leads_to_one(tmp_path: Path):
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    assert names(folders.models(str(tmp_path)), tmp_path) == ["solver.prototxt"]
    (tmp_path / "net.caffemodel").write_bytes(b"x")
    assert names(folders.models(str(tmp_path)), tmp_path) == ["net.caffemodel"]
    (tmp_path / "solver.prototxt").unlink()
    (tmp_path / "net.caffemodel").unlink()
    assert folders.models(str(tmp_path)) == [str(tmp_path)]


def test_a_pattern_that_the_shell_did_not_expand_is_expanded(folder: Path):
    assert names(list(models([f"{folder}/*.pt"])), folder) == ["checkpoint.pt", "test.pt", "words.pt"]
    assert names(list(models([f"{folder}/de*"])), folder) == ["deep/net.onnx"]
    assert names(list(models([f"{folder}/**/*.onnx"])), folder) == ["deep/net.onnx"]
    with pytest.raises(ModelError, match=r"none\*\.prototxt: no file matches"):
        list(models([f"{folder}/none*.prototxt"]))


def test_a_file_whose_name_looks_like_a_pattern_is_itself(tmp_path: Path):
    path = tmp_path / "net[1].prototxt"
    path.write_text(NET)
    assert list(models([str(path)])) == [str(path)]


def test_a_file_that_cannot_be_opened_is_left_to_its_reader(tmp_path: Path):
    assert folders.is_net(tmp_path / "none.prototxt", certain=False)
    assert not folders.is_net(tmp_path / "none.pt", certain=True)


def test_a_folder_with_a_solver_beside_its_net_is_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().err == ""


def test_an_empty_name_is_an_error(capsys: pytest.CaptureFixture[str]):
    assert main([""]) == 2
    assert "a model's name is empty" in capsys.readouterr().err
