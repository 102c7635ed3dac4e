"""Small networks that a calibration is tried on: of other shapes than those it was made of, put together as usual.

They are told apart from the grid by their kind: residual blocks, dense blocks, transformers, and so on.
"""

from __future__ import annotations

from collections.abc import Iterator

from .grid import Chain


def networks() -> Iterator[tuple[str, bytes]]:
    """Each network with its name."""
    for name, chain in (
        ("plain", _plain(32, 48)),
        ("plain, wide", _plain(80, 24)),
        ("residual", _residual(48, 40)),
        ("residual, deep", _residual(24, 72)),
        ("inverted bottlenecks", _inverted(24, 48)),
        ("inverted bottlenecks, small", _inverted(40, 20)),
        ("dense block", _dense(40, 30)),
        ("encoder", _encoder(96, 192, 3)),
        ("encoder, wide", _encoder(40, 384, 6)),
        ("perceptron", _perceptron(24)),
        ("perceptron, one line", _perceptron(1)),
        ("recurrent", _recurrent()),
    ):
        yield name, chain.model()


def _plain(channels: int, side: int) -> Chain:
    chain = Chain(1, (1, 3, 2 * side, 2 * side)).conv(channels, 3, 2)
    for _ in range(3):
        chain.conv(channels, 3).conv(channels, 3)
        channels = channels * 3 // 2 // 8 * 8
        chain.conv(channels, 3, 2)
    return _head(chain)


def _head(chain: Chain) -> Chain:
    channels = chain.shape[1]
    chain.add("GlobalAveragePool", shape=(1, channels, 1, 1)).add("Flatten", shape=(1, channels))
    return chain.add("Gemm", chain.weight(channels, 120), shape=(1, 120)).add("Softmax", axis=-1)


def _residual(channels: int, side: int) -> Chain:
    chain = Chain(2, (1, 3, side, side)).conv(channels, 5)
    for stage in range(3):
        for _ in range(2):
            kept = chain.last
            chain.conv(channels, 3).conv(channels, 3, relu=False).add("Add", kept).add("Relu")
        if stage < 2:
            channels *= 2
            chain.conv(channels, 3, 2)
    return _head(chain)


def _inverted(channels: int, side: int) -> Chain:
    chain = Chain(3, (1, 3, 2 * side, 2 * side)).conv(channels, 3, 2)
    for at in range(5):
        inner, kept = 6 * channels, chain.last
        chain.conv(inner, 1).conv(inner, 5 if at % 2 else 3, group=inner).conv(channels, 1, relu=False).add("Add", kept)
    return _head(chain.conv(4 * channels, 1))


def _dense(growth: int, side: int) -> Chain:
    chain = Chain(4, (1, 3, side, side)).conv(2 * growth, 3)
    for _ in range(5):
        kept, channels = chain.last, chain.shape[1]
        chain.conv(4 * growth, 1).conv(growth, 3)
        chain.add("Concat", kept, axis=1, shape=(1, channels + growth, side, side))
    return _head(chain)


def _encoder(tokens: int, width: int, heads: int) -> Chain:
    """Blocks of attention and two products with a Gelu between them."""
    chain = Chain(5, (1, tokens, width))
    for _ in range(3):
        kept = chain.last
        parts = []
        for order in ((0, 2, 1, 3), (0, 2, 3, 1), (0, 2, 1, 3)):
            chain.last, chain.shape = kept, [1, tokens, width]
            chain.product(width).add("Add", chain.weight(width))
            chain.add("Reshape", chain.integers(1, tokens, heads, width // heads))
            parts.append(chain.add("Transpose", perm=list(order)).last)
        query, key, value = parts
        chain.last = query
        chain.add("MatMul", key).add("Softmax", axis=-1).add("MatMul", value).add("Transpose", perm=[0, 2, 1, 3])
        chain.add("Reshape", chain.integers(1, tokens, width))
        chain.shape = [1, tokens, width]
        chain.product(width).add("Add", chain.weight(width)).add("Add", kept)
        kept = chain.add("LayerNormalization", chain.weight(width), chain.weight(width), axis=-1).last
        chain.product(3 * width).add("Add", chain.weight(3 * width)).add("Gelu").product(width).add("Add", kept)
        chain.add("LayerNormalization", chain.weight(width), chain.weight(width), axis=-1)
    return chain


def _perceptron(lines: int) -> Chain:
    chain = Chain(6, (lines, 300))
    for columns in (900, 700, 500, 300):
        chain.product(columns).add("Add", chain.weight(columns)).add("Relu")
    return chain


def _recurrent() -> Chain:
    chain = Chain(7, (24, 1, 120))
    hidden = 200
    weights = chain.weight(1, 4 * hidden, 120), chain.weight(1, 4 * hidden, hidden), chain.weight(1, 8 * hidden)
    chain.add("LSTM", *weights, hidden_size=hidden, shape=(24, 1, 1, hidden))
    chain.add("Reshape", chain.integers(24, hidden), shape=(24, hidden))
    return chain.product(100).add("Softmax", axis=-1)
