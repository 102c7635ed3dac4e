"""Recurrent operators: RNN, GRU and LSTM over a whole sequence.

Every step multiplies the input and the hidden state by one matrix per gate: steps * batch * directions * gates * hidden
* (input + hidden) multiply-accumulates. Sequences are counted at full length even where lengths are given.
"""

from __future__ import annotations

from ..graph import Tensor
from ..rules import GLOBAL, Facts, Work, rule
from ..shapes import of_rank
from .pointwise import ACTIVATIONS

_GATE = Work(adds=1)  # the two products of a gate, added
_CELLS = {
    "RNN": (1, _GATE + ACTIVATIONS["Tanh"]),
    # r, z and a candidate; h' = (1 - z) n + z h
    "GRU": (3, _GATE * 3 + ACTIVATIONS["Sigmoid"] * 2 + ACTIVATIONS["Tanh"] + Work(muls=3, adds=2)),
    # i, o, f and a candidate; c' = f c + i g, h' = o tanh(c')
    "LSTM": (4, _GATE * 4 + ACTIVATIONS["Sigmoid"] * 3 + ACTIVATIONS["Tanh"] * 2 + Work(muls=3, adds=1)),
}
"""Gates of a cell, and its elementwise work for each hidden element and step, with the default activations."""
SETTINGS = (
    "hidden_size", "direction",  # as the weights' shapes have them
    "activations", "activation_alpha", "activation_beta", "clip", "input_forget", "linear_before_reset",
    "output_sequence",
)  # fmt: skip
"""How a cell works inside; whichever activations it has are counted as the default ones."""


def _recurrent(kind: str, x: Tensor, r: Tensor, b: Tensor | None, layout: int, outputs: int) -> Facts:
    """x [steps, batch, input], r [directions, gates * hidden, hidden] -> Y [steps, directions, batch, hidden], Y_h.

    Batch comes first with layout 1.
    """
    gates, cell = _CELLS[kind]
    first, second, depth = of_rank(x.shape, 3, "X")
    steps, batch = (first, second) if layout == 0 else (second, first)
    directions, hidden = r.shape[0], r.shape[2]
    states = steps * batch * directions * hidden
    biased = Work(adds=2 * gates if b is not None else 0)
    work = Work(macs=states * gates * (depth + hidden)) + (cell + biased) * states
    if layout == 0:
        y, last = (steps, directions, batch, hidden), (directions, batch, hidden)
    else:
        y, last = (batch, steps, directions, hidden), (batch, directions, hidden)
    tops = (Tensor(y, x.dtype), Tensor(last, x.dtype), Tensor(last, x.dtype))
    return Facts(tops[:outputs], work, GLOBAL)


@rule("RNN", harmless=SETTINGS, weights={"w": "learned", "r": "learned", "b": "learned", "initial": "states"})
def rnn(
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Tensor | None = None,
    lengths: Tensor | None = None,
    initial: Tensor | None = None,
    *,
    layout: int = 0,
    outputs: int = 1,
) -> Facts:
    """x [steps, batch, input], w [dirs, hidden, input], r [dirs, hidden, hidden] -> Y, Y_h as for the others.

    https://onnx.ai/onnx/operators/onnx__RNN.html
    """
    return _recurrent("RNN", x, r, b, layout, outputs)


@rule("GRU", harmless=SETTINGS, weights={"w": "learned", "r": "learned", "b": "learned", "initial": "states"})
def gru(
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Tensor | None = None,
    lengths: Tensor | None = None,
    initial: Tensor | None = None,
    *,
    layout: int = 0,
    outputs: int = 1,
) -> Facts:
    """x [steps, batch, input], w [dirs, 3 hidden, input], r [dirs, 3 hidden, hidden] -> Y, Y_h.

    https://onnx.ai/onnx/operators/onnx__GRU.html
    """
    return _recurrent("GRU", x, r, b, layout, outputs)


@rule(
    "LSTM",
    harmless=SETTINGS,
    weights={
        "w": "learned",
        "r": "learned",
        "b": "learned",
        "initial_h": "states",
        "initial_c": "states",
        "peepholes": "learned",
    },
)
def lstm(
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Tensor | None = None,
    lengths: Tensor | None = None,
    initial_h: Tensor | None = None,
    initial_c: Tensor | None = None,
    peepholes: Tensor | None = None,
    *,
    layout: int = 0,
    outputs: int = 1,
) -> Facts:
    """x [steps, batch, input], w [dirs, 4 hidden, input], r [dirs, 4 hidden, hidden] -> Y, Y_h, Y_c.

    https://onnx.ai/onnx/operators/onnx__LSTM.html
    """
    facts = _recurrent("LSTM", x, r, b, layout, 3)
    states = facts.outputs[0].size
    extra = Work(muls=3, adds=3) * states if peepholes is not None else Work()
    return Facts(facts.outputs[:outputs], (facts.work or Work()) + extra, GLOBAL)


@rule("com.microsoft.DynamicQuantizeLSTM", harmless=SETTINGS, weights={"w": "learned", "r": "learned", "b": "learned"})
def dynamic_quantize_lstm(
    x: Tensor, w: Tensor, r: Tensor, b: Tensor | None = None, *others: Tensor | None, outputs: int = 1
) -> Facts:
    """An LSTM whose weights w [dirs, input, 4 hidden] and r [dirs, hidden, 4 hidden] are 8-bit; its input is quantised.

    https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.DynamicQuantizeLSTM
    """
    turned = Tensor((r.shape[0], r.shape[2], r.shape[1]), x.dtype)
    facts = _recurrent("LSTM", x, turned, b, 0, outputs)
    return Facts(facts.outputs, (facts.work or Work()) + Work(divs=1, compares=3) * x.size, GLOBAL)
