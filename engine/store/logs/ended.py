"""Whose logs are complete, in the order in which they became so: what the search index learns from. Changes nothing."""

from engine.core.states import AttemptStatus
from engine.store.database import Database
from engine.store.logs.search import LogFacts

_ENDED = f"""
SELECT t.sequence, t.run_id, t.job_id, t.attempt, repo.name, run.workflow_name, run.workflow_path, t.name, t.to_status
FROM transition AS t JOIN run ON run.id = t.run_id JOIN repo ON repo.id = run.repo_id
WHERE t.sequence > ? AND t.noun = 'attempt' AND t.to_status <> '{AttemptStatus.RUNNING}'
ORDER BY t.sequence LIMIT ?"""


def ended_logs(database: Database, after: int, limit: int) -> list[tuple[int, LogFacts]]:
    """Return the first attempts that ended after a change, each with the change's sequence number."""
    return [(sequence, LogFacts(*facts)) for sequence, *facts in database.rows(_ENDED, (after, limit))]
