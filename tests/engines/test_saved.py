import keras
import numpy as np
import pytest

from cxr.config.errors import UserError
from cxr.engines.saved import load_model


@pytest.fixture
def saved(unet, tmp_path):
    path = tmp_path / "unet.keras"
    unet.save(path)
    return path


def test_a_saved_model_answers_as_before(saved, unet, images):
    loaded = load_model(saved)
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), unet.predict(images, verbose=0))


def test_the_optimizer_comes_back_only_when_it_is_asked_for(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
    model.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=3, verbose=0)
    model.save(tmp_path / "model.keras")
    assert int(load_model(tmp_path / "model.keras", with_optimizer=True).optimizer.iterations) == 3
    assert not load_model(tmp_path / "model.keras").compiled


def test_a_missing_model_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="no such model file") as raised:
        load_model(tmp_path / "unet.keras")
    assert str(tmp_path / "unet.keras") in str(raised.value)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.95])
def test_a_truncated_model_is_one_sentence(saved, share):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UserError, match="the file may be damaged") as raised:
        load_model(saved)
    assert str(raised.value).startswith(f"{saved}: ")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"version https://git-lfs.github.com/spec/v1\n", b"PK\x03\x04 no zip", b"\x89HDF"])
def test_a_file_that_is_no_model_is_one_sentence(tmp_path, content):
    path = tmp_path / "unet.keras"
    path.write_bytes(content)
    with pytest.raises(UserError, match="is not a Keras model that can be loaded") as raised:
        load_model(path)
    assert str(path) in str(raised.value)


def test_another_kind_of_file_is_one_sentence(tmp_path):
    (tmp_path / "notes.txt").write_text("no model")
    with pytest.raises(UserError, match=r"notes\.txt: is no \.keras file, as Keras 3 saves models$"):
        load_model(tmp_path / "notes.txt")


def test_a_folder_is_no_model(tmp_path):
    with pytest.raises(UserError, match="no such model file"):
        load_model(tmp_path)
