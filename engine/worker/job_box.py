"""Where a job runs: from `runs-on:`, `container:` and the labels map to an executor, an image and its options."""

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from difflib import get_close_matches
from typing import Any

from engine.core.errors import ExecutorUnavailable
from engine.worker.actions.built_in.registry import lookup
from engine.worker.executor import Credentials
from engine.worker.job_services import (
    plan_services,
    read_credentials,
    read_env,
    read_options,
    read_ports,
    read_volumes,
)
from engine.worker.kind import DOCKER, HOST, Asked
from engine.worker.kinds import KINDS, named_by
from engine.worker.services import ServicePlan
from pipelines.container_options import BoxOptions, ContainerOptions
from pipelines.errors import ExpressionError
from pipelines.model import Job, Step
from pipelines.ports import Port
from pipelines.records import dataclass
from pipelines.template import resolve
from pipelines.volumes import Volume


@dataclass(frozen=True, slots=True)
class BoxPlan:
    """What a job's box will be. `image` is None on the host executor."""

    executor: str
    image: str | None
    env: Mapping[str, str] = field(default_factory=dict)
    options: BoxOptions = field(default_factory=BoxOptions)
    cpus: float | None = None
    memory_bytes: int | None = None
    ports: tuple[Port, ...] = ()
    volumes: tuple[Volume, ...] = ()
    credentials: Credentials | None = None
    services: tuple[ServicePlan, ...] = ()


def plan_box(
    job: Job,
    contexts: Mapping[str, Any],
    labels: Mapping[str, str],
    executor: str,
    checkpoint: bool = False,
    made: tuple[str, str] | None = None,
) -> BoxPlan:
    """Return where `job` runs, and beside what. `labels` maps runs-on labels to images, which may name an executor
    (`KINDS`), or `host`; `executor` is whose turn it is else. `checkpoint`: a person wishes it to be kept.
    `made` are the executor and the image, or `host`, of a box that is there already: it stays what it is.

    Raises ExecutorUnavailable with the fix when nothing maps, Refused for what the executor does not have;
    ExpressionError when an expression fails.
    """
    container = job.container
    image, options = "", ContainerOptions()
    if container is not None:
        image = container.image.string(contexts).strip()
        options = read_options(container, contexts, "container.options")
    executor, image = made or _place(job, contexts, labels, executor, image)
    env = read_env(container, contexts, "container.env") if container else {}
    services = plan_services(job, contexts, image == HOST) if job.services else ()
    if image == HOST:
        return BoxPlan(HOST, None, env, services=services)
    if services and options.box.network is not None:
        raise ExpressionError("evaluation", "container.options: a job with services is in their network: no --network")
    resources = job.resources
    plan = BoxPlan(
        executor,
        image,
        {**env, **options.env},
        options.box,
        options.cpus or (resources.cpus if resources else None),
        options.memory_bytes or (resources.memory_bytes if resources else None),
        services=services,
    )
    if container is not None:
        plan = replace(
            plan,
            ports=read_ports(container, contexts, "container.ports"),
            volumes=read_volumes(container, contexts, "container.volumes"),
            credentials=read_credentials(container, contexts, "container.credentials"),
        )
    KINDS[executor].refuse(Asked(job, plan.options, services, plan.ports, plan.volumes, checkpoint))
    return plan


def _place(
    job: Job, contexts: Mapping[str, Any], labels: Mapping[str, str], executor: str, image: str
) -> tuple[str, str]:
    """Return the executor of a job, and the image or `host`; `image` is its container's. Raises as `plan_box`."""
    if image and executor == HOST:
        raise ExecutorUnavailable(
            f"Job {job.key} asks for the container {image}, and the host executor has none.",
            "Run it with Docker, or without `container:`.",
        )
    if not image:
        image = HOST if executor == HOST else label_image(job, contexts, labels)
    elif labels and executor == DOCKER:
        executor, _ = named_by(_label_of(job, contexts, labels), executor)
    return named_by(image, executor)


def starts_with_checkout(steps: Iterable[Step]) -> bool:
    """Whether the first thing the job does is a plain checkout, so that nobody can see an empty workspace."""
    first = next(iter(steps), None)
    return (
        first is not None
        and _is_checkout(first)
        and first.condition is None
        and not (first.with_.keys() - {"fetch-depth", "clean", "persist-credentials"})
    )


def wants_source(steps: Iterable[Step]) -> bool:
    """Whether a checkout may be asked for: by a step, or within a local action, which is itself checked out first."""
    return any(_is_checkout(step) for step in steps)


def _is_checkout(step: Step) -> bool:
    action = lookup(step.uses) if step.uses else None
    return action is not None and action.name == "actions/checkout"


def label_image(job: Job, contexts: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """Return the image, or `host`, of the first label of a job that is mapped. Raises as `plan_box`."""
    names = _labels(job, contexts)
    for name in names:
        if name in labels:
            return labels[name]
    if not names:
        raise ExecutorUnavailable(
            f"Job {job.key} has no label to run on: its `runs-on` comes to nothing.",
            "A value that its expression names may be missing; `--var NAME=VALUE` sets one of `vars`.",
        )
    near = get_close_matches(names[0], labels, n=1)
    hint = f" (did you mean {near[0]}?)" if near else f"; known: {', '.join(sorted(labels)) or 'none'}"
    raise ExecutorUnavailable(
        f"Job {job.key} runs on {', '.join(names)}, and no such label is mapped to an image{hint}.",
        f"Add it under `labels:` in treadle.yml, or run with --label {names[0]}=IMAGE.",
    )


def _label_of(job: Job, contexts: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """Return what the first label that is mapped is mapped to, '' where none is."""
    return next((labels[name] for name in _labels(job, contexts) if name in labels), "")


def _labels(job: Job, contexts: Mapping[str, Any]) -> list[str]:
    asked = resolve(job.runs_on, contexts)
    wanted = asked.get("labels", []) if isinstance(asked, dict) else asked
    return [str(name) for name in (wanted if isinstance(wanted, list) else [wanted]) if name not in (None, "")]
