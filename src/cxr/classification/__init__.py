"""Crops and labels in, trained classifiers and their averaged predictions out."""
