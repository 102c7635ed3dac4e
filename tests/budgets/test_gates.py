"""Verdicts: pass, fail and undecided, for known figures, lower bounds and open sizes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from graphcost import Analysis, Target
from graphcost.budgets import baseline
from graphcost.budgets.config import Budget, with_limits
from graphcost.budgets.gates import Gate, check
from graphcost.compare.snapshot import of_analysis
from harness import HEAD, conv, layer, run

CONV = HEAD + conv("a")
"""4 outputs x 27 taps at 6 x 6 positions: 3,888 MACs."""
MACS = 4 * 27 * 36


def decide(analysis: Analysis, *most: str, **options: Any) -> Gate:
    (gate,) = check(analysis, with_limits(Budget(**options), most, []))
    return gate


def grown(old: Analysis, new: Analysis, limit: str, **options: Any) -> Gate:
    kept = baseline.Baseline("costs.json", [of_analysis(old)])
    (gate,) = check(new, with_limits(Budget(**options), [], [limit]), kept)
    return gate


# --- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "verdict"), [(MACS, "pass"), (MACS + 1, "pass"), (MACS - 1, "fail")])
def test_a_known_figure_passes_up_to_its_limit(limit: int, verdict: str, net: Any) -> None:
    gate = decide(net(CONV), f"macs={limit}")
    assert (gate.verdict, gate.exact_value, gate.exact_limit) == (verdict, MACS, limit)


def test_a_failure_says_by_how_much_and_which_layers_explain_it(net: Any) -> None:
    """The second convolution has 4 x 36 taps at 4 x 4 positions."""
    gate = decide(net(CONV + conv("b", "a")), "macs=1k")
    assert gate.verdict == "fail" and gate.why == "over by 5.2 k"
    assert gate.layers == (("a", "3.9 k"), ("b", "2.3 k"))


def test_a_lower_bound_above_the_limit_fails_and_one_below_is_undecided(net: Any) -> None:
    analysis = net(CONV + layer("w", "Warp9", "a"))
    assert decide(analysis, "macs=1k").verdict == "fail"
    gate = decide(analysis, "macs=1M")
    assert gate.verdict == "undecided" and "Warp9" in gate.why and gate.value.startswith(">= ")
    assert decide(analysis, "macs=1M", allow_incomplete=True).verdict == "pass"
    assert decide(analysis, "macs=1k", allow_incomplete=True).verdict == "fail"


def test_a_figure_that_is_not_known_is_undecided(net: Any) -> None:
    gate = decide(net(CONV + layer("w", "Warp9", "a")), "peak=1G")
    assert (gate.verdict, gate.value) == ("undecided", "?") and "Warp9" in gate.why


def test_an_open_size_is_undecided_and_says_which_dimension_is_missing(net: Any) -> None:
    analysis = net(CONV, shapes={"data": (1, 3, "H", 8)})
    gate = decide(analysis, "macs=1G")
    assert gate.verdict == "undecided" and "--dim H=..." in gate.why
    assert decide(analysis, "peak=1G").why == gate.why
    assert decide(analysis, "params=1k").verdict == "pass"


def test_a_batch_that_nobody_sized_is_open_too_and_fails_where_one_is_too_many(net: Any) -> None:
    analysis = net(CONV, shapes={"data": ("N", 3, 8, 8)})
    assert decide(analysis, "macs=1M").verdict == decide(analysis, "peak=1G").verdict == "undecided"
    assert "--dim N=1" in decide(analysis, "peak=1G").why
    assert decide(analysis, "macs=1k").verdict == decide(analysis, "peak=1").verdict == "fail"


def test_bounds_of_a_formula_decide_where_they_can() -> None:
    """Of N numbers at most 10 are cut off: 10 x 4 multiply-accumulates at most, whatever N is."""
    analysis = run("g (float[N, 4] x) => (float[M, 1] y) { s = Constant<value = int64[1] {0}>() e = Constant<value = int64[1] {10}>() c = Slice(x, s, e, s) w = Constant<value = float[4, 1] {1, 1, 1, 1}>() y = MatMul(c, w) }")  # fmt: skip
    assert str(analysis.total("macs")) == "4*min(10, N)"
    assert decide(analysis, "macs=40").verdict == "pass"
    assert decide(analysis, "macs=39").verdict == "undecided"


def test_complete_fails_and_names_what_is_not_counted(net: Any) -> None:
    (gate,) = check(net(CONV + layer("w", "Warp9", "a")), Budget(complete=True))
    assert gate.verdict == "fail" and gate.layers == (("w", "Warp9"),)
    assert check(net(CONV), Budget(complete=True))[0].verdict == "pass"


# --- fit --------------------------------------------------------------------------------------------------------------


def test_what_has_to_fit_a_device_passes_fails_or_is_undecided(net: Any) -> None:
    device = Target(device="cortex-m7")

    def fits(text: str, **options: Any) -> list[str]:
        return [gate.verdict for gate in check(net(text, target=device, **options), Budget(require_fit=True))]

    assert fits(CONV) == ["pass", "pass"]
    assert fits(HEAD + conv("a", outputs=50_000)) == ["fail", "fail"]
    assert fits(CONV + layer("w", "Warp9", "a")) == ["undecided", "undecided"]
    assert fits(CONV, shapes={"data": ("N", 3, 8, 8)}) == ["pass", "undecided"]


def test_fit_without_a_memory_is_undecided(net: Any) -> None:
    (gate,) = check(net(CONV), Budget(require_fit=True))
    assert gate.verdict == "undecided" and "--device" in gate.why


# --- growth -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "verdict"), [("macs=100%", "pass"), ("macs=99.9%", "fail"), ("macs=0", "fail")])
def test_growth_is_from_the_baseline_in_per_cent(limit: str, verdict: str, net: Any) -> None:
    gate = grown(net(CONV), net(HEAD + conv("a", outputs=8)), limit)
    assert (gate.verdict, gate.value) == (verdict, "+100.0%")
    assert gate.layers == ((("a", "+3.9 k"),) if verdict == "fail" else ())


def test_what_shrinks_or_stays_passes(net: Any) -> None:
    assert grown(net(HEAD + conv("a", outputs=8)), net(CONV), "macs=0%").verdict == "pass"
    assert grown(net(CONV), net(CONV), "params=0%").value == "0%"


def test_something_from_nothing_is_more_than_any_share(net: Any) -> None:
    assert grown(net(HEAD + layer("r", "ReLU")), net(CONV), "macs=1000%").verdict == "fail"


def test_formulas_that_are_the_same_have_not_grown_and_of_others_bounds_decide(net: Any) -> None:
    open_ = {"shapes": {"data": ("N", 3, "H", 8)}}
    once, twice = net(CONV, **open_), net(HEAD + conv("a", outputs=8), **open_)
    assert grown(once, once, "macs=0%").verdict == "pass"
    undecided = grown(net(CONV, shapes={"data": (1, 3, 8, 8)}), once, "macs=10%")
    assert undecided.verdict == "undecided" and "--dim N=... --dim H=..." in undecided.why.replace("N=1", "N=...")
    assert grown(once, twice, "macs=100%").verdict == "pass"


def test_lower_bounds_on_either_side_are_undecided(net: Any) -> None:
    unknown = net(CONV + layer("w", "Warp9", "a"))
    assert grown(unknown, unknown, "macs=5%").verdict == "undecided"
    assert grown(unknown, unknown, "macs=5%", allow_incomplete=True).verdict == "pass"


def test_a_model_that_the_baseline_does_not_have_is_undecided(net: Any) -> None:
    analysis = net(CONV)
    (gate,) = check(analysis, with_limits(Budget(), [], ["macs=5%"]), baseline.Baseline("costs.json", []))
    assert (gate.verdict, gate.why) == ("undecided", "not in costs.json")


def test_a_baseline_is_read_as_it_is_written(tmp_path: Any, net: Any) -> None:
    analysis = net(CONV, shapes={"data": ("N", 3, 8, 8)})
    path = tmp_path / "costs.json"
    path.write_text(baseline.text([of_analysis(analysis)]))
    assert json.loads(path.read_text())["models"][0]["totals"]["macs"] == f"{MACS}*N"
    kept = baseline.read(str(path))
    (gate,) = check(analysis, with_limits(Budget(), [], ["macs=0%"]), kept)
    assert gate.verdict == "pass"
