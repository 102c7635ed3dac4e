"""netscope's published figures of MTCNN (P-Net at 12x12, R-Net at 24x24, O-Net at 48x48), cell by cell."""

from __future__ import annotations

from pathlib import Path

import pytest

import graphcost

# name | type | channels and size in -> out | operations | memory, in the order of the analyzer's own rows.
# Figures: netscope's analyzer (dgschwend's fork, which counts operations) on the deployed networks of MTCNN.
PUBLISHED = {
    "det1": """
        data | data | 3 12x12 -> 3 12x12 |  | activation 432
        conv1 | Convolution | 3 12x12 -> 10 10x10 | macc 27k | activation 1000 param 280
        PReLU1 | PReLU | 10 10x10 -> 10 10x10 | comp 1000 | activation 1000
        pool1 | Pooling | 10 10x10 -> 10 5x5 | comp 1000 | activation 250
        conv2 | Convolution | 10 5x5 -> 16 3x3 | macc 12.96k | activation 144 param 1.46k
        PReLU2 | PReLU | 16 3x3 -> 16 3x3 | comp 144 | activation 144
        conv3 | Convolution | 16 3x3 -> 32 1x1 | macc 4.61k | activation 32 param 4.64k
        PReLU3 | PReLU | 32 1x1 -> 32 1x1 | comp 32 | activation 32
        conv4-2 | Convolution | 32 1x1 -> 4 1x1 | macc 128 | activation 4 param 132
        conv4-1 | Convolution | 32 1x1 -> 2 1x1 | macc 64 | activation 2 param 66
        prob1 | Softmax | 2 1x1 -> 2 1x1 | add 2 div 2 exp 2 | activation 2
        TOTAL |  |  | macc 44.76k comp 2.18k add 2 div 2 exp 2 | activation 3.04k param 6.57k""",
    "det2": """
        data | data | 3 24x24 -> 3 24x24 |  | activation 1.73k
        conv1 | Convolution | 3 24x24 -> 28 22x22 | macc 365.9k | activation 13.55k param 784
        prelu1 | PReLU | 28 22x22 -> 28 22x22 | comp 13.55k | activation 13.55k
        pool1 | Pooling | 28 22x22 -> 28 11x11 | comp 30.49k | activation 3.39k
        conv2 | Convolution | 28 11x11 -> 48 9x9 | macc 979.78k | activation 3.89k param 12.14k
        prelu2 | PReLU | 48 9x9 -> 48 9x9 | comp 3.89k | activation 3.89k
        pool2 | Pooling | 48 9x9 -> 48 4x4 | comp 6.91k | activation 768
        conv3 | Convolution | 48 4x4 -> 64 3x3 | macc 110.59k | activation 576 param 12.35k
        prelu3 | PReLU | 64 3x3 -> 64 3x3 | comp 576 | activation 576
        conv4 | InnerProduct | 64 3x3 -> 128 1x1 | macc 73.73k | activation 128 param 73.86k
        prelu4 | PReLU | 128 1x1 -> 128 1x1 | comp 128 | activation 128
        conv5-2 | InnerProduct | 128 1x1 -> 4 1x1 | macc 512 | activation 4 param 516
        conv5-1 | InnerProduct | 128 1x1 -> 2 1x1 | macc 256 | activation 2 param 258
        prob1 | Softmax | 2 1x1 -> 2 1x1 | add 2 div 2 exp 2 | activation 2
        TOTAL |  |  | macc 1.53M comp 55.55k add 2 div 2 exp 2 | activation 42.18k param 99.91k""",
    "det3": """
        data | data | 3 48x48 -> 3 48x48 |  | activation 6.91k
        conv1 | Convolution | 3 48x48 -> 32 46x46 | macc 1.83M | activation 67.71k param 896
        relu1 | PReLU | 32 46x46 -> 32 46x46 | comp 67.71k | activation 67.71k
        pool1 | Pooling | 32 46x46 -> 32 23x23 | comp 152.35k | activation 16.93k
        conv2 | Convolution | 32 23x23 -> 64 21x21 | macc 8.13M | activation 28.22k param 18.5k
        relu2 | PReLU | 64 21x21 -> 64 21x21 | comp 28.22k | activation 28.22k
        pool2 | Pooling | 64 21x21 -> 64 10x10 | comp 57.6k | activation 6.4k
        conv3 | Convolution | 64 10x10 -> 64 8x8 | macc 2.36M | activation 4.1k param 36.93k
        relu3 | PReLU | 64 8x8 -> 64 8x8 | comp 4.1k | activation 4.1k
        pool3 | Pooling | 64 8x8 -> 64 4x4 | comp 4.1k | activation 1.02k
        conv4 | Convolution | 64 4x4 -> 128 3x3 | macc 294.91k | activation 1.15k param 32.9k
        relu4 | PReLU | 128 3x3 -> 128 3x3 | comp 1.15k | activation 1.15k
        fc5 | InnerProduct | 128 3x3 -> 256 1x1 | macc 294.91k | activation 256 param 295.17k
        relu5 | PReLU | 256 1x1 -> 256 1x1 | comp 256 | activation 256
        drop5 | Dropout | 256 1x1 -> 256 1x1 | comp 256 | activation 256
        fc6-3 | InnerProduct | 256 1x1 -> 10 1x1 | macc 2.56k | activation 10 param 2.57k
        fc6-2 | InnerProduct | 256 1x1 -> 4 1x1 | macc 1.02k | activation 4 param 1.03k
        fc6-1 | InnerProduct | 256 1x1 -> 2 1x1 | macc 512 | activation 2 param 514
        prob1 | Softmax | 2 1x1 -> 2 1x1 | add 2 div 2 exp 2 | activation 2
        TOTAL |  |  | macc 12.91M comp 315.74k add 2 div 2 exp 2 | activation 234.42k param 388.5k""",
}


def rows(root: Path, net: str) -> list[str]:
    """The style's rows in the form of the table above."""
    table = graphcost.analyze(graphcost.load(root / f"prototxt/{net}.prototxt")).report(style="netscope").table
    lines = []
    for _, name, kind, channels_in, size_in, channels_out, size_out, *work in table.rows:
        passage = f"{channels_in} {size_in} -> {channels_out} {size_out}"
        lines.append(" | ".join([name, kind, passage, *(" ".join(cell.split()) for cell in work)]))
    return [*lines, " | ".join(["TOTAL", "", "", *(" ".join(cell.split()) for cell in table.total[-2:])])]


@pytest.mark.parametrize("net", PUBLISHED)
def test_every_cell_is_what_the_analyzer_printed(net: str, root: Path) -> None:
    assert rows(root, net) == [line.strip() for line in PUBLISHED[net].strip().splitlines()]


def test_other_layers_are_priced_as_the_analyzer_prices_them(net: object) -> None:
    head = 'input: "data" input_shape { dim: 1 dim: 4 dim: 6 dim: 6 }'
    layers = {
        "BatchNorm": ("", "add 144 div 144", "activation 144 param 8"),
        "LRN": ("lrn_param { local_size: 3 }", "macc 432 add 144 div 288 exp 144", "activation 144 param 2"),
        "Scale": ("", "macc 144", "activation 144"),
        "Power": ("power_param { scale: 2 power: 3 }", "macc 144 exp 144", "activation 144"),
        "Pooling": ("pooling_param { pool: AVE global_pooling: true }", "add 144", "activation 4"),
        # 6x6 -> 13x13: input channels x outputs x taps per stride
        "Deconvolution": (
            "convolution_param { num_output: 2 kernel_size: 3 stride: 2 }",
            f"macc {4 * 2 * 13 * 13 * 9 // 4 / 1000:.2f}k", "activation 338 param 74",
        ),
    }  # fmt: skip
    for kind, (fields, ops, memory) in layers.items():
        analysis = net(head + f'layer {{ name: "x" type: "{kind}" bottom: "data" top: "x" {fields} }}')  # type: ignore[operator]
        row = analysis.report(style="netscope").table.rows[1]
        assert " ".join(row[-2].split()) == ops and " ".join(row[-1].split()) == memory
