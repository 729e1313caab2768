"""One attempt of one job, from claim to finish: makes the box, runs the steps, says how it ended.

What becomes of the job then (retry or not) is the store's to work out; other jobs are none of its business.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cached_property, partial

from engine.core.errors import EngineError, ExecutorUnavailable, GitError, LeaseLost, StoreBusy
from engine.core.retry import Outcome
from engine.core.states import JobStatus
from engine.store.logs.paths import index_path, packed_path
from engine.store.queue import Lease
from engine.worker.actions.container import ContainerActions
from engine.worker.actions.host import Site
from engine.worker.actions.load import ActionLoader
from engine.worker.actions.node import Node
from engine.worker.actions.port import Stores
from engine.worker.actions.runner import ActionRunner
from engine.worker.assignment import Assignment
from engine.worker.executor import Box
from engine.worker.halt import Detached, Halt
from engine.worker.job_setup import SetupFailed
from engine.worker.kind import DOCKER
from engine.worker.kinds import KINDS
from engine.worker.log.diagnosis import diagnosed
from engine.worker.log.job_log import JobLog
from engine.worker.mending.held_boxes import drop_box
from engine.worker.mending.holding import Holding
from engine.worker.opening import Interrupted, Opened, Opening, cancelled, overran
from engine.worker.steps.book import StepBook
from engine.worker.steps.box_tools import BoxTools
from engine.worker.steps.files import StepFiles
from engine.worker.steps.job_state import Before, JobState, Scope, scope_contexts
from engine.worker.steps.job_steps import JobSteps
from engine.worker.steps.outcome import StepStopped
from engine.worker.steps.runner import StepRunner
from engine.worker.steps.script_runner import ScriptRunner
from engine.worker.steps.session import EVENT, Session
from engine.worker.steps.workbench import Workbench
from engine.worker.tools import Tools
from pipelines.errors import ExpressionError, WorkflowError
from pipelines.github_context import cache_scopes

LOST = Outcome("lost", "infrastructure", reason="its engine stopped where the job could not be taken up again")
RESTARTED = Outcome("lost", "infrastructure", reason="what its container was to run in was being restarted")
ENDED_S = 2.0  # how long a driver may take to tell of an end once more
GONE = "its container went away"


class JobRunner:
    """Runs one attempt on the calling thread. Raises LeaseLost or Detached when it is no longer this engine's."""

    def __init__(self, tools: Tools, lease: Lease, halt: Halt) -> None:
        self._tools = tools
        self._lease = lease
        self._halt = halt
        self._job = _assignment(tools, lease)
        self._log_path = tools.store.log_path(lease.run_id, lease.job_id, lease.number)
        self._state = JobState()
        self._befores: Sequence[Before] = ()
        self._book = StepBook(tools, lease, self._job, lambda: self._log)
        self._taken_back = False  # an earlier engine has told that the next step started, and it did nothing
        self._opening = Opening(tools, lease, halt, self._job, lambda: self._log, self._book)
        self._served = self._opening.served

    def run(self) -> None:
        """Run the attempt from its beginning; what bears its name from a database long gone is cleared away."""
        if not self._opening.is_held:
            shutil.rmtree(self._job.folder, ignore_errors=True)
        for path in (self._log_path, index_path(self._log_path), packed_path(self._log_path)):
            path.unlink(missing_ok=True)
        self._attempt(self._opening.begin)

    def resume(self) -> None:
        """Take up the attempt where an earlier engine left it; what cannot be taken up ends as lost.

        One that has done nothing yet begins again, and is the same attempt.
        """
        if self._opening.has_begun():
            self._attempt(self._opening.adopt)
        else:
            self.run()

    @cached_property
    def _log(self) -> JobLog:
        """The attempt's log, opened when the first line is written."""
        job = self._job
        job.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return JobLog(
            self._log_path,
            job.folder / "commands.journal",
            job.hidden,
            self._tools.settings.limits.log_bytes,
            self._tools.clock,
            self._grew,
            debug=job.debug,
            allow_unsecure=job.allows_unsecure,
            known=self._opening.known(),
        )

    @cached_property
    def _holding(self) -> Holding:
        def diagnose(outcome: Outcome) -> Outcome:
            self._book.keep(self._state)
            return diagnosed(self._tools.store, self._lease, self._log_path, outcome)

        return Holding(self._tools, self._lease, self._job, self._log, diagnose)

    # -- the attempt as a whole -------------------------------------------------------------------------------------

    def _attempt(self, open_box: Callable[[], Opened | None]) -> None:
        box: Box | None = None
        left = False
        try:
            outcome, outputs = LOST, dict[str, str]()
            try:
                opened = open_box()
                if opened is not None:
                    box, self._state, self._befores = opened.box, opened.state, opened.befores
                    outcome, outputs = self._steps(box)
            except (Interrupted, SetupFailed) as interrupted:
                outcome = interrupted.outcome
            except (LeaseLost, StoreBusy):
                raise
            except ExecutorUnavailable as error:
                restarted = box is None and self._opening.outlasts_restart()
                outcome = RESTARTED if restarted else self._refused(error, "unavailable")
            except (ExpressionError, WorkflowError, GitError) as error:
                outcome = self._refused(error, "failure")
            except (EngineError, OSError) as error:
                restarted = box is None and self._opening.outlasts_restart()
                outcome = RESTARTED if restarted else self._refused(error, "infrastructure")
            self._served.show(self._log)
            if box is None:
                self._opening.drop()  # nothing of it runs when it is told as over
            left = self._finish(outcome, outputs)
        except Detached:
            # Without a box it has done nothing, and begins again.
            left = box is not None or self._opening.is_held or self._opening.has_begun()
            raise
        finally:
            with ExitStack() as last:  # each of these, whatever becomes of the others
                if not left:
                    last.callback(shutil.rmtree, self._job.folder, ignore_errors=True)
                    last.callback(self._served.remove)
                    last.callback(self._opening.drop if box is None else box.remove)
                last.callback(lambda: self._log.close())

    def _finish(self, outcome: Outcome, outputs: dict[str, str]) -> bool:
        """Have everything on disk and in the store, the end last; return whether the box is held. Raises LeaseLost."""
        if outcome.cause == "lost":
            self._log.annotate("error", f"This attempt is lost: {outcome.reason}.")
        tolerated = False
        if outcome.cause in ("failed", "overran"):
            try:
                tolerated = self._job.tolerates()
            except ExpressionError as error:
                self._log.annotate("error", error.message)
        self._book.keep(self._state)
        outcome = self._diagnosed(outcome)
        self._log.sync()
        now, hold = self._tools.clock.now(), self._holding.new if outcome.cause == "failed" else None
        queue = self._tools.store.queue
        status = queue.finish(self._lease, outcome, now, outputs=outputs, tolerated=tolerated, hold=hold)
        if hold is None or status != JobStatus.FAILED:
            return False
        self._holding.tidy()
        self._tools.bus.wake("holds")
        return True

    def _diagnosed(self, outcome: Outcome) -> Outcome:
        """Return how the attempt ended with what its failure looks like, and have the log say if that is known."""
        store = self._tools.store
        outcome = diagnosed(store, self._lease, self._log_path, outcome)
        if outcome.symptom is not None and outcome.symptom.seen.known:
            again = store.failures.is_tried_again(self._lease.job_id, outcome, self._tools.clock.now())
            self._log.say(f"known flaky ({outcome.symptom.seen.words}){': trying again' if again else ''}")
        return outcome

    def _refused(self, error: Exception, kind: str) -> Outcome:
        message = self._log.mask.text(str(error))
        self._log.annotate("error", message)
        return Outcome("failed", kind, reason=message)

    # -- its steps --------------------------------------------------------------------------------------------------

    def _steps(self, box: Box) -> tuple[Outcome, dict[str, str]]:
        job, clock, grace_s = self._job, self._tools.clock, self._tools.settings.grace_s
        if self._state.running is None and not (self._state.between and self._state.index >= len(job.model.steps)):
            self._served.ready(box, self._log)
        session = Session.resume(box, job.folder, grace_s, clock)
        try:
            if self._state.running is not None and session.current != self._state.running:
                self._take_back()
            if self._state.running is None and session.current is not None:
                session.poll(ENDED_S)  # the script before, whose end is known
            scripts = ScriptRunner(
                session, self._log.pump, self._halt, clock, grace_s, job.deadline_at, self._grew, self._state.stopped_by
            )
            bench, runner, scope = self._workbench(box, session, scripts)
            steps = JobSteps(
                job.model.steps, self._befores, bench, self._book,
                lambda place: self._checkpoint(box, place, scripts),
                lambda before, place: not scripts.stopping() and scripts.spent() is None
                and self._holding.take(before, self._state, place, runner.surroundings(scope)),
                again=self._taken_back,
            )  # fmt: skip
            steps.run(runner, scope)
            if self._holding.new is None:
                # Of a box that went away by itself nothing can be told but that.
                self._state.between, self._state.stopped_by = not scripts.gone, scripts.stopped_by
                session.end()
            self._tell_environment(scope)
            return self._outcome(scripts, steps), self._outputs(scope)
        finally:
            session.close()

    def _checkpoint(self, box: Box, place: int, scripts: ScriptRunner) -> None:
        """After a step: keep what the job is, if that is wanted. An engine that follows goes on with the next step."""
        checkpoints = self._opening.checkpoints
        if checkpoints.wanted:
            self._state.between = True
            self._book.keep(self._state)
            checkpoints.take(box, place, self._state, scripts)

    def _take_back(self) -> None:
        """A script was promised and never handed over: its step has done nothing and is run from its beginning."""
        self._state.running = None
        self._taken_back = True

    def _workbench(self, box: Box, session: Session, scripts: ScriptRunner) -> tuple[Workbench, StepRunner, Scope]:
        job, lease, log = self._job, self._lease, self._log
        event_path = session.inside("file", EVENT)
        scope = job.scope(box, event_path, self._state, self._served.facts())
        event = json.dumps(scope.base["github"]["event"]).encode()
        session.write_file(EVENT, event)
        own_env = job.own_env(box, event_path)
        log.look_into(box.workspace, box.read_file)
        tools = BoxTools(box, session, scripts, self._state)
        site = Site(
            run_id=lease.run_id,
            job_id=lease.job_id,
            attempt=lease.number,
            repo_name=job.facts.run.repo,
            exchange=job.folder / "channel" / "exchange",
            exchange_inside=session.inside("exchange"),
            source_sha=job.facts.source["sha"] if box.source else None,
            workspace_is_source=job.overlay,
            checkout=self._opening.checkout,
            scopes=cache_scopes(job.contexts["github"]),
        )
        limits, kept = self._tools.settings.limits, self._tools.settings.retention
        stores = Stores(self._tools.artifacts, limits.artifact_bytes, self._tools.caches, kept.caches_bytes)
        actions = self._actions(session, scripts, tools, site, stores, event)
        files = StepFiles(session, log, self._state, own_env)
        bench = Workbench(scripts, tools, files, log, self._state, self._tools.clock)
        keep = partial(self._book.keep, self._state)
        return bench, StepRunner(bench, actions, keep, base_env=job.base_env(), own_env=own_env), scope

    def _actions(
        self, session: Session, scripts: ScriptRunner, tools: BoxTools, site: Site, stores: Stores, event: bytes
    ) -> ActionRunner:
        job, log = self._job, self._log

        def look() -> None:
            if (end := scripts.interrupted()) is not None:
                raise StepStopped(end)

        loader = ActionLoader(self._opening.fetcher, tools, log, self._tools.clock, look)
        image = job.box_plan.image
        node = Node(tools, log, f"the image {image}" if image else "this machine")
        beside = KINDS[job.box_plan.executor].beside
        containers = ContainerActions(
            lambda: self._tools.executors.get(beside), job.box_spec(None), session, tools, log, site.exchange,
            site.exchange_inside, event,
        )  # fmt: skip
        return ActionRunner(stores, site, tools, log, loader, node, containers)

    # -- its end ----------------------------------------------------------------------------------------------------

    def _outcome(self, scripts: ScriptRunner, steps: JobSteps) -> Outcome:
        if scripts.stopped_by == "cancel":
            return cancelled(self._halt)
        if scripts.stopped_by == "deadline":
            return overran()
        if scripts.gone and not scripts.oom_killed:
            return Outcome("lost", "infrastructure", reason=scripts.gone_why or GONE)
        if (failure := self._state.failure) is not None:
            return Outcome("failed", failure["kind"], failure["exit_code"], failure["error"])
        if not steps.done:
            return Outcome("lost", "infrastructure", reason=scripts.gone_why or GONE)
        return Outcome("succeeded", exit_code=0)

    def _outputs(self, scope: Scope) -> dict[str, str]:
        """Return the job's outputs; one that would carry a secret is left out and says so."""
        contexts = scope_contexts(scope, self._state, self._state.status)
        outputs = {}
        for name, template in self._job.model.outputs.items():
            try:
                value = template.string(contexts)
            except ExpressionError as error:
                self._log.annotate("error", f"The output {name} cannot be worked out: {error.message}")
                continue
            if self._log.mask.text(value) != value:
                self._log.annotate("warning", f"The output {name} is left out, since it may hold a secret.")
                continue
            outputs[name] = value
        return outputs

    def _tell_environment(self, scope: Scope) -> None:
        """Keep where what the job deployed can be seen; a url that would carry a secret is left out."""
        if not self._job.environment:
            return
        try:
            url = self._job.environment_url(scope_contexts(scope, self._state, self._state.status))
        except ExpressionError as error:
            self._log.annotate("warning", error.message)
            return
        if self._log.mask.text(url) != url:
            self._log.annotate("warning", "The environment's url is left out, since it may hold a secret.")
        elif url:
            self._tools.store.queue.enter(self._lease, self._job.environment, url)

    def _grew(self) -> None:
        self._tools.bus.wake("log")


def _assignment(tools: Tools, lease: Lease) -> Assignment:
    """Return what the attempt is about; where that cannot be read it is over, and so is what it has left running."""
    try:
        return Assignment(tools.store, tools.settings, lease)
    except Exception:
        attempts, executors = tools.store.queries.attempts(lease.job_id), tools.executors
        mine = next(one for one in attempts if one.id == lease.attempt_id)
        drop_box(tools.store, executors, mine, services=executors.has(DOCKER))
        raise
