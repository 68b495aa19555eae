"""The same picture stored again keeps its hash nearly; another picture does not."""

import cv2
import numpy as np
import pytest

from cxr.images.geometry import resize
from cxr.images.hashing import difference_hash, different_bits, pack_hashes
from cxr.phantoms.phantom import render_phantom
from cxr.phantoms.spec import PhantomSpec


@pytest.fixture(scope="module")
def pictures():
    return [render_phantom(PhantomSpec(image_px=160), patient, 0).image for patient in range(1, 13)]


CHANGES = {
    "jpeg": lambda image: cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], 0),
    "half": lambda image: resize(image, 80, 80),
    "contrast": lambda image: np.clip(image * 0.8 + 20, 0, 255).astype(np.uint8),
    "gamma": lambda image: (255 * (image / 255) ** 0.8).astype(np.uint8),
}


def bits(one, other):
    return int(different_bits(pack_hashes([one])[0], pack_hashes([other]))[0])


@pytest.mark.parametrize("change", CHANGES)
def test_a_copy_differs_in_few_bits(pictures, change):
    distances = [bits(difference_hash(image), difference_hash(CHANGES[change](image))) for image in pictures]
    assert max(distances) <= 16
    assert np.median(distances) <= 8


def test_other_patients_differ_in_many(pictures):
    hashes = [difference_hash(image) for image in pictures]
    packed = pack_hashes(hashes)
    for row in range(len(hashes)):
        distances = different_bits(packed[row], packed)
        assert distances[row] == 0
        assert np.delete(distances, row).min() > 16


def test_bits_are_counted_one_by_one():
    rng = np.random.default_rng(0)
    one, other = (rng.integers(0, 256, 32, dtype=np.uint8).tobytes() for _ in range(2))
    expected = sum((a ^ b).bit_count() for a, b in zip(one, other, strict=True))
    assert bits(one.hex(), other.hex()) == expected
    with pytest.raises(ValueError, match="non-hexadecimal"):
        pack_hashes(["xy"])
