"""How large a formula may grow, and what is raised beyond that or where a formula does not decide.

What networks need stays far below: over some 1,700 public ONNX files the largest formula had 63 terms where it was of
any use, terms of 30 factors, coefficients of 37 bits and 3 operands in a maximum. A file can be made to need more.
"""

from __future__ import annotations

MAX_TERMS = 2_000  # of one polynomial
MAX_PRODUCT = 10 * MAX_TERMS  # pairs of terms that one product multiplies
MAX_POWER = 100  # of one factor in a term
MAX_FACTORS = 100  # of one term
MAX_BITS = 4_000  # of one number in it: 1,205 digits, of which Python writes up to 4,300
MAX_TEXT = 50_000  # characters of one formula, written or read
MAX_OPERANDS = 20  # of one max or min: they are compared in pairs
MAX_DIVISION = 20_000  # terms that one long division goes through; beyond them it counts as one with a rest
MAX_SEARCH = 300  # terms of the formulas that the search for one bound goes through,
MIN_SEARCH = 20  # each of them counted as no fewer than these


class Undecided(ValueError):
    """A comparison whose answer depends on the value of a symbol."""


class TooLarge(ValueError):
    """A formula that grew beyond what anyone would read: the limits of this module."""
