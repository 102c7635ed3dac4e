"""Whole lines of the documents that the styles follow, of the samples of this project.

The documents' own slips, which are not followed: the course's table heads elements with "memory(B)" and has a comma in
"2,3M"; MatConvNet's has a depth of 7 for fc11, which has 5 filters; torchstat's sums of MemRead and MemWrite stand as 0.0 there, and its
"Total Flops" as "Total FLOPs"; its duration was measured on a machine of its author. The listing of
RetinaFace has rf_c3_latteral for rf_c3_lateral, leaves out what heads start from, and the groups of its 3x3 convolutions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import graphcost
from graphcost.cli import main
from graphcost.graph import Tensor
from harness import conv, image, layer


@cache
def _lines(path: Path, style: str, format: str) -> list[str]:
    report = graphcost.analyze(graphcost.load(path)).report(style=style)
    return [re.sub(r" +", " ", line).strip() for line in report.render(format).splitlines()]


Printed = Callable[..., list[str]]


@pytest.fixture
def printed(root: Path) -> Printed:
    """The lines of a sample in a style, several blanks as one."""
    return lambda path, style, format="text": _lines(root / path, style, format)


TORCHSTAT = [
    "| number | module name | input shape | output shape | params | memory(MB) | MAdd | Flops | MemRead(B) "
    "| MemWrite(B) | duration[%] | MemR+W(B) |",
    "| 0 | vgg.0 | 3 300 300 | 64 300 300 | 1792.0 | 21.97 | 311,040,000.0 | 161,280,000.0 | 1087168.0 | 23040000.0 "
    "| - | 24127168.0 |",
    "| 35 | L2Norm | 512 38 38 | 512 38 38 | 512.0 | 2.82 | 0.0 | 0.0 | 0.0 | 0.0 | - | 0.0 |",
    "| 36 | extras.0 | 1024 19 19 | 256 19 19 | 262400.0 | 0.35 | 189,267,968.0 | 94,726,400.0 | 2528256.0 | 369664.0 "
    "| - | 2897920.0 |",
    "| 44 | loc.0 | 512 38 38 | 16 38 38 | 73744.0 | 0.09 | 212,926,464.0 | 106,486,336.0 | 3252288.0 | 92416.0 "
    "| - | 3344704.0 |",
    "| 56 | softmax | 8732 21 | 8732 21 | 0.0 | 0.70 | 550,115.0 | 0.0 | 0.0 | 0.0 | - | 0.0 |",
    "| total | | | | 26285486.0 | 207.65 | 62,782,359,651.0 | 31,435,153,596.0 | 328742776.0 | 214043888.0 "
    "| - | 542786664.0 |",
    "| Total params | Total memory | Total MAdd | Total Flops | Total MemR+W |",
    "| 26,285,486 | 207.65MB | 62.78GMAdd | 31.44GFlops | 517.64MB |",
]


def test_torchstat_prints_a_grid_of_modules_as_they_are_defined_and_the_sums_below(printed: Printed) -> None:
    lines = printed("onnx_models/ssd300.onnx", "torchstat")
    at = [lines.index(line) for line in TORCHSTAT]
    assert at == sorted(at)
    assert sum(line.startswith("|") for line in lines) == (1 + 57 + 1) + 2
    head = lines[at[0]]
    assert set(lines[at[0] - 1]) == {"+", "-"} and set(lines[at[0] + 1]) == {"+", "="}
    assert lines[at[0] - 1].count("+") == head.count("|") == 12 + 1
    assert set(lines[at[-1] + 1]) == {"+", "-"}


NESTED = [
    ("stem.0", "stem.10", "stem.2", "heads.box.0", "heads.cls.0", "stem.tail", "heads.box.1"),
    ("stem.0", "stem.2", "stem.10", "stem.tail", "heads.box.0", "heads.box.1", "heads.cls.0"),
]


def test_modules_of_a_list_stand_by_number_and_others_by_first_call(blank: Any) -> None:
    """Box and class heads that are called by turns stand apart, as their lists are defined."""
    called, defined = NESTED
    net = blank(x=Tensor((1, 3, 8, 8)))
    before = "x"
    for name in called:
        before = net.conv(name.replace(".", "/"), before, 3, 3, kernel=1)
    table = net.analyse().report(style="torchstat").table
    assert tuple(row[1] for row in table.rows) == defined


NETSCOPE = [
    "# Proposal Net (P-Net)",
    "| ID | Name | Type | Input CH | Input DIM | Output CH | Output DIM | OPS | Mem |",
    "| 1 | data | data | 3 | 12x12 | 3 | 12x12 | | activation 432 |",
    "| 2 | conv1 | Convolution | 3 | 12x12 | 10 | 10x10 | macc 27k | activation 1000<br>param 280 |",
    "| 11 | prob1 | Softmax | 2 | 1x1 | 2 | 1x1 | add 2<br>div 2<br>exp 2 | activation 2 |",
    "| TOTAL | | | | | | | macc 44.76k<br>comp 2.18k<br>add 2<br>div 2<br>exp 2 | activation 3.04k<br>param 6.57k |",
]


def test_netscope_prints_its_titles_over_its_head_words(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--style", "netscope", "--format", "md", "--title", "Proposal Net (P-Net)"]
    assert main([str(root / "prototxt/det1.prototxt"), *arguments]) == 0
    lines = [re.sub(" +", " ", line) for line in capsys.readouterr().out.splitlines()]
    at = [lines.index(line) for line in NETSCOPE]
    assert at == sorted(at) and at[0] == 0


@pytest.mark.parametrize("style", ["default", "outline", "cs231n"])
@pytest.mark.parametrize(("format", "begin"), [("text", "A net"), ("md", "# A net"), ("html", "<h1>A net</h1>")])
def test_a_title_stands_over_every_style(style: str, format: str, begin: str, root: Path) -> None:
    analysis = graphcost.analyze(graphcost.load(root / "prototxt/det1.prototxt"))
    assert begin in analysis.report(style=style, title="A net").render(format).splitlines()
    assert begin not in analysis.report(style=style).render(format).splitlines()


# name, ksize, stride, padding, channel, size, params, memory
COURSE = [
    "input | | | | 3 | 224x224 | | 150K",
    "conv1_1 | 3 | 1 | 1 | 64 | | 1.7K | 3.2M",
    "conv1_2 | 3 | 1 | 1 | 64 | | 36K | 3.2M",
    "maxpool | 2 | 2 | | | 112x112 | | 0.8M",
    "conv2_1 | 3 | 1 | 1 | 128 | | 73K | 1.6M",
    "conv2_2 | 3 | 1 | 1 | 128 | | 147K | 1.6M",
    "maxpool | 2 | 2 | | | 56x56 | | 0.4M",
    "conv3_1 | 3 | 1 | 1 | 256 | | 294K | 0.8M",
    "conv3_2 | 3 | 1 | 1 | 256 | | 589K | 0.8M",
    "conv3_3 | 3 | 1 | 1 | 256 | | 589K | 0.8M",
    "maxpool | 2 | 2 | | | 28x28 | | 0.2M",
    "conv4_1 | 3 | 1 | 1 | 512 | | 1.1M | 0.4M",
    "conv4_2 | 3 | 1 | 1 | 512 | | 2.3M | 0.4M",
    "conv4_3 | 3 | 1 | 1 | 512 | | 2.3M | 0.4M",
    "maxpool | 2 | 2 | | | 14x14 | | 0.1M",
    "conv5_1 | 3 | 1 | 1 | 512 | | 2.3M | 0.1M",
    "conv5_2 | 3 | 1 | 1 | 512 | | 2.3M | 0.1M",
    "conv5_3 | 3 | 1 | 1 | 512 | | 2.3M | 0.1M",
    "maxpool | 2 | 2 | | | 7x7 | | 25K",
    "fc1 | | | | 4096 | 1x1 | 102.7M | 4096",
    "fc2 | | | | 4096 | | 16.7M | 4096",
    "fc3 | | | | 1000 | | 4M | 1000",
    "total | | | | | | ~138M | ~15M",
]


@pytest.mark.parametrize(("path", "first"), [("onnx_models/vgg16.onnx", 1), ("prototxt/vgg16.prototxt", 6)])
def test_the_first_table_of_the_course_line_for_line(path: str, first: int, printed: Printed) -> None:
    """A Caffe file has names of its own: its fully connected layers are fc6 to fc8."""
    lines = [line.strip("| ") for line in printed(path, "cs231n_table", "md") if line.startswith("|")]
    wanted = [re.sub(r"^fc(\d)", lambda number: f"fc{int(number[1]) - 1 + first}", line) for line in COURSE]
    assert lines[0] == "name | ksize | stride | padding | channel | size | params | memory"
    assert lines[2:] == wanted


DASHES = "-" * 34


def short_level(level: int, follows: str) -> list[str]:
    """A level of RetinaFace's pyramid as its listing has it, without what this project adds behind three blanks."""
    name = f"rf_c{level}"
    above = f"rf_c{level + 1}_upsampling(2)-Slice-Add({name}_lateral)"
    stride = 4 * 2**level
    return [
        f"{name}_lateral(conv1x1,out=64)-BN-ReLU {DASHES} followed by {follows}",
        *([above, f"{name}_aggr(conv3x3,out=64)-BN-ReLU"] if level < 3 else []),
        f"{name}_det_conv1(conv3x3,out=32)-BN",
        f"{name}_det_context_conv1(conv3x3,out=16)-BN-ReLU",
        f"{name}_det_context_conv2(conv3x3,out=16)-BN",
        f"{name}_det_context_conv3_1(conv3x3,out=16)-BN-ReLU",
        f"{name}_det_context_conv3_2(conv3x3,out=16)-BN",
        f"Concat({name}_det_conv1,{name}_det_context_conv2,{name}_det_context_conv3_2)-ReLU",
        f"face_rpn_cls_score_stride{stride}(conv1x1,out=4)-Reshape-Softmax-Reshape",
        f"face_rpn_bbox_pred_stride{stride}(conv1x1,out=8)",
        f"face_rpn_landmark_pred_stride{stride}(conv1x1,out=20)",
    ]


def test_the_pyramid_of_retinaface_in_shorthand(printed: Printed) -> None:
    lines = printed("onnx_models/retinaface.onnx", "outline_short")
    bare = [re.sub(r" (from|as) \w+$", "", line) for line in lines if line]
    wanted = [*short_level(3, "Conv26"), *short_level(2, "Conv22"), *short_level(1, "Conv10")]
    begin = bare.index(wanted[0])
    assert bare[begin : begin + len(wanted)] == wanted
    assert bare[0] == "Conv0(out_c=8, in_c=3, kernel=3, pad=1, stride=2)-BN()-ReLU()"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (conv("head", "data", "kernel_size: 3 pad: 1"), "head(conv3x3,out=4)"),
        (conv("head", "data", "kernel_size: 3 stride: 2 dilation: 2"), "head(conv3x3,out=4,pad=0,stride=2,dilation=2)"),
        (conv("head", "data", "kernel_h: 1 kernel_w: 5 pad_w: 2"), "head(conv1x5,out=4,pad=0x2)"),
        (layer("scores", "InnerProduct", "data", "inner_product_param { num_output: 5 }"), "scores(FC,out=5)"),
        (layer("half", "Pooling", "data", "pooling_param { kernel_size: 2 stride: 2 }"),
         "half(MaxPool,kernel=2,pad=0,stride=2)"),
    ],
)  # fmt: skip
def test_shorthand_keeps_what_is_not_usual(text: str, told: str, net: Any) -> None:
    table = net(f'name: "n" {image(1, 3, 16, 16)}{text}').report(style="outline_short").table
    assert [row[0] for row in table.rows] == [told]


MATCONVNET = """\
     layer|   18|   19|  20|   21|  22|    23|  24|     25|
      type| conv| relu|conv| relu|conv|  relu|conv|softmxl|
      name|conv8|relu8| fc9|relu9|fc10|relu10|fc11|  sftmx|
----------|-----|-----|----|-----|----|------|----|-------|
   support|    3|    1|   4|    1|   1|     1|   1|      1|
  filt dim|  512|  n/a| 512|  n/a|1024|   n/a|1024|    n/a|
 num filts|  512|  n/a|1024|  n/a|1024|   n/a|   5|    n/a|
    stride|    1|    1|   4|    1|   1|     1|   1|      1|
       pad|    1|    0|   0|    0|   0|     0|   0|      0|
----------|-----|-----|----|-----|----|------|----|-------|
   rf size|   68|   68|  92|   92|  92|    92|  92|     92|
 rf offset|  4.5|  4.5|16.5| 16.5|16.5|  16.5|16.5|   16.5|
 rf stride|    8|    8|  32|   32|  32|    32|  32|     32|
----------|-----|-----|----|-----|----|------|----|-------|
 data size|    4|    4|   1|    1|   1|     1|   1|      1|
data depth|  512|  512|1024| 1024|1024|  1024|   5|      1|
  data num|    1|    1|   1|    1|   1|     1|   1|      1|
----------|-----|-----|----|-----|----|------|----|-------|
  data mem| 32KB| 32KB| 4KB|  4KB| 4KB|   4KB| 20B|     4B|
 param mem|  9MB|   0B|32MB|   0B| 4MB|    0B|20KB|     0B|

parameter memory|71MB (1.9e+07 parameters)|
     data memory|   4MB (for batch size 1)|
"""


def test_matconvnet_prints_blocks_with_lines_between_groups_and_its_memory_below(root: Path) -> None:
    analysis = graphcost.analyze(graphcost.load(root / "prototxt/matconvnet_grouped.prototxt"))
    text = analysis.report(style="matconvnet").render("text")
    first, second = text.split("\n\n", 1)[1].split("\n\n", 1)
    assert second.startswith(MATCONVNET)
    lines = first.splitlines()
    assert lines[0] == "     layer|" + "|".join(["    0", *(str(at).rjust(5) for at in range(1, 18))]) + "|"
    assert lines[2] == (
        "      name|  n/a|conv1|relu1|conv2|relu2|pool1|conv3|relu3|conv4|relu4|pool2|conv5|relu5|conv6|relu6|pool3"
        "|conv7|relu7|"
    )
    assert [at for at, line in enumerate(lines) if set(line) == {"-", "|"}] == [3, 9, 13, 17]
    assert len(lines) == 16 + 4


def test_blocks_stand_one_below_the_other_in_every_format(root: Path) -> None:
    """A name from the second block, and the memory of the parameters."""
    report = graphcost.analyze(graphcost.load(root / "prototxt/matconvnet_grouped.prototxt")).report(style="matconvnet")
    for format in ("md", "html", "latex", "text"):
        assert all(word in report.render(format) for word in ("relu10", "parameter memory", "71MB")), format
    assert "relu10" in report.render("csv")
