"""Identifiers of patients in, keyed hashes out, which lead back to nobody who does not have the key."""

import hmac
import secrets
from pathlib import Path

from cxr.config.atomic import written_atomically
from cxr.config.errors import UserError

KEY_FILE, KEY_BYTES, SHOWN_DIGITS = "patient-key.txt", 32, 16


def load_key(prepared_dir: Path) -> bytes:
    """Return the key of this folder, made at random on first use and readable by its owner only.

    Who keeps the file gets the same pseudonyms again; without it they lead back to nobody (HMAC, RFC 2104).
    Raises UserError when the file holds no key.
    """
    path = prepared_dir / KEY_FILE
    if not path.exists():
        with written_atomically(path) as part:
            part.touch(mode=0o600)
            part.write_text(secrets.token_hex(KEY_BYTES) + "\n", encoding="ascii")
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: holds no key for patient ids ({error}); restore it, or delete it for new ids"
        ) from error
    if len(key) < KEY_BYTES:
        raise UserError(f"{path}: holds a key of {len(key)} bytes; {KEY_BYTES} are needed")
    return key


def pseudonym(key: bytes, identifier: str) -> str:
    """Return 16 hex digits for an identifier; "" for an empty one."""
    return hmac.new(key, identifier.encode(), "sha256").hexdigest()[:SHOWN_DIGITS] if identifier else ""
