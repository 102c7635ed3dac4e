"""A .caffemodel is a network: its layers by their fields' numbers, its parameters by the shapes of its blobs."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

import harness
from caffe_binary import blob, encoded, image, layer, legacy_blob, number, part
from graphcost import Analysis, ModelError, analyze, limits, load
from graphcost.cli import main
from graphcost.importers import caffemodel, sniff
from graphcost.importers.wire import varint

CONV = part(106, number(1, 4) + number(4, 3) + number(6, 2) + number(3, 1))  # num_output, kernel_size, stride, pad
SAMPLES = Path(__file__).parents[2] / "prototxt"
NET = part(1, "tiny") + image(1, 3, 9, 9) + layer("c", "Convolution", "data", "c", CONV, part(7, blob(4, 3, 3, 3)))


def read(data: bytes, **options: object) -> Analysis:
    return analyze(load(data, **options))  # type: ignore[arg-type]


def test_a_caffemodel_is_read_as_a_network(tmp_path: Path):
    """4 maps of 5x5, each element of 3*3*3 taps; 4*27 weights and 4 biases."""
    data = part(1, "tiny") + image(1, 3, 9, 9)
    data += layer("c", "Convolution", "data", "c", CONV, part(7, blob(4, 3, 3, 3)), part(7, blob(4)))
    path = tmp_path / "tiny.caffemodel"
    for content in (data, gzip.compress(data)):
        path.write_bytes(content)
        analysis = analyze(load(path))
        assert analysis.model.name == "tiny"
        assert analysis.tensors["c"].shape == (1, 4, 5, 5)
        assert (analysis.work.macs, analysis.parameters.total) == (4 * 5 * 5 * 27, 4 * 27 + 4)
        assert analysis.complete
        assert analysis.warnings == ()
    assert analysis.rows[0].op.location == f"{path}:layer 2"


def test_a_layer_without_a_rule_has_the_parameters_that_the_file_holds():
    data = image(2, 10) + layer("acme", "Acme", "data", "a", part(7, blob(7, 10)), part(7, blob(7)))
    analysis = read(data + layer("plain", "Acme", "a", "b"))
    assert analysis.parameters.rows == [7 * 10 + 7, 0]
    assert analysis.unknown == {"Acme": 2}


def test_a_layer_without_a_rule_in_a_file_without_any_blob_has_parameters_that_are_not_known():
    assert read(image(2, 10) + layer("acme", "Acme", "data", "a")).parameters.rows == [None]


def test_a_legacy_blob_has_four_extents():
    dense = part(117, number(1, 5))
    data = layer(
        "fc", "InnerProduct", "data", "fc", dense, part(7, legacy_blob(1, 1, 5, 10)), part(7, legacy_blob(1, 1, 1, 5))
    )
    analysis = read(image(2, 10) + data)
    assert analysis.complete
    assert analysis.parameters.total == 5 * 10 + 5
    acme = layer("a", "Acme", "data", "a", part(7, legacy_blob(6, 1, 3, 3)))
    assert read(image(2, 10) + acme).parameters.total == 6 * 3 * 3


def test_v1_layers_are_read_by_the_numbers_of_their_types():
    """In V1 bottom is 2, top 3, name 4, type 5, blobs 6 and inner_product_param 17; type 14 is INNER_PRODUCT."""
    head = part(3, "data") + number(4, 2) + number(4, 10) + number(4, 1) + number(4, 1)
    dense = part(2, "data") + part(3, "fc") + part(4, "fc") + number(5, 14) + part(17, number(1, 5))
    analysis = read(part(1, "old") + part(2, dense + part(6, blob(5, 10)) + part(6, blob(5))) + head)
    assert [(row.name, row.op.type) for row in analysis.rows] == [("fc", "InnerProduct")]
    assert (analysis.work.macs, analysis.parameters.total) == (2 * 10 * 5, 5 * 10 + 5)
    fork = part(2, "data") + part(3, "x") + part(4, "x") + number(5, 77)
    assert read(part(1, "old") + part(2, fork) + head).unknown == {"LayerType77": 1}


def test_a_field_that_caffe_proto_does_not_know_makes_the_row_unknown():
    taught = layer("c", "Convolution", "data", "c", part(106, number(1, 4) + number(4, 3) + number(77, 1)))
    row = read(image(1, 3, 9, 9) + taught).rows[0]
    assert row.status == "unknown"
    assert "field #77 is not understood" in row.why
    foreign = layer("c", "Convolution", "data", "c", CONV, part(555, b""))
    assert "field #555 is not understood" in read(image(1, 3, 9, 9) + foreign).rows[0].why
    assert read(image(1, 3, 9, 9) + number(77, 1) + layer("r", "ReLU", "data", "r")).warnings == (
        "fields of the net that are not understood: #77",
    )


def test_a_number_that_several_forks_use_is_ours_only_in_a_layer_of_its_type():
    permute = part(202, b"".join(number(1, axis) for axis in (0, 2, 3, 1)))
    analysis = read(image(1, 3, 9, 7) + layer("p", "Permute", "data", "p", permute))
    assert analysis.tensors["p"].shape == (1, 9, 7, 3)
    assert "field #202" in read(image(1, 3, 9, 7) + layer("r", "ReLU", "data", "r", permute)).rows[0].why


def test_a_number_that_forks_use_for_other_fields_of_a_message_is_not_understood():
    """13 of a pooling is round_mode in BVLC's Caffe, where 0 rounds up, and ceil_mode in others, where 0 rounds down."""
    pool = part(121, number(2, 3) + number(3, 2) + number(13, 0))
    assert "field #13" in read(image(1, 3, 8, 8) + layer("p", "Pooling", "data", "p", pool)).rows[0].why
    norm = part(139, number(1, 1))
    assert "field #139" in read(image(1, 3, 8, 8) + layer("r", "ReLU", "data", "r", norm)).rows[0].why
    assert read(image(1, 3, 8, 8) + layer("n", "BatchNorm", "data", "n", norm)).complete


def test_blobs_that_are_not_the_layers_are_believed_and_the_rule_is_not():
    data = image(1, 3, 9, 9) + layer("c", "Convolution", "data", "c", CONV, part(7, blob(4, 1, 3, 3)), part(7, blob(4)))
    analysis = read(data)
    assert analysis.parameters.total == 4 * 9 + 4
    assert analysis.rows[0].status == "partial"
    assert analysis.rows[0].why == (
        "another layer than the rule knows: blob 0 is [4, 1, 3, 3], and Convolution has [4, 3, 3, 3]"
    )
    assert "1 blob ([4, 3, 3, 3]), and Convolution has 2 blobs" in read(NET).rows[0].why


def test_a_net_that_caffe_saved_is_taken_as_it_is():
    """Caffe writes its phase into every layer and keeps the rules of those that it has not left out."""
    train = number(10, 0) + part(8, number(1, 0))
    data = layer("in", "Input", "", "data", part(143, part(1, part(1, varint(2)))), train)
    analysis = read(data + layer("r", "ReLU", "data", "r", train))
    assert [row.name for row in analysis.rows] == ["r"]
    assert analysis.warnings == ("the layers are those of phase TRAIN, in which the file was saved",)
    mixed = layer("r", "ReLU", "data", "r", part(8, number(1, 0))) + layer("s", "ReLU", "data", "s")
    assert [row.name for row in read(image(2) + mixed).rows] == ["s"]


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.prototxt")), ids=lambda path: path.stem)
def test_the_samples_cost_the_same_in_binary(path: Path):
    text = path.read_text()
    ours, theirs = analyze(load(path)), read(encoded(text))
    assert [(row.name, row.op.type, row.outputs, row.work) for row in ours.rows] == [
        (row.name, row.op.type, row.outputs, row.work) for row in theirs.rows
    ]
    assert ours.parameters.total == theirs.parameters.total


# --- what lies in the file and is not touched -------------------------------------------------------------------------


class Untouched(bytes):
    """A buffer that remembers how many bytes were read from it."""

    touched = 0

    def __getitem__(self, at):  # type: ignore[no-untyped-def]
        found = super().__getitem__(at)
        type(self).touched += len(found) if isinstance(found, bytes) else 1
        return found


def test_what_blobs_hold_is_not_read():
    small, large = ((NET + layer("fc", "Acme", "c", "fc", part(7, blob(size)))) for size in (10, 1_000_000))
    touched = []
    for data in (small, large):
        Untouched.touched = 0
        caffemodel.read(Untouched(data), "net")
        touched.append(Untouched.touched)
    assert touched[1] - touched[0] < 20  # the lengths of the blob and of its data take more bytes


def test_numbers_that_stand_one_by_one_are_one_run():
    """Files of 2013 may have each number with its key: ten million fields would be too many."""
    data = b"\x2d\x00\x00\x00\x00" * 5_000_000
    analysis = read(image(2, 10) + layer("a", "Acme", "data", "a", part(7, data + part(7, part(1, varint(7))))))
    assert analysis.parameters.total == 7


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (NET[:-20], r"byte \d+: truncated"),
        (NET + b"\xa2\x06\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", r"byte \d+: an integer of more than ten bytes"),
        (NET + b"\x0b", r"byte \d+: wire type 3 in a Net of a .caffemodel, which model files do not use"),
        (image(1, 3) + part(100, part(1, "x")), "layer 2: layer 'x' has no type"),
        (image(*[1] * 40) + layer("r", "ReLU", "data"), "layer 1: a shape of 40 axes"),
        (image(2) + layer("a", "Acme", "data", "a", part(7, part(7, part(1, varint(2**64 - 1))))), "cannot be -1"),
        (image(2) + layer("c", "ReLU", "nowhere", "c"), "'nowhere' is made by no layer"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(data: bytes, reason: str):
    with pytest.raises(ModelError, match=reason) as refusal:
        read(data)
    assert "\n" not in str(refusal.value)


def test_a_file_cut_off_anywhere_is_read_or_refused():
    for end in range(1, len(NET)):
        try:
            read(NET[:end])
        except ModelError:
            continue


@pytest.mark.parametrize("change", [0x01, 0x08, 0x80])
def test_a_file_with_a_bit_changed_anywhere_is_read_or_refused(change: int):
    structure = (
        part(1, "tiny") + image(1, 3, 9, 9) + layer("c", "Acme", "data", "c", CONV, part(7, part(7, part(1, b"\x02"))))
    )
    for at in range(len(structure)):
        damaged = bytearray(structure)
        damaged[at] ^= change
        try:
            read(bytes(damaged))
        except ModelError:
            continue


def test_v0_layers_are_read_by_their_numbers():
    """A V1 layer whose field 1 is a V0 layer: name 1, type 2, num_output 3, kernelsize 8, blobs 50."""
    head = part(3, "data") + b"".join(number(4, extent) for extent in (1, 3, 9, 9))
    inner = part(1, "c") + part(2, "conv") + number(3, 4) + number(8, 3)
    inner += part(50, legacy_blob(4, 3, 3, 3)) + part(50, legacy_blob(1, 1, 1, 4))
    analysis = read(part(1, "old") + part(2, part(1, inner) + part(2, "data") + part(3, "c")) + head)
    assert analysis.tensors["c"].shape == (1, 4, 7, 7)
    assert (analysis.parameters.total, analysis.complete) == (4 * 27 + 4, True)


def test_a_file_of_too_many_parts_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "MAX_FIELDS", 100)
    with pytest.raises(ModelError, match="more than 100 layers, fields and other parts"):
        read(image(2) + layer("a", "Acme", "data", "a", *[part(7, b"")] * 100))
    with pytest.raises(ModelError, match="more than 100 layers"):
        read(image(*[1] * 200) + layer("r", "ReLU", "data"))


# --- beside a prototxt ------------------------------------------------------------------------------------------------

PROTOTXT = (
    harness.image(1, 3, 9, 9)
    + harness.conv("c", fields="kernel_size: 3 stride: 2 pad: 1")
    + harness.layer("a", "Acme", "c")
    + harness.layer("b", "Acme", "a")
)
WEIGHTS = layer("c", "Convolution", "x", "c", part(7, blob(4, 3, 3, 3)), part(7, blob(4)))
ACME = layer("a", "Acme", "c", "a", part(7, blob(5, 5)))


def test_weights_beside_a_prototxt_give_layers_without_a_rule_their_parameters():
    analysis = read(PROTOTXT.encode(), weights=WEIGHTS + ACME)
    assert analysis.parameters.rows == [4 * 27 + 4, 25, None]
    assert analysis.rows[0].status == "known"
    assert analysis.warnings == ()


def test_weights_that_are_not_the_layers_are_said_with_both_shapes():
    other = layer("c", "Convolution", "x", "c", part(7, blob(4, 1, 3, 3)), part(7, blob(4)))
    analysis = read(PROTOTXT.encode(), weights=other + ACME)
    assert analysis.warnings == ("c: in <bytes> blob 0 is [4, 1, 3, 3], and Convolution has [4, 3, 3, 3]",)
    assert analysis.parameters.rows[0] == 4 * 27 + 4  # what the net that is asked about has
    few = layer("c", "Convolution", "x", "c", part(7, blob(4, 3, 3, 3)))
    assert (
        "1 blob ([4, 3, 3, 3]), and Convolution has 2 blobs ([4, 3, 3, 3], [4])"
        in read(PROTOTXT.encode(), weights=few + ACME).warnings[0]
    )


def test_layers_that_a_trained_file_leaves_out_are_named():
    net = PROTOTXT + harness.layer("fc", "InnerProduct", "c", "inner_product_param { num_output: 2 }")
    assert read(net.encode(), weights=WEIGHTS).warnings == ("no weights in <bytes> for fc",)


def test_weights_of_another_net_are_refused(tmp_path: Path):
    with pytest.raises(ModelError, match="no layer of <bytes> has weights here; those that have: q"):
        load(PROTOTXT.encode(), weights=layer("q", "Acme", "x", "q", part(7, blob(2))))
    with pytest.raises(ModelError, match=r"no \.caffemodel but a GGUF model"):
        load(PROTOTXT.encode(), weights=b"GGUF\x03")
    onnx = harness.proto([], {"x": [1]}, ["x"])
    with pytest.raises(ModelError, match="weights of a Caffe net, and <ModelProto> is an ONNX model"):
        load(onnx, weights=WEIGHTS)


V1 = part(2, "data") + part(3, "c") + part(4, "c") + number(5, 18)


@pytest.mark.parametrize(
    "head",
    [
        NET,
        part(1, "VGG_") + part(2, V1),
        part(2, V1) + part(3, "data"),
        part(2, part(4, "c") + bytes(300)),
        part(3, "data") + b"".join(number(4, extent) for extent in (1, 3, 8, 8)) + layer("c", "ReLU"),
        part(3, "data") + part(3, "more"),
        layer("c", "ReLU"),
    ],
)
def test_a_caffemodel_is_told_by_its_first_bytes(head: bytes):
    assert sniff.is_caffemodel(head[: sniff.HEAD])
    assert sniff.describe(head[: sniff.HEAD]) is None


@pytest.mark.parametrize(
    "head", [part(2, "pytorch") + part(3, "2.1"), part(7, b"\x12\x01g"), b"\x12", b"\x1a", b"\x1a\x04data"]
)
def test_a_model_of_onnx_without_its_version_is_no_caffemodel(head: bytes):
    assert not sniff.is_caffemodel(head)


# --- on the command line ----------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A prototxt and its weights."""
    net, weights = tmp_path / "net.prototxt", tmp_path / "net.caffemodel"
    net.write_text(PROTOTXT)
    weights.write_bytes(WEIGHTS + ACME)
    return str(net), str(weights)


def test_the_command_takes_weights_beside_a_prototxt(files: tuple[str, str], capsys: pytest.CaptureFixture[str]):
    assert main([files[0], "--weights", files[1], "--format", "csv", "--columns", "name,params"]) == 0
    assert capsys.readouterr().out.splitlines() == ["name,params", "c,112", "a,25", "b,"]


def test_the_command_refuses_weights_that_do_not_belong(files: tuple[str, str], capsys: pytest.CaptureFixture[str]):
    net, weights = files
    for arguments, reason in (
        ([net, net, "--weights", weights], "--weights: is about one model"),
        ([net, "--weights", net], "net.prototxt: no .caffemodel"),
        ([net, "--weights", "none.caffemodel"], "none.caffemodel: No such file"),
        ([net, "--weights", weights, "-o", weights, "--format", "md"], "it would be written over"),
    ):
        assert main(arguments) == 2
        assert reason in capsys.readouterr().err
    assert Path(weights).read_bytes() == WEIGHTS + ACME
