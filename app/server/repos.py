"""The repositories over HTTP: what is configured, how they stand, which workflows a branch holds; and changing that."""

import logging

from aiohttp import web

from app.repo_entry import repo_entry
from app.server.answers import Refusal, answer
from app.server.desk import Call, Desk
from app.server.route import ADMIN, API, WRITE, Field, Param, Route
from app.views.repos import hook_of, repos_view, settings_view, workflows_view
from engine.control.repo_ids import repo_id_of
from engine.control.sources import POLL
from engine.control.triggers.refs import look, look_first
from engine.core.errors import SettingsError
from engine.git.remote import local_path
from engine.settings.edit import add_repo, entry_settings, remove_repo
from engine.settings.model import RepoSettings

log = logging.getLogger(__name__)
SYNC_S = 25.0  # how long an answer waits for a repository; our own client waits 30 s


async def list_repos(call: Call) -> web.StreamResponse:
    """Every repository, by name, and how the configuration is: see `repos_view` and `settings_view`."""
    desk = call.desk
    repos = await desk.ask(repos_view, desk.store, desk.settings, desk.mirrors)
    return answer({"repos": repos, "settings": settings_view(desk.live)})


async def list_workflows(call: Call) -> web.StreamResponse:
    """The workflows of a branch, with the inputs that a person may give: see `workflows_view`."""
    desk, repo = call.desk, configured(call)
    repo_id, branch = desk.repo_ids[repo.name], call.query.get("branch")
    return answer(await desk.ask(workflows_view, desk.store, desk.mirrors, repo, repo_id, branch))


async def add(call: Call) -> web.StreamResponse:
    """Put a repository into the configuration; it is known at once. `hook` is where its deliveries go."""
    desk = call.desk
    entry = repo_entry(call.fields)
    made = entry_settings(entry)
    for name in filter(None, (call.fields.get("secret_env"), call.fields.get("token_env"))):
        if not desk.live.has_variable(name):
            raise SettingsError(
                f"The server's environment has no variable {name}.",
                "Put it there, and start the server again first.",
            )
    await desk.ask(desk.live.edit, lambda text: add_repo(text, entry))
    log.info("%s added the repository %s", call.actor, made.name)
    repo = desk.repo(made.name)
    if repo is not None and local_path(repo.url) is not None:
        await desk.ask(look_first, desk.store, desk.mirrors, repo, desk.clock)
        desk.bus.wake("refs", "inbox")
    hook = hook_of(desk.settings, made.name)
    return answer({"name": made.name, "url": made.url, "config": str(desk.live.file), "hook": hook}, 201)


def _look(desk: Desk, repo: RepoSettings) -> int:
    """Ask a repository; return how many refs have moved. To the engine's own look, which comes after this one, none of
    it is news, also not what was seen before a look failed: so it is told here."""
    try:
        repo_id = repo_id_of(desk.store, repo)  # the desk may not have heard of it yet
        return look(desk.store, desk.mirrors, repo, repo_id, POLL, desk.clock).pushes
    finally:
        desk.bus.wake("refs", "inbox")


async def remove(call: Call) -> web.StreamResponse:
    """Take a repository out of the configuration. Its runs, logs and secrets stay."""
    desk, repo = call.desk, configured(call)
    await desk.ask(desk.live.edit, lambda text: remove_repo(text, repo.name))
    log.info("%s removed the repository %s", call.actor, repo.name)
    return answer({"name": repo.name, "config": str(desk.live.file), "removed": True})


async def sync(call: Call) -> web.StreamResponse:
    """Ask a repository now where its refs are. 200 with how many moved, each of which is an event; 202 with null when
    it takes longer, which goes on."""
    desk, repo = call.desk, configured(call)
    moved = await desk.ask_aside(f"sync {repo.name}", lambda: _look(desk, repo), SYNC_S)
    return answer({"name": repo.name, "events": moved}, 202 if moved is None else 200)


def configured(call: Call) -> RepoSettings:
    """Return the repository that the path names. Raises Refusal."""
    name = call.request.match_info["repo"]
    repo = call.desk.repo(name)
    if repo is None:
        raise Refusal(404, f"There is no repository {name[:200]!r} here.")
    return repo


ROUTES = (
    Route("GET", f"{API}/repos", list_repos, "the repositories and how they stand"),
    Route(
        "GET", f"{API}/repos/{{repo:.+}}/workflows", list_workflows, "the workflows of a branch",
        query=(Param("branch", "string", "a branch, or a whole ref (the default branch)"),),
    ),
    Route(
        "POST", f"{API}/repos", add, "put a repository into the configuration", ADMIN,
        fields=(
            Field("name", str, "such as team/site", needed=True),
            Field("url", str, "where it is cloned from, or its whole path on this machine", needed=True),
            Field("secret_env", str, "the server's variable with the secret that signs deliveries"),
            Field("token_env", str, "the server's variable with the token for clones and statuses"),
            Field("ssh_key", str, "the private key file for a url over ssh"),
            Field("forge", str, "auto, github, gitea, forgejo, gitlab or none"),
            Field("poll", str, "how often to ask for new commits, such as 60s"),
            Field("watch", str, "commits or files: for a path on this machine"),
            Field("fork_prs", str, "never, approval or always"),
            Field("allow_host", bool, "let its jobs run on this machine itself"),
        ),
        answers={201: "it is known from now on", 422: "it cannot be, or `treadle.yml` cannot be edited safely"},
    ),
    Route(
        "DELETE", f"{API}/repos/{{repo:.+}}", remove, "take a repository out of the configuration", ADMIN,
        answers={200: "its runs, logs and secrets stay", 404: "there is no such repository"},
    ),
    Route(
        "POST", f"{API}/repos/{{repo:.+}}/sync", sync, "ask a repository now where its refs are", WRITE,
        fields=(), answers={200: "how many moved", 202: "it takes longer", 409: "it cannot be asked"},
    ),
)  # fmt: skip
