"""Recurrent layers and what decodes them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from ...dims import Undecided
from ...graph import Tensor
from ...rules import GLOBAL, NO_WORK, Facts, Work, rule
from ...shapes import joins, of_rank, show_shape
from ..pointwise import ACTIVATIONS
from .fields import FILLERS, Value, blob, differ, whole

LSTM_UNIT = ACTIVATIONS["Sigmoid"] * 3 + ACTIVATIONS["Tanh"] * 2 + Work(muls=3, adds=1)
"""One element of c' = f c + i g, h = o tanh(c') (lstm_unit_layer.cpp)."""


def _recurrent(bottoms: Sequence[Tensor], hidden: int, expose: bool, outputs: int, gates: int, per_step: Work) -> Facts:
    """Blobs in the order Caffe's unrolled net makes them; bottoms x [T, N, ...], cont [T, N], x_static [N, ...]."""
    x = bottoms[0]
    steps, batch, depth = x.shape[0], x.shape[1], prod(x.shape[2:])
    states = (1 if gates == 1 else 2) if expose else 0
    static = len(bottoms) > 2 + states
    weights = [blob(gates * hidden, depth), blob(gates * hidden)]
    macs = steps * batch * depth * gates * hidden + steps * batch * hidden * gates * hidden
    if static:
        rest = prod(bottoms[2].shape[1:])
        weights.append(blob(gates * hidden, rest))
        macs += batch * rest * gates * hidden
    weights.append(blob(gates * hidden, hidden))
    if gates == 1:  # the plain recurrent net has a projection to its output besides
        weights += [blob(hidden, hidden), blob(hidden)]
        macs += steps * batch * hidden * hidden
    work = Work(macs=macs) + per_step * (steps * batch * hidden)
    tops = (Tensor((steps, batch, hidden)), *[Tensor((1, batch, hidden))] * states)
    return Facts(tops[:outputs], work, GLOBAL, tuple(weights), warning=_check_marks(x, bottoms[1:2]))


def _check_marks(x: Tensor, marks: Sequence[Tensor]) -> str:
    """What is wrong where there is no mark for each step and sequence (recurrent_layer.cpp); "" if nothing."""
    for mark in marks:
        if mark.ranked and (mark.rank != 2 or any(map(differ, mark.shape, x.shape))):
            return f"{show_shape(mark.shape)} marks for {show_shape(x.shape[:2])} steps and sequences"
    return ""


@rule("caffe.LSTM", harmless=(*FILLERS, "debug_info"))
def lstm(*bottoms: Tensor, num_output: Value = None, expose_hidden: Value = False, outputs: int = 1) -> Facts:
    """x [T, N, ...] -> [T, N, num_output]; blobs W_xc [4H, I], b [4H], with a static input [4H, S], W_hc [4H, H]."""
    per_element = LSTM_UNIT + Work(adds=8)  # the input's and the hidden state's part of four gates, and their bias
    return _recurrent(bottoms, whole(num_output, "num_output", 1), bool(expose_hidden), outputs, 4, per_element)


@rule("caffe.RNN", "caffe.Recurrent", harmless=(*FILLERS, "debug_info"))
def rnn(*bottoms: Tensor, num_output: Value = None, expose_hidden: Value = False, outputs: int = 1) -> Facts:
    """x [T, N, ...] -> [T, N, num_output]; h' = tanh(W_xh x + W_hh h + b), o = tanh(W_ho h' + b)."""
    per_element = Work(adds=3, exps=2)
    return _recurrent(bottoms, whole(num_output, "num_output", 1), bool(expose_hidden), outputs, 1, per_element)


@rule("caffe.LSTMUnit")
def lstm_unit(c_prev: Tensor, x: Tensor, cont: Tensor | None = None) -> Facts:
    """c_prev [1, N, H], x [1, N, 4H] -> c and h [1, N, H]."""
    return Facts((c_prev, c_prev), LSTM_UNIT * c_prev.size)


@rule("caffe.Lstm", harmless=(*FILLERS, "clipping_threshold"))
def lstm_of_forks(x: Tensor, *, num_output: Value = None, batch_size: Value = None) -> Facts:
    """[T, N, I] -> [T, N, H] (CTPN), or a matrix [T * N, I] -> [T * N, H]; blobs W_x [4H, I], W_h [4H, H], b [4H].

    A batch_size says how the rows of a matrix are split into sequences, which changes no count; a tensor of more axes
    is then flattened (https://github.com/junhyukoh/caffe-lstm, lstm_layer.cpp).
    """
    hidden = whole(num_output, "num_output", 1)
    lead = x.shape[:1] if batch_size is not None or x.rank < 3 else x.shape[:2]
    states, depth = prod(lead) * hidden, prod(x.shape[len(lead) :])
    work = Work(macs=states * 4 * (depth + hidden)) + (LSTM_UNIT + Work(adds=8)) * states
    weights = (blob(4 * hidden, depth), blob(4 * hidden, hidden), blob(4 * hidden))
    return Facts((Tensor((*lead, hidden)),), work, GLOBAL, weights)


@rule("caffe.CTCGreedyDecoder", harmless=("ctc_merge_repeated", "blank_index"))
def ctc_greedy_decoder(x: Tensor, *others: Tensor, outputs: int = 1) -> Facts:
    """[T, N, C] -> [N, T, 1, 1] labels, and [N, 1, 1, 1] scores: the best of C at each step.

    With a second bottom it is an evaluation in one fork and bounds the sequences in another; nothing tells which.
    """
    if others or outputs > 2:
        raise Undecided("forks differ in what the second bottom is, and in the tops it makes")
    steps, batch, classes = of_rank(x.shape, 3, "the first blob")
    scores = Work(adds=steps * batch) if outputs == 2 else NO_WORK
    work = Work(compares=joins(steps * batch * classes, steps * batch)) + scores
    return Facts((Tensor((batch, steps, 1, 1)), Tensor((batch, 1, 1, 1)))[:outputs], work, GLOBAL)


@rule("caffe.ContinuationIndicator")
def continuation_indicator(*, time_step: Value = None, batch_size: Value = None) -> Facts:
    """Which steps go on with a sequence: [time_step, batch_size], zeros and then ones (the CRNN fork)."""
    return Facts((Tensor((whole(time_step, "time_step", 1), whole(batch_size, "batch_size", 1))),), NO_WORK)
