"""`jobs:` read into jobs, and their needs held against each other."""

from collections.abc import Collection
from dataclasses import replace

from pipelines import dag
from pipelines.called import parse_workflow_ref
from pipelines.errors import Finding, Place
from pipelines.model import Job, Tree
from pipelines.parse_containers import parse_container
from pipelines.parse_defaults import parse_concurrency, parse_defaults, parse_permissions
from pipelines.parse_services import parse_services
from pipelines.parse_steps import check_id, parse_steps
from pipelines.parse_strategy import check_spread, parse_strategy
from pipelines.policy import JOB_KEYS, read_hold, read_priority, read_resources, read_retry, read_timeout_minutes
from pipelines.reading import Fields, Reader
from pipelines.source import Mapping, Node, Scalar, Sequence

_COMMON = ("name", "needs", "if", "permissions", "concurrency", "strategy")
_OWN = (
    *_COMMON, *JOB_KEYS, "runs-on", "timeout-minutes", "cancel-timeout-minutes", "continue-on-error", "container",
    "services", "env", "environment", "outputs", "defaults", "steps", "snapshot",
)  # fmt: skip
_CALL = (*_COMMON, "uses", "with", "secrets")
_AT = "jobs.<job_id>."
_UNSUPPORTED = {"snapshot": "snapshot is"}
_GROUP_PREFIXES = ("org", "organization", "ent", "enterprise")

Needs = list[tuple[str, Place]]


def parse_jobs(reader: Reader, node: Node | None, only: Collection[str] | None = None) -> dict[str, Job]:
    """Return the jobs by id, in the order of the file; or `only` these, whose needs are not held against each other."""
    jobs: dict[str, Job] = {}
    needs: dict[str, Needs] = {}
    for key, value in reader.entries(node, "jobs"):
        if only is not None and key.text not in only:
            continue
        check_id(reader, key, key.text, "a job's id")
        unsupported: list[Finding] = []
        with reader.gathering(unsupported):
            job, needs[key.text] = _job(reader, key, value)
        jobs[key.text] = replace(job, unsupported=tuple(unsupported))
    if isinstance(node, Mapping) and not node.pairs:
        reader.error(node.place, "jobs is empty", "a workflow needs at least one job")
    if only is None:
        _check_needs(reader, needs)
    return jobs


def _job(reader: Reader, key: Scalar, node: Node) -> tuple[Job, Needs]:
    calls = isinstance(node, Mapping) and any(name.text == "uses" for name, _ in node.pairs)
    what = f"the job {key.text[:60]}"
    if calls:
        fields = reader.fields(node, f"{what}, which calls a workflow,", _CALL)
    else:
        fields = reader.fields(node, what, _OWN, ("runs-on",))
    needs = _needs(reader, fields.get("needs"))
    job = Job(
        key=key.text,
        place=key.place,
        name=reader.template(fields.get("name"), "name", _AT + "name"),
        needs=tuple(dict.fromkeys(need for need, _ in needs)),
        condition=reader.condition(fields.get("if"), "if", _AT + "if"),
        strategy=parse_strategy(reader, fields.get("strategy")),
        concurrency=parse_concurrency(reader, fields.get("concurrency"), _AT + "concurrency"),
        permissions=parse_permissions(reader, fields.get("permissions")),
    )
    return (_with_call(reader, job, fields) if calls else _with_steps(reader, job, fields)), needs


def _with_steps(reader: Reader, job: Job, fields: Fields) -> Job:
    """Return `job` with what only a job that has steps can say."""
    for name, phrase in _UNSUPPORTED.items():
        if name in fields:
            reader.refuse(fields.places[name], phrase)
    if "snapshot" in fields:
        _check_snapshot(reader, fields["snapshot"])
    if "cancel-timeout-minutes" in fields:
        reader.amount(fields["cancel-timeout-minutes"], "cancel-timeout-minutes", _AT + "timeout-minutes")
        place = fields.places["cancel-timeout-minutes"]
        reader.warn(place, "cancel-timeout-minutes has no effect: the server's grace period holds")
    steps = fields.get("steps")
    if steps is None or (isinstance(steps, Sequence) and not steps.items):
        reader.warn(job.place, "the job has no steps: it does nothing here, and GitHub refuses the file")
    found = replace(
        job,
        runs_on=_runs_on(reader, fields.get("runs-on")),
        container=parse_container(reader, fields.get("container")),
        services=parse_services(reader, fields.get("services")),
        env=reader.table(fields.get("env"), "env", _AT + "env", whole=True),
        defaults=parse_defaults(reader, fields.get("defaults"), _AT + "defaults.run"),
        outputs=reader.table(fields.get("outputs"), "outputs", _AT + "outputs.<output_id>"),
        steps=parse_steps(reader, steps),
        continue_on_error=reader.flag(fields.get("continue-on-error"), "continue-on-error", _AT + "continue-on-error"),
        timeout_minutes=read_timeout_minutes(reader, fields.get("timeout-minutes"), _AT + "timeout-minutes"),
        environment=_environment(reader, fields.get("environment")),
        retry=read_retry(reader, fields.get("retry")),
        priority=read_priority(reader, fields.get("priority")),
        resources=read_resources(reader, fields.get("resources")),
        checkpoint=reader.boolean(fields.get("checkpoint"), "checkpoint"),
        hold=read_hold(reader, fields.get("hold")),
    )
    check_spread(reader, found)
    return found


def _with_call(reader: Reader, job: Job, fields: Fields) -> Job:
    """Return `job` with what only the call of a reusable workflow can say."""
    node = fields["uses"]
    uses = reader.text(node, "uses")
    if uses is not None:
        try:
            parse_workflow_ref(uses)
        except ValueError as error:
            reader.error(node.place, f"uses: {error}")
    values: dict[str, Tree] = {}
    for key, value in reader.entries(fields.get("with"), "with"):
        if isinstance(value, Scalar):
            values[key.text] = reader.tree(value, f"with.{key.text}", _AT + "with.<with_id>")
        else:
            reader.error(value.place, f"with.{key.text} must be text, a number, true or false")
    secrets = fields.get("secrets")
    inherit = isinstance(secrets, Scalar) and reader.choice(secrets, "secrets", ("inherit",)) is not None
    passed = reader.table(secrets, "secrets", _AT + "secrets.<secrets_id>") if not isinstance(secrets, Scalar) else {}
    return replace(job, uses=uses, uses_place=node.place, with_=values, secrets=passed, inherit_secrets=inherit)


def _needs(reader: Reader, node: Node | None) -> Needs:
    if node is None:
        return []
    items = node.items if isinstance(node, Sequence) else [node]
    return [(text, item.place) for item in items if (text := reader.text(item, "needs")) is not None]


def _runs_on(reader: Reader, node: Node | None) -> Tree:
    """Return the label or labels. Treadle has no groups of runners: of a mapping, its labels count."""
    if isinstance(node, Mapping):
        fields = reader.fields(node, "runs-on", ("group", "labels"))
        _check_group(reader, fields.get("group"))
        if "labels" not in fields:
            reader.refuse(node.place, "runs-on without a label is")
        return _labels(reader, fields.get("labels"))
    return _labels(reader, node)


def _labels(reader: Reader, node: Node | None) -> Tree:
    if not isinstance(node, Sequence):
        return reader.template(node, "runs-on", _AT + "runs-on", empty=False)
    if not node.items:
        reader.error(node.place, "runs-on is empty")
    return [reader.template(item, "runs-on", _AT + "runs-on", empty=False) for item in node.items]


def _check_group(reader: Reader, node: Node | None) -> None:
    group = reader.template(node, "runs-on.group", _AT + "runs-on", empty=False)
    if group is None or node is None:
        return
    prefix, slash, name = group.text.partition("/")
    if group.is_literal and slash and (prefix not in _GROUP_PREFIXES or not name or "/" in name):
        hint = "write the group's name, with organization/ or enterprise/ in front at most"
        reader.error(node.place, f"{group.text[:60]!r} is no group of runners", hint)
    else:
        reader.warn(node.place, "runs-on.group has no effect: Treadle has no groups of runners")


def _environment(reader: Reader, node: Node | None) -> Tree:
    if not isinstance(node, Mapping):
        return reader.template(node, "environment", _AT + "environment")
    fields = reader.fields(node, "environment", ("name", "url", "deployment"), ("name",))
    name = reader.template(fields.get("name"), "environment.name", _AT + "environment")
    url = reader.template(fields.get("url"), "environment.url", _AT + "environment.url")
    deployment = reader.flag(fields.get("deployment"), "environment.deployment", _AT + "environment")
    return {"name": name, "url": url, "deployment": deployment}


def _check_snapshot(reader: Reader, node: Node) -> None:
    if not isinstance(node, Mapping):
        reader.text(node, "snapshot")
        return
    fields = reader.fields(node, "snapshot", ("image-name", "if", "version"), ("image-name",))
    reader.text(fields.get("image-name"), "snapshot.image-name")
    reader.text(fields.get("version"), "snapshot.version")
    reader.condition(fields.get("if"), "snapshot.if", _AT + "name")


def _check_needs(reader: Reader, needs: dict[str, Needs]) -> None:
    """Complain of needs that nothing meets: unknown jobs, and circles, one complaint for each of them."""
    for key, wanted in needs.items():
        for need, place in wanted:
            if need == key:
                reader.error(place, f"the job {key!r} needs itself")
            elif need not in needs:
                near = [name for name in needs if name.lower() == need.lower()]
                reader.unknown(Scalar(place.line, place.column, need, need), "jobs", near or needs, "job")
    edges = {key: [need for need, _ in wanted if need in needs and need != key] for key, wanted in needs.items()}
    while (cycle := dag.find_cycle(edges)) is not None:
        key, need = cycle[0], cycle[1]
        place = next(place for name, place in needs[key] if name == need)
        shown = cycle if len(cycle) <= 12 else [*cycle[:10], "…", cycle[-1]]
        reader.error(place, f"the jobs need each other in a circle: {' → '.join(shown)}")
        edges[key].remove(need)
