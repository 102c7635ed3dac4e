"""Networks of many kinds to time, built from their published shapes with random weights; nothing is downloaded.

    python benchmarks/zoo.py NAME FILE.onnx      one of them
    python benchmarks/zoo.py                     their names, layers and multiply-accumulates

Each is what an exporter writes after folding batch normalisation into convolutions, unless its name says otherwise.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

OPSET = 17


class Net:
    """A network in the making: methods add an operator to `x` and give the name and shape of what it makes."""

    def __init__(self, *shape: int, seed: int = 0, hollow: bool = False) -> None:
        """`hollow` leaves the contents of large weights out: such a network can be analysed, and not run as it is."""
        self.hollow = hollow
        self.more: dict[str, tuple[int, ...]] = {}
        self.rng = np.random.default_rng(seed)
        self.nodes: list = []
        self.weights: list[TensorProto] = []
        self.shapes: dict[str, tuple[int, ...]] = {"x": shape}
        self.given = shape

    def weight(self, *shape: int, spread: float | None = None) -> str:
        name = f"w{len(self.weights)}"
        if self.hollow:
            tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape)
            tensor.data_location = TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value="absent")
            self.weights.append(tensor)
            return name
        scale = spread or (np.prod(shape[1:]) if len(shape) != 2 else shape[0]) ** -0.5
        numbers = self.rng.standard_normal(shape, np.float32) * np.float32(scale)
        self.weights.append(numpy_helper.from_array(numbers.astype(np.float32), name))
        return name

    def constant(self, values: object, dtype: type = np.float32) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.array(values, dtype), name))
        return name

    def input(self, name: str, *shape: int) -> str:
        """A further input."""
        self.more[name] = self.shapes[name] = shape
        return name

    def add(self, kind: str, *inputs: str, shape: Sequence[int] | None = None, **attributes: object) -> str:
        name = f"{kind.lower()}_{len(self.nodes)}"
        domain = "com.microsoft" if kind in ("Gelu",) else ""
        self.nodes.append(helper.make_node(kind, inputs, [name], name, domain=domain, **attributes))
        self.shapes[name] = tuple(shape if shape is not None else self.shapes[inputs[0]])
        return name

    def conv(self, x: str, outputs: int, kernel: int = 3, stride: int = 1, group: int = 1, act: str = "Relu",
             pad: int | None = None, dilation: int = 1) -> str:  # fmt: skip
        batch, channels, *sides = self.shapes[x]
        pad = dilation * (kernel - 1) // 2 if pad is None else pad
        steps = [(side + 2 * pad - dilation * (kernel - 1) - 1) // stride + 1 for side in sides]
        y = self.add(
            "Conv", x, self.weight(outputs, channels // group, kernel, kernel), self.weight(outputs, spread=0.1),
            shape=(batch, outputs, *steps), kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4,
            group=group, dilations=[dilation] * 2,
        )  # fmt: skip
        return self.activate(y, act)

    def activate(self, x: str, act: str) -> str:
        if act == "SiLU":
            return self.add("Mul", x, self.add("Sigmoid", x))
        return self.add(act, x) if act else x

    def pool(self, x: str, kernel: int, stride: int, kind: str = "MaxPool", pad: int = 0) -> str:
        batch, channels, *sides = self.shapes[x]
        steps = [(side + 2 * pad - kernel) // stride + 1 for side in sides]
        return self.add(
            kind, x, shape=(batch, channels, *steps), kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4
        )

    def mean(self, x: str) -> str:
        return self.add("GlobalAveragePool", x, shape=(*self.shapes[x][:2], 1, 1))

    def flat(self, x: str) -> str:
        batch, *rest = self.shapes[x]
        return self.add("Flatten", x, shape=(batch, int(np.prod(rest))))

    def linear(self, x: str, outputs: int, act: str = "") -> str:
        inputs = self.shapes[x][-1]
        y = self.add(
            "Gemm", x, self.weight(outputs, inputs), self.weight(outputs, spread=0.1), transB=1,
            shape=(self.shapes[x][0], outputs),
        )  # fmt: skip
        return self.activate(y, act)

    def dense(self, x: str, outputs: int, bias: bool = True) -> str:
        """A matrix product over the last of several axes."""
        *lead, inputs = self.shapes[x]
        y = self.add("MatMul", x, self.weight(inputs, outputs), shape=(*lead, outputs))
        return self.add("Add", y, self.weight(outputs, spread=0.1)) if bias else y

    def norm(self, x: str) -> str:
        width = self.shapes[x][-1]
        return self.add(
            "LayerNormalization", x, self.weight(width, spread=0.5), self.weight(width, spread=0.5), axis=-1
        )

    def reshape(self, x: str, *shape: int) -> str:
        return self.add("Reshape", x, self.constant(shape, np.int64), shape=shape)

    def transpose(self, x: str, *perm: int) -> str:
        return self.add("Transpose", x, perm=perm, shape=[self.shapes[x][axis] for axis in perm])

    def concat(self, *parts: str, axis: int = 1) -> str:
        shape = list(self.shapes[parts[0]])
        shape[axis] = sum(self.shapes[part][axis] for part in parts)
        return self.add("Concat", *parts, axis=axis, shape=shape)

    def attention(self, x: str, heads: int) -> str:
        """Scaled dot products of all tokens, as exporters write them."""
        batch, tokens, width = self.shapes[x]
        inner = width // heads
        parts = []
        for order in ((0, 2, 1, 3), (0, 2, 3, 1), (0, 2, 1, 3)):
            part = self.reshape(self.dense(x, width), batch, tokens, heads, inner)
            parts.append(self.transpose(part, *order))
        query, key, value = parts
        scores = self.add("MatMul", query, key, shape=(batch, heads, tokens, tokens))
        scores = self.add("Div", scores, self.constant(inner**0.5))
        mixed = self.add("MatMul", self.add("Softmax", scores, axis=-1), value, shape=(batch, heads, tokens, inner))
        return self.dense(self.reshape(self.transpose(mixed, 0, 2, 1, 3), batch, tokens, width), width)

    def gelu(self, x: str) -> str:
        """As PyTorch exports it."""
        curve = self.add("Erf", self.add("Div", x, self.constant(2**0.5)))
        halved = self.add("Mul", x, self.add("Add", curve, self.constant(1.0)))
        return self.add("Mul", halved, self.constant(0.5))

    def model(self, *outputs: str) -> ModelProto:
        info = helper.make_tensor_value_info
        made = [info(name, TensorProto.FLOAT, self.shapes[name]) for name in outputs or (self.nodes[-1].output[0],)]
        given = [info(name, TensorProto.FLOAT, shape) for name, shape in {"x": self.given, **self.more}.items()]
        graph = helper.make_graph(self.nodes, "net", given, made, self.weights)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def image(batch: int = 1, side: int = 224, hollow: bool = False) -> Net:
    return Net(batch, 3, side, side, hollow=hollow)


def vgg(n: Net, sizes: Sequence[Sequence[int]] = ((64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3)) -> Net:
    x = "x"
    for stage in sizes:
        for channels in stage:
            x = n.conv(x, channels)
        x = n.pool(x, 2, 2)
    n.linear(n.linear(n.linear(n.flat(x), 4096, "Relu"), 4096, "Relu"), 1000)
    return n


def alexnet(n: Net) -> Net:
    x = n.pool(n.conv("x", 64, 11, 4, pad=2), 3, 2)
    x = n.pool(n.conv(x, 192, 5), 3, 2)
    x = n.pool(n.conv(n.conv(n.conv(x, 384), 256), 256), 3, 2)
    n.linear(n.linear(n.linear(n.flat(x), 4096, "Relu"), 4096, "Relu"), 1000)
    return n


def resnet(n: Net, blocks: Sequence[int] = (3, 4, 6, 3), bottleneck: bool = True, group: int = 1, base: int = 64,
           widths: Sequence[int] = ()) -> Net:  # fmt: skip
    """Table 1 of https://arxiv.org/abs/1512.03385; the stride stands at the 3x3, as torchvision has it."""
    x = n.pool(n.conv("x", 64, 7, 2), 3, 2, pad=1)
    for stage, count in enumerate(blocks):
        for at in range(count):
            width, stride = base * 2**stage, 2 if stage and not at else 1
            outputs = 64 * 2**stage * (4 if bottleneck else 1)
            y = x
            if bottleneck:
                y = n.conv(n.conv(y, width, 1), width, 3, stride, group=group)
                y = n.conv(y, outputs, 1, act="")
            else:
                y = n.conv(n.conv(y, width, 3, stride), outputs, 3, act="")
            if n.shapes[x] != n.shapes[y]:
                x = n.conv(x, outputs, 1, stride, act="")
            x = n.add("Relu", n.add("Add", y, x))
    n.linear(n.flat(n.mean(x)), 1000)
    return n


def squeeze(n: Net, x: str, inner: int, act: str = "Relu", gate: str = "HardSigmoid") -> str:
    """Squeeze and excitation: a weight for each channel."""
    y = n.conv(n.conv(n.mean(x), inner, 1, act=act), n.shapes[x][1], 1, act="")
    y = n.add(gate, y, alpha=1 / 6) if gate == "HardSigmoid" else n.add(gate, y)
    return n.add("Mul", x, y)


def regnet(n: Net) -> Net:
    """RegNetY-8GF of torchvision: https://arxiv.org/abs/2003.13678."""
    x = n.conv("x", 32, 3, 2)
    for count, width in ((2, 224), (4, 448), (10, 896), (1, 2016)):
        for at in range(count):
            stride, before = (2, n.shapes[x][1]) if not at else (1, width)
            y = n.conv(n.conv(x, width, 1), width, 3, stride, group=width // 56)
            y = n.conv(squeeze(n, y, round(0.25 * before), gate="Sigmoid"), width, 1, act="")
            if not at:
                x = n.conv(x, width, 1, stride, act="")
            x = n.add("Relu", n.add("Add", y, x))
    n.linear(n.flat(n.mean(x)), 1000)
    return n


def mobilenet_v1(n: Net) -> Net:
    x = n.conv("x", 32, 3, 2)
    for outputs, stride in (
        (64, 1),
        (128, 2),
        (128, 1),
        (256, 2),
        (256, 1),
        (512, 2),
        *[(512, 1)] * 5,
        (1024, 2),
        (1024, 1),
    ):
        channels = n.shapes[x][1]
        x = n.conv(n.conv(x, channels, 3, stride, group=channels), outputs, 1)
    n.linear(n.flat(n.mean(x)), 1000)
    return n


def clip6(n: Net, x: str) -> str:
    return n.add("Clip", x, n.constant(0.0), n.constant(6.0))


def mobilenet_v2(n: Net) -> Net:
    """Table 2 of https://arxiv.org/abs/1801.04381."""
    x = clip6(n, n.conv("x", 32, 3, 2, act=""))
    for expand, outputs, count, first in (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)
    ):  # fmt: skip
        for at in range(count):
            inner = n.shapes[x][1] * expand
            y = clip6(n, n.conv(x, inner, 1, act="")) if expand > 1 else x
            y = clip6(n, n.conv(y, inner, 3, first if not at else 1, group=inner, act=""))
            y = n.conv(y, outputs, 1, act="")
            x = n.add("Add", x, y) if n.shapes[x] == n.shapes[y] else y
    x = clip6(n, n.conv(x, 1280, 1, act=""))
    n.linear(n.flat(n.mean(x)), 1000)
    return n


def mobilenet_v3(n: Net) -> Net:
    """Table 1 of https://arxiv.org/abs/1905.02244, with torchvision's widths of squeezing."""
    x = n.conv("x", 16, 3, 2, act="HardSwish")
    for kernel, inner, outputs, squeezed, act, stride in (
        (3, 16, 16, 0, "Relu", 1), (3, 64, 24, 0, "Relu", 2), (3, 72, 24, 0, "Relu", 1), (5, 72, 40, 24, "Relu", 2),
        (5, 120, 40, 32, "Relu", 1), (5, 120, 40, 32, "Relu", 1), (3, 240, 80, 0, "HardSwish", 2),
        (3, 200, 80, 0, "HardSwish", 1), (3, 184, 80, 0, "HardSwish", 1), (3, 184, 80, 0, "HardSwish", 1),
        (3, 480, 112, 120, "HardSwish", 1), (3, 672, 112, 168, "HardSwish", 1), (5, 672, 160, 168, "HardSwish", 2),
        (5, 960, 160, 240, "HardSwish", 1), (5, 960, 160, 240, "HardSwish", 1),
    ):  # fmt: skip
        y = n.conv(x, inner, 1, act=act) if inner != n.shapes[x][1] else x
        y = n.conv(y, inner, kernel, stride, group=inner, act=act)
        y = squeeze(n, y, squeezed) if squeezed else y
        y = n.conv(y, outputs, 1, act="")
        x = n.add("Add", x, y) if n.shapes[x] == n.shapes[y] else y
    x = n.conv(x, 960, 1, act="HardSwish")
    n.linear(n.linear(n.flat(n.mean(x)), 1280, "HardSwish"), 1000)
    return n


def efficientnet(n: Net) -> Net:
    """EfficientNet-B0, table 1 of https://arxiv.org/abs/1905.11946."""
    x = n.conv("x", 32, 3, 2, act="SiLU")
    for expand, outputs, count, first, kernel in (
        (1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5),
        (6, 320, 1, 1, 3),
    ):  # fmt: skip
        for at in range(count):
            channels = n.shapes[x][1]
            inner = channels * expand
            y = n.conv(x, inner, 1, act="SiLU") if expand > 1 else x
            y = n.conv(y, inner, kernel, first if not at else 1, group=inner, act="SiLU")
            pooled = n.conv(n.mean(y), max(1, channels // 4), 1, act="SiLU")
            y = n.add("Mul", y, n.add("Sigmoid", n.conv(pooled, inner, 1, act="")))
            y = n.conv(y, outputs, 1, act="")
            x = n.add("Add", x, y) if n.shapes[x] == n.shapes[y] else y
    n.linear(n.flat(n.mean(n.conv(x, 1280, 1, act="SiLU"))), 1000)
    return n


def densenet(n: Net, blocks: Sequence[int] = (6, 12, 24, 16), growth: int = 32) -> Net:
    """DenseNet-121; the normalisation before each first convolution stays, as it cannot be folded."""

    def normalised(x: str) -> str:
        parts = [n.weight(n.shapes[x][1], spread=0.5) for _ in range(3)]
        variance = n.constant(np.ones(n.shapes[x][1]))
        return n.add("Relu", n.add("BatchNormalization", x, *parts, variance))

    x = n.pool(n.conv("x", 2 * growth, 7, 2), 3, 2, pad=1)
    for number, count in enumerate(blocks):
        for _ in range(count):
            x = n.concat(x, n.conv(n.conv(normalised(x), 4 * growth, 1), growth, 3, act=""))
        if number < len(blocks) - 1:
            x = n.pool(n.conv(normalised(x), n.shapes[x][1] // 2, 1, act=""), 2, 2, "AveragePool")
    n.linear(n.flat(n.mean(normalised(x))), 1000)
    return n


def convnext(n: Net, blocks: Sequence[int] = (3, 3, 9, 3), widths: Sequence[int] = (96, 192, 384, 768)) -> Net:
    """ConvNeXt-T of https://arxiv.org/abs/2201.03545: its normalisations and products run over the last axis."""

    def normalised(x: str) -> str:
        return n.transpose(n.norm(n.transpose(x, 0, 2, 3, 1)), 0, 3, 1, 2)

    x = normalised(n.conv("x", widths[0], 4, 4, pad=0, act=""))
    for number, (count, width) in enumerate(zip(blocks, widths, strict=True)):
        if number:
            x = n.conv(normalised(x), width, 2, 2, pad=0, act="")
        for _ in range(count):
            y = n.norm(n.transpose(n.conv(x, width, 7, group=width, act=""), 0, 2, 3, 1))
            y = n.dense(n.gelu(n.dense(y, 4 * width)), width)
            y = n.transpose(n.add("Mul", y, n.weight(width, spread=0.1)), 0, 3, 1, 2)
            x = n.add("Add", x, y)
    n.linear(n.norm(n.flat(n.mean(x))), 1000)
    return n


def squeezenet(n: Net) -> Net:
    """SqueezeNet 1.1."""
    x = n.pool(n.conv("x", 64, 3, 2, pad=0), 3, 2)
    for inner, outputs, pooled in (
        (16, 64, 0), (16, 64, 1), (32, 128, 0), (32, 128, 1), (48, 192, 0), (48, 192, 0), (64, 256, 0), (64, 256, 0)
    ):  # fmt: skip
        y = n.conv(x, inner, 1)
        x = n.concat(n.conv(y, outputs, 1), n.conv(y, outputs, 3))
        x = n.pool(x, 3, 2) if pooled else x
    n.mean(n.conv(x, 1000, 1))
    return n


def inception(n: Net) -> Net:
    """GoogLeNet: https://arxiv.org/abs/1409.4842."""
    x = n.pool(n.conv("x", 64, 7, 2), 3, 2, pad=1)
    x = n.pool(n.conv(n.conv(x, 64, 1), 192, 3), 3, 2, pad=1)
    for a, b1, b3, c1, c5, d, pooled in (
        (64, 96, 128, 16, 32, 32, 0), (128, 128, 192, 32, 96, 64, 1), (192, 96, 208, 16, 48, 64, 0),
        (160, 112, 224, 24, 64, 64, 0), (128, 128, 256, 24, 64, 64, 0), (112, 144, 288, 32, 64, 64, 0),
        (256, 160, 320, 32, 128, 128, 1), (256, 160, 320, 32, 128, 128, 0), (384, 192, 384, 48, 128, 128, 0),
    ):  # fmt: skip
        x = n.concat(
            n.conv(x, a, 1), n.conv(n.conv(x, b1, 1), b3, 3), n.conv(n.conv(x, c1, 1), c5, 5),
            n.conv(n.pool(x, 3, 1, pad=1), d, 1),
        )  # fmt: skip
        x = n.pool(x, 3, 2, pad=1) if pooled else x
    n.linear(n.flat(n.mean(x)), 1000)
    return n


def shufflenet(n: Net) -> Net:
    """ShuffleNet V2 x1.0 of https://arxiv.org/abs/1807.11164: halves that are mixed by a transposition."""
    x = n.pool(n.conv("x", 24, 3, 2), 3, 2, pad=1)

    def right(x: str, outputs: int, stride: int) -> str:
        y = n.conv(x, outputs, 1)
        return n.conv(n.conv(y, outputs, 3, stride, group=outputs, act=""), outputs, 1)

    for outputs, count in ((116, 4), (232, 8), (464, 4)):
        half = outputs // 2
        for at in range(count):
            batch, channels, height, width = n.shapes[x]
            if at:
                parts = [
                    n.add("Slice", x, *(n.constant([at], np.int64) for at in (start, stop, 1)),
                          shape=(batch, half, height, width))
                    for start, stop in ((0, half), (half, outputs))
                ]  # fmt: skip
                x = n.concat(parts[0], right(parts[1], half, 1))
            else:
                left = n.conv(n.conv(x, channels, 3, 2, group=channels, act=""), half, 1)
                x = n.concat(left, right(x, half, 2))
            batch, channels, height, width = n.shapes[x]
            x = n.transpose(n.reshape(x, batch, 2, half, height, width), 0, 2, 1, 3, 4)
            x = n.reshape(x, batch, channels, height, width)
    n.linear(n.flat(n.mean(n.conv(x, 1024, 1))), 1000)
    return n


def unet(n: Net) -> Net:
    """Down and up again, with what was set aside on the way."""
    x, kept = "x", []
    for channels in (16, 32, 64, 128):
        x = n.conv(n.conv(x, channels), channels)
        kept.append(x)
        x = n.pool(x, 2, 2)
    x = n.conv(n.conv(x, 256), 256)
    for channels in (128, 64, 32, 16):
        batch, inputs, height, width = n.shapes[x]
        x = n.add(
            "ConvTranspose", x, n.weight(inputs, channels, 2, 2), n.weight(channels, spread=0.1), kernel_shape=[2, 2],
            strides=[2, 2], shape=(batch, channels, 2 * height, 2 * width),
        )  # fmt: skip
        x = n.conv(n.conv(n.concat(kept.pop(), x), channels), channels)
    n.conv(x, 2, 1, act="Sigmoid")
    return n


def detector(n: Net) -> Net:
    """A small single-shot detector: a stack of stages with SiLU, a pyramid, three heads."""

    def block(x: str, width: int) -> str:
        a, b = n.conv(x, width // 2, 1, act="SiLU"), n.conv(x, width // 2, 1, act="SiLU")
        y = n.add("Add", b, n.conv(n.conv(b, width // 2, 1, act="SiLU"), width // 2, 3, act="SiLU"))
        return n.conv(n.concat(a, y), width, 1, act="SiLU")

    def enlarged(x: str) -> str:
        batch, channels, height, width = n.shapes[x]
        return n.add(
            "Resize", x, "", n.constant([1, 1, 2, 2]), mode="nearest", nearest_mode="floor",
            coordinate_transformation_mode="asymmetric", shape=(batch, channels, 2 * height, 2 * width),
        )  # fmt: skip

    x, maps = n.conv("x", 16, 3, 2, act="SiLU"), []
    for width in (32, 64, 128, 256):
        x = block(n.conv(x, width, 3, 2, act="SiLU"), width)
        maps.append(x)
    small, middle, large = maps[-1], maps[-2], maps[-3]
    middle = block(n.concat(enlarged(n.conv(small, 128, 1, act="SiLU")), middle), 128)
    large = block(n.concat(enlarged(n.conv(middle, 64, 1, act="SiLU")), large), 64)
    heads = []
    for part in (large, middle, small):
        y = n.conv(n.conv(part, 64, 3, act="SiLU"), 85, 1, act="")
        batch, channels, height, width = n.shapes[y]
        heads.append(n.reshape(y, batch, channels, height * width))
    n.add("Sigmoid", n.transpose(n.concat(*heads, axis=2), 0, 2, 1))
    return n


def encoder(tokens: int, width: int, heads: int, layers: int) -> Net:
    """The encoder of a transformer, normalised behind each part: BERT's."""
    n = Net(1, tokens, width)
    x = "x"
    for _ in range(layers):
        x = n.norm(n.add("Add", n.attention(x, heads), x))
        x = n.norm(n.add("Add", n.dense(n.gelu(n.dense(x, 4 * width)), width), x))
    n.linear(n.reshape(x, 1, tokens * width), 2)
    return n


def vision_transformer(n: Net, width: int = 192, heads: int = 3, layers: int = 12) -> Net:
    """ViT-Ti/16, normalised before each part."""
    x = n.conv("x", width, 16, 16, pad=0, act="")
    batch, _, height, _ = n.shapes[x]
    x = n.transpose(n.reshape(x, batch, width, height * height), 0, 2, 1)
    x = n.add("Add", x, n.weight(1, height * height, width, spread=0.02))
    for _ in range(layers):
        x = n.add("Add", n.attention(n.norm(x), heads), x)
        x = n.add("Add", n.dense(n.gelu(n.dense(n.norm(x), 4 * width)), width), x)
    n.linear(n.reshape(n.norm(x), 1, height * height * width), 10)
    return n


def mixer(n: Net, width: int = 192, layers: int = 8) -> Net:
    """Products over the positions and over the channels in turn."""
    x = n.conv("x", width, 16, 16, pad=0, act="")
    batch, _, height, _ = n.shapes[x]
    tokens = height * height
    x = n.transpose(n.reshape(x, batch, width, tokens), 0, 2, 1)
    for _ in range(layers):
        y = n.transpose(n.norm(x), 0, 2, 1)
        y = n.transpose(n.dense(n.gelu(n.dense(y, 2 * tokens)), tokens), 0, 2, 1)
        x = n.add("Add", x, y)
        x = n.add("Add", x, n.dense(n.gelu(n.dense(n.norm(x), 4 * width)), width))
    n.norm(x)
    return n


def decoder(batch: int, past: int, layers: int = 16, width: int = 2048, hidden: int = 8192) -> Net:
    """One step of a decoder in the shape of Llama 3.2 1B: 32 heads, 8 of them for keys and values, which are cached."""
    n = Net(batch, 1, width, hollow=True)
    x, heads, inner, tokens = "x", 8, 64, past + 1

    def turned(x: str) -> str:
        """A rotation by the angle of the place, as sums of products."""
        return n.add("Add", n.add("Mul", x, n.weight(inner)), n.add("Mul", x, n.weight(inner)))

    def cached(layer: int, kind: str, fresh: str) -> str:
        kept = n.input(f"{kind}{layer}", batch, heads, past, inner)
        return n.concat(kept, n.transpose(n.reshape(fresh, batch, 1, heads, inner), 0, 2, 1, 3), axis=2)

    for layer in range(layers):
        y = n.add("SimplifiedLayerNormalization", x, n.weight(width), axis=-1)
        query = turned(n.reshape(n.dense(y, width, bias=False), batch, heads, 4, inner))
        keys = cached(layer, "k", n.dense(y, heads * inner, bias=False))
        values = cached(layer, "v", n.dense(y, heads * inner, bias=False))
        scores = n.add("MatMul", query, n.transpose(keys, 0, 1, 3, 2), shape=(batch, heads, 4, tokens))
        mixed = n.add("MatMul", n.add("Softmax", scores, axis=-1), values, shape=(batch, heads, 4, inner))
        x = n.add("Add", x, n.dense(n.reshape(mixed, batch, 1, width), width, bias=False))
        y = n.add("SimplifiedLayerNormalization", x, n.weight(width), axis=-1)
        gated = n.add("Mul", n.activate(n.dense(y, hidden, bias=False), "SiLU"), n.dense(y, hidden, bias=False))
        x = n.add("Add", x, n.dense(gated, width, bias=False))
    n.dense(n.add("SimplifiedLayerNormalization", x, n.weight(width), axis=-1), 128256, bias=False)
    return n


def recurrent(kind: str, steps: int = 64, width: int = 256, layers: int = 2) -> Net:
    n = Net(steps, 1, width)
    gates, x = {"LSTM": 4, "GRU": 3}[kind], "x"
    for _ in range(layers):
        y = n.add(
            kind, x, n.weight(1, gates * width, width, spread=0.06), n.weight(1, gates * width, width, spread=0.06),
            n.weight(1, 2 * gates * width, spread=0.1), hidden_size=width, shape=(steps, 1, 1, width),
        )  # fmt: skip
        x = n.reshape(y, steps, 1, width)
    n.linear(n.reshape(x, steps, width), 1000)
    return n


def perceptron() -> Net:
    n, x = Net(32, 784), "x"
    for width in (1024, 1024, 512):
        x = n.linear(x, width, "Relu")
    n.linear(x, 10)
    return n


def quantised(n: Net) -> Net:
    """Convolutions with weights and activations in 8 bits, by pairs of QuantizeLinear and DequantizeLinear."""
    scale, zero = n.constant(0.02), n.constant(0, np.uint8)

    def pair(x: str) -> str:
        return n.add("DequantizeLinear", n.add("QuantizeLinear", x, scale, zero), scale, zero)

    def conv(x: str, outputs: int, kernel: int, stride: int = 1, group: int = 1) -> str:
        batch, channels, *sides = n.shapes[x]
        small = n.rng.integers(-127, 127, (outputs, channels // group, kernel, kernel), np.int8)
        held = n.constant(small, np.int8)
        n.shapes[held] = small.shape
        weights = n.add("DequantizeLinear", held, n.constant(0.01), n.constant(0, np.int8))
        steps = [(side - 1) // stride + 1 for side in sides]
        y = n.add(
            "Conv", x, weights, shape=(batch, outputs, *steps), kernel_shape=[kernel] * 2, strides=[stride] * 2,
            pads=[kernel // 2] * 4, group=group,
        )  # fmt: skip
        return pair(n.add("Relu", y))

    x = conv(pair("x"), 32, 3, 2)
    for outputs, stride in ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (512, 1)):
        x = conv(conv(x, n.shapes[x][1], 3, stride, group=n.shapes[x][1]), outputs, 1)
        x = conv(x, outputs, 3)
    n.linear(n.flat(n.mean(x)), 1000)
    return n


ZOO: dict[str, Callable[[], Net]] = {
    "alexnet": lambda: alexnet(image()),
    "vgg11": lambda: vgg(image(), ((64,), (128,), (256,) * 2, (512,) * 2, (512,) * 2)),
    "vgg16": lambda: vgg(image()),
    "resnet18": lambda: resnet(image(), (2, 2, 2, 2), False),
    "resnet50": lambda: resnet(image()),
    "resnext50": lambda: resnet(image(), group=32, base=128),
    "regnet_y_8gf": lambda: regnet(image()),
    "squeezenet": lambda: squeezenet(image()),
    "googlenet": lambda: inception(image()),
    "densenet121": lambda: densenet(image()),
    "mobilenet_v1": lambda: mobilenet_v1(image()),
    "mobilenet_v2": lambda: mobilenet_v2(image()),
    "mobilenet_v3_large": lambda: mobilenet_v3(image()),
    "efficientnet_b0": lambda: efficientnet(image()),
    "shufflenet_v2": lambda: shufflenet(image()),
    "convnext_tiny": lambda: convnext(image()),
    "unet": lambda: unet(Net(1, 1, 128, 128)),
    "detector": lambda: detector(image(side=320)),
    "vit_tiny": lambda: vision_transformer(image()),
    "mixer": lambda: mixer(image()),
    "encoder, short": lambda: encoder(32, 256, 4, 4),
    "encoder, long": lambda: encoder(256, 384, 6, 6),
    "perceptron": perceptron,
    "lstm": lambda: recurrent("LSTM"),
    "gru": lambda: recurrent("GRU"),
    "quantised": lambda: quantised(image()),
}
"""The networks by name: plain, residual, dense, depthwise, with attention, recurrent, a detector, quantised."""


def main() -> None:
    if len(sys.argv) == 3:
        Path(sys.argv[2]).write_bytes(ZOO[sys.argv[1]]().model().SerializeToString())
        return
    import graphcost

    for name, make in ZOO.items():
        analysis = graphcost.analyze(graphcost.load(make().model().SerializeToString()))
        print(f"{name:20s} {len(analysis.rows):5d} layers {analysis.total('macs'):15,d} MACs  {analysis.unknown or ''}")


if __name__ == "__main__":
    main()
