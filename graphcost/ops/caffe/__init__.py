"""Caffe's layers: its own names and rules of shape, over the arithmetic that the other families state.

A prototxt leaves weights implicit: a rule makes the blobs that the layer would allocate and states them as `weights`.
Fields that a file gives several times arrive as tuples, enumerations as names or as numbers. Shapes and blobs are
those after net initialisation (LayerSetUp and Reshape of the layers in
https://github.com/BVLC/caffe/tree/master/src/caffe/layers, or of the fork that a rule names). Work is that of the
forward pass in the TEST phase.
"""
