"""The repositories over HTTP: what is configured, how they stand, and which workflows a branch holds."""

from aiohttp import web

from app.server.answers import Refusal, answer
from app.server.desk import Call
from app.views.repos import repos_view, workflows_view
from engine.settings import RepoSettings


async def list_repos(call: Call) -> web.StreamResponse:
    """Every repository, by name: see `repos_view`."""
    desk = call.desk
    return answer({"repos": await desk.ask(repos_view, desk.store, desk.settings, desk.mirrors)})


async def list_workflows(call: Call) -> web.StreamResponse:
    """The workflows of a branch, with the inputs that a person may give: see `workflows_view`."""
    desk, repo = call.desk, configured(call)
    repo_id, branch = desk.repo_ids[repo.name], call.query.get("branch")
    return answer(await desk.ask(workflows_view, desk.store, desk.mirrors, repo, repo_id, branch))


def configured(call: Call) -> RepoSettings:
    """Return the repository that the path names. Raises Refusal."""
    name = call.request.match_info["repo"]
    repo = call.desk.repo(name)
    if repo is None:
        raise Refusal(404, f"There is no repository {name[:200]!r} here.")
    return repo
