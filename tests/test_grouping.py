"""Rows in groups, and blocks that repeat folded into one row."""

from __future__ import annotations

from typing import Any

import pytest

import graphcost
from graphcost.cli import main
from harness import conv, image, layer


def block(at: int, bottom: str) -> str:
    fields = "kernel_size: 3 pad: 1"
    return conv(f"c{at}", bottom, fields) + layer(f"n{at}", "BatchNorm", f"c{at}") + layer(f"r{at}", "ReLU", f"n{at}")


def chain(blocks: int) -> str:
    """A stem, blocks that are alike, and a head; names tell nothing of blocks."""
    text = image(1, 3, 8, 8) + conv("stem", fields="kernel_size: 3 pad: 1")
    for at in range(blocks):
        text += block(at, f"r{at - 1}" if at else "stem")
    return text + layer("fc", "InnerProduct", f"r{blocks - 1}", "inner_product_param { num_output: 2 }")


def test_blocks_that_repeat_are_one_row_with_their_sums(net: Any) -> None:
    analysis = net(chain(12))
    rows = analysis.report(by="fold", columns=["name", "count", "learned_params", "macs"]).table.rows
    weights, macs = 4 * 4 * 9 + 4, 64 * 4 * 4 * 9
    assert rows == [
        ("stem", "1", "112", "6.9 k"),
        ("12 x {Convolution 3x3, BatchNorm, ReLU}", "36", f"{12 * weights:,}", f"{12 * macs / 1e3:.1f} k"),
        ("fc", "1", f"{64 * 4 * 2 + 2}", "512"),
    ]


def test_two_folds_of_one_kind_stay_apart(net: Any) -> None:
    pool = layer("p", "Pooling", "r1", "pooling_param { kernel_size: 2 stride: 2 }")
    text = image(1, 4, 8, 8) + block(0, "data") + block(1, "r0") + pool + block(2, "p") + block(3, "r2")
    names = [row[0] for row in net(text).report(by="fold").table.rows]
    assert names == ["2 x {Convolution 3x3, BatchNorm, ReLU}", "p", "2 x {Convolution 3x3, BatchNorm, ReLU}"]


def test_what_does_not_repeat_stays_as_it_is(net: Any) -> None:
    text = image(1, 4, 8, 8) + block(0, "data")
    assert [row[0] for row in net(text).report(by="fold").table.rows] == ["c0", "n0", "r0"]


def test_a_long_block_lists_its_first_layers(net: Any) -> None:
    text, bottom = image(1, 4, 8, 8), "data"
    for at in range(3):
        for kind in ("ReLU", "Sigmoid", "TanH", "AbsVal", "BNLL", "ELU", "Softmax"):
            text += layer(f"{kind}{at}", kind, bottom)
            bottom = f"{kind}{at}"
    assert net(text).report(by="fold").table.rows[0][0] == "3 x {ReLU, Sigmoid, TanH, AbsVal, BNLL, ELU, 1 more}"


def test_the_command_folds(root: Any, capsys: pytest.CaptureFixture[str]) -> None:
    sample = str(root / "prototxt/vgg16.prototxt")
    assert main([sample, "--fold"]) == 0
    assert "2 x {Convolution 3x3, ReLU}" in capsys.readouterr().out
    assert main([sample, "--fold", "--by", "op"]) == 2
    assert "--fold: is a grouping of its own" in capsys.readouterr().err


def test_folding_takes_time_in_proportion_to_the_layers(net: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks are looked for up to a length that falls with the number of layers."""
    from graphcost import grouping

    looked_for: list[int] = []
    original = grouping._repeats

    def repeats(kinds: Any, start: int, longest: int) -> tuple[int, int]:
        looked_for.append(longest)
        return original(kinds, start, longest)

    monkeypatch.setattr(grouping, "_repeats", repeats)
    monkeypatch.setattr(grouping, "FOLDED", 10)
    net(chain(12)).report(by="fold").table  # noqa: B018
    assert looked_for and max(looked_for) * 38 <= grouping.LONGEST_BLOCK * 10


def test_a_fold_keeps_what_is_not_known(net: Any) -> None:
    text = image(1, 4) + layer("a", "Mystery", "data") + layer("b", "Mystery", "a") + layer("c", "ReLU", "b")
    analysis: graphcost.Analysis = net(text)
    assert [row[0] for row in analysis.report(by="fold").table.rows] == ["a", "b", "c"]


def test_groups_are_named_whatever_columns_are_asked_for(root: Any) -> None:
    table = graphcost.Report(graphcost.analyze(root / "prototxt/det1.prototxt"), by="op", columns=["macs"]).table
    assert table.titles[0] == "layer" and table.rows[0][0] == "Convolution"
