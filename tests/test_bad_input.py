"""Whatever is wrong with a file is said in one line that names the place; nothing is half written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from graphcost.cli import main
from harness import HEAD, layer


def conv(fields: str) -> str:
    return HEAD + layer("c", "Convolution", fields=f"convolution_param {{ {fields} }}")


def reader(bottom: str = "data") -> str:
    return layer("r", "ReLU", bottom)


# what is wrong: the file, the line and the layer that the message names ("" where it is about the whole file), the reason
CASES: dict[str, tuple[str, str, str, str]] = {
    "empty file": ("", "", "", "the file is empty"),
    "blank file": (" \n\n", "", "", "the file is empty"),
    "only comments": ("# nothing\n", "", "", "the file is empty: it has no layers"),
    "truncated in a layer": (HEAD + 'layer { name: "c" type: "ReLU"', "2", "", "opened at line 2, never closed"),
    "truncated in a string": (HEAD + 'layer { name: "c', "2", "", ""),
    "truncated after a name": (HEAD + "layer { name:", "2", "", ""),
    "closed twice": (HEAD + reader() + "}", "3", "", ""),
    "solver": ('net: "train.prototxt"\nbase_lr: 0.01\n', "1", "", "this is a solver, and its network train.prototxt is not in its folder"),
    "label map": ('item { name: "none" label: 0 }', "", "", "label map"),
    "something else": ("colour: 3\n", "", "", "not a Caffe network"),
    "a layer that is a number": (HEAD + "layer: 3", "2", "", "layer should open a message"),
    "layer without a type": (HEAD + 'layer { name: "c" bottom: "data" top: "c" }', "2", "'c'", "has no type"),
    "no layer in this phase": ('layer { name: "c" type: "ReLU" include { phase: TRAIN } }', "1", "c", "no layer is left in phase TEST"),
    "a bottom that nobody makes": (HEAD + reader("nobody"), "2", "r", "'nobody' is made by no layer"),
    "cycle": (HEAD + layer("a", "ReLU", "b") + layer("b", "ReLU", "a"), "2", "a", "the layers form a cycle: a -> b -> a"),
    "cycle of one": (HEAD + 'layer { name: "c" type: "Eltwise" bottom: "c" bottom: "data" top: "c" }', "2", "c", "the layers form a cycle: c -> c"),
    "top made twice": (HEAD + layer("a", "ReLU") + 'layer { name: "b" type: "ReLU" bottom: "data" top: "a" }', "3", "b (ReLU)", "already made by a"),
    "input made twice": ('input: "data" input: "data" input_dim: 1 input_dim: 1 input_dim: 1 input_dim: 1 input_dim: 2 input_dim: 2 input_dim: 2 input_dim: 2', "1", "", "already made"),
    "zero stride": (conv("num_output: 1 kernel_size: 3 stride: 0"), "2", "c (Convolution)", "stride 0"),
    "negative stride": (conv("num_output: 1 kernel_size: 3 stride: -1"), "2", "c (Convolution)", "stride -1"),
    "zero stride of a pool": (HEAD + layer("p", "Pooling", fields="pooling_param { kernel_size: 2 stride: 0 }"), "2", "p (Pooling)", "stride 0"),
    "kernel larger than its padded input": (conv("num_output: 1 kernel_size: 11 pad: 1"), "2", "c (Convolution)", "a window of 11 does not fit an input of 8 padded by 1 and 1"),
    "kernel of zero": (conv("num_output: 1 kernel_size: 0"), "2", "c (Convolution)", ""),
    "num_output a template": (conv("num_output: cls3x kernel_size: 3"), "2", "c (Convolution)", "num_output should be a whole number, not 'cls3x'"),
    "groups do not divide": (conv("num_output: 4 kernel_size: 3 group: 2"), "2", "c (Convolution)", "3 channels cannot be split into 2 groups"),
    "eltwise of different shapes": (
        conv("num_output: 3 kernel_size: 3") + 'layer { name: "e" type: "Eltwise" bottom: "data" bottom: "c" top: "e" }',
        "3", "e (Eltwise)", "shapes differ: [1, 3, 8, 8] and [1, 3, 6, 6]",
    ),
    "concat of different shapes": (
        conv("num_output: 3 kernel_size: 3") + 'layer { name: "e" type: "Concat" bottom: "data" bottom: "c" top: "e" }',
        "3", "e (Concat)", "axis 2 differs",
    ),
    "reshape that does not fit": (HEAD + layer("r", "Reshape", fields="reshape_param { shape { dim: 7 dim: -1 } }"), "2", "r (Reshape)", "multiples of 7"),
    "overflow": (conv("num_output: 1000000000000 kernel_size: 1 pad: 1000000"), "2", "c (Convolution)", "cannot be meant"),
    "overflow of 64 bits": (conv("num_output: 99999999999999999999999 kernel_size: 1"), "2", "c (Convolution)", ""),
    "nesting a thousand deep": (HEAD + "layer { " + "a { " * 1000, "2", "", "nested deeper"),
    "nesting closed again": (HEAD + "layer { " + "a { " * 1000 + "} " * 1000 + "}", "2", "", "nested deeper"),
    "negative size": ('input: "data" input_shape { dim: 1 dim: -3 }\n' + reader(), "1", "", "a size cannot be -3"),
    "size no number": ('input: "data" input_shape { dim: 1 dim: wide }\n' + reader(), "1", "", "whole number, not 'wide'"),
    "size of a data layer no number": ('layer { name: "d" type: "Input" top: "data" input_param { shape { dim: 1.5 } } }\n' + reader(), "1", "", "whole number, not 1.5"),
    "size not given": ('input: "data"\n' + reader(), "1", "", "how large 'data' is: give it, as --input data=1x3xHxW"),
    "data layer without a size": (
        'layer { name: "d" type: "Data" top: "data" top: "label" data_param { batch_size: 4 } }\n' + reader(),
        "1", "(a top of d, Data)", "--input data=4x3xHxW: batch 4 is in the file",
    ),
    "too few bottoms": (HEAD + layer("a", "Axpy"), "2", "a (Axpy)", "needs at least 3 inputs and has 1"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_one_line_names_the_place_the_layer_and_the_reason(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, line, named, reason = CASES[case]
    path = tmp_path / "net.prototxt"
    path.write_text(text)
    output = tmp_path / "report.md"
    assert main([str(path), "-o", str(output)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    place = f"{path}:{line}: " if line else f"{path}: "
    assert err.startswith(f"graphcost: error: {place}")
    assert named in err and reason in err.removeprefix(f"graphcost: error: {place}")
    assert list(tmp_path.iterdir()) == [path]  # neither the report nor a part of it


def test_a_refused_layer_shows_its_inputs_and_attributes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(conv("num_output: 1 kernel_size: 9"))
    main([str(path)])
    assert "inputs [1, 3, 8, 8], attributes {num_output: 1, kernel_size: 9}" in capsys.readouterr().err


def test_a_report_that_was_there_stays_when_the_model_is_bad(tmp_path: Path) -> None:
    (tmp_path / "net.prototxt").write_text(conv("num_output: 1 kernel_size: 0"))
    (tmp_path / "report.md").write_text("the last good one")
    assert main([str(tmp_path / "net.prototxt"), "-o", str(tmp_path / "report.md")]) == 2
    assert (tmp_path / "report.md").read_text() == "the last good one"


@pytest.mark.parametrize("fields", ["num_output: 1", "kernel_size: 3"])
def test_a_layer_that_does_not_say_its_sizes_is_unknown_and_the_report_of_the_others_is_not_lost(
    fields: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "net.prototxt").write_text(conv(fields))
    assert main([str(tmp_path / "net.prototxt"), "--strict"]) == 1
    out, err = capsys.readouterr()
    assert "the cost of 1 operator is not known (Convolution x1)" in out and "--strict" in err


def test_no_traceback_reaches_the_shell(tmp_path: Path) -> None:
    (tmp_path / "net.prototxt").write_text(conv("num_output: 1 kernel_size: 9"))
    command = [sys.executable, "-m", "graphcost", "net.prototxt"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert run.returncode == 2 and run.stdout == ""
    assert run.stderr.startswith("graphcost: error: net.prototxt:2: c (Convolution): ") and run.stderr.count("\n") == 1


FILES = {
    "caffemodel": (b"\x0a\x05lenet\xa2\x06\x10" + bytes(64), ".caffemodel"),
    "image": (b"\x89PNG\r\n\x1a\n" + bytes(64), "PNG image"),
    "LFS pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    "web page": (b"<!DOCTYPE html><html></html>", "HTML page"),
    "zip": (b"PK\x03\x04" + bytes(64), "zip archive"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_of_another_kind_is_told_by_its_content(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, reason = FILES[case]
    for name in ("net.prototxt", "net.onnx"):
        path = tmp_path / name
        path.write_bytes(content)
        assert main([str(path)]) == 2
        assert reason in capsys.readouterr().err


def test_a_missing_file_and_a_folder_without_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.prototxt")]) == 2
    assert "No such file" in capsys.readouterr().err
    assert main([str(tmp_path)]) == 2
    assert "without a .prototxt or .onnx" in capsys.readouterr().err
