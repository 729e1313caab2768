"""The files through which a script talks to its job: GITHUB_OUTPUT, GITHUB_ENV, GITHUB_PATH and their like."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import field

from engine.worker.log.job_log import JobLog
from engine.worker.steps.file_commands import FileCommandError, parse_env, parse_path, parse_values, read_summary
from engine.worker.steps.job_state import JobState
from engine.worker.steps.session import Session
from pipelines.records import dataclass

LIMIT_BYTES = 16 << 20
ATTEMPT_LIMIT_BYTES = 256 << 20  # of all that an attempt's scripts say: it is kept in memory
KINDS = {
    "GITHUB_OUTPUT": "output",
    "GITHUB_ENV": "env",
    "GITHUB_PATH": "path",
    "GITHUB_STATE": "state",
    "GITHUB_STEP_SUMMARY": "summary",
}


@dataclass
class Taken:
    """What a script left behind. `error` is why its step has to fail, or empty; it is in the log already."""

    outputs: dict[str, str] = field(default_factory=dict)
    state: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    error: str = ""


class StepFiles:
    """Makes the files of a script and takes in what it wrote. `own` are variables that GITHUB_ENV cannot change."""

    def __init__(self, session: Session, log: JobLog, state: JobState, own: Collection[str]) -> None:
        self._session = session
        self._log = log
        self._state = state
        self._own = frozenset((*own, *KINDS))
        self._taken = 0  # of ATTEMPT_LIMIT_BYTES

    def prepare(self, number: int) -> None:
        """Make the files of script `number`, empty."""
        for kind in KINDS.values():
            self._session.write_file(f"{number}.{kind}")

    def variables(self, number: int) -> dict[str, str]:
        """Return the variables that name the files of script `number`, as seen in the box."""
        return {name: self._session.inside("file", f"{number}.{kind}") for name, kind in KINDS.items()}

    def take(self, number: int) -> Taken:
        """Apply what script `number` said, by its files and by commands in its output: environment, paths, outputs."""
        stream, taken = self._log.stream(number), Taken()
        with self._noting(taken):
            self._count(stream.taken)
            self._state.env.update(stream.env)
            self._add_paths(list(reversed(stream.paths)))
            taken.outputs.update(stream.outputs)
            taken.state.update(stream.state)
        with self._noting(taken):
            taken.outputs.update(parse_values(self._read(number, "output")))
        with self._noting(taken):
            taken.state.update(parse_values(self._read(number, "state")))
        with self._noting(taken):
            change = parse_env(self._read(number, "env"), self._own)
            self._state.env.update(change.values)
            for message in change.errors:
                self._log.annotate("error", message)
        with self._noting(taken):
            self._add_paths(parse_path(self._read(number, "path")))
        try:
            taken.summary = self._log.mask.text(read_summary(self._read(number, "summary")) or "")
        except FileCommandError as error:
            self._log.annotate("error", error.message())  # as on GitHub, the step does not fail for it
        self._log.keep(number)
        taken.error = taken.error or stream.failure
        return taken

    def _add_paths(self, added: list[str]) -> None:
        self._state.paths[:] = [*added, *(path for path in self._state.paths if path not in added)]

    def _read(self, number: int, kind: str) -> bytes:
        data = self._session.read_file(f"{number}.{kind}", LIMIT_BYTES) or b""
        if len(data) > LIMIT_BYTES:
            raise FileCommandError(f"The step wrote more than {LIMIT_BYTES >> 20} MiB into its {kind} file.")
        self._count(len(data))
        return data

    def _count(self, size_bytes: int) -> None:
        self._taken += size_bytes
        if size_bytes and self._taken > ATTEMPT_LIMIT_BYTES:
            raise FileCommandError(f"The job's steps have handed on more than {ATTEMPT_LIMIT_BYTES >> 20} MiB by now.")

    @contextmanager
    def _noting(self, taken: Taken) -> Iterator[None]:
        """Say what is wrong with a file: one bad file does not keep the others from being read."""
        try:
            yield
        except FileCommandError as error:
            message = error.message(self._log.mask.text)
            self._log.annotate("error", message)
            taken.error = taken.error or message
