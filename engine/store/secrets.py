"""Secrets at rest: encrypted with a key that only the home's owner can read. Values never appear in an error."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from engine.core.errors import EngineError
from engine.store.flush import flush, write_new


class KeyLost(EngineError):
    """The key that secrets were sealed with is not there any more, or is damaged."""


class SecretBox:
    """Seals and opens secret values with the key in `<home>/secret.key` (0600, made at first use)."""

    def __init__(self, home: Path) -> None:
        self._path = home / "secret.key"

    def seal(self, values: Mapping[str, str]) -> bytes | None:
        """Return the encrypted form of a set of secrets; None for an empty one."""
        if not values:
            return None
        return self._fernet().encrypt(json.dumps(dict(values)).encode())

    def open(self, sealed: bytes | None) -> dict[str, str]:
        """Return what `seal` was given. Raises KeyLost if the key is another one."""
        if sealed is None:
            return {}
        from cryptography.fernet import InvalidToken

        try:
            opened: dict[str, str] = json.loads(self._fernet().decrypt(bytes(sealed)))
        except InvalidToken:
            raise KeyLost(
                f"{self._path} is not the key that these secrets were sealed with.",
                "Put that key back from a snapshot or a backup, or set the secrets anew: `treadle secret set NAME`.",
            ) from None
        return opened

    def _fernet(self):  # type: ignore[no-untyped-def]  # the import costs start-up time and is paid by who has secrets
        from cryptography.fernet import Fernet

        if not self._path.exists():
            temporary = self._path.with_suffix(f".{secrets.token_hex(8)}")
            write_new(temporary, Fernet.generate_key())
            try:
                os.link(temporary, self._path)
                flush(self._path.parent)  # nothing is sealed with a key that a power cut could take
            except FileExistsError:
                pass  # somebody else was quicker: that key is the one
            finally:
                temporary.unlink()
        try:
            return Fernet(self._path.read_bytes())
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is damaged"
            raise KeyLost(
                f"The key {self._path} cannot be used: {why}.",
                "Put it back from a snapshot or a backup; or remove it, and set the secrets anew: "
                "`treadle secret set NAME`.",
            ) from None
