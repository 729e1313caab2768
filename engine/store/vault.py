"""The secrets of repositories: sealed, by name, of one repository or of all. Values go out to workers alone."""

import re
from datetime import datetime

from engine.store.database import Database
from engine.store.secrets import SecretBox
from engine.store.tables.home import SecretRow
from pipelines.records import dataclass

ALL = 0
TOKEN = "GITHUB_TOKEN"
"""The one name of GitHub's own that a person may give: workflows read it as `github.token` as well."""
LONGEST = 64 << 10  # bytes of a value; GitHub takes 48 KB
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class SecretInfo:
    """A secret without its value. `repo_id` is ALL for one that every repository sees, `environment` that
    whose jobs alone see it."""

    name: str
    repo_id: int
    updated_at: datetime
    environment: str = ""


class Vault:
    def __init__(self, database: Database, box: SecretBox) -> None:
        self._db = database
        self._box = box

    def set(self, repo_id: int, name: str, value: str, now: datetime, environment: str = "") -> None:
        """Keep a secret under its name (upper case, as GitHub has them).

        Raises ValueError for a name or value that cannot be.
        """
        if not NAME.fullmatch(name) or (name.upper().startswith("GITHUB_") and name.upper() != TOKEN):
            what = f"letters, digits and _, not starting with GITHUB_ ({TOKEN} will do)"
            raise ValueError(f"{name!r} is no name for a secret: {what}")
        if not value:
            raise ValueError("the value is empty")
        if len(value.encode("utf-8", "surrogatepass")) > LONGEST:
            raise ValueError(f"the value is larger than {LONGEST >> 10} KiB")
        sealed = self._box.seal({"value": value})
        with self._db.write(durable=True):
            SecretRow.insert(
                repo_id=repo_id, environment=environment.lower(), name=name.upper(), sealed=sealed, updated_at=now
            ).on_conflict(
                conflict_target=[SecretRow.repo_id, SecretRow.environment, SecretRow.name],
                preserve=[SecretRow.sealed, SecretRow.updated_at],
            ).execute()

    def list(self, repo_id: int | None = None) -> "list[SecretInfo]":
        query = SecretRow.select(SecretRow.name, SecretRow.repo_id, SecretRow.updated_at, SecretRow.environment)
        if repo_id is not None:
            query = query.where(SecretRow.repo_id == repo_id)
        rows = query.order_by(SecretRow.repo_id, SecretRow.environment, SecretRow.name)
        return [SecretInfo(row.name, row.repo_id, row.updated_at, row.environment) for row in rows]

    def remove(self, repo_id: int, name: str, environment: str = "") -> bool:
        with self._db.write(durable=True):
            place = (SecretRow.repo_id == repo_id) & (SecretRow.environment == environment.lower())
            named = place & (SecretRow.name == name.upper())
            return bool(SecretRow.delete().where(named).execute())

    def values(self, repo_id: int, environment: str = "") -> dict[str, str]:
        """Return what a repository's runs may see, or jobs in an environment beyond that: its own over those of all."""
        mine = SecretRow.repo_id.in_([ALL, repo_id]) & (SecretRow.environment == environment.lower())
        found: dict[str, str] = {}
        for row in SecretRow.select().where(mine).order_by(SecretRow.repo_id):
            found[row.name] = self._box.open(row.sealed)["value"]
        return found
