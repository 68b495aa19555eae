"""A bundle and new images in, findings out. Nothing here imports Keras or TensorFlow, but what an export calls."""
