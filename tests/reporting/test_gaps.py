from cxr.reporting.gaps import explain_gaps


def test_a_reason_is_said_once_with_its_findings():
    none, bare = {"value": None, "reason": "no positives in test"}, {"value": 0.5, "reason": "one patient"}
    rows = {"Mass": [none, none], "Pleural_Thickening": [{"value": 1}, none, bare], "Edema": [{"value": 1}]}
    assert explain_gaps(rows) == ["no positives in test (Mass, Pleural Thickening)", "one patient (Pleural Thickening)"]
    assert explain_gaps({f"F{k}": [none] for k in range(6)}) == ["no positives in test (F0, F1, F2, F3 and 2 more)"]
    assert explain_gaps({}) == []
