"""The names of Caffe's layer types, its forks' included, and what a V1 file calls them.

V1 files name types in capitals, as the values of an enumeration that each fork extended: PRELU is PReLU, INTERP is
Interp. What a layer does is not known here.
"""

from __future__ import annotations

from collections import Counter
from functools import cache

_NAMES = """
    AbsVal Accuracy Add Affinity ArgMax Axpy BN BNLL BatchNorm BatchReindex BatchToSpaceND Bias BoxAnnotatorOHEM
    BoxGroupOutput BoxOutput CONVOLUTION3D CROP CReLU CTCGreedyDecoder CenterLoss ChannelNorm ChannelScale Clip
    Concat ContinuationIndicator ContrastiveLoss Convolution Convolution3D ConvolutionDepthwise
    ConvolutionRistretto Correlation Crop DECONVOLUTION3D DecodeBBox Deconvolution Deconvolution3D
    DeconvolutionRistretto DeformableConvolution DenseBlock DepthToSpace DepthwiseConvolution DetectionEvaluate
    DetectionOutput Downsample Dropout ELU Eltwise Embed EuclideanLoss Exp FcRistretto Filter Flatten Flip
    FlowWarp FocalLoss FrcnnOutput HDF5Output HardSigmoid HardSwish HingeLoss Im2col InfogainLoss InnerProduct
    Interp L1Loss LRN LRNRistretto LSTM LSTMUnit Log Lstm MVN MaskPooling MaskResize MergeCrop Mish Mul
    MultiBoxLoss MultinomialLogisticLoss NdConvolution NdPooling Normalize POOLING3D PReLU PSROIPooling Pad
    Parameter Permute Pooling Pooling3D PoolingRistretto Power PriorBox PriorBoxClustered Proposal
    ProposalTarget Python RNN ROIAlign ROIPooling ROIWarping ReLU ReLU6 Recurrent Reduction Region RegionLoss
    Reorg Resample Reshape ResizeBilinear ResizeNearestNeighbor Reverse SPP Scale ScaleRoute SeLu ShuffleChannel
    Sigmoid SigmoidCrossEntropyLoss Silence Slice SmoothL1Loss SmoothL1LossOHEM Softmax SoftmaxWithLoss
    SoftmaxWithLossOHEM SpaceToBatchND Split Squeeze Swish TanH Threshold Tile Transpose UNPOOLING Unpooling
    Upsample UpsampleDarknet WarpCTCLoss YoloDetectionOutput YoloV3Loss Yolov3DetectionOutput
"""
TYPES = frozenset(_NAMES.split())
"""Types that are met in public files, spelt as in V2; those in capitals are spelt so in V1 alone, and differ there."""


def canonical(v1_name: str) -> str:
    """The type that a V1 file means by a name in capitals; the name itself where that is not certain."""
    if v1_name in TYPES or not v1_name.isupper():
        return v1_name
    return _by_letters().get(_letters(v1_name), v1_name)


@cache
def _by_letters() -> dict[str, str]:
    """The types by their letters alone, but those that have them in common with another."""
    count = Counter(map(_letters, TYPES))
    return {_letters(name): name for name in TYPES if count[_letters(name)] == 1}


def _letters(name: str) -> str:
    return name.replace("_", "").lower()
