"""Networks to measure on, as exporters write them, with random weights: chains, a BERT encoder, a Llama decoder, loops.

    python benchmarks/networks.py chain|varied|inline|loops|bert|llama FILE.onnx [NODES]

Written straight from the published shapes; they are for reading, not for running well. The decoder's 4.4 GB of weights
lie in a file beside it that is all holes, so that it takes no space on the disk.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper, save

OPSET = 17


class Net:
    """A graph in the making. Tensors are called by name; the nodes' names are module paths, as exporters write them."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.weights: list[TensorProto] = []
        self.outside = 0  # bytes of weights that lie in a file beside the model
        self.random = np.random.default_rng(0)

    def add(self, type_: str, inputs: Sequence[str], scope: str, **attributes: object) -> str:
        name = f"/{scope}/{type_}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(type_, inputs, [f"{name}_output_0"], name, **attributes))
        return f"{name}_output_0"

    def weight(self, name: str, *shape: int) -> str:
        self.weights.append(numpy_helper.from_array(self.random.standard_normal(shape, np.float32), name))
        return name

    def weight_outside(self, name: str, *shape: int) -> str:
        nbytes = 4 * int(np.prod(shape))
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
        for key, value in (("location", "weights.bin"), ("offset", self.outside), ("length", nbytes)):
            tensor.external_data.add(key=key, value=str(value))
        self.outside += nbytes
        self.weights.append(tensor)
        return name

    def integers(self, *values: int) -> str:
        """A constant list that steers a shape."""
        name = f"/Constant_{len(self.nodes)}_output_0"
        value = numpy_helper.from_array(np.array(values, np.int64))
        self.nodes.append(helper.make_node("Constant", [], [name], name.removesuffix("_output_0"), value=value))
        return name

    def number(self, value: float) -> str:
        name = f"/Constant_{len(self.nodes)}_output_0"
        tensor = numpy_helper.from_array(np.float32(value))
        self.nodes.append(helper.make_node("Constant", [], [name], name.removesuffix("_output_0"), value=tensor))
        return name

    def heads(self, x: str, scope: str, heads: int, width: int, order: Sequence[int]) -> str:
        """Batch x tokens x (heads width) to the order asked for, by way of the shape, as a dynamic export does it."""
        shape = self.add("Shape", [x], scope)
        batch = self.add("Gather", [shape, self.integers(0)], scope)
        tokens = self.add("Gather", [shape, self.integers(1)], scope)
        sizes = self.add("Concat", [batch, tokens, self.integers(heads), self.integers(width)], scope, axis=0)
        return self.add("Transpose", [self.add("Reshape", [x, sizes], scope)], scope, perm=order)

    def joined(self, x: str, scope: str, features: int) -> str:
        """Batch x heads x tokens x width back to batch x tokens x features."""
        x = self.add("Transpose", [x], scope, perm=[0, 2, 1, 3])
        shape = self.add("Shape", [x], scope)
        batch = self.add("Gather", [shape, self.integers(0)], scope)
        tokens = self.add("Gather", [shape, self.integers(1)], scope)
        sizes = self.add("Concat", [batch, tokens, self.integers(features)], scope, axis=0)
        return self.add("Reshape", [x, sizes], scope)

    def model(self, name: str, inputs: dict[str, tuple[int, Sequence[int | str]]], output: str) -> ModelProto:
        given = [helper.make_tensor_value_info(key, dtype, shape) for key, (dtype, shape) in inputs.items()]
        made = [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)]
        graph = helper.make_graph(self.nodes, name, given, made, self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


def chain(path: Path, nodes: int = 10_500) -> None:
    """Convolution, batch normalisation and ReLU, over and over."""
    net, x = Net(), "x"
    shared = [net.weight(name, 4) for name in ("gamma", "beta", "mean", "variance")]
    ones = {"dilations": [1, 1], "group": 1, "kernel_shape": [1, 1], "pads": [0, 0, 0, 0], "strides": [1, 1]}
    for at in range(nodes // 3):
        scope = f"blocks/blocks.{at}"
        x = net.add("Conv", [x, net.weight(f"blocks.{at}.conv.weight", 4, 4, 1, 1)], f"{scope}/conv", **ones)
        x = net.add("BatchNormalization", [x, *shared], f"{scope}/bn", epsilon=1e-5, momentum=0.9)
        x = net.add("Relu", [x], f"{scope}/act")
    save(net.model("chain", {"x": (TensorProto.FLOAT, (1, 4, 16, 16))}, x), path)


def varied(path: Path, nodes: int = 10_000) -> None:
    """Blocks of five operators of which no two work on the same shapes: where nothing repeats."""
    net, x, channels = Net(), "x", 16
    ones = {"dilations": [1, 1], "group": 1, "kernel_shape": [1, 1], "pads": [0, 0, 0, 0], "strides": [1, 1]}
    for at in range(nodes // 5):
        scope, wide = f"stages.{at % 7}/blocks.{at}", 16 + at * 7919 % 100_003
        weight = net.weight_outside(f"blocks.{at}.conv.weight", wide, channels, 1, 1)
        parts = ("scale", "bias", "mean", "variance")
        norm = [net.weight_outside(f"blocks.{at}.bn.{part}", wide) for part in parts]
        y = net.add("Conv", [x, weight], f"{scope}/conv", **ones)
        y = net.add("BatchNormalization", [y, *norm], f"{scope}/bn", epsilon=1e-5)
        gated = net.add("Mul", [y, net.add("Sigmoid", [y], f"{scope}/act")], f"{scope}/act")
        x, channels = net.add("Add", [gated, y], scope), wide
    save(net.model("varied", {"x": (TensorProto.FLOAT, (1, 16, 8, 8))}, x), path)


def inline(path: Path, nodes: int = 50_000) -> None:
    """Additions of small weights, each with numbers of its own inside the file."""
    net, x = Net(), "x"
    for at in range(nodes):
        x = net.add("Add", [x, net.weight(f"bias.{at}", 8)], f"layers.{at}")
    save(net.model("inline", {"x": (TensorProto.FLOAT, (4, 8))}, x), path)


def loops(path: Path, nodes: int = 1_000) -> None:
    """Loops of three rounds one after another."""
    net, x = Net(), "x"
    rounds = numpy_helper.from_array(np.int64(3), "rounds")
    net.weights += [rounds, numpy_helper.from_array(np.bool_(True), "go")]
    state = helper.make_tensor_value_info
    for at in range(nodes):
        given = [state("step", TensorProto.INT64, []), state("go_in", TensorProto.BOOL, [])]
        given.append(state("x_in", TensorProto.FLOAT, None))
        made = [state("go_out", TensorProto.BOOL, []), state("x_out", TensorProto.FLOAT, None)]
        body = [
            helper.make_node("Identity", ["go_in"], ["go_out"], "keep"),
            helper.make_node("Relu", ["x_in"], ["positive"], "act"),
            helper.make_node("Add", ["positive", "x_in"], ["x_out"], "add"),
        ]
        x = net.add("Loop", ["rounds", "go", x], f"loops.{at}", body=helper.make_graph(body, "body", given, made))
    save(net.model("loops", {"x": (TensorProto.FLOAT, (4, 8))}, x), path)


def bert(path: Path, layers: int = 12, width: int = 768) -> None:
    """The encoder of BERT-base: 109 M parameters inside the file. Devlin et al. 2018, table of sizes in section 3."""
    net = Net()

    def linear(x: str, scope: str, before: int, after: int) -> str:
        x = net.add("MatMul", [x, net.weight(f"{scope}.weight", before, after)], scope)
        return net.add("Add", [net.weight(f"{scope}.bias", after), x], scope)

    def norm(x: str, scope: str) -> str:
        scale, bias = net.weight(f"{scope}.weight", width), net.weight(f"{scope}.bias", width)
        return net.add("LayerNormalization", [x, scale, bias], scope, axis=-1, epsilon=1e-12)

    words = net.add("Gather", [net.weight("word_embeddings", 30522, width), "ids"], "embeddings")
    tokens = net.add("Slice", [net.add("Shape", ["ids"], "embeddings"), *map(net.integers, (1, 2))], "embeddings")
    places = net.add("Slice", [net.weight("positions", 512, width), net.integers(0), tokens], "embeddings")
    x = norm(net.add("Add", [words, places], "embeddings"), "embeddings/LayerNorm")
    for at in range(layers):
        scope = f"encoder/layer.{at}/attention"
        query, key, value = (
            net.heads(linear(x, f"{scope}/{part}", width, width), scope, 12, 64, order)
            for part, order in (("query", (0, 2, 1, 3)), ("key", (0, 2, 3, 1)), ("value", (0, 2, 1, 3)))
        )
        scores = net.add("Div", [net.add("MatMul", [query, key], scope), net.number(8.0)], scope)
        mixed = net.add("MatMul", [net.add("Softmax", [scores], scope, axis=-1), value], scope)
        attended = linear(net.joined(mixed, scope, width), f"{scope}/output", width, width)
        x = norm(net.add("Add", [attended, x], scope), f"{scope}/LayerNorm")
        scope = f"encoder/layer.{at}/mlp"
        hidden = linear(x, f"{scope}/up", width, 4 * width)
        curve = net.add("Erf", [net.add("Div", [hidden, net.number(2**0.5)], scope)], scope)
        hidden = net.add("Mul", [hidden, net.add("Add", [curve, net.number(1.0)], scope)], scope)
        hidden = linear(net.add("Mul", [hidden, net.number(0.5)], scope), f"{scope}/down", 4 * width, width)
        x = norm(net.add("Add", [hidden, x], scope), f"{scope}/LayerNorm")
    save(net.model("bert", {"ids": (TensorProto.INT64, ("batch", "tokens"))}, x), path)


def llama(path: Path, layers: int = 22, width: int = 2048, hidden: int = 5632, words: int = 32000) -> None:
    """A decoder in the shape of TinyLlama: 32 heads, 4 of them for keys; 1.1 G parameters in a file beside it."""
    net = Net()

    def linear(x: str, scope: str, before: int, after: int) -> str:
        return net.add("MatMul", [x, net.weight_outside(f"{scope}.weight", before, after)], scope)

    def norm(x: str, scope: str) -> str:
        mean = net.add("ReduceMean", [net.add("Pow", [x, net.number(2.0)], scope)], scope, axes=[-1])
        root = net.add("Sqrt", [net.add("Add", [mean, net.number(1e-5)], scope)], scope)
        return net.add("Mul", [net.add("Div", [x, root], scope), net.weight_outside(f"{scope}.weight", width)], scope)

    def rotated(x: str, scope: str) -> str:
        """The two halves of each head swapped and turned by the angle of the place."""
        first, second = (
            net.add("Slice", [x, net.integers(start), net.integers(stop), net.integers(3)], scope)
            for start, stop in ((0, 32), (32, 64))
        )
        swapped = net.add("Concat", [net.add("Neg", [second], scope), first], scope, axis=-1)
        return net.add("Add", [net.add("Mul", [x, "cos"], scope), net.add("Mul", [swapped, "sin"], scope)], scope)

    def repeated(x: str, scope: str) -> str:
        """Each of the 4 heads of keys or values for 8 heads of queries."""
        apart = net.add("Unsqueeze", [x, net.integers(2)], scope)
        wide = net.add("Expand", [apart, net.integers(1, 1, 8, 1, 1)], scope)
        shape = net.add("Shape", [x], scope)
        batch, tokens = (net.add("Gather", [shape, net.integers(axis)], scope) for axis in (0, 2))
        sizes = net.add("Concat", [batch, net.integers(32), tokens, net.integers(64)], scope, axis=0)
        return net.add("Reshape", [wide, sizes], scope)

    x = net.add("Gather", [net.weight_outside("embed_tokens", words, width), "ids"], "embed")
    for at in range(layers):
        scope = f"layers.{at}/self_attn"
        normed = norm(x, f"layers.{at}/input_layernorm")
        query = net.heads(linear(normed, f"{scope}/q", width, width), scope, 32, 64, (0, 2, 1, 3))
        key = net.heads(linear(normed, f"{scope}/k", width, 256), scope, 4, 64, (0, 2, 1, 3))
        value = net.heads(linear(normed, f"{scope}/v", width, 256), scope, 4, 64, (0, 2, 1, 3))
        keys = net.add("Transpose", [repeated(rotated(key, scope), scope)], scope, perm=[0, 1, 3, 2])
        scores = net.add("MatMul", [rotated(query, scope), keys], scope)
        scores = net.add("Softmax", [net.add("Div", [scores, net.number(8.0)], scope)], scope, axis=-1)
        mixed = net.joined(net.add("MatMul", [scores, repeated(value, scope)], scope), scope, width)
        x = net.add("Add", [x, linear(mixed, f"{scope}/o", width, width)], scope)
        scope = f"layers.{at}/mlp"
        normed = norm(x, f"layers.{at}/post_attention_layernorm")
        gate = linear(normed, f"{scope}/gate", width, hidden)
        gate = net.add("Mul", [gate, net.add("Sigmoid", [gate], scope)], scope)
        up = net.add("Mul", [gate, linear(normed, f"{scope}/up", width, hidden)], scope)
        x = net.add("Add", [x, linear(up, f"{scope}/down", hidden, width)], scope)
    x = linear(norm(x, "norm"), "lm_head", width, words)
    turn = (TensorProto.FLOAT, ("tokens", 64))
    save(net.model("llama", {"ids": (TensorProto.INT64, ("batch", "tokens")), "cos": turn, "sin": turn}, x), path)
    with path.with_name("weights.bin").open("wb") as file:
        file.truncate(net.outside)


BUILT: dict[str, Callable[..., None]] = {
    "chain": chain, "varied": varied, "inline": inline, "loops": loops, "bert": bert, "llama": llama,
}  # fmt: skip

if __name__ == "__main__":
    BUILT[sys.argv[1]](Path(sys.argv[2]), *map(int, sys.argv[3:]))
