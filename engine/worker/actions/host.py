"""What one built-in action may use of the attempt it runs in: the real engine/worker/actions/port.ActionHost."""

from collections.abc import Callable, Mapping
from pathlib import Path

from engine.worker.actions.port import CAPTURE_LIMIT_BYTES, ActionError
from engine.worker.log.job_log import JobLog
from engine.worker.steps.box_tools import NOTHING, BoxTools
from engine.worker.steps.job_state import JobState
from pipelines.records import dataclass


@dataclass(frozen=True, slots=True)
class Site:
    """What an attempt's actions find: whose they are, and where sources and files to hand over lie.

    `exchange` is a folder of this machine, `exchange_inside` the same as the box sees it. `checkout` returns a
    finished checkout on this machine of another revision, or with None of the run's own, and may raise GitError.
    `scopes` are the refs whose caches the run may see, its own first.
    """

    run_id: int
    job_id: int
    attempt: int
    repo_name: str
    exchange: Path
    exchange_inside: str
    source_sha: str | None
    workspace_is_source: bool
    checkout: Callable[[str | None], Path]
    scopes: tuple[str, ...]


class StepHost:
    """One step's ActionHost. Afterwards `outputs` and `failure` (its first error) say what came of it."""

    def __init__(self, site: Site, tools: BoxTools, log: JobLog, given: Mapping[str, str], state: JobState) -> None:
        self._site = site
        self._tools = tools
        self._log = log
        self.inputs: Mapping[str, str] = {name.lower(): value for name, value in given.items()}
        self.outputs: dict[str, str] = {}
        self.saved: dict[str, str] = {}
        self._state = state
        self.failure = ""
        self.run_id, self.job_id, self.attempt = site.run_id, site.job_id, site.attempt
        self.repo_name = site.repo_name
        self.workspace, self.temp, self.source = tools.box.workspace, tools.box.temp, tools.box.source
        self.exchange, self.exchange_inside = site.exchange, site.exchange_inside
        self.source_sha = site.source_sha
        self.scopes = site.scopes
        self.workspace_is_source = site.workspace_is_source

    @property
    def home_dir(self) -> str:
        return self._tools.home_dir

    def shell(self, script: str, env: Mapping[str, str] = NOTHING) -> int:
        return self._tools.run(script, env)

    def capture(
        self, script: str, env: Mapping[str, str] = NOTHING, limit_bytes: int = CAPTURE_LIMIT_BYTES
    ) -> tuple[int, bytes]:
        return self._tools.capture(script, env, limit_bytes)

    def say(self, line: str) -> None:
        self._log.say(line)

    def annotate(self, level: str, message: str) -> None:
        self._log.annotate(level, message)
        if level == "error" and not self.failure:
            self.failure = message

    def output(self, name: str, value: str) -> None:
        self.outputs[name] = value

    def add_path(self, folder: str) -> None:
        self._state.paths[:] = [folder, *(path for path in self._state.paths if path != folder)]

    def set_env(self, name: str, value: str) -> None:
        self._state.env[name] = value

    def checkout_folder(self, ref: str | None, repository: str | None) -> Path:
        if repository and repository.lower() != self.repo_name.lower():
            raise ActionError(f"The repository {repository} is not here; only {self.repo_name} is.")
        return self._site.checkout(ref)
