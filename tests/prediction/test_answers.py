import keras
import numpy as np
import pytest

from cxr.images.files import read_image
from cxr.images.geometry import resize
from cxr.prediction.answers import Item, answer_items, heat_of
from cxr.prediction.opened import open_bundle

FINDINGS = ("Cardiomegaly", "Effusion", "Mass")
PLATT = {"Cardiomegaly": (1.5, -0.2), "Effusion": (0.8, 0.4), "Mass": (2.0, 0.0)}  # as the fixture fits them


@pytest.fixture(scope="module")
def answers(bundle, opened, images):
    items = [Item(path.name, path) for path in sorted(images.iterdir())]
    return {answer.item.name: answer for answer in answer_items(bundle, opened, items)}


def by_keras(group, pixels):
    """(M, K) probabilities and, per member, features @ kernel: what the members' own files say about a crop."""
    raw, maps = [], []
    for name, image_px in (("first", 32), ("second", 24)):
        model = keras.saving.load_model(group / name / "model.keras")
        image = resize(pixels, image_px, image_px).astype(np.float32)[None, ..., None]
        raw.append(keras.ops.convert_to_numpy(model(image, training=False))[0])
        features = keras.Model(model.input, model.get_layer("features").output)(image, training=False)
        kernel = model.get_layer("findings").get_weights()[0]
        maps.append(np.maximum(keras.ops.convert_to_numpy(features)[0] @ kernel, 0))
    return np.array(raw), maps


def test_an_answer_is_the_calibrated_mean_of_what_the_members_say_of_the_crop(answers, group):
    answer = answers["chest1.png"]
    raw, maps = by_keras(group, answer.crop.pixels)
    np.testing.assert_allclose(answer.raw, raw, atol=1e-5)
    slopes, intercepts = np.array([PLATT[finding] for finding in FINDINGS]).T
    mean = raw.mean(axis=0)
    expected = 1 / (1 + np.exp(-(slopes * np.log(mean / (1 - mean)) + intercepts)))
    np.testing.assert_allclose(answer.probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(answer.spread, np.abs(raw[0] - raw[1]) / 2, atol=1e-5)
    for found, wanted in zip(answer.maps, maps, strict=True):
        highest = wanted.max(axis=(0, 1))
        scaled = np.where(highest > 0, wanted / np.where(highest > 0, highest, 1), 0)
        np.testing.assert_allclose(found, scaled, atol=1e-3)


def test_the_crop_is_cut_around_the_lungs(answers, images):
    answer = answers["chest0.png"]
    dark = np.argwhere(read_image(images / "chest0.png") < 125)
    (y0, x0), (y1, x1) = dark.min(axis=0), dark.max(axis=0)
    box = answer.crop.box
    assert box.x0 <= x0 + 2 and box.x1 >= x1 - 2 and box.y0 <= y0 + 2 and box.y1 >= y1 - 2


def test_a_call_is_whether_the_probability_reaches_its_threshold(answers):
    # thresholds of the fixture: 0, 1, none
    assert answers["chest0.png"].calls == [True, False, None]


def test_an_image_without_lungs_gets_no_answer_unless_forced(answers, bundle, opened, images):
    assert answers["bright.png"].status == "unusable"
    assert answers["bright.png"].probabilities is None
    (forced,) = answer_items(bundle, opened, [Item("bright.png", images / "bright.png")], force=True)
    assert forced.status == "unusable"
    height, width = read_image(images / "bright.png").shape
    assert forced.crop.box.y1 - forced.crop.box.y0 == max(height, width)
    assert forced.probabilities.shape == (3,)


def test_answers_do_not_depend_on_what_else_is_asked(answers, bundle, opened, images):
    (alone,) = answer_items(bundle, opened, [Item("chest2.png", images / "chest2.png")])
    np.testing.assert_array_equal(alone.raw, answers["chest2.png"].raw)


def test_keras_answers_as_openvino_does(answers, bundle, images):
    other = open_bundle(bundle, "keras")
    (answer,) = answer_items(bundle, other, [Item("chest2.png", images / "chest2.png")])
    np.testing.assert_allclose(answer.raw, answers["chest2.png"].raw, atol=1e-4)


def test_one_file_that_breaks_the_reader_does_not_stop_the_others(bundle, opened, images, monkeypatch):
    import cxr.preparation.crop as crop

    read = crop.read_image

    def breaks(path):
        if path.name == "chest1.png":
            raise MemoryError("too much")
        return read(path)

    monkeypatch.setattr(crop, "read_image", breaks)
    items = [Item(name, images / name) for name in ("chest0.png", "chest1.png", "chest2.png", "no.png")]
    found = answer_items(bundle, opened, items)
    assert [answer.status for answer in found] == ["ok", "rejected", "ok", "rejected"]
    assert found[1].reason == "cannot be processed: MemoryError: too much"
    assert "No such file" in found[3].reason


def test_heat_is_the_mean_of_the_members_maps_drawn_where_they_lie(answers, bundle):
    answer = answers["chest0.png"]
    heat = heat_of(bundle, answer, 0, 32)
    assert heat.shape == (32, 32)
    assert heat.min() >= 0 and heat.max() <= 1
    hottest = [np.unravel_index(maps[..., 0].argmax(), maps.shape[:2]) for maps in answer.maps]
    places = [
        tuple((member.first + member.step * place) * 32 for place in hot)
        for member, hot in zip(bundle.record.members, hottest, strict=True)
    ]
    best = [heat[min(int(y), 31), min(int(x), 31)] for y, x in places]
    assert max(best) > 0.45  # one member is at its maximum there, and it has half of the weight
