"""Searches for the most likely text: operators of com.microsoft that run a language model until it ends.

How often the model runs is decided by the data, so neither its work nor its weights are counted here.
https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
"""

from __future__ import annotations

from ..dims import Extent
from ..graph import Tensor
from ..rules import Facts, data_dependent, rule
from .values import integers

SEARCH = (
    "vocab_size", "model_type", "no_repeat_ngram_size", "decoder_start_token_id", "early_stopping", "pad_token_id",
    "eos_token_id", "min_tokens_to_keep", "temperature", "filter_value", "custom", "presence_penalty", "top_p",
)  # fmt: skip
"""How the next token is chosen."""


@rule("com.microsoft.BeamSearch", harmless=SEARCH)
def beam_search(
    ids: Tensor,
    max_length: Tensor,
    min_length: Tensor | None = None,
    num_beams: Tensor | None = None,
    num_return_sequences: Tensor | None = None,
    length_penalty: Tensor | None = None,
    *others: Tensor | None,
) -> Facts:
    """ids [B, ...] -> sequences [B, num_return_sequences, max_length], padded, and their scores without the last axis.

    How often the decoder runs is decided by the data, so the work is not known; nor is the vocabulary, so a third
    output is as the file declares it. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    """
    kept = 1 if num_return_sequences is None else _stated(num_return_sequences, 1)
    score = "float32" if length_penalty is None else length_penalty.dtype
    sequences = Tensor((ids.shape[0], kept, _stated(max_length, 2)), "int32")
    return Facts((sequences, Tensor((ids.shape[0], kept), score)), None)


@rule("com.microsoft.GreedySearch", "com.microsoft.Sampling", harmless=SEARCH)
def search(ids: Tensor, max_length: Tensor, *others: Tensor | None) -> Facts:
    """ids [B, S] -> sequences [B, max_length], padded; the work and a second output are as with BeamSearch.

    https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    """
    return Facts((Tensor((ids.shape[0], _stated(max_length, 1)), "int32"),), None)


def _stated(size: Tensor, axis: int) -> Extent:
    """The extent that an operand of one element states; open along `axis` when its contents are not known."""
    number = integers(size)
    return number[0] if number else data_dependent(axis)
