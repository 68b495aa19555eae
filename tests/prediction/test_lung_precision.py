from dataclasses import replace

import numpy as np
import pytest

import cxr.prediction.lung_precision as lung_precision
import cxr.prediction.opened as opened
from cxr.config.lungs import Cleaning
from cxr.config.params import SHIPPED_LUNGS, Crop
from cxr.engines.openvino_engine import export_openvino, knows_bf16
from cxr.engines.saved import load_model
from cxr.images.geometry import resize
from cxr.phantoms.phantom import render_phantom
from cxr.phantoms.spec import PhantomSpec
from cxr.prediction.bundle import SameLungs

SIDE = 64


def draw_lungs(shift=0):
    """(64, 64) float32 probability of two upright ellipses, the whole moved down by `shift` pixels."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    inside = ((np.abs(x - 0.5) - 0.2) / 0.13) ** 2 + ((y - shift / SIDE - 0.5) / 0.3) ** 2 < 1
    return inside.astype(np.float32)


def compare(monkeypatch, whole, half, knows=True):
    class Engine:
        def __init__(self, path, batch, precision):
            self.found = {"f32": whole, "bf16": half}[precision]

        def run(self, images):
            return [np.stack(self.found)[..., None]]

    monkeypatch.setattr("cxr.engines.openvino_engine.OpenVinoEngine", Engine)
    monkeypatch.setattr("cxr.engines.openvino_engine.knows_bf16", lambda: knows)
    images = np.zeros((len(whole), SIDE, SIDE), np.float32)
    return lung_precision.compare_lungs(None, images, Cleaning(), Crop().min_quality)


def test_lungs_run_in_bf16_only_where_it_finds_the_same(monkeypatch):
    lungs, nothing = draw_lungs(), np.zeros((SIDE, SIDE), np.float32)
    same = compare(monkeypatch, [lungs] * 4, [lungs] * 4)
    assert (same.offered, same.dice, same.images, same.reason) == (True, 1.0, 4, None)
    moved = compare(monkeypatch, [lungs] * 4, [lungs] * 3 + [draw_lungs(4)])
    assert not moved.offered
    assert 0.9 < moved.dice < 0.995
    lost = compare(monkeypatch, [lungs] * 4, [lungs] * 3 + [nothing])
    assert "changes for 1 images whether they are usable" in lost.reason
    blind = compare(monkeypatch, [nothing] * 3 + [lungs], [nothing] * 3 + [lungs])
    assert (blind.offered, blind.dice) == (False, None)
    assert "only 1 of 4 prepared images show lungs" in blind.reason
    unknown = compare(monkeypatch, [lungs], [lungs], knows=False)
    assert "does not know bf16" in unknown.reason


@pytest.mark.skipif(not knows_bf16(), reason="the CPU does not know bf16")
def test_the_shipped_network_finds_the_same_lungs_of_phantoms(tmp_path):
    path = export_openvino(load_model(SHIPPED_LUNGS), tmp_path)
    spec = PhantomSpec(patients=8, seed=11, image_px=256)
    images = [resize(render_phantom(spec, number, 0).image, 256, 256) for number in range(1, 9)]
    found = lung_precision.compare_lungs(path, np.stack(images).astype(np.float32), Cleaning(), Crop().min_quality)
    assert found.offered
    assert found.dice < 1  # it did run in another precision


@pytest.mark.parametrize(
    ("precision", "same", "used"),
    [
        ("f32", True, "f32"),
        ("bf16", True, "bf16"),
        ("int8", True, "bf16"),
        ("bf16", False, "f32"),
        ("bf16", None, "f32"),
    ],
)
def test_lungs_follow_the_members_where_they_may(bundle, monkeypatch, precision, same, used):
    asked = []
    monkeypatch.setattr(opened, "choose_engine", lambda *_: "openvino")
    monkeypatch.setattr(opened, "_openvino", lambda _, network, kind, threads: asked.append((network.folder, kind)))
    measured = None if same is None else SameLungs(images=5, dice=0.999, offered=same, reason="" if same else "differs")
    record = bundle.record.model_copy(update={"lungs_bf16": measured})
    opened.open_bundle(replace(bundle, record=record), "auto", precision)
    assert dict(asked) == {"lungs": used, "members/first": precision, "members/second": precision}
