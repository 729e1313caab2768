"""Runs jobs in containers: makes them, takes them up again after a restart, and leaves nothing behind.

Talks to the engine for the life of a container only; steps, logs and events go through the channel's files.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import Any

from engine.core.clock import Clock, SystemClock
from engine.core.errors import EngineError, ExecutorUnavailable
from engine.worker.docker.box import DockerBox
from engine.worker.docker.client import DockerClient, explain, status_of
from engine.worker.docker.config import (
    BOX_LABEL,
    PORT_TAKEN,
    container_config,
    container_name,
    joins_slot,
    may_overlay,
    overlay_layers,
    owned_volumes,
)
from engine.worker.docker.held import DockerHeld
from engine.worker.docker.images import Images, missing
from engine.worker.docker.network import remove_network
from engine.worker.docker.removal import remove_container, remove_volume
from engine.worker.docker.services import DockerServices, Tools
from engine.worker.docker.siblings import DockerSiblings
from engine.worker.docker.sight import check_sight
from engine.worker.docker.slots import SLOT_LABEL, Slot, Slots
from engine.worker.docker.workspace import fill, make_layers
from engine.worker.executor import Box, BoxSpec, Credentials, Say, nothing
from engine.worker.held import HeldBoxes
from engine.worker.last_use import LastUse
from engine.worker.services import Services, ServicesSpec
from engine.worker.sibling import Siblings

_log = logging.getLogger(__name__)
_CROWD = 4  # with more boxes than these to come, a slot that is being made will pay
_NO_NETWORK_HOSTS = (("/etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"),)


class _OverlayRefused(Exception):
    """The engine or its kernel will not mount the source as an overlay."""


class _SlotBroken(Exception):
    """The slot's pause container does not run any more."""


class DockerExecutor:
    """Boxes are containers of one home, told by the label `treadle`.

    The workspace is a copy-on-write view of the source where the engine can mount one. Whether it can is learnt from
    the first start that is refused with a mount error, once for the life of this executor; from then on (and for
    boxes with a user of their own) the workspace is a volume that is filled by a copy inside the box. `home` is what
    the engine has to see.
    """

    kind = "docker"

    def __init__(
        self, home_id: str, network_slots: int = 0, clock: Clock | None = None, home: Path | None = None
    ) -> None:
        self._home_id = home_id
        self._home = home
        self._clock = clock or SystemClock()
        self._client = DockerClient()
        self._images = Images(self._client, self._clock)
        self.siblings: Siblings | None = DockerSiblings(self._client, home_id, LastUse(home))
        # The engine makes some ten containers a second and two cores; more at once only makes each of them slower.
        self._starts = 2 * (os.cpu_count() or 1)
        # Nor more slots than that: making one costs what two starts save, and short jobs soon give theirs back.
        self._slots = Slots(self._client, home_id, min(network_slots, self._starts), self._clock)
        self._used_slots: dict[str, Slot] = {}
        self._gate = threading.BoundedSemaphore(self._starts)
        self._removers = ThreadPoolExecutor(2, "treadle-remove")
        self._removals: set[Future[None]] = set()
        self._unservers = ThreadPoolExecutor(2, "treadle-unserve")  # they wait for boxes that the removers remove
        later = partial(self._later, self._unservers)
        self._services = Tools(self._client, home_id, self._clock, self._gate, later)
        self.held: HeldBoxes = DockerHeld(self._client, home_id, self._take_away)
        self._lock = threading.Lock()
        self._boxes: set[str] = set()
        self._started = 0
        self._expected = 0
        self.overlay_refused = False  # learnt, and then true for good

    def check(self) -> None:
        self._client.ping()
        if self._home is not None:
            check_sight(self._home, self._client)

    def ensure_image(
        self, image: str, say: Say, credentials: Credentials | None = None, look: Callable[[], None] = nothing
    ) -> None:
        with self._client.reached():
            self._images.ensure(image, say, credentials, look)

    def expect(self, boxes: int, image: str | None) -> None:
        self._expected = boxes
        if image and boxes > _CROWD:
            self._slots.want(self._starts, image)

    def settle(self) -> None:
        """Wait until the removals and the slots asked for so far are done."""
        with self._lock:
            pending = list(self._removals)
        wait(pending)
        self._slots.settle()

    def start(self, spec: BoxSpec, look: Callable[[], None] = nothing) -> Box:
        """Start a container with a driver in it. Raises EngineError when the engine fails twice: retry later."""
        from docker.errors import APIError, DockerException
        from requests.exceptions import RequestException

        if spec.image is None:
            raise ExecutorUnavailable("The job names no image.", "Map its label to one with --label LABEL=IMAGE.")
        failures = 0
        while True:
            overlay = may_overlay(spec) and not self.overlay_refused and not self._client.is_podman
            slot = self._slot(spec.image) if joins_slot(spec) else None
            try:
                with self._gate:
                    return self._start_once(spec, overlay, slot)
            except _OverlayRefused:
                self.overlay_refused = True
            except _SlotBroken:
                if slot:
                    self._slots.drop(slot)
            except APIError as error:
                self._translate(spec, error)
                failures += 1
                if failures > 1:
                    raise EngineError(f"The box {spec.name} cannot be started: {explain(error)}.") from error
            except (DockerException, RequestException) as error:
                raise EngineError(f"The Docker Engine failed to start {spec.name}: {error}.") from error

    def adopt(self, spec: BoxSpec, box_id: str) -> Box | None:
        with self._client.reached():
            return self._adopted(spec, box_id)

    def serve(self, spec: ServicesSpec, say: Say, check_in: Callable[[], None]) -> Services:
        services = DockerServices(self._services, spec)
        services.start(say, check_in)
        return services

    def adopt_services(self, spec: ServicesSpec) -> Services | None:
        services = DockerServices(self._services, spec)
        with self._client.reached():
            return services if services.adopt() else None

    def strays(self, known: Iterable[str]) -> list[str]:
        """Remove what of this home belongs to no known box: containers, networks, volumes; slots that they use stay.

        Services belong to the box of the same name, and those of a job on this machine itself to its spec's name.
        """
        api = self._client.api
        ours = {"label": [f"treadle={self._home_id}"]}
        kept = set(known)
        containers = api.containers(all=True, filters=ours)
        for container in containers:
            mode = container.get("HostConfig", {}).get("NetworkMode", "")
            if container["Id"] in kept and mode.startswith("container:"):
                kept.add(mode.removeprefix("container:"))
        names = {container_name(self._home_id, name) for name in kept}
        for container in containers:
            if container["Id"] in kept or container["Labels"].get(SLOT_LABEL) == self._slots.token:
                kept.add(container["Id"])
                names.update(name.lstrip("/") for name in container["Names"])
        removed: list[str] = []
        for container in containers:
            if container["Id"] not in kept and container["Labels"].get(BOX_LABEL) not in names:
                remove_container(self._client, container["Id"])
                removed.append(container["Id"])
        for network in api.networks(filters=ours):
            if (network.get("Labels") or {}).get(BOX_LABEL) not in names:
                remove_network(self._client, network["Id"], self._clock, patience_s=1.0)
        for volume in api.volumes(filters=ours)["Volumes"] or []:
            if (volume.get("Labels") or {}).get(BOX_LABEL) not in names:
                remove_volume(self._client, volume["Name"])
        return removed

    @property
    def left_behind(self) -> bool:
        return self._client.left_behind

    def close(self) -> None:
        """Finish all removals, then take away the slots, but those that boxes still use."""
        self._removers.shutdown(wait=True)
        self._unservers.shutdown(wait=True)
        self._slots.close(keep=frozenset(slot.id for slot in self._used_slots.values()))
        self._client.close()

    def _adopted(self, spec: BoxSpec, box_id: str) -> Box | None:
        from docker.errors import NotFound

        try:
            found = self._client.api.inspect_container(box_id) if box_id else None
        except NotFound:
            return None
        if found is None or found["Config"]["Labels"].get("treadle") != self._home_id:
            return None
        name = container_name(self._home_id, spec.name)
        mode = found["HostConfig"]["NetworkMode"]
        slot = self._used_slots.get(found["Id"])  # held since this engine made it
        if slot is None and mode.startswith("container:"):
            slot = self._slots.adopt(mode.removeprefix("container:"))
        box = self._box(found["Id"], spec, name, slot)
        if found["State"]["Status"] == "created":  # an engine died between create and start
            box.remove()
            return None
        if found["State"]["Running"]:
            self._listen(box, "not-running")
        else:
            box.ended(found["State"])
        return box

    def _slot(self, image: str) -> Slot | None:
        """Return a network slot, or None where waiting for one would cost more than a sandbox of the box's own."""
        with self._lock:
            self._started += 1
            wanted = len(self._boxes) + 1
            if wanted == 1 and self._started < 3:
                wanted = 0  # a slot costs as much as it saves the first time
        slot = self._slots.take(self._expected > _CROWD)
        if slot is None:
            self._slots.want(wanted, image)
        return slot

    def _start_once(self, spec: BoxSpec, overlay: bool, slot: Slot | None) -> DockerBox:
        from docker.errors import APIError

        name = container_name(self._home_id, spec.name)
        box = None
        try:
            etc = self._etc(spec, slot)
            layers = make_layers(self._client, self._home_id, spec, name) if overlay else None
            config = container_config(self._home_id, spec, layers, slot.id if slot else None, etc)
            box = self._box(self._create(config, name), spec, name, slot)
            self._listen(box, "next-exit")
            self._client.api.start(box.id)
            if spec.options.user or (spec.overlay and spec.source and not overlay):
                fill(self._client, self._clock, box, spec)
        except BaseException as error:
            self._undo(box, name, slot)
            if isinstance(error, APIError):
                words = explain(error).lower()
                if overlay and "overlay" in words and "mount" in words:
                    raise _OverlayRefused from error
                if slot and (slot.id[:12] in words or "join network" in words):
                    raise _SlotBroken from error
            raise
        return box

    def _create(self, config: dict[str, Any], name: str) -> str:
        from docker.errors import APIError

        api = self._client.api
        try:
            return str(api.create_container_from_config(config, name)["Id"])
        except APIError as error:
            if status_of(error) != 409:
                raise
            remove_container(self._client, name)  # the same attempt, never used: its reply was lost
            return str(api.create_container_from_config(config, name)["Id"])

    def _box(self, box_id: str, spec: BoxSpec, name: str, slot: Slot | None) -> DockerBox:
        with self._lock:
            self._boxes.add(box_id)
            if slot:
                self._used_slots[box_id] = slot
        image = spec.image if joins_slot(spec) else None
        remove = partial(self._remove, box_id, name, owned_volumes(spec, name), image)
        return DockerBox(self._client, box_id, spec, remove, partial(self._give_back, box_id))

    def _give_back(self, box_id: str) -> None:
        """Let the next box have the slot of one that runs no more."""
        with self._lock:
            slot = self._used_slots.pop(box_id, None)
        if slot:
            self._slots.give(slot)

    def _listen(self, box: DockerBox, condition: str) -> None:
        from requests.exceptions import RequestException

        if self._client.is_podman:
            box.watch()
            return
        try:
            box.arm(condition)
        except RequestException:
            box.watch()

    def _etc(self, spec: BoxSpec, slot: Slot | None) -> list[dict[str, Any]]:
        if spec.options.network == "none":
            slot = Slot("", _NO_NETWORK_HOSTS)
        return slot.write_files(spec.folder / "etc") if slot else []

    def _undo(self, box: DockerBox | None, name: str, slot: Slot | None) -> None:
        remove_container(self._client, box.id if box else name)
        for layer in overlay_layers(name):
            remove_volume(self._client, layer)
        with self._lock:
            self._boxes.discard(box.id if box else "")
        if box:
            self._give_back(box.id)
        elif slot:
            self._slots.give(slot)

    def _translate(self, spec: BoxSpec, error: Any) -> None:
        """Raise ExecutorUnavailable for what no retry mends; return for the rest."""
        words = explain(error)
        if status_of(error) == 404 and "image" in words.lower():
            raise missing(spec.image or "", words) from error
        if '"sh"' in words and ("not found" in words or "no such file" in words):
            raise ExecutorUnavailable(
                f"The image {spec.image} has no `sh`, which every box needs.", "Use an image with a shell."
            ) from error
        if any(phrase in words for phrase in PORT_TAKEN):
            raise ExecutorUnavailable(
                "A port of this machine that `container.ports` asks for is taken.",
                "Write the container's port alone, so that any free one serves.",
            ) from error
        if status_of(error) in (400, 403):
            raise ExecutorUnavailable(
                f"The engine refuses the box {spec.name}: {words}.", "Mend the job's `container:`."
            ) from error

    def _remove(self, box_id: str, name: str, volumes: Sequence[str], image: str | None) -> None:
        with self._lock:
            self._boxes.discard(box_id)
            alone = not self._boxes
        if alone and image:
            self._slots.want_at_leisure(image)
        self._later(self._removers, partial(self._remove_all, box_id, name, volumes))

    def _take_away(self, name: str, box_id: str, folder: Path) -> None:
        """Remove a box that nobody has opened, and all that bears its name, whatever is there of it."""
        if (box := self.adopt(BoxSpec(name, None, folder, {}), box_id)) is not None:
            box.kill()  # its network slot is free from then on
            with self._lock:
                self._boxes.discard(box_id)
        services = DockerServices(self._services, ServicesSpec(name=name, folder=folder, labels={}, services=()))

        def removal() -> None:
            self._remove_all(box_id, container_name(self._home_id, name), ())
            services.remove()

        self._later(self._unservers, removal)

    def _later(self, removers: ThreadPoolExecutor, removal: Callable[[], None]) -> None:
        try:
            pending = removers.submit(removal)
        except RuntimeError:  # closed already
            removal()
            return
        with self._lock:
            self._removals = {other for other in self._removals if not other.done()} | {pending}

    def _remove_all(self, box_id: str, name: str, volumes: Sequence[str]) -> None:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            remove_container(self._client, box_id)
            self._give_back(box_id)
            for volume in volumes:
                remove_volume(self._client, volume)
        except (DockerException, RequestException, EngineError) as error:
            _log.warning("%s was left behind, the next start removes it: %s", name, error)
