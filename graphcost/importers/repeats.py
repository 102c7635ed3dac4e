"""Repetitions in regular expressions that give nothing back."""

import sys

EXACT = sys.version_info >= (3, 11, 5)
"""Whether `(?:...)*+` ends where its last whole round does. Before, it could end within a round that fails half-way
(https://github.com/python/cpython/issues/106052).
"""


def possessive(body: str, times: str) -> str:
    """A pattern `body`, `*` or `+` times, that gives nothing back. Where Python gets that wrong it is an atomic group,
    which remembers every round until the last: some 30 bytes for each that was matched.
    """
    return f"(?:{body}){times}+" if EXACT else f"(?>(?:{body}){times})"
