"""Label codes in, what a loss may learn from out: uncertain labels by their policy, unknown ones left out."""

import numpy as np

from cxr.config.labels import Findings
from cxr.datasets.labels import UNCERTAIN

FIXED = {"ignore": np.nan, "zeros": 0.0, "ones": 1.0}


def certain(codes: np.ndarray) -> np.ndarray:
    """Return (N, K) float32 labels with NaN where uncertain or unknown: what a metric may count."""
    return np.where(codes == UNCERTAIN, np.nan, codes).astype(np.float32)


def training_targets(codes: np.ndarray, findings: Findings, seed: int) -> np.ndarray:
    """Return (N, K) float32 targets in [0, 1] or NaN, from codes in the order of `findings`.

    An uncertain label becomes what `findings.uncertain` says; of a range [a, b] each image has its own target, the same
    in every epoch (Pham et al., Neurocomputing 2021, section 3.3).
    """
    targets = codes.astype(np.float32)
    for column, name in enumerate(findings.names):
        policy = findings.policy_of(name)
        if isinstance(policy, str):
            values = np.float32(FIXED[policy])
        else:
            rng = np.random.default_rng([seed, 0x1A8E1, column])
            values = rng.uniform(*policy, len(codes)).astype(np.float32)
        targets[:, column] = np.where(codes[:, column] == UNCERTAIN, values, targets[:, column])
    return targets
