"""What the lung network and the classifiers share when they are trained: batches, augmentation, schedules, epochs."""
