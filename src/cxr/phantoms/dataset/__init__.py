"""Folders of phantoms in the layouts of public data sets."""
