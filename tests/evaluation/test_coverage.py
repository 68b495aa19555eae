"""By simulation: intervals by patient hold the truth as often as they say, those by image and DeLong's do not."""

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from cxr.evaluation.band import simulate_band
from cxr.evaluation.calibration import fit_calibration
from cxr.evaluation.calibration_maps import calibrated_probabilities
from cxr.evaluation.delong import delong
from cxr.evaluation.intervals import percentile_interval
from cxr.evaluation.predictions import Predictions
from cxr.evaluation.ranking import bootstrap_ranking
from cxr.evaluation.refits import AppliedMaps
from cxr.evaluation.reliability import assign_bins, measure_reliability
from cxr.evaluation.resamples import Resamples

PATIENTS, IMAGES_EACH, SHARED, DISTANCE = 200, 4, 0.7, 1.0
"""A patient's images share their label and this share of the variance of their scores."""
TRUTH = norm.cdf(DISTANCE / np.sqrt(2))


def test_patient_intervals_cover_at_their_level_and_image_intervals_do_not():
    """400 samples: with a true coverage of 0.942 (of 2,000 samples) the share found has a standard error of 0.012."""
    owners = np.repeat(np.arange(PATIENTS), IMAGES_EACH)
    labels = (owners < 0.4 * PATIENTS).astype(float)
    held = np.zeros(3)
    for seed in range(400):
        random = np.random.default_rng(seed)
        patient, image = random.normal(size=PATIENTS)[owners], random.normal(size=len(owners))
        scores = np.sqrt(SHARED) * patient + np.sqrt(1 - SHARED) * image + DISTANCE * labels
        for place, ids in enumerate((owners, np.arange(len(owners)))):
            resamples = Resamples.of(ids, 300, seed)
            draws = bootstrap_ranking(labels[:, None], scores[:, None], resamples, precision=False)[0]
            interval = percentile_interval(draws[:, 0])
            held[place] += interval.low <= TRUTH <= interval.high
        low, high = delong(labels, scores[:, None]).intervals()[0]
        held[2] += low <= TRUTH <= high
    by_patient, by_image, by_delong = held / 400
    assert 0.93 <= by_patient <= 0.97
    assert by_image < 0.82
    assert by_delong < 0.82


def test_a_calibrated_forecaster_is_inside_its_band_at_the_level_of_the_band():
    inside, wrong = 0, 0
    for seed in range(300):
        random = np.random.default_rng(seed)
        chances = random.beta(0.5, 4, size=400)
        labels = (random.random(400) < chances).astype(float)
        resamples = Resamples(np.arange(400), 400, 1, 0)
        bins = assign_bins(chances, 15)
        limit = simulate_band(chances, bins, seed, simulations=300).limit
        inside += measure_reliability(labels, chances, resamples, 15).values["ece"] <= limit
        wrong += measure_reliability(labels, np.minimum(1, 2 * chances), resamples, 15).values["ece"] <= limit
    assert 0.92 <= inside / 300 <= 0.98
    assert wrong / 300 < 0.05


def test_probabilities_fitted_on_validation_are_inside_the_band_that_knows_the_fit():
    """400 samples of 250 and 500 images; a map of the right form, the noise of its fit left out, and a wrong test part.

    The last has other odds than validation: twice as many, where calibration carried over is off for good.
    """
    inside, left_out, shifted, every = 0, 0, 0, np.full(500, True)
    for seed in range(400):
        random = np.random.default_rng(seed)
        truth = random.normal(size=750) * 1.3 - 1.5
        raw, names = expit(1.6 * truth + 1.2), np.arange(750).astype(str)
        labels = (random.random(750) < expit(truth)).astype(float)
        rows = Predictions(names, names, np.full(750, "val"), ("Edema",), raw[:, None], labels[:, None])
        fit = fit_calibration(rows.rows(np.arange(250)), "platt")
        test = rows.rows(np.arange(250, 750))
        chances = calibrated_probabilities(fit, test)[:, 0]
        bins = assign_bins(chances, 15)
        refitted = AppliedMaps(test.probabilities, ((every, fit),)).refitted_sums(0, "Edema", every, bins, 300, seed)
        limit = simulate_band(chances, bins, seed, simulations=300, refitted=refitted).limit
        others = (random.random(500) < expit(truth[250:] + np.log(2))).astype(float)
        of_sample, of_others = (
            measure_reliability(y, chances, Resamples(np.arange(500), 500, 1, 0), 15).values["ece"]
            for y in (labels[250:], others)
        )
        inside += of_sample <= limit
        left_out += of_sample <= simulate_band(chances, bins, seed, simulations=300).limit
        shifted += of_others <= limit
    assert 0.925 <= inside / 400 <= 0.975
    assert left_out / 400 < 0.85
    assert shifted / 400 < 0.2


def test_a_bin_of_a_calibrated_forecaster_is_inside_its_own_band():
    random = np.random.default_rng(0)
    chances = random.beta(1, 3, size=3000)
    bins = assign_bins(chances, 15)
    band = simulate_band(chances, bins, 0)
    held = []
    for _ in range(200):
        rates = np.bincount(bins, weights=random.random(3000) < chances) / np.bincount(bins)
        held.append((band.low <= rates) & (rates <= band.high))
    assert 0.94 <= np.mean(held) <= 0.98  # a little above 0.95: rates of 200 images are steps
