"""Images of Dockerfile actions: built once for each content, with the labels of the home, the least used let go."""

import posixpath
import tarfile
import tempfile
import threading
from collections.abc import Callable
from typing import Any, BinaryIO

from engine.worker.docker.aside import aside, await_turn
from engine.worker.docker.client import DockerClient, explain
from engine.worker.executor import Say
from engine.worker.last_use import LastUse
from engine.worker.sibling import ImageFailed, Recipe

KEPT_IMAGES = 20  # of one home; a further build lets the one go that was not used for the longest time
ACTION_LABEL = "treadle.action"
IGNORE_BYTES = 1 << 20


class Builds:
    """The built images of one home. Safe from any thread; the same content is built once at a time."""

    def __init__(self, client: DockerClient, home_id: str, uses: LastUse) -> None:
        self.client = client
        self.home_id = home_id
        self._uses = uses
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}

    def build(self, recipe: Recipe, say: Say, look: Callable[[], None]) -> str:
        """Return an image of this content. Raises ImageFailed with the engine's own words."""
        tag = f"treadle-action-{self.home_id[:12].lower()}:{recipe.key[:32]}"
        with self._guard:
            lock = self._locks.setdefault(tag, threading.Lock())
        await_turn(lock, look)
        try:
            self._uses.note(tag)
            if self._here(tag):
                return tag
            say(f"Building {recipe.dockerfile} of {recipe.name}")
            self._build(recipe, tag, say, look)
            self._prune(tag)
        finally:
            lock.release()
        return tag

    def _here(self, tag: str) -> bool:
        from docker.errors import ImageNotFound

        try:
            self.client.api.inspect_image(tag)
        except ImageNotFound:
            return False
        return True

    def _build(self, recipe: Recipe, tag: str, say: Say, look: Callable[[], None]) -> None:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        failed: list[str] = []

        def work(say: Say) -> None:
            labels = {**recipe.labels, "treadle": self.home_id, ACTION_LABEL: recipe.name}
            with without_ignored(recipe) as context:
                answers = self.client.api.build(
                    fileobj=context, custom_context=True, dockerfile=recipe.dockerfile, tag=tag, labels=labels,
                    rm=True, forcerm=True, decode=True,
                )  # fmt: skip
                for answer in answers:
                    _take(answer, say, failed)

        try:
            aside(work, say, look)
        except (DockerException, RequestException, OSError, tarfile.TarError) as error:
            failed.append(explain(error))
        if failed or not self._here(tag):
            reason = (failed or ["the engine made no image"])[0].strip().rstrip(".")
            raise ImageFailed(f"The image of {recipe.name} cannot be built: {reason}.")

    def _prune(self, newest: str) -> None:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        api = self.client.api
        try:
            found = api.images(filters={"label": [f"treadle={self.home_id}", ACTION_LABEL]})
            found.sort(key=lambda one: self._uses.at(one.get("RepoTags") or (), one["Created"]), reverse=True)
            for image in found[KEPT_IMAGES:]:
                if newest not in (image.get("RepoTags") or ()):
                    api.remove_image(image["Id"], force=False)
                    for tag in image.get("RepoTags") or ():
                        self._uses.forget(tag)
        except (DockerException, RequestException):
            pass  # one that is in use stays until the next build


def without_ignored(recipe: Recipe) -> BinaryIO:
    """Return the files to build from, without those that a .dockerignore keeps out: an engine leaves that to us."""
    from docker.utils.build import PatternMatcher

    with tarfile.open(recipe.context, "r:") as packed:
        members = {posixpath.normpath(member.name): member for member in packed.getmembers()}
        ignore = members.get(".dockerignore")
        content = packed.extractfile(ignore) if ignore is not None and ignore.isreg() else None
        if content is None:
            return recipe.context.open("rb")
        lines = [line.strip() for line in content.read(IGNORE_BYTES).decode(errors="replace").splitlines()]
        patterns = [line for line in lines if line and not line.startswith("#")]
        matcher: Any = PatternMatcher([*patterns, f"!{recipe.dockerfile}"])
        kept: BinaryIO = tempfile.TemporaryFile(dir=recipe.context.parent)  # noqa: SIM115 (the caller closes it)
        with tarfile.open(fileobj=kept, mode="w") as tar:
            for name, member in members.items():
                if name == "." or not matcher.matches(name):
                    tar.addfile(member, packed.extractfile(member) if member.isreg() else None)
        kept.seek(0)
        return kept


def _take(answer: dict[str, Any], say: Say, failed: list[str]) -> None:
    if "error" in answer:
        failed.append(str(answer["error"]))
    if text := str(answer.get("stream") or answer.get("status") or "").strip():
        say(text)
