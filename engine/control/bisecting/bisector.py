"""Runs the searches for commits that broke jobs: tries one commit at a time, and names the first bad one.

What it knows lies in the search's row, which is written together with the run of a trial: a kill -9 neither tries a
commit twice nor loses one. One search waits for no other; all of them wait for ordinary runs.
"""

import logging
from datetime import datetime
from functools import partial

from engine.bus import Bus
from engine.control.bisecting.endings import ending_of, job_in
from engine.control.bisecting.start import known_verdicts, left_of
from engine.control.bisecting.trials import CannotTry, Trials, repository_of, subject_of
from engine.control.called_workflows import other_repositories
from engine.control.routine import Routine
from engine.core.bisect_records import Bisect, Culprit, Trial
from engine.core.bisect_verdicts import Ending, verdict_of
from engine.core.bisecting import Found, OneOf, Range, Verdict
from engine.core.clock import Clock, rfc3339
from engine.core.errors import EngineError, StoreBusy
from engine.core.states import RUN_FINAL, BisectStatus
from engine.git import repository
from engine.git.range import CommitRange, commits_between
from engine.settings.live import LiveSettings
from engine.store.mending.bisects import RedJob
from engine.store.store import Store
from pipelines.records import dataclass

log = logging.getLogger(__name__)
SHOWN = 10


@dataclass(frozen=True)
class Search:
    """What does not change while a search goes on."""

    red: RedJob
    ending: Ending
    repo: repository.Repo
    commits: CommitRange
    range: Range

    def subject(self, sha: str) -> str:
        return subject_of(repository.commit_info(self.repo, sha))


class Bisector(Routine):
    """Woken by news of runs, and when a search begins."""

    def __init__(self, store: Store, settings: LiveSettings, bus: Bus, clock: Clock) -> None:
        super().__init__("bisector", store, bus, clock, "news")
        self._trials = Trials(store, other_repositories(store.home, lambda: settings.now.actions))
        self._searches: dict[int, Search] = {}

    def turn(self) -> datetime | None:
        running = self._store.bisects.running()
        for ident in running:
            while not self._stopped.is_set() and self._advance(ident):
                self._bus.wake("schedule", "queue", "wishes", "news")
        for ident in self._searches.keys() - set(running):
            del self._searches[ident]
        return None

    def _advance(self, ident: int) -> bool:
        """Take one step of a search; return whether there was one to take."""
        known = self._store.bisects.get(ident)
        if known is None or known.status is not BisectStatus.RUNNING:
            return False
        try:
            search = self._searches.get(ident) or self._look(known)
            self._searches[ident] = search
            if known.open_trial is not None:
                return self._judge(known, search, known.open_trial)
            return self._go_on(known, search)
        except StoreBusy:
            raise
        except EngineError as error:
            return self._give_up(known, str(error))
        except Exception as error:
            log.exception("bisect %s fails", ident)
            return self._give_up(known, f"something went wrong inside treadle: {type(error).__name__}: {error}")

    def _look(self, known: Bisect) -> Search:
        job = self._store.queries.job(known.job_id)
        if job is None:
            raise EngineError(f"Job {known.job_id} has been removed.")
        red = self._store.bisects.red(job.id)
        repo = repository_of(red)
        commits = commits_between(repo, known.good, known.bad)
        return Search(red, ending_of(self._store, job), repo, commits, Range(known.bad, commits.parents))

    def _judge(self, known: Bisect, search: Search, trial: Trial) -> bool:
        """Keep what a trial came to, once it is over."""
        run = self._store.queries.run(trial.run)
        if run is None:
            return self._conclude(known, search, trial.judged(Verdict.SKIP, "its run has been removed"))
        if run.status not in RUN_FINAL:
            return False
        job = job_in(self._store, trial.run, search.red)
        ending = None if job is None else ending_of(self._store, job)
        if ending is not None and ending.kind == "unavailable":
            return self._give_up(known, ending.reason)
        verdict, why = verdict_of(search.ending, ending)
        return self._conclude(known, search, trial.judged(verdict, why, 0 if job is None else job.id))

    def _go_on(self, known: Bisect, search: Search) -> bool:
        step = search.range.next(known.verdicts)
        if isinstance(step, Found):
            return self._found(known, search, step.sha)
        if isinstance(step, OneOf):
            return self._give_up(known, _one_of(step), step.shas)
        ordinary = known_verdicts(self._store, search.red, search.ending, search.range).get(step.sha)
        if ordinary is not None:
            return self._conclude(known, search, ordinary.about(search.subject(step.sha)))
        return self._try(known, search, Trial(step.sha, search.subject(step.sha)), step.left)

    def _try(self, known: Bisect, search: Search, trial: Trial, left: int) -> bool:
        try:
            new = self._trials.prepare(search.red, search.repo, trial.sha, known.id)
        except CannotTry as reason:
            return self._conclude(known, search, trial.judged(Verdict.SKIP, str(reason)))
        now = self._clock.now()
        record = partial(self._store.runs.create, new, known.actor, now)
        return self._store.bisects.begin_trial(known, trial, left, record, now) is not None

    def _conclude(self, known: Bisect, search: Search, trial: Trial) -> bool:
        verdicts = known.verdicts | ({} if trial.again or trial.verdict is None else {trial.sha: trial.verdict})
        return self._store.bisects.conclude(known, trial, left_of(search.range.next(verdicts)), self._clock.now())

    def _found(self, known: Bisect, search: Search, sha: str) -> bool:
        """Name the culprit, after one more look at it where trials led there: one of them may have come by chance."""
        again = next((one for one in known.trials if one.again), None)
        if again is None and known.runs_made:
            return self._try(known, search, Trial(sha, search.subject(sha), again=True), 1)
        culprit = self._culprit(known, search, sha)
        if again is not None and again.verdict is Verdict.GOOD:
            reason = (
                f"The failure comes and goes: {sha[:12]} failed in run {culprit.bad_run}, passed in run {again.run}."
            )
            return self._give_up(known, reason, (sha,))
        reason = f"{sha[:12]} {culprit.subject!r} broke {known.job_name!r}."
        if again is not None and again.verdict is Verdict.SKIP:
            reason += f" It could not be made sure: {again.why}."
        return self._store.bisects.finish(known, "found", reason, self._clock.now(), culprit)

    def _culprit(self, known: Bisect, search: Search, sha: str) -> Culprit:
        info = repository.commit_info(search.repo, sha)
        bad_runs = [one.run for one in known.trials if one.sha == sha and one.verdict is Verdict.BAD]
        bad_runs += [known.bad_run] if sha == known.bad else []
        good = search.range.last_good(sha, info.parents, known.verdicts)
        good_run = next((one.run for one in known.trials if one.sha == good and not one.again), known.good_run)
        confirmed = any(one.again and one.verdict is Verdict.BAD for one in known.trials)
        return Culprit(
            sha, info.author_name, info.author_email, subject_of(info), rfc3339(info.at), next(iter(bad_runs), 0),
            good_run, good or known.good, confirmed,
        )  # fmt: skip

    def _give_up(self, known: Bisect, reason: str, suspects: tuple[str, ...] = ()) -> bool:
        return self._store.bisects.finish(known, "gave_up", reason, self._clock.now(), suspects=suspects)


def _one_of(step: OneOf) -> str:
    names = ", ".join(sha[:12] for sha in step.shas[:SHOWN])
    more = f" and {len(step.shas) - SHOWN} more" if len(step.shas) > SHOWN else ""
    return f"It is one of {len(step.shas)} commits, of which no other can be tried: {names}{more}."
