"""Texts from anywhere in, names for files and folders out that every file system takes and tells apart."""

import hashlib
import re
from collections import Counter
from collections.abc import Hashable, Mapping

STRANGE = re.compile(r"[^A-Za-z0-9._ -]")
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names of devices on Windows, whatever their ending."""
HASH_DIGITS = 8


def plain_names(texts: Mapping[Hashable, str], longest: int) -> dict[Hashable, str]:
    """Return key -> a name of at most `longest` (over 20) letters, digits, dots, dashes, underscores and inner spaces.

    A text that is itself such a name stays. One that is too long, or would share its name with that of another key
    where upper and lower case count as one, is cut and ends with digits of the key's hash.
    """
    plain = {key: STRANGE.sub("_", text).strip(" .") for key, text in texts.items()}
    shared = Counter(name.casefold() for name in plain.values())
    return {
        key: name if _may_stay(name, longest) and shared[name.casefold()] == 1 else _marked(key, name, longest)
        for key, name in plain.items()
    }


def _may_stay(name: str, longest: int) -> bool:
    return 0 < len(name) <= longest and not RESERVED.fullmatch(name)


def _marked(key: Hashable, name: str, longest: int) -> str:
    digest = hashlib.sha256(repr(key).encode()).hexdigest()[:HASH_DIGITS]
    return f"{name[: longest - HASH_DIGITS - 1]}-{digest}"
