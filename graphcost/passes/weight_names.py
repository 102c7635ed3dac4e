"""What the name of a weight says that it is for, where its operator does not tell: a normalisation taken apart reads
its running mean by a plain Sub.

Names are habits of frameworks and of exporters, so an answer from them is likely, not certain. The patterns are
compiled when a name is asked about, which takes 2 ms: none of a Caffe net is.
"""

from __future__ import annotations

import re
from functools import lru_cache

from ..rules import QUANTISATION, STATISTICS, TABLES

_WORDS = {
    STATISTICS: r"(?:running|moving|pop|population)_(?:mean|avg|average|var|variance|std)",
    TABLES: (
        r"inv_freqs?|(?:cos|sin)(?:_?(?:cache|cached|table))s?|relative_position_index|position_ids|anchors?|priors?|prior_boxes"
        r"|attn_mask|attention_mask|causal_mask|masked_bias|tril|attention_bias_cache|lifted_tensor_?\d*|_tensor_constant_?\d*"
    ),
    QUANTISATION: r"\w*zero_points?|qzeros",
}
_MEANING = {use: rf"(?:^|[./:]|(?<=[a-z0-9])_)(?:{words})(?=$|[./:]|__)" for use, words in _WORDS.items()}
_MADE = r"(?:new_)?(?:zeros|ones|full|empty)(?:_like)?(?:_\d+)?|(?:arange|eye|linspace)(?:_\d+)?"
"""What an exporter calls a tensor after the function that filled it."""
_MODULE = (
    r"(?:^|[./])(?:weight|bias|gamma|beta|alpha|slope|scale|(?:logit_)?(?:scale|bias)|temperature|eps_?param)(?=$|:0$)"
)


_DIGITS = str.maketrans("123456789", "0" * 9)
"""All digits are alike to what is asked here, so names that differ in numbers alone are asked about once."""


def meaning(name: str) -> str:
    """The class that a name speaks of, "" where it speaks of none: `bn1.running_mean` is one of the statistics."""
    return _meaning(name.translate(_DIGITS))


@lru_cache(maxsize=8192)
def _meaning(name: str) -> str:
    if re.fullmatch(_MADE, name):
        return TABLES
    return next((use for use, words in _MEANING.items() if re.search(words, name)), "")


@lru_cache(maxsize=8192)
def is_module_parameter(name: str) -> bool:
    """Whether a name is one that a module gives to what it learns: `logit_scale`, `scales.0.scale`."""
    return re.search(_MODULE, name) is not None


def is_of_module(name: str) -> bool:
    """Whether a name tells the module that a weight belongs to, `layer1.0.conv1.weight`; others exporters make up."""
    return "." in name or ("/" in name and not re.search(r"_output_\d+$", name))


_ENDS = (
    r"(?:^|[./_:])(?:weights?|bias(?:es)?|kernel|gamma|beta|(?:word_|token_)?embeddings?|(?:running|moving)_(?:mean|var|variance))"
    r"(?:[_:]\d+)?$"
)


def is_parameter_name(name: str) -> bool:
    """Whether a name is that of a parameter or a statistic of some module: `fc1.weight`, `bn.running_mean`."""
    return re.search(_ENDS, name) is not None
