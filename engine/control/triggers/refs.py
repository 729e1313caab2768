"""Compares where a repository's refs are with where we know them to be: a push for each that moved.

What is accepted here is known from then on, in the same write, so that a second look finds nothing new.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.control.mirrors import Mirrors
from engine.control.planning import NO_SHA
from engine.core.clock import Clock
from engine.settings import RepoSettings
from engine.store.inbox import Arrival
from engine.store.refs import KnownRef
from engine.store.store import Store


@dataclass(frozen=True, slots=True)
class Moved:
    """A ref that is at `after` now (None: away) and was at `before` (None: it is new)."""

    ref: str
    before: str | None
    after: str | None


def compare(known: Mapping[str, KnownRef], found: Mapping[str, str]) -> Iterator[Moved]:
    """Yield what moved, deletions first."""
    for ref in sorted(known.keys() - found.keys()):
        yield Moved(ref, known[ref].sha, None)
    for ref in sorted(found):
        before = known[ref].sha if ref in known else None
        if before != found[ref]:
            yield Moved(ref, before, found[ref])


def look(store: Store, mirrors: Mirrors, repo: RepoSettings, repo_id: int, source: str, clock: Clock) -> int:
    """Ask a repository for its refs and accept a push for each that moved; return how many.

    The first look ever only takes them for known. Raises GitError when the repository cannot be asked.
    """
    found = mirrors.of(repo).look()
    with store.database.write(durable=True):
        mirrors.found(store, repo_id, found)
        if store.cursors.get(_key(repo_id)) is None:
            store.refs.found(repo_id, found.commits)
            store.cursors.set(_key(repo_id), True)
            return 0
        moved = list(compare(store.refs.all(repo_id), found.commits))
        for one in moved:
            _accept(store, repo, repo_id, one, source, mirrors.default_branch(store, repo_id), clock)
        return sum(one.after is not None for one in moved)


def _accept(
    store: Store, repo: RepoSettings, repo_id: int, moved: Moved, source: str, default_branch: str | None, clock: Clock
) -> None:
    now = clock.now()
    if moved.after is None:
        store.refs.moved(repo_id, moved.ref, None, None)
        return
    delivery = f"seen-{uuid.uuid4()}"
    payload = push_payload(repo.name, moved.ref, moved.before, moved.after, default_branch)
    event = {"forge": "github", "event": "push", "delivery_id": delivery, "payload": payload}
    arrival = Arrival(repo_id, delivery, "push", source, {"event": event, "signature": "unchecked"})
    [(event_id, _)] = store.inbox.accept([arrival], now)
    store.refs.moved(repo_id, moved.ref, moved.after, event_id)
    store.refs.saw(repo_id, moved.ref, moved.after, event_id, now)


def push_payload(repo: str, ref: str, before: str | None, after: str, default_branch: str | None) -> dict[str, object]:
    """Return what a forge would have sent, as far as refs can tell; planning adds the commit."""
    repository = {"full_name": repo, **({"default_branch": default_branch} if default_branch else {})}
    told = {"ref": ref, "before": before or NO_SHA, "after": after, "created": before is None, "deleted": False}
    return {**told, "repository": repository}


def _key(repo_id: int) -> str:
    return f"looked:{repo_id}"
