"""The JSON API: what it answers, what it refuses and how, and that nothing is written."""

import json
import re
import tempfile
import zipfile
import zlib
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import cv2
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian

from cxr.images.files import read_image
from cxr.prediction.answers import Item, answer_items, heat_of
from cxr.prediction.rows import record_of

FINDINGS = ["Cardiomegaly", "Effusion", "Mass"]


def png_claiming(width, height, content=b"\0" * 10**6):
    """A whole PNG file that claims this size."""

    def block(name, body):
        return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((8, 0, 0, 0, 0))
    blocks = (block(b"IHDR", header), block(b"IDAT", zlib.compress(content)), block(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(blocks)


def pixels_of(uri):
    head, _, content = uri.partition(",")
    assert head == "data:image/png;base64"
    return cv2.imdecode(np.frombuffer(b64decode(content), np.uint8), cv2.IMREAD_UNCHANGED)


def test_an_answer_is_the_line_of_predictions_jsonl_and_more(send, bundle, opened, images, chest):
    answer = send(chest)
    assert answer.status_code == 200
    found = answer.json()
    (own,) = answer_items(bundle, opened, [Item("chest.png", images / "chest0.png")])
    expected = json.loads(json.dumps(record_of(bundle, own)))
    assert {key: found[key] for key in expected} == expected
    assert found["pictures"] is None
    outlines = [np.array(one) for one in found["lungs"]["outline"]]
    assert len(outlines) == 2
    drawn = np.zeros(read_image(images / "chest0.png").shape, np.uint8)
    cv2.fillPoly(drawn, [np.round(one - 0.5).astype(np.int32) for one in outlines], 1)
    truth = read_image(images / "chest0.png") < 125
    assert (drawn.astype(bool) & truth).sum() / (drawn.astype(bool) | truth).sum() > 0.85


def test_pictures_are_the_image_and_a_heatmap_of_every_finding(send, bundle, opened, images, chest):
    found = send(chest, pictures=True).json()["pictures"]
    np.testing.assert_array_equal(pixels_of(found["xray"]), read_image(images / "chest0.png"))
    assert list(found["heat"]) == FINDINGS
    (own,) = answer_items(bundle, opened, [Item("x", images / "chest0.png")])
    for k, finding in enumerate(FINDINGS):
        alpha = pixels_of(found["heat"][finding])[..., 3]
        np.testing.assert_allclose(alpha, heat_of(bundle, own, k, 128) * 255, atol=0.51)


def test_a_large_image_is_shown_smaller_and_measured_in_its_own_pixels(send, images):
    chest = cv2.resize(read_image(images / "chest0.png"), (1500, 2000), interpolation=cv2.INTER_LINEAR)
    found = send(cv2.imencode(".png", chest)[1].tobytes(), pictures=True).json()
    assert found["size_px"] == {"width": 1500, "height": 2000}
    assert pixels_of(found["pictures"]["xray"]).shape == (1024, 768)
    assert max(y for outline in found["lungs"]["outline"] for _, y in outline) > 1024


def test_dicom_is_answered_like_the_png_of_its_pixels(send, chest, dicom):
    known = send(chest).json()["findings"]
    for content in (dicom(), dicom(bare=True)):
        answer = send(content, "no-suffix")
        assert answer.status_code == 200, answer.text
        for finding, one in answer.json()["findings"].items():
            assert one["probability"] == pytest.approx(known[finding]["probability"], abs=0.02)
        assert "Phantom^Number" not in answer.text


def test_an_image_without_lungs_is_shown_but_not_answered(send, images, hand):
    for content in ((images / "bright.png").read_bytes(), hand):
        found = send(content, pictures=True).json()
        assert (found["status"], found["findings"]) == ("unusable", {})
        assert "no usable lungs were found" in found["reason"]
        assert found["pictures"]["heat"] == {}


def packed(chest):
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("chest.png", chest)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("kind", "status", "words"),
    [
        ("empty", 415, "is empty (0 bytes)"),
        ("text", 415, "is neither PNG nor JPEG nor DICOM"),
        ("zip", 415, "is neither PNG nor JPEG nor DICOM"),
        ("cut", 422, "is truncated"),
        ("level", 422, "has no contrast"),
        ("huge", 422, "claims 10001 x 10000 pixels"),
        ("bomb", 422, "claims 60000 x 60000 pixels"),
        ("lateral", 422, "is a lateral or oblique view"),
        ("ct", 422, "is of modality CT"),
        ("hand", 422, "shows the body part HAND"),
        ("deflated", 422, "unpacks to more than"),
        ("bare nonsense", 422, "DICOM"),
    ],
)
def test_what_is_no_chest_x_ray_is_refused_in_one_sentence(send, chest, dicom, monkeypatch, kind, status, words):
    monkeypatch.setattr("cxr.images.dicom_tags.MAX_UNPACKED", 10**7)
    content = {
        "empty": lambda: b"",
        "text": lambda: b"no image",
        "zip": lambda: packed(chest),
        "cut": lambda: chest[:200],
        "level": lambda: png_claiming(100, 100, b"\0" * 101 * 100),
        "huge": lambda: png_claiming(10_001, 10_000),
        "bomb": lambda: png_claiming(60_000, 60_000),
        "lateral": lambda: dicom(ViewPosition="LL"),
        "ct": lambda: dicom(Modality="CT"),
        "hand": lambda: dicom(BodyPartExamined="HAND"),
        "deflated": lambda: deflated_bomb(dicom),
        "bare nonsense": lambda: b"\x08\0" + b"nonsense" * 100,
    }[kind]()
    answer = send(content, "chest.png")
    assert answer.status_code == status
    detail = answer.json()["detail"]
    assert detail.startswith("chest.png ")
    assert words in detail
    assert "\n" not in detail


def deflated_bomb(dicom):
    """A DICOM file whose data set is 20 MB of zeros, packed into a few kilobytes."""
    data = dcmread(BytesIO(dicom()))
    data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    stream = BytesIO()
    data.save_as(stream, enforce_file_format=True)
    head = stream.getvalue()
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = b"".join(packer.compress(bytes(10**7)) for _ in range(2)) + packer.flush()
    return head[: 132 + 12 + int.from_bytes(head[140:144], "little")] + body


@pytest.mark.parametrize(
    ("name", "shown"),
    [("../../etc/passwd", "passwd"), ("C:\\x\\..\\a.png", "a.png"), ("..", "image"), ("b\u202egnp.exe", "b_gnp.exe")],
)
def test_names_stay_names(send, chest, name, shown):
    assert send(chest, name).json()["image"] == shown


def test_the_form_must_hold_one_file(client, chest):
    for form, status, words in (
        ({"files": {"image": ("a.png", chest)}}, 422, "one file in the field file; it has image"),
        ({"files": [("file", ("a.png", chest)), ("file", ("b.png", chest))]}, 400, "Too many files"),
        ({"data": {"file": "text"}}, 415, "Send the image as a form"),
        ({"content": chest, "headers": {"content-type": "image/png"}}, 415, "Send the image as a form"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 400, "boundary"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=a"}}, 400, "Invalid"),
        ({"content": b"--a--\r\n", "headers": {"content-type": "multipart/form-data; boundary=a"}}, 422, "nothing"),
        ({"files": {"file": ("a.png", chest)}, "params": {"pictures": "perhaps"}}, 422, "pictures: "),
    ):
        answer = client.post("/api/predict", **form)
        assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text


def test_too_large_a_body_is_refused_before_all_of_it_is_read(client):
    from cxr.prediction.app.uploads import MAX_UPLOAD

    head = b'--a\r\nContent-Disposition: form-data; name="file"; filename="x.png"\r\n\r\n'
    kind = {"content-type": "multipart/form-data; boundary=a"}
    said = client.post("/api/predict", content=head, headers=kind | {"content-length": str(MAX_UPLOAD * 2)})
    assert said.status_code == 413
    assert "larger than 50 MB" in said.json()["detail"]
    sent = 0

    def endless():
        nonlocal sent
        yield head
        for _ in range(120):
            sent += 10**6
            yield bytes(10**6)

    assert client.post("/api/predict", content=endless(), headers=kind).status_code == 413


def test_uploads_at_once_get_their_own_answers(send, images):
    contents = [(images / f"chest{k % 3}.png").read_bytes() for k in range(12)]
    alone = [send(content).json()["findings"] for content in contents[:3]]
    with ThreadPoolExecutor(12) as pool:
        together = list(pool.map(lambda content: send(content).json()["findings"], contents))
    assert together == [alone[k % 3] for k in range(12)]
    assert alone[0] != alone[1]


def test_nothing_is_written_and_no_temporary_file_is_opened(send, chest, dicom, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    opened_files = []
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda *given, **named: opened_files.append(given))
    large = np.random.default_rng(0).integers(0, 255, (2000, 2000), dtype=np.uint8)
    for content in (chest, dicom(), b"", cv2.imencode(".png", large)[1].tobytes()):
        send(content, "../x.png", pictures=True)
    assert not list(tmp_path.rglob("*"))
    assert not opened_files


def test_only_this_machine_and_its_own_page_are_answered(client, chest):
    for host, status in (
        ("127.0.0.1:8000", 200), ("localhost", 200), ("[::1]:8000", 200), ("LOCALHOST:1", 200),
        ("evil.example", 403), ("evil.example:8000", 403), ("localhost.evil.example", 403), ("127.0.0.1@evil", 403),
        ("", 403), ("localhost:80:80", 403),
    ):  # fmt: skip
        answer = client.get("/api/bundle", headers={"host": host})
        assert answer.status_code == status, host
        assert status == 200 or "answers on" in answer.json()["detail"]
    for origin, status in (
        ("http://localhost:8000", 200),
        ("http://evil.example", 403),
        ("null", 403),
        ("http://[", 403),
    ):
        answer = client.post("/api/predict", files={"file": ("a.png", chest)}, headers={"origin": origin})
        assert answer.status_code == status, origin
        assert "access-control-allow-origin" not in answer.headers


def test_a_server_for_others_answers_under_any_name(bundle, opened, client):
    from fastapi.testclient import TestClient

    from cxr.prediction.app.server import make_app

    with TestClient(make_app(bundle, opened, local_only=False), base_url="http://ward.example") as other:
        assert other.get("/api/bundle").status_code == 200


def test_the_page_is_whole_and_asks_nobody_else(client):
    seen, todo = {}, ["/", "/docs"]
    while todo:
        address = todo.pop()
        answer = client.get(address)
        assert answer.status_code == 200, address
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        seen[address] = answer.text
        for found in re.findall(r'(?:src|href)="([\w./]+)"|from "\./([\w.]+)"', answer.text):
            name = "/" + "".join(found).removeprefix("./")
            if name not in seen and name not in todo:
                todo.append(name)
    assert {"/app.css", "/app.js", "/viewer.js", "/docs.js", "/openapi.json"} <= seen.keys()
    for address, text in seen.items():
        hosts = set(re.findall(r"https?://([\w.-]+)", text)) - {"www.w3.org"}  # the name of SVG
        assert not hosts, (address, hosts)
        assert " style=" not in text
        assert " onclick" not in text


def test_unknown_addresses_and_methods_are_refused(client):
    for address in ("/x", "/../pyproject.toml", "/page/app.js", "/%2e%2e/%2e%2e/etc/passwd", "/api/examples/..%2f.."):
        assert client.get(address).status_code == 404, address
    assert client.get("/api/predict").status_code == 405


def test_the_bundle_says_what_must_be_known(client, bundle):
    found = client.get("/api/bundle").json()
    assert found["findings"] == [
        {"name": "Cardiomegaly", "threshold": 0.0}, {"name": "Effusion", "threshold": 1.0},
        {"name": "Mass", "threshold": None},
    ]  # fmt: skip
    assert (found["synthetic"], found["calibrated"], found["engine"]) == (True, True, "openvino")
    assert any("mean nothing for patients" in line for line in found["cautions"])
    assert found["card"] == {"Intended use": ["Research."]}
    assert found["sha256"] == bundle.mark


def test_examples_are_phantoms_with_what_they_are_called_after(client):
    from cxr.phantoms.phantom import render_phantom
    from cxr.prediction.app.examples import SPEC, find_examples

    listed = [one["name"] for one in client.get("/api/examples").json()]
    assert listed == ["no-finding", "cardiomegaly", "effusion", "mass", "hand"]
    png = client.get("/api/examples/effusion").content
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    (patient,) = find_examples(FINDINGS)["effusion"].draw.args
    phantom = render_phantom(SPEC, patient, 0)
    assert (phantom.labels, phantom.subtle) == (("Effusion",), ())
    np.testing.assert_array_equal(image, phantom.image)
    assert (
        client.get("/api/examples/none").json()["detail"].startswith("There is no example of that name; there are no-f")
    )
    assert next(iter(find_examples(["a finding nobody draws"]))) == "no-finding"


def test_the_answers_are_what_openapi_says(client, send, chest):
    jsonschema = pytest.importorskip("jsonschema")
    described = client.get("/openapi.json").json()
    references = {"components": described["components"]}
    for answer, path, method in (
        (send(chest, pictures=True), "/api/predict", "post"),
        (send(chest), "/api/predict", "post"),
        (send(b"x"), "/api/predict", "post"),
        (client.get("/api/bundle"), "/api/bundle", "get"),
        (client.get("/api/examples"), "/api/examples", "get"),
    ):
        one = described["paths"][path][method]["responses"][str(answer.status_code)]
        jsonschema.validate(answer.json(), one["content"]["application/json"]["schema"] | references)
