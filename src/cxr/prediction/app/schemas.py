"""The shapes of all answers, for the OpenAPI description."""

from typing import Any, Literal

from pydantic import BaseModel, Field


class Refusal(BaseModel):
    """Why a request was refused."""

    detail: str = Field(description="One sentence.")


class Size(BaseModel):
    """Of an image, in pixels."""

    width: int
    height: int


class Box(BaseModel):
    """Around a hot place of a heatmap, in pixels of the image."""

    x0: float
    y0: float
    x1: float
    y1: float
    score: float = Field(description="Of the heat in it, 0 to 1.")


class Finding(BaseModel):
    """What is said of one finding."""

    probability: float = Field(description="The members' mean, calibrated where the bundle is.")
    threshold: float | None = Field(description="On the probability; null where the bundle has none.")
    call: bool | None = Field(description="Whether the probability reaches the threshold.")
    raw: float = Field(description="The members' mean, not calibrated.")
    spread: float | None = Field(description="Standard deviation of the members; null for one alone.")
    members: dict[str, float] = Field(description="Raw probability of each member.")
    boxes: list[Box] = Field(description="None of a finding that is not called.")


class LungOutline(BaseModel):
    """Where the lungs were found."""

    outline: list[list[tuple[float, float]]] = Field(description="Closed polygons of x, y in pixels of the image.")


class Pictures(BaseModel):
    """PNG files as data URIs."""

    xray: str = Field(description="The image as it was read, reduced to at most 1024 pixels.")
    heat: dict[str, str] = Field(
        description="By finding, to be laid over the crop: RGBA, the hotter the less transparent; 128 pixels wide."
    )


class Answered(BaseModel):
    """A line of predictions.jsonl, with the lungs' outline and, where asked for, pictures."""

    image: str = Field(description="The file's name.")
    status: Literal["ok", "unusable"]
    reason: str | None = Field(description="Why it is unusable.")
    size_px: Size
    lung_quality: float = Field(description="0 to 1; too low a one makes an image unusable.")
    lies: str = Field(description="`upright`, or how the image is turned: head left, head down, head right, inverted.")
    crop: tuple[int, int, int, int] = Field(
        description="x0, y0, x1, y1 in pixels of the image; may reach beyond it. What the classifiers looked at."
    )
    findings: dict[str, Finding] = Field(description="Empty where nothing was predicted.")
    lungs: LungOutline
    pictures: Pictures | None


class FindingAsked(BaseModel):
    """A finding of the bundle."""

    name: str
    threshold: float | None


class About(BaseModel):
    """The bundle and what runs it."""

    group: str
    findings: list[FindingAsked]
    members: list[str]
    calibrated: bool
    uncalibrated: str | None = Field(description="Why there are neither calibration nor thresholds.")
    synthetic: bool = Field(description="Trained on synthetic images only: answers mean nothing for patients.")
    foreign: list[str] = Field(description="Members that were not trained here.")
    cautions: list[str] = Field(description="What a reader of the answers has to know.")
    card: dict[str, list[str]] = Field(description="The model card: heading, sentences.")
    engine: str
    precision: str
    sha256: str = Field(description="Of bundle.json, which stands for every file.")
    run: dict[str, Any] = Field(description="Versions, hardware and time of the export.")
    max_upload_bytes: int


class Example(BaseModel):
    """A synthetic image to try."""

    name: str
    title: str
