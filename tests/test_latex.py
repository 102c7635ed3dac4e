"""Tables for papers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import graphcost
from graphcost.latex import escaped
from graphcost.render import render
from graphcost.summary import Failure, Summary
from harness import HEAD, conv, layer


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("conv1_1/Relu", r"conv1\_1/Relu"),
        ("60.3%", r"60.3\%"),
        (">= 1.7", r"$\geq$ 1.7"),
        ("a&b#c$d{e}", r"a\&b\#c\$d\{e\}"),
        ("\\input{x}", r"\textbackslash{}input\{x\}"),
        ("416·H^2", r"416$\cdot$H\textasciicircum{}2"),
        ("two\nlines", "two lines"),
    ],
)
def test_text_stays_text(text: str, latex: str) -> None:
    assert escaped(text) == latex


def test_a_table_has_the_rules_of_booktabs_and_as_many_cells_as_columns(net: Any) -> None:
    text = net(HEAD + conv("a_b") + layer("r", "ReLU", "a_b")).report().render("latex")
    body = text[text.index("\\begin") : text.index("\\end")].splitlines()
    columns = re.fullmatch(r"\\begin\{tabular\}\{@\{\}([lr]+)@\{\}\}", body[0])
    assert columns is not None and columns[1] == "lllrrrrr"
    rules = [line for line in body if line.endswith("rule")]
    assert rules == ["\\toprule", "\\midrule", "\\midrule", "\\bottomrule"]
    rows = [line for line in body if line.endswith("\\\\")]
    assert [len(row.split(" & ")) for row in rows] == [8] * 4 and rows[1].startswith("a\\_b & Convolution 3x3")


def test_what_is_no_table_is_a_comment(net: Any, root: Path) -> None:
    lines = net(HEAD + layer("m", "Mystery")).report().render("latex").splitlines()
    outside = [*lines[: lines.index("\\toprule") - 1], *lines[lines.index("\\end{tabular}") + 1 :]]
    assert outside and all(line.startswith("% ") for line in outside)
    listing = graphcost.analyze(graphcost.load(root / "prototxt/vgg16.prototxt")).report(style="cs231n").render("latex")
    assert all(line.startswith("%") for line in listing.splitlines())


def test_several_models_are_a_table_too(net: Any, tmp_path: Path) -> None:
    report = net(HEAD + conv("c")).report()
    text = render(Summary([report, Failure("bad_net", "no")]), "latex")
    assert "bad\\_net & error: no" in text
    graphcost.analyze(report.analysis.model).save(tmp_path / "net.tex")
    assert "\\toprule" in (tmp_path / "net.tex").read_text()
