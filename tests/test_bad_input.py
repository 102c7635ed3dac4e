"""Whatever is wrong with a file is said in one line that names the place; nothing is half written."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphcost.cli import main

HEAD = 'input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }\n'


def layer(name: str, type_: str, bottom: str = "data", fields: str = "") -> str:
    return f'layer {{ name: "{name}" type: "{type_}" bottom: "{bottom}" top: "{name}" {fields} }}\n'


def conv(fields: str) -> str:
    return HEAD + layer("c", "Convolution", fields=f"convolution_param {{ {fields} }}")


CASES = {
    "empty file": ("", "empty"),
    "only comments": ("# nothing\n", "empty"),
    "truncated": (HEAD + 'layer { name: "c" type: "ReLU"', ":2: "),
    "solver": ('net: "train.prototxt"\nbase_lr: 0.01\n', "solver"),
    "label map": ('item { name: "none" label: 0 }', "label map"),
    "something else": ("colour: 3\n", "not a Caffe network"),
    "layer without a type": (HEAD + 'layer { name: "c" bottom: "data" top: "c" }', "has no type"),
    "a bottom that nobody makes": (HEAD + layer("r", "ReLU", "nobody"), "'nobody' is made by no layer"),
    "cycle": (HEAD + layer("a", "ReLU", "b") + layer("b", "ReLU", "a"), "cycle: a -> b -> a"),
    "top made twice": (
        HEAD + layer("a", "ReLU") + 'layer { name: "b" type: "ReLU" bottom: "data" top: "a" }',
        "already made by a",
    ),
    "zero stride": (conv("num_output: 1 kernel_size: 3 stride: 0"), "stride 0"),
    "negative stride": (conv("num_output: 1 kernel_size: 3 stride: -1"), "stride -1"),
    "kernel too large": (conv("num_output: 1 kernel_size: 9"), "window of 9 does not fit an input of 8"),
    "kernel missing": (conv("num_output: 1"), "kernel_size is missing"),
    "num_output missing": (conv("kernel_size: 3"), "num_output is None"),
    "num_output a template": (conv("num_output: cls3x kernel_size: 3"), "num_output is 'cls3x', not a whole number"),
    "groups do not divide": (conv("num_output: 4 kernel_size: 3 group: 2"), "3 channels cannot be split into 2 groups"),
    "eltwise of different shapes": (
        conv("num_output: 3 kernel_size: 3")
        + 'layer { name: "e" type: "Eltwise" bottom: "data" bottom: "c" top: "e" }',
        "shapes differ: [1, 3, 8, 8] and [1, 3, 6, 6]",
    ),
    "concat of different shapes": (
        conv("num_output: 3 kernel_size: 3") + 'layer { name: "e" type: "Concat" bottom: "data" bottom: "c" top: "e" }',
        "axis 2 differs",
    ),
    "reshape that does not fit": (
        HEAD + layer("r", "Reshape", fields="reshape_param { shape { dim: 7 dim: -1 } }"),
        "multiples of 7",
    ),
    "overflow": (conv("num_output: 1000000000000 kernel_size: 1 pad: 1000000"), "cannot be meant"),
    "nesting a thousand deep": (HEAD + "layer { " + "a { " * 1000, "nested deeper"),
    "negative size": ('input: "data" input_shape { dim: 1 dim: -3 }\n' + layer("r", "ReLU"), "a size cannot be -3"),
    "size not given": ('input: "data"\n' + layer("r", "ReLU"), "--input data=1x3xHxW"),
    "data layer without a size": (
        'layer { name: "d" type: "Data" top: "data" top: "label" data_param { batch_size: 4 } }\n' + layer("r", "ReLU"),
        "--input data=1x3xHxW",
    ),
    "too few bottoms": (HEAD + layer("a", "Axpy"), "needs at least 3 inputs and has 1"),
}


@pytest.mark.parametrize("case", CASES)
def test_one_line_names_the_file_and_the_reason(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, reason = CASES[case]
    path = tmp_path / "net.prototxt"
    path.write_text(text)
    output = tmp_path / "report.md"
    assert main([str(path), "-o", str(output)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1 and err.startswith(f"graphcost: error: {path}")
    assert reason in err
    assert not output.exists() and list(tmp_path.iterdir()) == [path]


def test_a_refused_layer_is_named_with_its_line_inputs_and_attributes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(conv("num_output: 1 kernel_size: 9"))
    main([str(path)])
    err = capsys.readouterr().err
    assert f"{path}:2: c (Convolution): " in err
    assert "inputs [1, 3, 8, 8], attributes {num_output: 1, kernel_size: 9}" in err


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
