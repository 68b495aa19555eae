"""The running Keras backend in, the names of the devices it can use out."""


def backend_name() -> str:
    """Return `tensorflow`, `jax` or `torch`."""
    import keras

    return keras.config.backend()


def list_devices() -> list[str]:
    """Return the GPUs of this machine as `gpu:0`, ..., or where the backend sees none its CPU devices (`cpu:0`)."""
    import keras

    if backend_name() == "torch":  # for which Keras cannot say
        import torch

        gpus = [f"gpu:{number}" for number in range(torch.cuda.device_count())]
    else:
        gpus = keras.distribution.list_devices()  # the best kind there is
    return gpus or ["cpu:0"]


def has_gpu() -> bool:
    """Say whether the backend sees a GPU."""
    return not list_devices()[0].startswith("cpu")
