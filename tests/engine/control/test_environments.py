"""The laws of environments: who may enter one, when a person is asked, and what happens meanwhile."""

import pytest

from engine.control.asks.commands import approve
from engine.control.scheduler import Scheduler
from engine.core.errors import EngineError
from engine.settings.model import EnvironmentSettings
from tests.engine.fakes import jobs

RULES = {
    "production": EnvironmentSettings(approval=True, branches=("main", "release/**")),
    "locked": EnvironmentSettings(branches=("never",)),
    "free": EnvironmentSettings(),
}


@pytest.fixture
def lab(lab):
    lab.scheduler = Scheduler(lab.store, lab.bus, lab.clock, lambda repo, name: RULES.get(name.lower()))
    return lab


def deploy(environment="production", more=""):
    return jobs(build="", deploy=f"needs: build, environment: {environment}{more}")


def test_a_job_waits_for_a_person_at_the_door_of_its_environment(lab):
    run_id = lab.run(deploy())
    assert lab.work() == ["build"]
    assert lab.statuses(run_id)["deploy"] == "blocked"
    assert "production" in lab.reason(run_id, "deploy")
    assert approve(lab.store, lab.named(run_id, "deploy"), "ada", lab.clock) == "deploy is approved."
    lab.tick()
    assert lab.work() == ["deploy"]
    assert lab.named(run_id, "deploy").approved_by == "ada"
    assert lab.status(run_id) == "success"


def test_an_approved_run_lets_all_in_that_waits(lab):
    run_id = lab.run(jobs(a="environment: production", b="environment: {name: Production}"))
    approve(lab.store, lab.store.queries.run(run_id), "ada", lab.clock)
    lab.tick()
    assert lab.work() == ["a", "b"]


def test_what_does_not_wait_cannot_be_approved(lab):
    run_id = lab.run(deploy("free"))
    with pytest.raises(EngineError, match="does not wait"):
        approve(lab.store, lab.named(run_id, "deploy"), "ada", lab.clock)


def test_an_environment_without_a_line_has_no_gate(lab):
    lab.run(deploy("elsewhere"))
    assert lab.work() == ["build", "deploy"]


def test_a_branch_that_may_not_enter_is_told_so(lab):
    run_id = lab.run(deploy("locked"))
    lab.work()
    assert lab.statuses(run_id)["deploy"] == "failed"
    assert lab.reason(run_id, "deploy") == "the environment locked takes no jobs of main"


def test_a_tag_is_no_branch(lab):
    run_id = lab.run(deploy(), ref="refs/tags/main")
    lab.work()
    assert lab.reason(run_id, "deploy") == "the environment production takes no jobs of refs/tags/main"


def test_a_name_may_hang_on_needs(lab):
    run_id = lab.run(deploy("'${{ needs.build.outputs.to }}'"))
    lab.finish(lab.start(), outputs={"to": "production"})
    assert lab.statuses(run_id)["deploy"] == "blocked"


def test_a_name_that_cannot_be_worked_out_keeps_the_job_out(lab):
    run_id = lab.run(deploy("'${{ fromJSON(needs.build.outputs.to) }}'"))
    lab.work()
    assert lab.statuses(run_id)["deploy"] == "failed"
    assert lab.reason(run_id, "deploy").startswith("environment: ")


def test_nobody_is_asked_for_what_does_not_run_anyway(lab):
    run_id = lab.run(deploy(more=", if: false"))
    lab.work()
    assert lab.statuses(run_id)["deploy"] == "skipped"


def test_a_cancelled_run_waits_for_nobody(lab):
    run_id = lab.run(deploy(more=", if: always()"))
    lab.work()
    lab.cancel(run_id)
    assert lab.statuses(run_id)["deploy"] == "cancelled"
    assert lab.status(run_id) == "cancelled"


def test_a_job_that_waits_can_be_cancelled(lab):
    run_id = lab.run(deploy())
    lab.work()
    lab.cancel_job(lab.named(run_id, "deploy").id)
    assert lab.statuses(run_id)["deploy"] == "cancelled"


def test_a_retry_asks_again(lab):
    run_id = lab.run(deploy())
    lab.work()
    approve(lab.store, lab.named(run_id, "deploy"), "ada", lab.clock)
    lab.tick()
    lab.work()
    lab.retry(run_id, "deploy")
    assert lab.statuses(run_id)["deploy"] == "blocked"


def test_a_job_that_waits_holds_no_concurrency_group(lab):
    run_id = lab.run(jobs(a="environment: production, concurrency: g", b="concurrency: g"))
    assert lab.statuses(run_id) == {"a": "blocked", "b": "queued"}


def test_secrets_of_an_environment_are_for_its_jobs_alone(lab):
    vault, now = lab.store.vault, lab.clock.now()
    vault.set(0, "key", "for all", now)
    vault.set(0, "key", "production of all", now, "Production")
    vault.set(7, "key", "production of one", now, "production")
    assert vault.values(7) == {"KEY": "for all"}
    assert vault.values(7, "PRODUCTION") == {"KEY": "production of one"}
    assert vault.values(8, "production") == {"KEY": "production of all"}
    assert [(one.repo_id, one.environment) for one in vault.list()] == [(0, ""), (0, "production"), (7, "production")]
    assert vault.remove(0, "KEY", "production") and not vault.remove(0, "KEY", "production")
    assert vault.values(7) == {"KEY": "for all"}
