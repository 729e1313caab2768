"""What a search found, as JSON."""

from collections.abc import Sequence
from typing import Any

from engine.control.housekeeping.search import catch_up
from engine.core.clock import SystemClock
from engine.store.logs.search import Hit, SearchIndex, Where
from engine.store.logs.words import SearchError, Words
from engine.store.store import Store

MOST, USUAL = 500, 50


def search_view(
    store: Store, texts: Sequence[str], where: Where, limit: int, index_bytes: int, patience_s: float
) -> dict[str, Any]:
    """Return the lines that hold all of `texts`, see `Words`: the newest logs first.

    - `hits`: [{`run`, `number`, `repo`, `workflow`, `job`, `name`, `attempt`, `status`, `step` and `step_name` (null
      before the first step), `line` (from 1, of the whole log), `offset` (of the line, in bytes), `text`}]
    - `more`: there may be other lines than these
    - `behind`: there are logs that the index does not know yet. It is given `patience_s` to read them.

    `index_bytes` is what the index may take. Raises SettingsError for texts without a word, SearchError where no log
    is searched.
    """
    words = Words(texts)
    if not index_bytes:
        raise SearchError("No log is searched here: `limits: {search: 0}`.", "Give it a size in treadle.yml.")
    known = catch_up(store, index_bytes, SystemClock(), patience_s)
    found = SearchIndex(store.home).search(words, where, limit)
    runs = store.queries.runs_by_id({hit.log.run_id for hit in found.hits})
    names: dict[tuple[int, int], dict[int, str]] = {}
    hits = []
    for hit in found.hits:
        if hit.log.run_id in runs:
            steps = names.setdefault((hit.log.job_id, hit.log.attempt), {}) or _step_names(store, hit)
            names[hit.log.job_id, hit.log.attempt] = steps
            hits.append(_hit(hit, runs[hit.log.run_id].number, steps))
    return {"hits": hits, "more": found.more, "behind": not known}


def _hit(hit: Hit, number: int, steps: dict[int, str]) -> dict[str, Any]:
    log = hit.log
    return {
        "run": log.run_id,
        "number": number,
        "repo": log.repo,
        "workflow": log.workflow,
        "job": log.job_id,
        "name": log.job,
        "attempt": log.attempt,
        "status": log.status,
        "step": hit.step,
        "step_name": None if hit.step is None else steps.get(hit.step),
        "line": hit.line,
        "offset": hit.offset,
        "text": hit.text,
    }


def _step_names(store: Store, hit: Hit) -> dict[int, str]:
    attempt = next((one for one in store.queries.attempts(hit.log.job_id) if one.number == hit.log.attempt), None)
    return {} if attempt is None else {step.index: step.name for step in store.queries.steps(attempt.id)}
