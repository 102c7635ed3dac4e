"""Convolution and pooling: the shapes and the work that each states. Numbers show their factors."""

from __future__ import annotations

import pytest

from graphcost import Work
from graphcost.dims import Undecided
from harness import (
    IMAGE,
    MS,
    Question,
    Refused,
    Stated,
    assert_refused,
    assert_states,
    assert_unknown,
    each,
    facts_of,
    ints,
    t,
)

CASES: list[Stated] = [
    ("Conv", (IMAGE, t(6, 2, 3, 3), t(6)), {"group": 2, "pads": (1, 1, 1, 1)}, [(1, 6, 8, 8)],
     Work(macs=(6 * 8 * 8) * (2 * 3 * 3), adds=6 * 8 * 8)),
    ("Conv", (t(1, 4, 9), t(6, 4, 3)), {"strides": (2,), "dilations": (2,)}, [(1, 6, 3)], Work(macs=(6 * 3) * (4 * 3))),
    ("Conv", (t(1, 4, 7, 7), t(6, 4, 3, 3)), {"auto_pad": "SAME_UPPER", "strides": (2, 2)}, [(1, 6, 4, 4)], None),
    ("Conv", (t(1, 4, 7, 7), t(6, 4, 3, 3)), {"auto_pad": "SAME_LOWER", "dilations": (2, 2)}, [(1, 6, 7, 7)], None),
    ("Conv", (t(1, 4, 7, 7), t(6, 4, 3, 3)), {"auto_pad": "VALID"}, [(1, 6, 5, 5)], None),
    ("CausalConvWithState", (t(2, 4, 9), t(4, 1, 3), t(4)), {"activation": "silu"}, [(2, 4, 9), (2, 4, 2)],
     Work(macs=72 * 3, muls=72, adds=72 * 2, divs=72, exps=72)),
    ("ConvTranspose", (IMAGE, t(4, 3, 2, 2), t(6)), {"group": 2, "strides": (2, 2)}, [(1, 6, 16, 16)],
     Work(macs=(4 * 8 * 8) * (3 * 2 * 2), adds=6 * 16 * 16)),
    ("ConvTranspose", (IMAGE, t(4, 3, 3, 3)), {"strides": (2, 2), "output_shape": (16, 16)}, [(1, 3, 16, 16)], None),
    ("ConvTranspose", (IMAGE, t(4, 3, 3, 3)), {"strides": (2, 2), "auto_pad": "SAME_UPPER"}, [(1, 3, 16, 16)], None),
    ("ConvTranspose", (IMAGE, t(4, 3, 3, 3)), {"strides": (2, 2), "output_padding": (1, 1), "pads": (1, 1, 1, 1)}, [(1, 3, 16, 16)], None),
    ("MaxPool", (IMAGE,), {"kernel_shape": (3, 3), "strides": (2, 2), "outputs": 2}, [(1, 4, 3, 3)] * 2, Work(compares=(4 * 3 * 3) * 8)),
    ("MaxPool", (IMAGE,), {"kernel_shape": (3, 3), "strides": (2, 2), "ceil_mode": 1}, [(1, 4, 4, 4)], None),
    # the fifth window would start in the padding behind
    ("AveragePool", (t(1, 1, 8, 8),), {"kernel_shape": (2, 2), "strides": (2, 2), "pads": (1, 1, 1, 1), "ceil_mode": 1}, [(1, 1, 5, 5)], None),
    ("AveragePool", (IMAGE,), {"kernel_shape": (2, 2)}, [(1, 4, 7, 7)], Work(adds=(4 * 7 * 7) * 3, divs=4 * 7 * 7)),
    ("LpPool", (IMAGE,), {"kernel_shape": (2, 2)}, [(1, 4, 7, 7)], Work(adds=(4 * 7 * 7) * 3, exps=(4 * 7 * 7) * 5)),
    ("GlobalMaxPool", (IMAGE,), {}, [(1, 4, 1, 1)], Work(compares=4 * 63)),
    ("GlobalAveragePool", (IMAGE,), {}, [(1, 4, 1, 1)], Work(adds=4 * 63, divs=4)),
    ("GlobalLpPool", (IMAGE,), {}, [(1, 4, 1, 1)], Work(adds=4 * 63, exps=4 * 65)),
    ("MaxUnpool", (IMAGE, IMAGE), {"kernel_shape": (2, 2), "strides": (2, 2)}, [(1, 4, 16, 16)], Work()),
    ("MaxUnpool", (IMAGE, IMAGE, ints(1, 4, 17, 17)), {"kernel_shape": (2, 2)}, [(1, 4, 17, 17)], Work()),
    ("Col2Im", (t(1, 5, 5), ints(5, 5), ints(1, 5)), {}, [(1, 1, 5, 5)], Work(adds=25)),
    ("DeformConv", (IMAGE, t(6, 4, 3, 3), t(1, 18, 6, 6)), {}, [(1, 6, 6, 6)],
     Work(macs=(6 * 36) * 36, muls=(4 * 36 * 9) * 4, adds=(4 * 36 * 9) * 3 + 18 * 36)),
    # a kernel below its stride has nothing to cut off: 2 (6 - 1) + 1
    ("ConvTranspose", (t(1, 4, 6), t(4, 3, 1)), {"auto_pad": "SAME_UPPER", "strides": (2,)}, [(1, 3, 11)], Work(macs=24 * 3)),
    (MS + "FusedConv", (IMAGE, t(6, 4, 3, 3)), {"activation": "Relu"}, [(1, 6, 6, 6)], Work(macs=(6 * 36) * 36, compares=6 * 36)),
    (MS + "nchwc.Conv", (IMAGE, t(16, 4, 3, 3), t(16)), {"pads": (1, 1, 1, 1), "activation": "Clip"}, [(1, 16, 8, 8)],
     Work(macs=(16 * 8 * 8) * (4 * 3 * 3), adds=16 * 8 * 8, compares=2 * 16 * 8 * 8)),
    (MS + "nchwc.MaxPool", (t(1, 16, 8, 8),), {"kernel_shape": (2, 2), "strides": (2, 2)}, [(1, 16, 4, 4)], None),
    (MS + "nchwc.GlobalAveragePool", (t(1, 16, 8, 8),), {}, [(1, 16, 1, 1)], None),
]  # fmt: skip


@each(CASES)
def test_an_operator_states_its_outputs_and_work(case: Stated) -> None:
    assert_states(case)


UNKNOWN: list[Question] = [
    ("Col2Im", (t(1, 5, 5), t(2), ints(1, 5)), {}),
]  # fmt: skip


@each(UNKNOWN)
def test_a_shape_that_stands_in_unknown_contents_is_unknown(case: Question) -> None:
    assert_unknown(case)


REFUSED: list[Refused] = [
    ("CausalConvWithState", (t(1, 4, 9), t(4, 1, 3)), {"activation": "tanh"}, "no activation 'tanh'"),
    ("Conv", (IMAGE, t(6, 3, 3, 3)), {}, "4 channels come in, the filters take 3"),
    ("Conv", (IMAGE, t(5, 2, 3, 3)), {"group": 2}, "5 filters cannot be split into 2"),
    ("Conv", (IMAGE, t(6, 4, 3, 3)), {"pads": (1, 1)}, "2 pads"),
    ("Conv", (IMAGE, t(6, 4, 3, 3)), {"group": 0}, "group 0"),
    ("ConvTranspose", (IMAGE, t(3, 3, 2, 2)), {}, "4 channels come in, the weight takes 3"),
    ("ConvTranspose", (IMAGE, t(4, 3, 2, 2)), {"pads": (9, 9, 9, 9)}, "nothing is left"),
]  # fmt: skip


@each(REFUSED)
def test_a_contradiction_is_refused_in_words(case: Refused) -> None:
    assert_refused(case)


@pytest.mark.parametrize("kind", ["MaxPool", "AveragePool", "LpPool"])
def test_what_a_pool_makes_of_an_input_below_its_window_is_not_known(kind: str) -> None:
    with pytest.raises(Undecided, match="a window of 5 does not fit an input of 4"):
        facts_of(kind, t(1, 1, 4), kernel_shape=(5,))


@pytest.mark.parametrize(
    ("auto_pad", "output", "cut"),
    [
        ("SAME_UPPER", 8, 0), ("SAME_LOWER", 8, 1), ("SAME_UPPER", 6, 1), ("SAME_LOWER", 6, 2),  # of (4 - 1) * 2 + 3 = 9
        ("SAME_UPPER", 10, 0), ("SAME_LOWER", 12, 0),  # nothing
    ],
)  # fmt: skip
def test_what_a_transposed_convolution_cuts_off_goes_half_before_and_half_behind(
    auto_pad: str, output: int, cut: int
) -> None:
    """The window looks back by the kernel less one, less what is cut off before the first output."""
    facts = facts_of("ConvTranspose", t(1, 1, 4), t(1, 1, 3), strides=(2,), output_shape=(output,), auto_pad=auto_pad)
    assert facts.outputs[0].shape == (1, 1, output)
    assert (facts.window.pad, facts.window.up) == ((3 - 1 - cut,), (2,))
