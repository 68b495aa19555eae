"""Whatever is sent: no answer above 499, one sentence for every refusal, nothing written, memory that stays."""

import gc
import os
import tempfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FUZZ = settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
WARM, ROUNDS, MOST_MB = 100, 300, 40


@pytest.fixture
def asked_for(request):
    if not request.config.getoption("--all"):
        pytest.skip("takes minutes; --all")


def damaged(random, content):
    """The content with bytes changed, cut, doubled or put before it."""
    body = bytearray(content)
    for place in random.integers(0, len(body), random.integers(0, 20)):
        body[place] = random.integers(256)
    kind = random.integers(5)
    if kind == 0:
        return bytes(body[: random.integers(len(body))])
    if kind == 1:
        return bytes(body * 2)
    if kind == 2:
        return random.bytes(int(random.integers(3000)))
    return bytes(body)


def test_random_uploads_are_answered_or_refused_and_leave_nothing(
    asked_for, send, chest, dicom, hand, tmp_path, monkeypatch
):
    psutil = pytest.importorskip("psutil")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    random, held, counts = np.random.default_rng(5), 0, {}
    sources = [chest, dicom(), dicom(bare=True), hand]
    for number in range(WARM + ROUNDS):
        answer = send(damaged(random, sources[number % len(sources)]), pictures=number % 2 == 0)
        assert answer.status_code in (200, 415, 422)
        assert answer.status_code == 200 or "\n" not in answer.json()["detail"]
        counts[answer.status_code] = counts.get(answer.status_code, 0) + 1
        if number == WARM:
            gc.collect()
            held = psutil.Process(os.getpid()).memory_info().rss
    gc.collect()
    grown = (psutil.Process(os.getpid()).memory_info().rss - held) / 1e6
    assert grown < MOST_MB, (grown, counts)
    assert min(counts.values()) > 10, counts
    assert not list(tmp_path.rglob("*"))


@FUZZ
@given(st.binary(max_size=300), st.sampled_from(["multipart/form-data; boundary=a", "multipart/form-data", "x", ""]))
def test_any_body_is_refused(client, body, kind):
    answer = client.post("/api/predict", content=body, headers={"content-type": kind})
    assert 400 <= answer.status_code < 500
    assert isinstance(answer.json()["detail"], str)


def test_the_api_keeps_to_its_description(asked_for, bundle, opened):
    schemathesis = pytest.importorskip("schemathesis", reason="the API is fuzzed where schemathesis is installed")
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    from cxr.prediction.app.server import make_app

    schema = schemathesis.openapi.from_asgi("/openapi.json", make_app(bundle, opened, local_only=False))
    for found in schema.get_all_operations():

        @FUZZ
        @given(found.ok().as_strategy())
        def check(case):
            # no schema can say that bytes are an X-ray, so what it allows may be refused
            case.call_and_validate(excluded_checks=[positive_data_acceptance])

        check()
