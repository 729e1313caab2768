"""The laws of secrets on their way to a called job: named or inherited, and hidden wherever they came from."""

import json

import pytest

from engine.core.job_contexts import workflow_facts
from engine.worker.job_secrets import secrets_of
from tests.engine.fakes import Lab, jobs

CALLED = "on: {workflow_call: {secrets: {token: {required: false}}}}\n"
INNER = CALLED + jobs(job="")
NEXT = CALLED + "jobs:\n  next: {uses: ./inner.yml, secrets: %s}"


def seen(lab: Lab, secrets: str, files: dict[str, str], name: str, **source: object) -> tuple[dict[str, str], set[str]]:
    sealed = lab.store.secrets.seal({"A": "alpha", "GITHUB_TOKEN": "gt"})
    text = f"jobs:\n  call: {{uses: ./{next(iter(files))}, secrets: {secrets}}}"
    run_id = lab.run(text, files=files, secrets=sealed, source=source)
    found = secrets_of(lab.store.queries.facts(lab.named(run_id, name).id), lab.store, "prod")
    return found.seen, set(found.hidden)


@pytest.mark.parametrize(
    ("secrets", "expected"),
    [
        ("inherit", {"A": "alpha", "GITHUB_TOKEN": "gt"}),
        ("{token: '${{ secrets.A }}!'}", {"token": "alpha!", "GITHUB_TOKEN": "gt"}),
        ("{}", {"GITHUB_TOKEN": "gt"}),
    ],
)
def test_a_called_job_sees_what_it_is_handed(lab: Lab, secrets: str, expected: dict[str, str]) -> None:
    found, hidden = seen(lab, secrets, {"inner.yml": INNER}, "call / job")
    assert found == expected
    assert hidden >= {"alpha", "gt", *expected.values()}


def test_each_level_hands_on_of_its_own(lab: Lab) -> None:
    files = {"next.yml": NEXT % "{token: '${{ secrets.token }}?'}", "inner.yml": INNER}
    found, hidden = seen(lab, "{token: '${{ secrets.A }}!'}", files, "call / next / job")
    assert found == {"token": "alpha!?", "GITHUB_TOKEN": "gt"}
    assert {"alpha", "alpha!", "alpha!?"} <= hidden


def test_an_environments_secrets_go_to_runs_that_may_see_the_vault(lab: Lab) -> None:
    lab.store.vault.set(1, "A", "of prod", lab.clock.now(), "prod")
    assert seen(lab, "{}", {"inner.yml": INNER}, "call / job")[0] == {"GITHUB_TOKEN": "gt"}
    assert seen(lab, "{}", {"inner.yml": INNER}, "call / job", vault=1)[0]["A"] == "of prod"
    assert "A" not in seen(lab, "{}", {"inner.yml": INNER}, "call / job", vault=None)[0]


def test_a_job_knows_the_file_that_it_is_of(lab: Lab) -> None:
    run_id = lab.run("jobs:\n  call: {uses: ./inner.yml}", files={"inner.yml": INNER})
    told = workflow_facts(lab.store.queries.facts(lab.named(run_id, "call / job").id))
    assert told["workflow_file_path"] == "inner.yml"
    assert json.dumps(told)
