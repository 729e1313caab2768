"""Which commit each `uses:` of a run led to when it was first asked for."""

from engine.store.database import Database
from engine.store.tables.runs import ActionPinRow


class ActionPins:
    def __init__(self, database: Database) -> None:
        self._db = database

    def get(self, run_id: int, name: str, ref: str) -> str:
        """Return the commit that the run uses for OWNER/REPO@REF, '' before anybody asked."""
        row = ActionPinRow.get_or_none(
            (ActionPinRow.run_id == run_id) & (ActionPinRow.name == name) & (ActionPinRow.ref == ref)
        )
        return str(row.sha) if row else ""

    def pin(self, run_id: int, name: str, ref: str, sha: str) -> str:
        """Keep the first answer for all jobs and attempts of the run; return what was kept."""
        with self._db.write():
            ActionPinRow.insert(run_id=run_id, name=name, ref=ref, sha=sha).on_conflict_ignore().execute()
            return self.get(run_id, name, ref)

    def list(self, run_id: int) -> "list[tuple[str, str, str]]":
        """Return (name, ref, commit) of every action that the run has used, by name."""
        rows = ActionPinRow.select().where(ActionPinRow.run_id == run_id)
        return sorted((row.name, row.ref, row.sha) for row in rows)
