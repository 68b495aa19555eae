"""A run's own JSON in, its model card out: the headings of CLAIM, filled with what the run knows about itself.

CLAIM: Mongan, Moy and Kahn, Radiology: Artificial Intelligence 2020, 2:e200029; 2024 update e240300.
"""

from collections.abc import Mapping
from typing import Any

from cxr.evaluation.metrics import findings_of
from cxr.reporting.card_limits import limitations
from cxr.reporting.wording import counted, finding_text, headline, level_text, rule_text, scope

Card = dict[str, list[str]]
CROPS = {
    "crop": "cropped to a box around the lungs",
    "mask": "cropped to a box around the lungs, all outside the lungs blackened",
    "none": "the whole image",
}
CALIBRATIONS = {
    "platt": "calibrated per finding by Platt’s method",
    "temperature": "calibrated by temperature scaling",
    "isotonic": "calibrated per finding by isotonic regression",
    "none": "not calibrated",
}


def model_card(
    record: Mapping[str, Any], metrics: Mapping[str, Any], external: Mapping[str, Mapping[str, Any]] | None = None
) -> Card:
    """Heading -> sentences. What the run does not know is said to be unknown, never guessed.

    external: other data it was tested on -> metrics.json of these.
    """
    external = external or {}
    inputs = next(iter(record.get("members_inputs", {}).values()), {})
    return {
        "Intended use": [
            "Research on classifiers of frontal chest X-rays. Not a medical device: not to be used to diagnose, to "
            "triage or to treat, nor to decide anything about a person."
        ],
        "Data": _data(record),
        "Labels": _labels(record, metrics, inputs),
        "Preprocessing": _preprocessing(record, inputs),
        "Model": [_network(member) for member in record["members"]] + ["The members’ probabilities are averaged."],
        "Training": _training(record),
        "Evaluation": _evaluation(metrics),
        "Results": [
            " ".join(headline(metrics)),
            *(f"On {name}: {' '.join(headline(other))}" for name, other in external.items()),
        ],
        "Limitations": limitations(record, metrics, list(external)),
    }


def _data(record: Mapping[str, Any]) -> list[str]:
    data, split = record["data"], record["split"]
    parts = ", ".join(
        f"{name} {counted(one['images'], 'image')} of {counted(one['patients'], 'patient')}"
        for name, one in split["parts"].items()
    )
    return [
        f"{data['name']}: {counted(data['images'], 'image')} of {counted(data['patients'], 'patient')}, from "
        f"{', '.join(data['sources'])}; {counted(data['rejected'], 'file')} rejected.",
        f"Split ‘{split['name']}’, hash {split['hash']}: {parts}. No patient is in two parts.",
    ]


def _labels(record: Mapping[str, Any], metrics: Mapping[str, Any], inputs: Mapping[str, Any]) -> list[str]:
    findings = [finding_text(finding) for finding in record["findings"]]
    entries = [metrics["auroc"][finding] for finding in findings_of(metrics)]
    unknown, uncertain = (sum(entry[kind] for entry in entries) for kind in ("unknown", "uncertain"))
    said = [
        f"{counted(len(findings), 'finding')}: {', '.join(findings)}.",
        f"In the measured part {counted(unknown, 'label')} unknown and {uncertain:,} uncertain: left out of every "
        "number.",
    ]
    policies = inputs.get("uncertain")
    if policies:
        kinds = dict.fromkeys(map(_policy, policies.values()))
        by_kind = {kind: [finding_text(one) for one in policies if _policy(policies[one]) == kind] for kind in kinds}
        texts = [f"{kind} ({'all findings' if len(by_kind) == 1 else ', '.join(by_kind[kind])})" for kind in by_kind]
        said.append(f"Uncertain labels in training: {'; '.join(texts)}.")
    else:
        said.append("How uncertain labels counted in training is not recorded.")
    if inputs.get("findings", {}).get("labels") == "single":
        said.append("Every image has exactly one finding (softmax); others were left out.")
    return said


def _policy(policy: str | list[float]) -> str:
    return policy if isinstance(policy, str) else f"a target drawn from {policy[0]:g} to {policy[1]:g}"


def _preprocessing(record: Mapping[str, Any], inputs: Mapping[str, Any]) -> list[str]:
    data, crop = record["data"], inputs.get("crop", {})
    size = f", {crop['image_px']} px square" if "image_px" in crop else ""
    said = [f"Images are grey, 0 to 255: {CROPS.get(data['crop_mode'], data['crop_mode'])}{size}."]
    if data["crop_mode"] != "none":
        said.append(f"{counted(data['fallbacks'], 'image')} used whole, as no usable lungs were found.")
    if data.get("set_upright"):
        said.append(f"{counted(data['set_upright'], 'image')} lay turned or inverted and were set upright.")
    return said


def _network(member: Mapping[str, Any]) -> str:
    size = f"{member['parameters']:,} parameters" if member["parameters"] else "size not recorded"
    return f"{member['name']}: {member['network']}, input {member['image_px']} px, {size}."


def _training(record: Mapping[str, Any]) -> list[str]:
    said = []
    for name, inputs in record.get("members_inputs", {}).items():
        training = inputs.get("training")
        if training is None:
            said.append(f"{name}: not trained here.")
            continue
        loss = (training.get("loss") or {}).get("name", "cross-entropy")
        optimizer, weights = training["optimizer"], inputs.get("member", {}).get("weights")
        rate = f", rate {optimizer['learning_rate']:g}" if "learning_rate" in optimizer else ""
        said.append(
            f"{name}: loss {loss}, optimiser {optimizer['name']}{rate}, at most {training['epochs']} epochs of batches "
            f"of {training['batch']}, seed {inputs.get('seed', record['seed'])}, first weights: {weights or 'random'}."
        )
    return [*(said or ["How the members were trained is not recorded."]), "Epochs were chosen on validation."]


def _evaluation(metrics: Mapping[str, Any]) -> list[str]:
    fitted, intervals = metrics["fitted"], metrics["intervals"]
    return [
        f"{scope(metrics)[0].upper()}{scope(metrics)[1:]}.",
        f"Probabilities are {CALIBRATIONS[fitted['calibration']]}, thresholds chosen by {rule_text(fitted)}, both on "
        "validation only.",
        f"Intervals: {level_text(metrics)}, {intervals['resamples']:,} resamples of whole patients.",
    ]
