"""Random damage: an array or an ImageError, never another exception, and nothing on the terminal."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cxr.images.files import ImageError, read_image

FAST = settings(max_examples=150, deadline=None, derandomize=True)
HEADS = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff"}


@pytest.fixture(scope="module")
def valid_files(encode, colours, grey):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    return {
        "png": encode(grey, "png"),
        "png palette exif": encode(colours.quantize(16), "png", exif=exif),
        "jpeg": encode(grey, "jpeg"),
        "jpeg colour exif": encode(colours, "jpeg", exif=exif),
        "jpeg progressive": encode(colours, "jpeg", progressive=True),
        "jpeg cmyk": encode(colours.convert("CMYK"), "jpeg"),
    }


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("damage") / "image"


@pytest.fixture
def silence(capfd):
    yield
    assert capfd.readouterr() == ("", "")


def read_or_refuse(path, content):
    """Return the array, or None where it is refused; anything else is a crash."""
    path.write_bytes(content)
    try:
        pixels = read_image(path)
    except ImageError as error:
        assert str(error)
        return None
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 2
    assert pixels.min() < pixels.max()
    return pixels


@pytest.mark.usefixtures("silence")
@pytest.mark.parametrize("head", ["", *HEADS])
def test_random_bytes(path, head):
    @FAST
    @given(st.binary(max_size=200))
    def check(content):
        assert read_or_refuse(path, HEADS.get(head, b"") + content) is None

    check()


@pytest.mark.usefixtures("silence")
def test_truncation_is_never_overlooked(path, valid_files):
    @FAST
    @given(st.sampled_from(sorted(valid_files)), st.floats(0, 1, exclude_max=True))
    def check(name, share):
        content = valid_files[name]
        assert read_or_refuse(path, content[: int(len(content) * share)]) is None

    check()


@pytest.mark.usefixtures("silence")
def test_changed_bytes(path, valid_files):
    @settings(FAST, max_examples=400)
    @given(
        st.sampled_from(sorted(valid_files)),
        st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4),
        st.booleans(),
    )
    def check(name, changes, in_header):
        content = bytearray(valid_files[name])
        for share, value in changes:
            content[int(share * (min(len(content), 250) if in_header else len(content)))] = value
        found = read_or_refuse(path, bytes(content))
        if name.startswith("png") and bytes(content) != valid_files[name]:
            assert found is None  # PNG has checksums

    check()
