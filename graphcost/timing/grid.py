"""Small networks that a machine is measured by: chains of the operators that networks are made of, of many sizes.

Each layer becomes a point of a calibration. In a chain an operator finds its operand in the caches as it would in a
network, and conversions of a layout are paid once. The sizes are drawn at random, the same on every run, spread evenly
over their logarithms.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from math import exp, log, prod
from typing import Any

MOST_MACS = 150e6
"""Multiply-accumulates of one layer: what takes longer than some milliseconds is seldom left undisturbed."""
LIGHT = 4e5
"""Elements of a weight that is read for a few lines: so that those of a chain stay in the caches, as an estimate takes
it where the weights of a network fit them."""
MOST_ELEMENTS = 4e6
"""Elements of an activation."""


class Chain:
    """A network in the making: every method adds an operator to the end of it."""

    def __init__(self, seed: int, shape: Sequence[int]) -> None:
        from onnx import helper

        self.helper = helper
        self.random = random.Random(seed)
        self.shape = list(shape)
        self.given = tuple(shape)
        self.nodes: list[Any] = []
        self.weights: list[tuple[str, tuple[int, ...], str]] = []
        self.constants: list[Any] = []
        self.last = "x"

    def add(self, kind: str, *operands: str, shape: Sequence[int] | None = None, **attributes: Any) -> Chain:
        """An operator whose first operand is what the chain has made."""
        name = f"{kind.lower()}_{len(self.nodes)}"
        domain = "com.microsoft" if kind in ("Gelu", "SkipLayerNormalization") else ""
        self.nodes.append(
            self.helper.make_node(kind, [self.last, *operands], [name], name, domain=domain, **attributes)
        )
        self.last = name
        if shape is not None:
            self.shape = list(shape)
        return self

    def weight(self, *shape: int, dtype: str = "float32") -> str:
        name = f"w{len(self.weights)}"
        self.weights.append((name, shape, dtype))
        return name

    def constant(self, dtype: int, value: float) -> str:
        """One number of an element type, as ONNX numbers them."""
        name = f"c{len(self.constants)}"
        self.constants.append(self.helper.make_tensor(name, dtype, [], [value]))
        return name

    def quantised(self) -> Chain:
        """What the chain has made, narrowed to 8 bits and widened again."""
        scale, zero = self.constant(1, 0.02), self.constant(2, 0)
        return self.add("QuantizeLinear", scale, zero).add("DequantizeLinear", scale, zero)

    def wide(self, *shape: int) -> str:
        """A weight of 8 bits that is widened where it is used."""
        held, scale, zero = self.weight(*shape, dtype="int8"), self.constant(1, 0.01), self.constant(3, 0)
        wide = f"{held}_wide"
        self.nodes.append(self.helper.make_node("DequantizeLinear", [held, scale, zero], [wide], wide))
        return wide

    def integers(self, *values: int) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(self.helper.make_tensor(name, 7, [len(values)], values))
        return name

    def conv(self, outputs: int, kernel: int, stride: int = 1, group: int = 1, relu: bool = True) -> Chain:
        """A convolution whose output is as large as its input, but for its stride."""
        _, channels, height, width = self.shape
        weights = self.weight(outputs, channels // group, kernel, kernel)
        steps = [-(-size // stride) for size in (height, width)]
        self.add(
            "Conv", weights, self.weight(outputs), shape=(self.shape[0], outputs, *steps),
            kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[kernel // 2] * 4, group=group,
        )  # fmt: skip
        return self.add("Relu") if relu else self

    def product(self, columns: int) -> Chain:
        return self.add("MatMul", self.weight(self.shape[-1], columns), shape=(*self.shape[:-1], columns))

    def model(self) -> bytes:
        """The network with weights of random numbers, the same on every run."""
        import numpy as np
        from onnx import numpy_helper

        rng = np.random.default_rng(0)
        tensors = list(self.constants)
        for name, shape, dtype in self.weights:
            if dtype == "int8":
                tensors.append(numpy_helper.from_array(rng.integers(-127, 127, shape, np.int8), name))
                continue
            numbers = rng.standard_normal(shape, np.float32)
            scale = max(1, prod(shape[1:]) if len(shape) != 2 else shape[0]) ** -0.5
            tensors.append(numpy_helper.from_array((numbers * np.float32(scale)).astype(np.float32), name))
        info = self.helper.make_tensor_value_info
        graph = self.helper.make_graph(
            self.nodes, "grid", [info("x", 1, self.given)], [info(self.last, 1, None)], tensors
        )
        opsets = [self.helper.make_opsetid("", 17), self.helper.make_opsetid("com.microsoft", 1)]
        return bytes(self.helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())


def networks(scale: float = 1.0) -> Iterator[tuple[str, bytes]]:
    """What is measured, each with the name of its kind; `scale` is how many there are for each that is needed."""
    for kind, (make, count) in KINDS.items():
        for number in range(max(1, round(count * scale))):
            yield kind, make(1000 * list(KINDS).index(kind) + number).model()


def empty() -> bytes:
    """A network that does nothing: what a call of the runtime takes."""
    return Chain(0, (1,)).add("Identity").model()


def _between(rng: random.Random, low: float, high: float, multiple: int = 1) -> int:
    """A size, evenly drawn in the logarithm."""
    size = exp(rng.uniform(log(low), log(high)))
    return max(multiple, round(size / multiple) * multiple)


def _channels(rng: random.Random, high: int = 640) -> int:
    return _between(rng, 8, high, 8)


def _convolutions(seed: int) -> Chain:
    """Eight convolutions of 1 to 7 taps a side; the first may read an image."""
    rng = random.Random(seed)
    side = rng.choice((7, 10, 14, 20, 28, 28, 40, 56, 56, 80, 112))
    first = 3 if seed % 4 == 0 else _channels(rng)
    chain = Chain(seed, (1, first, 2 * side if first == 3 else side, 2 * side if first == 3 else side))
    for at in range(8):
        kernel = rng.choice((1, 1, 3, 3, 3, 5, 7))
        stride = 2 if (at == 0 and first == 3) or (rng.random() < 0.12 and chain.shape[2] > 7) else 1
        channels, area = chain.shape[1], chain.shape[2] * chain.shape[3] / stride**2
        most = min(MOST_MACS / (area * channels * kernel**2), MOST_ELEMENTS / area)
        if most < 8:
            continue
        chain.conv(_between(rng, 8, max(8, min(768, most)), 8), kernel, stride, relu=rng.random() < 0.8)
    return chain


def _depthwise(seed: int) -> Chain:
    """Inverted bottlenecks: 1x1, one filter for each channel, 1x1."""
    rng = random.Random(seed)
    side = rng.choice((7, 10, 14, 20, 28, 40, 56, 80, 112))
    chain = Chain(seed, (1, _channels(rng, 128), side, side))
    for _ in range(4):
        area = chain.shape[2] * chain.shape[3]
        inner = _between(rng, 16, max(16, min(960, MOST_ELEMENTS / area, MOST_MACS / (area * chain.shape[1]))), 8)
        chain.conv(inner, 1)
        chain.conv(inner, rng.choice((3, 3, 5, 7)), rng.choice((1, 1, 2)) if chain.shape[2] > 7 else 1, group=inner)
        chain.conv(_channels(rng, 160), 1, relu=False)
    return chain


def _grouped(seed: int) -> Chain:
    rng = random.Random(seed)
    side, group = rng.choice((7, 14, 28, 56)), rng.choice((2, 4, 8, 16, 32))
    chain = Chain(seed, (1, group * _between(rng, 8, 512 / group, 8), side, side))
    for _ in range(3):
        chain.conv(group * _between(rng, 8, max(8, 512 / group), 8), 3, group=group)
    return chain


def _products(seed: int) -> Chain:
    """Matrix products with constants, some with a bias and an activation behind them."""
    rng = random.Random(seed)
    lines = rng.choice((1, 1, 4, 16, 64, 128, 197, 256, 512))
    width = _between(rng, 32, 2048, 4)
    chain = Chain(seed, (lines, width) if rng.random() < 0.4 else (1, lines, width))
    for _ in range(6):
        most = max(8.0, min(4096.0, MOST_MACS / (lines * chain.shape[-1])))
        if lines < 16:
            most = max(8.0, min(most, LIGHT / chain.shape[-1]))
        chain.product(_between(rng, 32 if most > 32 else 8, most, 4))
        if rng.random() < 0.5:
            chain.add("Add", chain.weight(chain.shape[-1]))
        if rng.random() < 0.3:
            chain.add("Relu")
    return chain


def _attention(seed: int) -> Chain:
    """Products of two activations with a softmax between them, and the moves around them."""
    rng = random.Random(seed)
    heads, tokens, width = rng.choice((1, 4, 8, 12)), _between(rng, 16, 256), rng.choice((32, 64))
    chain = Chain(seed, (1, tokens, heads, width))
    chain.add("Transpose", perm=[0, 2, 1, 3], shape=(1, heads, tokens, width))
    values = chain.add("Abs").last
    keys = chain.add("Exp").add("Transpose", perm=[0, 1, 3, 2]).last
    chain.last = values
    chain.add("MatMul", keys, shape=(1, heads, tokens, tokens))
    chain.add("Softmax", axis=-1)
    chain.add("MatMul", values, shape=(1, heads, tokens, width))
    chain.add("Transpose", perm=[0, 2, 1, 3], shape=(1, tokens, heads, width))
    return chain.add("Reshape", chain.integers(1, tokens, heads * width), shape=(1, tokens, heads * width))


UNARY = (
    "Relu", "Sigmoid", "Tanh", "HardSwish", "Erf", "Exp", "Sqrt", "Abs", "Neg", "Softplus", "Elu", "LeakyRelu",
    "HardSigmoid", "Floor", "Reciprocal", "Clip",
)  # fmt: skip
BINARY = ("Add", "Mul", "Sub", "Div", "Max", "Min", "PRelu", "Pow")


def _elementwise(seed: int) -> Chain:
    """One operator after another over the same elements: of an activation, with a constant, with another activation."""
    rng = random.Random(seed)
    channels = _channels(rng, 256)
    elements = exp(rng.uniform(log(2e3), log(3e6)))
    side = max(1, round((elements / channels) ** 0.5))
    chain = Chain(seed, (1, channels, side, side))
    for kind in UNARY:
        chain.add(kind)
    for kind in BINARY:
        other = chain.last
        chain.add("Abs")
        chain.add(kind, other if rng.random() < 0.5 or kind in ("PRelu", "Pow") else chain.weight(channels, 1, 1))
    return chain.add("Gelu")


def _reductions(seed: int) -> Chain:
    """Normalisations and means over the last axis."""
    rng = random.Random(seed)
    lines, width = _between(rng, 1, 512), _between(rng, 32, 2048, 4)
    chain = Chain(seed, (1, lines, width))
    chain.add("LayerNormalization", chain.weight(width), chain.weight(width), axis=-1)
    chain.add("Softmax", axis=-1)
    other = chain.last
    chain.add("Abs").add("SkipLayerNormalization", other, chain.weight(width), chain.weight(width))
    kept = chain.last
    chain.add("ReduceMean", axes=[-1], keepdims=1).add("Neg")
    mean, chain.last = chain.last, kept
    chain.add("Sub", mean)
    chain.add("ReduceSum", chain.integers(1), keepdims=1, shape=(1, 1, width))
    return chain


def _images(seed: int) -> Chain:
    """Poolings, normalisations, resizes and what only moves elements, over an image."""
    rng = random.Random(seed)
    channels, side = _channels(rng, 256), rng.choice((8, 14, 28, 56))
    chain = Chain(seed, (1, channels, side, side))
    kernel = rng.choice((2, 3, 5))
    pads = {"kernel_shape": [kernel] * 2, "pads": [kernel // 2, kernel // 2, (kernel - 1) // 2, (kernel - 1) // 2]}
    chain.add("MaxPool", **pads).add("AveragePool", **pads, count_include_pad=1)
    scales = [chain.weight(channels) for _ in range(2)]
    chain.add("InstanceNormalization", *scales).add("Abs")
    chain.add("BatchNormalization", *scales, chain.weight(channels), scales[0])
    other = chain.last
    chain.add("Abs").add("Concat", other, axis=1, shape=(1, 2 * channels, side, side))
    chain.add("Slice", chain.integers(0), chain.integers(channels), chain.integers(1), shape=(1, channels, side, side))
    chain.add("Pad", chain.integers(0, 0, 1, 1, 0, 0, 1, 1), shape=(1, channels, side + 2, side + 2))
    chain.add("Transpose", perm=[0, 2, 3, 1]).add("Neg").add("Transpose", perm=[0, 3, 1, 2])
    chain.add("GlobalAveragePool", shape=(1, channels, 1, 1)).add("Flatten", shape=(1, channels))
    return chain.add("Gemm", chain.weight(channels, 100), shape=(1, 100))


def _pooled(seed: int) -> Chain:
    """Convolutions with what networks put between them: pooling, enlarging, concatenating."""
    rng = random.Random(seed)
    side, channels = rng.choice((8, 16, 28, 56)), _channels(rng, 128)
    chain = Chain(seed, (1, channels, side, side)).conv(channels, 1)
    first = chain.last
    chain.conv(channels, 3)
    chain.add("Concat", first, axis=1, shape=(1, 2 * channels, side, side)).conv(channels, 1)
    chain.add("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    chain.shape = [1, channels, (side + 1) // 2, (side + 1) // 2]
    chain.conv(channels, 1).add("AveragePool", kernel_shape=[2, 2], strides=[2, 2])
    chain.shape = [1, channels, chain.shape[2] // 2, chain.shape[3] // 2]
    chain.conv(channels, 1).add("Sigmoid")
    chain.add("GlobalAveragePool", shape=(1, channels, 1, 1)).conv(channels, 1, relu=False)
    return chain.add("HardSigmoid", alpha=1 / 6)


def _narrow(seed: int) -> Chain:
    """Convolutions and a product in 8 bits."""
    rng = random.Random(seed)
    side = rng.choice((7, 14, 28, 56))
    chain = Chain(seed, (1, _channels(rng, 256), side, side)).quantised()
    for _ in range(5):
        channels, area, kernel = chain.shape[1], side * side, rng.choice((1, 1, 3, 3, 5))
        depthwise = rng.random() < 0.3
        most = min(512.0, MOST_MACS / (area * channels * kernel**2))
        outputs = channels if depthwise else _between(rng, 8, max(8.0, most), 8)
        weights = chain.wide(outputs, 1 if depthwise else channels, kernel, kernel)
        chain.add(
            "Conv", weights, shape=(1, outputs, side, side), kernel_shape=[kernel] * 2, pads=[kernel // 2] * 4,
            group=channels if depthwise else 1,
        )  # fmt: skip
        chain.add("Relu").quantised()
    chain.add("GlobalAveragePool", shape=(1, chain.shape[1], 1, 1)).quantised()
    chain.add("Flatten", shape=(1, chain.shape[1]))
    width = _between(rng, 64, 1024, 4)
    return chain.add("MatMul", chain.wide(chain.shape[-1], width), shape=(1, width)).quantised()


def _recurrent(seed: int) -> Chain:
    """A recurrent layer over some steps."""
    rng = random.Random(seed)
    steps, width, hidden = _between(rng, 4, 64), _between(rng, 32, 512, 8), _between(rng, 32, 512, 8)
    kind, gates = rng.choice((("LSTM", 4), ("GRU", 3)))
    chain = Chain(seed, (steps, 1, width))
    weights = chain.weight(1, gates * hidden, width), chain.weight(1, gates * hidden, hidden)
    chain.add(kind, *weights, chain.weight(1, 2 * gates * hidden), hidden_size=hidden, shape=(steps, 1, 1, hidden))
    return chain.add("Abs")


KINDS: dict[str, tuple[Callable[[int], Chain], int]] = {
    "convolutions": (_convolutions, 24),
    "depthwise": (_depthwise, 12),
    "grouped": (_grouped, 6),
    "products": (_products, 16),
    "attention": (_attention, 10),
    "elementwise": (_elementwise, 7),
    "reductions": (_reductions, 12),
    "images": (_images, 12),
    "pooled": (_pooled, 12),
    "recurrent": (_recurrent, 14),
    "8 bits": (_narrow, 10),
}
"""What is measured, and how many networks of each kind."""
