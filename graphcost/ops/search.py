"""Searches for the most likely text: operators of com.microsoft that run a language model until it ends.

The model stands in the operator's bodies, whose rows follow it. How often the decoder runs is decided by the data: at
most once for every token up to the longest that is allowed.
https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
"""

from __future__ import annotations

from ..dims import Extent
from ..graph import Tensor
from ..rules import Body, Facts, data_dependent, rule
from .values import integers

SEARCH = (
    "vocab_size", "model_type", "no_repeat_ngram_size", "decoder_start_token_id", "early_stopping", "pad_token_id",
    "eos_token_id", "min_tokens_to_keep", "temperature", "filter_value", "custom", "presence_penalty", "top_p",
)  # fmt: skip
"""How the next token is chosen."""
WHISPER = (
    "beginning_timestamp_token_id", "decoder_output_cross_qk", "no_speech_token_id", "no_timestamps_token_id",
    "start_of_lm_token_id", "transcribe_token_id", "translate_token_id",
)  # fmt: skip
"""The tokens of Whisper that say what follows, and whether its attention is put out too."""


@rule(
    "com.microsoft.BeamSearch", "com.microsoft.WhisperBeamSearch",
    harmless=(*SEARCH, *WHISPER), weights={"length_penalty": "settings"},
)  # fmt: skip
def beam_search(
    ids: Tensor,
    max_length: Tensor,
    min_length: Tensor | None = None,
    num_beams: Tensor | None = None,
    num_return_sequences: Tensor | None = None,
    length_penalty: Tensor | None = None,
    *others: Tensor | None,
    decoder: Body | None = None,
    encoder: Body | None = None,
    init_decoder: Body | None = None,
) -> Facts:
    """ids [B, ...] -> sequences [B, num_return_sequences, max_length], padded, and their scores without the last axis.

    The vocabulary is not known, so a third output is as the file declares it.
    """
    kept = 1 if num_return_sequences is None else _stated(num_return_sequences, 1)
    score = "float32" if length_penalty is None else length_penalty.dtype
    length = _stated(max_length, 2)
    sequences = Tensor((ids.shape[0], kept, length), "int32")
    times = _run(length, decoder=decoder, encoder=encoder, init_decoder=init_decoder)
    return Facts((sequences, Tensor((ids.shape[0], kept), score)), None, trip_counts=times, note=LONGEST)


@rule("com.microsoft.GreedySearch", "com.microsoft.Sampling", harmless=SEARCH)
def search(
    ids: Tensor,
    max_length: Tensor,
    *others: Tensor | None,
    decoder: Body | None = None,
    encoder: Body | None = None,
    init_decoder: Body | None = None,
) -> Facts:
    """ids [B, S] -> sequences [B, max_length], padded; a second output is as with BeamSearch."""
    length = _stated(max_length, 1)
    times = _run(length, decoder=decoder, encoder=encoder, init_decoder=init_decoder)
    return Facts((Tensor((ids.shape[0], length), "int32"),), None, trip_counts=times, note=LONGEST)


LONGEST = "as if no sequence ended before the longest that is allowed"


def _run(length: Extent, **bodies: Body | None) -> tuple[Extent, ...]:
    """Run each body once for the sizes that the file declares -> how often each runs, in the order of their names."""
    times: list[Extent] = []
    for name, body in sorted(bodies.items()):
        if body is not None:
            body(*body.inputs.values())
            times.append(length if name == "decoder" else 1)
    return tuple(times)


def _stated(size: Tensor, axis: int) -> Extent:
    """The extent that an operand of one element states; open along `axis` when its contents are not known."""
    number = integers(size)
    return number[0] if number else data_dependent(axis)
