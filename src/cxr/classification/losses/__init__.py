"""Losses by name: one file per loss, each a Keras class from labels with gaps and probabilities to a loss per image."""
