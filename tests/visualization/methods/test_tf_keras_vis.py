"""Grad-CAM, Grad-CAM++ and SmoothGrad beside tf-keras-vis, which is for development only; skipped without it."""

import numpy as np
import pytest

from cxr.visualization.heat import normalize_maps

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*scipy.ndimage.interpolation.*:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The structure of `inputs` doesn't match:UserWarning"),
]
BARE = {"penultimate_layer": "features", "seek_penultimate_conv_layer": False, "expand_cam": False,
        "normalize_cam": False}  # fmt: skip


@pytest.fixture
def theirs():
    """A function: name of their class, network, images, options -> maps (N, h, w, K), each over its maximum."""
    gradcam = pytest.importorskip("tf_keras_vis.gradcam")
    from tf_keras_vis import gradcam_plus_plus, saliency
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    kinds = {"Gradcam": gradcam, "GradcamPlusPlus": gradcam_plus_plus, "Saliency": saliency}

    def run(kind, model, images, **options):
        asked = getattr(kinds[kind], kind)(model, model_modifier=ReplaceToLinear(), clone=True)
        maps = [asked(CategoricalScore([k] * len(images)), images, **options) for k in range(model.output_shape[-1])]
        return normalize_maps(np.stack([np.asarray(map_) for map_ in maps], axis=-1))

    return run


def test_grad_cam_is_theirs(network, explain, theirs):
    model, images = network
    np.testing.assert_allclose(
        explain("grad_cam", model, images)[1], theirs("Gradcam", model, images, **BARE), atol=2e-3
    )


def test_smooth_grad_is_like_theirs_with_other_noise(build_network, images_of, explain, theirs):
    model, images = build_network("tiny"), images_of(32)
    found = explain("smooth_grad", model, images)[1]
    expected = theirs("Saliency", model, images, smooth_samples=25, smooth_noise=0.15, normalize_map=False)
    for i, k in np.ndindex(3, 3):
        assert np.corrcoef(found[i, ..., k].ravel(), expected[i, ..., k].ravel())[0, 1] > 0.5


def test_grad_cam_plus_plus_is_near_theirs_which_divides_the_alphas_by_their_sum(
    build_network, images_of, explain, theirs
):
    model, images = build_network("tiny"), images_of(32)
    found, expected = explain("grad_cam_plus_plus", model, images)[1], theirs("GradcamPlusPlus", model, images, **BARE)
    for i, k in np.ndindex(3, 3):
        assert np.corrcoef(found[i, ..., k].ravel(), expected[i, ..., k].ravel())[0, 1] > 0.95
