"""How a group is made, whatever it is made of: what runs its networks, who is told, what may be replaced."""

from collections.abc import Callable
from dataclasses import dataclass

Progress = Callable[[str], Callable[[int, int], None]]
"""Title of a long job -> the function that is told (done, total) of it."""


@dataclass(frozen=True)
class Execution:
    """One way to make a group; it is the same group by any, but for `smoke`, which its record says."""

    engine: str
    progress: Progress
    overwrite: bool = False
    """Whether finished results with other inputs are cleared; otherwise they stop the run with a UserError."""
    smoke: bool = False
    devices: int | str = 1
    """How many share each batch of a training, as in SETTINGS.json."""
