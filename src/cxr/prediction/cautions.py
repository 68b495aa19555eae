"""A bundle in, the sentences that a reader of its answers has to know out."""

from cxr.prediction.bundle import Bundle


def cautions_of(bundle: Bundle) -> list[str]:
    """Return one sentence each, without a full stop; the first is always true."""
    record = bundle.record
    lines = ["research use only: not for diagnosis or treatment"]
    if record.uncalibrated:
        lines.append(f"no calls, and probabilities as the networks give them: {record.uncalibrated}")
    if record.foreign:
        lines.append(f"not trained here, so what they have learnt from is not known: {', '.join(record.foreign)}")
    if record.synthetic:
        lines.append("the group was trained on synthetic images only: its answers mean nothing for patients")
    return lines
