"""A compiled classifier in; its layers up to the feature map frozen, or all of them learning, and compiled so."""

import keras

from cxr.training.optimizers import renewed

FEATURES = "features"


def set_frozen(model: keras.Model, frozen: bool) -> None:
    """Freeze or unfreeze every layer up to `features`, and compile again: without that Keras does not heed it.

    Frozen batch norms use, and keep, their saved statistics. The optimiser begins anew, without memory of earlier
    gradients, because it holds a state for exactly the weights that learn.
    """
    for layer in keras.Model(model.inputs, model.get_layer(FEATURES).output).layers:
        layer.trainable = not frozen
    model.compile(optimizer=renewed(model.optimizer), loss=model.loss, jit_compile=model.jit_compile)
    model.optimizer.build(model.trainable_variables)
