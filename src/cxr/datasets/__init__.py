"""Data sets of any format in, one manifest with labels and a patient-disjoint split out."""
