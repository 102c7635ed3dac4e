"""What rules say of inputs that they cannot take: that is written for the reader of a model, never left to Python."""

from __future__ import annotations

import dis
import random
from typing import Any

from graphcost import Tensor, ops
from graphcost.rules import Rule
from harness import Refused, assert_refused, each, floats, t

RAISES = dis.opmap["RAISE_VARARGS"]


def attributes(draw: random.Random, rule: Rule) -> dict[str, Any]:
    """Those that a rule cannot do without, and some of the others, of the types that it names."""
    kinds, optional = rule.function.__annotations__, rule.function.__kwdefaults__ or {}
    made = {}
    for name in sorted(rule.keywords & kinds.keys()):
        kind = str(kinds[name])
        if name in optional and (draw.random() < 0.8 or name == "outputs"):
            continue
        one = draw.choice(("NCHW", "linear")) if "str" in kind else draw.choice((1, 2, 4))
        listed = "Sequence" in kind or "Axes" in kind or "tuple" in kind
        made[name] = (one,) * draw.randint(0, 5) if listed else one
    return made


def inputs(draw: random.Random, rule: Rule) -> list[Tensor]:
    """As many as it takes, of one rank or of any."""
    most = rule.min_inputs + 2
    number = draw.randint(rule.min_inputs, most if rule.max_inputs is None else min(most, rule.max_inputs))
    ranks = [draw.randint(0, 5)] * number if draw.random() < 0.7 else [draw.randint(0, 5) for _ in range(number)]
    return [t(*(draw.choice((1, 2, 4, 8)) for _ in range(rank))) for rank in ranks]


def is_of_python(problem: ValueError) -> bool:
    """Whether an expression of a rule failed, as to unpack three sizes of four, rather than a `raise`."""
    trace = problem.__traceback__
    assert trace is not None
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_code.co_code[trace.tb_lasti] != RAISES


def test_a_rule_says_itself_what_is_wrong_with_its_inputs() -> None:
    draw, refused, unsaid = random.Random(1), 0, set()
    for rule in ops.known():
        for _ in range(25):
            try:
                rule.function(*inputs(draw, rule), **attributes(draw, rule))
            except ValueError as problem:
                refused += 1
                if is_of_python(problem):
                    unsaid.add(f"{rule.place}: {problem}")
            except Exception:  # what it does not foresee makes the row unknown, and says nothing to anybody
                continue
    assert refused > 100 and not unsaid


@each([
    ("Attention", (t(2, 5, 8),) * 3, {"q_num_heads": 2}, "q_num_heads and kv_num_heads are needed"),
    ("Attention", (t(2, 5, 8),) * 3, {"kv_num_heads": 2}, "q_num_heads and kv_num_heads are needed"),
    ("LSTM", (t(5, 4), t(1, 32, 4), t(1, 32, 8)), {}, "X should have rank 3, and has rank 2"),
    ("SpaceToDepth", (t(1, 3, 8),), {"blocksize": 2}, "input should have rank 4, and has rank 3"),
    ("com.microsoft.nchwc.ReorderInput", (t(16),), {}, "X should have rank 2 or more, and has rank 1"),
    ("com.microsoft.nchwc.Upsample", (t(1, 8, 4, 4),), {"scales": (1, 1, 2)}, "3 scales for 4 axes"),
    ("Upsample", (t(1, 8, 4, 4), floats(1.0, 2.0)), {"opset": 9}, "2 scales for 4 axes"),
    ("MaxUnpool", (t(1, 8, 4, 4), t(1, 8, 4, 4)), {"kernel_shape": (2,)}, "1 kernel sizes for 2 axes"),
    ("Crop", (t(1, 3, 8, 8),), {"opset": 1, "border": (1, 1)}, "border should be left, top, right and bottom"),
    ("caffe.Crop", (t(1, 3, 8, 8), t(4, 4)), {}, "the second blob should have rank 4, and has rank 2"),
    ("caffe.PriorBox", (t(1, 8, 4, 4), t(1, 3, 64, 64)), {"min_size": "a"}, "min_size is 'a', not a number"),
    ("TfIdfVectorizer", (t(4),), {"ngram_indexes": ()}, "ngram_indexes is empty"),
])  # fmt: skip
def test_a_rank_or_a_list_that_does_not_fit_is_refused(case: Refused) -> None:
    assert_refused(case)
