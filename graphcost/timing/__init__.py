"""Measured times joined to the rows of an analysis: by a run on this machine, or from a file.

`profiles` reads files, `runnable` and `runtime` run a model with onnxruntime, `names` and `join` find out which rows
each figure is of. The runtime is imported only when something is measured.
"""
