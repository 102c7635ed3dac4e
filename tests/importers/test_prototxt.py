"""The text format as protobuf defines it, and as people write it."""

from __future__ import annotations

import contextlib
import math
import time
import tracemalloc
from collections.abc import Callable

import pytest

from graphcost import limits
from graphcost.errors import ModelError
from graphcost.importers import repeats
from graphcost.importers.prototxt import Message, parse


def message(text: str | bytes) -> Message:
    return parse(text, "net.prototxt")


def value(written: str) -> object:
    return message(f"field: {written}").get("field")


def refusal(text: str | bytes) -> str:
    with pytest.raises(ModelError) as caught:
        message(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("3", 3),
        ("-1", -1),
        ("- 1", -1),
        ("0", 0),
        ("0x1F", 31),
        ("-0x10", -16),
        ("010", 8),
        ("18446744073709551615", 2**64 - 1),
        ("1.", 1.0),
        (".5", 0.5),
        ("-.5", -0.5),
        ("1e-3", 0.001),
        ("2.5E+2", 250.0),
        ("1.0f", 1.0),
        ("3F", 3.0),
        ("inf", math.inf),
        ("-inf", -math.inf),
        ("true", True),
        ("True", True),
        ("t", True),
        ("TRUE", True),
        ("false", False),
        ("False", False),
        ("f", False),
        ("MAX", "MAX"),
        ('"MAX"', "MAX"),
        ("'MAX'", "MAX"),
        ("cls3x", "cls3x"),
        ('""', ""),
        ('"a # b"', "a # b"),
        ('"it\'s"', "it's"),
        (r'"a\tb\n\"c\"\\"', 'a\tb\n"c"\\'),
        (r'"\x41\102\7"', "AB\a"),
        (r'"\u00e9\U0001F600"', "é\U0001f600"),
        (r'"\xe4\xb8\xad"', "中"),
        (r'"\xff"', r"\xff"),
        ('"con" \'v\'\n  # and\n  "1"', "conv1"),
    ],
)
def test_scalars_become_python_values(written: str, expected: object) -> None:
    assert value(written) == expected
    assert type(value(written)) is type(expected)


def test_not_a_number_equals_itself_so_that_messages_compare() -> None:
    assert math.isnan(value("nan"))  # type: ignore[arg-type]
    assert message("a: nan") == message("a: -nan")


@pytest.mark.parametrize(
    "text",
    [
        "layer { name: 'a' pad: 1 pad: 2 }",
        "layer: { name: 'a' pad: 1 pad: 2 }",
        "layer < name: 'a' pad: 1 pad: 2 >",
        "layer { name: 'a' pad: [1, 2] }",
        "layer { name: 'a', pad: 1; pad: 2, };",
        "layer{name:'a'pad:[1,2];}",
        "layer\t{\n\tname : 'a'\n\tpad : 1\n\n\tpad : 2\n}\n",
        "# a net\nlayer { # a layer\n  name: 'a' # its name\n  pad: [1, # one\n 2 # two\n ] }\n# end",
        "layer {\r\n  name: 'a'\r\n  # pads\r\n  pad: 1\r\n  pad: 2\r\n}\r\n",
        "layer {\r  name: 'a'\r  # pads\r  pad: 1\r  pad: 2\r}\r",
        "\ufefflayer { name: 'a' pad: 1 pad: 2 }",
        b"\xef\xbb\xbflayer { name: 'a' pad: 1 pad: 2 }",
        b"# r\xe9seau\nlayer { name: 'a' pad: 1 pad: 2 }",
        "layer { name: 'a' pad: 1 pad: 2 }".encode("utf-16"),  # as PowerShell writes it
        "layer { name: 'a' pad: 1 pad: 2 }".encode("utf-16-be"),
        "layer: [{ name: 'a' pad: 1 pad: 2 }]",
    ],
)
def test_every_way_of_writing_gives_the_same_message(text: str | bytes) -> None:
    layer = message(text).get("layer")
    assert isinstance(layer, Message)
    assert layer.items() == (("name", "a"), ("pad", 1), ("pad", 2))


@pytest.mark.parametrize("text", ["", " \n\t", "# only a comment", "\ufeff"])
def test_nothing_is_a_message_without_fields(text: str) -> None:
    assert message(text).items() == ()


def test_a_list_of_messages_is_a_repeated_field() -> None:
    net = message("shape: [ { dim: 1 }, < dim: 2 dim: 3 > ] dim: [] name: 'n'")
    assert [shape.all("dim") for shape in net.all("shape") if isinstance(shape, Message)] == [(1,), (2, 3)]
    assert "dim" not in net
    assert net.get("name") == "n"


def test_an_extension_keeps_its_brackets() -> None:
    assert message("[ caffe.extra ] { a: 1 } [b.c]: 2").items() == (("[caffe.extra]", message("a: 1")), ("[b.c]", 2))


def test_bytes_that_are_not_utf8_become_characters_that_can_be_printed() -> None:
    name = message(b"name: 'r\xe9seau'").get("name")
    assert name == "réseau"


def test_the_last_of_a_repeated_field_is_the_one_got() -> None:
    net = message("pad: 1\nname: 'n'\npad: 2\n")
    assert net.get("pad") == 2
    assert net.all("pad") == (1, 2)
    assert net.line_of("pad") == 3
    assert "pad" in net and "stride" not in net
    assert net.get("stride") is None
    assert net.get("stride", 1) == 1
    assert net.all("stride") == ()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_from_one_whatever_ends_them(end: str) -> None:
    net = message(end.join(["# net", "layer {", "  pad: [", "    1,", "    2 ]", "}", "layer { }"]))
    first, second = net.all("layer")
    assert isinstance(first, Message) and isinstance(second, Message)
    assert (net.line, first.line, second.line) == (1, 2, 7)
    assert (first.line_of("pad"), first.line_of("absent"), net.line_of("layer")) == (5, 2, 7)


def test_messages_compare_by_their_fields_and_not_by_their_place() -> None:
    one, other = message("layer { pad: 1 }\n\nlayer { pad: 1 }").all("layer")
    assert one == other
    assert hash(one) == hash(other)
    assert one != message("pad: 2")
    assert one != "pad: 1"


def test_a_message_cannot_be_changed() -> None:
    net = message("pad: 1")
    with pytest.raises(AttributeError):
        net.line = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        net.colour = "red"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nlayer {\n  pad: 1\n", "net.prototxt:4: 'layer {' opened at line 2, never closed"),
        ("layer <\n  pad: 1\n}", "net.prototxt:3: '}' closes nothing: 'layer <' was opened at line 1"),
        ("layer { }\n}", "net.prototxt:2: '}' closes nothing"),
        ("\nname: 'conv1\npad: 1", "net.prototxt:2: string without an end"),
        ('name: "', "net.prototxt:1: string without an end"),
        ("name: 'a' 'b", "net.prototxt:1: string without an end"),
        (r"name: '\q'", r"net.prototxt:1: unknown escape \q in a string"),
        (r"name: '\U00110000'", "net.prototxt:1: no character has the number 0x110000"),
        ("pad:", "net.prototxt:1: 'pad' has no value"),
        ("layer {\n  pad:\n}", "net.prototxt:2: 'pad' has no value"),
        ("pad:\nstride: 1", "net.prototxt:1: 'pad' has no value"),
        ("pad: ,", "net.prototxt:1: 'pad' has no value"),
        ("pad", "net.prototxt:1: 'pad' has no value"),
        ("pad 1", "net.prototxt:1: ':' expected after 'pad'"),
        ("source: /data/list", "net.prototxt:1: 'source' has no value"),
        ("pad: 3x3", "net.prototxt:1: '3x3' is neither a number nor a name"),
        ("pad: 96stride: 2", "net.prototxt:1: '96stride' is neither a number nor a name"),
        ("pad: 08", "net.prototxt:1: '08' is neither a number nor a name"),
        ("pad: " + "9" * 5000, "net.prototxt:1: an integer of 5,000 digits cannot be meant"),
        ("pad: [1 2]", "net.prototxt:1: the list of 'pad' is not continued by a value, ',' or ']'"),
        ("pad: [1,\n2", "net.prototxt:2: the list of 'pad' is not continued by a value, ',' or ']'"),
        ("pad: 1 * 2", "net.prototxt:1: a field's name expected, not '*'"),
        ("{ }", "net.prototxt:1: a field's name expected, not '{'"),
        ("pad: 1\n: 2", "net.prototxt:2: a field's name expected, not ':'"),
        ("\nnum: ${N}", "net.prototxt:2: looks like a template: fill in its placeholders first"),
        ("num: @N@", "net.prototxt:1: looks like a template: fill in its placeholders first"),
        ("num: {{ n }}", "net.prototxt:1: looks like a template: fill in its placeholders first"),
        ("{% for %}", "net.prototxt:1: looks like a template: fill in its placeholders first"),
        ("pad: [${N}]", "net.prototxt:1: looks like a template: fill in its placeholders first"),
        (
            "pad:\u00a01",
            "net.prototxt:1: the invisible character U+00A0 NO-BREAK SPACE stands here; write a plain blank",
        ),
        (
            "pad: 1\n\u200bx: 2",
            "net.prototxt:2: the invisible character U+200B ZERO WIDTH SPACE stands here; write a plain blank",
        ),
        (
            "top: \u201cx\u201d",
            "net.prototxt:1: '\u201c' (U+201C LEFT DOUBLE QUOTATION MARK) is no quotation mark in a prototxt; write \"",
        ),
        (
            'top: "x\u201d\n',
            "net.prototxt:1: string without an end: '\u201d' (U+201D RIGHT DOUBLE QUOTATION MARK) is no quotation mark in a prototxt; write \"",
        ),
        ("pad\uff1a 1", "net.prototxt:1: '\uff1a' (U+FF1A FULLWIDTH COLON) stands outside a string"),
        (b"\x0a\x05AlexNet\x00", "net.prototxt: binary, not a prototxt (weights, as in a .caffemodel, are not read)"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str | bytes, expected: str) -> None:
    assert refusal(text) == expected


def test_messages_may_nest_a_hundred_deep_and_no_deeper() -> None:
    message("a {" * limits.MAX_PROTOTXT_DEPTH + "}" * limits.MAX_PROTOTXT_DEPTH)
    assert refusal("a {" * (limits.MAX_PROTOTXT_DEPTH + 1)) == "net.prototxt:1: messages nested deeper than 100"
    assert refusal("a: [{" * 100_000) == "net.prototxt:1: messages nested deeper than 100"


@pytest.mark.parametrize(
    "text",
    [
        lambda n: "#" * n + "\n*",
        lambda n: "# \n" * n + "*",
        lambda n: " \n" * n + "*",
        lambda n: "a: '" + r"\x41" * n,
        lambda n: "a: [" + "1" * n,
        lambda n: "a: [" + "'1' " * n,
        lambda n: "a: " + '"" ' * n + "*",
    ],
    ids=["comment", "comments", "blanks", "string", "number", "list of strings", "strings"],
)
def test_a_refusal_takes_linear_time(text: Callable[[int], str]) -> None:
    """Sixteen times the text takes some sixteen times as long; a quadratic match would take 256 times."""

    def seconds(n: int) -> float:
        start = time.process_time()
        refusal(text(n))
        return time.process_time() - start

    short, long = (min(seconds(n) for _ in range(3)) for n in (5_000, 80_000))
    assert long < 64 * max(short, 1e-3)


@pytest.mark.parametrize(
    "text",
    ["a: " + '""' * 250_000, 'a: "' + r"\x41" * 125_000 + '"', "#\n" * 250_000, " " * 500_000, "a{}" * 50_000 + "*"],
    ids=["strings", "escapes", "comments", "blanks", "messages"],
)
def test_memory_is_bounded_by_the_size_of_the_text(text: str) -> None:
    """What is matched need not be remembered piece by piece, as it is before Python 3.11.5: 100 MB for half a MB."""
    tracemalloc.start()
    try:
        with contextlib.suppress(ModelError):
            message(text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < (64 if repeats.EXACT else 200) * len(text)


def test_a_file_too_large_to_be_a_prototxt_is_refused() -> None:
    assert (
        refusal(bytes(limits.MAX_PROTOTXT + 1))
        == "net.prototxt: larger than 16 MiB: not a network's prototxt; --limit prototxt=... allows more"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            'a {\n type: "Conv\u201d bottom: "data" top: "x"\n}',
            ":2: '\u201d' \\(U\\+201D RIGHT DOUBLE QUOTATION MARK\\) is no quotation",
        ),
        ('a {\n name: "c" type: \u201cConv\u201d }', ":2: '\u201c' \\(U\\+201C LEFT"),
        ("a:\u00a03", "U\\+00A0 NO-BREAK SPACE stands here; write a plain blank"),
        ("a: 3\u200b", "U\\+200B ZERO WIDTH SPACE"),
        ("pad: \u20131", "'\u2013' \\(U\\+2013 EN DASH\\) stands outside a string"),
        ("a\uff1a 1", "FULLWIDTH COLON"),
    ],
)
def test_characters_from_web_pages_are_named(text: str, reason: str):
    with pytest.raises(ModelError, match=reason):
        message(text)
