"""Whatever file is given: the grey image that a viewer shows, or an ImageError that says why not."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from cxr.images.files import ImageError, read_image, write_png

GREY_LEVELS = 2
"""By how much our luminance and Pillow's may differ."""
LOSS = 6
"""What JPEG of quality 98 may add to that."""
ORIENTATION = 0x0112


@pytest.fixture
def read(tmp_path):
    """A function: bytes -> read_image of a file with this content."""

    def read(content):
        (tmp_path / "image").write_bytes(content)
        return read_image(tmp_path / "image")

    return read


def assert_close(found, expected, within=GREY_LEVELS):
    expected = np.asarray(expected).astype(int)
    assert found.dtype == np.uint8
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() <= within


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1"])
def test_png_of_any_colour_model_is_its_luminance(read, encode, colours, mode):
    image = colours.quantize(64) if mode == "P" else colours.convert(mode)
    assert_close(read(encode(image, "png")), image.convert("RGB").convert("L"))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_dropped_whatever_it_holds(read, encode, colours, grey, mode):
    image = colours.convert(mode)
    image.putalpha(Image.fromarray(255 - np.asarray(grey)))
    assert_close(read(encode(image, "png")), grey)


@pytest.mark.parametrize(("mode", "transparent"), [("L", 5), ("RGB", (4, 6, 4)), ("P", 3)])
def test_a_transparent_colour_stays_as_it_is(read, encode, colours, mode, transparent):
    image = colours.quantize(64) if mode == "P" else colours.convert(mode)
    assert_close(read(encode(image, "png", transparency=transparent)), image.convert("RGB").convert("L"))


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_16_bit_files_are_scaled_from_the_depth_of_the_detector(read, encode, bits):
    values = np.linspace(0, 2**bits - 1, 2400).reshape(40, 60).astype(np.uint16)
    assert_close(read(encode(Image.fromarray(values), "png")), np.floor(values / 2 ** (bits - 8)), within=0)


def test_8_bit_content_of_a_16_bit_file_is_not_stretched(read, encode):
    values = np.linspace(0, 200, 2400).reshape(40, 60).astype(np.uint16)
    assert_close(read(encode(Image.fromarray(values), "png")), values, within=0)


@pytest.mark.parametrize(("colour_type", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_16_bit_colour_and_alpha_become_luminance(read, png_blocks, colours, grey, colour_type, channels):
    colour = np.asarray(colours) if channels > 2 else np.asarray(grey)[..., None]
    alpha = np.full((*colour.shape[:2], 1), 99, np.uint8)
    pixels = np.concatenate([colour, alpha], axis=-1)[..., :channels].astype(np.uint16)
    assert_close(read(png_blocks(pixels * 257, colour_type)), grey)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize(
    "options",
    [{}, {"progressive": True}, {"restart_marker_blocks": 2}, {"keep_rgb": True}, {"subsampling": 0}],
    ids=lambda options: next(iter(options), "plain"),
)
def test_jpeg_is_its_luminance(read, encode, pillow, colours, grey, mode, options):
    content = encode(colours.convert(mode), "jpeg", quality=98, **options)
    assert_close(read(content), pillow(content).convert("L"))
    assert_close(read(content), grey, within=LOSS)


def test_cmyk_jpeg_is_the_picture_and_not_its_negative(read, encode, colours, grey):
    content = encode(colours.convert("CMYK"), "jpeg", quality=98)
    assert b"Adobe" in content  # stored inverted, as Photoshop does, and marked so
    assert_close(read(content), grey, within=LOSS)


def test_black_ink_of_a_cmyk_jpeg_counts(read, encode, colours):
    cmyk = Image.merge("CMYK", [*colours.convert("CMYK").split()[:3], colours.getchannel("R")])
    assert_close(read(encode(cmyk, "jpeg", quality=98)), cmyk.convert("RGB").convert("L"), within=LOSS)


def test_cmyk_jpeg_without_adobes_mark_is_taken_as_inverted_too(read, encode, colours, grey):
    content = encode(colours.convert("CMYK"), "jpeg", quality=98)
    start = content.index(b"\xff\xee")
    end = start + 2 + int.from_bytes(content[start + 2 : start + 4])
    assert_close(read(content[:start] + content[end:]), grey, within=LOSS)


@pytest.mark.parametrize("kind", ["jpeg", "png"])
@pytest.mark.parametrize("orientation", range(10))
def test_an_exif_orientation_is_applied(read, encode, pillow, grey, kind, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation  # 1 to 8 are defined; others mean nothing
    content = encode(grey, kind, exif=exif)
    assert_close(read(content), ImageOps.exif_transpose(pillow(content)))


def test_orientation_6_is_a_quarter_turn_clockwise(read, encode, grey):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    assert_close(read(encode(grey, "png", exif=exif)), np.rot90(np.asarray(grey), -1), within=0)


@pytest.mark.parametrize(("order", "sign"), [("little", b"II"), ("big", b"MM")])
def test_exif_is_read_in_both_byte_orders_and_behind_other_tags(read, encode, grey, order, sign):
    def number(value, size):
        return value.to_bytes(size, order)

    other = number(0x010F, 2) + number(2, 2) + number(4, 4) + b"abc\0"
    upside_down = number(ORIENTATION, 2) + number(3, 2) + number(1, 4) + number(3, 2) + b"\0\0"
    exif = sign + number(42, 2) + number(8, 4) + number(2, 2) + other + upside_down + number(0, 4)
    content = encode(grey, "jpeg", quality=98)
    for block, expected in (
        (exif, np.asarray(grey)[::-1, ::-1]),
        (exif[:30], np.asarray(grey)),  # damaged: upright
        (b"XX" + exif[2:], np.asarray(grey)),
    ):
        segment = b"\xff\xe1" + (len(block) + 8).to_bytes(2) + b"Exif\0\0" + block
        assert_close(read(content[:2] + segment + content[2:]), expected, within=LOSS)


def test_colour_profiles_comments_and_animation_change_nothing(read, png_blocks, encode, grey, capfd):
    pixels = np.asarray(grey)[..., None]
    blocks = [(b"iCCP", b"x\0\0junk"), (b"gAMA", b"\0\0\0\1"), (b"acTL", b"\0\0\0\2\0\0\0\0"), (b"tEXt", b"a\0b")]
    assert_close(read(png_blocks(pixels, 0, more=blocks)), grey, within=0)
    content = encode(grey, "jpeg", quality=98, comment=b"\xff\xd9", icc_profile=b"junk")
    assert_close(read(content), grey, within=LOSS)
    assert_close(read(content + b"\0" * 500), grey, within=LOSS)
    assert capfd.readouterr() == ("", "")


def test_pixels_may_be_written_to(read, encode, grey):
    for kind in ("png", "jpeg"):
        read(encode(grey, kind))[:] = 0


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda content: b"", r"is empty \(0 bytes\)"),
        (lambda content: b"Image Index,Finding Labels\n", r"is neither PNG nor JPEG nor DICOM \(.*b'Imag'\)"),
        (lambda content: content[: len(content) // 2], "is truncated: its end marker is missing"),
        (lambda content: content[:-5], "is truncated: its end marker is missing"),
        (lambda content: content[:8], "is truncated: its end marker is missing"),
        (lambda content: content[:80] + b"\0" * 20 + content[100:], "is damaged: the checksum"),
        (lambda content: content[:20] + b"\xff" + content[21:], "is damaged: the checksum"),
        (lambda content: content[:8] + content[33:], "cannot be decoded|is damaged"),
    ],
    ids=["empty", "text", "half", "without its end", "head only", "body", "header", "without header"],
)  # fmt: skip
def test_a_png_that_is_not_whole_says_why(read, encode, grey, spoil, message):
    with pytest.raises(ImageError, match=message):
        read(spoil(encode(grey, "png")))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda content: content[: len(content) // 2], "is truncated: its end marker is missing"),
        (lambda content: content[:3], "is truncated: its end marker is missing"),
        (lambda content: content[:-2], "is truncated: its end marker is missing"),
        (lambda content: content[:20] + b"\0" * 40 + content[60:], "is damaged: its header is broken"),
        (lambda content: content[: content.index(b"\xff\xda")] + b"\xff\xd9", "is truncated"),
        (lambda content: content.replace(b"\xff\xc0\0\x0b\x08\0", b"\xff\xc0\0\x0b\x0c\0"), "cannot be decoded"),
    ],
    ids=["half", "head only", "without its end", "header", "without scan", "12 bit"],
)
def test_a_jpeg_that_is_not_whole_says_why(read, encode, grey, spoil, message):
    with pytest.raises(ImageError, match=message):
        read(spoil(encode(grey, "jpeg")))


def test_a_truncated_jpeg_with_a_whole_thumbnail_is_truncated(read, encode, grey):
    thumbnail = encode(grey.resize((8, 8)), "jpeg")
    content = encode(grey, "jpeg")
    whole = content[:2] + b"\xff\xe1" + (len(thumbnail) + 8).to_bytes(2) + b"Exif\0\0" + thumbnail + content[2:]
    read(whole)
    with pytest.raises(ImageError, match="is truncated"):
        read(whole[:-20])


@pytest.mark.parametrize("size", [(40_000, 40_000), (2**31 - 1, 2**31 - 1), (0, 20)])
def test_a_size_no_xray_has_is_refused_before_memory_is_taken(read, png_blocks, encode, grey, size):
    message = f"claims {size[0]} x {size[1]} pixels; 1 to 100000000 are supported"
    with pytest.raises(ImageError, match=message):
        read(png_blocks(np.zeros((2, 2, 1), np.uint8), 0, size=size))
    if size[0] == 40_000:
        content = encode(grey, "jpeg")
        at = content.index(b"\xff\xc0") + 5
        with pytest.raises(ImageError, match=message):
            read(content[:at] + size[1].to_bytes(2) + size[0].to_bytes(2) + content[at + 4 :])


def test_a_missing_file_a_folder_and_a_locked_file_say_why(tmp_path, encode, grey):
    with pytest.raises(ImageError, match="cannot be read: No such file or directory"):
        read_image(tmp_path / "nowhere.png")
    with pytest.raises(ImageError, match="cannot be read: Is a directory"):
        read_image(tmp_path)
    locked = tmp_path / "locked.png"
    locked.write_bytes(encode(grey, "png"))
    locked.chmod(0)
    if os.access(locked, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(ImageError, match="cannot be read: Permission denied"):
        read_image(locked)


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_an_image_without_contrast_is_refused(read, encode, kind):
    with pytest.raises(ImageError, match="has no contrast: every pixel is 77"):
        read(encode(Image.new("L", (30, 20), 77), kind))


def test_what_write_png_writes_reads_back(tmp_path, colours, grey):
    for image in (colours, grey):
        write_png(tmp_path / "new" / "image.png", np.asarray(image))
        with Image.open(tmp_path / "new" / "image.png") as written:
            np.testing.assert_array_equal(np.asarray(written), np.asarray(image))
        assert_close(read_image(tmp_path / "new" / "image.png"), grey)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["image.png"]


def test_a_pipe_or_a_device_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", Path("/dev/zero")):
        with pytest.raises(ImageError, match="is a pipe or a device"):
            read_image(path)
