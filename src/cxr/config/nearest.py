"""Sentences that name what was found, what is allowed, and the nearest allowed name."""

from collections.abc import Iterable
from difflib import get_close_matches


def choices_sentence(kind: str, found: str, allowed: Iterable[str]) -> str:
    """Return e.g. `unknown network "densnet": did you mean "densenet169"? Allowed: densenet169, tiny`."""
    names = list(allowed)
    by_lower = {name.lower(): name for name in names}
    near = get_close_matches(str(found).lower(), by_lower, n=1, cutoff=0.5)
    hint = f': did you mean "{by_lower[near[0]]}"?' if near else "."
    return f'unknown {kind} "{found}"{hint} Allowed: {", ".join(names) or "none"}'
