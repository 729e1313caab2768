"""Tells forges and webhooks how runs stand: reads their changes by cursor and writes letters. Sends nothing itself.

A commit's status is told for runs of repositories with a token whose commit the forge knows: not for a working tree
that `treadle run` took as it was, not for a watched folder.
"""

import logging
from collections.abc import Iterator

from engine.bus import Bus
from engine.control.sources import WATCH, is_local
from engine.control.telling.change_reader import ChangeReader
from engine.control.telling.mailer import Mailer, url_mark
from engine.core.clock import Clock
from engine.core.states import RUN_FINAL, RunStatus
from engine.forges import statuses
from engine.forges.notices import Noticed, notice_body, notices_for
from engine.forges.statuses import Standing
from engine.settings.live import LiveSettings
from engine.settings.model import RepoSettings
from engine.store import reports
from engine.store.outbox import NewLetter
from engine.store.reports import RunChange, RunFacts
from engine.store.store import Store

log = logging.getLogger(__name__)
CURSOR = "reporter"


class Reporter(ChangeReader[NewLetter]):
    """One thread that reads, and a mailer that sends. Start it whenever; it goes on from where it stopped."""

    def __init__(self, store: Store, settings: LiveSettings, bus: Bus, clock: Clock) -> None:
        super().__init__(CURSOR, "outbox", store, bus, clock)
        self._settings = settings
        self._mailer = Mailer(store, settings, bus, clock)
        self._untold: set[str] = set()

    def start(self) -> None:
        super().start()
        self._mailer.start()

    def stop(self) -> None:
        """End within seconds; what has not been said is said after the next start."""
        super().stop()
        self._mailer.stop()

    def first(self) -> int:
        return 0

    def read(self, after: int, upto: int) -> list[NewLetter] | None:
        """Return the letters that changes ask for."""
        settings = self._settings.now
        if not settings.notify and not any(repo.token for repo in settings.repos):
            return None
        changes = _telling(reports.run_changes(after, upto))
        return [letter for change in changes for letter in self._of(change)] or None

    def write(self, said: list[NewLetter]) -> None:
        self._store.outbox.add(said, self._clock.now())

    def _of(self, change: RunChange) -> Iterator[NewLetter]:
        facts = reports.run_facts(change.run_id)
        if facts is None or is_local(facts.delivery):
            return
        began_at = reports.began_at(change.run_id, change.sequence) or facts.created_at
        by_hand = change.status == RunStatus.SUCCESS and bool(facts.patched)
        standing = Standing(
            status=RunStatus.FAILED if by_hand else change.status,
            run_id=change.run_id,
            good=facts.good,
            total=facts.total,
            failed=facts.failed,
            seconds=(change.at - began_at).total_seconds(),
            reason=change.reason,
            patched=facts.patched,
        )
        repo = self._settings.now.repo(facts.repo)
        if repo is not None and repo.token and facts.source != WATCH:
            yield from self._status(repo, facts, standing)
        if self._settings.now.notify and change.status in RUN_FINAL and not by_hand:
            yield from self._notices(facts, standing, change)

    def _status(self, repo: RepoSettings, facts: RunFacts, standing: Standing) -> Iterator[NewLetter]:
        forge = statuses.hearing_forge(repo.forge, repo.url, facts.source)
        url = statuses.status_url(forge, repo.url, facts.sha) if forge else None
        if forge is None or url is None:
            if repo.forge != "none" and repo.name not in self._untold:
                self._untold.add(repo.name)
                log.warning("%s: its url does not tell whom to send commit statuses to; set `forge:`.", repo.name)
            return
        context = f"treadle/{facts.workflow}"
        body = {
            "repo": repo.name,
            "forge": forge,
            "sha": facts.sha,
            "context": context,
            "status": str(standing.status),
            "description": statuses.description(standing),
        }
        receiver = statuses.receiver_of(url)
        yield NewLetter(receiver, f"{repo.name} {facts.sha} {context}", "status", standing.run_id, body)

    def _notices(self, facts: RunFacts, standing: Standing, change: RunChange) -> Iterator[NewLetter]:
        said = notices_for(change.status, reports.failed_before(facts, change.sequence))
        told = Noticed(facts.repo, facts.workflow, facts.number, facts.ref, facts.sha, facts.event, facts.title)
        for notify in self._settings.now.notify:
            wanted = [notice for notice in said if notice in notify.on]
            if wanted:
                mark, body = url_mark(notify.url), notice_body(wanted[-1], told, standing)
                lane = f"{mark} {facts.repo} {facts.ref} {facts.workflow}"
                receiver = statuses.receiver_of(notify.url)
                yield NewLetter(receiver, lane, "notify", standing.run_id, {"url_mark": mark, "say": body})


def _telling(changes: list[RunChange]) -> Iterator[RunChange]:
    """Leave out what was overtaken before anybody could be told: of several steps towards an end only the last."""
    next_final: dict[int, bool] = {}
    kept: list[RunChange] = []
    for change in reversed(changes):
        final = change.status in RUN_FINAL
        if final or next_final.get(change.run_id, True):
            kept.append(change)
        next_final[change.run_id] = final
    return reversed(kept)
