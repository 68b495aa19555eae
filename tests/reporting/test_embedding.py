import base64
import io

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from cxr.reporting.embedding import figure_uri


def test_a_figure_keeps_its_look_in_fewer_bytes(tmp_path):
    figure = Figure(figsize=(3, 2))
    figure.subplots().plot([0, 1, 4], color="#0072B2")
    path = tmp_path / "figures" / "one.png"
    kind, text = figure_uri(figure, path).split(",")
    assert kind == "data:image/png;base64"
    content = base64.b64decode(text)
    assert len(content) < path.stat().st_size
    embedded = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), dtype=int)
    whole = np.asarray(Image.open(path).convert("RGB"), dtype=int)
    assert embedded.shape == whole.shape
    assert np.abs(embedded - whole).max() <= 24
