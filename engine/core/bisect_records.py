"""The search for a commit, as it travels between the store and everybody else: frozen facts."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Self

from engine.core.bisecting import Verdict, trials
from engine.core.states import BisectStatus
from pipelines.records import dataclass


@dataclass(frozen=True, slots=True)
class Trial:
    """One commit that was looked at. `run` and `job` tried it, 0 where nothing could run; `verdict` None: it runs.

    `ordinary`: the run was there already, for its own sake. `again`: the culprit, once more to make sure.
    """

    sha: str
    subject: str
    run: int = 0
    job: int = 0
    verdict: Verdict | None = None
    why: str = ""
    ordinary: bool = False
    again: bool = False

    def judged(self, verdict: Verdict, why: str, job: int = 0) -> Self:
        return replace(self, verdict=verdict, why=why, job=job or self.job)

    def about(self, subject: str) -> Self:
        return replace(self, subject=subject)

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(**{**data, "verdict": Verdict(data["verdict"]) if data["verdict"] else None})


@dataclass(frozen=True, slots=True)
class Culprit:
    """A commit, as people name it, and the runs that prove it: it failed in one, what it came after passed in another.

    0: no run says so; the good commit was named by a person.
    """

    sha: str
    author: str
    email: str
    subject: str
    at: str
    bad_run: int = 0
    good_run: int = 0
    good_sha: str = ""
    confirmed: bool = False

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Bisect:
    """One search. `commits` lay between good and bad at first, `left` may still be the culprit.

    `job_name` failed in `run_id`; `good_run` is what says that `good` is good, 0 if a person did. `suspects` is who is
    left where nothing more can be tried.
    """

    id: int
    job_id: int
    run_id: int
    job_name: str
    repo: str
    workflow: str
    good: str
    bad: str
    good_run: int
    bad_run: int
    status: BisectStatus
    reason: str
    commits: int
    left: int
    trials: tuple[Trial, ...]
    culprit: Culprit | None
    suspects: tuple[str, ...]
    actor: str
    created_at: datetime
    finished_at: datetime | None
    steps: int = 0  # how often it has changed

    @property
    def open_trial(self) -> Trial | None:
        """The trial that runs, if one does: the last."""
        return self.trials[-1] if self.trials and self.trials[-1].verdict is None else None

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """What is known of each commit by now, in the order of the trials; that which made sure aside."""
        return {one.sha: one.verdict for one in self.trials if one.verdict is not None and not one.again}

    @property
    def expected(self) -> int:
        """About how many trials it takes in all, those that are over included."""
        if self.status is not BisectStatus.RUNNING:
            return len(self.trials)
        over = len(self.trials) - (self.open_trial is not None)
        return max(len(self.trials), over + trials(self.left))

    @property
    def runs_made(self) -> int:
        """How many trials ran for this search's own sake."""
        return sum(1 for one in self.trials if one.run and not one.ordinary)
