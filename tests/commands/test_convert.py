"""`cxr convert` from the command line: what it prints, and every mistake one sentence."""

import json

import pytest

from cxr.__main__ import main
from cxr.classification.torchxrayvision import read_releases
from cxr.config.record import hash_of_file

NIH = next(release for release in read_releases() if release.name == "densenet121-res224-nih")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / NIH.file
    path.write_bytes(b"no weights")
    return path


@pytest.fixture
def mistake(capsys):
    """A function: arguments -> the one sentence that the step ends with."""

    def run(*arguments):
        assert main(["convert", *map(str, arguments)]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1, said
        return said

    return run


def test_a_file_that_is_not_known_or_no_weights_is_one_sentence(mistake, file, tmp_path):
    assert "--trust SHA256" in mistake(file, tmp_path / "member")
    assert "is no file of weights by PyTorch" in mistake(file, tmp_path / "member", "--trust", hash_of_file(file))
    assert not (tmp_path / "member").exists()


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        ("nih15", '--findings: unknown finding "nih15"'),
        ("Mass,Noduls", 'did you mean "Nodule"?'),
        ("Mass,", '"" cannot be the name of a finding'),
        ("chexpert14", "densenet121-res224-nih does not answer No Finding, Enlarged_Cardiomediastinum"),
    ],
)
def test_findings_it_cannot_answer_are_one_sentence(mistake, file, tmp_path, findings, said):
    arguments = (file, tmp_path / "member", "--findings", findings, "--trust", hash_of_file(file))
    assert said in mistake(*arguments)


def test_it_says_what_the_model_answers_and_how_to_begin_from_it(file, tmp_path, monkeypatch, capsys):
    def convert(path, folder, asked, trusted):
        assert (path, folder, asked, trusted) == (file, tmp_path / "member", ("Mass", "Hernia"), None)
        source = {"release": NIH.name}
        return {"inputs": {"converted": source}, "network": "densenet121", "image_px": 224, "findings": list(asked)}

    monkeypatch.setattr("cxr.classification.torchxrayvision.convert_release", convert)
    assert main(["convert", str(file), str(tmp_path / "member"), "--findings", "Mass, Hernia"]) == 0
    first, second, last = capsys.readouterr().out.splitlines()
    assert first == "convert: densenet121-res224-nih, densenet121 at 224 px: Mass, Hernia"
    begin = json.loads("{" + second.partition("begin from it: ")[2] + "}")
    assert begin == {
        "network": "densenet121", "normalization": "minus_one_to_one", "weights": f"{tmp_path}/member/model.keras",
    }  # fmt: skip
    assert last == f"convert: written: {tmp_path / 'member'}"
