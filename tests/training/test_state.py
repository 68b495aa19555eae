import keras
import pytest

from cxr.training.state import save_model


class Killed(BaseException):
    """Stands for the end of the process."""


def test_a_model_is_saved_whole_or_not_at_all(make_model, tmp_path, monkeypatch):
    model, path = make_model(), tmp_path / "model.keras"
    save_model(model, path)
    content = path.read_bytes()

    def die(self, target, **_):
        target.write_bytes(b"half")
        raise Killed

    monkeypatch.setattr(keras.Model, "save", die)
    with pytest.raises(Killed):
        save_model(model, path)
    assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["model.keras"]
