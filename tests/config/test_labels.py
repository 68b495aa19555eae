"""Findings, groups of them, uncertain labels and data-set formats: what is allowed, and one sentence for the rest."""

import pytest

from cxr.config.datasets import FoldersDataset, TableDataset
from cxr.config.findings import FINDING_SETS, KEPT_COLUMNS, NIH14, checked_name
from cxr.config.labels import Findings
from cxr.datasets.table import DESCRIPTION


def test_sets_name_what_they_stand_for():
    assert Findings().outputs == {finding: (finding,) for finding in NIH14}
    coarse = Findings(set="coarse")
    assert coarse.names == ("Lung", "Heart", "Pleura", "Hernia", "Normal")
    together = [finding for findings in coarse.outputs.values() for finding in findings]
    assert sorted(together) == sorted([*NIH14, "No Finding"])
    assert set(FINDING_SETS) == {"nih14", "merged6", "chexpert5", "chexpert14", "coarse"}


def test_lists_may_hold_groups():
    findings = Findings(set=["Edema", {"nodule_mass": ["Nodule", "Mass"]}], uncertain={"nodule_mass": "ones"})
    assert findings.outputs == {"Edema": ("Edema",), "nodule_mass": ("Nodule", "Mass")}
    assert findings.policy_of("nodule_mass") == "ones"
    assert findings.policy_of("Edema") == "ignore"
    assert not findings.single


@pytest.mark.parametrize(
    ("findings", "line"),
    [
        ({"findings.set": [{"lump": ["Nodul"]}]}, 'findings.set: unknown finding "Nodul": did you mean "Nodule"?'),
        ({"findings.set": [{"lump": []}]}, 'findings.set: the group "lump" is empty; name at least one finding'),
        ({"findings.set": [{"mean": ["Mass"]}]}, 'findings.set: "mean" cannot be the name of a finding: a column of'),
        ({"findings.set": [{"image_id": ["Mass"]}]}, 'findings.set: "image_id" cannot be the name of a finding: a col'),
        ({"findings.set": [{"../x": ["Mass"]}]}, 'findings.set: "../x" cannot be the name of a finding; use up to 64'),
        ({"findings.set": [{"a/b": ["Mass"]}]}, 'findings.set: "a/b" cannot be the name of a finding; use up to 64'),
        ({"findings.set": [{"a" * 65: ["Mass"]}]}, f'findings.set: "{"a" * 65}" cannot be the name of a finding; use'),
        ({"findings.set": [{}]}, "findings.set: the list of findings is empty; name at least one finding"),
        ({"findings.set": ["Mass", {"Mass": ["Nodule"]}]}, "findings.set: Mass is named twice"),
        (
            {"findings.uncertain": {"Edma": "ones"}},
            'findings: uncertain: unknown finding "Edma": did you mean "Edema"?',
        ),
        ({"findings.uncertain": {"Edema": [0.9, 0.1]}}, "findings: uncertain.Edema: [0.9, 0.1] is no range; the first"),
        (
            {"findings.uncertain": {"Edema": "one"}},
            'findings.uncertain.Edema: unknown value "one": did you mean "ones"?',
        ),
        (
            {"findings": {"set": ["Mass"], "labels": "single"}},
            'findings: "labels": "single" needs at least two findings',
        ),
    ],
)
def test_a_mistake_is_one_sentence(mistakes, findings, line):
    assert any(text.startswith(f"PARAMS.json: {line}") for text in mistakes(params=findings))


def test_own_findings_of_a_table_may_be_asked_for(load, mistakes):
    table = {"format": "table", "root": "x", "csv": "t.csv", "columns": {"path": "p", "patient_id": "i",
             "findings": {"Scoliosis": "curve"}}}  # fmt: skip
    config = load(settings={"datasets.1": table}, params={"findings.set": ["Scoliosis", "Mass"]})
    assert config.params.findings.names == ("Scoliosis", "Mass")
    [line] = mistakes(params={"findings.set": ["Scoliosis"]})
    assert 'unknown finding "Scoliosis"' in line


def test_findings_cannot_be_called_like_columns_of_ours(tmp_path):
    assert set(DESCRIPTION) <= set(KEPT_COLUMNS)
    for name in ("view", "a:b", " ", "Mass|Nodule", "a/b", "..", "x" * 65, "a\nb"):
        columns = {"path": "p", "patient_id": "i", "findings": {name: "x"}}
        with pytest.raises(ValueError, match="cannot be the name of a finding"):
            TableDataset.model_validate({"format": "table", "root": tmp_path, "csv": "t", "columns": columns})
        with pytest.raises(ValueError, match="cannot be the name of a finding"):
            FoldersDataset(format="folders", root=tmp_path, classes={"a": [name]}, patient_pattern="(a)")


def test_the_names_in_use_are_allowed():
    for outputs in FINDING_SETS.values():
        assert [checked_name(name) for name in outputs] == list(outputs)


@pytest.mark.parametrize(
    ("dataset", "line"),
    [
        ({"format": "list", "lists": {"all": "a\0b"}, "patient_pattern": "(a)"}, "lists.all: a path cannot hold"),
        ({"format": "list", "lists": {"all": "x"}, "patient_pattern": "(a)", "findings": ["Edema", "Edema"]},
         "findings: Edema is named twice"),
        ({"format": "table", "csv": "a\0b", "columns": {"path": "p", "patient_id": "i", "findings": {"Mass": "m"}}},
         "csv: a path cannot hold a null"),
        ({"format": "table", "csv": "t", "columns": {"path": "", "patient_id": "i", "findings": {"Mass": "m"}}},
         "columns.path: string should have at least 1 character"),
        ({"format": "dicom", "csv": "t", "columns": {"findings": {"Mass": ""}}},
         "columns.findings.Mass: string should have at least 1 character"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_data_set_is_one_sentence(mistakes, dataset, line):
    [found] = mistakes(settings={"datasets.1": dataset | {"root": "x"}})
    assert found.startswith(f"SETTINGS.json: datasets.1.{line}")
