"""Training images in, randomly changed ones out: one file per kind of change, `batch` applies them all."""
