"""Where the places of a map look, against what each column of the image adds to a place."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from cxr.visualization.places import Places, places_of


def middle_of_influence(model: keras.Model, place: int) -> float:
    """Middle, in pixels, of the columns that one place of `features` depends on, in a linear network of weights 1."""
    for layer in model.layers:
        layer.set_weights([np.ones_like(weight) for weight in layer.get_weights()])
    features = keras.Model(model.input, model.get_layer("features").output)
    size = model.input_shape[1]
    columns = np.tile(np.eye(size, dtype=np.float32)[:, None, :, None], (1, size, 1, 1))  # image c: column c alone
    found = keras.ops.convert_to_numpy(features(columns, training=False))[:, place, place].sum(axis=-1)
    return float((found * (np.arange(size) + 0.5)).sum() / found.sum())


@settings(max_examples=15, deadline=None)
@given(
    size=st.integers(48, 64),
    windows=st.lists(
        st.tuples(st.integers(1, 5), st.integers(1, 2), st.sampled_from(["same", "valid"]), st.booleans()),
        min_size=1,
        max_size=3,
    ),
)
def test_places_are_the_middle_of_what_they_depend_on(size, windows):
    image = x = keras.Input((size, size, 1), name="image")
    for window, stride, padding, pool in windows:
        if pool:
            x = layers.AveragePooling2D(window, strides=stride, padding=padding)(
                layers.ZeroPadding2D(((2, 1), (2, 1)))(x)
            )
        else:
            x = layers.Conv2D(2, window, strides=stride, padding=padding, use_bias=False)(x)
    model = keras.Model(image, layers.Activation("linear", name="features")(x))
    middle = x.shape[2] // 2
    places = places_of(model)
    across = (places.first + middle * places.step) * size
    assert across == pytest.approx(middle_of_influence(model, middle), abs=1e-3)


def test_a_hot_place_is_drawn_where_it_looks():
    places, map_ = Places(first=0.2, step=0.3), np.zeros((3, 3), np.float32)
    map_[2, 1] = 1
    heat = places.draw(map_, 100)
    assert heat.shape == (100, 100) and heat.dtype == np.float32
    assert (heat.min(), heat.max()) == (0, 1)
    rows, columns = np.nonzero(heat > 0.999)
    assert columns.mean() + 0.5 == pytest.approx(50, abs=0.6)
    assert rows.min() == pytest.approx(79, abs=1) and rows.max() == 99  # level beyond the last place


def test_maps_of_one_place_are_level():
    heat = Places(first=0.4, step=0.3).draw(np.full((1, 1), 0.7, np.float32), 8)
    np.testing.assert_allclose(heat, 0.7)
