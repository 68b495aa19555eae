"""Heatmaps and true boxes in, boxes of every test image and how well the maps show the place out."""
