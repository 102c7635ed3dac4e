"""The fields of Caffe's messages: their numbers in a binary file, whether they repeat, and what they hold.

As caffe.proto has them: number, name, `*` where it repeats, and its type where that is no integer. The number is 0
where forks use the same one for other fields of the message: Pooling's 13 is round_mode, ceil_mode or dilation.
Read from https://github.com/BVLC/caffe/blob/master/src/caffe/proto/caffe.proto; what SSD's fork adds, from
https://github.com/weiliu89/caffe/blob/ssd/src/caffe/proto/caffe.proto. A field of another fork is not here.

What the fields mean is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

ENUMS: Mapping[str, tuple[str | None, ...]] = {
    "Phase": ("TRAIN", "TEST"),
    "ShareMode": ("STRICT", "PERMISSIVE"),
    "Engine": ("DEFAULT", "CAFFE", "CUDNN"),
    "PoolMethod": ("MAX", "AVE", "STOCHASTIC"),
    "RoundMode": ("CEIL", "FLOOR"),
    "EltwiseOp": ("PROD", "SUM", "MAX"),
    "NormRegion": ("ACROSS_CHANNELS", "WITHIN_CHANNEL"),
    "ReductionOp": (None, "SUM", "ASUM", "SUMSQ", "MEAN"),
    "HingeNorm": (None, "L1", "L2"),
    "LossNorm": ("FULL", "VALID", "BATCH_SIZE", "NONE"),
    "VarianceNorm": ("FAN_IN", "FAN_OUT", "AVERAGE"),
    "DB": ("LEVELDB", "LMDB"),
    "CodeType": (None, "CORNER", "CENTER_SIZE", "CORNER_SIZE"),
    "ResizeMode": (None, "WARP", "FIT_SMALL_SIZE", "FIT_LARGE_SIZE_AND_PAD"),
    "BlobType": ("DOUBLE", "FLOAT", "FLOAT16", "INT", "UINT"),
}
"""The names of an enumeration's values by their number, from 0 on; None where a number has none."""

_COMMON = """
    accuracy_param:Accuracy argmax_param:ArgMax batch_norm_param:BatchNorm bias_param:Bias clip_param:Clip
    concat_param:Concat contrastive_loss_param:ContrastiveLoss convolution_param:Convolution crop_param:Crop
    data_param:Data dropout_param:Dropout dummy_data_param:DummyData eltwise_param:Eltwise elu_param:ELU
    embed_param:Embed exp_param:Exp flatten_param:Flatten hdf5_data_param:HDF5Data hdf5_output_param:HDF5Output
    hinge_loss_param:HingeLoss image_data_param:ImageData infogain_loss_param:InfogainLoss
    inner_product_param:InnerProduct input_param:Input log_param:Log loss_param:Loss lrn_param:LRN
    memory_data_param:MemoryData mvn_param:MVN parameter_param:Parameter pooling_param:Pooling power_param:Power
    prelu_param:PReLU python_param:Python recurrent_param:Recurrent reduction_param:Reduction relu_param:ReLU
    reshape_param:Reshape scale_param:Scale sigmoid_param:Sigmoid slice_param:Slice softmax_param:Softmax spp_param:SPP
    swish_param:Swish tanh_param:TanH threshold_param:Threshold tile_param:Tile transform_param:Transformation
    window_data_param:WindowData annotated_data_param:AnnotatedData multibox_loss_param:MultiBoxLoss
    permute_param:Permute prior_box_param:PriorBox detection_output_param:DetectionOutput
    detection_evaluate_param:DetectionEvaluate norm_param:Normalize video_data_param:VideoData
"""

MESSAGES = {
    "Net": """
        1 name string, 2 layers* V1Layer, 3 input* string, 4 input_dim*, 5 force_backward bool, 6 state NetState,
        7 debug_info bool, 8 input_shape* BlobShape, 100 layer* Layer""",
    "Solver": """
        24 net string, 25 net_param Net, 1 train_net string, 2 test_net* string, 21 train_net_param Net,
        22 test_net_param* Net, 26 train_state NetState, 27 test_state* NetState""",
    "NetState": "1 phase Phase, 2 level, 3 stage* string",
    "NetStateRule": "1 phase Phase, 2 min_level, 3 max_level, 4 stage* string, 5 not_stage* string",
    "ParamSpec": "1 name string, 2 share_mode ShareMode, 3 lr_mult float, 4 decay_mult float",
    "BlobShape": "1 dim*",
    "Blob": """
        1 num, 2 channels, 3 height, 4 width, 5 data* float, 6 diff* float, 7 shape BlobShape, 8 double_data* double,
        9 double_diff* double, 10 raw_data_type BlobType, 11 raw_diff_type BlobType, 12 raw_data bytes,
        13 raw_diff bytes""",
    "Layer": """
        1 name string, 2 type string, 3 bottom* string, 4 top* string, 5 loss_weight* float, 6 param* ParamSpec,
        7 blobs* Blob, 8 include* NetStateRule, 9 exclude* NetStateRule, 10 phase Phase, 11 propagate_down* bool,
        100 transform_param, 101 loss_param, 102 accuracy_param, 103 argmax_param, 104 concat_param,
        105 contrastive_loss_param, 106 convolution_param, 107 data_param, 108 dropout_param, 109 dummy_data_param,
        110 eltwise_param, 111 exp_param, 112 hdf5_data_param, 113 hdf5_output_param, 114 hinge_loss_param,
        115 image_data_param, 116 infogain_loss_param, 117 inner_product_param, 118 lrn_param, 119 memory_data_param,
        120 mvn_param, 121 pooling_param, 122 power_param, 123 relu_param, 124 sigmoid_param, 125 softmax_param,
        126 slice_param, 127 tanh_param, 128 threshold_param, 129 window_data_param, 130 python_param,
        131 prelu_param, 132 spp_param, 133 reshape_param, 134 log_param, 135 flatten_param, 136 reduction_param,
        137 embed_param, 138 tile_param, 139 batch_norm_param, 140 elu_param, 141 bias_param, 142 scale_param,
        143 input_param, 144 crop_param, 145 parameter_param, 146 recurrent_param, 147 swish_param, 148 clip_param,
        200 annotated_data_param, 201 multibox_loss_param, 202 permute_param, 203 prior_box_param,
        204 detection_output_param, 205 detection_evaluate_param, 206 norm_param, 207 video_data_param""",
    "V1Layer": """
        1 layer V0Layer, 2 bottom* string, 3 top* string, 4 name string, 5 type LayerType, 6 blobs* Blob,
        7 blobs_lr* float, 8 weight_decay* float, 9 concat_param, 10 convolution_param, 11 data_param,
        12 dropout_param, 13 hdf5_data_param, 14 hdf5_output_param, 15 image_data_param, 16 infogain_loss_param,
        17 inner_product_param, 18 lrn_param, 19 pooling_param, 20 window_data_param, 21 power_param,
        22 memory_data_param, 23 argmax_param, 24 eltwise_param, 25 threshold_param, 26 dummy_data_param,
        27 accuracy_param, 29 hinge_loss_param, 30 relu_param, 31 slice_param, 32 include* NetStateRule,
        33 exclude* NetStateRule, 34 mvn_param, 35 loss_weight* float, 36 transform_param, 37 tanh_param,
        38 sigmoid_param, 39 softmax_param, 40 contrastive_loss_param, 41 exp_param, 42 loss_param,
        1001 param* string, 1002 blob_share_mode* ShareMode""",
    "V0Layer": """
        1 name string, 2 type string, 3 num_output, 4 biasterm bool, 5 weight_filler Filler, 6 bias_filler Filler,
        7 pad, 8 kernelsize, 9 group, 10 stride, 11 pool PoolMethod, 12 dropout_ratio float, 13 local_size,
        14 alpha float, 15 beta float, 16 source string, 17 scale float, 18 meanfile string, 19 batchsize,
        20 cropsize, 21 mirror bool, 22 k float, 50 blobs* Blob, 51 blobs_lr* float, 52 weight_decay* float,
        53 rand_skip, 54 det_fg_threshold float, 55 det_bg_threshold float, 56 det_fg_fraction float,
        58 det_context_pad, 59 det_crop_mode string, 60 new_num, 61 new_channels, 62 new_height, 63 new_width,
        64 shuffle_images bool, 65 concat_dim, 1001 hdf5_output_param HDF5Output""",
    "Filler": """
        1 type string, 2 value float, 3 min float, 4 max float, 5 mean float, 6 std float, 7 sparse,
        8 variance_norm VarianceNorm""",
    "Transformation": """
        1 scale float, 2 mirror bool, 3 crop_size, 4 mean_file string, 5 mean_value* float, 6 force_color bool,
        7 force_gray bool, 8 resize_param* Resize, 9 noise_param Opaque, 10 emit_constraint Opaque, 11 crop_h,
        12 crop_w, 13 distort_param Opaque, 14 expand_param Opaque""",
    "Resize": """
        1 prob float, 2 resize_mode ResizeMode, 3 height, 4 width, 5 pad_mode enum, 6 pad_value* float,
        7 interp_mode* enum, 8 height_scale, 9 width_scale""",
    "Loss": "1 ignore_label, 2 normalize bool, 3 normalization LossNorm",
    "Accuracy": "1 top_k, 2 axis, 3 ignore_label",
    "ArgMax": "1 out_max_val bool, 2 top_k, 3 axis",
    "BatchNorm": "1 use_global_stats bool, 2 moving_average_fraction float, 3 eps float",
    "Bias": "1 axis, 2 num_axes, 3 filler Filler",
    "Clip": "1 min float, 2 max float",
    "Concat": "1 concat_dim, 2 axis",
    "ContrastiveLoss": "1 margin float, 2 legacy_version bool",
    "Convolution": """
        1 num_output, 2 bias_term bool, 3 pad*, 4 kernel_size*, 5 group, 6 stride*, 7 weight_filler Filler,
        8 bias_filler Filler, 9 pad_h, 10 pad_w, 11 kernel_h, 12 kernel_w, 13 stride_h, 14 stride_w, 15 engine Engine,
        16 axis, 17 force_nd_im2col bool, 18 dilation*""",
    "Crop": "1 axis, 2 offset*",
    "Data": """
        1 source string, 2 scale float, 3 mean_file string, 4 batch_size, 5 crop_size, 6 mirror bool, 7 rand_skip,
        8 backend DB, 9 force_encoded_color bool, 10 prefetch""",
    "Dropout": "1 dropout_ratio float, 2 scale_train bool",
    "DummyData": "1 data_filler* Filler, 2 num*, 3 channels*, 4 height*, 5 width*, 6 shape* BlobShape",
    "Eltwise": "1 operation EltwiseOp, 2 coeff* float, 3 stable_prod_grad bool",
    "ELU": "1 alpha float",
    "Embed": "1 num_output, 2 input_dim, 3 bias_term bool, 4 weight_filler Filler, 5 bias_filler Filler",
    "Exp": "1 base float, 2 scale float, 3 shift float",
    "Flatten": "1 axis, 2 end_axis",
    "HDF5Data": "1 source string, 2 batch_size, 3 shuffle bool",
    "HDF5Output": "1 file_name string",
    "HingeLoss": "1 norm HingeNorm",
    "ImageData": """
        1 source string, 2 scale float, 3 mean_file string, 4 batch_size, 5 crop_size, 6 mirror bool, 7 rand_skip,
        8 shuffle bool, 9 new_height, 10 new_width, 11 is_color bool, 12 root_folder string""",
    "InfogainLoss": "1 source string, 2 axis",
    "InnerProduct": """
        1 num_output, 2 bias_term bool, 3 weight_filler Filler, 4 bias_filler Filler, 5 axis, 6 transpose bool""",
    "Input": "1 shape* BlobShape",
    "Log": "1 base float, 2 scale float, 3 shift float",
    "LRN": "1 local_size, 2 alpha float, 3 beta float, 4 norm_region NormRegion, 5 k float, 6 engine Engine",
    "MemoryData": "1 batch_size, 2 channels, 3 height, 4 width",
    "MVN": "1 normalize_variance bool, 2 across_channels bool, 3 eps float",
    "Parameter": "1 shape BlobShape",
    "Pooling": """
        1 pool PoolMethod, 2 kernel_size*, 3 stride*, 4 pad*, 5 kernel_h, 6 kernel_w, 7 stride_h, 8 stride_w, 9 pad_h,
        10 pad_w, 11 engine Engine, 12 global_pooling bool, 0 round_mode RoundMode""",
    "Power": "1 power float, 2 scale float, 3 shift float",
    "PReLU": "1 filler Filler, 2 channel_shared bool",
    "Python": "1 module string, 2 layer string, 3 param_str string, 4 share_in_parallel bool",
    "Recurrent": """
        1 num_output, 2 weight_filler Filler, 3 bias_filler Filler, 4 debug_info bool, 5 expose_hidden bool""",
    "Reduction": "1 operation ReductionOp, 2 axis, 3 coeff float",
    "ReLU": "1 negative_slope float, 2 engine Engine",
    "Reshape": "1 shape BlobShape, 2 axis, 3 num_axes",
    "Scale": "1 axis, 2 num_axes, 3 filler Filler, 4 bias_term bool, 5 bias_filler Filler",
    "Sigmoid": "1 engine Engine",
    "Slice": "1 slice_dim, 2 slice_point*, 3 axis",
    "Softmax": "1 engine Engine, 2 axis",
    "SPP": "1 pyramid_height, 2 pool PoolMethod, 6 engine Engine",
    "Swish": "1 beta float",
    "TanH": "1 engine Engine",
    "Threshold": "1 threshold float",
    "Tile": "1 axis, 2 tiles",
    "WindowData": """
        1 source string, 2 scale float, 3 mean_file string, 4 batch_size, 5 crop_size, 6 mirror bool,
        7 fg_threshold float, 8 bg_threshold float, 9 fg_fraction float, 10 context_pad, 11 crop_mode string,
        12 cache_images bool, 13 root_folder string""",
    "AnnotatedData": "1 batch_sampler* Opaque, 2 label_map_file string, 3 anno_type enum",
    "MultiBoxLoss": """
        1 loc_loss_type enum, 2 conf_loss_type enum, 3 loc_weight float, 4 num_classes, 5 share_location bool,
        6 match_type enum, 7 overlap_threshold float, 8 use_prior_for_matching bool, 9 background_label_id,
        10 use_difficult_gt bool, 11 do_neg_mining bool, 12 neg_pos_ratio float, 13 neg_overlap float,
        14 code_type CodeType, 16 encode_variance_in_target bool, 17 map_object_to_agnostic bool,
        18 ignore_cross_boundary_bbox bool, 19 bp_inside bool, 20 mining_type enum,
        21 nms_param NonMaximumSuppression, 22 sample_size, 23 use_prior_for_nms bool""",
    "NonMaximumSuppression": "1 nms_threshold float, 2 top_k, 3 eta float",
    "Permute": "1 order*",
    "PriorBox": """
        1 min_size* float, 2 max_size* float, 3 aspect_ratio* float, 4 flip bool, 5 clip bool, 6 variance* float,
        7 img_size, 8 img_h, 9 img_w, 10 step float, 11 step_h float, 12 step_w float, 13 offset float""",
    "DetectionOutput": """
        1 num_classes, 2 share_location bool, 3 background_label_id, 4 nms_param NonMaximumSuppression,
        5 save_output_param Opaque, 6 code_type CodeType, 7 keep_top_k, 8 variance_encoded_in_target bool,
        9 confidence_threshold float, 10 visualize bool, 11 visualize_threshold float, 12 save_file string""",
    "DetectionEvaluate": """
        1 num_classes, 2 background_label_id, 3 overlap_threshold float, 4 evaluate_difficult_gt bool,
        5 name_size_file string, 6 resize_param Resize""",
    "Normalize": "1 across_spatial bool, 2 scale_filler Filler, 3 channel_shared bool, 4 eps float",
    "VideoData": "1 video_type enum, 2 device_id, 3 video_file string, 4 skip_frames",
}  # fmt: skip
"""The fields of each message in the form that this module's own line above describes."""

_OWN_TYPES = {
    130: "Python", 131: "PReLU", 132: "SPP", 133: "Reshape", 134: "Log", 135: "Flatten", 136: "Reduction", 137: "Embed",
    138: "Tile", 139: "BatchNorm", 140: "ELU", 141: "Bias", 142: "Scale", 143: "Input", 144: "Crop", 145: "Parameter",
    146: "LSTM RNN Recurrent", 147: "Swish", 148: "Clip", 200: "AnnotatedData", 201: "MultiBoxLoss", 202: "Permute",
    203: "PriorBox", 204: "DetectionOutput", 205: "DetectionEvaluate", 206: "Normalize", 207: "VideoData",
}  # fmt: skip
"""Numbers of LayerParameter that forks gave messages of their own, and the types of layers in which they are these."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What caffe.proto says of one field."""

    number: int
    name: str
    repeats: bool
    holds: str
    """`int`, `bool`, `float`, `double`, `string`, `bytes`, the name of an enumeration (`enum` where its values are not
    listed) or that of a message (`Opaque` where its fields are not)."""

    is_message: bool
    plain: frozenset[type]
    """Types of values of which each is one that the field can hold."""


_PLAIN = {
    "int": frozenset({int}), "float": frozenset({int, float}), "double": frozenset({int, float}),
    "bool": frozenset({bool}), "string": frozenset({str, bool, int, float}), "bytes": frozenset({str}),
}  # fmt: skip
_SPEC = r"(\d+) (\w+)(\*?)(?: (\w+))?"


@cache
def fields(message: str) -> Mapping[str, Spec]:
    """The fields of a message of caffe.proto by name: of `Net`, `Layer`, `Convolution`; empty for one not listed."""
    common = dict(pair.split(":") for pair in _COMMON.split())
    found = {}
    for number, name, star, holds in re.findall(_SPEC, MESSAGES.get(message, "")):
        inner = holds or (common.get(name, "int") if name.endswith("_param") else "int")
        is_message = inner in MESSAGES or inner == "Opaque"
        found[name] = Spec(int(number), name, bool(star), inner, is_message, _PLAIN.get(inner, frozenset()))
    return found


@cache
def numbers(message: str) -> Mapping[int, Spec]:
    """The same by number, but those of which forks use the number for something else."""
    return {spec.number: spec for spec in fields(message).values() if spec.number}


def is_foreign(number: int, layer_type: str) -> bool:
    """Whether a field of a layer with this number may be another fork's: the layer is not of the type that has it."""
    return number in _OWN_TYPES and layer_type not in _OWN_TYPES[number].split()
