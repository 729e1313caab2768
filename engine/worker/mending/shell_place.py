"""Where a shell into a job is opened: in the box that it left held, or in the one that it runs in now.

What the shell sees is what the step saw, or sees: its user, directory and variables. Only who may read the home and
its key learns that; nothing of it is put into a command line.
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from engine.core.clock import SystemClock
from engine.core.errors import EngineError
from engine.core.records import Attempt, Job
from engine.settings.model import Settings
from engine.store.queue import Lease
from engine.store.store import Store
from engine.worker.assignment import Assignment, unsealed
from engine.worker.executor import box_name
from engine.worker.kinds import KINDS
from engine.worker.log.commands import CommandStream, no_file
from engine.worker.log.problem_matchers import ProblemMatchers
from engine.worker.log.secrets_mask import Mask
from engine.worker.plain_file import folder_fd, read_plain
from engine.worker.steps.script import SCRIPT_BYTES, Surroundings, surroundings_in
from pipelines.records import dataclass


@dataclass(frozen=True, slots=True)
class ShellPlace:
    """`held`: the attempt has ended and its box is held; else it runs. `record` is where what the shell shows is kept,
    with what `mask` knows hidden; `box_name` is what the box and all beside it are called after."""

    job_id: int
    attempt_id: int
    number: int
    held: bool
    executor: str
    box_id: str
    box_name: str
    surroundings: Surroundings
    mask: Mask
    record: Path


def shell_place(store: Store, settings: Settings, job: Job) -> ShellPlace:
    """Return where a shell into a job is opened. Raises EngineError with the reason when there is no box."""
    attempts = store.queries.attempts(job.id)
    running = next((one for one in attempts if one.finished_at is None and one.box_id), None)
    if running is not None:
        return _running(store, settings, job, running)
    hold = store.holds.get(job.id)
    if hold is None or hold.until <= SystemClock().now():
        raise EngineError(
            f"Job {job.id} has no box: it is {job.status}.",
            "`hold: on-failure` in the job, `treadle run --hold`, or `treadle hold JOB` while it runs, keeps one.",
        )
    told = unsealed(store, hold.state["shell"])
    return ShellPlace(
        job.id,
        hold.attempt_id,
        hold.number,
        True,
        hold.executor,
        hold.box_id,
        box_name(job.id, *hold.maker),
        Surroundings(told["env"], told["cwd"]),
        Mask(told["known"]["masks"]),
        store.shell_path(job.run_id, job.id, hold.number),
    )


def _running(store: Store, settings: Settings, job: Job, attempt: Attempt) -> ShellPlace:
    lease = Lease(job.id, job.run_id, attempt.id, attempt.number, attempt.token, attempt.worker)
    assignment = Assignment(store, settings, lease)
    kind = KINDS[assignment.box_plan.executor]
    if kind.no_shell is not None:
        why, instead = kind.no_shell
        raise EngineError(f"Job {job.id} {why}", instead)
    state = assignment.kept_state()
    known = state.known.get("masks", ()) if state else ()
    masks = (*assignment.hidden, *known, *_masks(assignment.folder / "commands.journal"))
    found = surroundings_now(assignment.folder / "channel")
    workspace = kind.workspace or str(assignment.folder / "workspace")
    return ShellPlace(
        job.id,
        attempt.id,
        attempt.number,
        False,
        kind.name,
        attempt.box_id,
        assignment.box_name,
        found or Surroundings(assignment.base_env(), workspace),
        Mask(masks),
        store.shell_path(job.run_id, job.id, attempt.number),
    )


def surroundings_now(channel: Path) -> Surroundings | None:
    """Return what the script that runs now was handed over with, None between two.

    The job may have made anything of its channel: no link is followed on the way.
    """
    with ExitStack() as opened:
        try:
            folders = [folder_fd(channel)]
            opened.callback(os.close, folders[0])
            folders.append(folder_fd("step", folders[0]))
            opened.callback(os.close, folders[1])
        except OSError:
            return None
        number = _read("next", 20, folders[0])
        if number is None or not number.strip().isdigit():
            return None
        text = _read(f"{int(number)}.sh", SCRIPT_BYTES, folders[1])
        return None if text is None else surroundings_in(text)


def _masks(journal: Path) -> Iterator[str]:
    """Yield what the job's own commands have asked to hide so far."""
    matchers, streams = ProblemMatchers(SystemClock().monotonic_s), dict[int, CommandStream]()
    for step, entry in _entries(_read(journal, 64 << 20) or ""):
        if step not in streams:
            streams[step] = CommandStream(hide=str, debug=False, allow_unsecure=False, matchers=matchers, read=no_file)
        streams[step].replay(entry)
    for stream in streams.values():
        yield from stream.masks


def _entries(text: str) -> "Iterable[tuple[int, dict[str, object]]]":
    for line in text.splitlines(keepends=True):
        if line.endswith("\n"):
            step, _, entry = json.loads(line)
            yield step, entry


def _read(path: Path | str, limit_bytes: int, folder: int | None = None) -> str | None:
    """Return a plain file that a job could have written, None where there is none."""
    data = read_plain(path, limit_bytes, folder)
    return None if data is None else data.decode("utf-8", "surrogateescape")
