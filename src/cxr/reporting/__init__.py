"""Figures and the one self-contained report, made from the files of a finished run."""
