"""Sends what the outbox holds: one thread for each receiver that has something to hear, gone when all is said.

At least once: a letter is marked after it was heard, so that a kill -9 between the two has it sent once more. In order
within a lane. A receiver that does not answer is left alone for a while and keeps nobody else waiting.
"""

import hashlib
import json
import logging
import threading
from datetime import datetime, timedelta

from engine.bus import Bus
from engine.control.routine import Routine
from engine.core.clock import Clock
from engine.core.states import RunStatus
from engine.forges import statuses
from engine.forges.post import Client, Unreachable
from engine.forges.statuses import Request
from engine.forges.verdicts import Verdict, backoff_s, judge
from engine.settings.live import LiveSettings
from engine.store.outbox import NAMED_NO_MORE, Letter
from engine.store.store import Store

log = logging.getLogger(__name__)
PATIENCE = timedelta(days=3)
STOP_S = 3.0
RETRY_S = 1.0


class Mailer(Routine):
    """Woken by the `outbox` topic and by what falls due."""

    def __init__(self, store: Store, settings: LiveSettings, bus: Bus, clock: Clock) -> None:
        super().__init__("mailer", store, bus, clock, "outbox")
        self._settings = settings
        self._lock = threading.Lock()
        self._rounds: dict[str, tuple[threading.Thread, Client]] = {}
        self._pauses: dict[str, tuple[int, datetime]] = {}  # by receiver: failures in a row, and until when

    def stop(self) -> None:
        """End within seconds, also when a receiver keeps us hanging: its letter is sent again after the next start."""
        super().stop()
        with self._lock:
            rounds = list(self._rounds.values())
        for _, client in rounds:
            client.hang_up()
        for thread, _ in rounds:
            thread.join(STOP_S)

    # -- who is to be told ------------------------------------------------------------------------------------------

    def turn(self) -> datetime | None:
        """Begin a round for each receiver with something due; return when the next is due."""
        now, later = self._clock.now(), []
        for receiver, due_at in self._store.outbox.receivers().items():
            with self._lock:
                if receiver in self._rounds:
                    continue  # it wakes us when it ends
                at = max(due_at, self._pauses.get(receiver, (0, due_at))[1])
            if at > now:
                later.append(at)
            else:
                self._begin(receiver)
        return min(later, default=None)

    def _begin(self, receiver: str) -> None:
        client = Client(receiver)
        thread = threading.Thread(target=self._round, args=(receiver, client), name=f"mail {receiver}", daemon=True)
        with self._lock:
            self._rounds[receiver] = thread, client
        thread.start()

    # -- a round: everything that one receiver has to hear -----------------------------------------------------------

    def _round(self, receiver: str, client: Client) -> None:
        try:
            self._say_all(receiver, client)
        except Exception as error:
            self._store.trouble.tell(log, f"telling {receiver}", error)
            self._pause(receiver, RETRY_S)
        else:
            self._store.trouble.over(log, f"telling {receiver}")
        finally:
            client.close()
            self._store.close()
            with self._lock:
                del self._rounds[receiver]
            self._bus.wake("outbox")

    def _say_all(self, receiver: str, client: Client) -> None:
        while letters := self._store.outbox.due(receiver, self._clock.now()):
            for letter in letters:
                if self._stopped.is_set() or not self._say(client, letter):
                    return

    def _say(self, client: Client, letter: Letter) -> bool:
        """Send one letter and note what became of it; return whether the receiver may hear the next."""
        request = self._request(letter)
        if request is None:
            self._store.outbox.given_up(letter.id, NAMED_NO_MORE, self._clock.now())
            return True
        if request.receiver != letter.receiver:
            self._store.outbox.given_up(letter.id, f"its url is {request.receiver} by now", self._clock.now())
            return True
        try:
            answer = client.post(request)
        except Unreachable as error:
            if self._stopped.is_set():
                return False  # it was us who hung up
            failures = self._pauses.get(letter.receiver, (0, None))[0]
            verdict = Verdict(False, str(error), backoff_s(failures + 1), everybody=True)
        else:
            forge = letter.body["forge"] if letter.kind == "status" else ""
            verdict = judge(answer, forge, letter.tries, self._clock.now())
        return self._note(letter, verdict, request)

    def _note(self, letter: Letter, verdict: Verdict, request: Request) -> bool:
        now, outbox = self._clock.now(), self._store.outbox
        problem = _without_keys(verdict.problem, request)
        if not verdict.everybody:
            with self._lock:
                self._pauses.pop(letter.receiver, None)
        if verdict.heard:
            outbox.sent(letter.id, now)
        elif verdict.wait_s is None or now - letter.created_at > PATIENCE:
            outbox.given_up(letter.id, problem, now)
            log.warning("%s will not hear of run %d: %s", letter.receiver, letter.run_id, problem)
        else:
            outbox.postponed(letter.id, problem, now + timedelta(seconds=verdict.wait_s))
            log.info("%s has not heard of run %d yet: %s", letter.receiver, letter.run_id, problem)
        if verdict.everybody:
            self._pause(letter.receiver, verdict.wait_s or RETRY_S)
        return not verdict.everybody

    def _pause(self, receiver: str, wait_s: float) -> None:
        with self._lock:
            failures = self._pauses.get(receiver, (0, None))[0]
            self._pauses[receiver] = failures + 1, self._clock.now() + timedelta(seconds=wait_s)

    def _request(self, letter: Letter) -> Request | None:
        """Put address and token to a letter, from the configuration as it is now; None when it has neither."""
        body = letter.body
        if letter.kind == "notify":
            url = next((one.url for one in self._settings.now.notify if url_mark(one.url) == body["url_mark"]), None)
            return None if url is None else Request(url, json.dumps(body["say"], ensure_ascii=False).encode(), {})
        repo = self._settings.now.repo(body["repo"])
        if repo is None or not repo.token:
            return None
        url = statuses.status_url(body["forge"], repo.url, body["sha"])
        if url is None:
            return None
        words, status = body["description"], RunStatus(body["status"])
        target = statuses.run_url(self._settings.now.public_url, letter.run_id)
        return statuses.status_request(body["forge"], url, repo.token, body["context"], status, words, target)


def url_mark(url: str) -> str:
    """Return what a letter knows a `notify:` url by: the url itself may be a key, and the outbox holds none."""
    return hashlib.sha256(url.encode()).hexdigest()[:16]


def _without_keys(problem: str, request: Request) -> str:
    """Take out of a receiver's words what it repeats of our keys."""
    tokens = [value.rpartition(" ")[2] for value in request.secret_headers.values()]
    for key in (*tokens, request.url):
        problem = problem.replace(key, "***")
    return problem
