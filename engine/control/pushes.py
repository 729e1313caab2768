"""Is a push news? One that we saw ourselves (watch, poll, start) and that a delivery tells of as well runs once."""

from dataclasses import dataclass
from datetime import datetime

from engine import git
from engine.control.forks import SEEN
from engine.control.occasions import Occasion
from engine.control.places import Place
from engine.core.errors import GitError
from engine.store.inbox import InboxEvent
from engine.store.store import Store


@dataclass(frozen=True, slots=True)
class RefNews:
    """What an event says of where refs stand: `ref` is at `sha` now (None: away).

    `seen` says that nobody told us but our own look; `told` is the event of an earlier look that this one repeats, and
    then nothing moves.
    """

    ref: str
    sha: str | None
    seen: bool = False
    told: int | None = None

    def note(self, store: Store, repo_id: int, event_id: int, now: datetime) -> None:
        """Write it down. Call it in the write that settles the event."""
        if self.told is not None:
            store.refs.told(self.told)
            return
        store.refs.moved(repo_id, self.ref, self.sha, event_id)
        if self.seen and self.sha is not None:
            store.refs.saw(repo_id, self.ref, self.sha, event_id, now)


@dataclass(frozen=True, slots=True)
class Push:
    """What to note of a push, and why it is one that we know already ("": it is news)."""

    news: RefNews | None = None
    repeated: str = ""


def deletion(event: InboxEvent, occasion: Occasion) -> RefNews | None:
    """Return what a push that deletes its ref says of it; None for any other event."""
    told = occasion.event
    if told is None or not told.deleted or not _tells_of_a_ref(event, occasion):
        return None
    return RefNews(str(told.ref), None)


def push_of(store: Store, event: InboxEvent, occasion: Occasion, place: Place) -> Push:
    """Return what there is to a push; nothing for any other event, and for one that is planned once more."""
    if not _tells_of_a_ref(event, occasion):
        return Push()
    assert occasion.event is not None
    ref, sha = str(occasion.event.ref), place.commit.sha
    known = store.refs.get(event.repo_id, ref)
    if event.source in SEEN:
        if known is None or known.sha != sha:
            return Push(RefNews(ref, sha, seen=True))
        by = f"event {known.event_id} told of it" if known.event_id else "it was so at the first look"
        return Push(repeated=f"nothing new: {by}")
    sighting = store.refs.sighting(event.repo_id, ref, sha)
    if sighting is not None:
        return Push(RefNews(ref, sha, told=sighting), f"the push that was seen as event {sighting}")
    if known is not None and known.sha != sha and store.refs.sighting(event.repo_id, ref, known.sha) is not None:
        # The late word of a push that a later one has passed, which we saw: it runs, but the ref is not there any more.
        return Push(None if _is_older(place, known.sha) else RefNews(ref, sha))
    return Push(RefNews(ref, sha))


def _tells_of_a_ref(event: InboxEvent, occasion: Occasion) -> bool:
    return occasion.is_push and occasion.snapshot is None and event.planned_at is None


def _is_older(place: Place, than: str) -> bool:
    try:
        return git.merge_base(place.open_repo(), place.commit.sha, than) == place.commit.sha
    except GitError:
        return False  # the other commit is not here: nothing can be told
