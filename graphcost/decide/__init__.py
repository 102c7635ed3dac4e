"""One network at many sizes: figures by substitution in one analysis, and what follows from them.

`points.py` has figures at given sizes, `largest.py` the largest size that stays within limits, `scenarios.py` several
sizes side by side.
"""
