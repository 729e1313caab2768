"""The table of everything that can be asked over HTTP."""

from aiohttp import web

from app.server import (
    artifacts,
    badge,
    bisects,
    caches,
    diff,
    explain,
    flaky,
    health,
    holds,
    inbox,
    log_lines,
    logs,
    metrics,
    pages,
    prune,
    queue,
    repos,
    retries,
    runs,
    search,
    secrets,
    slo,
    snapshots,
    stream,
    tokens,
    webhooks,
    wishes,
)
from app.server.answers import answer
from app.server.desk import Call, Desk
from app.server.feed import Feed
from app.server.limits import HELD_BYTES, Bodies
from app.server.openapi import document
from app.server.route import ADMIN, BADGE, PUBLIC, WRITE, Field, Param, Route, guarded, tell_errors
from engine.core.slo import WINDOWS
from engine.core.states import AttemptStatus, BisectStatus, RunStatus
from engine.store.archives import Form
from engine.store.inbox import DROPPED, PLANNED, RECEIVED
from engine.store.tokens import SCOPES

ID = "{id:[0-9]{1,15}}"
API = "/api/v1"
ENDED = tuple(str(status) for status in AttemptStatus if status is not AttemptStatus.RUNNING)
DONE = {202: "written down; the engine acts on it", 404: "there is no such thing", 409: "it makes no sense now"}
PAGE = (
    Param("before", "integer", "the id to page on from: only older ones"),
    Param("limit", "integer", "how many at most", least=1),
)


async def openapi(_: Call) -> web.StreamResponse:
    """This description."""
    return answer(document(ROUTES))


ROUTES: tuple[Route, ...] = (
    Route(
        "POST", "/hooks/{repo:.+}", webhooks.deliver, "take a delivery of a forge", PUBLIC,
        answers={
            200: "known already, or a ping", 202: "on disk; survives a power cut", 400: "malformed",
            401: "the signature is wrong or missing", 404: "no such repository", 413: "too large",
            415: "neither JSON nor a form", 429: "too many events wait to be planned; see Retry-After",
        },
    ),
    Route(
        "GET", f"{API}/runs", runs.list_runs, "runs, newest first",
        query=(
            Param("repo", "string", "only of this repository"),
            Param("branch", "string", "only of this branch, or ref"),
            Param("workflow", "string", "only of this workflow: a file or a name"),
            Param("status", "string", "only with this status", words=tuple(map(str, RunStatus))),
            *PAGE,
        ),
    ),
    Route(
        "POST", f"{API}/runs", wishes.dispatch, "ask for a run of a workflow that listens to workflow_dispatch", WRITE,
        query=(Param("wait", "integer", "seconds to wait for the run (5; 0: not at all)"),),
        fields=(
            Field("repo", str, "the repository's name", needed=True),
            Field("workflow", str, "a workflow's file or name", needed=True),
            Field("ref", str, "a branch, or a ref such as refs/tags/v1 (the default branch)"),
            Field("inputs", dict, "what the workflow's inputs are"),
        ),
        answers={201: "the run", 202: "the event; the run is not planned yet", 422: "no run came of it"},
    ),
    Route("GET", f"{API}/runs/{ID}", runs.show_run, "a run with its jobs"),
    Route("GET", f"{API}/runs/{ID}/explain", explain.of_run, "why a run is as it is, or what it waits for"),
    Route("GET", f"{API}/runs/{ID}/attempts", runs.list_attempts, "every attempt of a run's jobs"),
    Route(
        "GET", f"{API}/runs/{ID}/annotations", runs.list_annotations, "errors, warnings and notices of a run's steps"
    ),
    Route("GET", f"{API}/runs/{ID}/summaries", runs.list_summaries, "summaries (Markdown) that a run's steps wrote"),
    Route("GET", f"{API}/runs/{ID}/artifacts", runs.list_artifacts, "a run's artifacts"),
    Route(
        "POST", f"{API}/runs/{ID}/approve", wishes.approve_run, "let a run go that waits for a person", WRITE,
        fields=(), answers=DONE,
    ),
    Route("POST", f"{API}/runs/{ID}/cancel", wishes.cancel_run, "end a run", WRITE, fields=(), answers=DONE),
    Route(
        "POST", f"{API}/runs/{ID}/pin", wishes.pin_run, "keep a run whatever its age", WRITE, fields=(), answers=DONE,
    ),
    Route(
        "POST", f"{API}/runs/{ID}/unpin", wishes.unpin_run, "let a pinned run go when its time comes", WRITE,
        fields=(), answers=DONE,
    ),
    Route(
        "POST", f"{API}/runs/{ID}/retry", retries.retry_run,
        "run a run's jobs again, or a run like it with other inputs", WRITE,
        answers={**DONE, 201: "the new run, with other inputs"},
        fields=(
            Field("failed", bool, "only what did not succeed, and what that held back"),
            Field("debug", bool, "with debug logging"),
            Field("inputs", dict, "inputs that are to be others: a new run of the same commit"),
        ),
    ),
    Route(
        "GET", f"{API}/runs/{ID}/inputs", retries.list_inputs,
        "the inputs of a run: what is declared, and what it was given",
        answers={200: "name, type, default, options and value of each", 404: "no such run", 409: "it has no inputs"},
    ),
    Route("GET", f"{API}/jobs/{ID}", runs.show_job, "a job with its attempts"),
    Route("GET", f"{API}/jobs/{ID}/explain", explain.of_job, "why a job is as it is, or what it waits for"),
    Route(
        "POST", f"{API}/jobs/{ID}/approve", wishes.approve_job, "let a job into the environment that it waits for",
        WRITE, fields=(), answers=DONE,
    ),
    Route("GET", f"{API}/jobs/{ID}/timeline", runs.timeline, "everything that happened to a job"),
    Route(
        "GET", f"{API}/jobs/{ID}/logs", logs.log, "a job's log, as bytes; takes Range", gives="text/plain",
        query=(
            Param("attempt", "integer", "which attempt (the latest)", least=1),
            Param("step", "integer", "only this step's part"),
            Param("follow", "flag", "stream until the end"),
            Param("offset", "integer", "with follow: the byte to begin with"),
        ),
        answers={200: "the log", 206: "the part asked for", 404: "there is none", 416: "it is not that long"},
    ),
    Route(
        "GET", f"{API}/jobs/{ID}/diff", diff.show_diff,
        "a job's log against that of its last green run, or of another: what is new, gone and moved",
        query=(
            Param("attempt", "integer", "which attempt (the latest)", least=1),
            Param("against", "string", "a job (j34), a run (r12) or `previous`, the attempt before (the last green)"),
            Param("step", "integer", "which step (the first that failed; where none has, the whole log)"),
            Param("context", "integer", "how many lines that are alike to show beside what differs (3; 100 at most)"),
        ),
        answers={200: "the lines, as they were", 404: "there is no such job", 409: "there is nothing to compare"},
    ),
    Route(
        "GET", f"{API}/jobs/{ID}/logs/index", logs.index, "which step printed what of a job's log, and when",
        query=(
            Param("attempt", "integer", "which attempt (the latest)", least=1),
            Param("after", "integer", "how many records to leave out, known already"),
        ),
    ),
    Route(
        "GET", f"{API}/jobs/{ID}/logs/lines", log_lines.log_lines,
        "where the lines of a job's log are: newlines per 64 KiB, and what begins at which line",
        query=(
            Param("attempt", "integer", "which attempt (the latest)", least=1),
            Param("after", "integer", "how many bytes are known already; the answer starts with their last block"),
            Param("wait", "integer", "seconds to wait for more than these (0: not at all; 25 at most)"),
        ),
    ),
    Route(
        "GET", f"{API}/jobs/{ID}/logs/times", log_lines.log_times, "when which byte of a job's log came in",
        query=(
            Param("attempt", "integer", "which attempt (the latest)", least=1),
            Param("start", "integer", "from this byte on"),
            Param("end", "integer", "up to this byte"),
        ),
    ),
    Route("POST", f"{API}/jobs/{ID}/cancel", wishes.cancel_job, "end a job", WRITE, fields=(), answers=DONE),
    Route(
        "POST", f"{API}/jobs/{ID}/retry", retries.retry_job, "run a job again, from its beginning or from a later step",
        WRITE, answers=DONE,
        fields=(
            Field("step", int, "from this step on, from the checkpoint that is nearest before it"),
            Field("here", bool, "from the step on whose box is held"),
            Field("next", bool, "from the step after that on"),
            Field("debug", bool, "with debug logging"),
        ),
    ),
    Route(
        "GET", f"{API}/jobs/{ID}/shell/record", holds.shell_record, "what shells into an attempt have shown",
        gives="text/plain", query=(Param("attempt", "integer", "which attempt (the latest)", least=1),),
        answers={200: "the text, secrets hidden", 404: "there were none"},
    ),
    Route("GET", f"{API}/holds", holds.list_holds, "the boxes of failed jobs that are held"),
    Route(
        "POST", f"{API}/jobs/{ID}/hold", holds.hold_job, "have a job's box held if one of its steps fails it", WRITE,
        fields=(Field("wanted", bool, "false: not after all"),), answers=DONE,
    ),
    Route(
        "POST", f"{API}/jobs/{ID}/release", holds.release_job, "let the held box of a job go", WRITE, fields=(),
        answers=DONE,
    ),
    Route(
        "GET", f"{API}/jobs/{ID}/checkpoints", retries.list_checkpoints, "the steps of a job that a retry can follow"
    ),
    Route(
        "GET", f"{API}/bisects", bisects.list_bisects, "searches for the commit that broke a job, newest first",
        query=(
            Param("status", "string", "only with this status", words=tuple(map(str, BisectStatus))),
            Param("job", "integer", "only for this job"),
            *PAGE,
        ),
    ),
    Route(
        "POST", f"{API}/bisects", bisects.start, "look for the commit that broke a job", WRITE,
        fields=(
            Field("job", int, "the job that failed", needed=True),
            Field("good", str, "a revision where it passes (the newest that is known)"),
            Field("bad", str, "a revision where it fails (the job's own)"),
        ),
        answers={201: "the search", 404: "there is no such job", 409: "there can be none"},
    ),
    Route(
        "GET", f"{API}/jobs/{ID}/bisect", bisects.propose, "what a search for the commit that broke a job would be",
        query=(
            Param("good", "string", "a revision where it passes (the newest that is known)"),
            Param("bad", "string", "a revision where it fails (the job's own)"),
        ),
        answers={200: "what it would be", 404: "there is no such job", 409: "there can be none"},
    ),
    Route("GET", f"{API}/bisects/{ID}", bisects.show, "a search, with its trials and whom it names"),
    Route(
        "POST", f"{API}/bisects/{ID}/cancel", bisects.cancel, "end a search, and the run of its trial", WRITE,
        fields=(), answers=DONE,
    ),
    Route(
        "GET", f"{API}/events", stream.events, "every change of status, live", gives="text/event-stream",
        query=(
            Param("run", "integer", "only of these runs", many=True),
            Param("job", "integer", "only of these jobs", many=True),
            Param("types", "string", "only of these kinds", many=True, words=stream.NOUNS),
            Param("after", "integer", "the sequence number to go on from (now); Last-Event-ID wins"),
        ),
    ),
    Route(
        "GET", f"{API}/inbox", inbox.list_events, "events that came in, newest first",
        query=(
            Param("repo", "string", "only of this repository"),
            Param("status", "string", "only with this status", words=(RECEIVED, PLANNED, DROPPED)),
            *PAGE,
        ),
    ),
    Route("GET", f"{API}/inbox/{ID}", inbox.show_event, "an event, what it said and what became of it"),
    Route("GET", f"{API}/inbox/{ID}/explain", explain.of_event, "why an event started what it did"),
    Route("POST", f"{API}/inbox/{ID}/replay", inbox.replay, "plan an event once more", WRITE, fields=(), answers=DONE),
    Route(
        "GET", f"{API}/queue", queue.show_queue, "the workers, and what waits in its order and why",
        query=(Param("limit", "integer", "how many that wait at most", least=1),),
    ),
    Route(
        "POST", f"{API}/queue/pause", queue.pause, "claim no job until resumed; what runs goes on", WRITE,
        fields=(), answers=DONE,
    ),
    Route("POST", f"{API}/queue/resume", queue.resume, "claim jobs again", WRITE, fields=(), answers=DONE),
    Route(
        "POST", f"{API}/jobs/{ID}/priority", queue.prioritize, "give a job another priority", WRITE, answers=DONE,
        fields=(Field("priority", int, "from -1000 to 1000; the larger runs first", needed=True),),
    ),
    Route("GET", f"{API}/repos", repos.list_repos, "the repositories and how they stand"),
    Route(
        "GET", f"{API}/repos/{{repo:.+}}/workflows", repos.list_workflows, "the workflows of a branch",
        query=(Param("branch", "string", "a branch, or a whole ref (the default branch)"),),
    ),
    Route(
        "POST", f"{API}/repos", repos.add, "put a repository into the configuration", ADMIN,
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
        "DELETE", f"{API}/repos/{{repo:.+}}", repos.remove, "take a repository out of the configuration", ADMIN,
        answers={200: "its runs, logs and secrets stay", 404: "there is no such repository"},
    ),
    Route(
        "POST", f"{API}/repos/{{repo:.+}}/sync", repos.sync, "ask a repository now where its refs are", WRITE,
        fields=(), answers={200: "how many moved", 202: "it takes longer", 409: "it cannot be asked"},
    ),
    Route(
        "GET", f"{API}/secrets", secrets.list_secrets, "the names of secrets", ADMIN,
        query=(Param("repo", "string", "only of this repository"),),
    ),
    Route(
        "POST", f"{API}/secrets", secrets.set_secret, "keep a secret; nobody reads it back", ADMIN,
        fields=(
            Field("name", str, "as in `secrets.NAME`", needed=True),
            Field("value", str, "what nobody may see, at most 64 KiB", needed=True),
            Field("repo", str, "of this repository alone (of all)"),
            Field("environment", str, "for jobs in this environment alone"),
        ),
        answers={201: "it is kept", 409: "no such name or value can be"},
    ),
    Route(
        "DELETE", f"{API}/secrets/{{name}}", secrets.remove_secret, "forget a secret", ADMIN,
        query=(
            Param("repo", "string", "that of this repository (that of all)"),
            Param("environment", "string", "that of this environment"),
        ),
        answers={200: "it is forgotten", 404: "there is none"},
    ),
    Route(
        "GET", f"{API}/caches", caches.list_caches, "what actions/cache keeps",
        query=(Param("repo", "string", "only of this repository"),),
    ),
    Route(
        "DELETE", f"{API}/caches", caches.remove_caches, "remove what actions/cache keeps, by id or key", WRITE,
        query=(
            Param("name", "string", "the id, or the key: then on all branches"),
            Param("repo", "string", "only of this repository"),
        ),
        answers={200: "what is gone", 404: "there is none"},
    ),
    Route("GET", f"{API}/tokens", tokens.list_tokens, "the tokens, without themselves", ADMIN),
    Route(
        "POST", f"{API}/tokens", tokens.create_token, "make a token, told this once", ADMIN,
        fields=(
            Field("scope", str, "what it allows; each includes those before it", needed=True, words=SCOPES),
            Field("name", str, "whom it is for"),
        ),
        answers={201: "the token"},
    ),
    Route(
        "DELETE", f"{API}/tokens/{ID}", tokens.revoke_token, "make a token worthless", ADMIN,
        answers={200: "it is", 404: "there is none"},
    ),
    Route(
        "GET", f"{API}/artifacts", artifacts.list_all, "artifacts, the newest run's first",
        query=(
            Param("repo", "string", "only of this repository"),
            Param("run", "integer", "only of this run, all of them"),
            Param("before", "integer", "the run to page on from: only of older ones"),
            Param("limit", "integer", "after how many to end, with a whole run", least=1),
        ),
    ),
    Route(
        "GET", f"{API}/artifacts/{ID}", artifacts.download, "an artifact, as a tar or zip; takes Range",
        query=(Param("format", "string", "which (tar)", words=tuple(map(str, Form))),), gives="application/x-tar",
    ),
    Route("GET", f"{API}/artifacts/{ID}/files", artifacts.list_files, "the files of an artifact"),
    Route(
        "GET", f"{API}/artifacts/{ID}/files/{{path:.+}}", artifacts.download_file,
        "one file of an artifact, links followed; takes Range", gives="application/octet-stream",
    ),
    Route(
        "GET", f"{API}/search", search.search, "lines of all logs that hold all words, the newest logs first",
        query=(
            Param("q", "string", 'words, and "words in a row"; a * at an end stands for any ending'),
            Param("repo", "string", "only in this repository"),
            Param("workflow", "string", "only in this workflow: a file or a name"),
            Param("status", "string", "only in attempts that ended so", words=ENDED),
            Param("limit", "integer", "how many at most", least=1),
        ),
    ),
    Route(
        "POST", f"{API}/prune", prune.prune, "have what is old enough go, and tell what it is", ADMIN,
        fields=(Field("dry_run", bool, "tell it, and remove nothing"),),
        answers={200: "what would go", 202: "what goes", 409: "this engine removes nothing"},
    ),
    Route("GET", f"{API}/snapshots", snapshots.list_snapshots, "the snapshots, newest first, with what each added"),
    Route(
        "POST", f"{API}/snapshots", snapshots.take_snapshot, "take a snapshot of the home", WRITE, fields=(),
        answers={201: "it", 202: "it takes longer, and goes on", 409: "the database is damaged"},
    ),
    Route(
        "GET", f"{API}/snapshots/diff", snapshots.show_difference, "what changed from one snapshot to another", ADMIN,
        query=(
            Param("a", "string", "the earlier one: an id, or how it begins"),
            Param("b", "string", "the later one (the latest)"),
        ),
        answers={200: "counts of what was added, removed and changed, and the first 500 of each", 409: "no such one"},
    ),
    Route(
        "POST", f"{API}/snapshots/prune", snapshots.prune_snapshots, "remove the snapshots that are not kept", ADMIN,
        fields=(Field("dry_run", bool, "tell which, and remove none"),),
    ),
    Route(
        "DELETE", f"{API}/snapshots/{{name}}", snapshots.remove_snapshot, "remove a snapshot", ADMIN,
        answers={200: "it is removed", 409: "there is no such one, or several"},
    ),
    Route(
        "GET", f"{API}/flaky", flaky.list_failures,
        "failures that come and go: how often, since which commit, how often the same job passed afterwards",
        query=(
            Param("repo", "string", "only of this repository"),
            Param("all", "flag", "all failures that are remembered, not only what is known to come and go"),
            Param("limit", "integer", "how many at most", least=1),
        ),
    ),
    Route("GET", f"{API}/slo", slo.show_slo, "how well the promises of `slo:` are kept"),
    Route(
        "GET", f"{API}/slo/history", slo.show_history, "how the promises of `slo:` were kept, piece by piece of time",
        query=(Param("window", "string", f"how far back ({slo.USUAL})", words=tuple(WINDOWS)),),
    ),
    Route("GET", f"{API}/openapi.json", openapi, "this description"),
    Route("GET", "/metrics", metrics.metrics, "metrics, as Prometheus text", gives="text/plain"),
    Route("GET", "/healthz", health.healthz, "does the process answer?", PUBLIC),
    Route("GET", "/readyz", health.readyz, "does the engine take work?", PUBLIC),
    Route(
        "GET", "/badge/{repo:.+}/{workflow}.svg", badge.badge, "how a workflow stands, as a picture", BADGE,
        query=(Param("branch", "string", "on this branch (any)"),), gives="image/svg+xml",
    ),
    *pages.ROUTES,
)  # fmt: skip


def application(desk: Desk, feed: Feed) -> web.Application:
    """Return the whole server as an aiohttp application."""
    app = web.Application(middlewares=[tell_errors])
    app[stream.FEED] = feed
    app[webhooks.BODIES] = bodies = Bodies(HELD_BYTES)
    for route in ROUTES:
        handler = guarded(route, desk, bodies)
        app.router.add_route(route.method, route.path, handler)
        if route.method == "GET" and route.gives == "application/json":
            app.router.add_route("HEAD", route.path, handler)
    return app
