"""Images: the local one if it is there, else a pull, else a sentence that names the image and the way out."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

from engine.core.clock import Clock, SystemClock
from engine.core.errors import ExecutorUnavailable
from engine.worker.docker.aside import aside, await_turn
from engine.worker.docker.client import DockerClient, explain
from engine.worker.executor import Credentials, Say, nothing

REFUSED = ("unauthorized", "denied", "no basic auth credentials")


class Images:
    """Asks a registry only for what is missing here, and for one image only once at a time."""

    def __init__(self, client: DockerClient, clock: Clock | None = None) -> None:
        self._client = client
        self._clock = clock or SystemClock()
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def here(self, image: str) -> bool:
        from docker.errors import ImageNotFound

        try:
            self._client.api.inspect_image(image)
        except ImageNotFound:
            return False
        return True

    def ensure(
        self, image: str, say: Say, credentials: Credentials | None = None, look: Callable[[], None] = nothing
    ) -> None:
        """Have `image` here. Raises ExecutorUnavailable with the engine's own reason, and whatever `look` does."""
        if self.here(image):
            return
        with self._guard:
            lock = self._locks.setdefault(image, threading.Lock())
        await_turn(lock, look)
        try:
            if self.here(image):
                return
            say(f"Pull image {image}" + (f", as {credentials.username}" if credentials else ""))
            began_at = self._clock.monotonic_s()
            self._pull(image, say, credentials, look)
            say(f"Pulled in {self._clock.monotonic_s() - began_at:.1f} s")
        finally:
            lock.release()

    def _pull(self, image: str, say: Say, credentials: Credentials | None, look: Callable[[], None]) -> None:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        login = {"username": credentials.username, "password": credentials.password} if credentials else None

        def work(say: Say) -> None:
            for line in _progress(self._client.api.pull(image, stream=True, decode=True, auth_config=login)):
                say(line)

        try:
            aside(work, say, look)
        except (DockerException, RequestException, _PullFailed) as error:
            raise missing(image, explain(error), credentials) from error
        if not self.here(image):
            raise missing(image, "the engine says it pulled it, but has no such image")


class _PullFailed(Exception):
    """The engine answered 200 and put the failure into the stream."""


def missing(image: str, reason: str, credentials: Credentials | None = None) -> ExecutorUnavailable:
    """Return the error for an image that cannot be had."""
    fix = f"Run `docker pull {image}`, or name another image: in `container:`, or with --label for a label."
    if any(word in reason for word in REFUSED):
        fix = "If it is private, log in with `docker login`, or give `credentials:` beside `image:`."
        if credentials is not None:
            fix = f"The registry does not let {credentials.username} have it with the password in `credentials:`."
    return ExecutorUnavailable(f"The image {image} is neither here nor can it be pulled: {reason}.", fix)


def _progress(messages: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Yield what is worth a line of a log: layers that are done and the last words, no progress bars."""
    for message in messages:
        if "error" in message:
            raise _PullFailed(message["error"])
        status = str(message.get("status", ""))
        if status.startswith(("Pull complete", "Already exists")):
            yield f"{message.get('id', '')}: {status}"
        elif status.startswith(("Digest:", "Status:")):
            yield status
