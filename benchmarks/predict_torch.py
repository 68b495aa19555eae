"""Images per second of DenseNet121 in PyTorch, inference: python benchmarks/predict_torch.py SIZE BATCH REPEATS.

Run by benchmarks/predict.py with a Python that has torch; prints the best of channels-last bfloat16 and float32, as it
is and traced and frozen.
"""

import sys
import time

import torch

from training_torch import densenet121


def rate(model: torch.nn.Module, images: torch.Tensor, repeats: int) -> float:
    taken = []
    with torch.inference_mode():
        for _ in range(repeats + 2):
            started = time.perf_counter()
            model(images)
            taken.append(time.perf_counter() - started)
    return len(images) / sorted(taken[2:])[repeats // 2]


def main(size: int, batch: int, repeats: int) -> None:
    torch.manual_seed(0)
    found = {}
    for kind in (torch.bfloat16, torch.float32):
        model = densenet121(14).to(kind).to(memory_format=torch.channels_last).eval()
        images = torch.rand(batch, 3, size, size).to(kind).to(memory_format=torch.channels_last)
        found[f"{kind}"] = rate(model, images, repeats)
        with torch.inference_mode():
            frozen = torch.jit.freeze(torch.jit.trace(model, images))
        found[f"{kind} frozen"] = rate(frozen, images, repeats)
    best = max(found, key=found.get)
    print(f"{found[best]} {best.removeprefix('torch.')}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
