"""An action.yml's text in, an `Action` out."""

from dataclasses import replace

from pipelines.errors import WorkflowError
from pipelines.model import Action, Input, Step, Tree
from pipelines.parse_steps import StepRules, parse_steps
from pipelines.reading import Fields, Names, Reader
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
_NODE = ("node12", "node16", "node20", "node24")
_RUNS = {
    "composite": ("using", "steps"),
    "docker": ("using", "image", "entrypoint", "args", "env", "pre-entrypoint", "pre-if", "post-entrypoint", "post-if"),
} | dict.fromkeys(_NODE, ("using", "main", "pre", "pre-if", "post", "post-if"))
_REQUIRED = {"composite": ("steps",), "docker": ("image",)} | dict.fromkeys(_NODE, ("main",))


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
    using, programs, steps = _runs(reader, fields["runs"]) if "runs" in fields else ("", {}, ())
    action = Action(
        path=path,
        name=name or path,
        using=using,
        place=document.root.place,
        inputs={k.text: _input(reader, k.text, v) for k, v in reader.entries(fields.get("inputs"), "inputs")},
        outputs=_outputs(reader, fields.get("outputs"), using),
        steps=steps,
        main=programs.get("main", ""),
        pre=programs.get("pre", ""),
        post=programs.get("post", ""),
        image=programs.get("image", ""),
    )
    if reader.failed():
        raise WorkflowError(path, reader.in_order())
    return replace(action, findings=reader.in_order())


def _input(reader: Reader, name: str, node: Node) -> Input:
    what = f"inputs.{name}"
    known = ("description", "required", "default", "deprecationMessage", "type")
    fields = reader.fields(node, what, known)
    default: Tree = reader.template(fields.get("default"), f"{what}.default", _DEFAULT)
    required = "required" in fields and reader.boolean(fields["required"], f"{what}.required") is True
    return Input(name, "string", node.place, required, default)


def _outputs(reader: Reader, node: Node | None, using: str) -> dict[str, Template]:
    found: dict[str, Template] = {}
    for key, value in reader.entries(node, "outputs"):
        what = f"outputs.{key.text}"
        fields = reader.fields(value, what, ("description", "value"), ("value",) if using == "composite" else ())
        template = reader.template(fields.get("value"), what, _OUTPUTS)
        if template is not None:
            found[key.text] = template
    return found


def _check_program(reader: Reader, fields: Fields) -> None:
    """Check what a program's action says beyond its scripts; nothing here runs it."""
    for name in ("pre-if", "post-if"):
        reader.condition(fields.get(name), f"runs.{name}", _STEP_IF)
    for name in ("entrypoint", "pre-entrypoint", "post-entrypoint"):
        reader.text(fields.get(name), f"runs.{name}")
    for item in reader.items(fields.get("args"), "runs.args"):
        reader.template(item, "runs.args", _INPUTS)
    reader.table(fields.get("env"), "runs.env", _INPUTS)


def _runs(reader: Reader, node: Node) -> tuple[str, dict[str, str], tuple[Step, ...]]:
    pairs = node.pairs if isinstance(node, Mapping) else []
    written = next((value for key, value in pairs if key.text == "using"), None)
    if written is None:
        reader.fields(node, "runs", _RUNS["docker"], ("using",))
        return "", {}, ()
    using = reader.text(written, "runs.using") or ""
    if using not in _RUNS:
        reader.refuse(written.place, f"an action of the kind {using[:40]!r} is")
        return using, {}, ()
    fields = reader.fields(node, f"runs of a {using} action", _RUNS[using], _REQUIRED[using])
    named = [name for name in ("main", "pre", "post", "image") if name in fields]
    texts = {name: reader.text(fields[name], f"runs.{name}") or "" for name in named}
    if using != "composite":
        _check_program(reader, fields)
        reader.refuse(fields.places["using"], f"an action of the kind {using} is")
    return using, texts, parse_steps(reader, fields.get("steps"), COMPOSITE_STEPS)
