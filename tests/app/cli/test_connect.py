"""Commands on a remote engine: the same answers as on its home, over TCP with a token."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from app.cli.main import COMMANDS, main, parser_for
from app.cli.remote import queries
from app.cli.remote.following import FollowedLog
from app.cli.remote.log import RemoteLog
from app.client import Client
from engine.core.states import JobStatus, RunStatus
from engine.store.logs.index import Mark
from engine.store.logs.writer import LogWriter, Progress
from engine.store.queue import StepNews
from tests.app.server.site import Site
from tests.engine.fakes import jobs

REMOTE = [name for name, command in COMMANDS.items() if command.remote]
ARGUMENTS = {
    "show": ["1"],
    "logs": ["1"],
    "diff": ["1"],
    "cancel": ["1"],
    "bisect": ["--list"],
    "retry": ["1"],
    "release": ["1"],
    "checkpoint": ["list", "1"],
    "approve": ["1"],
    "pin": ["1"],
    "unpin": ["1"],
    "search": ["words"],
    "snapshot": ["list"],
    "artifact": ["list"],
    "cache": ["list"],
    "dispatch": ["acme/app", "ci.yml"],
    "priority": ["1", "5"],
    "replay": ["1"],
    "repo": ["list"],
    "secret": ["list"],
    "token": ["list"],
}


@pytest.fixture
def treadle(site: Site, capfdbinary, monkeypatch):
    monkeypatch.setenv("TREADLE_HOME", "/nowhere")  # whoever reads a home instead finds none

    def call(*line, scope: str = "admin") -> tuple[int, str, str]:
        where = ["--connect", f"http://127.0.0.1:{site.port}", "--token", site.token(scope)]
        code = main([*map(str, line), *where])
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return call


@pytest.fixture
def ended(site: Site) -> int:
    """A run of one job with a log of two steps, ended in success; the job's id."""
    site.lab.run(jobs(build=""))
    lease, now = site.lab.start(), site.lab.clock.now()
    site.lab.store.queue.begin(lease, ["Set up", "make"], None)
    log = LogWriter(site.lab.store.log_path(lease.run_id, lease.job_id, 1), 1 << 20)
    for step, data in enumerate((b"setting up\n", b"one\ntwo\n")):
        log.begin_step(step, now)
        log.append(step, data, Progress(len(data)), now)
        log.end_step(step, now)
    log.close()
    news = [StepNews(1, "started", now), StepNews(1, "succeeded", now, 0, summary="### Done\n")]
    site.lab.store.queue.steps(lease, news)
    site.lab.store.queue.annotate(lease, [{"step": 1, "level": "warning", "message": "old", "properties": {}}])
    site.lab.finish(lease)
    return lease.job_id


@pytest.mark.parametrize(
    "line",
    [
        ["list", "--json"],
        ["show", "latest", "--json"],
        ["show"],
        ["slo"],
        ["logs", "latest/build"],
        ["logs", "1", "--step", "1", "--json"],
        ["logs", "1", "--timestamps", "--follow"],
    ],
)
def test_a_remote_engine_says_what_its_home_says(treadle, ended, line, here, capfdbinary):
    code, told, _ = treadle(*line)
    assert main([*line, *here]) == code == 0
    assert told == capfdbinary.readouterr()[0].decode()
    assert told


def test_the_attempts_of_a_remote_run_tell_their_steps_reports(treadle, ended):
    shown = treadle("show")[1]
    assert "make" in shown and "old" in shown and "### Done" in shown
    assert treadle("logs", ended, "--step", 1)[1] == "one\ntwo\n"


def test_more_runs_than_a_page_come_all(site: Site, treadle, monkeypatch):
    monkeypatch.setattr(queries, "PAGE", 2)
    made = [site.lab.run(jobs(a="")) for _ in range(5)]
    assert [run["id"] for run in json.loads(treadle("list", "--json")[1])] == made[::-1]
    assert len(json.loads(treadle("list", "--json", "--limit", 3)[1])) == 3


def test_a_wish_is_carried_out_there(site: Site, treadle):
    run = site.lab.run(jobs(a=""))
    code, told, err = treadle("cancel", f"r{run}", "--json")
    assert (code, err) == (0, "")
    done = f"Run {run} is being cancelled. Cancel it again to end it at once."
    assert json.loads(told) == {"kind": "run", "id": run, "done": done, "engine": True}
    site.lab.tick()
    assert site.lab.store.queries.run(run).status == RunStatus.CANCELLED
    assert treadle("retry", f"r{run}", "--failed")[0] == 0
    site.lab.tick()
    [job] = site.lab.store.queries.jobs(run)
    assert job.status == JobStatus.QUEUED
    assert treadle("cancel", f"j{job.id}")[1].startswith(f"Job {job.id} is being cancelled.")
    assert treadle("cancel", f"j{job.id}") == (0, f"Job {job.id} is ended at once.\n", "")
    assert treadle("cancel", f"j{job.id}") == (0, f"Job {job.id} is being ended at once already.\n", "")


def test_what_makes_no_sense_there_is_exit_1_with_its_reason(site: Site, treadle):
    run = site.lab.run(jobs(a=""))
    code, _, err = treadle("approve", run)
    assert code == 1
    assert "does not wait for approval" in err
    assert treadle("show", 99)[0] == 1
    assert treadle("dispatch", "acme/nothing", "ci.yml")[2] == "treadle: There is no repository 'acme/nothing' here.\n"


def test_a_dispatch_waits_there_as_an_event(site: Site, treadle):
    code, told, _ = treadle("dispatch", "acme/app", "ci.yml", "--ref", "next", "--input", "n=3", "--json")
    event = json.loads(told)["event"]
    assert code == 0
    assert site.lab.store.inbox.get(event).kind == "workflow_dispatch"


def test_a_log_is_followed_to_the_jobs_end(site: Site, treadle, monkeypatch):
    site.lab.run(jobs(a=""))
    lease, now = site.lab.start(), site.lab.clock.now()
    log = LogWriter(site.lab.store.log_path(lease.run_id, lease.job_id, 1), 1 << 20)
    log.append(0, b"first\n", Progress(6), now)
    read = threading.Event()
    take = FollowedLog.read

    def told(self, start, end):
        read.set()
        return take(self, start, end)

    monkeypatch.setattr(FollowedLog, "read", told)

    def finish():
        assert read.wait(10)
        log.append(0, b"last\n", Progress(11), now)
        log.close()
        site.lab.fail(lease)

    worker = threading.Thread(target=finish)
    worker.start()
    code, out, _ = treadle("logs", lease.job_id, "--follow")
    worker.join()
    assert (code, out) == (1, "first\nlast\n")


def test_an_announced_chunk_is_not_read_before_it_is_there(site: Site, ended):
    path = site.lab.store.log_path(1, ended, 1)
    log = RemoteLog(site.client, ended, 1)
    assert log.size == 19
    whole = path.read_bytes()
    path.write_bytes(whole[:15])  # as when the second chunk is half written
    late = RemoteLog(site.client, ended, 1)
    assert late.size == 15
    assert [entry.mark for entry in late.entries() if entry.mark is Mark.CHUNK] == [Mark.CHUNK]
    path.write_bytes(whole)
    assert late.size == 19
    assert late.entries() == log.entries()


def test_the_token_may_come_from_the_environment(site: Site, treadle, monkeypatch):
    monkeypatch.setenv("TREADLE_TOKEN", site.token("read"))
    assert main(["--connect", f"127.0.0.1:{site.port}", "list"]) == 0


@pytest.mark.parametrize("name", REMOTE)
def test_nobody_at_the_other_end_is_exit_3(name, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: nobody else can answer there
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        assert main([name, *ARGUMENTS.get(name, []), "--connect", url, "--token", "tok"]) == 3
    assert url in capsys.readouterr().err


@pytest.mark.parametrize("name", REMOTE)
@pytest.mark.parametrize("token", ["t0p-s3cret", "t0p\ns3cret", "t0p-s3cr\u00e9t"])
def test_a_wrong_token_is_exit_2_and_never_shown(site: Site, name, token, capsys):
    where = ["--connect", f"http://127.0.0.1:{site.port}", "--token", token]
    assert main([name, *ARGUMENTS.get(name, []), *where]) == 2
    out, err = capsys.readouterr()
    assert "token" in err
    assert "t0p" not in out + err


def test_a_token_that_may_not_write_is_the_wrong_one(site: Site, treadle):
    run = site.lab.run(jobs(a=""))
    code, _, err = treadle("cancel", run, scope="read")
    assert code == 2
    assert "scope write" in err
    assert treadle("list", scope="read")[0] == 0


@pytest.mark.parametrize(
    "line",
    [
        ["--connect", "ftp://x"],
        ["--connect", "http://[x"],
        ["--connect", ""],
        ["--connect", "http://ada:t0p@x"],
        ["--connect", "http://x", "--home", "y"],
        ["--connect", "http://x", "--config", "y"],
        ["--token", "t0p"],
    ],
)
@pytest.mark.parametrize("name", ["list", "slo"])
def test_an_address_that_is_none_is_wrong_usage(name, line, capsys):
    assert main([name, *line]) == 2
    assert "t0p" not in capsys.readouterr().err


@pytest.mark.parametrize("said", [b"<html>", b"{}", b"[]", b"\xff"])
def test_what_is_no_engine_is_exit_3(said, capsys):
    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        assert main(["list", "--connect", f"http://127.0.0.1:{server.server_port}"]) == 3
        server.shutdown()
        thread.join()
    assert "no engine of this version" in capsys.readouterr().err


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in REMOTE])
def test_a_command_of_this_machine_refuses_connect_without_showing_the_token(name, capsys):
    assert main([name, "--connect", "http://x", "--token", "t0p"]) == 2
    err = capsys.readouterr().err
    assert "this machine" in err and "t0p" not in err
    assert not {"connect", "token"} & {action.dest for action in parser_for(name)._actions if action.option_strings}


def test_a_token_without_a_name_still_says_who_asked(site: Site):
    run = site.lab.run(jobs(a=""))
    token, text = site.lab.store.tokens.create("", "write", site.lab.clock.now())
    assert main(["cancel", str(run), "--connect", f"http://127.0.0.1:{site.port}", "--token", text]) == 0
    site.lab.tick()
    assert site.lab.store.queries.run(run).reason == f"cancelled by token {token.id}"


def test_a_long_index_comes_in_pages(treadle, ended, monkeypatch):
    monkeypatch.setattr("app.server.logs.ENTRIES", 2)
    assert treadle("logs", ended)[1] == "setting up\none\ntwo\n"


def test_a_remote_run_is_told_in_as_many_requests_whatever_it_has(treadle, ended, monkeypatch):
    asked, get = [], Client.get
    monkeypatch.setattr(Client, "get", lambda self, path, query=None: asked.append(path) or get(self, path, query))
    treadle("show", "latest")
    assert [path.rpartition("/")[2] for path in asked].count("attempts") == 1
    assert not any(path.startswith("/jobs") for path in asked)
