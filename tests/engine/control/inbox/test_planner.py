"""From the inbox to runs: real repositories, a real store."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.settings.model import RepoSettings
from engine.store.inbox import DROPPED, PLANNED, RECEIVED
from tests.engine.control.post_office import NAME, STEPS, ZERO, PostOffice, Site, on

Opens = Callable[..., PostOffice]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")


@pytest.fixture
def opens(tmp_path: Path, site: Site) -> Iterator[Opens]:
    opened: list[PostOffice] = []

    def open_office(**settings) -> PostOffice:
        repo = RepoSettings(NAME, **{"url": str(site.root), **settings})
        opened.append(PostOffice(tmp_path / "home", repo))
        return opened[-1]

    yield open_office
    for office in opened:
        office.close()


@pytest.fixture
def office(opens: Opens) -> PostOffice:
    return opens()


def test_a_push_becomes_the_runs_that_it_triggers(office: PostOffice, site: Site) -> None:
    sha = site.commit("Say hello", ci=on("push"), nightly=on("{schedule: [{cron: '0 0 * * *'}]}"))
    event = office.settled(office.push(sha))
    assert event.status == PLANNED
    [run] = office.runs
    assert (run.workflow_path, run.sha, run.ref, run.event) == (
        ".github/workflows/ci.yml",
        sha,
        "refs/heads/main",
        "push",
    )
    assert (run.title, run.priority) == ("Say hello", 10)
    assert event.verdicts[".github/workflows/nightly.yml"] == "on: does not name push, only schedule"


def test_a_run_is_given_what_its_worker_needs(office: PostOffice, site: Site) -> None:
    sha = site.commit(ci=on("push"))
    office.settled(office.push(sha))
    [job] = office.store.queries.jobs(office.runs[0].id)
    facts = office.store.queries.facts(job.id)
    assert facts.source["sha"] == sha
    assert facts.source["branch"] == "main"
    assert Path(facts.source["root"]).is_relative_to(office.store.home / "repos")
    github = facts.trigger["github"]
    assert (github["repository"], github["actor"], github["head_ref"]) == (NAME, "eve", "")
    assert github["event"]["head_commit"]["message"] == "One\n"


def test_a_commit_that_is_known_is_planned_without_git(office: PostOffice, site: Site) -> None:
    sha = site.commit(ci=on("push"))
    office.settled(office.push(sha))
    site.root.rename(site.root.with_name("moved"))
    office.mirrors.of(office.settings.now.repos[0]).path.rename(site.root.with_name("mirror"))
    office.settled(office.push(sha))
    assert len(office.runs) == 2


def test_a_push_that_deletes_starts_nothing(office: PostOffice, site: Site) -> None:
    site.commit(ci=on("push"))
    event = office.settled(office.push(ZERO, before=site.head))
    assert (event.status, office.runs) == (DROPPED, [])
    assert "deletes" in event.problem


def test_a_tag_runs_on_the_commit_that_it_leads_to(office: PostOffice, site: Site) -> None:
    sha = site.commit(ci=on("{push: {tags: ['v*']}}"))
    site.git("tag", "-a", "v1", "-m", "v1")
    office.settled(office.push(site.git("rev-parse", "v1"), "refs/tags/v1"))
    [run] = office.runs
    assert (run.sha, run.ref) == (sha, "refs/tags/v1")


def test_paths_look_at_the_diff_of_trees(office: PostOffice, site: Site) -> None:
    one = site.commit(ci=on("{push: {paths: ['src/**']}}"), docs=on("{push: {paths: ['docs.md']}}"), docs__md="1")
    two = site.commit(docs__md="2")
    office.settled(office.push(two, before=one))
    assert office.names() == ["docs"]


def test_a_new_branch_is_compared_with_where_it_left_the_default_one(office: PostOffice, site: Site) -> None:
    site.commit(ci=on("{push: {paths: ['a.txt']}}"), other=on("{push: {paths: ['b.txt']}}"), a__txt="1", b__txt="1")
    sha = site.branch("feature").commit(b__txt="2")
    office.settled(office.push(sha, "refs/heads/feature"))
    assert office.names() == ["other"]


def test_files_that_cannot_be_known_count_as_changed(office: PostOffice, site: Site) -> None:
    sha = site.commit(ci=on("{push: {paths: ['a.txt']}}"))
    office.settled(office.push(sha, before="1" * 40))
    assert office.names() == ["ci"]


def test_a_pull_request_runs_on_its_head(office: PostOffice, site: Site) -> None:
    base = site.commit(ci=on("{pull_request: {paths: ['b.txt']}}"), no=on("{pull_request: {paths: ['a.txt']}}"))
    sha = site.branch("feature").commit("Do it", b__txt="2")
    site.git("update-ref", "refs/pull/5/head", sha)
    site.git("checkout", "-q", "main")
    site.git("branch", "-D", "feature")
    site.commit(a__txt="later on main")
    event = office.settled(office.pull(sha, base=base))
    [run] = office.runs
    assert (run.sha, run.ref, run.title, run.priority) == (sha, "refs/pull/5/merge", "Do it", 20)
    assert event.verdicts[".github/workflows/no.yml"].startswith("paths does not match")
    [job] = office.store.queries.jobs(run.id)
    facts = office.store.queries.facts(job.id)
    github = facts.trigger["github"]
    assert (github["head_ref"], github["base_ref"], facts.source["branch"]) == ("feature", "main", None)


def test_pull_request_target_runs_on_the_base(office: PostOffice, site: Site) -> None:
    base = site.commit(ci=on("[pull_request_target, pull_request]"))
    sha = site.branch("feature").commit("Two", ci=on("pull_request"))
    site.git("update-ref", "refs/pull/5/head", sha)
    office.settled(office.pull(sha))
    assert [(run.event, run.sha, run.ref) for run in office.runs] == [
        ("pull_request", sha, "refs/pull/5/merge"),
        ("pull_request_target", base, "refs/heads/main"),
    ]


def secrets_of(office: PostOffice, run_id: int) -> dict[str, str]:
    [job] = office.store.queries.jobs(run_id)
    return dict(office.store.secrets.open(office.store.queries.facts(job.id).secrets))


@pytest.mark.parametrize(("fork_prs", "statuses"), [("never", []), ("approval", ["blocked"]), ("always", ["queued"])])
def test_a_forks_pull_request_waits_as_the_repository_says_and_sees_no_secret(
    opens: Opens, site: Site, fork_prs: str, statuses: list[str]
) -> None:
    office = opens(fork_prs=fork_prs)
    office.store.vault.set(office.repo_id(), "KEY", "hidden", office.clock.now())
    sha = site.commit(ci=on("pull_request"))
    site.git("update-ref", "refs/pull/5/head", sha)
    event = office.settled(office.pull(sha, head_repo="mallory/site"))
    assert [run.status for run in office.runs] == statuses
    assert all(secrets_of(office, run.id) == {} for run in office.runs)
    assert event.status == (PLANNED if statuses else DROPPED)


def test_a_run_of_our_own_sees_the_repositorys_secrets(office: PostOffice, site: Site) -> None:
    office.store.vault.set(office.repo_id(), "KEY", "hidden", office.clock.now())
    office.settled(office.push(site.commit(ci=on("push"))))
    assert secrets_of(office, office.runs[0].id) == {"KEY": "hidden"}


def test_an_event_waits_for_a_lost_key_and_says_so(
    office: PostOffice, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    office.store.vault.set(office.repo_id(), "KEY", "hidden", office.clock.now())
    key = office.store.home / "secret.key"
    whole = key.read_bytes()
    key.write_bytes(b"")
    event = office.push(site.commit(ci=on("push")))
    office.settle()
    assert office.event(event).status == RECEIVED and "secret.key cannot be used" in office.event(event).problem
    assert [record for record in caplog.records if record.exc_info] == []
    key.write_bytes(whole)
    office.clock.advance(5)
    assert office.settled(event).status == PLANNED


def test_an_invalid_workflow_is_named_by_its_line_and_stops_no_other(office: PostOffice, site: Site) -> None:
    refused = f"{STEPS[:-1]}, snapshot: image}}"
    sha = site.commit(
        bad="on: push\njobs: {a: {steps: 3}}\n",
        ci=on("push"),
        db=on("push", a=refused),
        pr=on("pull_request", a=refused),
    )
    event = office.settled(office.push(sha))
    assert office.names() == ["ci"]
    assert event.verdicts[".github/workflows/bad.yml"].startswith("invalid: .github/workflows/bad.yml:2:")
    assert event.verdicts[".github/workflows/db.yml"].startswith("invalid: .github/workflows/db.yml:3:")
    assert event.verdicts[".github/workflows/pr.yml"].startswith("on: does not name push")


def test_words_in_the_message_skip(office: PostOffice, site: Site) -> None:
    event = office.settled(office.push(site.commit("x [skip ci]", ci=on("push"))))
    assert (event.status, office.runs) == (PLANNED, [])


def test_an_event_of_a_repository_that_is_gone_is_dropped_with_the_reason(office: PostOffice) -> None:
    event = office.settled(office.push("1" * 40, repo="team/gone"))
    assert (event.status, event.problem) == (DROPPED, "the repository team/gone is not configured any more")


def test_a_remote_that_is_away_makes_its_event_wait_and_comes_back(office: PostOffice, site: Site) -> None:
    sha = site.commit(ci=on("push"))
    away = site.root.rename(site.root.with_name("away"))
    first, second = office.push(sha), office.push(sha)
    office.settle()
    event = office.event(first)
    assert (event.status, event.tries) == (RECEIVED, 1)
    assert str(site.root) in event.problem
    away.rename(site.root)
    office.settle()
    assert office.runs == []  # not before its time, and what is behind it waits as well
    office.clock.advance(5)
    assert office.settled(second).status == PLANNED
    assert [run.sha for run in office.runs] == [sha, sha]


def test_the_wait_for_a_remote_doubles_up_to_ten_minutes(office: PostOffice) -> None:
    event_id = office.push("1" * 40)
    office.settings.now.repos[0]
    waits = []
    import shutil

    shutil.rmtree(Path(office.settings.now.repos[0].url))
    for _ in range(9):
        office.settle()
        event = office.event(event_id)
        assert event.next_try_at is not None
        waits.append((event.next_try_at - office.clock.now()).total_seconds())
        office.clock.advance(waits[-1])
    assert waits == [5, 10, 20, 40, 80, 160, 320, 600, 600]


def test_other_repositories_go_on_while_a_remote_is_away(tmp_path: Path, site: Site) -> None:
    sha = site.commit(ci=on("push"))
    gone = RepoSettings("team/gone", str(tmp_path / "gone"))
    office = PostOffice(tmp_path / "home", gone, RepoSettings(NAME, str(site.root)))
    waiting = office.push("1" * 40, repo="team/gone")
    assert office.settled(office.push(sha)).status == PLANNED
    assert office.event(waiting).status == RECEIVED
    office.close()


def test_a_commit_that_was_forced_away_is_dropped_at_once(office: PostOffice, site: Site) -> None:
    sha = site.commit(ci=on("push"))
    event = office.settled(office.push("1" * 40))
    assert event.status == DROPPED
    assert event.problem.endswith(f"refs/heads/main has moved on to {sha}")


def test_a_commit_that_never_shows_up_is_given_up(office: PostOffice, site: Site) -> None:
    sha = site.commit(ci=on("push"))
    event_id = office.push("1" * 40, before=sha)
    for seconds in (5, 10, 20, 40):
        office.settle()
        office.clock.advance(seconds)
    event = office.event(event_id)
    assert event.status == DROPPED
    assert "1" * 40 in event.problem


def test_a_dispatch_runs_the_one_workflow_with_typed_inputs(office: PostOffice, site: Site) -> None:
    site.commit(ci=on("push"), go=on("{workflow_dispatch: {inputs: {n: {type: number, default: 2}}}}"))
    event = office.settled(office.deliver("workflow_dispatch", {"workflow": "go.yml"}, source="person"))
    assert event.status == PLANNED, event.problem
    [run] = office.runs
    assert (run.workflow_path, run.ref, run.priority) == (".github/workflows/go.yml", "refs/heads/main", 30)
    [job] = office.store.queries.jobs(run.id)
    trigger = office.store.queries.facts(job.id).trigger
    assert trigger["inputs"] == {"n": 2}
    assert trigger["github"]["event"]["inputs"] == {"n": "2"}


def test_a_dispatch_of_what_is_not_there_says_so(office: PostOffice, site: Site) -> None:
    site.commit(ci=on("push"))
    event = office.settled(office.deliver("workflow_dispatch", {"workflow": "go.yml"}, source="person"))
    assert (event.status, event.problem) == (
        DROPPED,
        "there is no workflow 'go.yml' at refs/heads/main, only .github/workflows/ci.yml",
    )


def test_inputs_that_the_workflow_does_not_take_are_said(office: PostOffice, site: Site) -> None:
    site.commit(go=on("{workflow_dispatch: {inputs: {n: {type: number}}}}"))
    asked = {"workflow": "go.yml", "ref": "main", "inputs": {"n": "many"}}
    event = office.settled(office.deliver("workflow_dispatch", asked, source="person"))
    assert office.runs == []
    assert "The input 'n' is a number, not 'many'." in event.verdicts[".github/workflows/go.yml"]


def test_a_schedule_runs_what_the_default_branch_holds_now(office: PostOffice, site: Site) -> None:
    site.commit(nightly=on("{schedule: [{cron: '0 0 * * *'}]}"), other=on("{schedule: [{cron: '0 0 * * *'}]}"))
    due = {"workflow": ".github/workflows/nightly.yml", "cron": "0 0 * * *", "at": "2030-01-01T00:00:00Z"}
    office.settled(office.accept("schedule", {"schedule": due}, source="schedule"))
    [run] = office.runs
    assert (run.workflow_path, run.event, run.ref, run.priority) == (due["workflow"], "schedule", "refs/heads/main", 0)


def test_an_event_is_planned_once_more_at_a_persons_wish(office: PostOffice, site: Site) -> None:
    event_id = office.push(site.commit(ci=on("push")), source="poll")
    office.settle()
    office.store.inbox.replay(event_id)
    office.settle()
    assert len(office.runs) == 2


def test_jobs_of_the_network_may_not_use_this_machine(opens: Opens, site: Site) -> None:
    sha = site.commit(ci=on("push"))
    office = opens()
    office.settled(office.push(sha))
    [job] = office.store.queries.jobs(office.runs[0].id)
    assert office.store.queries.facts(job.id).source["host"] is False
