"""Known networks, built an operator a line with the module paths that exporters keep; weights are shapes alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import prod

import pytest

from graphcost import Analysis, analyze
from graphcost.graph import Model, Op, Origin, Shape, Tensor, build_dag


class Network:
    """Adds operators and hands back the names of their outputs."""

    def __init__(self, **inputs: Tensor) -> None:
        self.inputs = inputs
        self.weights: dict[str, Tensor] = {}
        self.ops: list[Op] = []

    def op(self, path: str, kind: str, *inputs: str, weights: tuple[Shape, ...] = (), **attrs: object) -> str:
        """An operator of the module at `path`; "" is the forward function of the whole network."""
        name = f"/{path}/{kind}_{len(self.ops)}"
        own = {f"{name}.{at}": Tensor(shape) for at, shape in enumerate(weights)}
        self.weights |= own
        self.ops.append(Op(name, kind, (*inputs, *own), (f"{name}:0",), attrs))
        return f"{name}:0"

    def exported(self, path: str, kind: str, *inputs: str, origin: Origin, **attrs: object) -> str:
        """An operator of which the newer exporter notes the call that it was."""
        name = f"node_{kind}_{len(self.ops)}"
        self.ops.append(Op(name, kind, inputs, (f"{name}:0",), attrs, scope=path, origin=origin))
        return f"{name}:0"

    def weight(self, name: str, *shape: int, value: tuple[float, ...] | None = None) -> str:
        """A weight under the name that the file has for it, and with contents that are kept."""
        self.weights[name] = Tensor(shape, "float32", value)
        return name

    def made(self, path: str, *shape: int, value: float) -> str:
        """A constant that the older exporter of PyTorch makes in a module."""
        name = f"/{path}/Constant_{len(self.ops)}_output_0"
        contents = Tensor(shape, "float32", (value,) * prod(shape))
        self.ops.append(Op(name.removesuffix("_output_0"), "Constant", (), (name,), {"value": contents}))
        return name

    def shape(self, *extents: int) -> str:
        """A constant shape."""
        name = "x".join(map(str, extents))
        self.weights[name] = Tensor((len(extents),), "int64", extents)
        return name

    def conv(self, path: str, x: str, taken: int, made: int, kernel: int, stride: int = 1, group: int = 1) -> str:
        window = {"kernel_shape": (kernel,) * 2, "strides": (stride,) * 2, "pads": (kernel // 2,) * 4}
        return self.op(path, "Conv", x, weights=((made, taken // group, kernel, kernel),), group=group, **window)

    def norm(self, path: str, x: str, channels: int) -> str:
        return self.op(path, "BatchNormalization", x, weights=((channels,),) * 4)

    def linear(self, path: str, x: str, taken: int, made: int) -> str:
        """Of vectors, as exporters write it: a Gemm."""
        return self.op(path, "Gemm", x, weights=((made, taken), (made,)), transB=1)

    def positions(self, path: str, x: str, taken: int, made: int) -> str:
        """A linear layer of sequences, as exporters write it: a product and an addition."""
        return self.op(path, "Add", self.op(path, "MatMul", x, weights=((taken, made),)), weights=((made,),))

    def folded(self, path: str, x: str, taken: int, made: int, kernel: int, stride: int = 1, group: int = 1) -> str:
        """A convolution that the older exporter folded a normalisation into: its weights have lost their names."""
        names = [f"onnx::Conv_{len(self.weights) + number}" for number in (0, 1)]
        weights = self.weight(names[0], made, taken // group, kernel, kernel), self.weight(names[1], made)
        window = {"kernel_shape": (kernel,) * 2, "strides": (stride,) * 2, "pads": (kernel // 2,) * 4}
        return self.op(path, "Conv", x, *weights, group=group, **window)

    def silu(self, path: str, x: str) -> str:
        return self.op(path, "Mul", x, self.op(path, "Sigmoid", x))

    def gelu(self, path: str, x: str) -> str:
        erf = self.op(path, "Erf", self.op(path, "Div", x, self.made(path, value=1.4142135)))
        product = self.op(path, "Mul", x, self.op(path, "Add", erf, self.made(path, value=1)))
        return self.op(path, "Mul", product, self.made(path, value=0.5))

    def multihead(
        self, path: str, x: str, batch: int, words: int, width: int, heads: int, *, bias: bool = True, weights: bool = False
    ) -> str:  # fmt: skip
        """nn.MultiheadAttention, batch first; with `weights` it hands out the softmax as well, and so does not fuse."""
        dotted = path.replace("/", ".")
        packed = self.weight(f"onnx::MatMul_{len(self.weights)}", width, 3 * width)
        y = self.op(path, "MatMul", self.op(path, "Transpose", x, perm=(1, 0, 2)), packed)
        if bias:
            y = self.op(path, "Add", self.weight(f"{dotted}.in_proj_bias", 3 * width), y)
        y = self.op(path, "Unsqueeze", self.op(path, "Reshape", y, self.shape(words, batch, 3, width)), self.shape(0))
        y = self.op(path, "Transpose", y, perm=(3, 1, 2, 0, 4))
        parts = []
        for number in range(3):
            self.weights[f"part{number}"] = Tensor((), "int64", (number,))
            part = self.op(path, "Gather", y, f"part{number}", axis=0)
            split = self.op(path, "Reshape", part, self.shape(words, batch * heads, width // heads))
            parts.append(self.op(path, "Transpose", split, perm=(1, 0, 2)))
        queries, keys, values = parts
        queries = self.op(path, "Mul", queries, self.made(path, value=0.5))
        keys = self.op(path, "Transpose", keys, perm=(0, 2, 1))
        if not weights:  # scaled_dot_product_attention scales both
            keys = self.op(path, "Mul", keys, self.made(path, value=0.5))
        scores = self.op(path, "Softmax", self.op(path, "MatMul", queries, keys), axis=-1)
        mixed = self.op(path, "Transpose", self.op(path, "MatMul", scores, values), perm=(1, 0, 2))
        flat = self.op(path, "Reshape", mixed, self.shape(words * batch, width))
        if not bias:
            y = self.op(path, "MatMul", flat, self.weight(f"onnx::MatMul_{len(self.weights)}", width, width))
        else:
            out = self.weight(f"{dotted}.out_proj.weight", width, width), self.weight(f"{dotted}.out_proj.bias", width)
            y = self.op(path, "Gemm", flat, *out, transB=1)
        y = self.op(path, "Reshape", y, self.shape(words, batch, width))
        return self.op(path, "Transpose", y, perm=(1, 0, 2))

    def analyse(self) -> Analysis:
        dag = build_dag(self.ops, [*self.inputs, *self.weights])
        model = Model("net", dag, self.inputs, (), self.weights, opsets={"": 21}, format="onnx")
        return analyze(model)


def resnet50(folded: bool = False) -> Network:
    """torchvision's, with its normalisations or as exporters fold them into the convolutions."""
    net = Network(image=Tensor((1, 3, 224, 224)))

    def unit(at: str, name: str, x: str, taken: int, made: int, kernel: int, stride: int = 1) -> str:
        conv, norm = (f"{at}conv{name}", f"{at}bn{name}") if name.isdigit() else (f"{at}{name}/0", f"{at}{name}/1")
        if folded:
            return net.folded(conv, x, taken, made, kernel, stride)
        return net.norm(norm, net.conv(conv, x, taken, made, kernel, stride), made)

    x = net.op("relu", "Relu", unit("", "1", "image", 3, 64, 7, 2))
    x = net.op("maxpool", "MaxPool", x, kernel_shape=(3, 3), strides=(2, 2), pads=(1, 1, 1, 1), ceil_mode=0)
    channels = 64
    for stage, (blocks, width) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512)), 1):
        for block in range(blocks):
            at, stride = f"layer{stage}/{block}", 2 if stage > 1 and block == 0 else 1
            y = net.op(f"{at}/relu", "Relu", unit(f"{at}/", "1", x, channels, width, 1))
            y = net.op(f"{at}/relu_1", "Relu", unit(f"{at}/", "2", y, width, width, 3, stride))
            y = unit(f"{at}/", "3", y, width, 4 * width, 1)
            x = unit(f"{at}/", "downsample", x, channels, 4 * width, 1, stride) if block == 0 else x
            x = net.op(f"{at}/relu_2", "Relu", net.op(at, "Add", y, x))
            channels = 4 * width
    x = net.op("", "Flatten", net.op("avgpool", "GlobalAveragePool", x))
    net.linear("fc", x, 2048, 1000)
    return net


def resnet50_folded() -> Network:
    return resnet50(folded=True)


def efficientnet_b0() -> Network:
    """torchvision's as the older exporter writes it: normalisations folded, SiLU as a product with a sigmoid."""
    net = Network(image=Tensor((1, 3, 224, 224)))

    def unit(at: str, x: str, taken: int, made: int, kernel: int, stride: int = 1, group: int = 1) -> str:
        return net.silu(f"{at}/2", net.folded(f"{at}/0", x, taken, made, kernel, stride, group))

    def squeeze(at: str, x: str, channels: int, squeezed: int) -> str:
        y = net.op(f"{at}/avgpool", "GlobalAveragePool", x)
        for name, taken, made in (("fc1", channels, squeezed), ("fc2", squeezed, channels)):
            dotted = f"{at}/{name}".replace("/", ".")
            weights = net.weight(f"{dotted}.weight", made, taken, 1, 1), net.weight(f"{dotted}.bias", made)
            y = net.op(f"{at}/{name}", "Conv", y, *weights)
            y = net.silu(f"{at}/activation", y) if name == "fc1" else net.op(f"{at}/scale_activation", "Sigmoid", y)
        return net.op(at, "Mul", y, x)

    x, channels = unit("features/0", "image", 3, 32, 3, 2), 32
    for stage, (expand, kernel, first, made, blocks) in enumerate(
        ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4),
         (6, 3, 1, 320, 1)), 1,
    ):  # fmt: skip
        for block in range(blocks):
            at, stride, wide = f"features/{stage}/{block}/block", first if block == 0 else 1, expand * channels
            number = 0 if expand == 1 else 1
            y = unit(f"{at}/0", x, channels, wide, 1) if number else x
            y = unit(f"{at}/{number}", y, wide, wide, kernel, stride, wide)
            y = squeeze(f"{at}/{number + 1}", y, wide, channels // 4)
            y = net.folded(f"{at}/{number + 2}/0", y, wide, made, 1)
            x = net.op(f"features/{stage}/{block}", "Add", y, x) if stride == 1 and channels == made else y
            channels = made
    x = net.op("avgpool", "GlobalAveragePool", unit("features/8", x, 320, 1280, 1))
    net.linear("classifier/1", net.op("", "Flatten", x), 1280, 1000)
    return net


def vit_b_16() -> Network:
    """torchvision's: 196 patches and the class token."""
    words, width = 14 * 14 + 1, 768
    net = Network(image=Tensor((1, 3, 224, 224)))

    def norm(at: str, x: str) -> str:
        return net.op(at, "LayerNormalization", x, weights=((width,), (width,)), axis=-1)

    x = net.op("conv_proj", "Conv", "image", weights=((width, 3, 16, 16), (width,)), strides=(16, 16))
    x = net.op("", "Transpose", net.op("", "Reshape", x, net.shape(1, width, 196)), perm=(0, 2, 1))
    x = net.op("", "Concat", net.weight("class_token", 1, 1, width), x, axis=1)
    x = net.op("encoder", "Add", x, net.weight("encoder.pos_embedding", 1, words, width))
    for layer in range(12):
        at = f"encoder/layers/encoder_layer_{layer}"
        y = net.multihead(f"{at}/self_attention", norm(f"{at}/ln_1", x), 1, words, width, 12)
        x = net.op(at, "Add", y, x)
        y = net.positions(f"{at}/mlp/0", norm(f"{at}/ln_2", x), width, 4 * width)
        y = net.positions(f"{at}/mlp/3", net.gelu(f"{at}/mlp/1", y), 4 * width, width)
        x = net.op(at, "Add", x, y)
    net.weights["first"] = Tensor((), "int64", (0,))
    net.linear("heads/head", net.op("", "Gather", norm("encoder/ln", x), "first", axis=1), width, 1000)
    return net


def squeezenet1_1() -> Network:
    """torchvision's; every convolution adds a bias."""
    net = Network(image=Tensor((1, 3, 224, 224)))

    def unit(at: str, relu: str, x: str, taken: int, made: int, kernel: int, pad: int = 0, stride: int = 1) -> str:
        window = {"strides": (stride,) * 2, "pads": (pad,) * 4}
        y = net.op(at, "Conv", x, weights=((made, taken, kernel, kernel), (made,)), **window)
        return net.op(relu, "Relu", y)

    x, channels = unit("features/0", "features/1", "image", 3, 64, 3, 0, 2), 64
    for number, squeezed in ((2, 0), (3, 16), (4, 16), (5, 0), (6, 32), (7, 32), (8, 0), (9, 48), (10, 48), (11, 64),
                             (12, 64)):  # fmt: skip
        at = f"features/{number}"
        if not squeezed:
            x = net.op(at, "MaxPool", x, kernel_shape=(3, 3), strides=(2, 2), ceil_mode=1)
            continue
        y = unit(f"{at}/squeeze", f"{at}/squeeze_activation", x, channels, squeezed, 1)
        channels = 8 * squeezed
        sides = [
            unit(f"{at}/expand{k}x{k}", f"{at}/expand{k}x{k}_activation", y, squeezed, channels // 2, k, k // 2)
            for k in (1, 3)
        ]
        x = net.op(at, "Concat", *sides, axis=1)
    x = unit("classifier/1", "classifier/2", x, channels, 1000, 1)
    net.op("", "Flatten", net.op("classifier/3", "GlobalAveragePool", x))
    return net


def mobilenet_v2() -> Network:
    """torchvision's; it pools by a functional call."""
    net = Network(image=Tensor((1, 3, 224, 224)))

    def unit(at: str, x: str, taken: int, made: int, kernel: int, stride: int = 1, group: int = 1) -> str:
        y = net.norm(f"{at}/1", net.conv(f"{at}/0", x, taken, made, kernel, stride, group), made)
        return net.op(f"{at}/2", "Clip", y, weights=((), ()))

    x, channels, number = unit("features/0", "image", 3, 32, 3, 2), 32, 1
    for expand, made, blocks, first in (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
    ):  # fmt: skip
        for block in range(blocks):
            at, stride, wide = f"features/{number}/conv", first if block == 0 else 1, expand * channels
            y = unit(f"{at}/0", x, channels, wide, 1) if expand > 1 else x
            y = unit(f"{at}/1", y, wide, wide, 3, stride, wide)
            y = net.norm(f"{at}/3", net.conv(f"{at}/2", y, wide, made, 1), made)
            x = net.op(f"features/{number}", "Add", x, y) if stride == 1 and channels == made else y
            channels, number = made, number + 1
    x = net.op("", "GlobalAveragePool", unit("features/18", x, 320, 1280, 1))
    net.linear("classifier/1", net.op("", "Flatten", x), 1280, 1000)
    return net


HALF = {"kernel_shape": (2, 2), "strides": (2, 2), "pads": (0,) * 4, "ceil_mode": 0, "count_include_pad": 1}
"""nn.AvgPool2d(2), of which exporters write all attributes; pooling to a size has fewer."""


def densenet121() -> Network:
    """torchvision's; the last activation and pooling are functional calls."""
    net = Network(image=Tensor((1, 3, 224, 224)))

    def relu_of_norm(at: str, number: str, x: str, channels: int) -> str:
        return net.op(f"{at}/relu{number}", "Relu", net.norm(f"{at}/norm{number}", x, channels))

    x = relu_of_norm("features", "0", net.conv("features/conv0", "image", 3, 64, 7, 2), 64)
    x = net.op("features/pool0", "MaxPool", x, kernel_shape=(3, 3), strides=(2, 2), pads=(1, 1, 1, 1))
    channels = 64
    for block, layers in enumerate((6, 12, 24, 16), 1):
        for layer in range(layers):
            at = f"features/denseblock{block}/denselayer{layer + 1}"
            y = net.conv(f"{at}/conv1", relu_of_norm(at, "1", x, channels), channels, 128, 1)
            y = net.conv(f"{at}/conv2", relu_of_norm(at, "2", y, 128), 128, 32, 3)
            x, channels = net.op(f"features/denseblock{block}", "Concat", x, y, axis=1), channels + 32
        if block < 4:
            at = f"features/transition{block}"
            x = net.conv(f"{at}/conv", relu_of_norm(at, "", x, channels), channels, channels // 2, 1)
            x, channels = net.op(f"{at}/pool", "AveragePool", x, **HALF), channels // 2
    x = net.op("", "GlobalAveragePool", net.op("", "Relu", net.norm("features/norm5", x, channels)))
    net.linear("classifier", net.op("", "Flatten", x), 1024, 1000)
    return net


def bert_base() -> Network:
    """Hugging Face's BertModel of 128 tokens with its pooler; attention is spelled out."""
    tokens, width, heads = 128, 768, 12
    ids = Tensor((1, tokens), "int64")
    net = Network(words=ids, kinds=ids, places=ids)

    def look_up(name: str, indices: str, rows: int) -> str:
        table = f"{name}.weight"
        net.weights[table] = Tensor((rows, width))
        return net.op(f"embeddings/{name}", "Gather", table, indices)

    def norm(at: str, x: str) -> str:
        return net.op(f"{at}/LayerNorm", "LayerNormalization", x, weights=((width,), (width,)))

    def head(at: str, x: str, perm: tuple[int, ...]) -> str:
        split = net.op(at.rpartition("/")[0], "Reshape", x, net.shape(1, tokens, heads, width // heads))
        return net.op(at.rpartition("/")[0], "Transpose", split, perm=perm)

    x = net.op("embeddings", "Add", look_up("word_embeddings", "words", 30522), look_up("types", "kinds", 2))
    x = norm("embeddings", net.op("embeddings", "Add", x, look_up("position_embeddings", "places", 512)))
    for layer in range(12):
        at = f"encoder/layer/{layer}"
        self_ = f"{at}/attention/self"
        parts = [net.positions(f"{self_}/{name}", x, width, width) for name in ("query", "key", "value")]
        perms = ((0, 2, 1, 3), (0, 2, 3, 1), (0, 2, 1, 3))
        q, k, v = (head(f"{self_}/{i}", part, perm) for i, (part, perm) in enumerate(zip(parts, perms, strict=True)))
        weights = net.op(self_, "Softmax", net.op(self_, "MatMul", q, k), axis=-1)
        seen = net.op(self_, "Transpose", net.op(self_, "MatMul", weights, v), perm=(0, 2, 1, 3))
        seen = net.op(self_, "Reshape", seen, net.shape(1, tokens, width))
        y = net.positions(f"{at}/attention/output/dense", seen, width, width)
        x = norm(f"{at}/attention/output", net.op(f"{at}/attention/output", "Add", y, x))
        y = net.positions(f"{at}/intermediate/dense", x, width, 4 * width)
        y = net.op(f"{at}/intermediate/intermediate_act_fn", "Gelu", y)
        y = net.positions(f"{at}/output/dense", y, 4 * width, width)
        x = norm(f"{at}/output", net.op(f"{at}/output", "Add", y, x))
    net.weights["first"] = Tensor((), "int64", (0,))
    first = net.op("pooler", "Gather", x, "first", axis=1)
    net.op("pooler/activation", "Tanh", net.linear("pooler/dense", first, width, width))
    return net


def recurrent() -> Network:
    """Two sentences of 20 words: an embedding, two bidirectional LSTMs, a GRU and an RNN, and a linear layer."""
    steps, batch = 20, 2
    net = Network(words=Tensor((batch, steps), "int64"))
    net.weights["embedding.weight"] = Tensor((500, 64))
    x, depth = net.op("embedding", "Gather", "embedding.weight", "words"), 64
    x = net.op("lstm", "Transpose", x, perm=(1, 0, 2))
    for path, kind, hidden, directions, gates in (
        ("lstm", "LSTM", 128, 2, 4), ("lstm", "LSTM", 128, 2, 4), ("gru", "GRU", 96, 1, 3), ("rnn", "RNN", 32, 1, 1),
    ):  # fmt: skip
        rows = gates * hidden
        shapes = ((directions, rows, depth), (directions, rows, hidden), (directions, 2 * rows))
        direction = "bidirectional" if directions == 2 else "forward"
        x = net.op(path, kind, x, weights=shapes, hidden_size=hidden, direction=direction)
        x = net.op(path, "Transpose", x, perm=(0, 2, 1, 3))
        depth = directions * hidden
        x = net.op(path, "Reshape", x, net.shape(steps, batch, depth))
    net.weights["last"] = Tensor((), "int64", (-1,))
    net.linear("linear", net.op("", "Gather", x, "last", axis=0), depth, 10)
    return net


def unet() -> Network:
    """Down twice and up twice by transposed convolutions, one of them in groups, and cubic resizing at the end."""
    net = Network(image=Tensor((1, 3, 96, 128)))

    def block(at: str, x: str, taken: int, made: int) -> str:
        for first, (kind, after) in zip((0, 3), (("Group", "PRelu"), ("Instance", "Mish")), strict=True):
            filters = ((made, taken, 3, 3), (made,))
            x, taken = net.op(f"{at}/{first}", "Conv", x, weights=filters, pads=(1, 1, 1, 1)), made
            groups = {"num_groups": 4} if kind == "Group" else {}
            x = net.op(f"{at}/{first + 1}", f"{kind}Normalization", x, weights=((made,), (made,)), **groups)
            slopes = ((made, 1, 1),) if after == "PRelu" else ()
            x = net.op(f"{at}/{first + 2}", after, x, weights=slopes)
        return x

    def half(x: str) -> str:
        return net.op("pool", "MaxPool", x, kernel_shape=(2, 2), strides=(2, 2))

    a = block("a", "image", 3, 16)
    b = block("b", half(a), 16, 32)
    c = block("c", half(b), 32, 64)
    u = net.op("u", "ConvTranspose", c, weights=((64, 32, 2, 2), (32,)), strides=(2, 2))
    d = block("d", net.op("", "Concat", u, b, axis=1), 64, 32)
    v = net.op("v", "ConvTranspose", d, weights=((32, 8, 4, 4), (16,)), strides=(2, 2), pads=(1, 1, 1, 1), group=2)
    e = block("e", net.op("", "Concat", v, a, axis=1), 32, 16)
    out = net.op("out", "Conv", e, weights=((4, 16, 1, 1), (4,)))
    net.op("", "Resize", out, "", "", net.shape(1, 4, 192, 256), mode="cubic")
    return net


def priced() -> Network:
    """Operators that onnx-tool prices in ways of their own."""
    net = Network(x=Tensor((2, 4, 6, 8)))
    normal = net.op("", "LayerNormalization", "x", weights=((8,), (8,)), axis=-1)
    nearby = net.op("", "LRN", net.op("", "Sum", normal, "x", "x"), size=3)
    net.op("", "GlobalAveragePool", nearby)
    net.op("", "ReduceL2", net.op("", "MaxPool", nearby, kernel_shape=(2, 2)), net.shape(2, 3))
    net.op("", "ConvTranspose", "x", weights=((4, 3, 2, 2), (6,)), group=2)
    return net


def cells() -> Network:
    """A bidirectional LSTM and a GRU, of two sequences of five steps."""
    net = Network(x=Tensor((5, 2, 3)))
    for kind, gates, directions in (("LSTM", 4, 2), ("GRU", 3, 1)):
        shapes = ((directions, 4 * gates, 3), (directions, 4 * gates, 4), (directions, 2 * 4 * gates))
        net.op("", kind, "x", weights=shapes, hidden_size=4, direction=("forward", "bidirectional")[directions - 1])
    return net


BUILDERS = (
    resnet50, resnet50_folded, efficientnet_b0, vit_b_16, squeezenet1_1, mobilenet_v2, densenet121, bert_base,
    recurrent, unet, priced, cells,
)  # fmt: skip
NETWORKS = {build.__name__: build for build in BUILDERS}


@pytest.fixture(scope="session")
def blank() -> type[Network]:
    """A network to build: `blank(x=Tensor((1, 3, 8, 8)))`."""
    return Network


@pytest.fixture(scope="session")
def network() -> Callable[[str], Analysis]:
    """A known network by name, analysed once."""
    return cache(lambda name: NETWORKS[name]().analyse())
