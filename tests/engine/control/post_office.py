"""A home that takes events: a real store and planner, repositories made by git, deliveries made by hand."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.bus import Bus
from engine.control.inbox.planner import Planner
from engine.control.mirrors import Mirrors
from engine.core.clock import Clock
from engine.core.records import Run
from engine.settings.live import LiveSettings
from engine.settings.model import RepoSettings, Settings
from engine.store.inbox import RECEIVED, Arrival, InboxEvent
from engine.store.store import open_store
from tests.engine.fakes import FakeClock

CLEAN = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
ZERO = "0" * 40
STEPS = "{runs-on: x, steps: [{run: 'true'}]}"
NAME = "team/site"
PATIENCE_S = 20.0


def run_git(root: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=root, env=os.environ | CLEAN, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def on(trigger: str, **jobs: str) -> str:
    """Return the text of a workflow with one trivial job, or the given ones."""
    lines = [f"  {key}: {job}" for key, job in (jobs or {"a": STEPS}).items()]
    return "\n".join([f"on: {trigger}", "jobs:", *lines, ""])


class Site:
    """A repository that git makes; workflows are named without folder and suffix."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True)
        run_git(root, "init", "-q", "-b", "main")
        run_git(root, "config", "user.name", "Ada")
        run_git(root, "config", "user.email", "ada@example.com")

    def commit(self, message: str = "One", /, **files: str) -> str:
        """Commit files (workflows, but for names with a dot written `__`) and return the sha."""
        for name, text in files.items():
            path = self.root / (name.replace("__", ".") if "__" in name else f".github/workflows/{name}.yml")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        run_git(self.root, "add", "-A")
        run_git(self.root, "commit", "-q", "--allow-empty", "-m", message)
        return self.head

    @property
    def head(self) -> str:
        return run_git(self.root, "rev-parse", "HEAD")

    def branch(self, name: str) -> "Site":
        run_git(self.root, "checkout", "-q", "-B", name)
        return self

    def git(self, *args: str) -> str:
        return run_git(self.root, *args)


class PostOffice:
    """One home. `push` and its like put an event into the inbox, `settle` has the planner take all there is."""

    def __init__(self, home: Path, *repos: RepoSettings, clock: Clock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.bus = Bus()
        self.store = open_store(home, create=True)
        self.settings = LiveSettings(Settings(home=home, repos=repos))
        self.mirrors = Mirrors(home)
        self.planner = Planner(self.store, self.settings, self.bus, self.clock, self.mirrors)
        self.listener = self.bus.listen("inbox")
        self.deliveries = 0

    def repo_id(self, name: str = NAME) -> int:
        return self.store.runs.repo(name, "")

    def accept(
        self, kind: str, fields: Mapping[str, Any], repo: str = NAME, source: str = "github", **more: Any
    ) -> int:
        self.deliveries += 1
        delivery = more.pop("delivery", f"d-{self.deliveries}")
        arrival = Arrival(self.repo_id(repo), delivery, kind, source, fields, **more)
        [(event_id, _)] = self.store.inbox.accept([arrival], self.clock.now())
        return event_id

    def deliver(
        self, event: str, payload: Mapping[str, Any], repo: str = NAME, source: str = "github", **more: Any
    ) -> int:
        """Put a delivery in GitHub's shape into the inbox."""
        told = {"repository": {"full_name": repo, "default_branch": "main"}, "sender": {"login": "eve"}, **payload}
        kept = {"forge": "github", "event": event, "delivery_id": f"d-{self.deliveries + 1}", "payload": told}
        return self.accept(event, {"event": kept, **more}, repo, source)

    def push(self, sha: str, ref: str = "refs/heads/main", before: str = ZERO, **more: Any) -> int:
        return self.deliver("push", {"ref": ref, "before": before, "after": sha}, **more)

    def pull(self, sha: str, head_repo: str = NAME, action: str = "opened", **more: Any) -> int:
        """A pull request, number 5, from feature to main."""
        ends = {
            "head": {"ref": "feature", "sha": sha, "repo": {"full_name": head_repo}},
            "base": {"ref": "main", "sha": more.pop("base", None), "repo": {"full_name": NAME}},
        }
        pull = {"number": 5, "title": "Do it", "user": {"login": "eve"}, **ends}
        if ends["base"]["sha"] is None:
            del ends["base"]["sha"]  # type: ignore[attr-defined]
        return self.deliver("pull_request", {"action": action, "number": 5, "pull_request": pull}, **more)

    def settle(self) -> None:
        """Have the planner take turns until nothing is due, fetches included."""
        import time

        end_s = time.monotonic() + PATIENCE_S
        self.planner.turn()
        while self.planner.fetching:
            assert self.listener.wait(max(0.0, end_s - time.monotonic())), "a fetch never ends"
            self.planner.turn()

    def event(self, event_id: int) -> InboxEvent:
        found = self.store.inbox.get(event_id)
        assert found is not None
        return found

    def settled(self, event_id: int) -> InboxEvent:
        self.settle()
        event = self.event(event_id)
        assert event.status != RECEIVED, event.problem
        return event

    @property
    def runs(self) -> list[Run]:
        """All runs, oldest first."""
        return self.store.queries.runs(limit=1000)[::-1]

    def names(self) -> list[str]:
        return [Path(run.workflow_path).stem for run in self.runs]

    def close(self) -> None:
        self.store.close()
