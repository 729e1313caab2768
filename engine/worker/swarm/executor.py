"""Runs jobs as tasks of a Docker Swarm, on whatever node Swarm chooses. See docs/several-machines.md.

A service is made for each attempt: a job of one task that is never to run again. Swarm carries what the task begins
with and says how it ends; all else goes over the line that the task dials (engine/worker/swarm/line.py). Swarm's logs,
exec, attach and binds are not used: a manager has none of them for a task elsewhere, or not whole.
"""

import logging
import secrets
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from engine.core.clock import Clock, SystemClock
from engine.core.errors import EngineError, ExecutorUnavailable
from engine.settings.model import SwarmSettings
from engine.worker.docker.box import WORKSPACE
from engine.worker.docker.client import DockerClient, explain, status_of
from engine.worker.docker.config import container_name
from engine.worker.docker.images import missing
from engine.worker.executor import Box, BoxExit, BoxSpec, Credentials, Say, nothing
from engine.worker.held import HeldBoxes
from engine.worker.services import Services, ServicesSpec
from engine.worker.sibling import Siblings
from engine.worker.swarm import ticket
from engine.worker.swarm.box import SwarmBox, why
from engine.worker.swarm.config import KitFile, busybox_of, driver_env, kit_of, service_body
from engine.worker.swarm.facts import SwarmFacts, swarm_facts
from engine.worker.swarm.key import key_of
from engine.worker.swarm.line import Door, Guest
from engine.worker.swarm.mirror import Mirror
from engine.worker.swarm.objects import ENDED, SwarmObjects

_PULL_S = 1800.0  # how long a node may take over an image
_KILL_S = 3.0  # how long a task may take to end itself before Swarm is told to
_FENCE_S = 10.0  # and after `lost_s` without an engine, for it looks at the time every few seconds only
_log = logging.getLogger(__name__)


class SwarmExecutor:
    """Boxes are services of one home, told by the label `treadle`. One instance at a time has the home's port."""

    kind = "swarm"
    siblings: Siblings | None = None
    held: HeldBoxes | None = None
    left_behind = False

    def __init__(self, home_id: str, home: Path, settings: SwarmSettings, clock: Clock | None = None) -> None:
        self._home_id = home_id
        self._home = home
        self._settings = settings
        self._clock = clock or SystemClock()
        self._client = DockerClient()
        self._objects = SwarmObjects(self._client, home_id, self._clock)
        self._lock = threading.Lock()
        self._door: Door | None = None
        self._address = ""
        self._kit: dict[bool, list[tuple[KitFile, str]]] = {}
        self._able: set[str] = set()  # images that need no busybox of ours
        self._logins: dict[str, Credentials] = {}
        self._boxes: dict[str, SwarmBox] = {}
        self._removers = ThreadPoolExecutor(2, "treadle-swarm-remove")
        self._removals: set[Future[None]] = set()
        self._closed = threading.Event()
        self._asked = threading.Event()
        self._watch: threading.Thread | None = None

    # -- the port ---------------------------------------------------------------------------------------------------

    def check(self) -> None:
        facts = swarm_facts(self._client, self._settings)
        with self._lock:
            if self._door is None:
                self._open_door(facts)

    def ensure_image(
        self, image: str, say: Say, credentials: Credentials | None = None, look: Callable[[], None] = nothing
    ) -> None:
        """Images are pulled by the node that runs the task: here only who may is kept."""
        if credentials is not None:
            self._logins[image] = credentials

    def expect(self, boxes: int, image: str | None) -> None:
        pass  # nothing is kept warm

    def start(self, spec: BoxSpec, look: Callable[[], None] = nothing) -> Box:
        """Start a task and wait until it has dialled. Raises EngineError when no node has taken it for too long."""
        if spec.image is None:
            raise ExecutorUnavailable("The job names no image.", "Map its label to one with --label LABEL=swarm:IMAGE.")
        self.check()
        name = container_name(self._home_id, spec.name)
        token = secrets.token_hex(32)
        guest = self._guest(spec, name, token, self._settings.lost_s, "")
        guest.bound("")
        assert self._door is not None
        self._door.admit(guest)
        try:
            service = self._create(spec, name, token)
            box = self._box(service, spec, guest)
            self._await(box, spec, guest, look)
        except BaseException:
            self._remove_all(name, guest)
            with self._lock:
                self._boxes = {key: box for key, box in self._boxes.items() if box.guest is not guest}
            raise
        if guest.way == "openssl":
            self._able.add(spec.image)
        return box

    def adopt(self, spec: BoxSpec, box_id: str) -> Box | None:
        from docker.errors import APIError

        with self._lock:
            if (known := self._boxes.get(box_id)) is not None:
                return known
        kept = ticket.kept(spec.folder, self._settings.lost_s)
        if not box_id or kept is None:
            return None
        self.check()
        try:
            found = self._objects.labels_of(box_id)
        except APIError as error:
            raise EngineError(f"Swarm does not tell of {spec.name}: {explain(error)}.") from error
        if found is None or found[1].get("treadle") != self._home_id:
            return None
        guest = self._guest(spec, found[0], *kept)
        assert self._door is not None
        self._door.admit(guest)
        return self._box(box_id, spec, guest)

    def serve(self, spec: ServicesSpec, say: Say, check_in: Callable[[], None]) -> Services:
        raise ExecutorUnavailable("A job in a swarm has no services.", "Run it with Docker.")

    def adopt_services(self, spec: ServicesSpec) -> Services | None:
        return None

    def strays(self, known: Iterable[str]) -> list[str]:
        kept = set(known)
        if self._client.api.info().get("Swarm", {}).get("LocalNodeState") != "active":
            return []
        services = self._objects.services()
        removed = [service for service in services if service not in kept]
        for service in removed:
            self._objects.end(service)
        with self._lock:
            starting = {box.guest.name for box in self._boxes.values() if not box.is_over()}
        self._objects.drop_secrets(but=starting | {name for service, name in services.items() if service in kept})
        return removed

    def settle(self) -> None:
        """Wait until the removals asked for so far are done."""
        with self._lock:
            pending = list(self._removals)
        for removal in pending:
            removal.result()

    def close(self) -> None:
        """Break all lines, whose tasks dial again for as long as they may, and finish all removals."""
        self._removers.shutdown(wait=True)
        self._closed.set()
        self._asked.set()
        if self._watch:
            self._watch.join()
        if self._door:
            self._door.close()
            try:
                self._objects.drop_configs()
            except EngineError as error:
                _log.warning("%s", error)
        self._client.close()

    # -- making -----------------------------------------------------------------------------------------------------

    def _open_door(self, facts: SwarmFacts) -> None:
        try:
            self._door = Door(key_of(self._home), (facts.listen, facts.port), self._clock)
        except OSError as error:
            raise ExecutorUnavailable(
                f"Nothing can listen at {facts.listen}:{facts.port}, for tasks of the swarm to dial: {error.strerror}.",
                "Say another: `swarm: {address: HOST:PORT}` in treadle.yml.",
            ) from error
        self._address = f"{facts.host}:{facts.port}"
        self._watch = threading.Thread(target=self._follow, name="swarm-tasks", daemon=True)
        self._watch.start()

    def _guest(self, spec: BoxSpec, name: str, token: str, lost_s: float, task: str) -> Guest:
        def begin(mirror: Mirror) -> None:
            if spec.overlay and spec.source:
                mirror.unpack(spec.source, WORKSPACE)
            mirror.put("env", "644", driver_env(spec.env, spec.options.workdir))
            mirror.start()

        bound = partial(ticket.keep, spec.folder, token, lost_s)
        return Guest(name, token, Mirror(spec.folder, begin), bound, lost_s, self._clock.monotonic_s(), task)

    def _box(self, service: str, spec: BoxSpec, guest: Guest) -> SwarmBox:
        box = SwarmBox(
            service, spec, guest, partial(self._kill_task, service, guest), partial(self._remove, service, guest)
        )
        with self._lock:
            self._boxes[service] = box
        self._asked.set()
        return box

    def _create(self, spec: BoxSpec, name: str, token: str) -> str:
        from docker.errors import APIError, DockerException
        from requests.exceptions import RequestException

        try:
            self._objects.end_named(name)  # made once already by an engine that did not live to note it
            secret = self._objects.secret(name, token)
            configs = self._configs(sends_busybox=spec.image not in self._able)
            body = service_body(
                spec, name, self._home_id, self._settings, self._address, key_of(self._home), configs, (name, secret)
            )
            return self._objects.create(body, self._logins.get(spec.image or ""))
        except APIError as error:
            if status_of(error) == 400:
                raise ExecutorUnavailable(
                    f"Swarm refuses the box {spec.name}: {explain(error)}.", "Mend the job's `container:`."
                ) from error
            raise EngineError(f"Swarm cannot make the box {spec.name}: {explain(error)}.") from error
        except (DockerException, RequestException) as error:
            raise EngineError(f"Swarm failed to make {spec.name}: {error}.") from error

    def _configs(self, sends_busybox: bool) -> list[tuple[KitFile, str]]:
        """Return the files that a task begins with, and the ids of their configs."""
        with self._lock:
            if sends_busybox not in self._kit:
                busybox = busybox_of(self._settings.busybox) if sends_busybox else None
                kit = kit_of(self._home_id, key_of(self._home), busybox)
                self._kit[sends_busybox] = self._objects.configs(kit)
            return self._kit[sends_busybox]

    def _await(self, box: SwarmBox, spec: BoxSpec, guest: Guest, look: Callable[[], None]) -> None:
        """Wait until the task has dialled. Raises with what Swarm says of one that will not."""
        began_s, pause = self._clock.monotonic_s(), 0.05
        while not guest.arrived.wait(pause):
            look()
            pause = min(pause * 1.5, 0.5)
            task = self._task(box.id)
            state, status = (task["Status"]["State"], task["Status"]) if task else ("new", {})
            waited_s = self._clock.monotonic_s() - began_s
            words = str(status.get("Err") or status.get("Message") or "").rstrip(".")
            if state in ENDED:
                raise _failed(spec, status, words)
            limit_s = _PULL_S if state in ("accepted", "preparing") else self._settings.wait_s
            if state != "running" and waited_s > limit_s:
                raise EngineError(f"No node of the swarm has taken {spec.name} in {waited_s:.0f} s: {words}.")
            if state == "running" and waited_s > limit_s and not guest.arrived.is_set():
                raise ExecutorUnavailable(
                    f"The task of {spec.name} runs, and has not reached {self._address} in {waited_s:.0f} s.",
                    "See `swarm: {address: HOST:PORT}` in treadle.yml, and that no firewall is between.",
                )

    # -- following --------------------------------------------------------------------------------------------------

    def _task(self, service: str) -> dict[str, Any] | None:
        """Return the task that counts: the one that has the attempt, else the newest."""
        tasks = self._objects.tasks(service)
        with self._lock:
            box = self._boxes.get(service)
        for task in tasks:
            if box is not None and task["ID"] == box.guest.task:
                return dict(task)
        if box is not None and box.guest.task:
            return None
        return dict(max(tasks, key=lambda task: task["CreatedAt"])) if tasks else None

    def _follow(self) -> None:
        """Ask Swarm how the tasks are: seldom while their lines carry, often where one is gone."""
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        pause = 0.1
        while not self._closed.is_set():
            with self._lock:
                boxes = [box for box in self._boxes.values() if not box.is_over()]
            for box in boxes:
                if not box.guest.task:
                    continue  # it is being started, and that is followed there
                try:
                    box.heed(self._task(box.id))
                except (DockerException, RequestException, ExecutorUnavailable):
                    pass  # the engine restarts, or has no leader: its word comes later
                self._give_up(box)
            lost = any(box.guest.line is None for box in boxes if box.guest.task)
            pause = min(pause * 1.5, 0.5) if lost else 1.0 if boxes else 3600.0
            self._asked.wait(pause)
            if self._asked.is_set():
                pause = 0.05
            self._asked.clear()

    def _give_up(self, box: SwarmBox) -> None:
        """End a box that has been silent until its task, wherever it is, has ended itself.

        Swarm says of a task on a node that is away that it runs, for a day.
        """
        guest = box.guest
        silent_s = self._clock.monotonic_s() - guest.silent_since_s
        if guest.line is None and silent_s > guest.lost_s + _FENCE_S and not box.is_over():
            if self._door:
                self._door.dismiss(guest.name)  # were it suspended and not dead, it is turned away
            box.ended(BoxExit(137, why=f"its task in the swarm has been out of reach for {silent_s:.0f} s"))

    # -- ending -----------------------------------------------------------------------------------------------------

    def _kill_task(self, service: str, guest: Guest) -> None:
        """A task that was told to end over its line does so at once; Swarm ends one that did not."""

        def end() -> None:
            with self._lock:
                box = self._boxes.get(service)
            if box is None or box.exited(_KILL_S) is not None:
                return
            try:
                self._objects.end(service)
            except EngineError as error:
                _log.warning("%s is given up: %s", guest.name, error)
            if self._door:
                self._door.dismiss(guest.name)  # what is left of it, where nobody reaches it, is turned away
            box.ended(BoxExit(137))

        self._asked.set()
        self._later(end)

    def _remove(self, service: str, guest: Guest) -> None:
        def removal() -> None:
            try:
                with self._lock:
                    box = self._boxes.get(service)
                if box is not None and not box.is_over():
                    guest.mirror.order("kill")
                    self._asked.set()
                    box.exited(_KILL_S)
                try:
                    self._objects.end(service)
                finally:
                    if self._door:
                        self._door.dismiss(guest.name)
                self._objects.drop_secrets([guest.name])
                if box is not None:
                    box.ended(BoxExit(137))
                with self._lock:
                    self._boxes.pop(service, None)
            except EngineError as error:
                self._left_behind(guest.name, error)

        self._later(removal)

    def _later(self, removal: Callable[[], None]) -> None:
        try:
            pending = self._removers.submit(removal)
        except RuntimeError:  # closed already
            removal()
            return
        with self._lock:
            self._removals = {other for other in self._removals if not other.done()} | {pending}

    def _remove_all(self, name: str, guest: Guest) -> None:
        guest.mirror.order("kill")
        if self._door:
            self._door.dismiss(name)
        try:
            self._objects.end_named(name)
        except EngineError as error:
            self._left_behind(name, error)

    def _left_behind(self, name: str, error: EngineError) -> None:
        self.left_behind = True
        _log.warning("%s was left behind: %s", name, error)


def _failed(spec: BoxSpec, status: dict[str, Any], words: str) -> EngineError:
    """Return what it means that a task ended before it dialled."""
    image = spec.image or ""
    code = int(status.get("ContainerStatus", {}).get("ExitCode") or 0)
    said, fix = why(code, image)
    if said:
        return ExecutorUnavailable(said, fix)
    lower = words.lower()
    if "no such image" in lower or "pull access denied" in lower or "manifest unknown" in lower:
        return missing(image, words)
    if code == 127 or ('"sh"' in lower and ("not found" in lower or "no such file" in lower)):
        what = f"The image {image} has no `sh`, which every box needs."
        return ExecutorUnavailable(what, "Use an image with a shell.")
    return EngineError(f"The task of {spec.name} did not begin: {words}.")
