"""Tokens for the API: shown once when they are made, kept as digests."""

import hashlib
import secrets
from datetime import datetime

from engine.store.database import Database
from engine.store.tables.home import TokenRow
from pipelines.records import dataclass

SCOPES = ("read", "write", "admin")
PREFIX = "tdl_"


@dataclass(frozen=True, slots=True)
class Token:
    """A token without itself. A scope includes those before it in SCOPES."""

    id: int
    name: str
    scope: str
    created_at: datetime
    used_at: datetime | None

    def allows(self, scope: str) -> bool:
        return SCOPES.index(self.scope) >= SCOPES.index(scope)


class Tokens:
    def __init__(self, database: Database) -> None:
        self._db = database

    def create(self, name: str, scope: str, now: datetime) -> tuple[Token, str]:
        """Make a token; return it and its text, which nobody can learn again."""
        if scope not in SCOPES:
            raise ValueError(f"{scope!r} is no scope; there are {', '.join(SCOPES)}")
        text = PREFIX + secrets.token_urlsafe(32)
        with self._db.write(durable=True):
            row = TokenRow.create(name=name, scope=scope, digest=_digest(text), created_at=now)
        return _token(row), text

    def find(self, text: str) -> Token | None:
        """Return the token whose text this is. Looked up by digest, so that time tells nothing of others."""
        row = TokenRow.get_or_none(TokenRow.digest == _digest(text))
        return None if row is None else _token(row)

    def is_there(self, token_id: int) -> bool:
        """Whether a token has not been revoked."""
        return TokenRow.get_or_none(TokenRow.id == token_id) is not None

    def used(self, token_id: int, now: datetime) -> None:
        with self._db.write():
            TokenRow.update(used_at=now).where(TokenRow.id == token_id).execute()

    def list(self) -> "list[Token]":
        return [_token(row) for row in TokenRow.select().order_by(TokenRow.id)]

    def revoke(self, token_id: int) -> bool:
        """Make a token worthless; return whether there was one."""
        with self._db.write(durable=True):
            return bool(TokenRow.delete().where(TokenRow.id == token_id).execute())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()  # a header may hold any bytes


def _token(row: TokenRow) -> Token:
    return Token(row.id, row.name, row.scope, row.created_at, row.used_at)
