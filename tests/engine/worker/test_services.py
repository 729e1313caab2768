"""The laws of waiting for services, and of what a job's `services:` become."""

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from engine.core.clock import SystemClock
from engine.core.errors import EngineError
from engine.worker.docker.services import health_config, patience_s
from engine.worker.executor import Credentials
from engine.worker.job_services import plan_services
from engine.worker.services import ServiceState, await_healthy
from pipelines.container_options import BoxOptions, Health
from pipelines.errors import ExpressionError
from pipelines.parse import parse_workflow
from pipelines.ports import Port
from pipelines.volumes import Volume

STARTING, HEALTHY = ServiceState("starting", patience_s=60), ServiceState("healthy")


def wait(*looks: Mapping[str, ServiceState]) -> list[str]:
    """Wait for services that look like this one after another; return what was said."""
    said: list[str] = []
    following: Iterator[Mapping[str, ServiceState]] = iter(looks)
    await_healthy(lambda: next(following), said.append, lambda: None, SystemClock())
    return said


def test_each_change_of_a_service_is_told_once() -> None:
    plain = ServiceState("running")
    said = wait({"db": STARTING, "web": plain}, {"db": STARTING, "web": plain}, {"db": HEALTHY, "web": plain})
    assert [line.rpartition(" after ")[0] or line for line in said] == [
        "Service db: starting, its health check decides (at most 60 s)",
        "Service web: running",
        "Service db: healthy",
    ]


def test_a_service_that_is_not_healthy_fails_the_job_with_its_last_word() -> None:
    with pytest.raises(EngineError, match=r"The service db is not healthy\. Its last word: no route"):
        wait({"db": STARTING}, {"db": ServiceState("unhealthy", detail="no route")})


def test_a_service_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(EngineError, match="The service db was not healthy within 0 s"):
        wait({"db": ServiceState("starting", patience_s=0.0)})


def test_a_service_that_has_ended_is_warned_of() -> None:
    said = wait({"db": ServiceState("exited", exit_code=3)})
    assert said == ["##[warning]The service db has ended already, with exit code 3."]


def test_who_no_longer_wants_the_job_ends_the_wait() -> None:
    cancelled = threading.Event()

    def check_in() -> None:
        if cancelled.is_set():
            raise TimeoutError
        cancelled.set()

    with pytest.raises(TimeoutError):
        await_healthy(lambda: {"db": STARTING}, lambda _: None, check_in, SystemClock())


def test_a_health_check_says_what_is_set_and_leaves_the_rest_to_the_image() -> None:
    assert health_config(Health("true", 1.5, retries=3)) == {
        "Test": ["CMD-SHELL", "true"], "Interval": 1_500_000_000, "Retries": 3,
    }  # fmt: skip
    assert health_config(Health(off=True)) == {"Test": ["NONE"]}
    assert patience_s({"Interval": 1e9, "Timeout": 2e9, "Retries": 4, "StartPeriod": 10e9}) == 10 + 5 * 3 + 30
    assert patience_s({}) == 4 * 60 + 30


SERVICES = """
on: push
jobs:
  a:
    runs-on: x
    steps: [run: x]
    services:
      db:
        image: postgres:${{ matrix.version }}
        env: {PASSWORD: "${{ secrets.P }}", WHERE: "${{ env.HERE }}"}
        ports: ["5433:5432", "${{ vars.PORT }}"]
        volumes: ["data:${{ vars.PLACE }}"]
        options: --health-cmd ${{ vars.CHECK }} --memory 1g --env X=1 --name base
        credentials: {username: me, password: "${{ secrets.P }}"}
        entrypoint: /start
        command: run --say 'two words'
      none: {image: "${{ vars.NOTHING }}", ports: ["5433:1"]}
"""
VARS = {"PORT": "80", "PLACE": "/d", "CHECK": "true"}
CONTEXTS: dict[str, Any] = {
    "matrix": {"version": 16}, "secrets": {"P": "hidden"}, "env": {"HERE": "there"},
    "vars": VARS,
}  # fmt: skip


def test_the_expressions_of_a_service_are_worked_out_and_one_without_an_image_is_left_out() -> None:
    [db] = plan_services(parse_workflow(SERVICES, "ci.yml").jobs["a"], CONTEXTS, on_machine=False)
    assert (db.image, db.env) == ("postgres:16", {"PASSWORD": "hidden", "WHERE": "there", "X": "1"})
    assert (db.ports, db.volumes) == ((Port(5432, 5433), Port(80, 80)), (Volume("/d", "data"),))
    assert (db.health, db.memory_bytes, db.options) == (Health("true"), 1 << 30, BoxOptions(aliases=("base",)))
    assert (db.entrypoint, db.command) == (("/start",), ("run", "--say", "two words"))
    assert db.credentials == Credentials("me", "hidden")
    assert "hidden" not in repr(db.credentials)


def test_on_this_machine_the_machine_picks_the_ports_that_are_left_open() -> None:
    [db] = plan_services(parse_workflow(SERVICES, "ci.yml").jobs["a"], CONTEXTS, on_machine=True)
    assert db.ports == (Port(5432, 5433), Port(80, None))


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"PORT": "http"}, "services.db.ports: 'http'"), ({"PORT": "5433:1"}, "services.ports: two"),
        ({"PLACE": "d"}, "services.db.volumes"),
        ({"CHECK": "x --privileged"}, "services.db.options: the option --privileged"),
    ],
)  # fmt: skip
def test_what_an_expression_brings_is_looked_at_like_what_is_written(given: Mapping[str, str], named: str) -> None:
    contexts = {**CONTEXTS, "vars": {**VARS, **given}}
    with pytest.raises(ExpressionError, match=named):
        plan_services(parse_workflow(SERVICES, "ci.yml").jobs["a"], contexts, on_machine=False)


def test_credentials_without_a_password_are_none() -> None:
    with pytest.raises(ExpressionError, match=r"services\.db\.credentials: the password is empty"):
        plan_services(parse_workflow(SERVICES, "ci.yml").jobs["a"], {**CONTEXTS, "secrets": {}}, on_machine=False)
