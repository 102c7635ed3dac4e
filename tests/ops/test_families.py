"""ONNX operators of the computing families: the shapes and the work that each states. Numbers show their factors."""

from __future__ import annotations

from typing import Any

import pytest

from graphcost import Facts, Tensor, Work
from graphcost.graph import UnknownShape
from graphcost.ops import find


def t(*shape: int, dtype: str = "float32") -> Tensor:
    return Tensor(shape, dtype)


def ints(*values: int) -> Tensor:
    return Tensor((len(values),), "int64", values)


def floats(*values: float) -> Tensor:
    return Tensor((len(values),), "float32", values)


def number(value: float) -> Tensor:
    return Tensor((), "int64" if isinstance(value, int) else "float32", (value,))


def facts_of(kind: str, *inputs: Tensor | None, version: int = 30, **attrs: Any) -> Facts:
    rule = find(kind, version)
    assert rule is not None, kind
    return rule.function(*inputs, **attrs)


IMAGE = t(1, 4, 8, 8)
MS = "com.microsoft."

# kind, inputs, attributes -> output shapes, work (None: not compared)
ROWS: list[tuple[str, tuple[Tensor | None, ...], dict[str, Any], list[tuple[int, ...]], Work | None]] = [
    # windows
    ("Conv", (IMAGE, t(6, 2, 3, 3), t(6)), {"group": 2, "pads": (1, 1, 1, 1)}, [(1, 6, 8, 8)],
     Work(macs=(6 * 8 * 8) * (2 * 3 * 3), adds=6 * 8 * 8)),
    ("Conv", (t(1, 4, 9), t(6, 4, 3)), {"strides": (2,), "dilations": (2,)}, [(1, 6, 3)], Work(macs=(6 * 3) * (4 * 3))),
    ("Conv", (t(1, 4, 7, 7), t(6, 4, 3, 3)), {"auto_pad": "SAME_UPPER", "strides": (2, 2)}, [(1, 6, 4, 4)], None),
    ("Conv", (t(1, 4, 7, 7), t(6, 4, 3, 3)), {"auto_pad": "SAME_LOWER", "dilations": (2, 2)}, [(1, 6, 7, 7)], None),
    ("Conv", (t(1, 4, 7, 7), t(6, 4, 3, 3)), {"auto_pad": "VALID"}, [(1, 6, 5, 5)], None),
    ("CausalConvWithState", (t(2, 4, 9), t(4, 1, 3), t(4)), {"activation": "silu"}, [(2, 4, 9), (2, 4, 2)],
     Work(macs=72 * 3, muls=72, adds=72 * 2, divs=72, exps=72)),
    ("ConvTranspose", (IMAGE, t(4, 3, 2, 2), t(6)), {"group": 2, "strides": (2, 2)}, [(1, 6, 16, 16)],
     Work(macs=(4 * 8 * 8) * (3 * 2 * 2), adds=6 * 16 * 16)),
    ("ConvTranspose", (IMAGE, t(4, 3, 3, 3)), {"strides": (2, 2), "output_shape": (16, 16)}, [(1, 3, 16, 16)], None),
    ("ConvTranspose", (IMAGE, t(4, 3, 3, 3)), {"strides": (2, 2), "auto_pad": "SAME_UPPER"}, [(1, 3, 16, 16)], None),
    ("ConvTranspose", (IMAGE, t(4, 3, 3, 3)), {"strides": (2, 2), "output_padding": (1, 1), "pads": (1, 1, 1, 1)}, [(1, 3, 16, 16)], None),
    ("MaxPool", (IMAGE,), {"kernel_shape": (3, 3), "strides": (2, 2), "outputs": 2}, [(1, 4, 3, 3)] * 2, Work(compares=(4 * 3 * 3) * 8)),
    ("MaxPool", (IMAGE,), {"kernel_shape": (3, 3), "strides": (2, 2), "ceil_mode": 1}, [(1, 4, 4, 4)], None),
    # the fifth window would start in the padding behind
    ("AveragePool", (t(1, 1, 8, 8),), {"kernel_shape": (2, 2), "strides": (2, 2), "pads": (1, 1, 1, 1), "ceil_mode": 1}, [(1, 1, 5, 5)], None),
    ("AveragePool", (IMAGE,), {"kernel_shape": (2, 2)}, [(1, 4, 7, 7)], Work(adds=(4 * 7 * 7) * 3, divs=4 * 7 * 7)),
    ("LpPool", (IMAGE,), {"kernel_shape": (2, 2)}, [(1, 4, 7, 7)], Work(adds=(4 * 7 * 7) * 3, exps=(4 * 7 * 7) * 5)),
    ("GlobalMaxPool", (IMAGE,), {}, [(1, 4, 1, 1)], Work(compares=4 * 63)),
    ("GlobalAveragePool", (IMAGE,), {}, [(1, 4, 1, 1)], Work(adds=4 * 63, divs=4)),
    ("GlobalLpPool", (IMAGE,), {}, [(1, 4, 1, 1)], Work(adds=4 * 63, exps=4 * 65)),
    ("MaxUnpool", (IMAGE, IMAGE), {"kernel_shape": (2, 2), "strides": (2, 2)}, [(1, 4, 16, 16)], Work()),
    ("MaxUnpool", (IMAGE, IMAGE, ints(1, 4, 17, 17)), {"kernel_shape": (2, 2)}, [(1, 4, 17, 17)], Work()),
    ("Col2Im", (t(1, 5, 5), ints(5, 5), ints(1, 5)), {}, [(1, 1, 5, 5)], Work(adds=25)),
    ("DeformConv", (IMAGE, t(6, 4, 3, 3), t(1, 18, 6, 6)), {}, [(1, 6, 6, 6)],
     Work(macs=(6 * 36) * 36, muls=(4 * 36 * 9) * 4, adds=(4 * 36 * 9) * 3 + 18 * 36)),
    (MS + "FusedConv", (IMAGE, t(6, 4, 3, 3)), {}, [(1, 6, 6, 6)], Work(macs=(6 * 36) * 36, compares=6 * 36)),
    # products
    ("Gemm", (t(3, 5), t(7, 5), t(7)), {"transB": 1}, [(3, 7)], Work(macs=3 * 7 * 5, adds=21)),
    ("Gemm", (t(5, 3), t(5, 7)), {"transA": 1}, [(3, 7)], Work(macs=3 * 7 * 5)),
    ("MatMul", (t(2, 1, 3, 5), t(4, 5, 7)), {}, [(2, 4, 3, 7)], Work(macs=(2 * 4 * 3 * 7) * 5)),
    ("MatMul", (t(5), t(5, 7)), {}, [(7,)], Work(macs=7 * 5)),
    ("MatMul", (t(3, 5), t(5)), {}, [(3,)], Work(macs=3 * 5)),
    ("MatMul", (t(5), t(5)), {}, [()], Work(macs=5)),
    (MS + "FusedMatMul", (t(2, 5, 3), t(2, 7, 5)), {"transA": 1, "transB": 1}, [(2, 3, 7)], Work(macs=(2 * 3 * 7) * 5)),
    (MS + "FusedGemm", (t(3, 5), t(5, 7)), {}, [(3, 7)], Work(macs=105, compares=21)),
    ("Einsum", (t(2, 3), t(3, 4)), {"equation": "ij,jk->ik"}, [(2, 4)], Work(macs=2 * 3 * 4)),
    ("Einsum", (t(5, 2, 3), t(5, 3, 4)), {"equation": "...ij,...jk"}, [(5, 2, 4)], Work(macs=5 * 2 * 3 * 4)),
    ("Einsum", (t(2, 3),), {"equation": "ij->ji"}, [(3, 2)], Work()),
    ("Einsum", (t(2, 3),), {"equation": "ij->i"}, [(2,)], Work(adds=6)),
    ("Einsum", (t(2, 3), t(3, 4), t(4, 5)), {"equation": "ab,bc,cd->ad"}, [(2, 5)], Work(macs=2 * 3 * 4 + 2 * 4 * 5)),
    # normalisation
    ("Softmax", (t(2, 3, 4),), {}, [(2, 3, 4)], Work(compares=24 - 6, adds=48 - 6, exps=24, divs=24)),
    ("LogSoftmax", (t(2, 3, 4),), {"axis": 1}, [(2, 3, 4)], Work(compares=24 - 8, adds=48 - 8, exps=24, divs=24)),
    ("Hardmax", (t(2, 3),), {}, [(2, 3)], Work(compares=6)),
    ("BatchNormalization", (IMAGE, t(4), t(4), t(4), t(4)), {"outputs": 1}, [(1, 4, 8, 8)],
     Work(muls=256 + 4, adds=256 + 8, divs=4, exps=4)),
    ("BatchNormalization", (IMAGE, t(4), t(4), t(4), t(4)), {"outputs": 3}, [(1, 4, 8, 8), (4,), (4,)], None),
    ("InstanceNormalization", (IMAGE, t(4), t(4)), {}, [(1, 4, 8, 8)], None),
    ("GroupNormalization", (IMAGE, t(4), t(4)), {"num_groups": 2}, [(1, 4, 8, 8)], None),
    ("LayerNormalization", (t(2, 3, 4), t(4), t(4)), {"outputs": 3}, [(2, 3, 4), (2, 3, 1), (2, 3, 1)],
     Work(adds=24 * 4, muls=24 * 2, divs=24 + 2 * 6, exps=6)),
    ("RMSNormalization", (t(2, 3, 4), t(4)), {}, [(2, 3, 4)], Work(muls=72, adds=24 + 6, divs=12, exps=6)),
    (MS + "SkipLayerNormalization", (t(2, 3, 4), t(2, 3, 4), t(4), t(4), t(4)), {"outputs": 4},
     [(2, 3, 4), (2, 3, 1), (2, 3, 1), (2, 3, 4)], None),
    (MS + "SkipSimplifiedLayerNormalization", (t(2, 3, 4), t(2, 3, 4), t(4)), {}, [(2, 3, 4)], None),
    (MS + "EmbedLayerNormalization", (t(2, 5, dtype="int32"), None, t(99, 8), t(64, 8)), {"outputs": 2}, [(2, 5, 8), (2,)], None),
    ("LpNormalization", (t(2, 3),), {}, [(2, 3)], Work(muls=6, adds=6, divs=6, exps=2)),
    ("MeanVarianceNormalization", (IMAGE,), {}, [(1, 4, 8, 8)], None),
    ("LRN", (IMAGE,), {"size": 5}, [(1, 4, 8, 8)], Work(muls=256 * 6, adds=256 * 5, exps=256, divs=256)),
    ("NegativeLogLikelihoodLoss", (t(3, 5), t(3)), {"reduction": "none"}, [(3,)], Work(adds=3)),
    ("SoftmaxCrossEntropyLoss", (t(3, 5), t(3)), {"outputs": 2}, [(), (3, 5)], None),
    # resolution
    ("Upsample", (IMAGE, floats(1, 1, 2, 2)), {}, [(1, 4, 16, 16)], Work()),
    ("Upsample", (IMAGE,), {"scales": (1.0, 1.0, 2.0, 0.5)}, [(1, 4, 16, 4)], Work()),
    ("Upsample", (IMAGE,), {"height_scale": 2.0, "width_scale": 3.0, "mode": "bilinear"}, [(1, 4, 16, 24)],
     Work(muls=4 * 16 * 24 * 2 * 2, adds=4 * 16 * 24 * 2)),
    ("Resize", (IMAGE, None, floats(1, 1, 1.5, 2)), {}, [(1, 4, 12, 16)], Work()),
    ("Resize", (IMAGE, None, None, ints(1, 4, 5, 7)), {"mode": "cubic"}, [(1, 4, 5, 7)], Work(muls=140 * 2 * 4, adds=140 * 2 * 3)),
    ("Resize", (IMAGE, None, None, ints(5, 7)), {"axes": (2, 3)}, [(1, 4, 5, 7)], None),
    ("Resize", (IMAGE, None, None, ints(4, 16)), {"axes": (2, 3), "keep_aspect_ratio_policy": "not_larger"}, [(1, 4, 4, 4)], None),
    ("Resize", (IMAGE, None, None, ints(4, 16)), {"axes": (2, 3), "keep_aspect_ratio_policy": "not_smaller"}, [(1, 4, 16, 16)], None),
    ("Resize", (IMAGE, floats(0, 0, 0.25, 0.25, 1, 1, 0.75, 0.75), floats(1, 1, 2, 2)),
     {"coordinate_transformation_mode": "tf_crop_and_resize"}, [(1, 4, 8, 8)], None),
    ("GridSample", (IMAGE, t(1, 5, 6, 2)), {}, [(1, 4, 5, 6)], Work(muls=120 * 2 * 2 + 60, adds=120 * 2 + 60)),
    ("AffineGrid", (t(2, 2, 3), ints(2, 3, 5, 6)), {}, [(2, 5, 6, 2)], Work(macs=120 * 3)),
    ("RoiAlign", (IMAGE, t(9, 4), t(9)), {"output_height": 2, "output_width": 3, "sampling_ratio": 2}, [(9, 4, 2, 3)],
     Work(muls=216 * 4 * 4, adds=216 * 4 * 3 + 216 * 3, divs=216)),
    (MS + "CropAndResize", (IMAGE, t(9, 4), t(9), ints(2, 3)), {}, [(9, 4, 2, 3)], None),
    # recurrent: steps x batch x directions x gates x hidden x (input + hidden)
    ("LSTM", (t(7, 2, 5), t(2, 12, 5), t(2, 12, 3)), {"outputs": 3}, [(7, 2, 2, 3), (2, 2, 3), (2, 2, 3)], None),
    ("GRU", (t(7, 2, 5), t(1, 9, 5), t(1, 9, 3)), {"outputs": 2}, [(7, 1, 2, 3), (1, 2, 3)], None),
    ("RNN", (t(2, 7, 5), t(1, 3, 5), t(1, 3, 3)), {"layout": 1}, [(2, 7, 1, 3)],
     Work(macs=7 * 2 * 3 * (5 + 3), adds=42, exps=42)),
    (MS + "DynamicQuantizeLSTM", (t(7, 2, 5), t(1, 5, 12), t(1, 3, 12)), {"outputs": 1}, [(7, 1, 2, 3)], None),
    # 2 + 1 rows below the pivots, 2^2 + 1^2 elements of them, and three pivots to multiply
    ("Det", (t(5, 3, 3),), {}, [(5,)], Work(muls=5 * (5 + 3), adds=5 * 5, divs=5 * 3, compares=5 * 3)),
    # attention
    ("Attention", (t(1, 4, 6, 8), t(1, 2, 9, 8), t(1, 2, 9, 8)), {}, [(1, 4, 6, 8)], None),
    ("Attention", (t(1, 6, 32), t(1, 9, 16), t(1, 9, 16), None, t(1, 2, 3, 8), t(1, 2, 3, 8)),
     {"q_num_heads": 4, "kv_num_heads": 2, "outputs": 4}, [(1, 6, 32), (1, 2, 12, 8), (1, 2, 12, 8), (1, 4, 6, 12)], None),
    (MS + "Attention", (t(2, 5, 16), t(16, 48), t(48)), {"num_heads": 4, "outputs": 2}, [(2, 5, 16), (2, 2, 4, 5, 4)],
     Work(macs=2 * 5 * 48 * 16 + 2 * 4 * 5 * 5 * (4 + 4), muls=200, adds=480 + 400 - 40, compares=200 - 40, exps=200, divs=200)),
    (MS + "QAttention", (t(2, 5, 16, dtype="uint8"), t(16, 48, dtype="int8"), t(48), t(1), t(1)), {"num_heads": 4}, [(2, 5, 16)], None),
    # 4 keys of 8 meet values of 6 in each of 2 x 5 steps, 8 queries read them; a rule with delta also reads the state
    ("LinearAttention", (t(2, 5, 64), t(2, 5, 32), t(2, 5, 24)), {"q_num_heads": 8, "kv_num_heads": 4, "update_rule": "linear"},
     [(2, 5, 48), (2, 4, 8, 6)], Work(macs=10 * (4 + 8) * 8 * 6, muls=10 * 8 * 6)),
    ("LinearAttention", (t(2, 5, 64), t(2, 5, 32), t(2, 5, 24), None, t(2, 5, 32)), {"q_num_heads": 8, "kv_num_heads": 4},
     [(2, 5, 48), (2, 4, 8, 6)],
     Work(macs=10 * (4 + 8 + 4) * 8 * 6, muls=10 * (8 * 6 + 4 * 8 * 6 + 4 * 6), adds=10 * 4 * 6, exps=10 * 32)),
    # a search pads what it finds to the longest that is allowed: batch 2, of 4 beams the best 3, 10 tokens
    (MS + "BeamSearch", (t(2, 5), number(10), number(1), number(4), number(3)), {}, [(2, 3, 10), (2, 3)], None),
    (MS + "BeamSearch", (t(2, 80, 30), number(10)), {}, [(2, 1, 10), (2, 1)], None),
    (MS + "Sampling", (t(2, 5), number(10)), {}, [(2, 10)], None),
    (MS + "MultiHeadAttention", (t(2, 5, 16), t(2, 7, 16), t(2, 7, 16)), {"num_heads": 4, "outputs": 3},
     [(2, 5, 16), (2, 4, 7, 4), (2, 4, 7, 4)], None),
    (MS + "MultiHeadAttention", (t(2, 5, 16), t(2, 7, 16), t(2, 7, 16), None, None, None, t(2, 4, 3, 4), t(2, 4, 3, 4)),
     {"num_heads": 4, "outputs": 2}, [(2, 5, 16), (2, 4, 10, 4)], None),
    (MS + "GroupQueryAttention", (t(1, 5, 32), t(1, 5, 16), t(1, 5, 16), t(1, 2, 3, 8), t(1, 2, 3, 8)),
     {"num_heads": 4, "kv_num_heads": 2, "outputs": 3, "do_rotary": 1}, [(1, 5, 32), (1, 2, 8, 8), (1, 2, 8, 8)], None),
    ("RotaryEmbedding", (t(1, 4, 6, 8),), {}, [(1, 4, 6, 8)], Work(muls=384, adds=192)),
    # quantised
    ("QuantizeLinear", (t(2, 3), t(), t(dtype="int8")), {}, [(2, 3)], Work(divs=6, compares=18, adds=6)),
    ("DequantizeLinear", (t(2, 3, dtype="int8"), t()), {}, [(2, 3)], Work(adds=6, muls=6)),
    ("DynamicQuantizeLinear", (t(2, 3),), {}, [(2, 3), (), ()], None),
    ("ConvInteger", (IMAGE, t(6, 4, 3, 3)), {}, [(1, 6, 6, 6)], Work(macs=(6 * 36) * 36)),
    ("QLinearConv", (IMAGE, t(), t(), t(6, 4, 3, 3), t(), t(), t(), t(dtype="uint8"), t(6)), {}, [(1, 6, 6, 6)], None),
    ("MatMulInteger", (t(2, 3), t(3, 4)), {}, [(2, 4)], Work(macs=24)),
    ("QLinearMatMul", (t(2, 3), t(), t(), t(3, 4), t(), t(), t(), t(dtype="uint8")), {}, [(2, 4)], None),
    (MS + "MatMulIntegerToFloat", (t(2, 3), t(3, 4), t(), t(), None, None, t(4)), {}, [(2, 4)], Work(macs=24, muls=8, adds=8)),
    (MS + "DynamicQuantizeMatMul", (t(2, 3), t(3, 4), t()), {}, [(2, 4)], None),
    (MS + "MatMulNBits", (t(1, 5, 32), t(64, 1, 16, dtype="uint8"), t(64)), {"K": 32, "N": 64}, [(1, 5, 64)],
     Work(macs=5 * 64 * 32, adds=64 * 32, muls=64 * 32)),
    (MS + "MatMulBnb4", (t(1, 5, 32), t(64 * 16, dtype="uint8"), t(32)), {"K": 32, "N": 64}, [(1, 5, 64)],
     Work(macs=5 * 64 * 32, muls=64 * 32)),
    (MS + "GatherBlockQuantized", (t(9, 8, dtype="uint8"), t(2, dtype="int64"), t(9, 1)), {}, [(2, 16)],
     Work(adds=2 * 16, muls=2 * 16)),
    (MS + "GatherBlockQuantized", (t(9, 16, dtype="int4"), t(2, dtype="int64"), t(9, 1)), {}, [(2, 16)], None),
    # channels in blocks
    (MS + "nchwc.Conv", (IMAGE, t(16, 4, 3, 3), t(16)), {"pads": (1, 1, 1, 1)}, [(1, 16, 8, 8)],
     Work(macs=(16 * 8 * 8) * (4 * 3 * 3), adds=16 * 8 * 8, compares=16 * 8 * 8)),
    (MS + "nchwc.MaxPool", (t(1, 16, 8, 8),), {"kernel_shape": (2, 2), "strides": (2, 2)}, [(1, 16, 4, 4)], None),
    (MS + "nchwc.GlobalAveragePool", (t(1, 16, 8, 8),), {}, [(1, 16, 1, 1)], None),
    (MS + "nchwc.ReorderInput", (t(1, 8, 8, 32),), {"channels_last": 1}, [(1, 32, 8, 8)], Work()),
    (MS + "nchwc.ReorderOutput", (t(1, 16, 8, 8),), {"channels": 12}, [(1, 12, 8, 8)], Work()),
    (MS + "nchwc.ReorderOutput", (t(1, 16, 8, 8),), {"channels": 12, "channels_last": 1}, [(1, 8, 8, 12)], Work()),
    (MS + "nchwc.Upsample", (t(1, 16, 8, 8),), {"scales": (1, 1, 2, 2)}, [(1, 16, 16, 16)], Work()),
    (MS + "QGemm", (t(2, 3), t(), t(), t(3, 4), t(), t()), {}, [(2, 4)], None),
    (MS + "QLinearAdd", (t(2, 3), t(), t(), t(3), t(), t()), {}, [(2, 3)], None),
    (MS + "QLinearSigmoid", (t(2, 3),), {}, [(2, 3)], None),
    (MS + "QLinearSoftmax", (t(2, 3),), {}, [(2, 3)], None),
    (MS + "QLinearGlobalAveragePool", (IMAGE,), {}, [(1, 4, 1, 1)], None),
    (MS + "QLinearGlobalAveragePool", (t(1, 8, 8, 4),), {"channels_last": 1}, [(1, 1, 1, 4)], None),
    (MS + "QLinearAveragePool", (IMAGE,), {"kernel_shape": (2, 2)}, [(1, 4, 7, 7)], None),
    (MS + "QLinearConcat", (t(), t(), t(2, 3), t(), t(), t(2, 4), t(), t()), {"axis": 1}, [(2, 7)], None),
    # detection
    ("MaxRoiPool", (IMAGE, t(9, 5)), {"pooled_shape": (2, 3)}, [(9, 4, 2, 3)], None),
    # signal
    ("DFT", (t(1, 10, 10, 1), None, number(1)), {}, [(1, 10, 10, 2)], None),
    ("DFT", (t(1, 10, 2),), {"onesided": 1, "axis": 1, "version": 17}, [(1, 6, 2)], None),
    ("STFT", (t(1, 128, 1), number(8), t(16)), {}, [(1, 15, 9, 2)], None),
    ("HannWindow", (number(10),), {}, [(10,)], Work(muls=20, adds=10, divs=10, exps=10)),
    ("MelWeightMatrix", (number(8), number(16), number(8192), number(0.0), number(4096.0)), {}, [(9, 8)], None),
    (MS + "Inverse", (t(3, 4, 4),), {}, [(3, 4, 4)], Work(muls=3 * 4**3, adds=3 * 4**3)),
    # classical models
    ("ai.onnx.ml.Scaler", (t(2, 3),), {}, [(2, 3)], Work(adds=6, muls=6)),
    ("ai.onnx.ml.LabelEncoder", (t(2),), {"values_strings": ("a",)}, [(2,)], Work()),
    ("ai.onnx.ml.LinearRegressor", (t(2, 3),), {"coefficients": (1.0,) * 6, "targets": 2, "intercepts": (0.0, 0.0)}, [(2, 2)], Work(macs=12, adds=4)),
    ("ai.onnx.ml.LinearClassifier", (t(2, 3),), {"coefficients": (1.0,) * 9, "classlabels_ints": (0, 1, 2)}, [(2,), (2, 3)], None),
    ("ai.onnx.ml.TreeEnsembleClassifier", (t(2, 3),), {"classlabels_strings": ("a", "b")}, [(2,), (2, 2)], None),
    ("ai.onnx.ml.TreeEnsembleRegressor", (t(2, 3),), {"n_targets": 2}, [(2, 2)], None),
    ("ai.onnx.ml.SVMClassifier", (t(2, 3),), {"classlabels_ints": (0, 1)}, [(2,), (2, 2)], None),
    ("ai.onnx.ml.SVMRegressor", (t(2, 3),), {}, [(2, 1)], None),
    ("ai.onnx.ml.OneHotEncoder", (t(2, 1),), {"cats_int64s": (1, 2, 3)}, [(2, 1, 3)], Work()),
    ("ai.onnx.ml.ArrayFeatureExtractor", (t(2, 5), ints(0, 3)), {}, [(2, 2)], Work()),
    ("ai.onnx.ml.FeatureVectorizer", (t(2, 1), t(2, 3)), {"inputdimensions": (1, 3)}, [(2, 4)], Work()),
    ("ai.onnx.ml.CastMap", (t(1),), {"map_form": "SPARSE", "max_map": 7}, [(1, 7)], Work()),
    ("ai.onnx.ml.DictVectorizer", (t(1),), {"string_vocabulary": ("a", "b")}, [(1, 2)], Work()),
    # strings and images
    ("StringNormalizer", (t(4, dtype="string"),), {}, [(4,)], Work()),
    ("StringConcat", (t(4, 1), t(3)), {}, [(4, 3)], Work()),
    ("RegexFullMatch", (t(4),), {}, [(4,)], None),
    ("TfIdfVectorizer", (t(2, 9),), {"ngram_indexes": (0, 4, 2)}, [(2, 5)], None),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_an_operator_states_its_outputs_and_work(row: Any) -> None:
    kind, inputs, attrs, shapes, work = row
    facts = facts_of(kind, *inputs, **attrs)
    assert [y.shape for y in facts.outputs] == shapes
    if work is not None:
        assert facts.work == work


CELLS = {"LSTM": (4, 2), "GRU": (3, 2), "RNN": (1, 1)}


@pytest.mark.parametrize("kind", CELLS)
def test_a_recurrent_step_multiplies_by_a_matrix_for_each_gate(kind: str) -> None:
    gates, directions = CELLS[kind]
    facts = facts_of(
        kind,
        t(7, 2, 5),
        t(directions, gates * 3, 5),
        t(directions, gates * 3, 3),
        t(directions, 2 * gates * 3),
        outputs=1,
    )
    assert facts.work is not None
    assert facts.work.macs == (7 * 2) * directions * gates * 3 * (5 + 3)


def test_attention_multiplies_scores_and_values() -> None:
    """4 query heads share 2 key heads: 6 queries meet 9 keys in 8 elements, and gather values of 8."""
    facts = facts_of("Attention", t(1, 4, 6, 8), t(1, 2, 9, 8), t(1, 2, 9, 8))
    assert facts.work is not None and facts.work.macs == (4 * 6 * 9) * (8 + 8)


def test_softmax_before_13_flattens() -> None:
    """From axis 1 on, 3 x 4 elements are one group."""
    assert facts_of("Softmax", t(2, 3, 4), version=12).work == Work(compares=24 - 2, adds=48 - 2, exps=24, divs=24)


def test_resize_10_takes_scales_second() -> None:
    assert facts_of("Resize", IMAGE, floats(1, 1, 2, 2), version=10).outputs[0].shape == (1, 4, 16, 16)


DTYPES = [
    ("QuantizeLinear", (t(2), t(), t(dtype="int8")), {}, "int8"),
    ("QuantizeLinear", (t(2), t()), {}, "uint8"),
    ("QuantizeLinear", (t(2), t()), {"output_dtype": 22}, "int4"),
    ("DequantizeLinear", (t(2, dtype="int8"), t(dtype="float16")), {}, "float16"),
    ("MatMulInteger", (t(2, 2), t(2, 2)), {}, "int32"),
    ("RegexFullMatch", (t(2),), {}, "bool"),
]


@pytest.mark.parametrize("row", DTYPES, ids=lambda row: row[0])
def test_an_operator_states_the_type_of_its_output(row: Any) -> None:
    kind, inputs, attrs, dtype = row
    assert facts_of(kind, *inputs, **attrs).outputs[0].dtype == dtype


OPEN = [
    ("NonMaxSuppression", (t(1, 9, 4), t(1, 2, 9), number(5)), {}),
    ("StringNormalizer", (t(4),), {"stopwords": ("a",)}),
    ("StringSplit", (t(4),), {}),
    ("ImageDecoder", (t(99),), {}),
    ("ai.onnx.ml.CastMap", (t(1),), {}),
    (MS + "BeamSearch", (t(2, 5), t(1)), {}),
    (MS + "GreedySearch", (t(2, 5), t(1)), {}),
]


@pytest.mark.parametrize("row", OPEN, ids=lambda row: row[0])
def test_an_extent_that_data_decides_is_left_open(row: Any) -> None:
    kind, inputs, attrs = row
    assert any("open_" in str(extent) for extent in facts_of(kind, *inputs, **attrs).outputs[0].shape)


UNTOLD = [
    ("Col2Im", (t(1, 5, 5), t(2), ints(1, 5)), {}),
    ("DFT", (t(1, 10, 1), t(1)), {}),
    ("STFT", (t(1, 128, 1), t(), t(16)), {}),
    ("AffineGrid", (t(2, 2, 3), t(4)), {}),
]


@pytest.mark.parametrize("row", UNTOLD, ids=lambda row: row[0])
def test_what_only_contents_tell_is_unknown(row: Any) -> None:
    kind, inputs, attrs = row
    with pytest.raises(UnknownShape):
        facts_of(kind, *inputs, **attrs)


REFUSED = [
    ("LinearAttention", (t(1, 2, 4), t(1, 2, 4), t(1, 2, 4)), {"q_num_heads": 1, "kv_num_heads": 1}, "needs a decay"),
    (
        "LinearAttention",
        (t(1, 2, 4), t(1, 2, 4), t(1, 2, 4)),
        {"q_num_heads": 1, "kv_num_heads": 1, "update_rule": "x"},
        "no update rule 'x'",
    ),
    ("CausalConvWithState", (t(1, 4, 9), t(4, 1, 3)), {"activation": "tanh"}, "no activation 'tanh'"),
    ("Det", (t(2, 3),), {}, "square matrices"),
    ("Conv", (IMAGE, t(6, 3, 3, 3)), {}, "4 channels come in, the filters take 3"),
    ("Conv", (IMAGE, t(5, 2, 3, 3)), {"group": 2}, "5 filters cannot be split into 2"),
    ("Conv", (IMAGE, t(6, 4, 3, 3)), {"pads": (1, 1)}, "2 pads"),
    ("Conv", (IMAGE, t(6, 4, 3, 3)), {"group": 0}, "group 0"),
    ("ConvTranspose", (IMAGE, t(3, 3, 2, 2)), {}, "4 channels come in, the weight takes 3"),
    ("ConvTranspose", (IMAGE, t(4, 3, 2, 2)), {"pads": (9, 9, 9, 9)}, "nothing is left"),
    ("Einsum", (t(3, 3), t(3, 3)), {"equation": "ii,jj->->ij"}, "names -, >, which no operand has"),
    ("Resize", (IMAGE, None, floats(2.0)), {}, "1 scales or sizes for 4 axes"),
    ("Gemm", (t(3, 5), t(6, 7)), {}, "contracted dimensions differ: 5 and 6"),
    ("Gemm", (t(3, 5, 1), t(6, 7)), {}, "should be matrices"),
    ("MatMul", (t(), t(2, 2)), {}, "scalar"),
    ("Einsum", (t(2, 3),), {"equation": "ij,jk->ik"}, "names 2 operands; there are 1"),
    ("Einsum", (t(2, 3),), {"equation": "ijk->ik"}, "names 3 axes of a tensor of 2"),
]


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row[0])
def test_a_contradiction_is_refused_in_words(row: Any) -> None:
    kind, inputs, attrs, reason = row
    with pytest.raises(ValueError, match=reason):
        facts_of(kind, *inputs, **attrs)
