"""Secrets at rest: encrypted with a key that only the home's owner can read. Values never appear in an error."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from engine.store.flush import flush


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
        """Return what `seal` was given. Raises cryptography's InvalidToken if the key is another one."""
        if sealed is None:
            return {}
        opened: dict[str, str] = json.loads(self._fernet().decrypt(bytes(sealed)))
        return opened

    def _fernet(self):  # type: ignore[no-untyped-def]  # the import costs start-up time and is paid by who has secrets
        from cryptography.fernet import Fernet

        if not self._path.exists():
            temporary = self._path.with_suffix(f".{secrets.token_hex(8)}")
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(Fernet.generate_key())
                os.fsync(file.fileno())
            try:
                os.link(temporary, self._path)
                flush(self._path.parent)  # nothing is sealed with a key that a power cut could take
            except FileExistsError:
                pass  # somebody else was quicker: that key is the one
            finally:
                temporary.unlink()
        return Fernet(self._path.read_bytes())
