"""Layers of Caffe's forks: the shapes, blobs and work that each states."""

from __future__ import annotations

from typing import Any

import pytest

import harness
from graphcost import Facts, Tensor, Work
from graphcost.dims import Undecided
from graphcost.ops import find


def t(*shape: int) -> Tensor:
    return Tensor(shape)


def facts_of(kind: str, *inputs: Tensor, **fields: Any) -> Facts:
    """The facts of a layer; extents that data decides are what they are before the network runs."""
    rule = find(f"caffe.{kind}", 1)
    assert rule is not None
    return harness.before_it_runs(rule.function(*inputs, **fields))


IMAGE = t(1, 4, 8, 8)
VIDEO = t(1, 3, 16, 8, 8)

ROWS: list[tuple[str, tuple[Tensor, ...], dict[str, Any], list[tuple[int, ...]], list[tuple[int, ...]], Work | None]] = [
    ("Axpy", (t(1, 4, 1, 1), IMAGE, IMAGE), {}, [(1, 4, 8, 8)], [], Work(muls=256, adds=256)),
    ("ChannelScale", (IMAGE, t(1, 1, 8, 8)), {}, [(1, 4, 8, 8)], [], Work(muls=256)),
    ("CReLU", (IMAGE,), {}, [(1, 8, 8, 8)], [], Work(compares=512, adds=256)),
    ("Mul", (t(2, 3, 1), t(3, 4)), {}, [(2, 3, 4)], [], Work(muls=24)),
    ("Add", (t(2, 3), t(3), t(2, 1)), {}, [(2, 3)], [], Work(adds=12)),
    ("ConvolutionDepthwise", (IMAGE,), {"num_output": 4, "kernel_size": 3, "pad": 1}, [(1, 4, 8, 8)], [(4, 1, 3, 3), (4,)],
     Work(macs=256 * 9, adds=256)),
    ("DepthwiseConvolution", (IMAGE,), {"num_output": 4, "kernel_size": 3, "group": 4, "bias_term": False},
     [(1, 4, 6, 6)], [(4, 1, 3, 3)], Work(macs=144 * 9)),
    # 36 positions, 9 taps, 4 channels: four corners of each sample weighted and added, 2 offsets added for each tap
    ("DeformableConvolution", (IMAGE, t(1, 18, 6, 6)), {"num_output": 2, "kernel_size": 3}, [(1, 2, 6, 6)], [(2, 4, 3, 3), (2,)],
     Work(macs=72 * 36, adds=72 + 36 * 36 * 3 + 18 * 36, muls=36 * 36 * 4)),
    ("Convolution3D", (VIDEO,), {"num_output": 2, "kernel_size": 3, "kernel_depth": 3, "pad": 1, "temporal_pad": 1},
     [(1, 2, 16, 8, 8)], [(2, 3, 3, 3, 3), (2,)], None),
    ("Pooling3D", (VIDEO,), {"kernel_size": 3, "kernel_depth": 1, "stride": 2}, [(1, 3, 16, 4, 4)], [], None),
    ("Deconvolution3D", (VIDEO,), {"num_output": 2, "kernel_size": 2, "stride": 2}, [(1, 2, 16, 16, 16)], [(3, 2, 1, 2, 2), (2,)], None),
    ("DenseBlock", (t(1, 16, 8, 8),), {"numTransition": 2, "initChannel": 16, "growthRate": 12}, [(1, 40, 8, 8)], [], None),
    ("Correlation", (t(1, 4, 12, 12),) * 2, {"pad": 4, "kernel_size": 1, "max_displacement": 4, "stride_2": 2}, [(1, 25, 12, 12)], [],
     Work(macs=25 * 144 * 4, divs=25 * 144)),
    ("Normalize", (IMAGE,), {"across_spatial": False, "channel_shared": False}, [(1, 4, 8, 8)], [(4,)],
     Work(muls=512, adds=256, divs=256, exps=64)),
    ("Normalize", (IMAGE,), {"outputs": 2}, [(1, 4, 8, 8), (1, 1, 8, 8)], [], None),
    ("BN", (IMAGE,), {"bn_mode": "INFERENCE"}, [(1, 4, 8, 8)], [(1, 4, 1, 1)] * 2, None),
    ("BN", (IMAGE,), {"frozen": True}, [(1, 4, 8, 8)], [(1, 4, 1, 1)] * 4, None),
    ("ChannelNorm", (IMAGE,), {}, [(1, 1, 8, 8)], [], Work(muls=256, adds=256, exps=64)),
    ("Interp", (IMAGE,), {"height": 16, "width": 12}, [(1, 4, 16, 12)], [], None),
    ("Interp", (t(1, 1, 9, 9),), {"shrink_factor": 2}, [(1, 1, 5, 5)], [], None),
    ("Interp", (t(1, 1, 5, 5),), {"zoom_factor": 2}, [(1, 1, 9, 9)], [], None),
    ("Interp", (t(1, 1, 5, 5, 5),), {"zoom_factor": 2}, [(1, 1, 9, 9, 9)], [], None),
    ("Interp", (t(1, 1, 5, 5), t(1, 9, 6, 7)), {}, [(1, 1, 6, 7)], [], None),
    ("Upsample", (IMAGE,), {"scale": 2}, [(1, 4, 16, 16)], [], Work()),
    ("Upsample", (IMAGE, IMAGE), {"upsample_h": 15, "upsample_w": 16}, [(1, 4, 15, 16)], [], Work()),
    ("Upsample", (IMAGE, IMAGE), {}, [(1, 4, 16, 16)], [], Work()),
    ("Upsample", (IMAGE, IMAGE), {"pad_out_h": True}, [(1, 4, 15, 16)], [], Work()),
    ("NdConvolution", (VIDEO,), {"num_output": 2, "kernel_shape": (("dim", (3, 3, 3)),), "pad_shape": (("dim", (1, 1, 1)),)},
     [(1, 2, 16, 8, 8)], [(2, 3, 3, 3, 3), (2,)], Work(macs=(2 * 16 * 8 * 8) * (3 * 27), adds=2 * 16 * 8 * 8)),
    ("NdConvolution", (IMAGE,), {"num_output": 2, "kernel_size": 3}, [(1, 2, 6, 6)], [(2, 4, 3, 3), (2,)], None),
    # rounded up: ceil((15 - 2) / 2) + 1 frames
    ("NdPooling", (t(1, 3, 15, 8, 8),), {"kernel_shape": (("dim", (2, 2, 2)),), "stride_shape": (("dim", (2, 2, 2)),)},
     [(1, 3, 8, 4, 4)], [], Work(compares=(3 * 8 * 4 * 4) * 7)),
    ("NdPooling", (VIDEO,), {"pool": "AVE", "global_pooling": True}, [(1, 3, 1, 1, 1)], [], None),
    ("ConvolutionRistretto", (IMAGE,), {"num_output": 2, "kernel_size": 3}, [(1, 2, 6, 6)], [(2, 4, 3, 3), (2,)], None),
    ("FcRistretto", (IMAGE,), {"num_output": 10}, [(1, 10)], [(10, 256), (10,)], Work(macs=256 * 10, adds=10)),
    ("ContinuationIndicator", (), {"time_step": 20, "batch_size": 4}, [(20, 4)], [], Work()),
    ("ROIWarping", (IMAGE, t(9, 5)), {"pooled_h": 7, "pooled_w": 5}, [(9, 4, 7, 5)], [], None),
    ("MaskPooling", (t(9, 4, 7, 7), t(9, 1, 7, 7)), {}, [(9, 4, 7, 7)], [], Work(muls=9 * 4 * 49)),
    ("MaskResize", (t(9, 1, 21, 21),), {"output_height": 14, "output_width": 14}, [(9, 1, 14, 14)], [], None),
    ("Downsample", (IMAGE, t(1, 2, 5, 6)), {}, [(1, 4, 5, 6)], [], None),
    ("Downsample", (IMAGE,), {"top_height": 2, "top_width": 3}, [(1, 4, 2, 3)], [], None),
    ("Resample", (IMAGE,), {"height": 12, "width": 16, "type": "NEAREST"}, [(1, 4, 12, 16)], [], Work()),
    ("Resample", (IMAGE, t(1, 2, 5, 6)), {}, [(1, 4, 5, 6)], [], None),
    ("Resample", (IMAGE, t(1, 2, 5, 6)), {"antialias": False}, [(1, 4, 5, 6)], [], Work(muls=2 * 120 * 2, adds=120 * 2)),
    ("UpsampleDarknet", (IMAGE,), {"stride": 2}, [(1, 4, 16, 16)], [], Work()),
    ("Reorg", (IMAGE,), {"stride": 2}, [(1, 16, 4, 4)], [], Work()),
    ("Reorg", (IMAGE,), {"stride": 2, "reverse": True}, [(1, 1, 16, 16)], [], Work()),
    ("DepthToSpace", (t(1, 8, 8, 4),), {"block_size": 2}, [(1, 16, 16, 1)], [], Work()),
    ("DepthToSpace", (IMAGE,), {"block_size": 2, "data_format": "NCHW"}, [(1, 1, 16, 16)], [], Work()),
    ("ResizeBilinear", (t(1, 8, 8, 4),), {"output_height": 5, "output_width": 6}, [(1, 5, 6, 4)], [], None),
    ("ResizeNearestNeighbor", (IMAGE,), {"scale_height": 2.0, "scale_width": 1.5, "data_format": "NCHW"}, [(1, 4, 16, 12)], [], Work()),
    ("Unpooling", (IMAGE,), {"kernel_size": 2, "stride": 2}, [(1, 4, 16, 16)], [], Work()),
    ("UNPOOLING", (IMAGE,), {"unpool_size": 14}, [(1, 4, 14, 14)], [], Work()),
    ("Permute", (t(2, 3, 4, 5),), {"order": (0, 2, 3, 1)}, [(2, 4, 5, 3)], [], Work()),
    ("Permute", (t(2, 3, 4, 5),), {"order": 1}, [(3, 2, 4, 5)], [], Work()),
    ("Squeeze", (t(1, 3, 1, 5),), {"axis": 2}, [(1, 3, 5)], [], Work()),
    ("Squeeze", (t(1, 3, 1, 5),), {}, [(3, 5)], [], Work()),
    ("Pad", (IMAGE,), {"paddings": (0, 0, 0, 0, 1, 2, 3, 4)}, [(1, 4, 11, 15)], [], Work()),
    ("SpaceToBatchND", (t(1, 3, 8, 8),), {"block_shape": (1, 2, 2), "paddings": (0, 0, 2, 2, 2, 2)}, [(4, 3, 6, 6)], [], Work()),
    ("BatchToSpaceND", (t(4, 3, 6, 6),), {"block_shape": (1, 2, 2), "crops": (0, 0, 2, 2, 2, 2)}, [(1, 3, 8, 8)], [], Work()),
    ("CROP", (IMAGE, t(1, 2, 5, 6)), {}, [(1, 4, 5, 6)], [], Work()),
    ("MergeCrop", (IMAGE, t(1, 3, 9, 9)), {}, [(1, 7, 8, 8)], [], Work()),
    ("MergeCrop", (IMAGE, IMAGE), {"operation": "ADD"}, [(1, 4, 8, 8)], [], Work(adds=256)),
    ("Affinity", (IMAGE,), {}, [(1, 2, 8, 8)], [], None),
    ("FlowWarp", (IMAGE, t(1, 2, 8, 8)), {}, [(1, 4, 8, 8)], [], None),
    ("Lstm", (t(7, 2, 5),), {"num_output": 3}, [(7, 2, 3)], [(12, 5), (12, 3), (12,)], None),
    ("CTCGreedyDecoder", (t(7, 2, 5),), {"outputs": 2}, [(2, 7, 1, 1), (2, 1, 1, 1)], [],
     Work(compares=14 * 4, adds=14)),
    # min and max size, ratio 2 and its inverse: 1 + 2 boxes for the min, one for the max
    ("PriorBox", (t(1, 512, 38, 38), t(1, 3, 300, 300)), {"min_size": 30.0, "max_size": 60.0, "aspect_ratio": 2.0},
     [(1, 2, 38 * 38 * 4 * 4)], [], None),
    ("PriorBox", (t(1, 8, 3, 3), t(1, 3, 30, 30)), {"min_size": 3, "aspect_ratio": (1, 2, 3), "flip": False}, [(1, 2, 3 * 3 * 3 * 4)], [], None),
    ("PriorBox", (t(1, 8, 3, 3), t(1, 3, 30, 30)), {"min_size": (32, 64, 128)}, [(1, 2, 3 * 3 * 21 * 4)], [], None),
    ("PriorBox", (t(1, 8, 3, 3), t(1, 3, 30, 30)), {"min_size": (10, 20, 30)}, [(1, 2, 3 * 3 * 3 * 4)], [], None),
    ("PriorBoxClustered", (t(1, 8, 3, 3), t(1, 3, 30, 30)), {"width": (1.0, 2.0), "height": (3.0, 4.0)}, [(1, 2, 3 * 3 * 2 * 4)], [], None),
    ("DetectionOutput", (t(1, 40), t(1, 30), t(1, 2, 40)), {"num_classes": 3, "nms_param": (("top_k", 4),)}, [(1, 1, 1, 7)], [],
     Work(muls=40 + 3 * 6 * 3, adds=40 + 3 * 6 * 6, exps=20, compares=30 + 3 * 6 * 7, divs=3 * 6)),
    # ten boxes of a first stage are compared, and move the priors
    ("DetectionOutput", (t(1, 40), t(1, 30), t(1, 2, 40), t(1, 20), t(1, 40)), {"num_classes": 3, "nms_param": (("top_k", 4),)}, [(1, 1, 1, 7)], [],
     Work(muls=80 + 3 * 6 * 3, adds=80 + 3 * 6 * 6, exps=40, compares=40 + 3 * 6 * 7, divs=3 * 6)),
    # maps of 2 x 2 cells of 2 boxes and of one cell of 2 boxes: 3 scores and 4 sides each
    ("DetectionOutput", (t(1, 3, 2, 4), t(1, 3, 2, 1), t(1, 8, 2, 2), t(1, 8, 1, 1), t(1, 2, 40)),
     {"num_classes": 3, "nms_param": (("top_k", 4),), "no_permute": True}, [(1, 1, 1, 7)], [],
     Work(muls=40 + 3 * 6 * 3, adds=40 + 3 * 6 * 6, exps=20, compares=30 + 3 * 6 * 7, divs=3 * 6)),
    ("YoloDetectionOutput", (t(1, 125, 13, 13),), {}, [(1, 1, 1, 7)], [], None),
    ("DetectionEvaluate", (t(1, 1, 1, 7), t(1, 1, 1, 8)), {"num_classes": 21}, [(1, 1, 21, 5)], [], None),
    ("Region", (t(1, 125, 13, 13),), {}, [(1, 125, 13, 13)], [], None),
    ("ROIPooling", (IMAGE, t(9, 5)), {"pooled_h": 6, "pooled_w": 7}, [(9, 4, 6, 7)], [], None),
    ("ROIAlign", (IMAGE, t(9, 5)), {"pooled_h": 7, "pooled_w": 7, "message": "roi_pooling_param"}, [(9, 4, 8, 8)], [], None),
    ("ROIAlign", (IMAGE, t(9, 5)), {"pooled_h": 7, "pooled_w": 7}, [(9, 4, 7, 7)], [], None),
    ("PSROIPooling", (IMAGE, t(9, 5)), {"output_dim": 21, "group_size": 7}, [(9, 21, 7, 7)], [], None),
    ("Proposal", (IMAGE, IMAGE, t(1, 3)), {"outputs": 2}, [(1, 1, 1, 5), (1, 1, 1, 1)], [], None),
    ("BoxOutput", (IMAGE,), {}, [(1, 5, 1, 1)], [], None),
    ("DecodeBBox", (t(9, 8), t(9, 5)), {}, [(9, 5)], [], None),
    ("ScaleRoute", (t(9, 5), t(9, 4, 7, 7)), {"outputs": 1}, [(1, 4, 7, 7)], [], None),
    ("ProposalTarget", (t(9, 5), t(2, 8)), {"batch_size": 4, "cls_num": 21, "cls_aware": True},
     [(4, 5, 1, 1), (4, 1, 1, 1), *[(4, 84, 1, 1)] * 3, (4, 6, 1, 1)], [], None),
    ("ProposalTarget", (t(9, 5), t(2, 8)), {"batch_size": -1, "cls_aware": False, "outputs": 3},
     [(9, 5, 1, 1), (9, 1, 1, 1), (9, 8, 1, 1)], [], None),
    ("BoxAnnotatorOHEM", (t(9, 5), t(9, 21), t(9, 1, 1, 1), t(9, 1), t(9, 8)), {}, [(9, 1, 1, 1), (9, 8, 1, 1)], [], None),
    ("FrcnnOutput", (IMAGE,), {}, [(1, 7, 1, 1)], [], None),
    ("Python:rpn.proposal_layer.ProposalLayer", (t(9, 5),), {"outputs": 2}, [(1, 5), (1, 1, 1, 1)], [], None),
    ("Python:layers.text_proposal_layer.ProposalLayer", (t(9, 5),), {}, [(1, 4)], [], None),
    # 18 scores are those of 9 anchors, and their boxes have 4 sides each
    ("Python:rpn.anchor_target_layer.AnchorTargetLayer", (t(1, 18, 38, 50), t(5, 5)), {},
     [(1, 1, 9 * 38, 50), *[(1, 9 * 4, 38, 50)] * 3], [], None),
    ("Python:rpn.proposal_target_layer.ProposalTargetLayer", (t(9, 5), t(2, 5)), {"param_str": "'num_classes': 21"},
     [(1, 5), (1, 1), *[(1, 4 * 21)] * 3], [], None),
    ("Python:caffe.layers.detectnet.clustering.ClusterDetections", (t(2, 2, 24, 78), t(2, 4, 24, 78)),
     {"param_str": "1248,352,16,0.05,1,0.025,22,2,30", "outputs": 2}, [(2, 30, 5)] * 2, [], None),
    ("Python:clustering.ClusterGroundtruth", (t(2, 1, 24, 78), t(2, 4, 24, 78)), {"param_str": "1248, 352, 16, 1"}, [(2, 50, 5)], [], None),
    ("Python:mean_ap.ScoreDetections", (t(2, 50, 5), t(2, 50, 5)), {}, [(2, 50, 5)], [], None),
    ("Python:mean_ap.mAP", (t(2, 50, 5),), {"outputs": 3}, [(1,)] * 3, [], None),
    ("Python:spatial_dropout.SpatialDropoutLayer", (IMAGE,), {}, [(1, 4, 8, 8)], [], Work()),
    # the softmax, 0.0001 added to each, then the sum of each position and a division
    ("Python:pylayers.SoftmaxLayer", (IMAGE,), {}, [(1, 4, 8, 8)], [],
     Work(compares=192, adds=2 * 256 - 64 + 256 + 192, exps=256, divs=256 + 256)),
    ("Python:pylayers.CRFLayer", (IMAGE, t(1, 3, 30, 30)), {}, [(1, 4, 8, 8)], [], None),
    ("Python:pyloss.EuclideanLossLayer", (IMAGE, IMAGE), {}, [(1,)], [], Work(adds=512, muls=256)),
    ("Python:pyLayer.DiceLoss", (IMAGE, IMAGE), {}, [(1,)], [], None),
    ("BinaryConvolution", (IMAGE,), {"num_output": 2, "kernel_size": 3, "group": 2}, [(1, 2, 6, 6)], [(2, 2, 3, 3), (2,)],
     Work(macs=72 * 18, adds=72)),
    ("BinaryInnerProduct", (IMAGE,), {"num_output": 10, "bias_term": False}, [(1, 10)], [(10, 256)], Work(macs=2560)),
    ("Quant", (IMAGE,), {"forward_func": "sign"}, [(1, 4, 8, 8)], [], Work(compares=256)),
    ("Quant", (IMAGE,), {"forward_func": "hard_tanh"}, [(1, 4, 8, 8)], [], Work(compares=256 * 2)),
    ("Quant", (IMAGE,), {"forward_func": "relu"}, [(1, 4, 8, 8)], [], Work(compares=256 * 2, muls=256, adds=256)),
    ("Quant", (IMAGE,), {"forward_func": "hwgq", "centers": (0.5, 1.0, 1.5)}, [(1, 4, 8, 8)], [], Work(compares=256 * 4)),
    ("Depooling", (IMAGE, IMAGE), {"kernel_size": 3, "stride": 2}, [(1, 4, 17, 17)], [], Work()),
    ("Depooling", (IMAGE,), {"pool": "AVE", "kernel_size": 2, "stride": 2, "pad": 1}, [(1, 4, 14, 14)], [], Work(divs=256, adds=256 * 4)),
    ("SafeInv", (IMAGE,), {}, [(1, 4, 8, 8)], [], Work(compares=256, divs=256)),
    ("DataAugmentation", (t(2, 3, 8, 8),), {"recompute_mean": 1000}, [(2, 3, 8, 8)], [(1, 1, 1, 1), (1, 3, 8, 8), (1, 3, 1, 1)], None),
    ("DataAugmentation", (t(2, 3, 8, 8), t(2, 42, 1, 1)), {"crop_height": 4, "crop_width": 6, "outputs": 2},
     [(2, 3, 4, 6), (2, 42, 1, 1)], [(1, 1, 1, 1)], None),
    ("FlowAugmentation", (t(2, 2, 8, 8), t(2, 42, 1, 1), t(2, 42, 1, 1)), {"crop_height": 4, "crop_width": 6}, [(2, 2, 4, 6)], [], None),
    ("MultiStageMeanfield", (t(1, 21, 8, 8), t(1, 21, 8, 8), t(1, 3, 8, 8)), {"num_iterations": 10}, [(1, 21, 8, 8)], [(1, 1, 21, 21)] * 3, None),
    ("DetectionOutput", (t(1, 40), t(1, 30), t(1, 2, 40), t(1, 3, 9, 9)), {"num_classes": 3}, [(1, 1, 1, 7)], [], None),
    ("AnchorTarget", (t(1, 18, 38, 50), t(5, 5)), {"ratio": (0.5, 1, 2), "scale": (8, 16, 32)},
     [(1, 1, 9 * 38, 50), *[(1, 9 * 4, 38, 50)] * 3], [], None),
    ("SoftmaxWithLossOHEM", (t(9, 21), t(9, 1)), {"outputs": 3}, [(), (9, 21), (9, 1)], [],
     Work(compares=9 * 20, adds=9 * (2 * 21 - 1 + 1), exps=9 * (21 + 1), divs=9 * 21)),
    ("SmoothL1Loss", (t(9, 8), t(9, 8)), {"outputs": 2}, [(), (9, 1)], [], None),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_layer_states_its_tops_blobs_and_work(row: Any) -> None:
    kind, bottoms, fields, tops, blobs, work = row
    facts = facts_of(kind, *bottoms, **fields)
    assert [top.shape for top in facts.outputs] == tops
    assert [weight.shape for weight in facts.weights] == blobs
    if work is not None:
        assert facts.work == work


def test_what_a_quantiser_of_another_fork_costs_is_not_stated() -> None:
    facts = facts_of("Quant", IMAGE)
    assert facts.outputs[0].shape == (1, 4, 8, 8) and facts.work is None


def test_a_layer_that_python_code_defines_has_a_rule_only_where_it_is_published() -> None:
    assert find("caffe.Python:mine.Layer", 1) is None
    assert find("caffe.Python:a.b.mean_ap.mAP", 1) is find("caffe.Python:mean_ap.mAP", 1) is not None


def test_a_setting_of_python_code_that_is_missing_leaves_the_layer_unknown() -> None:
    with pytest.raises(Undecided, match="num_classes"):
        facts_of("Python:proposal_target_layer.ProposalTargetLayer", t(9, 5), t(2, 5), param_str="'feat_stride': 16")
    with pytest.raises(Undecided, match="entry 5 of param_str"):
        facts_of("Python:clustering.ClusterGroundtruth", IMAGE, IMAGE, param_str="1,2,3,4,many")


@pytest.mark.parametrize("fields", [{}, {"batch_size": 8}])
def test_a_recurrent_layer_costs_the_same_however_the_rows_of_a_matrix_are_split(fields: dict[str, int]) -> None:
    facts = facts_of("Lstm", t(64, 6), num_output=10, **fields)
    assert facts.outputs[0].shape == (64, 10) and facts.work is not None
    assert facts.work.macs == 64 * 4 * 10 * (6 + 10)
    assert sum(blob.size for blob in facts.weights) == 4 * 10 * (6 + 10 + 1)


def test_a_window_in_time_has_two_names() -> None:
    """C3D's kernel_depth and temporal_stride are P3D's kernel_l and stride_l."""
    c3d = facts_of("Pooling3D", VIDEO, kernel_size=1, kernel_depth=2, temporal_stride=2)
    p3d = facts_of("Pooling3D", VIDEO, kernel_h=1, kernel_w=1, kernel_l=2, stride_l=2)
    assert c3d == p3d and c3d.outputs[0].shape == (1, 3, 16 // 2, 8, 8)


@pytest.mark.parametrize("fields", [{"scale_bias": True}, {"scale_filler": ()}, {"bias_filler": ()}])
def test_a_batch_normalisation_that_scales_has_two_blobs_more(fields: dict[str, Any]) -> None:
    facts = facts_of("BatchNorm", IMAGE, **fields)
    assert sum(blob.size for blob in facts.weights) == 4 * 4 + 1
    assert facts.work == Work(adds=256 + 4 + 256, divs=256, exps=4, muls=256)


def test_a_loss_that_learns_centres_holds_one_for_each_class() -> None:
    facts = facts_of("CenterLoss", t(8, 16), t(8), num_output=1000)
    assert [blob.shape for blob in facts.weights] == [(1000, 16)] and facts.work is None


@pytest.mark.parametrize(
    ("kind", "bottoms", "fields", "reason"),
    [
        ("DetectionOutput", (IMAGE,), {"num_classes": 3}, "without scores and priors"),
        ("Correlation", (IMAGE, IMAGE), {"correlation_type": "SUBTRACT"}, "subtracted"),
        ("Normalize", (IMAGE,), {"normalize_type": "L1"}, "norm L1"),
        ("ConvolutionDepthwise", (IMAGE,), {"kernel_size": 3, "group": 2}, "2 groups of 4"),
    ],
)
def test_what_no_fork_explains_is_named(kind: str, bottoms: Any, fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(Undecided, match=reason):
        facts_of(kind, *bottoms, **fields)


def test_prior_boxes_need_a_size() -> None:
    with pytest.raises(ValueError, match="no min_size"):
        facts_of("PriorBox", IMAGE, IMAGE)


@pytest.mark.parametrize("kind", ["Region", "YoloDetectionOutput", "ROIPooling", "ProposalTarget"])
def test_a_cost_that_boxes_or_forks_decide_is_unknown(kind: str) -> None:
    fields = {"ROIPooling": {"pooled_h": 2, "pooled_w": 2}, "ProposalTarget": {"batch_size": 4, "cls_aware": False}}
    bottoms = (IMAGE,) if kind in ("Region", "YoloDetectionOutput") else (IMAGE, t(9, 5))
    assert facts_of(kind, *bottoms, **fields.get(kind, {})).work is None


def test_a_bound_on_suppression_says_that_it_is_one() -> None:
    assert "every box" in facts_of("DetectionOutput", t(1, 40), t(1, 30), t(1, 2, 40), num_classes=3).note


def test_what_forks_disagree_on_is_unknown() -> None:
    with pytest.raises(Undecided, match="second bottom"):
        facts_of("CTCGreedyDecoder", t(7, 2, 5), t(2, 4))
    with pytest.raises(Undecided, match="cls_aware"):
        facts_of("ProposalTarget", t(9, 5), t(2, 8), batch_size=4, cls_num=21)
