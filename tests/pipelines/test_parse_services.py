"""The laws of `services:`, and of what a job's own container shares with them."""

import pytest

from pipelines.errors import WorkflowError
from pipelines.model import Job
from pipelines.parse import parse_workflow


def job(lines: str) -> Job:
    text = f"on: push\njobs:\n  a:\n    runs-on: x\n    steps: [run: x]\n    {lines}\n"
    return parse_workflow(text, "ci.yml").jobs["a"]


def faults(lines: str) -> list[str]:
    try:
        job(lines)
    except WorkflowError as error:
        return [finding.message for finding in error.findings]
    return []


def test_a_service_is_read_with_all_that_it_says() -> None:
    found = job("""services:
      db:
        image: postgres:${{ matrix.version }}
        env: {POSTGRES_PASSWORD: "${{ secrets.P }}"}
        ports: [5432:5432, "${{ vars.PORT }}:80"]
        volumes: [data:/var/lib/postgresql]
        options: --health-cmd pg_isready --health-interval 10s
        credentials: {username: u, password: "${{ secrets.P }}"}
        entrypoint: /start
        command: -c shared_buffers=1
      cache: redis
    """)
    db, cache = found.services["db"], found.services["cache"]
    assert found.unsupported == ()
    assert (db.image.text, [port.text for port in db.ports]) == (
        "postgres:${{ matrix.version }}", ["5432:5432", "${{ vars.PORT }}:80"],
    )  # fmt: skip
    assert (db.entrypoint and db.entrypoint.text, db.command and db.command.text) == (
        "/start", "-c shared_buffers=1",
    )  # fmt: skip
    assert (cache.image.text, cache.entrypoint) == ("redis", None)


@pytest.mark.parametrize("image", ["{image: ''}", "{image: '${{ vars.NONE }}'}", "''"])
def test_a_service_may_have_no_image_for_then_it_is_left_out(image: str) -> None:
    assert job(f"services: {{db: {image}}}").services["db"].image.text in ("", "${{ vars.NONE }}")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("services: {1db: x}", "a service's name"), ("services: {db: {image: x, port: [1]}}", "'port'"),
        ("services: {db: {image: x, ports: [http]}}", "no port"), ("services: {db: {image: x, ports: 80}}", "a list"),
        ("services: {db: {image: x, volumes: [a]}}", "no volume"),
        ("services: {db: {image: x, options: --health-interval soon}}", "--health-interval"),
        ("services: {a: {image: x, ports: ['80:1']}, b: {image: x, ports: ['80:2']}}", "services.b.ports: two"),
        ("services: {db: {image: x, env: {A: '${{ steps.x.outputs.y }}'}}}", "steps"),
        ("container: {image: x, ports: [http]}", "container.ports"), ("container: {image: x, command: y}", "'command'"),
        ("services: {db: {image: x, options: --memory lots}}", "--memory"),
    ],
)  # fmt: skip
def test_what_no_service_can_be_is_refused_by_name(lines: str, words: str) -> None:
    [fault] = faults(lines)
    assert words in fault


def test_a_health_check_of_the_jobs_own_container_is_told_to_have_no_effect() -> None:
    workflow = parse_workflow(
        "on: push\njobs:\n  a:\n    runs-on: x\n    steps: [run: x]\n"
        "    container: {image: x, options: --health-cmd true}\n",
        "ci.yml",
    )
    assert ["no effect" in finding.message for finding in workflow.findings] == [True]
    assert workflow.jobs["a"].unsupported == ()
