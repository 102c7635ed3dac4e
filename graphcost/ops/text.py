"""Strings and encoded images: shapes where the operator tells them."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Tensor
from ..rules import GLOBAL, NO_WORK, Facts, data_dependent, rule
from ..shapes import broadcast


@rule("StringNormalizer", harmless=("case_change_action", "is_case_sensitive", "locale"))
def string_normalizer(x: Tensor, *, stopwords: Sequence[str] = ()) -> Facts:
    """[C] or [1, C] -> the strings left when stop words are gone; without any, as many as came.

    https://onnx.ai/onnx/operators/onnx__StringNormalizer.html
    """
    left = data_dependent(x.rank - 1) if stopwords else x.shape[-1]
    return Facts((Tensor((*x.shape[:-1], left), "string"),), NO_WORK)


@rule("StringConcat")
def string_concat(a: Tensor, b: Tensor) -> Facts:
    """Two shapes broadcast to one.  https://onnx.ai/onnx/operators/onnx__StringConcat.html"""
    return Facts((Tensor(broadcast(a.shape, b.shape), "string"),), NO_WORK)


@rule("StringSplit", harmless=("delimiter", "maxsplit"))
def string_split(x: Tensor) -> Facts:
    """[*any] -> [*any, most parts], and how many each has.  https://onnx.ai/onnx/operators/onnx__StringSplit.html"""
    return Facts((Tensor((*x.shape, data_dependent(x.rank)), "string"), Tensor(x.shape, "int64")), NO_WORK)


@rule("RegexFullMatch", harmless=("pattern",))
def regex_full_match(x: Tensor) -> Facts:
    """[*any] -> bool.  https://onnx.ai/onnx/operators/onnx__RegexFullMatch.html"""
    return Facts((Tensor(x.shape, "bool"),), None)


NGRAMS = (
    "max_gram_length", "max_skip_count", "min_gram_length", "mode", "ngram_counts", "pool_int64s", "pool_strings",
    "weights",
)  # fmt: skip
"""Which runs of words are counted, and how they are weighed."""


@rule("TfIdfVectorizer", harmless=NGRAMS)
def tf_idf_vectorizer(x: Tensor, *, ngram_indexes: Sequence[int]) -> Facts:
    """[C] or [N, C] -> counts of n-grams, [.., largest index + 1].

    https://onnx.ai/onnx/operators/onnx__TfIdfVectorizer.html
    """
    if not ngram_indexes:
        raise ValueError("ngram_indexes is empty, so nothing is counted")
    return Facts((Tensor((*x.shape[:-1], max(ngram_indexes) + 1)),), None, GLOBAL)


@rule("ImageDecoder")
def image_decoder(x: Tensor, *, pixel_format: str = "RGB") -> Facts:
    """Bytes -> [height, width, channels].  https://onnx.ai/onnx/operators/onnx__ImageDecoder.html"""
    channels = 1 if pixel_format == "Grayscale" else 3
    return Facts((Tensor((data_dependent(0), data_dependent(1), channels), "uint8"),), None, GLOBAL)


@rule("com.microsoft.Tokenizer", harmless=("mark", "mincharnum", "pad_value", "separators", "tokenexp"))
def tokenizer(x: Tensor) -> Facts:
    """[C] or [N, C] strings -> [.., C, most tokens].

    https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.Tokenizer
    """
    return Facts((Tensor((*x.shape, data_dependent(x.rank)), "string"),), None)
