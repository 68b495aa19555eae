"""Keras itself as an engine: for GPUs, and the reference that other engines are checked against."""

import threading

import keras
import numpy as np


class KerasEngine:
    """Runs a keras.Model in batches."""

    name = "keras"

    def __init__(self, model: keras.Model, batch: int = 32) -> None:
        self._model, self._batch, self._lock = model, batch, threading.Lock()

    def run(self, images: np.ndarray) -> list[np.ndarray]:
        """Images (N, H, W, 1) float32 0..255 in; one float32 array (N, ...) per output out."""
        parts = []
        for start in range(0, len(images), self._batch):  # `predict` would wait for tf.data's threads at its end
            with self._lock:  # on JAX a model hands its weights over while it runs
                outputs = self._model.predict_on_batch(images[start : start + self._batch])
            parts.append(outputs if isinstance(outputs, list | tuple) else [outputs])
        return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
