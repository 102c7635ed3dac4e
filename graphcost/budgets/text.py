"""The verdicts written: a line for each gate; Markdown for a comment; annotations of GitHub; JUnit; JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from .. import render
from ..data_text import json_text
from ..printable import printable
from ..table import Table, counted
from ..version import __version__
from .gates import Checked, Gate

FORMATS = ("text", "md", "github", "junit", "json")
WORDS = {"pass": "pass", "fail": "FAIL", "undecided": "UNDECIDED", "error": "ERROR"}
MARKS = {"pass": "✅", "fail": "❌", "undecided": "❔", "error": "❗"}


def write(checked: Sequence[Checked], format: str) -> str:
    """The verdicts on some models in one of FORMATS."""
    return _WRITERS[format](checked)


def verdict(checked: Sequence[Checked]) -> str:
    """The worst verdict of all models."""
    found = {each.verdict for each in checked}
    return next((each for each in ("error", "fail", "undecided") if each in found), "pass")


def _summary(checked: Sequence[Checked]) -> str:
    count = Counter[str](gate.verdict for each in checked for gate in each.gates)
    errors = sum(bool(each.error) for each in checked)
    parts = [f"{count['pass']} passed, {count['fail']} failed, {count['undecided']} undecided"]
    parts += [f"{errors} could not be read"] if errors else []
    return f"{counted(sum(count.values()), 'gate')} of {counted(len(checked), 'model')}: {', '.join(parts)}"


def _value(gate: Gate) -> str:
    return f"{gate.value} of {gate.limit}" if gate.limit else gate.value


def _reasons(gate: Gate) -> str:
    """Why, and the layers that explain it."""
    layers = ", ".join(f"{name} {figure}" for name, figure in gate.layers)
    return "; ".join(filter(None, (gate.why, f"layers: {layers}" if layers else "")))


def _text(checked: Sequence[Checked]) -> str:
    lines = []
    for each in checked:
        if each.error:
            lines.append(f"{WORDS['error']:<9}  {each.path}  {each.error}")
        for gate in each.gates:
            reasons = f"  ({_reasons(gate)})" if _reasons(gate) else ""
            lines.append(f"{WORDS[gate.verdict]:<9}  {each.path}  {gate.name}: {_value(gate)}{reasons}")
    return "\n".join([*map(printable, lines), _summary(checked)]) + "\n"


def _md(checked: Sequence[Checked]) -> str:
    rows = []
    for each in checked:
        if each.error:
            rows.append((f"{MARKS['error']} error", each.path, "", "", "", each.error))
        for gate in each.gates:
            mark = f"{MARKS[gate.verdict]} {gate.verdict}"
            rows.append((mark, each.path, gate.name, gate.value, gate.limit, _reasons(gate)))
    titles = ("verdict", "model", "gate", "value", "limit", "why")
    table = Table(titles, (False, False, False, True, True, False), rows)
    return render.document("md", f"graphcost: {verdict(checked)}", [_summary(checked)], [table] if rows else [])


def _github(checked: Sequence[Checked]) -> str:
    """Workflow commands: https://docs.github.com/actions/reference/workflow-commands-for-github-actions."""
    lines = []
    for each in checked:
        if each.error:
            lines.append(_annotation(each.path, "graphcost", each.error))
        for gate in each.gates:
            if not gate.passed:
                message = f"{gate.verdict}: {_value(gate)}" + (f" ({_reasons(gate)})" if _reasons(gate) else "")
                lines.append(_annotation(each.path, f"graphcost {gate.name}", message))
    return "\n".join([*lines, _summary(checked)]) + "\n"


def _annotation(path: str, title: str, message: str) -> str:
    file, title = (_property(printable(text)) for text in (path, title))
    return f"::error file={file},title={title}::{_data(printable(message))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _junit(checked: Sequence[Checked]) -> str:
    """Test reports as Jenkins and GitLab read them: a suite for each model, a case for each gate."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<testsuites name="graphcost">']
    for each in checked:
        failed = sum(not gate.passed for gate in each.gates)
        tests = len(each.gates) + bool(each.error)
        counts = f'tests="{tests}" failures="{failed}" errors="{int(bool(each.error))}"'
        lines.append(f"  <testsuite name={_attribute(each.path)} {counts}>")
        if each.error:
            lines += [_case(each.path, "read"), f"      <error message={_attribute(each.error)}/>", "    </testcase>"]
        for gate in each.gates:
            lines.append(_case(each.path, gate.name))
            if gate.passed:
                lines.append(f"      <system-out>{_content(_value(gate))}</system-out>")
            else:
                opening = f'<failure type="{gate.verdict}" message={_attribute(f"{gate.verdict}: {_value(gate)}")}>'
                lines.append(f"      {opening}{_content(_reasons(gate))}</failure>")
            lines.append("    </testcase>")
        lines.append("  </testsuite>")
    return "\n".join([*lines, "</testsuites>"]) + "\n"


def _case(path: str, name: str) -> str:
    return f"    <testcase classname={_attribute(path)} name={_attribute(name)}>"


def _attribute(text: str) -> str:
    return quoteattr(printable(text))


def _content(text: str) -> str:
    return escape(printable(text))


def _json(checked: Sequence[Checked]) -> str:
    return json_text(to_dict(checked))


def to_dict(checked: Sequence[Checked]) -> dict[str, Any]:
    """The JSON object: the verdict, and for each model its gates or why it could not be read."""
    return {
        "schema": 1,
        "generator": f"graphcost {__version__}",
        "verdict": verdict(checked),
        "models": [
            {
                "path": each.path,
                "verdict": each.verdict,
                "error": each.error or None,
                "gates": [_gate(gate) for gate in each.gates],
            }
            for each in checked
        ],
    }


def _gate(gate: Gate) -> dict[str, Any]:
    return {
        "gate": gate.name,
        "limit": gate.exact_limit,
        "value": gate.exact_value,
        "verdict": gate.verdict,
        "why": gate.why or None,
        "layers": [{"name": name, "value": figure} for name, figure in gate.layers],
    }


_WRITERS = {"text": _text, "md": _md, "github": _github, "junit": _junit, "json": _json}
