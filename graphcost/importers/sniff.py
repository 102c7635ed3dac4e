"""What a file is, told by its first bytes: for saying in words why something is not a network that can be read.

Knows the files that people hand over by mistake. Does not recognise the networks themselves beyond telling text
from binary, and never looks at a file's name.
"""

from __future__ import annotations

from . import foreign

HEAD = 512  # bytes that the functions here want to see; fewer are fine

_PACKINGS = (
    (b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zXZ\x00", "xz"), (b"\x28\xb5\x2f\xfd", "Zstandard"),
)  # fmt: skip

# Where the mark stands, the mark, what the file is, what to do about it.
_MARKS = (
    (0, b"version https://git-lfs", "a Git LFS pointer, not the file itself", "fetch it with `git lfs pull`"),
    (0, b"/annex/objects/", "a git-annex pointer, not the file itself", "fetch it with `git annex get`"),
    *[(0, mark, f"{format}-compressed data", "decompress it first") for mark, format in _PACKINGS[:-1]],
    (0, _PACKINGS[-1][0], "Zstandard-compressed data", "decompress it first, or install graphcost[zst]"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it and name the model inside"),
    (0, b"Rar!\x1a\x07", "a RAR archive", "unpack it and name the model inside"),
    (0, b"\x04\x22\x4d\x18", "LZ4-compressed data", "decompress it first"),
    (0, b"%PDF-", "a PDF document", "give the model itself"),
    (257, b"ustar", "a tar archive", "unpack it and name the model inside"),
    (0, b"\x93NUMPY", "a NumPy array (.npy)", "give the model, not its weights"),
    (0, b"\x7fELF", "an ELF executable or library", "give the model it was built from"),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG image", "give the model itself"),
    (0, b"\xff\xd8\xff", "a JPEG image", "give the model itself"),
    (0, b"PK\x05\x06", "an empty zip archive", "give the model itself"),
)

# The first local header of a zip archive names its first member from byte 30 on.
_ZIP = b"PK\x03\x04"
_SOME_ZIP = ("a zip archive", "unpack it and name the model inside")

# Keys of the fields that may follow or stand for the name of Caffe's NetParameter (caffe.proto): layers, input,
# input_dim, force_backward, state, debug_info, input_shape, and layer, whose number 100 takes two bytes.
_CAFFE_KEYS = (b"\x12", b"\x1a", b"\x20", b"\x22", b"\x28", b"\x32", b"\x38", b"\x42", b"\xa2\x06")
_CAFFE_LAYER = b"\xa2\x06"
# Those that a layer of V1 may begin with: its V0 form, a bottom, a top, its name.
_CAFFE_V1 = (b"\x0a", b"\x12", b"\x1a", b"\x22")


def describe(head: bytes) -> tuple[str, str] | None:
    """What a file with these first bytes is and what to do about it; None when it is nothing known here.

    An ONNX model, a prototxt and any other text are None: whether they can be read is for their reader to say.
    """
    for offset, mark, what, remedy in _MARKS:
        if head.startswith(mark, offset):
            return what, remedy
    if head.startswith(_ZIP):
        name = head[30 : 30 + int.from_bytes(head[26:28], "little")]
        return foreign.describe_archive([name.decode("latin-1")]) or _SOME_ZIP
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "a Python pickle (an old PyTorch checkpoint?)", foreign.CHECKPOINT[1]
    return None if is_caffemodel(head) else foreign.describe(head)


def packing_of(head: bytes) -> str | None:
    """The format of compressed data with these first bytes."""
    for mark, format in _PACKINGS:
        if head.startswith(mark):
            return format
    return "zip archive" if head.startswith(_ZIP) else None


def encoding_of(head: bytes) -> str:
    """The encoding of a text with these first bytes: UTF-8 unless they tell of UTF-16, which Windows' tools write."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    pairs = head[: len(head) & ~1]
    for encoding, zeros, letters in (("utf-16-le", pairs[1::2], pairs[::2]), ("utf-16-be", pairs[::2], pairs[1::2])):
        if len(pairs) >= 16 and not any(zeros) and _is_printable(letters.decode("latin-1")):
            return encoding
    return "utf-8-sig"


def is_text(head: bytes) -> bool:
    """Whether these first bytes are text: UTF-8 without control characters. Nothing at all is not text."""
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":  # the head may end inside a character
            return False
        text = head[: error.start].decode("utf-8-sig")
    return bool(text) and _is_printable(text)


def is_text_of_any_encoding(head: bytes) -> bool:
    """Whether these first bytes are text in UTF-8, UTF-16 or an encoding of one byte a character."""
    if encoding_of(head) != "utf-8-sig":
        return True
    return is_text(head.removeprefix(b"\xef\xbb\xbf").decode("latin-1").encode())


def _is_printable(text: str) -> bool:
    return not any(character < " " and character not in "\t\n\r\f" for character in text)


def is_caffemodel(head: bytes) -> bool:
    """Whether these first bytes are those of a binary net of Caffe.

    NetParameter begins with its layers, or with a short printable name, its own or an input's, and one of the fields
    that follow it. ONNX begins with its IR version (byte 08). A TensorFlow graph begins like a named net, but its
    "name" is a message, whose first byte is not printable.
    """
    if head.startswith(_CAFFE_LAYER):
        return True
    if head.startswith(b"\x12"):  # a layer of V1, where ONNX has its producer's name
        return _behind_length(head).startswith(_CAFFE_V1)
    if not head.startswith((b"\x0a", b"\x1a")) or len(head) < 2 or head[1] >= 0x80:
        return False
    name, rest = head[2 : 2 + head[1]], head[2 + head[1] :]
    return all(0x20 <= byte < 0x7F for byte in name) and rest.startswith(_CAFFE_KEYS)


def _behind_length(field: bytes) -> bytes:
    """What stands in a field behind its key of one byte and its length."""
    at = 1
    while at < len(field) and field[at] >= 0x80:
        at += 1
    return field[at + 1 :]
