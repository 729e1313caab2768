"""Opens shells into jobs, keeps what they show, and notes that a person has had hands on their boxes."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta

from engine.core.clock import Clock
from engine.core.records import Job
from engine.settings.model import Settings
from engine.store.store import Store
from engine.worker.kind import DOCKER
from engine.worker.mending.shell import Record, Shell, ShellSpec, Shown
from engine.worker.mending.shell_place import ShellPlace, shell_place


class RecordedShell:
    """A shell whose output is kept with secrets hidden. `close` may be called at any time, and once."""

    def __init__(self, shell: Shell, record: Record, closed: Callable[[], None]) -> None:
        self._shell = shell
        self._record = record
        self._closed = closed
        self._code: int | None = None
        self.fileno, self.send, self.end_input, self.resize = (
            shell.fileno, shell.send, shell.end_input, shell.resize,
        )  # fmt: skip

    @property
    def has_more(self) -> bool:
        return self._shell.has_more

    def receive(self) -> list[Shown] | None:
        shown = self._shell.receive()
        for one in shown or ():
            self._record.add(one)
        return shown

    def exit_code(self) -> int:
        self._code = self._shell.exit_code()
        return self._code

    def close(self) -> None:
        with ExitStack() as last:  # all of it, whatever fails
            last.callback(self._closed)
            last.callback(self._record.end, self._code)
            last.callback(self._shell.close)


def open_shell(
    store: Store,
    settings: Settings,
    job: Job,
    actor: str,
    clock: Clock,
    command: tuple[str, ...] = (),
    terminal: str = "",
    size: tuple[int, int] = (24, 80),
) -> RecordedShell:
    """Start a shell, or a command, where a job's step failed or runs. Raises EngineError.

    From now on the attempt is one that a person had hands on, and a box that is held stays for its whole time again.
    """
    place = shell_place(store, settings, job)
    spec = ShellSpec(place.surroundings, command, terminal, size)
    shell, close = _start(place, spec, settings)
    try:
        record = Record(place.record, place.mask, clock)
        record.begin(actor, command)
        if place.held:
            store.holds.touch(place.job_id, clock.now() + timedelta(seconds=settings.hold.ttl_s))
        else:
            store.holds.touch_running(place.job_id, place.attempt_id)
    except BaseException:
        shell.close()
        close()
        raise
    return RecordedShell(shell, record, close)


def _start(place: ShellPlace, spec: ShellSpec, settings: Settings) -> tuple[Shell, Callable[[], None]]:
    if place.executor != DOCKER:
        from engine.worker.host.shell import open_shell as open_here

        return open_here(place.box_id, spec), lambda: None
    from engine.worker.docker.client import DockerClient
    from engine.worker.docker.shell import DockerShells

    client = DockerClient()
    try:
        return DockerShells(client, settings.hold.shell).open(place.box_id, spec), client.close
    except BaseException:
        client.close()
        raise
