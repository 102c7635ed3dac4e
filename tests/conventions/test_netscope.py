"""netscope's published figures of MTCNN (P-Net at 12x12, R-Net at 24x24, O-Net at 48x48), row by row."""

from __future__ import annotations

from pathlib import Path

import pytest

import graphcost

# layer: what the analyzer prints for operations and memory, in its own row order
PUBLISHED = {
    "det1": """
        data: activation 432
        conv1: macc 27k activation 1000 param 280
        PReLU1: comp 1000 activation 1000
        pool1: comp 1000 activation 250
        conv2: macc 12.96k activation 144 param 1.46k
        PReLU2: comp 144 activation 144
        conv3: macc 4.61k activation 32 param 4.64k
        PReLU3: comp 32 activation 32
        conv4-2: macc 128 activation 4 param 132
        conv4-1: macc 64 activation 2 param 66
        prob1: add 2 div 2 exp 2 activation 2
        TOTAL: macc 44.76k comp 2.18k add 2 div 2 exp 2 activation 3.04k param 6.57k""",
    "det2": """
        data: activation 1.73k
        conv1: macc 365.9k activation 13.55k param 784
        prelu1: comp 13.55k activation 13.55k
        pool1: comp 30.49k activation 3.39k
        conv2: macc 979.78k activation 3.89k param 12.14k
        prelu2: comp 3.89k activation 3.89k
        pool2: comp 6.91k activation 768
        conv3: macc 110.59k activation 576 param 12.35k
        prelu3: comp 576 activation 576
        conv4: macc 73.73k activation 128 param 73.86k
        prelu4: comp 128 activation 128
        conv5-2: macc 512 activation 4 param 516
        conv5-1: macc 256 activation 2 param 258
        prob1: add 2 div 2 exp 2 activation 2
        TOTAL: macc 1.53M comp 55.55k add 2 div 2 exp 2 activation 42.18k param 99.91k""",
    "det3": """
        TOTAL: macc 12.91M comp 315.74k add 2 div 2 exp 2 activation 234.42k param 388.5k""",
}


def rows(root: Path, net: str) -> dict[str, str]:
    table = graphcost.analyze(graphcost.load(root / f"prototxt/{net}.prototxt")).report(style="netscope").table
    cells = [*table.rows, table.total]
    return {row[1] or row[0]: " ".join(f"{row[-2]} {row[-1]}".split()) for row in cells}


@pytest.mark.parametrize("net", PUBLISHED)
def test_figures_are_those_that_the_analyzer_printed(net: str, root: Path) -> None:
    printed = rows(root, net)
    wanted = dict(line.strip().split(": ") for line in PUBLISHED[net].strip().splitlines())
    assert {name: printed[name] for name in wanted} == wanted
    if len(wanted) > 1:
        assert list(printed) == list(wanted)


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
