"""An action.yml's text in, an `Action` out."""

from dataclasses import replace

from pipelines.errors import WorkflowError
from pipelines.model import Action, Input, Tree
from pipelines.parse_steps import StepRules, parse_steps
from pipelines.reading import Names, Reader
from pipelines.source import Mapping, Node, SourceError, read
from pipelines.template import Template

_BASE = frozenset(["github", "strategy", "matrix", "job", "runner"])
_OUTPUT = _BASE | {"inputs", "steps", "env"}
_HASH = frozenset({"hashFiles"})
_DEFAULT: Names = (_BASE, _HASH)
_OUTPUTS: Names = (_OUTPUT, frozenset())
_STEP: Names = (_OUTPUT, _HASH)
_STEP_IF: Names = (_OUTPUT, _HASH | {"always", "success", "failure", "cancelled"})
_INPUTS: Names = (frozenset({"inputs"}), frozenset())
COMPOSITE_STEPS = StepRules(
    texts=_STEP,
    condition=_STEP_IF,
    shell=_STEP,
    keys=("name", "id", "if", "env", "continue-on-error"),
    shell_required=True,
)
COMPOSITE, DOCKER = "composite", "docker"
_NODE = ("node12", "node16", "node20", "node24")
_RUNS = {
    COMPOSITE: ("using", "steps"),
    DOCKER: ("using", "image", "entrypoint", "args", "env", "pre-entrypoint", "pre-if", "post-entrypoint", "post-if"),
} | dict.fromkeys(_NODE, ("using", "main", "pre", "pre-if", "post", "post-if"))
_REQUIRED = {COMPOSITE: ("steps",), DOCKER: ("image",)} | dict.fromkeys(_NODE, ("main",))


def parse_action(text: str | bytes, path: str) -> Action:
    """Read an action's metadata; `findings` are its warnings. Raises WorkflowError with every complaint at once."""
    try:
        document = read(text)
    except SourceError as error:
        raise WorkflowError(path, (error.finding,)) from None
    reader = Reader(document)
    known = ("name", "author", "description", "inputs", "outputs", "runs", "branding")
    fields = reader.fields(document.root, "the action", known, ("runs",))
    for key in ("author", "description"):
        reader.text(fields.get(key), key, empty=True)
    name = reader.text(fields.get("name"), "name", empty=True)
    action = Action(
        path=path,
        name=name or path,
        using="",
        place=document.root.place,
        inputs={k.text: _input(reader, k.text, v) for k, v in reader.entries(fields.get("inputs"), "inputs")},
    )
    if "runs" in fields:
        action = _runs(reader, fields["runs"], action)
    action = replace(action, outputs=_outputs(reader, fields.get("outputs"), action.using))
    if reader.failed():
        raise WorkflowError(path, reader.in_order())
    return replace(action, findings=reader.in_order())


def _input(reader: Reader, name: str, node: Node) -> Input:
    what = f"inputs.{name}"
    known = ("description", "required", "default", "deprecationMessage", "type")
    fields = reader.fields(node, what, known)
    default: Tree = reader.template(fields.get("default"), f"{what}.default", _DEFAULT)
    required = "required" in fields and reader.boolean(fields["required"], f"{what}.required") is True
    deprecated = reader.text(fields.get("deprecationMessage"), f"{what}.deprecationMessage", empty=True) or ""
    return Input(name, "string", node.place, required, default, deprecated=deprecated)


def _outputs(reader: Reader, node: Node | None, using: str) -> dict[str, Template]:
    found: dict[str, Template] = {}
    for key, value in reader.entries(node, "outputs"):
        what = f"outputs.{key.text}"
        fields = reader.fields(value, what, ("description", "value"), ("value",) if using == COMPOSITE else ())
        template = reader.template(fields.get("value"), what, _OUTPUTS)
        if template is not None:
            found[key.text] = template
    return found


def _runs(reader: Reader, node: Node, action: Action) -> Action:
    """Return `action` with what its `runs:` says."""
    pairs = node.pairs if isinstance(node, Mapping) else []
    written = next((value for key, value in pairs if key.text == "using"), None)
    if written is None:
        reader.fields(node, "runs", _RUNS["docker"], ("using",))
        return action
    using = reader.text(written, "runs.using") or ""
    action = replace(action, using=using)
    if using not in _RUNS:
        reader.refuse(written.place, f"an action of the kind {using[:40]!r} is")
        return action
    fields = reader.fields(node, f"runs of a {using} action", _RUNS[using], _REQUIRED[using])
    if using == COMPOSITE:
        return replace(action, steps=parse_steps(reader, fields.get("steps"), COMPOSITE_STEPS))

    def text(key: str) -> str:
        return reader.text(fields.get(key), f"runs.{key}") or ""

    arguments = [reader.template(item, "runs.args", _INPUTS) for item in reader.items(fields.get("args"), "runs.args")]
    return replace(
        action,
        main=text("main"),
        pre=text("pre"),
        post=text("post"),
        image=text("image"),
        entrypoint=text("entrypoint"),
        pre_entrypoint=text("pre-entrypoint"),
        post_entrypoint=text("post-entrypoint"),
        args=tuple(item for item in arguments if item is not None) if "args" in fields else None,
        env=reader.table(fields.get("env"), "runs.env", _INPUTS),
        pre_if=reader.condition(fields.get("pre-if"), "runs.pre-if", _STEP_IF),
        post_if=reader.condition(fields.get("post-if"), "runs.post-if", _STEP_IF),
    )
