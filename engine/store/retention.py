"""What is old enough to go: runs with all they left, the files of runs, artifacts. Says it, and takes it away in steps.

Never goes: a run that has not ended, a pinned one, the newest of each workflow (no `#number` is given twice), what
bears the highest id of its kind (no id and no place in the stream is given twice), and of every workflow and branch
that is there the last run and the last green one, those of bisections aside. Rows outlast LEAST, for the promises of
`slo:` look back so far; when that is longer than a run is to be kept, its logs and artifacts go first.
"""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from engine.core.states import RUN_FINAL
from engine.settings.model import DAY_S
from engine.settings.model import Retention as Rules
from engine.store.contents.artifacts import Artifacts
from engine.store.contents.manifest import Artifact
from engine.store.cursors import Cursors
from engine.store.database import Database
from engine.store.definitions import Definitions
from engine.store.greens import BISECTING, green_sql
from pipelines.records import dataclass

LEAST = timedelta(days=7, hours=1)
BATCH = 100
GONE_UPTO = "transitions gone up to"  # the cursor: no transition after this one has been taken away

_FINAL = ", ".join(f"'{status}'" for status in sorted(RUN_FINAL))
_LIVE = "(SELECT 1 FROM ref WHERE ref.repo_id = run.repo_id AND ref.name = run.ref)"
_TRACKED = "(SELECT 1 FROM ref WHERE ref.repo_id = run.repo_id)"
_NEWER = """(SELECT 1 FROM run AS newer WHERE newer.repo_id = run.repo_id
 AND newer.workflow_path = run.workflow_path AND newer.number > run.number {more})"""
_SAME_REF = f"AND newer.ref = run.ref AND newer.id NOT IN ({BISECTING})"
_GREEN = f"AND newer.ref = run.ref AND {green_sql('newer')}"
# A branch is there while its ref is known; of a repository whose refs nobody follows, every branch counts as there.
_BRANCH = f"run.ref LIKE 'refs/heads/%' AND (EXISTS {_LIVE} OR NOT EXISTS {_TRACKED})"
# `+status`: no index on it is wanted here, for nearly all runs have ended.
_MAY_GO = f"""+run.status IN ({_FINAL}) AND NOT EXISTS (SELECT 1 FROM pin WHERE pin.run_id = run.id)
 AND EXISTS {_NEWER.format(more="")}
 AND NOT ({_BRANCH} AND run.id NOT IN ({BISECTING}) AND NOT EXISTS {_NEWER.format(more=_SAME_REF)})
 AND NOT ({_BRANCH} AND {green_sql("run")} AND NOT EXISTS {_NEWER.format(more=_GREEN)})"""
_OLD = f"""SELECT id, finished_at FROM run WHERE (finished_at, id) > (?, ?) AND finished_at < ? AND {_MAY_GO}
 ORDER BY finished_at, id LIMIT {BATCH}"""
_WORKFLOWS = "SELECT repo_id, workflow_path, max(number) FROM run GROUP BY repo_id, workflow_path"
_NTH = "SELECT number FROM run WHERE repo_id = ? AND workflow_path = ? ORDER BY number DESC LIMIT 1 OFFSET ?"
_TOO_MANY = f"""SELECT id, number FROM run WHERE repo_id = ? AND workflow_path = ? AND number > ? AND number < ?
 AND finished_at < ? AND {_MAY_GO} ORDER BY number LIMIT {BATCH}"""
_LAST_IDS = """SELECT max(id) FROM run UNION SELECT run_id FROM job WHERE id = (SELECT max(id) FROM job)
 UNION SELECT run_id FROM job WHERE id = (SELECT job_id FROM attempt ORDER BY id DESC LIMIT 1)
 UNION SELECT run_id FROM transition WHERE sequence = (SELECT max(sequence) FROM transition)"""
_ENDED = f"SELECT id FROM run WHERE status IN ({_FINAL}) AND finished_at IS NOT NULL ORDER BY finished_at, id"
_PINNED = "SELECT run_id FROM pin"
_OPEN = f"SELECT id FROM run WHERE status NOT IN ({_FINAL})"

_BEGIN = f"""DELETE FROM run WHERE id = ? AND status IN ({_FINAL}) AND finished_at < ?
 AND NOT EXISTS (SELECT 1 FROM pin WHERE pin.run_id = run.id)"""
_JOBS = f"SELECT id FROM job WHERE run_id = ? LIMIT {BATCH}"
_OF_A_JOB = (
    "DELETE FROM step WHERE attempt_id IN (SELECT id FROM attempt WHERE job_id = ?)",
    "DELETE FROM annotation WHERE attempt_id IN (SELECT id FROM attempt WHERE job_id = ?)",
    "DELETE FROM attempt WHERE job_id = ?",
    "DELETE FROM edge WHERE job_id = ?",
    "DELETE FROM checkpoint WHERE job_id = ?",
    "UPDATE hold SET until = 0 WHERE job_id = ?",  # its box goes at the keeper's next look
    "DELETE FROM job WHERE id = ?",
)
_CHECKPOINTS = "DELETE FROM checkpoint WHERE job_id IN (SELECT id FROM job WHERE run_id = ?)"
_CHANGES = f"""DELETE FROM transition WHERE sequence IN
 (SELECT sequence FROM transition WHERE run_id = ? ORDER BY sequence LIMIT {20 * BATCH})"""
_UNUSED_TEXTS = """SELECT digest FROM definition WHERE digest NOT IN (SELECT definition FROM run) AND digest NOT IN
 (SELECT json_extract(called.value, '$.definition') FROM run, json_each(run.calls) AS called
  WHERE json_extract(called.value, '$.definition') IS NOT NULL) AND digest NOT IN
 (SELECT json_extract(told.value, '$[0]') FROM "commit", json_each("commit".workflows) AS told
  WHERE json_extract(told.value, '$[0]') IS NOT NULL)"""


class Kind(StrEnum):
    RUN = "run"  # its rows, its logs and its artifacts
    FILES = "files"  # its logs and its artifacts; its rows stay
    ARTIFACT = "artifact"


@dataclass(frozen=True, slots=True)
class Going:
    """One thing that would go, and why. `size_bytes` is what its files take; `finished_before` guards its run."""

    kind: Kind
    run_id: int
    why: str
    size_bytes: int
    finished_before: datetime
    artifact: str = ""


class Retention:
    """The retention of one home. Reading it changes nothing and makes nobody wait."""

    def __init__(self, database: Database, home: Path, artifacts: Artifacts, definitions: Definitions) -> None:
        self._db = database
        self._logs = home / "logs"
        self._artifacts = artifacts
        self._definitions = definitions
        self._cursors = Cursors(database)

    def going(self, rules: Rules, now: datetime) -> Iterator[Going]:
        """Yield what goes under the rules as of now, each run once, before its artifacts would be named."""
        runs: set[int] = set()
        last = {run_id for (run_id,) in self._db.rows(_LAST_IDS)}
        for one in self._runs(rules, now):
            if one.run_id not in runs and one.run_id not in last:
                runs.add(one.run_id)
                yield one
        stripped: set[int] = set()
        for one in self._files(rules, now, runs):
            stripped.add(one.run_id)
            yield one
        yield from self._old_artifacts(rules, now, runs | stripped)

    def take(self, one: Going) -> Iterator[None]:
        """Take one thing away, in short writes; nothing happens to a run that was pinned or began again meanwhile."""
        if one.kind is Kind.RUN:
            if self._begin(one):
                yield
                yield from self._remove(one.run_id)
        elif one.kind is Kind.FILES:
            if not self._is_kept(one):
                self._strip(one.run_id)
                yield
        elif (artifact := self._artifacts.get(one.run_id, one.artifact)) and not self._is_kept(one):
            self._artifacts.delete(artifact)
            yield

    def go_on(self) -> Iterator[None]:
        """Finish removals that a kill left half done."""
        for (run_id,) in self._db.rows("SELECT run_id FROM removal"):
            yield from self._remove(run_id)

    def strays(self) -> Iterator[None]:
        """Remove the logs and artifacts of runs that are not there: of a database that was replaced by an older one."""
        found = self._with_files()  # first: a run is recorded before it has any
        runs = {run_id for (run_id,) in self._db.rows("SELECT id FROM run")}
        for run_id in sorted(found - runs):
            self._strip(run_id)
            yield

    def texts(self) -> Iterator[None]:
        """Forget workflow texts that no run and no known commit speaks of any more."""
        unused = [digest for (digest,) in self._db.rows(_UNUSED_TEXTS)]
        for start in range(0, len(unused), BATCH):
            self._definitions.forget(unused[start : start + BATCH])
            yield
        self._definitions.spare()

    # -- what goes ----------------------------------------------------------------------------------------------------

    def _runs(self, rules: Rules, now: datetime) -> Iterator[Going]:
        safe = now - LEAST
        before = min(safe, now - timedelta(seconds=rules.runs_s))
        place = (0.0, 0)
        while page := self._db.rows(_OLD, (*place, before.timestamp())):
            for run_id, _ in page:
                yield self._run(
                    Kind.RUN, run_id, f"it ended more than {_days(rules.runs_s)} ago (retention.runs)", before
                )
            place = (page[-1][1], page[-1][0])
        if rules.per_workflow is None:
            return
        why = f"{rules.per_workflow} newer runs of its workflow are kept (retention.per_workflow)"
        for repo_id, path, _ in self._db.rows(_WORKFLOWS):
            nth = self._db.rows(_NTH, (repo_id, path, max(0, rules.per_workflow - 1)))
            number = 0
            while nth and (page := self._db.rows(_TOO_MANY, (repo_id, path, number, nth[0][0], safe.timestamp()))):
                for run_id, _ in page:
                    yield self._run(Kind.RUN, run_id, why, safe)
                number = page[-1][1]

    def _files(self, rules: Rules, now: datetime, gone: set[int]) -> Iterator[Going]:
        """The files of runs whose rows stay for the promises' sake, then of the oldest while all take too much."""
        before = now - timedelta(seconds=rules.runs_s)
        stripped: set[int] = set()
        if before > now - LEAST:
            place = ((now - LEAST).timestamp(), 0)
            why = f"it ended more than {_days(rules.runs_s)} ago (retention.runs)"
            while page := self._db.rows(_OLD, (*place, before.timestamp())):
                for run_id, _ in page:
                    one = self._run(Kind.FILES, run_id, why, before)
                    if one.size_bytes and run_id not in gone:
                        stripped.add(run_id)
                        yield one
                place = (page[-1][1], page[-1][0])
        if rules.size_bytes is None:
            return
        ended = [run_id for (run_id,) in self._db.rows(_ENDED) if run_id not in gone and run_id not in stripped]
        pinned = {run_id for (run_id,) in self._db.rows(_PINNED)}
        sizes = {run_id: self._size(run_id) for run_id in self._with_files() - gone - stripped}
        too_much = sum(sizes.values()) - rules.size_bytes
        why = f"all logs and artifacts together take more than {rules.size_bytes >> 20} MiB (retention.size)"
        for run_id in ended:
            if too_much <= 0:
                return
            if sizes.get(run_id) and run_id not in pinned:
                too_much -= sizes[run_id]
                yield Going(Kind.FILES, run_id, why, sizes[run_id], now)

    def _old_artifacts(self, rules: Rules, now: datetime, gone: set[int]) -> Iterator[Going]:
        kept = {run_id for (run_id,) in self._db.rows(f"{_PINNED} UNION {_OPEN}")}
        for run_id in sorted(runs_in(self._artifacts.folder / "runs") - gone - kept):
            for artifact in self._artifacts.heads(run_id):
                if artifact_kept_until(artifact.created_at, artifact.retention_days, rules) < now:
                    why = _why_over(artifact, rules)
                    yield Going(Kind.ARTIFACT, run_id, why, artifact.size_bytes, now, artifact.name)

    def _run(self, kind: Kind, run_id: int, why: str, before: datetime) -> Going:
        return Going(kind, run_id, why, self._size(run_id), before)

    def _size(self, run_id: int) -> int:
        logs = 0
        for path in (self._logs / str(run_id)).glob("*"):
            with suppress(FileNotFoundError):  # a log that was compressed just now
                logs += path.stat().st_size
        return logs + sum(artifact.size_bytes for artifact in self._artifacts.heads(run_id))

    def _with_files(self) -> set[int]:
        return runs_in(self._logs) | runs_in(self._artifacts.folder / "runs")

    # -- taking it away -----------------------------------------------------------------------------------------------

    def _begin(self, one: Going) -> bool:
        """Take away the run's own row, and note that the rest has to follow; return whether it was still to go."""
        with self._db.write():
            if not self._db.change(_BEGIN, (one.run_id, one.finished_before.timestamp())):
                return False
            self._db.change("INSERT OR IGNORE INTO removal VALUES (?)", (one.run_id,))
            [(upto,)] = self._db.rows("SELECT max(sequence) FROM transition WHERE run_id = ?", (one.run_id,))
            if upto is not None and upto > int(self._cursors.get(GONE_UPTO) or 0):
                self._cursors.set(GONE_UPTO, upto)
            return True

    def _remove(self, run_id: int) -> Iterator[None]:
        while jobs := self._db.rows(_JOBS, (run_id,)):
            with self._db.write():
                for statement in _OF_A_JOB:
                    self._db.execute_many(statement, jobs)
            yield
        gone = 1
        while gone:
            with self._db.write():
                gone = self._db.change(_CHANGES, (run_id,))
            yield
        self._strip(run_id)
        with self._db.write():
            for table in ("action_pin", "bisect", "removal"):  # the last: nothing is left to be done
                self._db.change(f"DELETE FROM {table} WHERE run_id = ?", (run_id,))

    def _strip(self, run_id: int) -> None:
        for artifact in self._artifacts.heads(run_id):
            self._artifacts.delete(artifact)
        shutil.rmtree(self._logs / str(run_id), ignore_errors=True)
        with self._db.write():
            self._db.change(_CHECKPOINTS, (run_id,))

    def _is_kept(self, one: Going) -> bool:
        query = (
            f"SELECT 1 FROM run WHERE id = ? AND (status NOT IN ({_FINAL}) OR finished_at >= ? OR id IN ({_PINNED}))"
        )
        return bool(self._db.rows(query, (one.run_id, one.finished_before.timestamp())))


def runs_in(folder: Path) -> set[int]:
    """Return the runs that have a folder of their own, by id, in this one."""
    return {int(path.name) for path in folder.iterdir() if path.name.isdecimal()}


def artifact_kept_until(created_at: datetime, retention_days: int | None, rules: Rules) -> datetime:
    """Return until when an artifact is kept, unless its run is pinned or goes before: the one rule for that."""
    kept_s = rules.artifacts_s if retention_days is None else retention_days * DAY_S
    return created_at + timedelta(seconds=kept_s)


def _why_over(artifact: Artifact, rules: Rules) -> str:
    if artifact.retention_days is not None:
        return f"its retention-days, {artifact.retention_days}, are over"
    return f"it is older than {_days(rules.artifacts_s)} (retention.artifacts)"


def _days(seconds: float) -> str:
    if seconds % DAY_S == 0:
        days = int(seconds // DAY_S)
        return f"{days} day{'' if days == 1 else 's'}"
    return f"{seconds / 3600:g} h"
