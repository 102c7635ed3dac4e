"""The searches of language models: the shapes that each states."""

from __future__ import annotations

from harness import MS, Question, Stated, assert_open, assert_states, each, number, run_weighted, t

CASES: list[Stated] = [
    # a search pads what it finds to the longest that is allowed: batch 2, of 4 beams the best 3, 10 tokens
    (MS + "BeamSearch", (t(2, 5), number(10), number(1), number(4), number(3)), {}, [(2, 3, 10), (2, 3)], None),
    (MS + "BeamSearch", (t(2, 80, 30), number(10)), {}, [(2, 1, 10), (2, 1)], None),
    (MS + "Sampling", (t(2, 5), number(10)), {}, [(2, 10)], None),
]  # fmt: skip


@each(CASES)
def test_an_operator_states_its_outputs_and_work(case: Stated) -> None:
    assert_states(case)


OPEN: list[Question] = [
    (MS + "BeamSearch", (t(2, 5), t(1)), {}),
    (MS + "GreedySearch", (t(2, 5), t(1)), {}),
]  # fmt: skip


@each(OPEN)
def test_an_extent_that_data_decides_is_left_open(case: Question) -> None:
    assert_open(case)


def test_a_decoder_is_counted_once_for_every_token_up_to_the_longest() -> None:
    """16 x 30 weights; 2 x 1 tokens of the sizes that the decoder declares, 20 times."""
    analysis = run_weighted("""
    g (int32[2, 4] ids, float[16, 30] w) => (int32[2, L] y) <int32[1] longest = {20}> {
        y = com.microsoft.GreedySearch <decoder = d (float[2, 1, 16] x) => (float[2, 1, 30] scores) {
            scores = MatMul(x, w)
        }> (ids, longest)
    }
    """)
    search, product = analysis.rows
    assert search.work is None and search.outputs[0].shape == (2, 20)
    assert search.why == "as if no sequence ended before the longest that is allowed"
    assert product.work is not None and product.work.macs == 20 * (2 * 1 * 30) * 16
    assert analysis.parameters.total == 16 * 30
