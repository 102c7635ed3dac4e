"""--anchors: which boxes are larger than what the cells of their maps see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import graphcost
from graphcost import ModelError, cli
from graphcost.sections.anchors import SECTION, against, priors
from harness import conv, image

SSD, RETINAFACE = "prototxt/ssd300.prototxt", "onnx_models/retinaface.onnx"
HEAD = image(1, 3, 64, 64)
CONV = conv("map", "data", "kernel_size: 7 stride: 4 pad: 3")


def boxes(fields: str) -> str:
    """A map that sees 7 elements, with boxes of these fields on it."""
    layer = 'layer { name: "boxes" type: "PriorBox" bottom: "map" bottom: "data" top: "boxes" '
    return HEAD + CONV + layer + f"prior_box_param {{ {fields} }} }}"


def sample(root: Path, name: str) -> graphcost.Analysis:
    return graphcost.analyze(graphcost.load(root / name))


def test_boxes_larger_than_the_field_of_their_map_are_marked(net: Any) -> None:
    """sqrt(6 * 9) = 7.3 is larger than 7; the square of 6 is not."""
    table = SECTION.tables(net(boxes("min_size: 6 max_size: 9 step: 4")))[0]
    assert table.rows == [
        ("boxes", "map", "16x16", "4", "4", "7", "2", "6x6, 7.3x7.3", "1 of 2 larger than the receptive field (7)")
    ]
    assert table.marked == {0}


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ("min_size: 7", ""),
        ("min_size: 8", "larger than the receptive field (7)"),
        ("min_size: 6 aspect_ratio: 2 flip: false", "1 of 2 larger than the receptive field (7)"),  # 8.5 wide
    ],
)
def test_a_box_as_large_as_the_field_fits(fields: str, verdict: str, net: Any) -> None:
    assert SECTION.tables(net(boxes(fields)))[0].rows[0][-1] == verdict


def test_width_is_held_against_width_and_height_against_height(net: Any) -> None:
    """A kernel of 9 x 5 (height x width) with boxes of width x height."""
    text = boxes("width: 5 height: 9 width: 9 height: 5").replace(
        "kernel_size: 7 stride: 4 pad: 3", "kernel_h: 9 kernel_w: 5 stride: 4 pad: 4"
    )
    (place,) = priors(net(text))
    assert place.larger == ((9, 5),)


def test_a_step_that_is_not_the_stride_is_said(net: Any) -> None:
    notes = [SECTION.tables(net(boxes(f"min_size: 6 step: {step}")))[0].notes for step in (4, 5)]
    assert len(notes[0]) == 1 and "Where the step is not the stride" in notes[1][1]


def test_many_sizes_are_told_by_the_smallest_and_the_largest(net: Any) -> None:
    sizes = " ".join(f"min_size: {side}" for side in range(1, 8))
    row = SECTION.tables(net(boxes(sizes)))[0].rows[0]
    assert row[6:8] == ("7", "1x1 to 7x7")


def test_sizes_that_occur_often_are_listed_once(net: Any) -> None:
    """As FaceBoxes densifies its smaller ones."""
    row = SECTION.tables(net(boxes("min_size: 32 min_size: 64 min_size: 128")))[0].rows[0]
    assert row[6:8] == ("21", "32x32 (16), 64x64 (4), 128x128")


def test_boxes_on_a_map_that_sees_everything_fit(net: Any) -> None:
    text = boxes("min_size: 60").replace('bottom: "map" bottom: "data"', 'bottom: "mvn" bottom: "data"')
    mvn = 'layer { name: "mvn" type: "MVN" bottom: "map" top: "mvn" }\n'
    row = SECTION.tables(net(text.replace('layer { name: "boxes"', mvn + 'layer { name: "boxes"')))[0].rows[0]
    assert (row[5], row[-1]) == ("all", "")


def test_boxes_on_a_map_of_unknown_field_are_not_judged(net: Any) -> None:
    text = boxes("min_size: 60").replace('bottom: "map" bottom: "data"', 'bottom: "odd" bottom: "data"')
    odd = 'layer { name: "odd" type: "Mystery" bottom: "map" top: "odd" }\n'
    analysis = net(text.replace('layer { name: "boxes"', odd + 'layer { name: "boxes"'))
    assert SECTION.data(analysis)["priors"] == []  # without a shape, no boxes


# SSD300 (https://arxiv.org/abs/1512.02325, section 2.2 and its published prototxt): map, cells, boxes a cell
SSD300 = [
    ("conv4_3_norm", "38x38", "4"), ("fc7", "19x19", "6"), ("conv6_2", "10x10", "6"),
    ("conv7_2", "5x5", "6"), ("conv8_2", "3x3", "4"), ("conv9_2", "1x1", "4"),
]  # fmt: skip


def test_every_prior_box_layer_of_ssd300_stands_beside_its_map(root: Path) -> None:
    places, detection = SECTION.tables(sample(root, SSD))
    assert [(row[1], row[2], row[6]) for row in places.rows] == SSD300
    assert [row[5] for row in places.rows] == ["92", "420", "452", "516", "644", "772"]
    cells = [row[2].split("x") for row in places.rows]
    assert sum(int(h) * int(w) * int(row[6]) for (h, w), row in zip(cells, places.rows, strict=True)) == 8732
    assert len(detection.rows) == 2 * 6 and not places.marked


def test_ssd300_has_the_same_heads_as_prototxt_and_as_onnx(root: Path) -> None:
    caffe, onnx = (SECTION.tables(sample(root, path))[-1].rows for path in (SSD, "onnx_models/ssd300.onnx"))
    assert [row[1:] for row in caffe] == [row[1:] for row in onnx]


def test_every_head_of_retinaface_is_found_without_its_name(root: Path) -> None:
    """Scores, boxes and landmarks of 2 anchors a cell at three strides."""
    (table,) = SECTION.tables(sample(root, RETINAFACE))
    found = [row[1:] for row in table.rows]
    assert found == [
        (f"{side}x{side}", f"{side * side:,}", str(2 * values), str(640 // side), rf)
        for side, rf in ((20, "507"), (40, "459"), (80, "435"))
        for values in (2, 4, 10)
    ]


def test_sizes_that_the_user_states_are_held_against_the_heads_of_their_stride(root: Path) -> None:
    """RetinaFace's anchors at stride 32 are 256 and 512; a cell there sees 507."""
    section = against({"8": [(16, 16), (32, 32)], "32": [(256, 256), (512, 512)]})
    (table,) = section.tables(sample(root, RETINAFACE))
    assert [row[-2:] for row in table.rows[::3]] == [
        ("256x256, 512x512", "1 of 2 larger than the receptive field (507)"),
        ("", ""),
        ("16x16, 32x32", ""),
    ]
    assert table.marked == {0, 1, 2}


def test_a_stride_that_no_head_has_is_refused(root: Path) -> None:
    with pytest.raises(ModelError, match="no detection head has stride 4; there are: 32, 16, 8"):
        against({"4": [(16, 16)]}).tables(sample(root, RETINAFACE))


def test_a_network_without_heads_says_so(root: Path) -> None:
    (table,) = SECTION.tables(sample(root, "onnx_models/vgg16.onnx"))
    assert table.rows == [] and "No operator places boxes" in table.notes[0]


def test_open_extents_stay_formulas(root: Path) -> None:
    analysis = graphcost.analyze(graphcost.load(root / SSD), shapes={"data": (1, 3, "H", 300)})
    places, detection = SECTION.tables(analysis)
    assert places.rows[0][4:6] == ("8", "92") and "H" in detection.rows[0][1]
    assert json.dumps(SECTION.data(analysis))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.main(list(arguments))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_flag_puts_the_boxes_in_the_place_of_the_layers(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, str(root / SSD), "--anchors", "--format", "text")
    assert code == 0 and "Prior boxes" in out and "Detection heads" in out and "conv1_1" not in out.split("Prior")[1]


def test_the_json_has_them_as_numbers(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, str(root / SSD), "--anchors", "--format", "json")
    found = json.loads(out)["anchors"]
    first = found["priors"][0]
    assert (first["name"], first["map"], first["shape"]) == (
        "conv4_3_norm_mbox_priorbox",
        "conv4_3_norm",
        [1, 512, 38, 38],
    )
    assert (first["rf"]["size"], first["rf"]["stride"], first["step"], first["larger"]) == (92, 8, [8, 8], [])
    assert first["sizes"][0] == [30, 30] and len(first["sizes"]) == 4
    assert found["heads"][0]["sizes"] is None and found["heads"][0]["larger"] is None


def test_sizes_are_given_by_stride_once_or_several_times(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ("--anchor-sizes", "8=16", "--anchor-sizes", "8=32x64", "--anchor-sizes", "16=64,470")
    code, out, _ = run(capsys, str(root / RETINAFACE), *sizes, "--format", "json")
    heads = json.loads(out)["anchors"]["heads"]
    assert code == 0 and heads[6]["sizes"] == [[16, 16], [32, 64]]
    assert heads[3]["larger"] == [[470, 470]]  # stride 16 sees 459


@pytest.mark.parametrize("text", ["8", "8=", "8=a", "8=16x16x16", "8=0", "8=16,,32"])
def test_sizes_that_cannot_be_read_are_refused(text: str, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, str(root / RETINAFACE), "--anchor-sizes", text)
    assert (code, out) == (2, "") and err.startswith("graphcost: error: --anchor-sizes: ") and err.count("\n") == 1


def test_heads_behind_an_unknown_layer_are_not_found_and_that_is_said(net: Any) -> None:
    (table,) = SECTION.tables(net(HEAD + CONV + 'layer { name: "m" type: "Mystery" bottom: "map" top: "m" }'))
    assert table.rows == [] and table.notes[1:] == ["Not followed through what is not known: Mystery."]


def test_of_several_models_one_without_such_a_head_does_not_stop_the_others(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = [str(root / "prototxt/det1.prototxt"), str(root / RETINAFACE)]
    assert cli.main([*models, "--anchor-sizes", "8=16", "--format", "json"]) == 2
    out, err = capsys.readouterr()
    det1, retinaface = json.loads(out)
    assert det1["error"] == "--anchor-sizes: no detection head has stride 8; there are: 2" and err.count("\n") == 1
    assert retinaface["anchors"]["heads"][-1]["sizes"] == [[16, 16]]
