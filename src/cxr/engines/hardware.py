"""The running Keras backend in, the names of the devices it can use out."""


def list_devices() -> list[str]:
    """Return the GPUs of this machine as `gpu:0`, ..., or where the backend sees none its CPU devices (`cpu:0`)."""
    import keras

    if keras.backend.backend() == "torch":  # for which Keras cannot say
        import torch

        gpus = [f"gpu:{number}" for number in range(torch.cuda.device_count())]
    else:
        gpus = keras.distribution.list_devices()  # the best kind there is
    return gpus or ["cpu:0"]


def has_gpu() -> bool:
    """Say whether the backend sees a GPU."""
    return not list_devices()[0].startswith("cpu")
