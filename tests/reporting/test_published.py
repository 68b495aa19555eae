import pytest

from cxr.config.findings import NIH14
from cxr.reporting.published import find_published

CHEXNET = {"train": 78468, "val": 11219, "test": 22433}


@pytest.fixture
def run():
    """Record and metrics of a run on NIH's own split, as far as they matter here."""
    parts = {"train": {"images": 77871}, "val": {"images": 8653}, "test": {"images": 25596}}
    record = {
        "data": {"synthetic": False, "sources": ["nih"]},
        "smoke": False,
        "split": {"name": "official", "parts": parts},
    }
    metrics = {"folds": {}, "images": 25596, "auroc": {"mean": {}, **{finding: {} for finding in NIH14}}}
    return record, metrics


def test_the_official_split_has_its_results(run):
    found = find_published(*run)
    assert found.reason == ""
    assert {"name": "ResNet-50 (Wang 2017)", "auroc": "0.745"} in found.results
    assert not any("CheXNet" in one["name"] or "jrzech" in one["name"] for one in found.results)


def test_the_shared_lists_are_told_by_their_counts(run):
    record, metrics = run
    record["split"] = {"name": "lists", "parts": {part: {"images": count} for part, count in CHEXNET.items()}}
    metrics["images"] = CHEXNET["test"]
    assert [one["auroc"] for one in find_published(record, metrics).results] == ["0.838"]
    record["split"]["parts"]["val"]["images"] -= 1
    assert "no published result is known of split ‘lists’" in find_published(record, metrics).reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda record, metrics: record["split"].update(name="official (subset)"), "‘official (subset)’"),
        (lambda record, metrics: record["split"].update(name="patients 70/10/20"), "‘patients 70/10/20’"),
        (lambda record, metrics: record["data"].update(synthetic=True), "phantoms"),
        (lambda record, metrics: record.update(smoke=True), "smoke"),
        (lambda record, metrics: metrics.update(folds={"0": {}}), "out of fold"),
        (lambda record, metrics: metrics["auroc"].pop("Hernia"), "14 findings"),
        (lambda record, metrics: record["data"].update(sources=["nih", "chexpert"]), "images alone"),
        (lambda record, metrics: metrics.update(images=25595), "not every image"),
    ],
)
def test_never_beside_another_split(run, change, reason):
    change(*run)
    found = find_published(*run)
    assert found.results == ()
    assert reason in found.reason
