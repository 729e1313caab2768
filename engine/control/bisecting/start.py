"""A person's wish to find the commit that broke a job: between which commits, and what is known of them already."""

from engine.control.bisecting.endings import ending_of
from engine.control.bisecting.trials import environment_in, repository_of, subject_of, top_key
from engine.core.bisect_records import Bisect, Trial
from engine.core.bisect_verdicts import Ending, verdict_of
from engine.core.bisecting import Found, OneOf, Range, Try, Verdict
from engine.core.clock import Clock, SystemClock
from engine.core.errors import EngineError, GitError
from engine.core.records import Job
from engine.core.slo import SYSTEM_KINDS
from engine.core.states import JOB_BROKEN, JOB_FINAL, BisectStatus
from engine.doorbell import ring
from engine.git import repository
from engine.git.range import CommitRange, commits_between, leads_to
from engine.store.mending.bisects import NewBisect, RedJob, is_of_commit, top
from engine.store.store import Store
from pipelines.errors import WorkflowError
from pipelines.records import dataclass


@dataclass(frozen=True)
class Proposal:
    """A search that could begin. `known` are ordinary runs that narrow it, to `left` commits."""

    job: Job
    range: CommitRange
    good_run: int
    bad_run: int
    known: tuple[Trial, ...]
    left: int

    @property
    def commits(self) -> int:
        return len(self.range.parents)


def propose(store: Store, job: Job, good: str | None = None, bad: str | None = None) -> Proposal:
    """Return what a search for the commit that broke a job would be; nothing is written.

    `bad` is the commit of the job's run unless named, `good` the newest ancestor where it passed.
    Raises EngineError with the reason why there can be none.
    """
    red = red_job(store, job)
    repo = repository_of(red)
    bad_sha = repository.resolve(repo, bad) if bad is not None else _bad_of(red)
    ending = ending_of(store, job)
    bad_run = job.run_id if bad_sha == red.facts.run.sha and is_of_commit(red.facts.source) else 0
    good_sha, good_run = (
        (repository.resolve(repo, good), 0) if good is not None else _good_of(store, red, repo, bad_sha)
    )
    between = commits_between(repo, good_sha, bad_sha)
    search = Range(bad_sha, between.parents)
    known = known_verdicts(store, red, ending, search)
    narrow = search.that_narrow({sha: trial.verdict for sha, trial in known.items() if trial.verdict})
    trials = tuple(_with_subject(repo, known[sha]) for sha in narrow)
    left = left_of(search.next({one.sha: one.verdict for one in trials if one.verdict}))
    return Proposal(job, between, good_run, bad_run, trials, left)


def start(store: Store, proposal: Proposal, actor: str, clock: Clock | None = None) -> int:
    """Record a search; return its id. Raises EngineError if the same goes on already."""
    job, between = proposal.job, proposal.range
    for one in store.bisects.newest(status=BisectStatus.RUNNING, job=job.id):
        if (one.good, one.bad) == (between.good, between.bad):
            raise EngineError(
                f"Bisect {one.id} looks for that already.", f"`treadle bisect --cancel {one.id}` ends it."
            )
    new = NewBisect(
        job.id, job.run_id, job.name, between.good, between.bad, proposal.good_run, proposal.bad_run, proposal.commits,
        proposal.left, proposal.known,
    )  # fmt: skip
    bisect_id = store.bisects.start(new, actor, (clock or SystemClock()).now())
    ring(store.home)
    return bisect_id


def cancel(store: Store, known: Bisect, actor: str, clock: Clock | None = None) -> str:
    """End a search and its trial; return what was done, as a sentence. Raises EngineError if it has ended."""
    if not store.bisects.cancel(known.id, actor, (clock or SystemClock()).now()):
        raise EngineError(f"Bisect {known.id} has ended already.")
    ring(store.home)
    return f"Bisect {known.id} is cancelled."


def red_job(store: Store, job: Job) -> RedJob:
    """Return the job with what its run was planned from. Raises EngineError for one that no commit can have broken."""
    if job.is_call:
        raise EngineError(f"Job {job.id} only calls others.", "Name the one of them that failed.")
    if job.status not in JOB_FINAL:
        raise EngineError(f"Job {job.id} is {job.status}: what it comes to is not known yet.")
    if job.status not in JOB_BROKEN:
        raise EngineError(f"Job {job.id} is {job.status}: it has not failed.")
    red = store.bisects.red(job.id)
    if red.facts.run.bisect_id is not None:
        raise EngineError(f"Job {job.id} is a trial of bisect {red.facts.run.bisect_id}.")
    if red.facts.job.patched:
        raise EngineError(f"Job {job.id} was patched by hand: it says nothing of its commit.", "Run it again first.")
    ending = ending_of(store, job)
    if not ending.broke:
        blame = ending.kind if ending.kind in SYSTEM_KINDS else "no step of it"
        raise EngineError(f"Job {job.id} failed, but {blame} is to blame, and no commit: {ending.reason}")
    _refuse_deployments(store, red)
    return red


def known_verdicts(store: Store, red: RedJob, ending: Ending, search: Range) -> dict[str, Trial]:
    """Return what ordinary runs say of commits of the range, the newest word on each."""
    found: dict[str, Trial] = {}
    shas = frozenset(search.order)
    for one in store.bisects.known_jobs(red, shas=shas):
        if one.sha in found or one.job_id == red.facts.job.id:
            continue
        job = store.queries.job(one.job_id)
        verdict, why = verdict_of(ending, None if job is None else ending_of(store, job))
        if verdict is not Verdict.SKIP:
            found[one.sha] = Trial(one.sha, "", one.run_id, one.job_id, verdict, why, ordinary=True)
    return found


def left_of(step: Try | Found | OneOf) -> int:
    """Return how many commits may still be the culprit."""
    return step.left if isinstance(step, Try) else len(step.shas) if isinstance(step, OneOf) else 1


def _with_subject(repo: repository.Repo, trial: Trial) -> Trial:
    return trial.about(subject_of(repository.commit_info(repo, trial.sha)))


def _bad_of(red: RedJob) -> str:
    run = red.facts.run
    if not is_of_commit(red.facts.source):
        raise EngineError(
            f"Run {run.id} ran a working tree with changes that are in no commit.",
            "Commit them and run again, or name the first commit that is known to fail: --bad REV.",
        )
    return run.sha


def _good_of(store: Store, red: RedJob, repo: repository.Repo, bad: str) -> tuple[str, int]:
    name, passed_here = red.facts.job.name, False
    for one in store.bisects.known_jobs(red, green=True):
        if one.sha != bad and leads_to(repo, bad, one.sha):
            return one.sha, one.run_id
        passed_here = passed_here or one.sha == bad
    if passed_here:
        raise EngineError(
            f"{name!r} passed at {bad[:12]} too, and at no commit before it: the failure comes and goes.",
            "Name a commit that worked: --good REV.",
        )
    raise EngineError(
        f"No commit that {bad[:12]} leads back to is known where {name!r} passed in a run like this one: "
        "of the same event, inputs, labels, executor and environment.",
        "Name one that worked: --good REV. (Runs of a working tree with changes are of no commit.)",
    )


def _refuse_deployments(store: Store, red: RedJob) -> None:
    facts = top(red.facts)
    try:
        workflow = store.definitions.workflow(facts.definition)
    except WorkflowError as error:
        raise GitError(f"This version reads the workflow of run {facts.run.id} no more: {error}") from None
    if name := environment_in(workflow, top_key(red.facts.plan.key)):
        raise EngineError(
            f"{name!r} is in an environment: to try it at old commits might deploy them.",
            "Bisect a job that does not need it.",
        )
