"""Finished classifiers in, pictures of where each finding was seen out."""
