"""The sample networks against figures that others published for them."""

from __future__ import annotations

from pathlib import Path

import pytest

import graphcost

# sample -> parameters, multiply-accumulates, and a blob with its shape
SAMPLES = {
    # MTCNN: netscope's params (6.57 k, 99.91 k, 388.5 k) and the PReLU slopes that it leaves out
    "det1": (6_574 + 10 + 16 + 32, 44_760, "conv4-2", (1, 4, 1, 1)),
    "det2": (99_910 + 28 + 48 + 64 + 128, 1_530_768, "conv5-2", (1, 4)),
    "det3": (388_496 + 32 + 64 + 64 + 128 + 256, 12_909_952, "fc6-3", (1, 10)),
    # Simonyan and Zisserman, table 2: 138 M
    "vgg16": (138_357_544, 15_470_264_320, "pool5", (1, 512, 7, 7)),
    # Liu et al.: 8732 boxes, here their four coordinates
    "ssd300": (26_285_486, 31_373_537_792, "mbox_loc", (1, 8732 * 4)),
    "retinaface": (435_391, 983_193_600, "face_rpn_bbox_pred_stride8", (1, 8, 80, 80)),
    "matconvnet_grouped": (18_663_173, 613_422_080, "fc11", (1, 5, 1, 1)),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_has_its_published_size(name: str, root: Path) -> None:
    params, macs, blob, shape = SAMPLES[name]
    analysis = graphcost.analyze(graphcost.load(root / f"prototxt/{name}.prototxt"))
    assert analysis.complete
    assert analysis.total("params") == params and analysis.total("macs") == macs
    assert analysis.tensors[blob].shape == shape


def test_ssd300_has_8732_boxes(root: Path) -> None:
    """Six maps, each position with its priors: sides 38 19 10 5 3 1, priors 4 6 6 6 4 4."""
    analysis = graphcost.analyze(graphcost.load(root / "prototxt/ssd300.prototxt"))
    boxes = sum(side * side * priors for side, priors in zip((38, 19, 10, 5, 3, 1), (4, 6, 6, 6, 4, 4), strict=True))
    assert boxes == 8732
    assert analysis.tensors["mbox_priorbox"].shape == (1, 2, boxes * 4)
    assert analysis.tensors["mbox_conf_reshape"].shape == (1, boxes, 21)
    assert analysis.parameters.rows[[row.name for row in analysis.rows].index("conv4_3_norm")] == 512


def test_vgg16_spends_most_parameters_in_fc6_and_most_work_in_convolutions(root: Path) -> None:
    analysis = graphcost.analyze(graphcost.load(root / "prototxt/vgg16.prototxt"))
    rows = {row.name: params for row, params in zip(analysis.rows, analysis.parameters.rows, strict=True)}
    assert rows["fc6"] == 4096 * 512 * 7 * 7 + 4096
    assert analysis["fc6"].work.macs == 4096 * 512 * 7 * 7  # type: ignore[union-attr]
    assert analysis["conv1_2"].work.macs == (64 * 224 * 224) * (64 * 3 * 3)  # type: ignore[union-attr]


def test_every_sample_is_listed_here(root: Path) -> None:
    assert {path.stem for path in (root / "prototxt").glob("*.prototxt")} == set(SAMPLES)
