"""Is a push news? One that we saw ourselves (watch, poll, start) and that a delivery tells of as well runs once.

What we saw is noted when it is accepted (triggers/refs), so that the delivery finds it, whichever is planned first. It
may be seen while its delivery is judged; so that is asked once more in the write that settles the delivery.
"""

from engine.control.inbox.occasions import Occasion
from engine.control.inbox.places import EventPlace
from engine.control.sources import SEEN
from engine.core.errors import GitError
from engine.git import repository
from engine.store.inbox import InboxEvent
from engine.store.store import Store
from pipelines.records import dataclass


@dataclass(frozen=True, slots=True)
class RefNews:
    """What an event says of where refs stand: `ref` is at `sha` now (None: away).

    `told` is the event of a look of ours that it repeats; then nothing moves, and the look has had its delivery.
    """

    ref: str
    sha: str | None
    told: int | None = None

    def note(self, store: Store, repo_id: int, event_id: int) -> None:
        """Write it down. Call it in the write that settles the event."""
        if self.told is not None:
            store.refs.told(self.told)
        else:
            store.refs.moved(repo_id, self.ref, self.sha, event_id)


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


def push_of(store: Store, event: InboxEvent, occasion: Occasion, place: EventPlace) -> Push:
    """Return what there is to a push; nothing for any other event, and for one that is planned once more."""
    if not _tells_of_a_ref(event, occasion):
        return Push()
    assert occasion.event is not None
    ref, sha = str(occasion.event.ref), place.commit.sha
    sightings = store.refs.sightings(event.repo_id, ref)
    if sha in sightings:
        return _repeated(ref, sha, sightings[sha])
    known = store.refs.get(event.repo_id, ref) if sightings else None
    if known is not None and known.sha != sha and known.sha in sightings:
        # The late word of a push that a later one has passed, which we saw: it runs, but the ref is not there any more.
        return Push(None if _is_older(place, known.sha) else RefNews(ref, sha))
    return Push(RefNews(ref, sha))


def seen_since(store: Store, repo_id: int, news: RefNews | None) -> Push | None:
    """Return what there is to a push that was news when it was judged, if we saw it ourselves meanwhile."""
    if news is None or news.sha is None or news.told is not None:
        return None
    seen_as = store.refs.sightings(repo_id, news.ref).get(news.sha)
    return None if seen_as is None else _repeated(news.ref, news.sha, seen_as)


def _repeated(ref: str, sha: str, seen_as: int) -> Push:
    return Push(RefNews(ref, sha, told=seen_as), f"the push that was seen as event {seen_as}")


def _tells_of_a_ref(event: InboxEvent, occasion: Occasion) -> bool:
    return occasion.is_push and event.source not in SEEN and event.planned_at is None


def _is_older(place: EventPlace, than: str) -> bool:
    try:
        return repository.merge_base(place.open_repo(), place.commit.sha, than) == place.commit.sha
    except GitError:
        return False  # the other commit is not here: nothing can be told
