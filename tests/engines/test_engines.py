import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Thread

import keras
import numpy as np
import openvino
import pytest

from cxr.config.errors import UserError
from cxr.engines import engine as choice
from cxr.engines.engine import choose_engine, open_engine
from cxr.engines.keras_engine import KerasEngine
from cxr.engines.openvino_engine import OpenVinoEngine, export_openvino


def direct(model, images):
    """The model called on all images at once, without any engine."""
    outputs = model(images, training=False)
    return [keras.ops.convert_to_numpy(y) for y in (outputs if isinstance(outputs, list) else [outputs])]


def test_openvino_gives_the_lung_masks_that_keras_gives(unet, unet_files, images):
    (found,) = OpenVinoEngine(unet_files).run(images)
    (expected,) = direct(unet, images)
    assert found.shape == (21, 32, 32, 1)
    assert found.dtype == np.float32
    assert expected.std() > 0.01  # otherwise any two networks agree
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_exported_lung_network_has_one_output_whatever_the_converter_adds(unet_files):
    core = openvino.Core()
    assert len(core.read_model(unet_files).outputs) == 1


def test_openvino_gives_probabilities_first_and_maps_second(classifier, classifier_files, images):
    found = OpenVinoEngine(classifier_files).run(images)
    expected = direct(classifier, images)
    assert [array.shape for array in found] == [(21, 3), (21, 4, 4, 3)]
    assert expected[0].std() > 0.01
    assert expected[1].std() > 0.01
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4 * max(1, np.abs(theirs).max()))


def test_outputs_of_one_shape_keep_their_order(tmp_path, images):
    image = keras.Input((32, 32, 1))
    dark, bright = (keras.layers.Rescaling(scale)(image) for scale in (0.5, 2.0))
    engine = OpenVinoEngine(export_openvino(keras.Model(image, [bright, dark]), tmp_path))
    for found, factor in zip(engine.run(images), (2.0, 0.5), strict=True):
        np.testing.assert_allclose(found, images * factor, rtol=1e-6)


@pytest.mark.parametrize("threads", [0, 1])
def test_openvino_gives_the_same_bits_however_images_are_grouped(unet_files, images, threads):
    engine = OpenVinoEngine(unet_files, batch=8, threads=threads)
    (together,) = engine.run(images)
    (single,) = engine.run(images[:1])
    groups = [engine.run(part)[0] for part in np.split(images, [1, 4, 12])]
    np.testing.assert_array_equal(np.concatenate(groups), together)
    np.testing.assert_array_equal(single, together[:1])


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads and their cores are read from /proc")
def test_no_thread_is_tied_to_a_core(unet_files, images):
    """Each worker process would choose the same one."""
    everywhere = os.sched_getaffinity(0)
    if len(everywhere) == 1:
        pytest.skip("this machine has one core")
    engine, seen = OpenVinoEngine(unet_files, batch=8, threads=1), []
    running = Thread(target=lambda: [engine.run(images) for _ in range(100)])
    running.start()
    while running.is_alive():
        with suppress(OSError):  # a thread that has just ended
            seen += [os.sched_getaffinity(int(thread.name)) for thread in Path("/proc/self/task").iterdir()]
    assert len(seen) > 100
    assert all(cores == everywhere for cores in seen)


def test_keras_gives_the_same_numbers_however_images_are_grouped(classifier, images):
    together = KerasEngine(classifier, batch=8).run(images)
    for groups in zip(*(KerasEngine(classifier, batch=5).run(part) for part in np.split(images, [4, 12])), strict=True):
        expected = together.pop(0)
        np.testing.assert_allclose(np.concatenate(groups), expected, atol=1e-4)
    assert together == []


def test_a_keras_model_with_one_output_gives_a_list_of_one(unet, images):
    (found,) = KerasEngine(unet).run(images)
    np.testing.assert_allclose(found, direct(unet, images)[0], atol=1e-5)


@pytest.mark.parametrize("name", ["openvino", "keras"])
def test_threads_may_share_an_engine(name, unet, unet_files, images):
    engine = OpenVinoEngine(unet_files, batch=1) if name == "openvino" else KerasEngine(unet)
    (expected,) = direct(unet, images)
    with ThreadPoolExecutor(4) as pool:
        for (found,) in pool.map(engine.run, [images] * 8):
            np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("name", ["openvino", "keras"])
def test_images_of_whole_numbers_are_taken(name, unet, unet_files, images):
    engine = OpenVinoEngine(unet_files) if name == "openvino" else KerasEngine(unet)
    whole = images.round()
    np.testing.assert_allclose(engine.run(whole.astype(np.uint8))[0], engine.run(whole)[0], atol=1e-5)


def test_the_engine_asked_for_is_opened(unet, tmp_path, images):
    assert open_engine(unet, "keras", tmp_path / "none").name == "keras"
    assert not (tmp_path / "none").exists()
    engine = open_engine(unet, "openvino", tmp_path / "files")
    assert engine.name == "openvino"
    np.testing.assert_allclose(engine.run(images)[0], direct(unet, images)[0], atol=1e-4)


def test_auto_is_keras_where_there_is_a_gpu_and_openvino_elsewhere(monkeypatch):
    assert (choose_engine("keras"), choose_engine("openvino")) == ("keras", "openvino")
    for devices, expected in [([], "openvino"), (["gpu:0"], "keras")]:
        monkeypatch.setattr(keras.distribution, "list_devices", lambda found=devices: found)
        assert choose_engine("auto") == expected


def test_only_tensorflow_exports_to_openvino(monkeypatch):
    monkeypatch.setattr(choice, "backend_name", lambda: "jax")
    assert choose_engine("auto") == choose_engine("keras") == "keras"
    with pytest.raises(UserError, match='"openvino" needs TensorFlow, Keras runs on jax; use "keras" or "auto"'):
        choose_engine("openvino")
