"""The application over the tiny bundle, and what is sent to it."""

from contextlib import closing
from io import BytesIO

import pytest

from cxr.images.files import encode_png, read_image
from cxr.phantoms.dataset.dicom import _dicom
from cxr.phantoms.dataset.rows import Row


@pytest.fixture(scope="session")
def application(bundle, opened):
    pytest.importorskip("fastapi", reason="the page needs requirements-app.txt")
    from cxr.prediction.app.server import make_app

    return make_app(bundle, opened)


@pytest.fixture(scope="session")
def client(application):
    pytest.importorskip("httpx2", reason="the test client needs requirements-dev.txt")
    from fastapi.testclient import TestClient

    with TestClient(application, base_url="http://localhost:8000") as client:
        yield client


@pytest.fixture(scope="session")
def send(client):
    """A function: content, name -> the answer to it."""

    def post(content, name="chest.png", **query):
        return client.post("/api/predict", params=query, files={"file": (name, content)})

    return post


@pytest.fixture(scope="session")
def chest(images):
    """The content of a PNG file."""
    return (images / "chest0.png").read_bytes()


@pytest.fixture(scope="session")
def dicom(images):
    """A function: tags -> the content of a DICOM file with the same chest. bare: without preamble."""

    def make(bare=False, **changes):
        data = _dicom(Row(7, 1, 0, 50, "F", "PA", 0, (), (), (), False, {}), read_image(images / "chest0.png"))
        for tag, value in changes.items():
            setattr(data, tag, value)
        with closing(BytesIO()) as stream:
            data.save_as(stream, enforce_file_format=True)
            content = stream.getvalue()
        return content[132 + 12 + int.from_bytes(content[140:144], "little") :] if bare else content

    return make


@pytest.fixture(scope="session")
def hand():
    from cxr.phantoms.dataset.negatives import render_negative

    return encode_png(render_negative("hand", 0, 7, 256))
