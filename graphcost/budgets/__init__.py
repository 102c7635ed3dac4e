"""Budgets: what models may cost at most, and whether they do.

`config.py` reads budgets from TOML, `baseline.py` what models cost earlier, `gates.py` decides, `text.py` writes the
verdicts in each format.
"""
