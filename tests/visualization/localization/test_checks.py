"""Deletion and insertion, random weights, heat inside lungs, the written boxes, the chosen examples."""

import csv
import json
from dataclasses import replace

import keras
import numpy as np
import pytest

from cxr.classification.lung_control import mask_in_crop
from cxr.engines.saved import load_model
from cxr.images.geometry import Box
from cxr.images.lies import BY_NAME
from cxr.visualization.localization.deletion import (
    STEPS,
    area_under,
    changed_crops,
    choose_sample,
    measure_curves,
    predict_with,
)
from cxr.visualization.localization.examples import (
    FOUND_COLOUR,
    PANEL_PX,
    caption_of,
    choose_examples,
    draw_example,
)
from cxr.visualization.localization.frames import Frame
from cxr.visualization.localization.lungs import LungMass
from cxr.visualization.localization.measures import NUMBERS
from cxr.visualization.localization.randomised import randomise_members
from cxr.visualization.localization.scores import Scores
from cxr.visualization.localization.walk import MAP_PX, Chunk
from cxr.visualization.localization.written import Asked, box_files
from cxr.visualization.maps import open_maps
from cxr.visualization.methods.grad_cam import with_maps
from cxr.visualization.overlay import TRUE_COLOUR

RANDOM = np.random.default_rng(4)


def test_the_hottest_pixels_go_first_and_all_are_gone_at_last():
    crop, heat = RANDOM.integers(0, 256, (24, 24), dtype=np.uint8), RANDOM.random((24, 24))
    steps = changed_crops(crop, heat, "deletion")
    grey = round(crop.mean())
    np.testing.assert_array_equal(steps[0], crop)
    assert (steps[-1] == grey).all()
    for step, image in enumerate(steps):
        count = step * heat.size // STEPS
        hottest = heat >= np.sort(heat.ravel())[::-1][count - 1] if count else np.zeros(heat.shape, bool)
        np.testing.assert_array_equal(image, np.where(hottest, grey, crop))
    inserted = changed_crops(crop, heat, "insertion")
    np.testing.assert_array_equal(inserted[-1], crop)
    assert np.abs(inserted[0] - inserted[0].mean()).mean() < np.abs(crop - crop.mean()).mean() / 2


def test_a_map_of_the_right_place_is_better_than_one_of_the_wrong_place():
    crop = np.full((32, 32), 20, np.uint8)
    crop[4:12, 4:12] = 220
    right, wrong = np.zeros((2, 32, 32))
    right[4:12, 4:12], wrong[20:28, 20:28] = 1, 1

    def predict(crops):
        return crops[:, 4:12, 4:12].mean(axis=(1, 2))[:, None] / 255

    good, bad = (measure_curves(crop, heat, 0, predict) for heat in (right, wrong))
    assert good["deletion"] < bad["deletion"]
    assert good["insertion"] > bad["insertion"]
    assert area_under(np.linspace(0, 1, STEPS + 1)) == pytest.approx(0.5)


def test_the_sample_is_of_images_with_a_finding_and_the_same_again(store):
    rows = np.flatnonzero(store.parts == "test")
    chosen = choose_sample(store, rows, 3, 0)
    assert chosen.tolist() == choose_sample(store, rows, 3, 0).tolist()
    assert len(chosen) == 3
    assert (store.labels[chosen] == 1).any(axis=1).all()
    assert len(choose_sample(store, rows, 0, 0)) == 0


def test_the_members_are_averaged_for_the_curves(trained, store, tmp_path):
    folders = [trained[0] / name for name in ("first", "second")]
    predict = predict_with(folders, store.findings, "keras", tmp_path)
    rows = np.flatnonzero(store.parts == "test")[:3]
    from cxr.evaluation.predictions import read_predictions

    written = read_predictions(trained[0] / "predictions.csv")
    place = {image_id: row for row, image_id in enumerate(written.image_ids)}
    expected = written.probabilities[[place[image_id] for image_id in store.image_ids[rows]]]
    np.testing.assert_allclose(predict(store.crops[store.rows[rows]]), expected, atol=1e-5)


def test_random_weights_are_new_everywhere_repeatable_and_still_make_maps(trained, store, tmp_path):
    folders = [trained[0] / name for name in ("first", "second")]
    made = randomise_members(folders, tmp_path / "one", 7)
    again = randomise_members(folders, tmp_path / "two", 7)
    for folder, one, two in zip(folders, made, again, strict=True):
        model, fresh, same = (load_model(place / "model.keras") for place in (folder, one, two))
        for layer in model.layers:
            if isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense)):
                kernel = layer.get_weights()[0]
                assert not np.allclose(kernel, fresh.get_layer(layer.name).get_weights()[0])
        for first, second in zip(fresh.get_weights(), same.get_weights(), strict=True):
            np.testing.assert_array_equal(first, second)
        assert with_maps(fresh).output_names == with_maps(model).output_names
    rows = np.flatnonzero(store.parts == "test")[:4]
    with open_maps(made, store, "keras") as read:
        assert read(rows).heat(0, 0, 32).shape == (32, 32)


@pytest.mark.parametrize("lie", ["", "head left"])
def test_the_heat_inside_the_lungs_is_counted_where_the_crop_shows_them(store, lie):
    masks = np.zeros((len(store.rows), 16, 2), np.uint8)
    masks[:, 4:12, 0] = 0b00111100
    boxes = [Box(-4, 2, 60, 66)] * len(store.rows)
    labels = np.zeros_like(store.labels)
    labels[[0, 1], 1] = 1
    small = replace(
        store, lungs=masks, boxes=boxes, lies=[BY_NAME[lie]] * len(store.rows), labels=labels,
        rows=np.arange(len(store.rows)),
    )  # fmt: skip
    heat = RANDOM.random((3, 3, MAP_PX, MAP_PX)).astype(np.float32)
    usable = np.ones(len(store.rows), bool)
    usable[1] = False
    mass = LungMass(small, np.full((len(store.rows), 2), 64), usable)
    mass.add(Chunk(small, np.arange(3), heat, (8, 8)))
    assert (mass.rows, mass.findings) == ([0], [1])
    mask = np.zeros((16, 16), bool)
    mask[4:12, 2:6] = True
    inside = mask_in_crop(mask, boxes[0], BY_NAME[lie], 64, 64, MAP_PX)
    assert mass.inside[0] == pytest.approx(float(heat[0, 1][inside].sum() / heat[0, 1].sum()), rel=1e-5)
    assert mass.even[0] == pytest.approx(inside.mean())


def test_boxes_are_written_in_pixels_for_what_is_positive_and_both_files_agree(store, tmp_path):
    rows = np.array([0, 1])
    sizes = np.tile([40, 52], (len(store.image_ids), 1))
    positive = np.array([[True, False, True], [False, True, False]])
    asked = Asked({str(store.image_ids[row]): i for i, row in enumerate(rows)}, np.full((2, 3), 0.25), positive)
    chunk = Chunk(store, rows, np.zeros((2, 3, 4, 4), np.float32), (2, 2))
    box = np.array([[0.25, 0.5, 0.75, 1.0, 0.9], [0.0, 0.0, 0.25, 0.25, 0.5]])
    found = [[box, box, np.zeros((0, 5))], [box[:1], box[1:], box]]
    with box_files(tmp_path, store, sizes, asked, {"boxes": {"fit": "given"}}) as (write, counts):
        write(chunk.rows, found)
    content = json.loads((tmp_path / "boxes.json").read_text())
    assert content["boxes"] == {"fit": "given"}
    assert [image["image_id"] for image in content["images"]] == store.image_ids[rows].tolist()
    assert [list(image["findings"]) for image in content["images"]] == [["Cardiomegaly", "Mass"], ["Effusion"]]
    with (tmp_path / "boxes.csv").open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    flat = [
        (image["image_id"], finding, *one.values())
        for image in content["images"]
        for finding, answer in image["findings"].items()
        for one in answer["boxes"]
    ]
    keys = ("x", "y", "width", "height", "score")
    assert flat == [(line["image_id"], line["finding"], *(float(line[key]) for key in keys)) for line in lines]
    assert counts == {"images": 2, "boxes": 3} == {"images": 2, "boxes": len(lines)}
    x0, y0, x1, y1 = store.boxes[0]
    width, height = x1 - x0, y1 - y0
    low, high = np.array([x0 + width / 4, y0 + height / 2]), np.array([x0 + width * 3 / 4, y0 + height])
    low, high = (np.clip(corner, 0, [52, 40]) for corner in (low, high))
    assert flat[0][2:6] == pytest.approx([*low, *(high - low)], abs=0.01)


def test_examples_are_of_different_findings_and_never_the_same_picture():
    rows, findings = np.arange(10), np.array([0, 0, 0, 0, 0, 1, 1, 2, 2, 3])
    values = np.zeros((10, len(NUMBERS)))
    values[:, 1] = np.linspace(0.9, 0.0, 10)
    chosen = choose_examples(Scores(rows, findings, np.ones(10, int), {"own": values}))
    best = [one for one in chosen if one.kind == "best"]
    worst = [one for one in chosen if one.kind == "worst"]
    assert [one.row for one in best] == [0, 5, 7, 9]
    assert [(one.finding, one.row) for one in worst][:3] == [(2, 8), (1, 6), (0, 4)]
    assert not {(one.row, one.finding) for one in best} & {(one.row, one.finding) for one in worst}


def test_an_example_names_its_boxes_and_shows_them_where_they_are():
    """Nothing of a long name is cut off, and the picture stays as wide as its X-ray."""
    image, name = np.full((60, 90), 30, np.uint8), "x" * 70 + ".png"
    frame = Frame(Box(0, 0, 90, 90), BY_NAME[""], 60, 90)
    true, found = np.array([[10.0, 10, 30, 40]]), np.array([[45.0, 5, 80, 50]])
    caption = caption_of("Pleural_Thickening", name, 0.126)
    assert [text for text, _ in caption[:3]] == ["Pleural Thickening", "13 % of the heat in the true box", name]
    picture = draw_example(image, np.zeros((16, 16), np.float32), frame, found, true, 0.5, caption)
    height = round(PANEL_PX * 60 / 90)
    assert picture.shape[1] == PANEL_PX
    strip, xray = picture[:-height], picture[-height:]
    for colour, box in ((TRUE_COLOUR, true[0]), (FOUND_COLOUR, found[0])):
        assert (strip == colour).all(axis=2).any()  # says what the colour stands for
        rows, columns = np.nonzero((xray == colour).all(axis=2))
        corners = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) * 90 / PANEL_PX
        assert corners == pytest.approx(box, abs=0.5)
    assert (strip[:, -5:] == strip[0, 0]).all()
