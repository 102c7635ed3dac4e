"""Columns: what defines an operator, keys as people write them, and one unit for all numbers of a column."""

from __future__ import annotations

from typing import Any

import pytest

import graphcost
from graphcost import Report
from graphcost.columns import find
from graphcost.notation import Notation
from harness import HEAD, conv, image, layer, run_weighted

NET = (
    image(1, 4, 9, 9)
    + conv("c", fields="kernel_h: 3 kernel_w: 1 stride: 2 pad_h: 1 pad_w: 0 group: 2", outputs=6)
    + layer("d", "Deconvolution", "c", "convolution_param { num_output: 3 kernel_size: 4 stride: 2 pad: 1 }")
    + layer("p", "Pooling", "d", "pooling_param { kernel_size: 2 stride: 2 }")
    + layer("f", "InnerProduct", "p", "inner_product_param { num_output: 5 }")
    + layer("r", "ReLU", "f")
)
DEFINING = ["name", "kernel", "stride", "pad", "dilation", "groups", "in_channels", "out_channels", "weights_dtype"]


def cells(analysis: graphcost.Analysis, *columns: str, **options: Any) -> list[tuple[str, ...]]:
    return list(analysis.report(columns=columns, **options).table.rows)


def test_columns_say_what_defines_an_operator(net: Any) -> None:
    assert cells(net(NET), *DEFINING) == [
        ("c", "3x1", "2", "1x0", "1", "2", "4", "6", "float32"),
        ("d", "4x4", "2", "1", "1", "1", "6", "3", "float32"),
        ("p", "2x2", "2", "0", "1", "", "3", "3", ""),
        ("f", "", "", "", "", "", str(3 * 5 * 5), "5", "float32"),
        ("r", "", "", "", "", "", "", "", ""),
    ]


def test_weights_that_are_quantised_show_their_own_type_and_that_of_their_scales() -> None:
    text = (
        "g (float[1,8] x, int8[8,4] w_q, float[4] w_scale) => (y)"
        " { w1 = DequantizeLinear<axis=1>(w_q, w_scale) y = MatMul(x, w1) }"
    )
    assert cells(run_weighted(text), "weights_dtype") == [("int8, float32",)]


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("MACs", "macs"), ("Layer", "name"), ("rf stride", "rf_stride"), ("Param Bytes", "param_bytes"), ("OPS/BYTE", "intensity"),
        ("all params", "params"), (" output ", "output"), ("GMACs", "gmacs"), ("flops", "flops"), ("MFLOPs", "mflops"),
    ],
)  # fmt: skip
def test_a_column_answers_to_its_key_and_its_title_in_any_case(written: str, key: str) -> None:
    assert find(written).key == key


def test_flops_are_operations_and_a_prefix_is_a_unit(net: Any) -> None:
    analysis = net(HEAD + conv("c"))
    macs = 4 * 6 * 6 * 3 * 3 * 3
    ops = 2 * macs + 4 * 6 * 6
    report = analysis.report(columns=["kmacs", "flops", "gflops"])
    assert report.table.titles == ("kMACs", "FLOPs", "GFLOPs")
    assert report.render("csv").splitlines() == ["kmacs,flops,gflops", f"{macs / 1e3},{ops},{ops / 1e9}"]
    with pytest.raises(graphcost.ModelError, match="no column 'xflops'"):
        find("xflops")


def test_a_formula_in_a_fixed_unit_says_what_it_is_divided_by(net: Any) -> None:
    analysis = net(HEAD + layer("r", "ReLU"), shapes={"data": ("N", 3, "H", 8)})
    assert cells(analysis, "mflops") == [("(24·H)/1e+06",)]


def lines(report: Report) -> list[tuple[str, ...]]:
    """The head, the rows and the totals of the table of layers where people read."""
    table = report.tables[0]
    return [table.titles, *table.rows, table.total]


def test_a_column_has_one_unit_and_three_significant_digits(net: Any) -> None:
    """conv: 3 * 9 * 4 * 36 = 3,888 MACs; fc: 144 * 2 = 288."""
    fc = layer("f", "InnerProduct", "c", "inner_product_param { num_output: 2 }")
    analysis = net(HEAD + conv("c") + fc)
    columns = ["name", "learned_params", "macs", "activation"]
    assert lines(analysis.report(columns=columns)) == [
        ("layer", "params", "kMACs", "activation (B)"),
        ("c", "112", "3.89", "576"),
        ("f", "290", "0.288", "8"),
        ("total", "402", "4.18", "584"),
    ]
    assert lines(analysis.report(columns=columns, notation=Notation(unit="M")))[0] == (
        "layer", "params (M)", "MMACs", "activation (MiB)",
    )  # fmt: skip
    assert lines(analysis.report(columns=["macs"], notation=Notation(precision=2)))[1:] == [
        ("3.9",),
        ("0.29",),
        ("4.2",),
    ]
    assert lines(analysis.report(columns=["macs"], notation=Notation(exact=True)))[1:] == [
        ("3,888",),
        ("288",),
        ("4,176",),
    ]


def test_numbers_that_are_close_print_apart() -> None:
    assert Notation().of_column("short", "MACs", [1_955_000_000, 1_983_000_000]).write(1_955_000_000) == "1.96"
    column = Notation(precision=4).of_column("short", "MACs", [2e9])
    assert (column.write(1_955_000_000), column.write(1_983_000_000)) == ("1.955", "1.983")


def test_formulas_have_no_unit_in_common(net: Any) -> None:
    analysis = net(HEAD + layer("r", "ReLU"), shapes={"data": ("N", 3, "H", 8)})
    assert lines(analysis.report(columns=["ops"]))[:2] == [("ops",), ("24·H",)]


@pytest.mark.parametrize("wrong", [Notation(unit="Q"), Notation(precision=0), Notation(unit="M", exact=True)])
def test_a_notation_that_cannot_be_is_refused(wrong: Notation, net: Any) -> None:
    with pytest.raises(graphcost.ModelError, match=r"no unit 'Q'|0 digits|leave out --unit"):
        net(HEAD + conv("c")).report(notation=wrong)


def test_nothing_has_a_share_of_a_lower_bound(net: Any) -> None:
    analysis = net(HEAD + conv("c") + layer("m", "Mystery", "c"))
    assert cells(analysis, "name", "share") == [("c", ""), ("m", "")]
