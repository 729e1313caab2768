"""`steps:` of a job or of a composite action, read into steps."""

import re

from pipelines.action_refs import parse_action_ref
from pipelines.model import Step
from pipelines.policy import read_timeout_minutes
from pipelines.reading import Fields, Names, Reader
from pipelines.records import dataclass
from pipelines.source import Mapping, Node, Scalar
from pipelines.template import Template

_COMMON = ("name", "id", "if", "env", "continue-on-error")
_RUN = ("run", "shell", "working-directory")
_USES = ("uses", "with")
_BACKGROUND = ("wait", "wait-all", "cancel", "parallel")  # steps of their own that steer background steps
_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_LONGEST_ID = 99


@dataclass(frozen=True, slots=True)
class StepRules:
    """Where steps of a job and of an action differ: the expressions they allow, and what a run step must say."""

    texts: str | Names = "jobs.<job_id>.steps.run"
    condition: str | Names = "jobs.<job_id>.steps.if"
    shell: Names = (frozenset(), frozenset())
    keys: tuple[str, ...] = (*_COMMON, "timeout-minutes", "background")
    shell_required: bool = False


JOB_STEPS = StepRules()


def parse_steps(reader: Reader, node: Node | None, rules: StepRules = JOB_STEPS) -> tuple[Step, ...]:
    ids: set[str] = set()
    read = (_step(reader, item, rules, ids) for item in reader.items(node, "steps"))
    return tuple(step for step in read if step is not None)


def check_id(reader: Reader, name: Scalar, text: str, what: str) -> bool:
    """Return whether `text` may name a job or a step, complaining if not."""
    if not _ID.fullmatch(text) or len(text) > _LONGEST_ID:
        hint = "letters, digits, - and _, a letter or _ first, fewer than 100"
        reader.error(name.place, f"{text[:60]!r} cannot be {what}", hint)
        return False
    if text.startswith("__"):
        reader.error(name.place, f"{text!r} cannot be {what}: names with __ in front are reserved")
        return False
    return True


def _step(reader: Reader, node: Node, rules: StepRules, ids: set[str]) -> Step | None:
    if not isinstance(node, Mapping):
        list(reader.entries(node, "the step"))  # which says so
        return None
    known = {key.text for key, _ in node.pairs}
    special = next((name for name in _BACKGROUND if name in known), None)
    if special and rules is JOB_STEPS and not known & {"run", "uses"}:
        _check_background(reader, node, special, ids)
        return None
    if {"run", "uses"} <= known or (known and not known & {*_RUN, *_USES}):
        fields = reader.fields(node, "the step", (*rules.keys, *_RUN, *_USES))
        reader.error(node.place, f"the step has {'both run and' if 'run' in known else 'neither run nor'} uses")
    elif "run" in known or (known & {*_RUN} and "uses" not in known):
        required = ("run", "shell") if rules.shell_required else ("run",)
        fields = reader.fields(node, "the step with run", (*rules.keys, *_RUN), required)
    else:
        fields = reader.fields(node, "the step with uses", (*rules.keys, *_USES), ("uses",))
    if "background" in fields and reader.boolean(fields["background"], "background"):
        reader.refuse(fields.places["background"], "a background step is")
    return _read(reader, node, fields, rules, ids)


def _read(reader: Reader, node: Node, fields: Fields, rules: StepRules, ids: set[str]) -> Step:
    def text(key: str, names: str | Names = rules.texts, empty: bool = True) -> Template | None:
        return reader.template(fields.get(key), key, names, empty)

    timeout = fields.get("timeout-minutes")
    return Step(
        place=node.place,
        key=_key(reader, fields.get("id"), ids),
        name=text("name"),
        condition=reader.condition(fields.get("if"), "if", rules.condition),
        run=text("run"),
        uses=_uses(reader, fields.get("uses")),
        uses_place=fields["uses"].place if "uses" in fields else None,
        with_=reader.table(fields.get("with"), "with", rules.texts, whole=True),
        env=reader.table(fields.get("env"), "env", rules.texts, whole=True),
        shell=text("shell", rules.shell, empty=False),
        working_directory=text("working-directory", empty=False),
        continue_on_error=reader.flag(fields.get("continue-on-error"), "continue-on-error", rules.texts),
        timeout_minutes=read_timeout_minutes(reader, timeout, "jobs.<job_id>.steps.timeout-minutes"),
    )


def _key(reader: Reader, node: Node | None, ids: set[str]) -> str:
    text = reader.text(node, "id")
    if text is None or not isinstance(node, Scalar) or not check_id(reader, node, text, "a step's id"):
        return ""
    if text.lower() in ids:
        reader.error(node.place, f"the step id {text!r} is there twice", "ids are compared without regard to case")
    ids.add(text.lower())
    return text


def _uses(reader: Reader, node: Node | None) -> str | None:
    uses = reader.text(node, "uses")
    if uses is None or node is None:
        return None
    try:
        parse_action_ref(uses)
    except ValueError as error:
        reader.error(node.place, f"uses: {error}")
        return None
    return uses


def _check_background(reader: Reader, node: Node, special: str, ids: set[str]) -> None:
    """Check a step that steers background steps; there is nothing to run it with yet."""
    fields = reader.fields(node, f"the step with {special}", ("name", "id", "continue-on-error", special))
    if "id" in fields:
        _key(reader, fields["id"], ids)
    if special == "parallel":
        parse_steps(reader, fields["parallel"])
    elif special in ("wait", "cancel"):
        for name in reader.texts(fields[special], special):
            if name.lower() not in ids:
                reader.error(fields[special].place, f"{special}: no step above has the id {name!r}")
    reader.refuse(fields.places[special], f"a step with {special} is")
