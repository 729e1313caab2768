"""Container actions: an image, pulled or built, run once beside the box as (part of) a step."""

import hashlib
import os
import posixpath
import shlex
import shutil
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engine.core.errors import ExecutorUnavailable
from engine.worker.actions.exchange import Exchange
from engine.worker.actions.load import ActionRefused, LoadedAction
from engine.worker.actions.port import ActionError
from engine.worker.executor import BoxSpec, Executor
from engine.worker.log.job_log import JobLog
from engine.worker.plain_file import read_plain
from engine.worker.sibling import ImageFailed, Recipe, SiblingSpec
from engine.worker.steps.box_tools import BoxTools
from engine.worker.steps.files import KINDS, LIMIT_BYTES
from engine.worker.steps.job_state import Hook, Scope
from engine.worker.steps.outcome import StepOutcome
from engine.worker.steps.runner import StepRunner
from engine.worker.steps.session import Session
from pipelines.records import dataclass

CONTEXT_LIMIT_BYTES = 2 << 30
COMMANDS, WORKFLOW, HOME = "/github/file_commands", "/github/workflow", "/github/home"
PACK = 'tar -c -f - -C "$FOLDER" . | head -c "$LIMIT" >"$TAR"\n'


@dataclass(frozen=True, slots=True)
class ContainerRun:
    """One run of an action's container. Without `arguments` (None) the image's own are taken."""

    image: str
    entrypoint: str
    arguments: tuple[str, ...] | None
    env: Mapping[str, str]


@dataclass(frozen=True)
class ContainerActions:
    """The container actions of one attempt. `spec` is its box's, `docker` gives the executor that makes containers;
    `exchange` is a folder that the box writes into, `event` the text of the event file."""

    docker: Callable[[], Executor]
    spec: BoxSpec
    session: Session
    tools: BoxTools
    log: JobLog
    exchange: Path
    exchange_inside: str
    event: bytes

    def pull(self, image: str, what: str, look: Callable[[], None]) -> None:
        """Have an image here. Raises ActionRefused where there is no Docker at all, or no such image."""
        try:
            self._executor(what).ensure_image(image, self.log.say, look=look)
        except ExecutorUnavailable as error:
            raise ActionRefused(str(error)) from error

    def build(self, uses: str, loaded: LoadedAction, look: Callable[[], None]) -> str:
        """Return the image of a Dockerfile action, built if its content is new. Raises EngineError."""
        siblings = self._executor(uses).siblings
        assert siblings is not None
        folder = self.spec.folder / "aside"
        folder.mkdir(exist_ok=True, mode=0o700)
        packed = folder / "context.tar"
        dockerfile = posixpath.normpath(loaded.action.image)
        try:
            if loaded.outside is not None:
                with tarfile.open(packed, "w") as tar:
                    tar.add(loaded.outside, ".", filter=_as_in_git)
            else:
                self._pack(uses, loaded.folder, packed)
            try:
                key = content_key(packed, dockerfile)
            except (tarfile.TarError, EOFError) as error:
                raise ActionRefused(f"The files of {uses} cannot be read: {error}.") from error
            return siblings.build(Recipe(uses, key, packed, dockerfile), self.log.say, look)
        except ImageFailed as error:
            raise ActionRefused(str(error)) from error
        finally:
            packed.unlink(missing_ok=True)

    def run(
        self, uses: str, run: ContainerRun, scope: Scope, action: str, hook: Hook | None, steps: StepRunner
    ) -> StepOutcome:
        """Run a container to its end, and take in what it leaves behind as with any other step."""
        siblings = self._executor(uses).siblings
        assert siblings is not None
        number = steps.begin_script(hook)
        env = self._environment(steps.environment(scope, run.env, number, action))
        commands = self._folders(number)
        on_machine, box = self.spec.image is None, self.tools.box
        workspace = {
            "/github/workspace": Path(box.workspace),
            "/github/runner_temp": Path(box.temp),
        }
        aside = self.spec.folder / "aside"
        binds = {COMMANDS: commands, WORKFLOW: aside / "workflow", HOME: aside / "home"}
        spec = SiblingSpec(
            name=f"{self.spec.name}-{number}",
            image=run.image,
            labels=self.spec.labels,
            env=env,
            binds={**binds, **(workspace if on_machine else {})},
            box_id="" if on_machine else self.tools.box.id,
            entrypoint=run.entrypoint,
            arguments=run.arguments,
            cpus=self.spec.cpus,
            memory_bytes=self.spec.memory_bytes,
        )
        try:
            sibling = siblings.start(spec, number, commands.parent / "log", steps.scripts.grace_s)
        except ImageFailed as error:
            raise ActionRefused(str(error)) from error
        try:
            end = steps.scripts.follow(number, resumable=False, task=sibling.task)
        finally:
            sibling.remove()
        for kind in KINDS.values():
            if data := read_plain(commands / kind, LIMIT_BYTES + 1):
                self.session.write_file(f"{number}.{kind}", data)
        shutil.rmtree(commands.parent, ignore_errors=True)
        return steps.ended(number, end)

    def _executor(self, what: str) -> Executor:
        """Return who makes containers. Raises ActionRefused where there is nobody."""
        try:
            executor = self.docker()
        except ExecutorUnavailable as error:
            raise ActionRefused(f"{what} runs in a container, and there is no Docker for it. {error}") from error
        if executor.siblings is None:
            raise ActionRefused(f"{what} runs in a container, which this executor cannot make.")
        return executor

    def _environment(self, env: Mapping[str, str]) -> dict[str, str]:
        """Return the variables with the paths that the container sees."""
        files = {name: f"{COMMANDS}/{kind}" for name, kind in KINDS.items()}
        places = {
            "GITHUB_WORKSPACE": "/github/workspace", "GITHUB_EVENT_PATH": f"{WORKFLOW}/event.json",
            "RUNNER_TEMP": "/github/runner_temp", "HOME": HOME,
        }  # fmt: skip
        return {**env, **files, **places}

    def _folders(self, number: int) -> Path:
        """Make what is mounted, in a folder that no box can reach; return the one of the step's own files."""
        aside = self.spec.folder / "aside"
        commands = aside / str(number) / "commands"
        for folder in (aside / "workflow", aside / "home", commands):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o777)
        event = aside / "workflow" / "event.json"
        if not os.path.lexists(event):
            event.write_bytes(self.event)
            event.chmod(0o644)
        for kind in KINDS.values():
            (commands / kind).touch()
            (commands / kind).chmod(0o666)
        return commands

    def _pack(self, uses: str, folder: str, packed: Path) -> None:
        """Have the box pack a folder of its workspace."""
        with Exchange(self) as exchange:
            tar = exchange.fresh()
            env = {"FOLDER": folder, "TAR": exchange.inside(tar), "LIMIT": str(CONTEXT_LIMIT_BYTES + 1)}
            if code := self.tools.run(PACK, env):
                raise ActionRefused(
                    f"The files of {uses} cannot be packed (exit code {code}); the image needs tar and head."
                )
            try:
                with exchange.open(tar) as source, packed.open("wb") as dest:
                    shutil.copyfileobj(source, dest)
            except (ActionError, OSError) as error:
                raise ActionRefused(f"The files of {uses} cannot be had: {error}") from error
        if packed.stat().st_size > CONTEXT_LIMIT_BYTES:
            raise ActionRefused(f"The files of {uses} are more than {CONTEXT_LIMIT_BYTES >> 30} GiB.")


def split_arguments(text: str, uses: str) -> tuple[str, ...]:
    """Return the words of `with.args`, quoted as in a shell. Raises ActionRefused."""
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise ActionRefused(f"The args of {uses} cannot be taken apart: {error}.") from error


def content_key(packed: Path, dockerfile: str) -> str:
    """Return a digest of what a build is made from: names, modes and contents, not times and owners."""
    digest = hashlib.sha256(dockerfile.encode())
    with tarfile.open(packed, "r:") as tar:
        members = sorted(tar.getmembers(), key=lambda member: member.name)
        for member in members:
            facts: list[Any] = [
                posixpath.normpath(member.name),
                member.mode & 0o111,
                member.type.decode(),
                member.linkname,
            ]
            digest.update(repr(facts).encode("utf-8", "surrogateescape"))
            if member.isreg() and (content := tar.extractfile(member)) is not None:
                digest.update(hashlib.file_digest(content, "sha256").digest())  # type: ignore[arg-type]
    return digest.hexdigest()


def _as_in_git(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Our copies are read-only and ours; in an image a file is root's, and writable as in any checkout."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode |= 0o200
    return member
