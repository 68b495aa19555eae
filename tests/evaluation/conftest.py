"""Small predictions for the evaluation tests."""

import numpy as np
import pytest

from cxr.evaluation.predictions import Predictions

PROBABILITY_STEPS = 50  # few distinct values, so that ties occur


@pytest.fixture
def make_predictions():
    """A function: patients, findings -> random Predictions over all three parts, with unknown and uncertain labels."""

    def make(patients=60, findings=("Edema", "Mass", "Hernia"), seed=0, images_per_patient=3):
        random = np.random.default_rng(seed)
        images = patients * images_per_patient
        owner = np.repeat(np.arange(patients), images_per_patient)
        codes = random.choice([1.0, 0.0, -1.0, np.nan], p=[0.3, 0.5, 0.1, 0.1], size=(images, len(findings)))
        signal = random.random((images, len(findings))) + 0.3 * (codes == 1)
        return Predictions(
            image_ids=np.array([f"{row:08d}" for row in range(images)]),
            patient_ids=np.array([f"{patient:05d}" for patient in owner]),
            splits=np.array(["train", "val", "test"])[owner % 3],
            findings=tuple(findings),
            probabilities=np.round(signal / 1.3 * PROBABILITY_STEPS) / PROBABILITY_STEPS,
            label_codes=codes,
        )

    return make
