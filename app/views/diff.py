"""An attempt's log against that of another, as JSON: the failed step first, opening at what is new."""

import re
from collections.abc import Sequence
from itertools import islice
from typing import Any

from engine.core.errors import EngineError
from engine.core.log_diff import CONTEXT, Fold, Row, compare
from engine.core.records import Job, Run, Step
from engine.core.states import STEP_BROKEN
from engine.core.step_pairs import pairs
from engine.git.diff import hunks
from engine.store.logs.reader import LogReader
from engine.store.mending.baselines import baseline
from engine.store.store import Store
from pipelines.records import dataclass

PREVIOUS = "previous"
WINDOW_BYTES, WINDOW_LINES = 16 << 20, 200_000  # of a step, its end: that is where it failed
MOST_CONTEXT = 100


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two attempts that are compared. `why`: what it is, where nobody named it."""

    job: Job
    run: Run
    attempt: int
    steps: Sequence[Step]
    why: str = ""

    def shape(self) -> dict[str, Any]:
        return {
            "job": self.job.id,
            "name": self.job.name,
            "run": self.run.id,
            "number": self.run.number,
            "attempt": self.attempt,
            "status": str(self.job.status),
            "ref": self.run.ref,
            "sha": self.run.sha,
        }


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a log that is compared: whole lines, where they begin in it, and how many bytes before are not."""

    data: bytes
    start: int
    left_out: int


def diff_view(
    store: Store,
    job: Job,
    attempt: int | None = None,
    against: str | None = None,
    step: int | None = None,
    context: int = CONTEXT,
) -> dict[str, Any]:
    """Compare a step of a job's attempt (the latest) with the same step of another one.

    `against` is a job (`j34`), a run (`r12`: the job of the same name in it) or `previous`, the attempt before this
    one; None the latest ordinary green run, on the same branch if there is one, and where none was ever green the
    attempt before. `step` None: the first that failed; where none has, the whole log.

    - `job`, `against`: {`job`, `name`, `run`, `number`, `attempt`, `status`, `ref`, `sha`}; `why`: which that is
    - `steps`: [{`index`, `name`, `status`, `against` (the index of its like, or null)}]; `step`: the one compared
    - `rows`: in order [kind, old line, new line, offset, text] of lines that are new, gone, moved or the same, shown
      as they were; or ["fold", count, old line, new line, offset, end] of lines that are alike. Lines count from 1
      within what is compared, `offset` and `end` are bytes in this attempt's log
    - `new`, `gone`, `moved`: how many lines; `first`: the row to begin at, or null; `notes`: what was left out

    Raises EngineError where there is nothing to compare.
    """
    side = _side(store, job, attempt)
    other = _other(store, side, against)
    likes = pairs([one.name for one in side.steps], [one.name for one in other.steps])
    place = _place(side, step)
    like = None if place is None else likes[place]
    here = _part(store, side, None if place is None else side.steps[place])
    missing = place is not None and (like is None or other.steps[like].log_start is None)
    there = Part(b"", 0, 0) if missing else _part(store, other, None if like is None else other.steps[like])
    found = compare(
        there.data, here.data, hunks, context=min(context, MOST_CONTEXT), old_is_cut=there.left_out > 0,
        new_is_cut=here.left_out > 0,
    )  # fmt: skip
    return {
        "job": side.shape(),
        "against": other.shape(),
        "why": other.why,
        "steps": [
            {
                "index": one.index,
                "name": one.name,
                "status": str(one.status),
                "against": None if to is None else other.steps[to].index,
            }
            for one, to in zip(side.steps, likes, strict=True)
        ],
        "step": None if place is None else side.steps[place].index,
        "rows": [_row(one, here.start) for one in found.rows],
        "new": found.new,
        "gone": found.gone,
        "moved": found.moved,
        "first": found.first,
        "notes": _notes(here, there, missing, found.left_out),
    }


def _side(store: Store, job: Job, attempt: int | None, why: str = "") -> Side:
    run = store.queries.run(job.run_id)
    number = attempt or job.attempts
    made = next((one for one in store.queries.attempts(job.id) if one.number == number), None)
    if run is None or made is None:
        missing = f"has no attempt {number}" if number else "has not started"
        raise EngineError(f"Job {job.id} ({job.name}) {missing}, so there is nothing to compare.")
    return Side(job, run, number, store.queries.steps(made.id), why)


def _other(store: Store, side: Side, against: str | None) -> Side:
    if against is None:
        found = baseline(side.job, store.cursors)
        if found is not None:
            green, why = found
            return _side(store, _job(store, green.job_id), green.attempt, why)
        if side.attempt == 1:
            raise EngineError(
                f"{side.job.name} has never been in a green run, and this is its first attempt.",
                "Name what to compare with: a job (j34) or a run (r12).",
            )
    if against in (None, PREVIOUS):
        if side.attempt == 1:
            raise EngineError(f"Attempt 1 of job {side.job.id} has none before it.")
        return _side(store, side.job, side.attempt - 1, "the attempt before")
    return _named(store, side, str(against))


def _named(store: Store, side: Side, name: str) -> Side:
    """Return the side that a job's or a run's name means."""
    kind, ident = name[:1], name[1:]
    if kind not in ("j", "r") or not (ident.isascii() and ident.isdecimal() and len(ident) < 16):
        raise EngineError(f"{name!r} is no job (j34), run (r12) or `{PREVIOUS}`.")
    if kind == "j":
        return _side(store, _job(store, int(ident)), None)
    jobs = store.queries.jobs(int(ident))
    named = [one for one in jobs if one.name == side.job.name] or [one for one in jobs if one.key == side.job.key]
    if not named:
        raise EngineError(f"Run {ident} has no job {side.job.name}." if jobs else f"There is no run {ident}.")
    return _side(store, named[0], None)


def _job(store: Store, job_id: int) -> Job:
    job = store.queries.job(job_id)
    if job is None:
        raise EngineError(f"There is no job {job_id}.")
    return job


def _place(side: Side, step: int | None) -> int | None:
    """Return the place of the step that is meant: the one that is named, else the first that failed."""
    if step is not None:
        place = next((at for at, one in enumerate(side.steps) if one.index == step), None)
        if place is None:
            raise EngineError(f"Attempt {side.attempt} has no step {step}.", "`treadle show RUN` lists the steps.")
        return place
    broken = (at for at, one in enumerate(side.steps) if one.status in STEP_BROKEN and one.conclusion != "success")
    return next(broken, None)


def _part(store: Store, side: Side, step: Step | None) -> Part:
    """Return the end of a step's part of the log, or of all of it."""
    if step is not None and step.log_start is None:
        return Part(b"", 0, 0)
    try:
        reader = LogReader(store.log_path(side.job.run_id, side.job.id, side.attempt))
    except FileNotFoundError:
        raise EngineError(f"The log of job {side.job.id}, attempt {side.attempt}, is not there any more.") from None
    with reader:
        start, end = 0, reader.size
        if step is not None and step.log_start is not None:
            start, end = step.log_start, end if step.log_end is None else step.log_end
        cut = max(start, end - WINDOW_BYTES)
        data = reader.read(cut, end)
    head = _head(data, cut > start)
    return Part(data[head:], cut + head, cut + head - start)


def _head(data: bytes, begins_amid: bool) -> int:
    """Return how many bytes come before the lines that are compared: half a line, and those that are too many."""
    head = data.find(b"\n") + 1 if begins_amid else 0
    over = data.count(b"\n", head) - WINDOW_LINES
    if over > 0:
        ends = (found.end() for found in re.compile(rb"\n").finditer(data, head))
        head = next(islice(ends, over - 1, None))
    return head


def _row(one: Row | Fold, start: int) -> list[Any]:
    if isinstance(one, Fold):
        return ["fold", one.count, one.old, one.new, start + one.offset, start + one.end]
    return [one.kind, one.old, one.new, start + one.offset, one.text]


def _notes(here: Part, there: Part, missing: bool, left_out: int) -> list[str]:
    notes = []
    if missing:
        notes.append("the other attempt has not run this step")
    if here.left_out or there.left_out:
        notes.append(f"only the last {WINDOW_LINES:,} lines, or {WINDOW_BYTES >> 20} MiB, were compared")
    if left_out:
        notes.append(f"{left_out:,} more lines differ than are shown")
    return notes
