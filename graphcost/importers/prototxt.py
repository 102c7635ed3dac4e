"""Caffe's prototxt (protobuf's text format) as nested messages, without a schema.

Every field is kept in file order with its line. What a field means, whether it may repeat and which enumeration a
name belongs to is not known here: a name (``MAX``) and a quoted string (``"MAX"``, which occurs in the wild) are both
``str``, and a field given twice is kept twice.

Why not protobuf's own ``text_format.Tokenizer``: importing it takes 15 ms, and cutting a file of 10,000 lines into
23,000 tokens takes it 21 ms before anything is parsed; the one expression per field below reads the same file into
messages in 12 ms (Python 3.11). It also has no way to read a string that is not UTF-8.
"""

from __future__ import annotations

import io
import math
import re
from functools import lru_cache
from typing import NoReturn, TypeAlias

from .. import limits
from ..errors import ModelError
from .repeats import possessive
from .sniff import HEAD, encoding_of

Value: TypeAlias = "Message | bool | int | float | str"


class Message:
    """The fields between two braces, or of a whole file: names and values in file order.

    Immutable, and equal to any message with the same fields wherever it stands, so it can be a dictionary's key.
    """

    __slots__ = ("_fields", "_hash", "_line", "_lines")

    def __init__(self, fields: tuple[tuple[str, Value], ...], line: int = 1, lines: tuple[int, ...] = ()) -> None:
        self._fields = fields
        self._line = line
        self._lines = lines
        self._hash: int | None = None

    @property
    def line(self) -> int:
        """The line on which the message opens, counted from 1."""
        return self._line

    def items(self) -> tuple[tuple[str, Value], ...]:
        """All fields in file order; a repeated field stands once per value."""
        return self._fields

    def all(self, name: str) -> tuple[Value, ...]:
        """Every value of a repeated field, in file order."""
        return tuple([value for field, value in self._fields if field == name])

    def get(self, name: str, default: Value | None = None) -> Value | None:
        """The value of a field; its last one if it is given more than once, as protobuf has it."""
        for field, value in reversed(self._fields):
            if field == name:
                return value
        return default

    def line_of(self, name: str) -> int:
        """The line of the value that `get` returns; the message's own line if it has no such field."""
        for (field, _), line in zip(reversed(self._fields), reversed(self._lines), strict=False):
            if field == name:
                return line
        return self._line

    def line_at(self, position: int) -> int:
        """The line of the field at this position of `items`; the message's own line if it was not read from text."""
        return self._lines[position] if position < len(self._lines) else self._line

    def __contains__(self, name: str) -> bool:
        return any(field == name for field, _ in self._fields)

    def __eq__(self, other: object) -> bool:
        return self._fields == other._fields if isinstance(other, Message) else NotImplemented

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(self._fields)
        return self._hash

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{name}: {value!r}" for name, value in self._fields) + "}"


def parse(text: str | bytes, path: str) -> Message:
    """The file's fields as a message that opens at line 1; `path` is for error messages only.

    Raises ModelError with the line and the reason if `text` is not in protobuf's text format, or is too large.
    """
    if len(text) > limits.MAX_PROTOTXT:
        most = limits.MAX_PROTOTXT // limits.MIB
        raise ModelError(path, "", f"larger than {most} MiB: not a network's prototxt{limits.more('prototxt')}")
    return _Reader(_decode(text, path), path).message()


def _decode(text: str | bytes, path: str) -> str:
    """One string with a newline at each line's end.

    A file that is neither UTF-16 nor UTF-8 is taken as Latin-1: every byte becomes a character that can be printed
    again, which escaped surrogates cannot.
    """
    if isinstance(text, bytes):
        data = text.removeprefix(b"\xef\xbb\xbf")  # some editors begin a file with the mark and go on in Latin-1
        try:
            text = data.decode(encoding_of(data[:HEAD]))
        except UnicodeDecodeError:
            text = data.decode("latin-1")
    if "\0" in text:
        raise ModelError(path, "", "binary, not a prototxt (weights, as in a .caffemodel, are not read)")
    if "\n" not in text:
        text = text.replace("\r", "\n")  # otherwise the first comment would swallow the rest
    return text.removeprefix("\ufeff")


# Whitespace and comments are possible between any two tokens. Each alternative begins differently, and what has been
# matched is never tried again (`*+`), so that a mismatch is found in one pass and no way back has to be remembered.
_GAP = r"\s*+(?:\#.*+(?:\n\s*+|\Z))*+"
_WORD = r"-?\s*+[\w.][\w.+-]*+"
_QUOTED = r'"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"|' + r"'[^'\\\n]*+(?:\\.[^'\\\n]*+)*+'"
_SCALAR = rf"(?:{_WORD}|(?:{_QUOTED}){possessive(rf'{_GAP}(?:{_QUOTED})', '*')})"
_NAME = r"[A-Za-z_]\w*+|\[\s*+[\w./-]++\s*+\]"

# The end of a message, or a field up to its scalar or its opening bracket.
_FIELD = re.compile(
    rf"{_GAP}(?:([}}>]){_GAP}[;,]?|({_NAME}){_GAP}(:?){_GAP}(?:([{{<\[])|({_SCALAR}){_GAP}[;,]?)?)?", re.ASCII
)
# The end of a list, the opening of a message in it, or a scalar.
_ELEMENT = re.compile(rf"{_GAP}(?:(\]){_GAP}[;,]?|([{{<])|({_SCALAR}){_GAP}(?:,|(?=\])))?", re.ASCII)

_STRING = re.compile(rf"{_GAP}({_QUOTED})", re.ASCII)
_ESCAPE = re.compile(rb"\\(?:[xX]([0-9a-fA-F]{1,2})|([0-7]{1,3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_ESCAPED = dict(zip(b"abfnrtv\\'\"?", b"\a\b\f\n\r\t\v\\'\"?", strict=True))

_INTEGER = re.compile(r"-?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_FLOAT = re.compile(r"(-?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eEfF]))(?:[eE][+-]?[0-9]+)?)[fF]?")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_NAMED: dict[str, bool | float] = {
    **dict.fromkeys(("true", "True", "TRUE", "t"), True),
    **dict.fromkeys(("false", "False", "FALSE", "f"), False),
    **dict.fromkeys(("inf", "infinity", "inff"), math.inf),
    **dict.fromkeys(("-inf", "-infinity", "-inff"), -math.inf),
    **dict.fromkeys(("nan", "nanf", "-nan", "-nanf"), math.nan),  # one object, so that it equals itself in a tuple
}

_TEMPLATE = re.compile(r"\$[\w{(]|@\w|\{\{|\{%|%[\w({]|<%")


LONG = 200
"""Characters from which a scalar is not remembered: the same ones come again and again, but long ones do not."""


class _Open:
    """A message whose end has not been read."""

    __slots__ = ("bracket", "fields", "line", "lines", "listing", "name")

    def __init__(self, name: str, bracket: str, line: int) -> None:
        self.name = name
        self.bracket = bracket
        self.line = line
        self.fields: list[tuple[str, Value]] = []
        self.lines: list[int] = []
        self.listing: str | None = None  # the field whose [list] is being read

    def add(self, name: str, value: Value, line: int) -> None:
        self.fields.append((name, value))
        self.lines.append(line)

    def close(self) -> Message:
        return Message(tuple(self.fields), self.line, tuple(self.lines))


class _Reader:
    """One pass over a text. Open messages are kept on a list, so nesting never meets the interpreter's own limit."""

    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.path = path
        self.position = 0
        self.line = 1
        self.counted = 0  # how far newlines have been counted into `line`
        self.open = [_Open("", "", 1)]

    def message(self) -> Message:
        while True:
            inner = self.open[-1]
            if inner.listing is not None:
                self.element(inner, inner.listing)
                continue
            match = _FIELD.match(self.text, self.position)
            assert match is not None  # every part of it is optional
            end, name, colon, bracket, scalar = match.groups()
            if name is not None:
                self.count(match.start(2))
            self.position = match.end()
            if scalar is not None:
                if not colon:
                    self.explain(f"':' expected after '{name}'", match.start(5))
                inner.add(_plain(name), self.value(scalar, match.start(5)), self.line)
            elif bracket == "[":
                inner.listing = _plain(name)
            elif bracket is not None:
                self.enter(name, bracket)
            elif end is not None:
                self.leave(end, match.start(1))
            elif name is not None:
                self.explain(f"'{name}' has no value", match.end(2))
            elif self.position < len(self.text):
                self.explain("", self.position)
            elif len(self.open) > 1:
                self.refuse(self.position, f"'{inner.name} {inner.bracket}' opened at line {inner.line}, never closed")
            else:
                return inner.close()

    def element(self, inner: _Open, name: str) -> None:
        """Read on in the list of the field called `name`."""
        match = _ELEMENT.match(self.text, self.position)
        assert match is not None
        end, bracket, scalar = match.groups()
        self.position = match.end()
        if scalar is not None:
            self.count(match.start(3))
            inner.add(name, self.value(scalar, match.start(3)), self.line)
        elif bracket is not None:
            self.count(match.start(2))
            self.enter(name, bracket)
        elif end is not None:
            inner.listing = None
        else:
            self.explain(f"the list of '{name}' is not continued by a value, ',' or ']'", self.position)

    def enter(self, name: str, bracket: str) -> None:
        if len(self.open) > limits.MAX_PROTOTXT_DEPTH:
            self.refuse(self.position, f"messages nested deeper than {limits.MAX_PROTOTXT_DEPTH}")
        self.open.append(_Open(_plain(name), bracket, self.line))

    def leave(self, end: str, position: int) -> None:
        inner = self.open[-1]
        if inner.bracket + end not in ("{}", "<>"):
            opened = f": '{inner.name} {inner.bracket}' was opened at line {inner.line}" if inner.name else ""
            self.refuse(position, f"'{end}' closes nothing{opened}")
        self.open.pop()
        self.open[-1].add(inner.name, inner.close(), inner.line)

    def value(self, scalar: str, position: int) -> Value:
        try:
            return _value(scalar) if len(scalar) < LONG else _value.__wrapped__(scalar)
        except ValueError as problem:
            self.refuse(position, str(problem))

    def count(self, position: int) -> None:
        self.line += self.text.count("\n", self.counted, position)
        self.counted = position

    def refuse(self, position: int, reason: str) -> NoReturn:
        raise ModelError(self.path, str(1 + self.text.count("\n", 0, position)), reason)

    def explain(self, expectation: str, place: int) -> NoReturn:
        """Refuse what stands at the current position, in the words that help most: else `expectation`, at `place`."""
        text, position, inner = self.text, self.position, self.open[-1]
        found = text[position : position + 1]
        if _TEMPLATE.match(text, position) or _TEMPLATE.match(text, max(position - 1, 0)):
            self.refuse(position, "looks like a template: fill in its placeholders first")
        if found in ('"', "'") and not _STRING.match(text, position):
            rest = text[position : position + LONG].partition("\n")[0]
            wrong = next((_foreign(character) for character in rest if _is_quotation_mark(character)), "")
            self.refuse(position, "string without an end" + (wrong and f": {wrong}"))
        if found > "~":
            self.refuse(position, _foreign(found))
        if (swallowed := self.swallowed()) is not None:
            raise swallowed
        if expectation:
            self.refuse(place, expectation)
        if found in (":", "{", "<") and inner.fields and isinstance(inner.fields[-1][1], str):
            # `pad:` and then `stride: 1` reads as the value "stride" and a stray colon
            raise ModelError(self.path, str(inner.lines[-1]), f"'{inner.fields[-1][0]}' has no value")
        self.refuse(position, f"a field's name expected, not {found!r}")

    def swallowed(self) -> ModelError | None:
        """What to say where the last string ran on, because a mark that only looks like one stands at its end."""
        inner = self.open[-1]
        value = inner.fields[-1][1] if inner.fields else None
        wrong = next((each for each in value if _is_quotation_mark(each)), "") if isinstance(value, str) else ""
        return ModelError(self.path, str(inner.lines[-1]), _foreign(wrong)) if wrong else None


def _plain(name: str) -> str:
    """A field's name; an extension's without the blanks that its brackets may hold."""
    return name if name[0] != "[" else "".join(name.split())


@lru_cache(maxsize=4096)
def _value(scalar: str) -> bool | int | float | str:
    """The value of a scalar as it is written. Raises ValueError saying what is wrong with it."""
    if scalar[0] in "\"'":
        text = io.StringIO()  # adjacent strings may be millions: they are never held apart
        for quoted in _STRING.finditer(scalar):
            text.write(_unescape(quoted[1][1:-1]))
        return text.getvalue()
    word = "".join(scalar.split()) if scalar[0] == "-" else scalar
    if word in _NAMED:
        return _NAMED[word]
    if _IDENTIFIER.fullmatch(word):
        return word
    if _INTEGER.fullmatch(word):
        if len(word) > limits.MAX_DIGITS:
            raise ValueError(f"an integer of {len(word):,} digits cannot be meant")
        digits = word.lstrip("-")
        octal = digits[0] == "0" and digits.isdigit()
        number = int(digits, 8) if octal else int(digits, 0)
        return -number if word[0] == "-" else number
    if decimal := _FLOAT.fullmatch(word):
        return float(decimal[1])
    raise ValueError(f"'{word[:40]}' is neither a number nor a name")


def _foreign(character: str) -> str:
    """What is wrong with a character that may only stand in a string or a comment, and mostly comes from a web page."""
    import unicodedata

    name = f"U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip()
    if unicodedata.category(character) in ("Zs", "Zl", "Zp", "Cf", "Cc"):
        return f"the invisible character {name} stands here; write a plain blank"
    if _is_quotation_mark(character):
        return f'{character!r} ({name}) is no quotation mark in a prototxt; write "'
    return f"{character!r} ({name}) stands outside a string"


def invisible(text: str) -> str:
    """What is wrong with a text that holds a character which cannot be seen; "" where it holds none."""
    import unicodedata

    kinds = ("Zs", "Zl", "Zp", "Cf", "Cc")
    return next((_foreign(each) for each in text if each != " " and unicodedata.category(each) in kinds), "")


def _is_quotation_mark(character: str) -> bool:
    """Whether it looks like one and is none of the two that the format knows."""
    return (
        character in "\u00ab\u00bb\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2032\u2033\u2039\u203a\uff02\uff07"
    )


def _unescape(body: str) -> str:
    """A quoted string's contents. Escapes stand for bytes, which together should be UTF-8."""
    if "\\" not in body:
        return body

    def character(escape: re.Match[bytes]) -> bytes:
        hexadecimal, octal, *points, letter = escape.groups()
        if hexadecimal or octal:
            return bytes([int(hexadecimal, 16) if hexadecimal else int(octal, 8) & 0xFF])
        if letter:
            if letter[0] not in _ESCAPED:
                raise ValueError(f"unknown escape \\{letter.decode('latin-1')} in a string")
            return bytes([_ESCAPED[letter[0]]])
        point = int(points[0] or points[1], 16)
        if point > 0x10FFFF:
            raise ValueError(f"no character has the number {point:#x}")
        return chr(point).encode("utf-8", "replace")

    return _ESCAPE.sub(character, body.encode("utf-8")).decode("utf-8", "backslashreplace")
