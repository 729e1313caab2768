"""What passes between a job that calls a workflow and that workflow: typed inputs in, outputs out."""

from collections.abc import Mapping

from pipelines.called import Called
from pipelines.errors import ExpressionError, Finding, Place, WorkflowError
from pipelines.evaluation import Contexts, Evaluator, refusal
from pipelines.json_value import Json
from pipelines.model import Input, Job, Tree
from pipelines.template import Template, resolve
from pipelines.values import kind_of, to_string

_ZERO: dict[str, Json] = {"boolean": False, "number": 0, "string": ""}


def call_inputs(path: str, job: Job, contexts: Contexts, called: Called, inner: Contexts) -> dict[str, Json]:
    """Return the `inputs` that a called workflow sees. `path` is the calling workflow's, `inner` what defaults see.

    An input that is not given, and one that comes to nothing, has its default, else false, 0 or no text. A value of
    another type than the declared one is refused, as on GitHub. Raises WorkflowError with every place that is wrong.
    """
    assert called.trigger is not None and job.uses_place is not None
    given = {name.lower(): value for name, value in job.with_.items()}
    evaluator, defaults = Evaluator(path, contexts), Evaluator(called.workflow.path, inner)
    findings: list[Finding] = []
    inputs: dict[str, Json] = {}
    for name, declared in called.trigger.inputs.items():
        written = given.get(name.lower())
        place = written.place if isinstance(written, Template) else job.uses_place
        try:
            value = None if written is None else _resolved(evaluator, written, place)
            if value is None:
                value = _default(defaults, declared)
            inputs[name] = _typed(path, declared, value, place)
        except WorkflowError as error:
            findings += error.findings
    if findings:
        raise WorkflowError(path, tuple(findings))
    return inputs


def call_outputs(called: Called, contexts: Contexts, jobs: Mapping[str, Json]) -> dict[str, str]:
    """Return what a called workflow hands back once its jobs are over. `contexts` holds its github, inputs and vars.

    Raises ExpressionError.
    """
    seen = {**contexts, "jobs": dict(jobs)}
    outputs = called.trigger.outputs if called.trigger else {}
    return {name: template.string(seen) for name, template in outputs.items()}


def _default(evaluator: Evaluator, declared: Input) -> Json:
    if declared.default is None:
        return _ZERO.get(declared.type, "")
    value = _resolved(evaluator, declared.default, declared.place)
    return _ZERO.get(declared.type, "") if value is None else value


def _resolved(evaluator: Evaluator, value: Tree, place: Place) -> Json:
    try:
        return resolve(value, evaluator.contexts)
    except ExpressionError as error:
        raise refusal(evaluator.path, place, error.message) from None


def _typed(path: str, declared: Input, value: Json, place: Place) -> Json:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if (declared.type == "boolean" and isinstance(value, bool)) or (declared.type == "number" and number):
        return value
    if declared.type == "string" and not isinstance(value, dict | list):
        return to_string(value)
    wanted = {"boolean": "true or false", "number": "a number"}.get(declared.type, "a text")
    hint = "fromJSON makes true, false and numbers of texts" if isinstance(value, str) else ""
    raise refusal(path, place, f"the input {declared.name} must be {wanted}, not {kind_of(value)}", hint or None)
