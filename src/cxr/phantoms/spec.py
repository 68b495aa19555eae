"""What phantoms are asked for."""

from dataclasses import dataclass

from cxr.config.errors import UserError
from cxr.phantoms.findings.cooccurrence import FREQUENCIES

SMALLEST_IMAGE_PX, LARGEST_IMAGE_PX = 64, 2048


@dataclass(frozen=True)
class PhantomSpec:
    """What to make: the same spec always gives the same pixels and labels."""

    patients: int = 300
    seed: int = 7
    image_px: int = 320
    prevalence: float = 0.7  # share of patients who have findings
    frequencies: str = "even"  # of the findings among them: "even" or "nih"
    label_noise: float = 0.0  # share of findings that the label table misses, and of labels that it invents

    def __post_init__(self) -> None:
        """Refuse values that cannot be drawn."""
        allowed = {
            "patients": (self.patients >= 1, "at least 1"),
            "seed": (self.seed >= 0, "at least 0"),
            "image_px": (
                SMALLEST_IMAGE_PX <= self.image_px <= LARGEST_IMAGE_PX,
                f"between {SMALLEST_IMAGE_PX} and {LARGEST_IMAGE_PX}",
            ),
            "prevalence": (0 <= self.prevalence <= 1, "between 0 and 1"),
            "frequencies": (self.frequencies in FREQUENCIES, f"one of {', '.join(FREQUENCIES)}"),
            "label_noise": (0 <= self.label_noise <= 0.5, "between 0 and 0.5"),
        }
        for name, (fits, range_) in allowed.items():
            if not fits:
                raise UserError(f"phantoms: {name} is {getattr(self, name)}; it must be {range_}")
