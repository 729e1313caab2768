"""Network slots: ready-made network sandboxes that boxes join, for the sandbox is most of what a start costs.

A slot is a pause container on the default bridge. One box at a time uses it; what a box could leave in it (its
copies of /etc/hosts, resolv.conf and hostname) is given to each box afresh, so nothing passes from job to job.
"""

import io
import secrets
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from engine.core.clock import Clock
from engine.worker.docker.client import DockerClient
from pipelines.records import dataclass

SLOT_LABEL = "treadle.slot"
_LEISURE_S = 1.0  # a job that comes alone is over by then, and its engine with it
_MAKING_S = 5.0  # how long a crowd waits for slots that are being made
_SHORT_S = 2.0  # and anybody for boxes that leave as soon as this


@dataclass(frozen=True, slots=True)
class Slot:
    """A pause container and the name files that belong into a box which joins it."""

    id: str
    files: tuple[tuple[str, str], ...]

    def write_files(self, folder: Path) -> list[dict[str, Any]]:
        """Write fresh copies below `folder`; return the mounts for them."""
        folder.mkdir(exist_ok=True)
        mounts = []
        for target, text in self.files:
            path = folder / Path(target).name
            path.write_text(text)
            path.chmod(0o644)
            mounts.append({"Type": "bind", "Source": str(path), "Target": target})
        return mounts


class Slots:
    """Up to `limit` slots, made in the background as they are wanted. A box that gets none uses the bridge."""

    def __init__(self, client: DockerClient, home_id: str, limit: int, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._home_id = home_id
        self._limit = limit
        self.token = secrets.token_hex(8)  # on our slots: none of them is a stray, not even one just being made
        self._lock = threading.Condition()
        self._free: list[Slot] = []
        self._all: set[str] = set()
        self._wanted = 0  # those there are and those being made
        self._making = 0
        self._taken: dict[str, float] = {}  # when, by slot
        self._use_s = 0.0  # how long a box had the one that came back last
        self._later: threading.Timer | None = None
        self._closed = False
        self._reading = threading.Lock()
        self._resolv: str | None = None
        self._maker = ThreadPoolExecutor(2, "treadle-slots")

    def want(self, count: int, image: str) -> None:
        """Have `count` slots soon, made from `image`, which is here. Never takes any away. None on Podman, which would
        not let an engine that restarts remove one that a box still uses.
        """
        if self._client.is_podman:
            return
        with self._lock:
            missing = min(count, self._limit) - self._wanted
            if self._closed or missing <= 0:
                return
            self._wanted += missing
            self._making += missing
            for _ in range(missing):
                self._maker.submit(self._make, image)

    def want_at_leisure(self, image: str) -> None:
        """Have one slot for whoever comes next, if there is none; made once nobody has asked for one for a while."""
        with self._lock:
            if self._closed or self._wanted:
                return
            self._stir()
            self._later = threading.Timer(_LEISURE_S, self.want, (1, image))
            self._later.daemon = True
            self._later.start()

    def settle(self) -> None:
        """Wait until everything wanted so far is made."""
        with self._lock:
            self._lock.wait_for(lambda: not self._making)

    def take(self, crowd: bool = False) -> Slot | None:
        """Give a free slot to a box; wait for one that is likely to come back soon, for as long as a box had the last.

        In a `crowd`, where each slot will serve many, wait for those being made as well. Long jobs make nobody wait.
        """
        with self._lock:
            self._stir()
            if crowd:
                self._lock.wait_for(lambda: self._closed or self._free or not self._making, _MAKING_S)
            if self._wanted and self._use_s < _SHORT_S:
                patience_s = _SHORT_S if crowd else self._use_s
                self._lock.wait_for(lambda: self._closed or self._free or self._use_s >= _SHORT_S, patience_s)
            if not self._free:
                return None
            slot = self._free.pop()
            self._taken[slot.id] = self._clock.monotonic_s()
            return slot

    def give(self, slot: Slot) -> None:
        """Take a slot back from a box that has ended."""
        with self._lock:
            if slot.id in self._all:
                self._free.append(slot)
                if (taken_s := self._taken.pop(slot.id, None)) is not None:
                    self._use_s = self._clock.monotonic_s() - taken_s
                self._lock.notify_all()

    def drop(self, slot: Slot) -> None:
        """Forget a slot that does not work any more; another is made when wanted."""
        with self._lock:
            if slot.id not in self._all:
                return
            self._all.discard(slot.id)
            self._taken.pop(slot.id, None)
            self._free = [free for free in self._free if free.id != slot.id]
            self._wanted -= 1
        self._remove(slot.id)

    def adopt(self, slot_id: str) -> Slot | None:
        """Take over a slot of an earlier engine that a running box uses; None when it is broken."""
        from docker.errors import DockerException

        try:
            slot = Slot(slot_id, self._files(slot_id))
        except DockerException:
            return None
        with self._lock:
            self._all.add(slot_id)
            self._wanted += 1
        return slot

    def close(self, keep: frozenset[str] = frozenset()) -> None:
        """Remove all slots but `keep`: a box that goes on without us would lose its network with its slot."""
        with self._lock:
            self._closed = True
            self._stir()
            self._free.clear()
            self._lock.notify_all()
        self._maker.shutdown(wait=True)
        with ThreadPoolExecutor(4) as removers:
            list(removers.map(self._remove, self._all - keep))
        self._all.clear()

    def _stir(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None

    def _make(self, image: str) -> None:
        slot = None if self._closed else self._made(image)
        with self._lock:
            self._making -= 1
            if slot:
                self._free.append(slot)
            else:
                self._wanted -= 1
            self._lock.notify_all()

    def _made(self, image: str) -> Slot | None:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        slot_id = None
        try:
            slot_id = self._client.api.create_container_from_config(self._config(image))["Id"]
            with self._lock:
                self._all.add(slot_id)
            self._client.api.start(slot_id)
            return Slot(slot_id, self._files(slot_id))
        except (DockerException, RequestException):
            # A slot only saves time: without it boxes make their own sandbox, and that one's error is the one to show.
            with self._lock:
                self._all.discard(slot_id or "")
            if slot_id:
                self._remove(slot_id)
            return None

    def _config(self, image: str) -> dict[str, Any]:
        return {
            "Image": image,
            "User": "65534:65534",
            "Entrypoint": ["sh"],
            "Cmd": ["-c", "exec sleep 2147483647"],
            "Healthcheck": {"Test": ["NONE"]},
            "Labels": {"treadle": self._home_id, SLOT_LABEL: self.token},
            "HostConfig": {
                "NetworkMode": "default",
                "LogConfig": {"Type": "none"},
                "CapDrop": ["ALL"],
                "PidsLimit": 16,
                "ReadonlyRootfs": True,
                "SecurityOpt": ["no-new-privileges"],
            },
        }

    def _files(self, slot_id: str) -> tuple[tuple[str, str], ...]:
        state = self._client.api.inspect_container(slot_id)
        hostname = state["Config"]["Hostname"]
        networks = state["NetworkSettings"].get("Networks") or {}
        addresses = [network["IPAddress"] for network in networks.values() if network.get("IPAddress")]
        hosts = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
        hosts += "".join(f"{address}\t{hostname}\n" for address in addresses)
        with self._reading:  # the same for all on the default bridge, and the dearest call of a slot's making
            if self._resolv is None:
                self._resolv = self._read(slot_id, "/etc/resolv.conf")
        return ("/etc/hosts", hosts), ("/etc/resolv.conf", self._resolv), ("/etc/hostname", f"{hostname}\n")

    def _read(self, slot_id: str, path: str) -> str:
        chunks, _ = self._client.api.get_archive(slot_id, path)
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            member = archive.extractfile(archive.next() or Path(path).name)
            return member.read().decode() if member else ""

    def _remove(self, slot_id: str) -> None:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            self._client.api.remove_container(slot_id, force=True, v=True)
        except (DockerException, RequestException):
            pass  # gone already, or the engine is: its label lets the next start find it
