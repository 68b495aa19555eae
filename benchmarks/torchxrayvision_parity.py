"""Do torchxrayvision's networks answer the same after ./cxr convert? Original module and ours, random weights, one run.

Run from the repository root, where PyTorch and torchxrayvision are installed beside this package's requirements:
  CXR_REQUIREMENTS=$PWD/requirements-convert.txt ./cxr --version
  .venv/bin/python benchmarks/torchxrayvision_parity.py
--write renews tests/classification/torchxrayvision.json, the originals' answers that the tests compare with.

Weights and images are numpy's, from a seed, so that tests have the same without PyTorch. The scales are about those of
a trained network: its first normalisation has to bring grey levels of -1024 to 1024 down, and its logits are small.
"""

import argparse
import importlib
import json
import sys
import tempfile
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

import numpy as np

REFERENCE = Path(__file__).parents[1] / "tests" / "classification" / "torchxrayvision.json"
OUTPUTS, MOST_DIFFERENCE = 18, 1e-4
REFERENCE_PX = {"densenet121": 64, "resnet50": 64}
COMPARED_PX = {"densenet121": (64, 150, 224), "resnet50": (64, 150, 512)}
FIRST_VARIANCE = 5e5
KEPT: list[object] = []
"""PyTorch forgets operators when what defined them goes."""


def seeded_images(image_px: int) -> np.ndarray:
    """Return (2, image_px, image_px) uint8 grey images: large blots with grain, from black to white."""
    random = np.random.default_rng([3, image_px])
    blots = random.integers(0, 256, (2, 5, 5)).repeat(-(-image_px // 5), axis=1).repeat(-(-image_px // 5), axis=2)
    grain = random.normal(0, 20, (2, image_px, image_px))
    return np.clip(blots[:, :image_px, :image_px] + grain, 0, 255).astype(np.uint8)


def seeded_state(network: str) -> dict[str, np.ndarray]:
    """Return a state dictionary of float32 arrays with the original's names and shapes."""
    shapes = {"densenet121": _densenet_shapes, "resnet50": _resnet_shapes}[network]()
    state = {}
    for name, shape in shapes.items():
        random = np.random.default_rng([3, zlib.crc32(name.encode())])
        if len(shape) > 1:  # a kernel (out, in, h, w) or the last layer (out, in)
            state[f"{name}.weight"] = random.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
            if len(shape) == 2:
                state[f"{name}.bias"] = random.normal(0, 0.1, shape[:1])
            continue
        first = FIRST_VARIANCE if name in ("features.norm0", "bn1") else 1.0
        residual = 0.2 if name.endswith("bn3") else 1.0  # what a block adds is small in trained networks
        state[f"{name}.weight"] = random.uniform(0.5, 1.2, shape) * residual
        state[f"{name}.bias"] = random.normal(0, 0.1, shape)
        state[f"{name}.running_mean"] = random.normal(0, 0.3 * np.sqrt(first), shape)
        state[f"{name}.running_var"] = random.uniform(0.5, 2, shape) * first
    return {name: array.astype(np.float32) for name, array in state.items()}


def _densenet_shapes() -> dict[str, tuple[int, ...]]:
    shapes = {"features.conv0": (64, 1, 7, 7), "features.norm0": (64,)}
    channels = 64
    for block, count in enumerate((6, 12, 24, 16), 1):
        for number in range(1, count + 1):
            name = f"features.denseblock{block}.denselayer{number}"
            shapes |= {f"{name}.norm1": (channels,), f"{name}.conv1": (128, channels, 1, 1)}
            shapes |= {f"{name}.norm2": (128,), f"{name}.conv2": (32, 128, 3, 3)}
            channels += 32
        if block < 4:
            name = f"features.transition{block}"
            shapes |= {f"{name}.norm": (channels,), f"{name}.conv": (channels // 2, channels, 1, 1)}
            channels //= 2
    return shapes | {"features.norm5": (channels,), "classifier": (OUTPUTS, channels)}


def _resnet_shapes() -> dict[str, tuple[int, ...]]:
    shapes = {"conv1": (64, 1, 7, 7), "bn1": (64,)}
    before = 64
    for stage, count in enumerate((3, 4, 6, 3), 1):
        inner = 32 * 2**stage
        for number in range(count):
            name = f"layer{stage}.{number}"
            shapes |= {f"{name}.conv1": (inner, before, 1, 1), f"{name}.bn1": (inner,)}
            shapes |= {f"{name}.conv2": (inner, inner, 3, 3), f"{name}.bn2": (inner,)}
            shapes |= {f"{name}.conv3": (4 * inner, inner, 1, 1), f"{name}.bn3": (4 * inner,)}
            if number == 0:
                shapes |= {f"{name}.downsample.0": (4 * inner, before, 1, 1), f"{name}.downsample.1": (4 * inner,)}
            before = 4 * inner
    return shapes | {"fc": (OUTPUTS, before)}


def import_torchvision() -> "object":
    """Import torchvision, also where its compiled part does not fit PyTorch: the networks do without it."""
    import torch

    try:
        return importlib.import_module("torchvision")
    except RuntimeError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        operators = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        KEPT.append(operators)
        return importlib.import_module("torchvision")


def original_module(network: str) -> "object":
    """Return torchxrayvision's module with the seeded weights, ready to answer."""
    import torch

    torchvision = import_torchvision()
    import torchxrayvision

    if network == "densenet121":
        module = torchxrayvision.models.DenseNet(num_classes=OUTPUTS)
    else:  # as torchxrayvision.models.ResNet makes it, which only exists with its trained file
        module = torchvision.models.resnet50(num_classes=OUTPUTS)
        module.conv1 = torch.nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
    state = {name: torch.from_numpy(array) for name, array in seeded_state(network).items()}
    missing = module.load_state_dict(state, strict=False)
    assert not missing.unexpected_keys, missing
    assert all(name.endswith("num_batches_tracked") for name in missing.missing_keys), missing
    return module.eval()


def original_logits(module: "object", images: np.ndarray) -> np.ndarray:
    """Return (n, OUTPUTS) logits of an original module for (n, S, S) grey images, scaled as torchxrayvision scales."""
    import torch
    import torchxrayvision

    scaled = torchxrayvision.datasets.normalize(images.astype(np.float32), 255)[:, None]
    with torch.no_grad():
        return module(torch.from_numpy(scaled)).numpy()


def our_logits(model: "object", images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (n, K) logits and (n, K) probabilities of one of our classifiers for (n, S, S) grey images."""
    import keras

    both = keras.Model(model.input, [model.get_layer("pooling").output, model.output])
    answers = both(images[..., None].astype(np.float32), training=False)
    pooled, probabilities = (keras.ops.convert_to_numpy(one) for one in answers)
    kernel, bias = model.get_layer("findings").get_weights()
    return pooled @ kernel + bias, probabilities


def converted_model(network: str, file: Path, folder: Path) -> tuple["object", list[int]]:
    """Return what ./cxr convert makes of a file by the name of a release of that network, and the outputs it kept."""
    from cxr.classification.torchxrayvision import convert_release, read_releases
    from cxr.config.record import hash_of_file
    from cxr.engines.saved import load_model

    release = next(one for one in read_releases() if one.network == network and one.sha256 is None)
    named = file.rename(folder / release.file)
    convert_release(named, folder / "member", None, hash_of_file(named))
    named.rename(file)
    return load_model(folder / "member" / "model.keras"), list(release.findings.values())


def compare(network: str, folder: Path) -> float:
    """Print and return the largest difference of a network's answers, over sizes and forms of file."""
    import torch

    from cxr.classification.networks.classifier import build_classifier
    from cxr.classification.torch_layers import fill_network
    from cxr.config.member import Member
    from cxr.engines.torch_file import read_torch_file

    module, file, worst = original_module(network), folder / "file.pt", 0.0
    forms = {"module, legacy": (module, False), "module, zip": (module, True), "state": (module.state_dict(), True)}
    for form, (content, zipped) in forms.items():
        torch.save(content, file, _use_new_zipfile_serialization=zipped)
        arrays = read_torch_file(file)
        for image_px in COMPARED_PX[network] if form == "state" else COMPARED_PX[network][:1]:
            model = build_classifier(
                Member(network=network, image_px=image_px, normalization="minus_one_to_one"), OUTPUTS
            )
            fill_network(model, arrays, range(OUTPUTS), OUTPUTS)
            worst = max(worst, _difference(module, model, range(OUTPUTS), f"{network} {image_px} px, {form}"))
    model, outputs = converted_model(network, file, folder)
    return max(worst, _difference(module, model, outputs, f"{network} {model.input_shape[1]} px, ./cxr convert"))


def _difference(module: "object", model: "object", outputs: "object", title: str) -> float:
    images = seeded_images(model.input_shape[1])
    expected = original_logits(module, images)[:, list(outputs)]
    logits, probabilities = our_logits(model, images)
    of_logits = float(np.abs(logits - expected).max())
    of_probabilities = float(np.abs(probabilities - 1 / (1 + np.exp(-expected))).max())
    print(f"{title}: logits {of_logits:.1e}, probabilities {of_probabilities:.1e} apart at most")
    return max(of_logits, of_probabilities)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true", help="renew the originals' answers that the tests compare with")
    if parser.parse_args().write:
        answers = {
            network: original_logits(original_module(network), seeded_images(image_px)).astype(float).round(6).tolist()
            for network, image_px in REFERENCE_PX.items()
        }
        REFERENCE.write_text(json.dumps(answers) + "\n")
    with tempfile.TemporaryDirectory() as folder:
        worst = []
        for network in REFERENCE_PX:
            (Path(folder) / network).mkdir()
            worst.append(compare(network, Path(folder) / network))
    return int(max(worst) >= MOST_DIFFERENCE)


if __name__ == "__main__":
    sys.exit(main())
