import numpy as np
import pytest

from cxr.config.findings import NIH14
from cxr.phantoms.course import draw_course
from cxr.phantoms.findings.cooccurrence import shares_of_the_ill
from cxr.phantoms.spec import PhantomSpec


@pytest.mark.parametrize("frequencies", ["even", "nih"])
def test_findings_are_as_frequent_at_later_visits_as_at_the_first(frequencies):
    spec = PhantomSpec(patients=4000, seed=11, prevalence=1.0, frequencies=frequencies)
    counts, visits = np.zeros((5, len(NIH14))), np.zeros(5)
    for patient in range(1, spec.patients + 1):
        for number, visit in enumerate(draw_course(spec, patient).visits):
            counts[number] += [any(lesion.finding == name for lesion in visit.lesions) for name in NIH14]
            visits[number] += 1
    shares = counts / visits[:, None]
    expected = shares_of_the_ill(frequencies)
    np.testing.assert_allclose(shares[0], expected, atol=0.025)
    np.testing.assert_allclose(shares[1], expected, atol=0.03)
    np.testing.assert_allclose(shares[2:4].mean(axis=0), expected, atol=0.045)
    if frequencies == "nih":
        hernia = NIH14.index("Hernia")
        assert counts[:, hernia].sum() / visits.sum() < 2 * expected[hernia] + 0.002
