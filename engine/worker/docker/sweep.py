"""What Treadle made in Docker and nobody uses any more: told, and taken away while jobs run. Touches only own labels.

At its start an engine takes away all that belongs to no running attempt (see `DockerExecutor.strays`). This is for an
engine that runs for weeks: what a failed removal left behind goes once it is old enough to be nobody's in the making.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.core.errors import EngineError
from engine.worker.docker.client import DockerClient, explain, status_of
from engine.worker.last_use import LastUse
from pipelines.records import dataclass

_log = logging.getLogger(__name__)
YOUNG = timedelta(minutes=10)
IMAGES_BYTES = 10 << 30
Attempt = tuple[int, int]  # job, number


@dataclass(frozen=True, slots=True)
class Ours:
    """How much of a home there is in an engine. `running` are the containers that run; images are those it built."""

    containers: int
    running: int
    networks: int
    volumes: int
    images: int
    images_bytes: int


class DockerSweep:
    """The sweep of one home. `running` tells which attempts run, by job and number; `uses` when images were used."""

    def __init__(
        self, client: DockerClient, home_id: str, running: Callable[[], Iterable[Attempt]], uses: LastUse
    ) -> None:
        self._client = client
        self._ours = {"label": [f"treadle={home_id}"]}
        self._running = running
        self._uses = uses

    def tell(self) -> Ours:
        """Return what there is."""
        api = self._client.api
        containers, images = api.containers(all=True, filters=self._ours), api.images(filters=self._ours)
        return Ours(
            containers=len(containers),
            running=sum(one["State"] == "running" for one in containers),
            networks=len(api.networks(filters=self._ours)),
            volumes=len(api.volumes(filters=self._ours)["Volumes"] or []),
            images=len(images),
            images_bytes=sum(one["Size"] for one in images),
        )

    def sweep(self, now: datetime, images_bytes: int = IMAGES_BYTES) -> list[str]:
        """Remove what is left over; return the names of what was removed. What is in use stays, and is tried later.

        Raises EngineError when the engine does not answer.
        """
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            return self._swept(now, images_bytes)
        except (DockerException, RequestException) as error:
            raise EngineError(f"The Docker Engine fails: {explain(error)}.") from error

    def _swept(self, now: datetime, images_bytes: int) -> list[str]:
        api, before = self._client.api, now - YOUNG
        containers = api.containers(all=True, filters=self._ours)
        networks, volumes = api.networks(filters=self._ours), api.volumes(filters=self._ours)["Volumes"] or []
        known = set(self._running())  # after looking: what began meanwhile is then known
        removed: list[str] = []
        for one in containers:
            if _is_left(one["Labels"], known) and datetime.fromtimestamp(one["Created"], UTC) < before:
                with _let(removed, one["Names"][0].lstrip("/")):
                    api.remove_container(one["Id"], force=True, v=True)
        for one in networks:
            if _is_left(one["Labels"], known) and _instant(one["Created"]) < before:
                with _let(removed, one["Name"]):
                    api.remove_network(one["Id"])
        for one in volumes:
            if _is_left(one["Labels"], known) and _instant(one["CreatedAt"]) < before:
                with _let(removed, one["Name"]):
                    api.remove_volume(one["Name"])
        removed += self._images(images_bytes)
        return removed

    def _images(self, limit_bytes: int) -> list[str]:
        """Remove images that nothing names any more, then the least used while all take more than they may."""
        api = self._client.api
        images = api.images(filters=self._ours)
        images.sort(key=lambda one: self._uses.at(one.get("RepoTags") or (), float(one["Created"])))
        too_much = sum(one["Size"] for one in images) - limit_bytes
        removed: list[str] = []
        for one in images:
            nameless = not [tag for tag in one.get("RepoTags") or () if tag != "<none>:<none>"]
            if nameless or too_much > 0:
                with _let(removed, (one.get("RepoTags") or [one["Id"]])[0]):
                    for tag in [] if nameless else one["RepoTags"][1:]:
                        api.remove_image(tag)
                    api.remove_image(one["Id"] if nameless else one["RepoTags"][0])
                    too_much -= one["Size"]
                    for tag in [] if nameless else one["RepoTags"]:
                        self._uses.forget(tag)
        return removed


def _is_left(labels: dict[str, str] | None, known: set[Attempt]) -> bool:
    """Was it made for an attempt, and runs that no more? Network slots are made for none, and have a keeper."""
    labels = labels or {}
    job, number = labels.get("treadle.job", ""), labels.get("treadle.attempt", "")
    return job.isdecimal() and number.isdecimal() and (int(job), int(number)) not in known


def _instant(text: Any) -> datetime:
    """Return an instant as an engine writes it: RFC 3339, with nanoseconds or without any fraction."""
    head, _, tail = str(text).partition(".")
    zone = tail.lstrip("0123456789") if tail else ""
    at = datetime.fromisoformat(f"{head}{zone}")
    return at if at.tzinfo else at.replace(tzinfo=UTC)


@contextmanager
def _let(removed: list[str], name: str) -> Iterator[None]:
    """Note what was removed; what is in use, or gone already, is let be."""
    from docker.errors import APIError

    try:
        yield
        removed.append(name)
    except APIError as error:
        if status_of(error) not in (404, 409, 403):
            _log.warning("%s was left behind: %s", name, explain(error))
