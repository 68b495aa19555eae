"""Schedule and optimiser parameters in, a Keras optimiser out."""

import keras

from cxr.config.optimizer import Optimizer, Schedule


def make_optimizer(optimizer: Optimizer, schedule: Schedule, total_steps: int) -> keras.optimizers.Optimizer:
    """Return Adam at a constant rate or with warm-up and cosine decay to 0 over `total_steps`."""
    peak = optimizer.learning_rate
    if schedule.name == "constant":
        return keras.optimizers.Adam(peak)
    warmup = round(schedule.warmup_fraction * total_steps)
    return keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=0.0 if warmup else peak,
            decay_steps=max(total_steps - warmup, 1),
            warmup_target=peak if warmup else None,
            warmup_steps=warmup,
        )
    )
