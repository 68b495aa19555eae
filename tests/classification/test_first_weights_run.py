"""Members that begin from the weights of a finished one: what their runs say and depend on."""

import json
import shutil

import keras
import numpy as np
import pytest

from cxr.config.errors import UserError
from cxr.config.record import hash_of_file


@pytest.fixture
def begun(train, make_params, store, copied, tmp_path):
    """A function: the path of the weights -> the record of a member's run that begins there."""

    def run(weights, overwrite=False, **training):
        members = {"first": {"network": "tiny", "image_px": 32, "weights": str(weights)}}
        params = make_params(members=members, groups={"One": ["first"]}, training={"epochs": 1, "batch": 8, **training})
        train(params, store, tmp_path / "One", group="One", overwrite=overwrite)
        return json.loads((tmp_path / "One" / "first" / "run.json").read_text())

    return run


def test_training_goes_on_from_there_and_the_run_says_so(begun, copied, tmp_path, capsys):
    source = copied / "first" / "model.keras"
    run = begun(source, optimizer={"learning_rate": 1e-9}, schedule={"name": "constant"})
    assert f"first: 9 of 9 layers begin as in {source}" in capsys.readouterr().out
    assert run["first_weights"] == {"file": str(source), "layers": 9, "filled": 9, "notes": []}
    assert run["inputs"]["first_weights"] == {"sha256": hash_of_file(source)}
    before, after = (
        keras.saving.load_model(path).get_layer("conv2").get_weights()[0]
        for path in (source, tmp_path / "One" / "first" / "model.keras")
    )
    np.testing.assert_allclose(after, before, atol=1e-6)


def test_another_file_under_the_same_name_is_another_run(begun, copied, tmp_path):
    source = shutil.copy(copied / "first" / "model.keras", tmp_path / "begin.keras")
    first = begun(source)
    assert begun(source) == first  # unchanged: not trained again
    shutil.copy(copied / "second" / "model.keras", source)
    with pytest.raises(UserError, match=r"other parameters \(first_weights\.sha256: \w+ there, \w+ now\)"):
        begun(source)
    assert begun(source, overwrite=True)["inputs"]["first_weights"] == {"sha256": hash_of_file(source)}


def test_runs_without_a_file_say_nothing_of_it(trained):
    run = json.loads((trained[0] / "first" / "run.json").read_text())
    assert "first_weights" not in run
    assert "first_weights" not in run["inputs"]


def test_a_missing_file_stops_before_anything_is_trained(begun, tmp_path):
    with pytest.raises(UserError, match=r"members\.first\.weights: .*nothing\.keras: no such file"):
        begun(tmp_path / "nothing.keras")
    assert not (tmp_path / "One").exists()
