"""X-rays in, lung masks out: the U-Net, its training, and the clean-up and quality check of what it finds."""
