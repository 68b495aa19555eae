import numpy as np
import pytest

from cxr.images.files import ImageError, write_jpeg, write_png
from cxr.images.geometry import resize
from cxr.images.hashing import difference_hash
from cxr.visualization.originals import Prepared, read_original


@pytest.fixture
def image():
    """(60, 80) uint8 with some structure."""
    return resize(np.random.default_rng(1).integers(0, 255, (12, 16), dtype=np.uint8), 60, 80)


def test_the_same_image_is_read_also_when_it_was_stored_again(image, tmp_path):
    prepared = Prepared(60, 80, difference_hash(resize(image, 64, 64)))  # as preparation takes it
    write_png(tmp_path / "a.png", image)
    np.testing.assert_array_equal(read_original(tmp_path / "a.png", prepared), image)
    write_jpeg(tmp_path / "a.jpg", image)
    assert read_original(tmp_path / "a.jpg", prepared).shape == image.shape


def test_what_changed_since_is_refused_and_says_how(image, tmp_path):
    prepared = Prepared(60, 80, difference_hash(image))
    for name, other, said in (
        ("size", image.T, "is 60 x 80 pixels now and was 80 x 60 when the data were prepared"),
        ("content", image[::-1], "shows another image than when the data were prepared"),
    ):
        write_png(tmp_path / name, other)
        with pytest.raises(ImageError, match=said):
            read_original(tmp_path / name, prepared)
        np.testing.assert_array_equal(read_original(tmp_path / name, None), other)
    with pytest.raises(ImageError, match="No such file"):
        read_original(tmp_path / "gone.png", prepared)
