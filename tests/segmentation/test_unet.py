import keras
import numpy as np
import pytest

from cxr.segmentation.unet import build_unet


@pytest.mark.parametrize(("image_px", "width", "depth"), [(32, 4, 2), (48, 3, 4), (16, 2, 1)])
def test_the_mask_has_the_size_of_the_image(image_px, width, depth):
    unet = build_unet(image_px, width, depth)
    assert unet.input.name == "image"
    assert unet.output_names == ["mask"]
    images = np.random.default_rng(0).uniform(0, 255, (2, image_px, image_px, 1))
    masks = keras.ops.convert_to_numpy(unet(images))
    assert masks.shape == images.shape
    assert masks.min() >= 0
    assert masks.max() <= 1


def test_every_level_has_twice_the_filters():
    unet = build_unet(32, width=4, depth=3)
    names = ["down0a_conv", "down1a_conv", "down2a_conv", "bottoma_conv", "up2a_conv", "up1a_conv", "up0b_conv"]
    assert [unet.get_layer(name).filters for name in names] == [4, 8, 16, 32, 16, 8, 4]
    assert not any(isinstance(layer, keras.Model) for layer in unet.layers)


def test_skips_lead_from_every_level_to_its_partner():
    unet = build_unet(32, width=4, depth=2)
    for level in (0, 1):
        joined = [tensor.shape[1] for tensor in unet.get_layer(f"join{level}").input]
        assert joined == [32 // 2**level] * 2


def test_filters_stop_doubling_at_the_most_allowed():
    free, capped = build_unet(32, 4, 3), build_unet(32, 4, 3, width_max=8)
    widest = [max(layer.filters for layer in unet.layers if hasattr(layer, "filters")) for unet in (free, capped)]
    assert widest == [32, 8]


def test_a_first_stride_works_at_half_the_size():
    unet = build_unet(32, 4, 2, first_stride=2)
    assert unet.get_layer("down0a_conv").output.shape[1:3] == (16, 16)
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 1))
    assert unet(images).shape == (2, 32, 32, 1)
    with_one = build_unet(32, 4, 2)
    assert unet.count_params() - with_one.count_params() == 4 * 4 * 4 + 4 * 4 + (4 - 1) * 9 * 4  # halving, wider input
