"""Which jobs run in a swarm, and what of a job is refused there, with its line."""

import pytest

from engine.core.errors import ExecutorUnavailable
from engine.worker.job_box import plan_box
from engine.worker.precheck import Wanted, boxes
from pipelines.parse import parse_workflow
from pipelines.plan import plan_run

LABELS = {"far": "swarm:debian:12", "near": "debian:12", "self": "host"}
CONTEXTS = {"github": {}, "inputs": {}, "vars": {}}


def placed(job: str, executor: str = "docker") -> tuple[str, str | None]:
    workflow = parse_workflow(f"on: push\njobs:\n  a:\n    steps: [run: x]\n{job}", "ci.yml")
    plan = plan_box(workflow.jobs["a"], CONTEXTS, LABELS, executor)
    return plan.executor, plan.image


@pytest.mark.parametrize(
    ("job", "executor", "where"),
    [
        ("    runs-on: far", "docker", ("swarm", "debian:12")),
        ("    runs-on: near", "docker", ("docker", "debian:12")),
        ("    runs-on: near", "swarm", ("swarm", "debian:12")),
        ("    runs-on: self", "swarm", ("host", None)),
        ("    runs-on: far\n    container: node:22", "docker", ("swarm", "node:22")),
        ("    runs-on: near\n    container: node:22", "docker", ("docker", "node:22")),
        ("    runs-on: near\n    container: node:22", "swarm", ("swarm", "node:22")),
        ("    runs-on: [nowhere]\n    container: node:22", "docker", ("docker", "node:22")),
    ],
)
def test_a_label_or_the_executor_places_a_job_in_the_swarm(
    job: str, executor: str, where: tuple[str, str | None]
) -> None:
    assert placed(job, executor) == where


@pytest.mark.parametrize(
    ("job", "line", "what"),
    [
        ("    services:\n      db: {image: postgres}", 7, "has services"),
        ("    container:\n      image: x\n      ports: [80]", 7, "publishes ports"),
        ("    container:\n      image: x\n      volumes: ['data:/data']", 7, "names a volume"),
        ("    container:\n      image: x\n      options: --user 1000", 7, "asks for --user"),
        ("    container:\n      image: x\n      options: --network none", 7, "asks for --network"),
        ("    checkpoint: true", 3, "asks for checkpoints"),
        ("    hold: on-failure", 3, "asks for its box to be held"),
    ],
)
def test_what_a_task_elsewhere_cannot_have_is_refused_with_its_line(job: str, line: int, what: str) -> None:
    text = f"on: push\njobs:\n  a:\n    runs-on: far\n    steps: [run: x]\n{job}\n"
    workflow = parse_workflow(text, "ci.yml")
    with pytest.raises(ExecutorUnavailable, match=rf"ci.yml:{line}: Job a {what}"):
        boxes([Wanted(workflow, plan_run(workflow, CONTEXTS).jobs, CONTEXTS, LABELS, "docker")])


def test_a_container_action_is_refused_with_its_line() -> None:
    text = "on: push\njobs:\n  a:\n    runs-on: far\n    steps:\n      - run: x\n      - uses: docker://alpine\n"
    workflow = parse_workflow(text, "ci.yml")
    with pytest.raises(ExecutorUnavailable, match=r"ci\.yml:7: Job a uses the container action docker://alpine"):
        boxes([Wanted(workflow, plan_run(workflow, CONTEXTS).jobs, CONTEXTS, LABELS, "docker")])
