"""Real X-rays read as Pillow reads them; they are found through CXR_REAL_DATA."""

import numpy as np
import pytest
from PIL import Image

from cxr.images.files import read_image


@pytest.mark.parametrize(
    ("folder", "files", "modes"),
    [
        ("nih-native/images", 15, {"L", "RGBA"}),
        ("nih-subset/images_001/images", 20, {"L"}),
        ("lung-masks/images", 20, {"L", "RGB"}),
        ("lung-masks/masks", 20, {"L", "1"}),
    ],
)
def test_real_files_read_as_pillow_reads_them(real_data, folder, files, modes):
    paths = sorted((real_data / folder).iterdir())[:files]
    assert len(paths) == files
    for path in paths:
        with Image.open(path) as image:
            assert image.mode in modes
            expected = np.asarray(image.convert("RGB").convert("L")).astype(int)
        found = read_image(path)
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() <= 2, path.name
