"""Two networks beside each other: which layer of one is which of the other, and what each costs more or less.

`snapshot.py` is what is kept of a network, from its analysis or from a JSON report of an earlier run; `align.py` finds
the longest common part of two sequences, `match.py` with it which layers are the same, `diff.py` what differs between
them, and `text.py` writes that in each format.
"""
