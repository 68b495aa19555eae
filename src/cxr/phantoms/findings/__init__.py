"""The 14 findings: which occur together, and how each changes the chest."""
