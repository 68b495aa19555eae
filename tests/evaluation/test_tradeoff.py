import numpy as np
import pytest

from cxr.evaluation.confusion import confuse, rates_of
from cxr.evaluation.tradeoff import MOST_ROWS, SHOWN, tradeoff_table


def test_every_row_is_what_its_threshold_gives_on_both_parts():
    random = np.random.default_rng(0)
    samples = []
    for images in (900, 90):
        labels = random.choice([0.0, 1.0, np.nan], size=images)
        samples += [labels, np.round(random.random(images), 2 if images == 90 else 3)]
    table = tradeoff_table(*samples)
    assert len(table) == MOST_ROWS
    assert (np.diff(table["threshold"]) < 0).all()
    assert table["threshold"].iloc[-1] == 0
    for row in table.iloc[::17].itertuples():
        for name, labels, scores in (("val", *samples[:2]), ("test", *samples[2:])):
            rates = rates_of(confuse(labels[:, None], scores[:, None], np.array([row.threshold])).counts)
            for rate in SHOWN:
                assert getattr(row, f"{name}_{rate}") == pytest.approx(rates[rate][0], nan_ok=True)


def test_no_validation_is_no_rows():
    assert len(tradeoff_table(np.array([]), np.array([]), np.array([1.0]), np.array([0.5]))) == 0
