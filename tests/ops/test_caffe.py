"""Caffe's layers: the shapes, blobs and work that each states. Expected numbers show their factors."""

from __future__ import annotations

import math
from typing import Any

import pytest

from graphcost import Facts, Tensor, Work
from graphcost.dims import Undecided, substitute, symbol
from graphcost.ops import find
from graphcost.rules import FRESH, GLOBAL, POINTWISE, Window
from graphcost.windows import along, mapped


def t(*shape: int) -> Tensor:
    return Tensor(shape)


def facts_of(kind: str, *inputs: Tensor, **fields: Any) -> Facts:
    rule = find(f"caffe.{kind}", 1)
    assert rule is not None
    if "outputs" not in rule.keywords:
        fields.pop("outputs", None)
    return rule.function(*inputs, **fields)


IMAGE = t(1, 3, 8, 8)
SIGMOID = Work(adds=1, divs=1, exps=1)  # 1 / (1 + exp(-x))
TANH = Work(exps=1)

# layer type, bottoms, fields -> tops, blobs, work (None: not compared)
ROWS: list[tuple[str, tuple[Tensor, ...], dict[str, Any], list[tuple[int, ...]], list[tuple[int, ...]], Work | None]] = [
    ("Convolution", (IMAGE,), {"num_output": 4, "kernel_size": 3}, [(1, 4, 6, 6)], [(4, 3, 3, 3), (4,)],
     Work(macs=(4 * 6 * 6) * (3 * 3 * 3), adds=4 * 6 * 6)),
    ("Convolution", (IMAGE,), {"num_output": 6, "kernel_size": 3, "group": 3, "bias_term": False, "pad": 1},
     [(1, 6, 8, 8)], [(6, 1, 3, 3)], Work(macs=(6 * 8 * 8) * (1 * 3 * 3))),
    ("Convolution", (IMAGE,), {"num_output": 2, "kernel_h": 3, "kernel_w": 1, "stride_h": 2, "stride_w": 1},
     [(1, 2, 3, 8)], [(2, 3, 3, 1), (2,)], None),
    ("Convolution", (IMAGE,), {"num_output": 2, "kernel_size": (3, 5), "dilation": (2, 1)}, [(1, 2, 4, 4)],
     [(2, 3, 3, 5), (2,)], None),
    ("Convolution", (IMAGE, IMAGE), {"num_output": 2, "kernel_size": 1, "outputs": 2}, [(1, 2, 8, 8)] * 2, [(2, 3, 1, 1), (2,)],
     Work(macs=2 * (2 * 64 * 3), adds=2 * (2 * 64))),
    ("Convolution", (t(1, 3, 4, 8, 8),), {"num_output": 2, "kernel_size": 3}, [(1, 2, 2, 6, 6)], [(2, 3, 3, 3, 3), (2,)], None),
    ("Convolution", (t(2, 5, 3, 8),), {"num_output": 4, "kernel_size": 3, "axis": 2}, [(2, 5, 4, 6)], [(4, 3, 3), (4,)], None),
    ("Convolution", (IMAGE,), {"num_output": 2, "kernel_size": 3, "stride": 2, "pad_type": 1}, [(1, 2, 4, 4)], [(2, 3, 3, 3), (2,)], None),
    ("Convolution", (IMAGE,), {"num_output": 2, "kernel_size": 3, "pad_l": 0, "pad_r": 1, "pad_t": 0, "pad_b": 1},
     [(1, 2, 7, 7)], [(2, 3, 3, 3), (2,)], None),
    ("Deconvolution", (IMAGE,), {"num_output": 3, "kernel_size": 4, "stride": 2, "pad": 1, "group": 3, "bias_term": False},
     [(1, 3, 16, 16)], [(3, 1, 4, 4)], Work(macs=(3 * 8 * 8) * (1 * 4 * 4))),
    ("Deconvolution", (IMAGE,), {"num_output": 2, "kernel_size": 3, "dilation": 2}, [(1, 2, 12, 12)], [(3, 2, 3, 3), (2,)], None),
    ("Im2col", (IMAGE,), {"kernel_size": 3}, [(1, 27, 6, 6)], [], Work()),
    ("Pooling", (IMAGE,), {"kernel_size": 2, "stride": 2}, [(1, 3, 4, 4)], [], Work(compares=(3 * 4 * 4) * (2 * 2 - 1))),
    ("Pooling", (t(1, 1, 7, 7),), {"kernel_size": 2, "stride": 2}, [(1, 1, 4, 4)], [], None),  # rounded up
    ("Pooling", (t(1, 1, 7, 7),), {"kernel_size": 2, "stride": 2, "round_mode": "FLOOR"}, [(1, 1, 3, 3)], [], None),
    ("Pooling", (t(1, 1, 7, 7),), {"kernel_size": 2, "stride": 2, "ceil_mode": False}, [(1, 1, 3, 3)], [], None),
    ("Pooling", (t(1, 1, 6, 6),), {"kernel_size": 2, "stride": 2, "pad": 1}, [(1, 1, 4, 4)], [], None),
    ("Pooling", (t(1, 1, 5, 5),), {"kernel_size": 2, "stride": 2, "pad": 1}, [(1, 1, 3, 3)], [], None),  # last one clipped
    ("Pooling", (t(1, 1, 1, 1),), {"kernel_size": 2, "stride": 2}, [(1, 1, 1, 1)], [], None),  # Caffe takes what is there
    ("Pooling", (IMAGE,), {"pool": "AVE", "global_pooling": True}, [(1, 3, 1, 1)], [], Work(adds=3 * 63, divs=3)),
    ("Pooling", (IMAGE,), {"pool": 1, "kernel_size": 2, "stride": 2, "outputs": 1}, [(1, 3, 4, 4)], [], Work(adds=48 * 3, divs=48)),
    ("Pooling", (IMAGE,), {"kernel_size": 2, "stride": 2, "outputs": 2}, [(1, 3, 4, 4)] * 2, [], None),
    ("Pooling", (IMAGE,), {"kernel_size": 2, "stride": 1, "pad_type": 1}, [(1, 3, 8, 8)], [], None),
    ("SPP", (t(1, 2, 9, 9),), {"pyramid_height": 3}, [(1, 2 * (1 + 4 + 16))], [], None),
    ("SPP", (t(1, 2, 9, 9),), {"pyramid_height": 1}, [(1, 2, 1, 1)], [], None),
    ("InnerProduct", (IMAGE,), {"num_output": 10}, [(1, 10)], [(10, 192), (10,)], Work(macs=192 * 10, adds=10)),
    ("InnerProduct", (t(4, 5, 6),), {"num_output": 7, "axis": 2, "transpose": True, "bias_term": False}, [(4, 5, 7)], [(6, 7)],
     Work(macs=4 * 5 * 6 * 7)),
    ("Embed", (t(4, 5),), {"num_output": 7, "input_dim": 100}, [(4, 5, 7)], [(100, 7), (7,)], Work(adds=4 * 5 * 7)),
    ("LSTM", (t(10, 2, 5), t(10, 2)), {"num_output": 4}, [(10, 2, 4)], [(16, 5), (16,), (16, 4)], None),
    ("LSTM", (t(10, 2, 5), t(10, 2)), {"num_output": 1}, [(10, 2, 1)], [(4, 5), (4,), (4, 1)], None),
    ("LSTM", (t(10, 2, 5), t(10, 2), t(2, 3)), {"num_output": 4}, [(10, 2, 4)], [(16, 5), (16,), (16, 3), (16, 4)], None),
    ("LSTM", (t(10, 2, 5), t(10, 2), t(1, 2, 4), t(1, 2, 4)), {"num_output": 4, "expose_hidden": True, "outputs": 3},
     [(10, 2, 4), (1, 2, 4), (1, 2, 4)], [(16, 5), (16,), (16, 4)], None),
    ("RNN", (t(10, 2, 5), t(10, 2)), {"num_output": 4}, [(10, 2, 4)], [(4, 5), (4,), (4, 4), (4, 4), (4,)],
     Work(macs=10 * 2 * 4 * (5 + 4 + 4), adds=10 * 2 * 4 * 3, exps=10 * 2 * 4 * 2)),
    ("LSTMUnit", (t(1, 2, 4), t(1, 2, 16), t(1, 2)), {}, [(1, 2, 4)] * 2, [], None),
    ("ReLU", (IMAGE,), {}, [(1, 3, 8, 8)], [], Work(compares=192)),
    ("ReLU", (IMAGE,), {"negative_slope": 0.1}, [(1, 3, 8, 8)], [], Work(compares=192, muls=192)),
    ("PReLU", (IMAGE,), {}, [(1, 3, 8, 8)], [(3,)], Work(compares=192, muls=192)),
    ("PReLU", (IMAGE,), {"channel_shared": True}, [(1, 3, 8, 8)], [(1,)], None),
    ("Power", (IMAGE,), {"power": 2, "scale": 3, "shift": 1}, [(1, 3, 8, 8)], [], Work(exps=192, muls=192, adds=192)),
    ("Power", (IMAGE,), {}, [(1, 3, 8, 8)], [], Work()),
    ("Dropout", (IMAGE,), {}, [(1, 3, 8, 8)], [], Work()),
    ("Sigmoid", (IMAGE,), {}, [(1, 3, 8, 8)], [], Work(adds=192, divs=192, exps=192)),
    *[(kind, (IMAGE,), {}, [(1, 3, 8, 8)], [], None)
      for kind in ("AbsVal", "BNLL", "Clip", "ELU", "Exp", "Log", "Swish", "TanH", "Threshold", "ReLU6", "HardSwish", "SeLu", "ShuffleChannel", "Reverse")],
    ("Eltwise", (IMAGE, IMAGE, IMAGE), {}, [(1, 3, 8, 8)], [], Work(adds=2 * 192)),
    ("Eltwise", (IMAGE, IMAGE), {"operation": 0}, [(1, 3, 8, 8)], [], Work(muls=192)),
    ("Eltwise", (IMAGE, IMAGE), {"operation": "MAX"}, [(1, 3, 8, 8)], [], Work(compares=192)),
    ("Eltwise", (IMAGE, IMAGE), {"coeff": (1, -0.5)}, [(1, 3, 8, 8)], [], Work(adds=192, muls=192)),
    ("Scale", (IMAGE,), {"bias_term": True}, [(1, 3, 8, 8)], [(3,), (3,)], Work(muls=192, adds=192)),
    ("Scale", (IMAGE,), {"axis": 1, "num_axes": -1}, [(1, 3, 8, 8)], [(3, 8, 8)], Work(muls=192)),
    ("Scale", (IMAGE, t(1, 3)), {"axis": 0, "bias_term": True}, [(1, 3, 8, 8)], [(1, 3)], None),
    ("Bias", (IMAGE,), {}, [(1, 3, 8, 8)], [(3,)], Work(adds=192)),
    ("Bias", (IMAGE, t(3)), {}, [(1, 3, 8, 8)], [], Work(adds=192)),
    ("BatchNorm", (IMAGE,), {}, [(1, 3, 8, 8)], [(3,), (3,), (1,)], Work(adds=192 + 3, divs=192, exps=3)),
    ("LRN", (IMAGE,), {}, [(1, 3, 8, 8)], [], Work(muls=192 * 6, adds=192 * 5, exps=192, divs=192)),
    ("LRN", (IMAGE,), {"norm_region": 1, "local_size": 3}, [(1, 3, 8, 8)], [], Work(muls=192 * 10, adds=192 * 9, exps=192, divs=192)),
    ("MVN", (IMAGE,), {}, [(1, 3, 8, 8)], [], None),
    ("MVN", (IMAGE,), {"normalize_variance": False, "across_channels": True}, [(1, 3, 8, 8)], [], Work(adds=2 * 192, divs=1)),
    ("Softmax", (t(2, 5, 3),), {}, [(2, 5, 3)], [], Work(compares=30 - 6, adds=60 - 6, exps=30, divs=30)),
    ("Concat", (IMAGE, t(1, 5, 8, 8)), {}, [(1, 8, 8, 8)], [], Work()),
    ("Concat", (t(1, 2), t(3, 2)), {"concat_dim": 0}, [(4, 2)], [], Work()),
    ("Slice", (t(1, 6, 4),), {"outputs": 3}, [(1, 2, 4)] * 3, [], Work()),
    ("Slice", (t(1, 6, 4),), {"slice_point": (1, 4), "outputs": 3}, [(1, 1, 4), (1, 3, 4), (1, 2, 4)], [], Work()),
    ("Slice", (t(4, 6),), {"slice_dim": 0, "slice_point": 3, "outputs": 2}, [(3, 6), (1, 6)], [], Work()),
    ("Split", (IMAGE,), {"outputs": 2}, [(1, 3, 8, 8)] * 2, [], Work()),
    ("Silence", (IMAGE,), {}, [], [], Work()),
    ("Crop", (IMAGE, t(1, 9, 5, 6)), {"offset": 1}, [(1, 3, 5, 6)], [], Work()),
    ("Crop", (IMAGE, t(1, 2, 5, 6)), {"axis": 1, "offset": (1, 2, 0)}, [(1, 2, 5, 6)], [], Work()),
    ("Reshape", (t(2, 3, 8),), {"shape": (("dim", (0, -1, 4)),)}, [(2, 6, 4)], [], Work()),
    ("Reshape", (t(2, 3, 8),), {"shape": (("dim", (2, 4)),), "axis": 2, "num_axes": 1}, [(2, 3, 2, 4)], [], Work()),
    ("Reshape", (t(1, 8, 4, 4),), {"pixelshuffler": 2}, [(1, 2, 8, 8)], [], Work()),
    ("Flatten", (t(2, 3, 4, 5),), {}, [(2, 60)], [], Work()),
    ("Flatten", (t(2, 3, 4, 5),), {"axis": 1, "end_axis": 2}, [(2, 12, 5)], [], Work()),
    ("Tile", (t(2, 3),), {"tiles": 4}, [(2, 12)], [], Work()),
    ("BatchReindex", (t(5, 3), t(7)), {}, [(7, 3)], [], Work()),
    ("Parameter", (), {"shape": (("dim", (2, 3)),)}, [(2, 3)], [(2, 3)], Work()),
    ("Reduction", (t(2, 3, 4),), {"axis": 1, "operation": "MEAN"}, [(2,)], [], Work(adds=24, divs=2)),
    ("Reduction", (t(2, 3),), {"operation": 3, "coeff": 0.5}, [()], [], Work(adds=6, muls=6 + 1)),
    ("ArgMax", (t(2, 5, 3),), {"axis": 1, "top_k": 2}, [(2, 2, 3)], [], None),
    ("ArgMax", (t(2, 5, 3, 4),), {"out_max_val": True}, [(2, 2, 1, 1)], [], None),
    ("Accuracy", (t(2, 5), t(2)), {"outputs": 2}, [(), (5,)], [], None),
    ("SoftmaxWithLoss", (t(2, 5), t(2)), {"outputs": 2}, [(), (2, 5)], [], Work(compares=10 - 2, adds=20 - 2 + 2, exps=10 + 2, divs=10)),
    ("EuclideanLoss", (t(2, 5), t(2, 5)), {}, [()], [], Work(adds=20, muls=10)),
    *[(kind, (t(2, 5), t(2, 5)), {}, [()], [], None)
      for kind in ("HingeLoss", "InfogainLoss", "MultinomialLogisticLoss", "SigmoidCrossEntropyLoss", "ContrastiveLoss")],
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_layer_states_its_tops_blobs_and_work(row: Any) -> None:
    kind, bottoms, fields, tops, blobs, work = row
    facts = facts_of(kind, *bottoms, **fields)
    assert [top.shape for top in facts.outputs] == tops
    assert [weight.shape for weight in facts.weights] == blobs
    if work is not None:
        assert facts.work == work


def test_filter_leaves_the_count_to_the_data() -> None:
    facts = facts_of("Filter", t(5, 3), t(5))
    assert str(facts.outputs[0].shape[0]).startswith(FRESH) and facts.outputs[0].shape[1] == 3


REFUSED = [
    ("Slice", (t(1, 6),), {"outputs": 4}, "cannot be cut into 4 equal parts"),
    ("Slice", (t(1, 6),), {"slice_point": 9, "outputs": 2}, "do not cut"),
    ("Slice", (t(1, 6),), {"slice_point": (1, 2), "outputs": 2}, "2 slice points make 3 parts"),
    ("Crop", (t(1, 3, 4, 4), t(1, 3, 5, 5)), {}, "cannot cut 5 elements"),
    ("Reshape", (t(2, 3),), {"shape": (("dim", (-1, -1)),)}, "only one dim"),
    ("Reshape", (t(2, 3),), {"shape": (("dim", 7),)}, "has 7"),
    ("Reshape", (t(2, 3),), {"shape": (("dim", (1, 1, 0)),)}, "copies axis 2"),
    ("Eltwise", (t(1), t(1)), {"operation": "MIN"}, "none of PROD, SUM, MAX"),
    ("Convolution", (IMAGE,), {"num_output": 4, "kernel_h": 3}, "given together"),
    ("Convolution", (t(1, 3, 8),), {"num_output": 4, "kernel_h": 3, "kernel_w": 3}, "two spatial axes"),
    ("Convolution", (IMAGE,), {"num_output": 4, "kernel_size": (1, 2, 3)}, "3 values"),
    ("Pooling", (IMAGE,), {"kernel_size": 2, "pad": 2}, "below the kernel"),
    ("Deconvolution", (IMAGE,), {"num_output": 4, "kernel_size": 2, "group": 3}, "cannot be split"),
    ("InnerProduct", (IMAGE,), {"num_output": True}, "not a whole number"),
    (
        "InnerProduct",
        (t(2, 5), t(7, 6)),
        {"num_output": 7, "bias_term": False},
        "a weight of 42 elements for 7 outputs of 5",
    ),
    ("Convolution", (IMAGE, IMAGE), {"num_output": 4, "kernel_size": 1}, "2 bottoms and 1 tops"),
    ("Deconvolution", (IMAGE, IMAGE), {"num_output": 4, "kernel_size": 1}, "2 bottoms and 1 tops"),
]


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row[0])
def test_a_contradiction_is_refused_in_words(row: Any) -> None:
    kind, bottoms, fields, reason = row
    with pytest.raises(ValueError, match=reason):
        facts_of(kind, *bottoms, **fields)


UNDECIDED: list[tuple[str, tuple[Tensor, ...], dict[str, Any], str]] = [
    ("InnerProduct", (IMAGE,), {}, "num_output is missing"),
    ("Convolution", (IMAGE,), {"num_output": 4}, "kernel_size is missing"),
    ("Convolution", (IMAGE,), {"num_output": 4, "kernel_size": 1, "fuse_type": "FUSED_CONV_PRELU"}, "FUSED_CONV_PRELU"),
    ("InnerProduct", (t(2, 5), t(7, 5)), {"num_output": 7}, "a bias of its own"),
    ("Deconvolution", (IMAGE,), {"num_output": 4, "kernel_size": 1, "axis": 2}, "channels at axis 2"),
    ("InfogainLoss", (IMAGE, t(1)), {"axis": 2}, "along axis 2"),
]


@pytest.mark.parametrize("row", UNDECIDED, ids=lambda row: row[0])
def test_what_a_layer_leaves_open_is_named(row: Any) -> None:
    kind, bottoms, fields, reason = row
    with pytest.raises(Undecided, match=reason):
        facts_of(kind, *bottoms, **fields)


def test_what_forks_spell_differently_is_the_same_window() -> None:
    """DeepLab's hole is a dilation: 4 (4 - 1) + 1 = 13 of 65 + 2 x 6 positions."""
    (y,) = facts_of("Convolution", t(1, 3, 65, 65), num_output=8, kernel_size=4, pad=6, hole=4).outputs
    assert y.shape == (1, 8, 65 + 12 - 13 + 1, 65 + 12 - 13 + 1)
    assert facts_of("Convolution", IMAGE, num_output=1, kernel_size=3, hole_h=2).outputs[0].shape == (1, 1, 4, 6)


def test_what_is_fused_into_a_convolution_costs_a_comparison_more() -> None:
    for fused in ({"fuse_type": "FUSED_CONV_RELU"}, {"relu": True}):
        facts = facts_of("Convolution", IMAGE, num_output=2, kernel_size=1, bias_term=False, **fused)
        assert facts.work == Work(macs=2 * 64 * 3, compares=2 * 64)


# every layer of BVLC Caffe that is no source of data
BVLC = [
    "AbsVal", "Accuracy", "ArgMax", "BatchNorm", "BatchReindex", "Bias", "BNLL", "Clip", "Concat",
    "ContrastiveLoss", "Convolution", "Crop", "Deconvolution", "Dropout", "Eltwise", "ELU", "Embed",
    "EuclideanLoss", "Exp", "Filter", "Flatten", "HDF5Output", "HingeLoss", "Im2col", "InfogainLoss",
    "InnerProduct", "Log", "LRN", "LSTM", "LSTMUnit", "MultinomialLogisticLoss", "MVN", "Parameter", "Pooling",
    "Power", "PReLU", "Recurrent", "RNN", "Reduction", "ReLU", "Reshape", "Scale", "Sigmoid",
    "SigmoidCrossEntropyLoss", "Silence", "Slice", "Softmax", "SoftmaxWithLoss", "Split", "SPP", "Swish", "TanH",
    "Threshold", "Tile",
]  # fmt: skip


@pytest.mark.parametrize("kind", BVLC)
def test_every_layer_of_bvlc_caffe_has_a_rule_that_says_what_it_does(kind: str) -> None:
    rule = find(f"caffe.{kind}", 1)
    assert rule is not None and rule.function.__doc__


MORE: list[tuple[str, tuple[Tensor, ...], dict[str, Any], list[tuple[int, ...]], list[tuple[int, ...]], Work | None]] = [
    ("DepthwiseConvolution", (IMAGE,), {"num_output": 3, "kernel_size": 3, "group": 3, "bias_term": False}, [(1, 3, 6, 6)],
     [(3, 1, 3, 3)], Work(macs=(3 * 6 * 6) * (3 * 3))),
    ("Convolution", (IMAGE,), {"num_output": 4, "kernel_size": (3, 5), "stride": (1, 2), "pad": (0, 1)}, [(1, 4, 6, 3)],
     [(4, 3, 3, 5), (4,)], Work(macs=(4 * 6 * 3) * (3 * 3 * 5), adds=4 * 6 * 3)),
    ("Convolution", (IMAGE,), {"num_output": 4, "kernel_size": 3, "pad_h": 1}, [(1, 4, 8, 6)], [(4, 3, 3, 3), (4,)], None),
    ("Convolution", (IMAGE,), {"num_output": 4, "kernel_size": 3, "axis": -3}, [(1, 4, 6, 6)], [(4, 3, 3, 3), (4,)], None),
    ("Convolution", (t(2, 3, 9),), {"num_output": 4, "kernel_size": 3}, [(2, 4, 7)], [(4, 3, 3), (4,)],
     Work(macs=(2 * 4 * 7) * (3 * 3), adds=2 * 4 * 7)),
    ("Deconvolution", (t(2, 4, 3, 3),), {"num_output": 6, "kernel_size": 4, "stride": 2, "pad": 1, "group": 2}, [(2, 6, 6, 6)],
     [(4, 3, 4, 4), (6,)], Work(macs=(2 * 4 * 3 * 3) * (3 * 4 * 4), adds=2 * 6 * 6 * 6)),
    ("Deconvolution", (IMAGE, IMAGE), {"num_output": 1, "kernel_h": 2, "kernel_w": 3, "outputs": 2}, [(1, 1, 9, 10)] * 2, [(3, 1, 2, 3), (1,)],
     Work(macs=2 * (3 * 8 * 8) * (2 * 3), adds=2 * 9 * 10)),
    ("Im2col", (IMAGE,), {"kernel_size": 3, "pad": 1, "stride": 2, "dilation": 1}, [(1, 3 * 9, 4, 4)], [], Work()),
    ("Pooling", (t(1, 2, 4, 6, 8),), {"kernel_size": 2, "stride": 2}, [(1, 2, 2, 3, 4)], [], Work(compares=2 * 2 * 3 * 4 * 7)),
    ("Pooling", (IMAGE,), {"kernel_h": 2, "kernel_w": 3, "stride_h": 2, "stride_w": 1, "pad_h": 0, "pad_w": 1}, [(1, 3, 4, 8)], [],
     Work(compares=(3 * 4 * 8) * (2 * 3 - 1))),
    ("Pooling", (IMAGE,), {"pool": "STOCHASTIC", "kernel_size": 2, "stride": 2}, [(1, 3, 4, 4)], [], None),
    ("Pooling", (IMAGE,), {"global_pooling": True}, [(1, 3, 1, 1)], [], Work(compares=3 * 63)),
    ("SPP", (t(1, 2, 8, 8),), {"pyramid_height": 2, "pool": "AVE"}, [(1, 2 * (1 + 4))], [],
     Work(adds=2 * 63 + 8 * 15, divs=2 + 8)),
    # a second bottom is the weight itself
    ("InnerProduct", (t(2, 5), t(7, 5)), {"num_output": 7, "bias_term": False}, [(2, 7)], [], Work(macs=2 * 5 * 7)),
    ("InnerProduct", (t(2, 5, 6),), {"num_output": 7, "axis": -1}, [(2, 5, 7)], [(7, 6), (7,)], Work(macs=2 * 5 * 6 * 7, adds=2 * 5 * 7)),
    ("Embed", (t(4),), {"num_output": 7, "input_dim": 100, "bias_term": False}, [(4, 7)], [(100, 7)], Work()),
    # per step and item: 4 gates x 4 hidden x (5 inputs + 4 hidden); the unit's 3 sigmoids, 2 tanh, 3 products, 1 sum
    ("LSTM", (t(10, 2, 5), t(10, 2)), {"num_output": 4}, [(10, 2, 4)], [(16, 5), (16,), (16, 4)],
     Work(macs=10 * 2 * 16 * (5 + 4)) + (SIGMOID * 3 + TANH * 2 + Work(muls=3, adds=1 + 8)) * (10 * 2 * 4)),
    ("LSTM", (t(10, 2, 5), t(10, 2), t(2, 3)), {"num_output": 4}, [(10, 2, 4)], [(16, 5), (16,), (16, 3), (16, 4)],
     Work(macs=10 * 2 * 16 * (5 + 4) + 2 * 16 * 3) + (SIGMOID * 3 + TANH * 2 + Work(muls=3, adds=1 + 8)) * (10 * 2 * 4)),
    ("Recurrent", (t(10, 2, 5), t(10, 2), t(1, 2, 4)), {"num_output": 4, "expose_hidden": True, "outputs": 2}, [(10, 2, 4), (1, 2, 4)],
     [(4, 5), (4,), (4, 4), (4, 4), (4,)], None),
    ("LSTMUnit", (t(1, 2, 4), t(1, 2, 16), t(1, 2)), {}, [(1, 2, 4)] * 2, [], (SIGMOID * 3 + TANH * 2 + Work(muls=3, adds=1)) * 8),
    ("TanH", (IMAGE,), {}, [(1, 3, 8, 8)], [], TANH * 192),
    ("AbsVal", (IMAGE,), {}, [(1, 3, 8, 8)], [], Work(compares=192)),
    ("Threshold", (IMAGE,), {}, [(1, 3, 8, 8)], [], Work(compares=192)),
    ("Exp", (IMAGE,), {}, [(1, 3, 8, 8)], [], Work(exps=192, muls=192, adds=192)),
    ("Log", (IMAGE,), {}, [(1, 3, 8, 8)], [], Work(exps=192, muls=192, adds=192)),
    ("Swish", (IMAGE,), {}, [(1, 3, 8, 8)], [], SIGMOID * 192 + Work(muls=2 * 192)),
    ("Power", (IMAGE,), {"shift": 2}, [(1, 3, 8, 8)], [], Work(adds=192)),
    ("Eltwise", (t(2, 3), t(2, 3), t(2, 3)), {"operation": "PROD"}, [(2, 3)], [], Work(muls=2 * 6)),
    ("Eltwise", (t(2, 3), t(2, 3)), {"coeff": (0.5, 0.25)}, [(2, 3)], [], Work(adds=6, muls=2 * 6)),
    ("Scale", (IMAGE,), {"axis": -1}, [(1, 3, 8, 8)], [(8,)], Work(muls=192)),
    ("Scale", (IMAGE,), {"num_axes": 0}, [(1, 3, 8, 8)], [()], Work(muls=192)),
    ("Scale", (IMAGE, t(3)), {"bias_term": True}, [(1, 3, 8, 8)], [(3,)], Work(muls=192, adds=192)),
    ("Bias", (IMAGE,), {"axis": 2, "num_axes": 2}, [(1, 3, 8, 8)], [(8, 8)], Work(adds=192)),
    ("BatchNorm", (t(5),), {}, [(5,)], [(1,), (1,), (1,)], None),
    # mean: add and divide; centre; square, add, divide, root; divide
    ("MVN", (t(2, 3, 4),), {"across_channels": True}, [(2, 3, 4)], [], None),
    ("Softmax", (t(2, 5, 3),), {"axis": -1}, [(2, 5, 3)], [], Work(compares=30 - 10, adds=60 - 10, exps=30, divs=30)),
    ("Concat", (t(2, 3), t(2, 4)), {"axis": -1}, [(2, 7)], [], Work()),
    ("Concat", (t(2, 3),), {}, [(2, 3)], [], Work()),
    ("Slice", (t(2, 6),), {"axis": -1, "slice_point": (1, 3), "outputs": 3}, [(2, 1), (2, 2), (2, 3)], [], Work()),
    ("Crop", (t(1, 3, 8, 9), t(1, 3, 5, 6)), {"axis": -1}, [(1, 3, 8, 6)], [], Work()),
    ("Crop", (t(1, 3, 8, 9), t(1, 3, 5, 6)), {"offset": (3, 2)}, [(1, 3, 5, 6)], [], Work()),
    ("Reshape", (t(2, 3, 8),), {"shape": (("dim", -1),)}, [(48,)], [], Work()),
    ("Reshape", (t(2, 3, 8),), {"shape": (("dim", (6, 4)),), "axis": 1}, [(2, 6, 4)], [], Work()),
    ("Reshape", (t(2, 3, 8),), {"shape": (("dim", 24),), "axis": 1, "num_axes": 2}, [(2, 24)], [], Work()),
    ("Reshape", (t(2, 3, 8),), {"shape": (("dim", (2, -1)),), "axis": -2}, [(2, 3, 2, 4)], [], Work()),
    ("Reshape", (t(2, 3, 8),), {"shape": (("dim", 1),), "axis": -1, "num_axes": 0}, [(2, 3, 8, 1)], [], Work()),
    ("Reshape", (t(2, 3, 8),), {"shape": (("dim", 1),), "axis": 0, "num_axes": 0}, [(1, 2, 3, 8)], [], Work()),
    ("Reshape", (t(1, 1),), {"shape": ()}, [()], [], Work()),
    ("Flatten", (t(2, 3, 4, 5),), {"axis": -3, "end_axis": -2}, [(2, 12, 5)], [], Work()),
    ("Flatten", (t(2, 3),), {"axis": 0}, [(6,)], [], Work()),
    ("Tile", (t(2, 3),), {"axis": 0, "tiles": 4}, [(8, 3)], [], Work()),
    ("Split", (t(2, 3),), {"outputs": 3}, [(2, 3)] * 3, [], Work()),
    ("HDF5Output", (t(2, 3), t(2)), {}, [], [], Work()),
    ("Reduction", (t(2, 3),), {}, [()], [], Work(adds=6)),
    ("Reduction", (t(2, 3),), {"operation": "ASUM", "axis": -1}, [(2,)], [], Work(adds=6, compares=6)),
    ("Reduction", (t(2, 3),), {"operation": 4, "axis": 1}, [(2,)], [], Work(adds=6, divs=2)),
    ("ArgMax", (t(2, 5),), {}, [(2, 1, 1)], [], Work(compares=10)),
    ("ArgMax", (t(2, 5, 3),), {"axis": -1, "out_max_val": True}, [(2, 5, 1)], [], Work(compares=30)),
    ("Accuracy", (t(2, 5), t(2)), {"top_k": 3}, [()], [], None),
    ("SoftmaxWithLoss", (t(2, 5, 3), t(2, 3)), {}, [()], [], Work(compares=30 - 6, adds=60 - 6 + 6, exps=30 + 6, divs=30)),
    ("HingeLoss", (t(2, 5), t(2)), {}, [()], [], Work(adds=20, compares=10)),
    ("ContrastiveLoss", (t(2, 5), t(2, 5), t(2)), {}, [()], [], Work(adds=2 * 10 + 2, muls=10, exps=2, compares=2)),
]  # fmt: skip


@pytest.mark.parametrize("row", MORE, ids=lambda row: row[0])
def test_axes_count_from_both_ends_and_windows_have_two_sides(row: Any) -> None:
    test_a_layer_states_its_tops_blobs_and_work(row)


def pooled_by_caffe(size: int, kernel: int, stride: int, pad: int) -> int:
    """The extent as PoolingLayer::Reshape writes it, in floating point."""
    count = math.ceil((size + 2 * pad - kernel) / stride) + 1
    if pad and (count - 1) * stride >= size + pad:
        count -= 1
    return count


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(("kernel", "pad"), [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2), (5, 2)])
def test_pooled_extents_are_those_of_caffe_known_or_not(kernel: int, pad: int, stride: int) -> None:
    fields = {"kernel_size": kernel, "stride": stride, "pad": pad}
    (y,) = facts_of("Pooling", Tensor((1, 1, symbol("H", lower=kernel), 9)), **fields).outputs
    for size in range(max(kernel, 2), 14):
        expected = pooled_by_caffe(size, kernel, stride, pad)
        assert facts_of("Pooling", t(1, 1, size, size), **fields).outputs[0].shape == (1, 1, expected, expected)
        assert substitute(y.shape[2], {"H": size}) == expected


@pytest.mark.parametrize(
    ("kind", "fields", "window"),
    [
        ("Convolution", {"num_output": 1, "kernel_size": 3, "stride": 2, "pad": 1, "dilation": 2}, Window((3, 3), (2, 2), (1, 1), (2, 2))),
        ("Pooling", {"kernel_size": 3, "stride": 2, "pad": 1}, Window((3, 3), (2, 2), (1, 1), (1, 1))),
        ("LRN", {"norm_region": "WITHIN_CHANNEL", "local_size": 5}, Window((5, 5), (1, 1), (2, 2), (1, 1))),
        ("ReLU", {}, POINTWISE),
        ("LRN", {}, POINTWISE),
        ("Softmax", {}, along({1}, 4)),
        ("Concat", {}, Window(joins=1)),
        ("Slice", {"axis": 2}, Window(cuts=2)),
        ("Permute", {"order": (0, 2, 3, 1)}, mapped((0, 3, 1, 2))),
        ("InnerProduct", {"num_output": 1}, GLOBAL),
        ("Pooling", {"global_pooling": True}, GLOBAL),
        ("SPP", {"pyramid_height": 2}, GLOBAL),
        ("MVN", {}, GLOBAL),
    ],
)  # fmt: skip
def test_a_layer_states_the_window_that_an_output_sees(kind: str, fields: dict[str, Any], window: Window) -> None:
    assert facts_of(kind, IMAGE, **fields).window == window


def test_a_crop_moves_the_window_by_its_offset() -> None:
    window = facts_of("Crop", IMAGE, t(1, 3, 5, 6), offset=(2, 1)).window
    assert window.pad == (-2, -1) and window.kernel == (1, 1)


@pytest.mark.parametrize(
    ("kind", "fields"), [("Reshape", {"shape": (("dim", (0, -1)),)}), ("Flatten", {}), ("Split", {})]
)
def test_what_only_renames_shares_its_bottoms_memory(kind: str, fields: dict[str, Any]) -> None:
    assert facts_of(kind, IMAGE, **fields).is_view


def test_sizes_that_are_open_stay_in_the_answer() -> None:
    x = Tensor((symbol("N"), 3, symbol("H", lower=1), 8))
    facts = facts_of("Convolution", x, num_output=4, kernel_size=3, pad=1)
    assert [str(extent) for extent in facts.outputs[0].shape] == ["N", "4", "H", "8"]
    assert facts.work is not None and str(facts.work.macs) == str(4 * 27 * 8 * symbol("H", lower=1) * symbol("N"))
    assert [str(extent) for extent in facts_of("Flatten", x).outputs[0].shape] == ["N", "24*H"]
    assert [
        str(e) for e in facts_of("Slice", Tensor((symbol("N"), symbol("C"))), slice_point=2, outputs=2).outputs[1].shape
    ] == ["N", "C - 2"]


@pytest.mark.parametrize(
    ("kind", "bottoms", "fields", "warning"),
    [
        ("SoftmaxWithLoss", (t(4, 10), t(4)), {}, ""),
        ("SoftmaxWithLoss", (t(4, 10), t(5)), {}, "5 labels for 4 positions of the scores"),
        ("HingeLoss", (t(4, 10), t(5)), {}, "4 predictions, and 5 targets"),
        ("EuclideanLoss", (t(4, 10), t(4)), {}, "predictions of 10 elements each, and targets of 1"),
        ("EuclideanLoss", (t(4, 10), t(4, 2, 5)), {}, ""),
        ("SigmoidCrossEntropyLoss", (t(4, 10), t(4, 9)), {}, "predictions of 10 elements each, and targets of 9"),
        ("ContrastiveLoss", (t(4, 10), t(4, 10), t(4)), {}, ""),
        ("MultinomialLogisticLoss", (t(4, 10), t(4)), {}, ""),
        ("MultinomialLogisticLoss", (t(4, 10), t(4, 1, 1, 1)), {}, ""),
        ("SoftmaxWithLoss", (t(2, 3, 7, 7), t(2, 1, 7, 7)), {}, ""),
        ("SoftmaxWithLoss", (t(2, 7, 3), t(2, 7)), {"axis": 2}, ""),
        ("Accuracy", (t(4, 10), t(4, 1)), {}, ""),
        ("Accuracy", (t(2, 3, 7, 7), t(2)), {}, "2 labels for 98 positions of the scores"),
        ("LSTM", (t(20, 4, 30), t(20, 4)), {"num_output": 8}, ""),
        ("LSTM", (t(20, 4, 30), t(20, 5)), {"num_output": 8}, "[20, 5] marks for [20, 4] steps and sequences"),
        # 4 x 10 locations and 3 x 10 scores of 10 boxes
        ("DetectionOutput", (t(1, 40), t(1, 30), t(1, 2, 40)), {"num_classes": 3}, ""),
        (
            "DetectionOutput",
            (t(1, 40), t(1, 30), t(1, 2, 20)),
            {"num_classes": 3},
            "5 prior boxes, and locations of 10",
        ),
        ("DetectionOutput", (t(1, 40), t(1, 60), t(1, 2, 40)), {"num_classes": 3}, "10 prior boxes, and scores of 20"),
        ("DetectionOutput", (t(1, 120), t(1, 30), t(1, 2, 40)), {"num_classes": 3, "share_location": False}, ""),
    ],
)
def test_operands_that_the_layer_itself_would_refuse_are_a_warning(
    kind: str, bottoms: Any, fields: dict[str, Any], warning: str
) -> None:
    assert facts_of(kind, *bottoms, **fields).warning == warning


def test_an_analysis_warns_of_operands_that_do_not_fit(net: Any) -> None:
    analysis = net(
        'input: "x" input_shape { dim: 4 dim: 10 } input: "y" input_shape { dim: 5 }'
        ' layer { name: "l" type: "SoftmaxWithLoss" bottom: "x" bottom: "y" top: "l" }'
    )
    assert analysis.warnings == ("l: 5 labels for 4 positions of the scores",)
