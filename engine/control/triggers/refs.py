"""Compares where a repository's refs are with where we know them to be: a push for each that moved.

What is accepted here is known from then on, in the same write, so that a second look finds nothing new.
"""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress

from engine.control.mirrors import Mirrors
from engine.control.own_events import own_arrival, push_payload
from engine.control.repo_ids import repo_id_of
from engine.control.sources import START
from engine.core.clock import Clock
from engine.core.errors import GitError
from engine.settings.model import RepoSettings
from engine.store.refs import KnownRef
from engine.store.store import Store
from pipelines.records import dataclass

ROUNDS = 3  # a branch that is pushed to while we ask, again and again: its events tell


@dataclass(frozen=True, slots=True)
class Moved:
    """A ref that is at `after` now (None: away) and was at `before` (None: it is new)."""

    ref: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look came to: so many pushes were accepted; it is `news` when anything is known now that was not before,
    or waits no longer."""

    pushes: int = 0
    news: bool = False


def compare(known: Mapping[str, KnownRef], found: Mapping[str, str]) -> Iterator[Moved]:
    """Yield what moved, deletions first."""
    for ref in sorted(known.keys() - found.keys()):
        yield Moved(ref, known[ref].sha, None)
    for ref in sorted(found):
        before = known[ref].sha if ref in known else None
        if before != found[ref]:
            yield Moved(ref, before, found[ref])


def look(store: Store, mirrors: Mirrors, repo: RepoSettings, repo_id: int, source: str, clock: Clock) -> Seen:
    """Ask a repository for its refs and accept a push for each that moved; return what there was.

    The first look ever only takes them for known. What an event told of while we asked is asked for again: the answer
    may be older than the event. Raises GitError when the repository cannot be asked.
    """
    pushes, news = 0, False
    for _ in range(ROUNDS):
        seen, overtaken = _look(store, mirrors, repo, repo_id, source, clock)
        pushes, news = pushes + seen.pushes, news or seen.news
        if not overtaken:
            break
    return Seen(pushes, news)


def look_first(store: Store, mirrors: Mirrors, repo: RepoSettings, clock: Clock) -> None:
    """Know from now on where the refs of a repository are that was just named: what is committed next is news.

    Where there is none yet, the engine looks again, and says so. It asks those elsewhere, too, and may have to wait.
    """
    with suppress(GitError):
        look(store, mirrors, repo, repo_id_of(store, repo), START, clock)


def _look(
    store: Store, mirrors: Mirrors, repo: RepoSettings, repo_id: int, source: str, clock: Clock
) -> tuple[Seen, bool]:
    """Ask once; return what there was, and whether there may be more."""
    known_before = store.refs.all(repo_id)
    try:
        found = mirrors.of(repo).look()
    except GitError as error:
        store.syncs.note(repo_id, clock.now(), str(error))
        raise
    looked = store.cursors.get(_key(repo_id)) is not None
    still = looked and not any(compare(known_before, found.commits))
    with store.database.write(durable=not still):  # nothing is promised of a look that finds nothing
        store.syncs.note(repo_id, clock.now())
        hurried = store.inbox.hurry(repo_id)  # what waits for the repository to answer need not wait longer
        renamed = mirrors.found(store, repo_id, found)
        if store.cursors.get(_key(repo_id)) is None:
            store.refs.found(repo_id, found.commits)
            store.cursors.set(_key(repo_id), True)
            return Seen(news=True), False
        known = store.refs.all(repo_id)
        moved = list(compare(known, found.commits))
        sure = [one for one in moved if known.get(one.ref) == known_before.get(one.ref)]
        for one in sure:
            _accept(store, repo, repo_id, one, source, mirrors.default_branch(store, repo_id), clock)
        pushes = sum(one.after is not None for one in sure)
        return Seen(pushes, hurried or renamed or bool(moved)), len(sure) < len(moved)


def _accept(
    store: Store, repo: RepoSettings, repo_id: int, moved: Moved, source: str, default_branch: str | None, clock: Clock
) -> None:
    now = clock.now()
    if moved.after is None:
        store.refs.moved(repo_id, moved.ref, None, None)
        return
    delivery = f"seen-{uuid.uuid4()}"
    payload = push_payload(repo.name, moved.ref, moved.before, moved.after, default_branch)
    arrival = own_arrival(repo_id, delivery, "push", source, payload)
    [(event_id, _)] = store.inbox.accept([arrival], now)
    store.refs.moved(repo_id, moved.ref, moved.after, event_id)
    store.refs.saw(repo_id, moved.ref, moved.after, event_id, now)


def _key(repo_id: int) -> str:
    return f"looked:{repo_id}"
