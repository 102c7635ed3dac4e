"""What tools printed for networks: torchvision's and Hugging Face's for an image of 224x224 or 128 tokens, two small ones.

Printed under torch 2.13 by fvcore 0.1.5, torchinfo 1.8.0, ptflops 0.7.5 (pytorch backend), thop 0.1.1, calflops 0.3.2,
torchstat 0.0.7 and torch.utils.flop_counter, and for the same networks as ONNX files by onnx-tool 1.0.1, onnx-opcounter
0.0.4 and onnxsim 0.8.1. A reason stands beside each figure that the network alone does not give.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import graphcost
from graphcost import Analysis, conventions

Network = Callable[[str], Analysis]
POOLER = 768 * 768  # weights of BERT's last layer, used for one token
GELU = 12 * 128 * 3072  # elements that BERT activates

PRINTED = [
    ("resnet50", "flop_counter.flops", 8_178_368_512),
    ("resnet50", "fvcore.flops", 4_111_512_576),
    ("resnet50", "torchinfo.mult_adds", 4_089_238_376),
    ("resnet50", "ptflops.macs", 4_132_436_968),
    ("resnet50", "thop.macs", 4_133_742_592),
    ("resnet50", "torchstat.flops", 4_118_537_216),
    ("resnet50", "torchstat.madd", 8_219_637_272),
    ("resnet50_folded", "flop_counter.flops", 8_178_368_512),
    ("resnet50_folded", "fvcore.flops", 4_111_512_576),
    ("resnet50_folded", "torchinfo.mult_adds", 4_089_238_376),
    ("resnet50_folded", "ptflops.macs", 4_132_436_968),
    ("resnet50_folded", "thop.macs", 4_133_742_592),
    ("resnet50_folded", "torchstat.flops", 4_118_537_216),
    ("resnet50_folded", "torchstat.madd", 8_219_637_272),
    ("efficientnet_b0", "fvcore.flops", 401_659_392),
    ("efficientnet_b0", "torchinfo.mult_adds", 385_867_108),
    ("efficientnet_b0", "ptflops.macs", 410_196_896),
    ("efficientnet_b0", "thop.macs", 415_145_024),
    ("efficientnet_b0", "deepspeed.flops", 793_641_400),  # calflops
    ("efficientnet_b0", "torchstat.flops", 399_299_484),
    ("vit_b_16", "fvcore.flops", 16_867_412_736),
    ("vit_b_16", "torchinfo.mult_adds", 173_232_616),
    ("vit_b_16", "ptflops.macs", 17_606_030_584),
    ("vit_b_16", "thop.macs", 11_286_254_592),
    ("vit_b_16", "deepspeed.flops", 33_723_326_208),  # calflops
    ("squeezenet1_1", "flop_counter.flops", 698_303_872),
    ("squeezenet1_1", "fvcore.flops", 349_320_936),
    ("squeezenet1_1", "torchinfo.mult_adds", 351_741_288),
    ("squeezenet1_1", "ptflops.macs", 359_982_728),
    ("squeezenet1_1", "thop.macs", 349_321_936),
    ("mobilenet_v2", "flop_counter.flops", 601_548_544),
    ("mobilenet_v2", "fvcore.flops", 314_193_216),
    ("mobilenet_v2", "torchinfo.mult_adds", 300_809_384),
    ("mobilenet_v2", "ptflops.macs", 320_300_008),
    ("mobilenet_v2", "thop.macs", 327_486_720),
    ("densenet121", "flop_counter.flops", 5_668_323_328),
    ("densenet121", "fvcore.flops", 2_865_546_752),
    ("densenet121", "torchinfo.mult_adds", 2_834_246_312),
    ("densenet121", "ptflops.macs", 2_899_843_048),
    ("densenet121", "thop.macs", 2_897_007_104),
    ("bert_base", "flop_counter.flops", 22_348_431_360),
    (
        "bert_base",
        "fvcore.flops",
        11_185_913_856 + POOLER,
    ),  # the trace dropped the pooler, whose output was not asked for
    ("bert_base", "torchinfo.mult_adds", 109_482_240),
    ("bert_base", "ptflops.macs", 11_189_650_176 + 2 * GELU),  # BERT took hold of gelu before the tool replaced it
    ("bert_base", "thop.macs", 10_882_056_192),
    ("recurrent", "flop_counter.flops", 8_439_040),
    ("recurrent", "fvcore.flops", 640),
    ("recurrent", "torchinfo.mult_adds", 28_065_940),
    ("recurrent", "ptflops.macs", 28_234_900),
    ("recurrent", "thop.macs", 28_193_920),
    ("unet", "flop_counter.flops", 616_169_472),
    ("unet", "fvcore.flops", 314_474_496),
    ("unet", "torchinfo.mult_adds", 366_330_656),
    ("unet", "ptflops.macs", 314_327_040),
    ("unet", "thop.macs", 367_902_720),
    ("resnet50", "onnx_tool.macs", 4_450_761_704),
    ("resnet50", "onnx_opcounter.macs", 4_126_745_088),
    ("resnet50", "onnxsim.flops", 8_178_368_512),
    ("squeezenet1_1", "onnx_tool.macs", 357_475_224),
    ("squeezenet1_1", "onnxsim.flops", 698_303_872),
    ("recurrent", "onnx_opcounter.macs", 26_240),
    ("priced", "onnx_tool.macs", 38_572),
    ("priced", "onnxsim.flops", 9_216),
    ("cells", "onnx_tool.macs", 10_080 + 5_480),  # each by itself: it wants all outputs of them
    ("mobilenet_v2", "onnx_tool.macs", 520_292_552),
    ("mobilenet_v2", "onnx_opcounter.macs", 320_455_232),
    ("mobilenet_v2", "onnxsim.flops", 601_548_544),
    ("densenet121", "onnx_tool.macs", 3_338_084_328),
    ("densenet121", "onnx_opcounter.macs", 2_891_715_584),
    ("densenet121", "onnxsim.flops", 5_668_323_328),
    ("bert_base", "onnx_tool.macs", 11_450_110_336),
    ("bert_base", "onnx_opcounter.macs", 11_196_924_672),
    ("bert_base", "onnxsim.flops", 22_348_431_360),
]


@pytest.mark.parametrize(("name", "key", "total"), PRINTED)
def test_a_total_is_what_the_tool_printed(name: str, key: str, total: int, network: Network) -> None:
    convention, _, metric = key.partition(".")
    found = conventions.metric(convention, metric)
    assert found is not None
    assert found.total(network(name)) == total


# the tables in the tools' own READMEs, as far as their digits go
PUBLISHED = [
    ("squeezenet1_1", "burden.flops", 360_000_000, 1_000_000),  # convnet-burden
    ("resnet50", "burden.flops", 4_000_000_000, 1_000_000_000),
    ("densenet121", "deepspeed.flops", 5_716_880_000, 10_000),  # calflops 0.3.2
    ("resnet50", "deepspeed.flops", 8_211_110_000, 10_000),
    ("densenet121", "ptflops.macs", 2_900_000_000, 10_000_000),  # ptflops 0.7.5
    ("mobilenet_v2", "ptflops.macs", 320_000_000, 10_000_000),
    ("resnet50", "ptflops.macs", 4_130_000_000, 10_000_000),
]


@pytest.mark.parametrize(("name", "key", "total", "digit"), PUBLISHED)
def test_a_total_is_what_the_tool_published(name: str, key: str, total: int, digit: int, network: Network) -> None:
    convention, _, metric = key.partition(".")
    found = conventions.metric(convention, metric)
    assert found is not None
    assert abs(found.total(network(name)) - total) <= digit // 2


SAMPLES = [
    ("vgg16", "flop_counter.flops", 30_940_528_640),
    ("vgg16", "fvcore.flops", 15_470_289_408),
    ("vgg16", "torchinfo.mult_adds", 15_483_821_032),
    ("vgg16", "ptflops.macs", 15_523_225_576),
    ("vgg16", "thop.macs", 15_470_314_496),
    ("vgg16", "onnx_tool.macs", 15_503_523_304),
    ("vgg16", "onnx_opcounter.macs", 15_623_758_120),  # of the sample: it counts what makes the weights as well
    ("vgg16", "onnxsim.flops", 30_940_528_640),
    ("ssd300", "onnx_tool.macs", 31_471_571_148),
    ("ssd300", "onnx_opcounter.macs", 31_430_626_686),
    ("ssd300", "onnxsim.flops", 62_747_075_584),
    ("retinaface", "onnxsim.flops", 1_962_291_200),
]


@pytest.mark.parametrize(("name", "key", "total"), SAMPLES)
def test_the_total_of_a_sample_is_what_the_tool_printed(name: str, key: str, total: int, root: Path) -> None:
    analysis = graphcost.analyze(graphcost.load(root / f"onnx_models/{name}.onnx"))
    convention, _, metric = key.partition(".")
    found = conventions.metric(convention, metric)
    assert found is not None
    assert found.total(analysis) == total
