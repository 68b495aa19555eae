import json

import keras
import numpy as np
import pytest
from keras import layers

from cxr.classification.networks.classifier import build_classifier
from cxr.classification.networks.first_weights import begin_classifier, take_over
from cxr.config.errors import UserError
from cxr.config.member import Member

FINDINGS = ("Cardiomegaly", "Effusion", "Mass")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished member: a tiny network of random weights, also in its batch statistics."""
    folder = tmp_path_factory.mktemp("finished")
    model = build_classifier(Member(network="tiny", image_px=32), 3)
    random = np.random.default_rng(5)
    model.set_weights([w + random.uniform(0.1, 0.2, w.shape) for w in model.get_weights()])
    model.save(folder / "model.keras")
    (folder / "run.json").write_text(json.dumps({"finished": True, "findings": list(FINDINGS)}))
    return model, folder / "model.keras"


def tiny(path, **changes):
    return Member(**{"network": "tiny", "image_px": 48, "weights": str(path), **changes})


def assert_same(layer, other):
    for found, expected in zip(layer.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_every_layer_begins_as_in_the_file(finished):
    source, path = finished
    model, taken = begin_classifier(tiny(path), FINDINGS, False)
    for layer in model.layers:
        assert_same(layer, source.get_layer(layer.name))
    assert (taken.filled, taken.layers, taken.notes) == (9, 9, ())
    assert taken.lines() == [f"9 of 9 layers begin as in {path}"]


def test_without_a_file_nothing_is_taken_over():
    model, taken = begin_classifier(Member(network="tiny", image_px=32), FINDINGS, False)
    assert taken is None
    assert model.get_layer("norm0").momentum == 0.9


def test_batch_norm_is_left_as_it_was_built(finished):
    model, _ = begin_classifier(tiny(finished[1]), FINDINGS, False)
    assert {layer.momentum for layer in model.layers if isinstance(layer, layers.BatchNormalization)} == {0.99}


@pytest.mark.parametrize("findings", [FINDINGS[::-1], ("Cardiomegaly", "Effusion", "Nodule"), FINDINGS[:2]])
def test_other_findings_have_a_new_last_layer(finished, findings):
    source, path = finished
    model, taken = begin_classifier(tiny(path), findings, False)
    assert_same(model.get_layer("conv3"), source.get_layer("conv3"))
    assert (model.get_layer("findings").get_weights()[1] == 0).all()  # as a new layer begins
    assert taken.notes == ("findings: new, because the file answers other findings (Cardiomegaly, Effusion, Mass)",)
    assert (taken.filled, taken.layers) == (8, 9)


def test_one_answer_is_not_begun_from_many(finished):
    model, taken = begin_classifier(tiny(finished[1]), FINDINGS, True)
    assert taken.notes == ("findings: new, because only one of the two answers with a single finding",)
    assert (model.get_layer("findings").get_weights()[1] == 0).all()


def test_a_file_without_its_record_keeps_its_last_layer_to_itself(finished, tmp_path):
    finished[0].save(tmp_path / "alone.keras")
    _, taken = begin_classifier(tiny(tmp_path / "alone.keras"), FINDINGS, False)
    assert taken.notes == ("findings: new, because no run.json beside the file says which findings it answers",)


def small_network(filters, name="tiny", **names):
    """Two convolutions with a normalisation that Keras names, and a last layer."""
    image = keras.Input((16, 16, 1), name="image")
    x = layers.Conv2D(4, 3, name=names.get("first", "first"))(image)
    x = layers.BatchNormalization()(x)
    x = layers.Conv2D(filters, 3, name="second")(x)
    x = layers.BatchNormalization()(x)
    x = layers.GlobalAveragePooling2D(name="pooling")(x)
    return keras.Model(image, layers.Dense(3, name="findings", activation="sigmoid")(x), name=name)


def test_what_does_not_fit_is_listed_with_both_shapes(tmp_path):
    small_network(5, first="another").save(tmp_path / "model.keras")
    model = small_network(6)
    before = model.get_layer("second").get_weights()[0]
    taken = take_over(model, tmp_path / "model.keras", FINDINGS)
    np.testing.assert_array_equal(model.get_layer("second").get_weights()[0], before)
    norm = [layer.name for layer in model.layers if isinstance(layer, layers.BatchNormalization)][1]
    assert taken.notes[:2] == ("first: 3x3x1x4, 4 here, not there", "second: 3x3x4x6, 6 here, 3x3x4x5, 5 there")
    assert f"{norm}: 6, 6, 6, 6 here, 5, 5, 5, 5 there" in taken.notes
    assert (taken.filled, taken.layers) == (1, 5)


def test_layers_that_keras_named_are_told_apart_by_their_order(tmp_path):
    source = small_network(4)
    for number, layer in enumerate(one for one in source.layers if isinstance(one, layers.BatchNormalization)):
        layer.beta.assign(np.full(4, number + 1.0))
    source.save(tmp_path / "model.keras")
    model = small_network(4)  # Keras numbers on: batch_normalization_2, ...
    assert not {one.name for one in model.layers if "norm" in one.name} & {one.name for one in source.layers}
    taken = take_over(model, tmp_path / "model.keras", FINDINGS)
    norms = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    assert [float(layer.get_weights()[1][0]) for layer in norms] == [1.0, 2.0]
    assert taken.filled == 4


def test_keras_own_normalisation_of_images_is_not_taken_over(tmp_path):
    """A network begun from ImageNet has it filled; one begun from a file normalises before it."""

    def network(mean, variance):
        image = keras.Input((8, 8, 1), name="image")
        x = layers.Normalization(mean=mean, variance=variance, name="normalization")(image)
        x = layers.GlobalAveragePooling2D()(layers.Conv2D(3, 3, name="only")(x))
        return keras.Model(image, layers.Dense(3, name="findings")(x))

    network(100.0, 50.0).save(tmp_path / "model.keras")
    model = network(0.0, 1.0)
    taken = take_over(model, tmp_path / "model.keras", FINDINGS)
    seen = keras.Model(model.input, model.get_layer("normalization").output)(np.full((1, 8, 8, 1), 7.0))
    np.testing.assert_allclose(seen, 7.0)
    assert taken.layers == 2


@pytest.mark.parametrize(
    ("normalization", "warned"), [("imagenet", False), ("minus_one_to_one", True), ("per_image", True)]
)
def test_another_normalisation_is_said(finished, normalization, warned):
    _, taken = begin_classifier(tiny(finished[1], normalization=normalization), FINDINGS, False)
    assert bool(taken.notes) == warned
    assert all(note.startswith("normalize: the file learnt on images normalised otherwise") for note in taken.notes)


def test_a_long_list_is_cut_for_people_and_whole_in_the_record(finished):
    _, taken = begin_classifier(tiny(finished[1]), FINDINGS, False)
    notes = tuple(f"layer{number}: 3 here, not there" for number in range(20))
    long = taken.__class__("file", 30, 10, notes)
    assert long.lines() == ["10 of 30 layers begin as in file", *notes[:8], "and 12 more, see run.json"]
    assert long.record()["notes"] == list(notes)


def test_a_network_of_which_nothing_is_found_is_an_error(tmp_path):
    image = keras.Input((8, 8, 1), name="image")
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(64, 3, name="other")(image))
    keras.Model(image, layers.Dense(3, name="findings")(x), name="unlike").save(tmp_path / "model.keras")
    (tmp_path / "run.json").write_text(json.dumps({"findings": list(FINDINGS)}))  # the last layer alone fits
    with pytest.raises(UserError, match="no layer of tiny fits it; it holds a network called unlike") as raised:
        begin_classifier(tiny(tmp_path / "model.keras"), FINDINGS, False)
    assert str(tmp_path / "model.keras") in str(raised.value)


def test_a_missing_or_damaged_file_is_one_sentence(finished, tmp_path):
    with pytest.raises(UserError, match=r"nothing\.keras: no such file; give a model\.keras of ours"):
        begin_classifier(tiny(tmp_path / "nothing.keras"), FINDINGS, False)
    (tmp_path / "half.keras").write_bytes(finished[1].read_bytes()[:5000])
    with pytest.raises(UserError, match=r"half\.keras: is not a Keras model that can be loaded") as raised:
        begin_classifier(tiny(tmp_path / "half.keras"), FINDINGS, False)
    assert "\n" not in str(raised.value)
