"""Caches that a model hands on, and what experts are at work: what language models cost a token."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import graphcost
from graphcost import Analysis, Target, cli
from graphcost.passes import caches
from graphcost.sections import memory
from harness import parsed, run, run_weighted

DECODER = """g (float16[batch, sequence, 16] x, float16[batch, 2, past, 8] past_key, float16[batch, 2, past, 8] past_value)
    => (float16[batch, 2, total, 8] key, float16[batch, 2, total, 8] value, float16[batch, 2, sequence, 8] y) {
    s = Constant<value = int64[4] {0, -1, 2, 8}>()
    h = Reshape(x, s)
    k = Transpose<perm = [0, 2, 1, 3]>(h)
    key = Concat<axis = 2>(past_key, k)
    value = Concat<axis = 2>(past_value, k)
    t = Transpose<perm = [0, 1, 3, 2]>(key)
    scores = MatMul(k, t)
    shares = Softmax<axis = -1>(scores)
    y = MatMul(shares, value)
}"""
"""One layer of two heads of 8 in float16: 2 x 2 x 8 x 2 bytes a token."""
EACH = 2 * 2 * 8 * 2


def decoder(**dims: int) -> Analysis:
    return run(DECODER, dims=dims)


def test_a_cache_is_an_input_that_an_output_continues() -> None:
    found = decoder().caches
    assert [(cache.input, cache.output, cache.axis) for cache in found] == [
        ("past_key", "key", 2),
        ("past_value", "value", 2),
    ]
    assert str(caches.bytes_per_token(found)) == f"{EACH}*batch"
    assert str(caches.nbytes(found)) == f"{EACH}*batch*past + {EACH}*batch*sequence"
    assert str(found[0].added) == "sequence"


@pytest.mark.parametrize("past", [0, 7])
def test_numbers_for_sizes_leave_the_cache_what_it_is(past: int) -> None:
    found = decoder(past=past, sequence=1, batch=3).caches
    assert (caches.bytes_per_token(found), caches.nbytes(found)) == (3 * EACH, 3 * EACH * (past + 1))


@pytest.mark.parametrize(
    "graph",
    [
        "g (float[N, 3, 8, 8] x) => (float[N, 4, 8, 8] y) { w = Constant<value = float[1, 1, 8, 8] {0}>() y = Concat<axis = 1>(x, x) }",
        "g (float[N, past] x) => (float[N, past] y) { y = Relu(x) }",
        "g (float[1, past, 8] x, float[1, new, 8] n) => (float[1, total, 8] y) { c = Concat<axis = 1>(x, n) z = Relu(c) y = Neg(z) }",
    ],
)
def test_what_only_looks_alike_is_no_cache(graph: str) -> None:
    """Channels of a fixed number that are joined, what does not grow, what is made of the longer tensor."""
    graph = graph.replace("w = Constant<value = float[1, 1, 8, 8] {0}>() ", "")
    assert run(graph).caches == []


def test_the_headline_says_what_a_token_takes_and_what_all_take() -> None:
    assert decoder().report().summary[-1] == f"KV cache {EACH} B a token in float16"
    assert (
        decoder(past=31, sequence=1).report().summary[-1]
        == f"KV cache {EACH} B a token in float16, 2.0 KiB at 32 tokens"
    )


def test_memory_has_the_cache_apart_from_other_activations() -> None:
    analysis = decoder(past=31, sequence=1)
    rows = {row[0]: row[1:] for table in memory.tables(analysis) for row in table.rows}
    assert rows["KV cache, between runs"] == ("2.0 KiB", "64 B a token")
    peak = analysis.memory.peak
    assert peak is not None
    held = {"past_key", "past_value", "key", "value"}
    rest = sum(b.nbytes for b in analysis.memory.alive(peak.step) if not held & set(b.tensors))
    assert memory.data(analysis)["peak_without_caches"] == rest < peak.nbytes
    assert memory.data(decoder(past=31, sequence=1, batch=1))["cache_bytes"] == 32 * EACH


def test_json_has_the_cache_of_each_layer() -> None:
    data = decoder().to_dict()["kv_cache"]
    assert data["bytes_per_token"] == f"{EACH}*batch" and data["tokens"] == "past + sequence"
    assert [each["output"] for each in data["layers"]] == ["key", "value"]
    assert "kv_cache" not in run("g (float[N, 4] x) => (float[N, 4] y) { y = Relu(x) }").to_dict()


def test_prefill_and_decode_stand_side_by_side_with_the_most_tokens_a_second(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from onnx import parser, save

    from harness import onnx_text

    save(parser.parse_model(onnx_text(DECODER)), tmp_path / "net.onnx")
    scenarios = ["--scenario", "prefill:sequence=16,past=0", "--scenario", "decode:sequence=1,past=15"]
    arguments = [str(tmp_path / "net.onnx"), *scenarios, "--device", "raspberry-pi-5"]
    assert cli.main([*arguments, "--format", "json"]) == 0
    prefill, decode = json.loads(capsys.readouterr().out)["scenarios"]
    assert (prefill["new_tokens"], decode["new_tokens"]) == (16, 1)
    assert prefill["kv_cache_bytes"] == decode["kv_cache_bytes"] == 16 * EACH
    exact = graphcost.analyze(
        parsed(DECODER), dims={"sequence": 1, "past": 15}, target=Target(device="raspberry-pi-5")
    ).assumed
    assert exact.roofline is not None and decode["totals"]["time_bound"] == exact.roofline.seconds
    assert decode["tokens_per_second"] == 1 / exact.roofline.seconds
    assert cli.main(arguments) == 0
    assert "tokens_per_second" in capsys.readouterr().out


@pytest.mark.parametrize(("past", "total", "kept"), [("past", "total", 4 + 1), ("room", "room", 4)])
def test_attention_hands_on_keys_and_values_each_once_and_in_place_where_the_file_says_so(
    past: str, total: str, kept: int
) -> None:
    """Two heads of 8 in float16 for keys, and as many for values."""
    graph = f"""g (float16[1, new, 32] q, float16[1, new, 16] k, float16[1, new, 16] v, float16[1, 2, {past}, 8] pk,
        float16[1, 2, {past}, 8] pv, int32[1] lens, int32 length)
        => (float16[1, new, 32] y, float16[1, 2, {total}, 8] key, float16[1, 2, {total}, 8] value) {{
        y, key, value = com.microsoft.GroupQueryAttention<num_heads = 4, kv_num_heads = 2>(q, k, v, pk, pv, lens, length)
    }}"""
    found = run(graph, dims={past: 4, "new": 1}).caches
    assert [(cache.input, cache.output) for cache in found] == [("pk", "key"), ("pv", "value")]
    assert caches.nbytes(found) == 2 * 2 * 8 * 2 * kept and found[0].tokens == kept
    assert caches.bytes_per_token(found) == EACH and found[0].in_place == (past == total)


MOE = """g (float[4, 8] x, float[4, 6] r, float[6, 16, 8] w1, float[6, 8, 16] w2, float[8, 8] w3) => (float[4, 8] y) {
    e = com.microsoft.MoE<k = 2>(x, r, w1, , w2)
    y = MatMul(e, w3)
}"""


def test_of_a_mixture_of_experts_the_chosen_ones_are_active_on_a_token() -> None:
    """Two of six experts of 2 x 16 x 8 weights, and a matrix of 8 x 8."""
    analysis = run_weighted(MOE)
    assert analysis.parameters.total == 6 * 256 + 64
    assert analysis.active_parameters == analysis.to_dict()["active_params"] == 2 * 256 + 64
    assert any("1,600 parameters" in part and ", 576 active per token" in part for part in analysis.report().summary)


def test_without_experts_all_parameters_are_active() -> None:
    analysis = run_weighted("g (float[2, 8] x, float[8, 5] wa) => (float[2, 5] y) { y = MatMul(x, wa) }")
    assert analysis.active_parameters == 40 and "active_params" not in analysis.to_dict()
