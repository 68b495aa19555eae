"""Synthetic frontal chest X-rays with the truth about lungs, findings and boxes known for every pixel."""
