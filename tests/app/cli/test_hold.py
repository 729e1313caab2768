"""`treadle hold`, `treadle release` and what is shown of held jobs, on a remote engine and on the files of a home."""

import json
from datetime import timedelta

import pytest

from app.cli.main import main
from engine.store.mending.holds import NewHold
from engine.store.tables.runs import JobRow
from tests.app.server.site import Site
from tests.engine.fakes import FAILURE, jobs


@pytest.fixture
def held(site: Site) -> int:
    """A job that has failed and is held for an hour."""
    lab = site.lab
    run = lab.run(jobs(build=""))
    lease = lab.start()
    lab.store.queue.begin(lease, ["Run make"], None)
    state = {"here": {}, "next": {}, "shell": {}, "services": False}
    hold = NewHold("host", 0, state, lab.clock.now() + timedelta(hours=1))
    lab.store.queue.finish(lease, FAILURE, lab.clock.now(), outputs={}, tolerated=False, hold=hold)
    return lab.named(run, "build").id


def test_what_is_held_is_listed(site: Site, treadle, held: int) -> None:
    site.lab.store.holds.measured({held: 5 << 20})
    code, out, _ = treadle("hold")
    until = JobRow.get_by_id(held).held_until.astimezone().strftime("%H:%M")
    assert (code, out.splitlines()[1].split()) == (0, [f"j{held}", "build", "CI", "#1", "0", until, "5.0", "MiB"])
    [told] = json.loads(treadle("hold", "--json")[1])["holds"]
    assert (told["job"], told["attempt"], told["touched"]) == (held, 1, False)
    assert f"held until {until}" in treadle("show", "latest")[1].replace(f"{told['until'][:10]} ", "")
    assert "#1 held" in treadle("list")[1]


def test_a_box_is_let_go_once(site: Site, treadle, held: int) -> None:
    assert treadle("release", f"j{held}")[:2] == (0, f"The box of job {held} goes.\n")
    assert JobRow.get_by_id(held).held_until is None
    assert treadle("hold")[1:] == ("", "Nothing is held.\n")
    site.lab.store.holds.forget_all()
    code, _, err = treadle("release", f"j{held}")
    assert (code, f"Job {held} holds no box." in err) == (1, True)


def test_a_job_that_runs_is_held_by_a_wish_and_again_not(site: Site, treadle) -> None:
    run = site.lab.run(jobs(build=""))
    site.lab.start()
    job = site.lab.named(run, "build").id
    assert treadle("hold", f"j{job}")[:2] == (0, f"Job {job} is held if one of its steps fails it.\n")
    assert JobRow.get_by_id(job).hold
    assert treadle("hold", f"j{job}", "--off")[:2] == (0, f"Job {job} leaves nothing behind.\n")
    assert not JobRow.get_by_id(job).hold


def test_a_job_that_has_ended_cannot_be_held_any_more(site: Site, treadle, held: int) -> None:
    code, _, err = treadle("hold", f"j{held}")
    assert (code, "has ended: it is failed" in err) == (1, True)


def test_an_attempt_that_goes_on_in_its_box_says_so_for_ever(site: Site, treadle, held: int) -> None:
    assert treadle("retry", f"j{held}", "--next")[0] == 0
    site.lab.scheduler.tick()
    site.lab.work()
    shown = treadle("show", "latest")[1]
    assert "build  j" in shown and shown.count("patched by hand") == 2  # the job and its second attempt
    assert "#1 patched" in treadle("list")[1]
    told = json.loads(treadle("show", "latest", "--json")[1])
    [job] = told["jobs"]
    assert job["patched"] and job["attempts"][1]["began_at"]["skip"]


def test_what_shells_showed_is_printed(site: Site, treadle, held: int) -> None:
    code, _, err = treadle("logs", f"j{held}", "--shell")
    assert (code, "Nobody has had a shell" in err) == (1, True)
    job = site.lab.job(held)
    path = site.lab.store.shell_path(job.run_id, held, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("##[section]at some time ada: a shell\nhello\n")
    assert treadle("logs", f"j{held}", "--shell")[:2] == (0, "##[section]at some time ada: a shell\nhello\n")


def test_a_shell_is_refused_elsewhere_and_where_there_is_no_box(site: Site, capsys, tmp_path) -> None:
    assert main(["shell", "j1", "--connect", "http://127.0.0.1:1"]) == 2
    assert "works on this machine alone" in capsys.readouterr().err
