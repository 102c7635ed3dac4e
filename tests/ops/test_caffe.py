"""Caffe's layers: the shapes, blobs and work that each states. Expected numbers show their factors."""

from __future__ import annotations

from typing import Any

import pytest

from graphcost import Facts, Tensor, Work
from graphcost.rules import find


def t(*shape: int) -> Tensor:
    return Tensor(shape)


def ask(kind: str, *inputs: Tensor, **fields: Any) -> Facts:
    rule = find(f"caffe.{kind}", 1)
    assert rule is not None
    if "outputs" not in rule.keywords:
        fields.pop("outputs", None)
    return rule.function(*inputs, **fields)


IMAGE = t(1, 3, 8, 8)

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
    ("Convolution", (IMAGE, IMAGE), {"num_output": 2, "kernel_size": 1}, [(1, 2, 8, 8)] * 2, [(2, 3, 1, 1), (2,)],
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
    ("Reshape", (t(2, 3, 8),), {"shape": (("dim", (4, 2)),), "axis": -1, "num_axes": 0}, None, None, None),  # type: ignore[list-item]
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


@pytest.mark.parametrize("row", [row for row in ROWS if row[3] is not None], ids=lambda row: row[0])
def test_a_layer_states_its_tops_blobs_and_work(row: Any) -> None:
    kind, bottoms, fields, tops, blobs, work = row
    facts = ask(kind, *bottoms, **fields)
    assert [top.shape for top in facts.outputs] == tops
    assert [weight.shape for weight in facts.weights] == blobs
    if work is not None:
        assert facts.work == work


def test_filter_leaves_the_count_to_the_data() -> None:
    facts = ask("Filter", t(5, 3), t(5))
    assert str(facts.outputs[0].shape[0]).startswith("open_") and facts.outputs[0].shape[1] == 3


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
]


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row[0])
def test_a_contradiction_is_refused_in_words(row: Any) -> None:
    kind, bottoms, fields, reason = row
    with pytest.raises(ValueError, match=reason):
        ask(kind, *bottoms, **fields)
