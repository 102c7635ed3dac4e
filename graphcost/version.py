"""The version, where setup.cfg, `--version` and `graphcost.__version__` read it."""

__version__ = "0.1.0"
