"""Writes down what comes of events: the runs of one and its settling in one write, of many without runs in one as well.

Decides nothing.
"""

from engine.bus import Bus
from engine.control.inbox.judge import Settled
from engine.control.inbox.pushes import RefNews, seen_since
from engine.control.planning import new_run
from engine.core.clock import Clock
from engine.core.errors import StoreBusy
from engine.store.inbox import InboxEvent, Outcome
from engine.store.store import Store

ACTOR = "planner"


class Ledger:
    """For one thread. What is not written when the process dies was never settled: its events are planned again."""

    def __init__(self, store: Store, bus: Bus, clock: Clock) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._quiet: list[tuple[InboxEvent, Settled]] = []
        self._alone: set[int] = set()  # events of writes that failed: one of them must not hold up the others

    def note(self, event: InboxEvent, settled: Settled) -> None:
        """Write down all that comes of an event: at once, or, if nothing runs, at the latest at `write`."""
        told = settled.news is not None and settled.news.told is not None
        if settled.runs or told or event.id in self._alone:
            self.write()
            self._record(event, settled)
            self._alone.discard(event.id)
        else:
            self._quiet.append((event, settled))

    def write(self) -> None:
        """Write down what was noted so far."""
        noted, self._quiet = self._quiet, []
        if not noted:
            return
        try:
            self._settle(noted)
        except StoreBusy:
            raise
        except Exception:
            self._alone.update(event.id for event, _ in noted)
            raise

    def _settle(self, noted: list[tuple[InboxEvent, Settled]]) -> None:
        with self._store.database.write():
            waiting = self._store.inbox.still_received([event.id for event, _ in noted])
            seen = self._store.refs.repos_with_sightings()
            latest: dict[tuple[int, str], tuple[RefNews, int]] = {}
            outcomes = {}
            for event, settled in noted:
                if event.id not in waiting:
                    continue
                if event.repo_id in seen:
                    settled = self._up_to_date(event, settled)
                if settled.news is not None and settled.news.told is not None:
                    settled.news.note(self._store, event.repo_id, event.id)  # it stands for no other delivery
                elif settled.news is not None:
                    latest[event.repo_id, settled.news.ref] = settled.news, event.id
                outcomes[event.id] = _outcome(settled)
            for (repo_id, _), (news, event_id) in latest.items():
                news.note(self._store, repo_id, event_id)
            self._store.inbox.settle(outcomes, self._clock.now())
        self._bus.wake("planned", *(("refs",) if latest else ()))

    def _record(self, event: InboxEvent, settled: Settled) -> None:
        now = self._clock.now()
        actor = settled.actor or ACTOR
        with self._store.database.write(durable=bool(settled.runs)):
            if not self._store.inbox.still_received([event.id]):
                return
            settled = self._up_to_date(event, settled)
            secrets = None
            if settled.runs and settled.secrets:
                secrets = self._store.secrets.seal(self._store.vault.values(event.repo_id))
            for prepared in settled.runs:
                run = new_run(prepared, event.repo_id, event.id, secrets, blocked=settled.blocked)
                self._store.runs.create(run, actor, now)
            if settled.news is not None:
                settled.news.note(self._store, event.repo_id, event.id)
            self._store.inbox.settle({event.id: _outcome(settled)}, now)
        self._bus.wake("schedule", "news", "planned", *(("refs",) if settled.news else ()))

    def _up_to_date(self, event: InboxEvent, settled: Settled) -> Settled:
        """Return what comes of an event by now: nothing of a push that we saw ourselves since it was judged."""
        push = seen_since(self._store, event.repo_id, settled.news)
        return settled if push is None else Settled(push.repeated, news=push.news)


def _outcome(settled: Settled) -> Outcome:
    return Outcome(settled.dropped) if settled.dropped else Outcome(verdicts=settled.verdicts)
