"""Chest X-rays in, believable answers out: lungs, crops, classifiers, evaluation, heatmaps."""

__version__ = "0.1.0"
