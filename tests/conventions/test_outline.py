"""--style outline: the architecture in lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto, helper

import graphcost
import harness
from harness import analysed, image, layer, proto, value_info, zeros

HEAD = 'name: "n" ' + image(1, 3, 16, 16)


def conv(name: str, bottom: str, fields: str = "kernel_size: 1", outputs: int = 8) -> str:
    return harness.conv(name, bottom, fields, outputs)


def lines(analysis: graphcost.Analysis) -> list[str]:
    return [row[0] for row in analysis.report(style="outline").table.rows]


def test_a_network_with_branches_line_for_line(net: Any) -> None:
    """A stem, a residual with a shortcut, pooling to another resolution, two branches joined, a classifier."""
    text = (
        conv("conv0", "data", "kernel_size: 3 pad: 1")
        + layer("bn0", "BatchNorm", "conv0") + layer("scale0", "Scale", "bn0") + layer("relu0", "ReLU", "scale0")
        + conv("conv1", "relu0", "kernel_size: 3 pad: 1 group: 8")
        + layer("sum", "Eltwise", "conv1 relu0") + layer("relu1", "ReLU", "sum")
        + layer("pool1", "Pooling", "relu1", "pooling_param { kernel_size: 2 stride: 2 }")
        + conv("left", "pool1", "kernel_h: 1 kernel_w: 3 pad_h: 0 pad_w: 1", outputs=4)
        + conv("right", "pool1", "kernel_size: 3 pad: 2 dilation: 2", outputs=4)
        + layer("both", "Concat", "left right")
        + layer("pool2", "Pooling", "both", "pooling_param { pool: AVE global_pooling: true }")
        + layer("fc3", "InnerProduct", "pool2", "inner_product_param { num_output: 10 }")
        + layer("prob", "Softmax", "fc3")
    )  # fmt: skip
    assert lines(net(HEAD + text)) == [
        "Conv0(out_c=8, in_c=3, kernel=3, pad=1, stride=1)-BN()-ReLU()",
        "Conv1(out_c=8, in_c=8, kernel=3, pad=1, stride=1, group=8)-Add(Conv0)-ReLU()-MaxPool(kernel=2, pad=0, stride=2)",
        "",
        "left(Conv, out_c=4, in_c=8, kernel=1x3, pad=0x1, stride=1)",
        "right(Conv, out_c=4, in_c=8, kernel=3, pad=2, stride=1, dilation=2)   from Conv1",
        "Concat(left, right)-GlobalAveragePool()",
        "FC3(out_c=10, in_c=8)-Softmax()",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (layer("up", "Deconvolution", "data", "convolution_param { num_output: 3 kernel_size: 4 stride: 2 pad: 1 group: 3 }"),
         "up(Deconv, out_c=3, in_c=3, kernel=4, pad=1, stride=2, group=3)"),
        (layer("fc6", "InnerProduct", "data", "inner_product_param { num_output: 5 }"), f"FC6(out_c=5, in_c={3 * 16 * 16})"),
        (layer("p", "Permute", "data", "permute_param { order: 0 order: 2 order: 3 order: 1 }"), "p(Permute, 1x16x16x3)"),
        (layer("pool", "Pooling", "data", "pooling_param { pool: AVE kernel_size: 3 stride: 2 }"),
         "pool(AvgPool, kernel=3, pad=0, stride=2)"),
        (layer("conv_7", "Convolution", "data", "convolution_param { num_output: 2 kernel_size: 1 }"),
         "Conv7(out_c=2, in_c=3, kernel=1, pad=0, stride=1)"),
        (layer("a/b/c", "Convolution", "data", "convolution_param { num_output: 2 kernel_size: 1 }"),
         "Conv0(out_c=2, in_c=3, kernel=1, pad=0, stride=1)"),
        (layer("x" * 37, "ReLU", "data"), "ReLU0()"),
        (layer("m", "Mystery", "data"), "m(Mystery)"),
    ],
)  # fmt: skip
def test_an_operator_is_told_by_what_defines_it(text: str, told: str, net: Any) -> None:
    assert lines(net(HEAD + text)) == [told]


def test_names_that_would_meet_are_kept_apart(net: Any) -> None:
    """conv1 and Conv_1 are both spelled Conv1; what has no short name takes a number that is free."""
    names = [line.split("(")[0] for line in lines(net(HEAD + conv("conv1", "data") + conv("Conv_1", "conv1") + conv("a/b", "Conv_1") + conv("c/d", "a/b")))]  # fmt: skip
    assert names == ["Conv1", "Conv_1", "Conv0", "Conv2"]


def test_a_scale_behind_anything_but_a_normalisation_is_shown(net: Any) -> None:
    text = (
        conv("conv0", "data") + layer("s", "Scale", "conv0") + layer("bn", "BatchNorm", "s") + layer("t", "Scale", "bn")
    )
    assert lines(net(HEAD + text))[0].endswith("stride=1)-Scale()-BN()")


def test_outputs_of_one_operator_are_told_apart(net: Any) -> None:
    split = 'layer { name: "split" type: "Slice" bottom: "data" top: "one" top: "two" slice_param { axis: 1 slice_point: 1 } }\n'
    text = split + conv("a", "one") + conv("b", "two") + layer("sum", "Eltwise", "a b")
    assert [line.partition("   ")[2] for line in lines(net(HEAD + text))] == ["", "from split[0]", "from split[1]"]


def test_a_join_is_named_where_something_else_reads_it(net: Any) -> None:
    text = (
        conv("a", "data") + conv("b", "data") + layer("both", "Concat", "a b") + conv("c", "both") + conv("d", "both")
    )
    assert [line.partition("   ")[2] for line in lines(net(HEAD + text))] == [
        "",
        "from data",
        "as both",
        "",
        "from both",
    ]


def test_several_inputs_are_named(net: Any) -> None:
    head = 'input: "left" input: "right" input_shape { dim: 1 dim: 3 dim: 4 dim: 4 } input_shape { dim: 1 dim: 3 dim: 4 dim: 4 }\n'
    assert [line.partition("   ")[2] for line in lines(net(head + conv("a", "left") + conv("b", "right")))] == [
        "from left",
        "from right",
    ]


def test_constants_and_shapes_are_left_out_and_bodies_stand_under_their_name() -> None:
    """If(x) with a product in each branch, its shape computed by Shape, the result activated."""
    branches = {
        f"{side}_branch": helper.make_graph(
            [helper.make_node("MatMul", ["x", "m"], ["y"], name=side)],
            side,
            [],
            [value_info("y")],
            zeros({"m": (4, 4)}),
        )
        for side in ("then", "else")
    }
    nodes = [
        helper.make_node("Shape", ["x"], ["size"], name="size"),
        helper.make_node("If", ["test"], ["z"], name="choice", **branches),
        helper.make_node("Reshape", ["z", "size"], ["w"], name="back"),
        helper.make_node("Relu", ["w"], ["out"], name="activation"),
    ]
    model = proto(nodes, [value_info("x", (2, 4)), value_info("test", (), TensorProto.BOOL)], ["out"])
    assert lines(analysed(model)) == [
        "If(test, x)   as choice",
        "",
        "choice/else_branch:",
        "else(MatMul, out_c=4, in_c=4)   from x",
        "",
        "choice/then_branch:",
        "then(MatMul, out_c=4, in_c=4)   from x",
        "",
        "g:",
        "back(Reshape)-ReLU()   from choice",
    ]


# RetinaFace on MobileNet-0.25: out channels, kernel and stride of Conv0 to Conv26 as its published listing has them
# (https://github.com/deepinsight/insightface/tree/master/RetinaFace); every 3x3 after the first is depthwise
BACKBONE = (
    [(8, 3, 2), (8, 3, 1), (16, 1, 1), (16, 3, 2), (32, 1, 1), (32, 3, 1), (32, 1, 1), (32, 3, 2), (64, 1, 1), (64, 3, 1),
     (64, 1, 1), (64, 3, 2), (128, 1, 1)]
    + [(128, 3, 1), (128, 1, 1)] * 5
    + [(128, 3, 2), (256, 1, 1), (256, 3, 1), (256, 1, 1)]
)  # fmt: skip


@pytest.mark.parametrize("path", ["onnx_models/retinaface.onnx", "prototxt/retinaface.prototxt"])
def test_the_backbone_of_retinaface_as_it_was_written_down(path: str, root: Path) -> None:
    expected, before = [], 3
    for at, (channels, kernel, stride) in enumerate(BACKBONE):
        group = f", group={before}" if kernel == 3 and at else ""
        window = f"kernel={kernel}, pad={kernel // 2}, stride={stride}{group}"
        expected.append(f"Conv{at}(out_c={channels}, in_c={before}, {window})-BN()-ReLU()")
        before = channels
    found = [line for line in lines(graphcost.analyze(graphcost.load(root / path))) if line]
    assert found[: len(BACKBONE)] == expected


@pytest.mark.parametrize("path", ["onnx_models/retinaface.onnx", "prototxt/retinaface.prototxt"])
def test_the_pyramid_and_heads_of_retinaface_as_they_were_written_down(path: str, root: Path) -> None:
    """Which convolutions, how wide, what follows each and where each level starts from."""
    found = lines(graphcost.analyze(graphcost.load(root / path)))
    level = found[found.index(next(line for line in found if line.startswith("rf_c3_lateral"))) :]
    one, three = "kernel=1, pad=0, stride=1", "kernel=3, pad=1, stride=1"
    assert level[:11] == [
        f"rf_c3_lateral(Conv, out_c=64, in_c=256, {one})-BN()-ReLU()",
        f"rf_c3_det_conv1(out_c=32, in_c=64, {three})-BN()",
        f"rf_c3_det_context_conv1(out_c=16, in_c=64, {three})-BN()-ReLU()   from rf_c3_lateral",
        f"rf_c3_det_context_conv2(out_c=16, in_c=16, {three})-BN()",
        f"rf_c3_det_context_conv3_1(out_c=16, in_c=16, {three})-BN()-ReLU()   from rf_c3_det_context_conv1",
        f"rf_c3_det_context_conv3_2(out_c=16, in_c=16, {three})-BN()",
        "Concat(rf_c3_det_conv1, rf_c3_det_context_conv2, rf_c3_det_context_conv3_2)-ReLU()   as rf_c3_det_concat",
        f"face_rpn_cls_score_stride32(Conv, out_c=4, in_c=64, {one})-Reshape(1x2x40x20)-Softmax()-Reshape(1x4x20x20)",
        f"face_rpn_bbox_pred_stride32(Conv, out_c=8, in_c=64, {one})   from rf_c3_det_concat",
        f"face_rpn_landmark_pred_stride32(Conv, out_c=20, in_c=64, {one})   from rf_c3_det_concat",
        "",
    ]
    starts = [line for line in found if line.startswith(("rf_c2_lateral", "rf_c1_lateral"))]
    assert [line.partition("   ")[2] for line in starts] == ["from Conv22", "from Conv10"]
    merges = [line for line in found if "upsampling" in line]
    assert [line.partition(")-")[2].partition("-")[2] for line in merges] == [
        "Add(rf_c2_lateral)   from rf_c3_lateral",
        "Add(rf_c1_lateral)   from rf_c2_aggr",
    ]


SAMPLES = [path.relative_to(ROOT).as_posix() for ROOT in (Path(__file__).resolve().parents[2],)
           for pattern in ("prototxt/*.prototxt", "onnx_models/*.onnx") for path in sorted(ROOT.glob(pattern))]  # fmt: skip


@pytest.mark.parametrize("path", SAMPLES)
def test_every_sample_has_an_outline_in_which_each_convolution_begins_a_line(path: str, root: Path) -> None:
    analysis = graphcost.analyze(graphcost.load(root / path))
    windowed = [row for row in analysis.rows if row.work and row.work.macs and row.facts and row.facts.window.kernel]
    assert sum("kernel=" in line and "out_c=" in line.split(")")[0] for line in lines(analysis)) == len(windowed)
    assert analysis.report(style="outline").render("md").startswith("```text\n")


def test_what_else_was_asked_for_stands_below_the_lines(net: Any) -> None:
    model = net(HEAD + conv("conv0", "data")).model
    analysis = graphcost.analyze(model, target=graphcost.Target(device="cortex-m4"))
    text = analysis.report(style="outline", sections=["device"]).render("md")
    assert text.startswith("```text\nConv0(") and "## On Arm Cortex-M4F" in text and "| fits " in text


@pytest.mark.parametrize("format", ["md", "text"])
def test_lines_have_no_control_characters_and_say_what_is_not_known(format: str, net: Any) -> None:
    text = net(HEAD + layer("m\\033[31m", "Mystery", "data")).report(style="outline").render(format)
    assert "\x1b" not in text and r"m\x1b[31m(Mystery)" in text
    assert "Coverage: lower bounds" in text


def test_recurrent_layers_are_told_by_their_states_inputs_and_directions() -> None:
    """Both ways over 5 steps of 3 numbers; the bias, which is a matrix too, says nothing of them."""
    hidden, depth = 4, 3
    weights = {"w": (2, 4 * hidden, depth), "r": (2, 4 * hidden, hidden), "b": (2, 8 * hidden)}
    node = helper.make_node("LSTM", ["x", *weights], ["y"], hidden_size=hidden, direction="bidirectional")
    analysis = analysed(proto([node], {"x": (5, 1, depth)}, constants=zeros(weights)))
    assert lines(analysis) == ["LSTM0(out_c=4, in_c=3, directions=2)"]
