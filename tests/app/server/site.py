"""The server's web part over a real store, without an engine: the test is planner and worker."""

import hashlib
import hmac
import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.client import Client
from app.server.desk import Askers, Desk
from app.server.sockets import home_socket, tcp_socket
from app.server.web_thread import WebThread
from engine.control.inbox.acceptor import Acceptor
from engine.control.mirrors import Mirrors
from engine.settings.live import LiveSettings
from engine.settings.model import Limits, Listen, RepoSettings, Settings
from engine.store.contents.artifacts import Artifacts
from tests.engine.fakes import Lab

SECRET = "s3cret"
SIGNED = RepoSettings("acme/app", "/srv/app", secret=SECRET)
OPEN = RepoSettings("acme/open", "/srv/open")
CLOSED = RepoSettings("acme/closed", "/srv/closed", forge="none")
PATIENCE_S = 10


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        text = self.json["error"]
        assert isinstance(text, str) and text.endswith((".", ")"))
        return text


@dataclass
class Site:
    lab: Lab
    desk: Desk
    port: int
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.lab.store.home

    @property
    def client(self) -> Client:
        return Client.of_home(self.home)

    def token(self, scope: str) -> str:
        if scope not in self.tokens:
            self.tokens[scope] = self.lab.store.tokens.create(scope, scope, self.lab.clock.now())[1]
        return self.tokens[scope]

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        scope: str | None = "admin",
    ) -> Answer:
        """Ask over TCP. A `body` that is no bytes goes as JSON."""
        told = {} if scope is None else {"Authorization": f"Bearer {self.token(scope)}"}
        if body is not None and not isinstance(body, bytes):
            body, told["Content-Type"] = json.dumps(body).encode(), "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body, {**told, **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers.items()), response.read())
        finally:
            connection.close()

    def get(self, path: str, **more: Any) -> Answer:
        return self.ask("GET", path, **more)

    def deliver(self, payload: Any, ident: str = "d1", repo: str = "acme/app", **headers: str | None) -> Answer:
        """Deliver a push as GitHub does. A header given as None is left out (`_` stands for `-`)."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        told: dict[str, str | None] = {
            "Content-Type": "application/json",
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": ident,
            "X-Hub-Signature-256": "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest(),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        kept = {name: value for name, value in told.items() if value is not None}
        return self.ask("POST", f"/hooks/{repo}", body, kept, scope=None)


@contextmanager
def site(home: Path, **settings: Any) -> Iterator[Site]:
    """Serve a home on a port of its own and on its socket."""
    lab = Lab(home)
    limits = Limits(body_bytes=100_000, backlog=50)
    with ExitStack() as undo:
        undo.callback(lab.close)
        tcp = undo.enter_context(tcp_socket(Listen("127.0.0.1", 0)))
        unix = undo.enter_context(home_socket(home))
        told: dict[str, Any] = {"repos": (SIGNED, OPEN, CLOSED), "limits": limits, **settings}
        made = Settings(home=home, listen=Listen("127.0.0.1", tcp.getsockname()[1]), **told)
        acceptor = Acceptor(lab.store, lab.bus, lab.clock, made.limits.backlog)
        desk = Desk(
            live=LiveSettings(made),
            store=lab.store,
            bus=lab.bus,
            clock=lab.clock,
            acceptor=acceptor,
            artifacts=Artifacts(home / "artifacts", lab.clock),
            mirrors=Mirrors(home),
            askers=Askers(lab.store),
            repo_ids={repo.name: lab.store.runs.repo(repo.name, repo.url) for repo in made.repos},
            busy=lambda: 0,
            ready=True,
        )
        web = WebThread(desk, [unix, tcp])
        for part in (acceptor, web):
            part.start()
            undo.callback(part.stop)
        undo.callback(_drain, desk)
        yield Site(lab, desk, made.listen.port)


def _drain(desk: Desk) -> None:
    """Have everyone leave who waits for news, as an engine that stops does."""
    desk.draining = True
    desk.bus.wake("log")
    desk.bus.wake("news")
