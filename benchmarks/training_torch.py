"""Images per second of a plain DenseNet121 in PyTorch: python benchmarks/training_torch.py f32|bf16 SIZE BATCH STEPS.

Run by benchmarks/training.py with a Python that has torch; prints one number. The same layers as keras.applications.
"""

import sys
import time

import torch
from torch import nn
from torch.nn import functional

GROWTH, BLOCKS = 32, (6, 12, 24, 16)


class Dense(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(width), nn.Conv2d(width, 4 * GROWTH, 1, bias=False)
        self.norm2, self.conv2 = nn.BatchNorm2d(4 * GROWTH), nn.Conv2d(4 * GROWTH, GROWTH, 3, padding=1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv1(functional.relu(self.norm1(x)))
        return torch.cat([x, self.conv2(functional.relu(self.norm2(y)))], 1)


def densenet121(outputs: int) -> nn.Module:
    width = 64
    parts = [nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    for number, count in enumerate(BLOCKS):
        for _ in range(count):
            parts.append(Dense(width))
            width += GROWTH
        parts += [nn.BatchNorm2d(width), nn.ReLU()]
        if number < len(BLOCKS) - 1:
            parts += [nn.Conv2d(width, width // 2, 1, bias=False), nn.AvgPool2d(2)]
            width //= 2
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, outputs))


def main(kind: str, size: int, batch: int, steps: int) -> None:
    torch.manual_seed(0)
    model = densenet121(14).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.Adam(model.parameters())
    images = torch.rand(batch, 3, size, size).to(memory_format=torch.channels_last)
    labels = torch.randint(0, 2, (batch, 14)).float()
    taken = []
    for _ in range(steps + 1):
        started = time.perf_counter()
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=kind == "bf16"):
            logits = model(images)
        functional.binary_cross_entropy_with_logits(logits.float(), labels).backward()
        optimizer.step()
        taken.append(time.perf_counter() - started)
    print(batch / sorted(taken[1:])[steps // 2])


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
