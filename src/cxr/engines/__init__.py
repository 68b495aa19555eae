"""A saved network in, its outputs on batches of images out; Keras or OpenVINO behind one small interface."""
