"""`on:` read into triggers, each with the filters and activity types that its event takes."""

from collections.abc import Callable
from functools import partial
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipelines import cron
from pipelines.errors import Place
from pipelines.events import ANY_TYPE, EVENTS, PATTERNS, can_start
from pipelines.filters import PatternError, compile_patterns
from pipelines.model import Input, Tree, Trigger
from pipelines.reading import Fields, Reader, is_expression, is_null
from pipelines.source import Mapping, Node, Scalar, Sequence
from pipelines.template import Template

_DISPATCH_TYPES = ("string", "boolean", "number", "choice", "environment")
_CALL_TYPES = ("string", "boolean", "number")
_STARTING = ", ".join(event for event, kind in EVENTS.items() if kind.started_by and event != "workflow_call")


def parse_triggers(reader: Reader, node: Node | None) -> tuple[Trigger, ...]:
    """Return the triggers of `on:` in the order of the file: one event, a list of events, or a mapping with filters.

    A workflow that none of them can start is warned of: it is no mistake on GitHub.
    """
    if node is None:
        return ()
    triggers = _triggers(reader, node)
    if triggers and not can_start(trigger.event for trigger in triggers):
        reader.warn(node.place, "no event ever starts this workflow in Treadle", f"these do: {_STARTING}")
        for trigger in triggers:
            reader.warn(trigger.place, f"{trigger.event}: Treadle records this event, but starts no runs for it")
    return triggers


def _triggers(reader: Reader, node: Node) -> tuple[Trigger, ...]:
    triggers: list[Trigger] = []
    if isinstance(node, Mapping):
        for key, value in node.pairs:
            if _known(reader, key):
                triggers.append(_trigger(reader, key, value))
        if not node.pairs:
            reader.error(node.place, "on names no event")
        return tuple(triggers)
    for item in node.items if isinstance(node, Sequence) else [node]:
        if not isinstance(item, Scalar):
            reader.error(item.place, "on lists names of events; an event with filters goes into a mapping")
        elif _known(reader, item):
            triggers.append(Trigger(item.text, item.place))
    if isinstance(node, Sequence) and not node.items:
        reader.error(node.place, "on names no event")
    return tuple(triggers)


def _known(reader: Reader, name: Scalar) -> bool:
    if name.text not in EVENTS:
        if name.value is None:
            reader.error(name.place, "on names no event")
        else:
            reader.unknown(name, "on", EVENTS, "event")
        return False
    return True


def _trigger(reader: Reader, key: Scalar, node: Node) -> Trigger:
    event, place = key.text, key.place
    if event == "schedule":
        return Trigger(event, place, _schedule(reader, node))
    if isinstance(node, Scalar) and node.value is None:
        return Trigger(event, place)
    if event == "workflow_dispatch":
        return _dispatch(reader, node, place)
    if event == "workflow_call":
        return _call(reader, node, place)
    kind = EVENTS[event]
    known = (*(("types",) if kind.types else ()), *kind.filters)
    if not known:
        reader.error(node.place, f"the event {event} takes no filters")
        return Trigger(event, place)
    fields = reader.fields(node, f"on.{event}", known)
    return Trigger(event, place, {name: _filter(reader, event, name, value, fields) for name, value in fields.items()})


def _filter(reader: Reader, event: str, name: str, node: Node, fields: Fields) -> tuple[str, ...]:
    what = f"on.{event}.{name}"
    if name == "types" and EVENTS[event].types != ANY_TYPE:
        nodes = node.items if isinstance(node, Sequence) else [node]
        return tuple(found for item in nodes if (found := reader.choice(item, what, EVENTS[event].types)))
    texts = reader.texts(node, what)
    if name in PATTERNS:
        _check_patterns(reader, node, what)
    if name.endswith("-ignore") and (other := name.removesuffix("-ignore")) in fields:
        reader.error(fields.places[name], f"on.{event} cannot have both {other} and {name}",
                     f"use {other} alone, with !patterns for what it leaves out")  # fmt: skip
    return texts


def _check_patterns(reader: Reader, node: Node, what: str) -> None:
    for item in node.items if isinstance(node, Sequence) else [node]:
        if isinstance(item, Scalar) and item.text and "${{" not in item.text:
            try:
                compile_patterns([item.text])
            except PatternError as error:
                reader.error(item.place, f"{what}: {error}")


def _schedule(reader: Reader, node: Node) -> dict[str, tuple[str, ...]]:
    items = reader.items(node, "on.schedule")
    if isinstance(node, Sequence) and not items:
        reader.error(node.place, "on.schedule names no time", "such as - cron: '0 6 * * *'")
    lines, zones = [], []
    for item in items:
        fields = reader.fields(item, "on.schedule", ("cron", "timezone"), ("cron",))
        zone = reader.text(fields["timezone"], "on.schedule.timezone") if "timezone" in fields else None
        if zone is not None and not _is_zone(zone):
            reader.error(fields["timezone"].place, f"there is no time zone {zone!r}", "such as Europe/Paris")
        line = reader.text(fields.get("cron"), "on.schedule.cron")
        if line is not None:
            try:
                cron.parse(line)
            except ValueError as error:
                reader.error(fields["cron"].place, f"on.schedule.cron: {error}")
            lines.append(line)
            zones.append(zone or "")
    return {"cron": tuple(lines), **({"timezone": tuple(zones)} if any(zones) else {})}


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _dispatch(reader: Reader, node: Node, place: Place) -> Trigger:
    fields = reader.fields(node, "on.workflow_dispatch", ("inputs",))
    inputs = _inputs(reader, fields, "on.workflow_dispatch.inputs", partial(_dispatch_input, reader))
    return Trigger("workflow_dispatch", place, {}, inputs)


def _call(reader: Reader, node: Node, place: Place) -> Trigger:
    fields = reader.fields(node, "on.workflow_call", ("inputs", "secrets", "outputs"))
    inputs = _inputs(reader, fields, "on.workflow_call.inputs", partial(_call_input, reader))
    secrets: dict[str, bool] = {}
    for key, value in reader.entries(fields.get("secrets"), "on.workflow_call.secrets"):
        secrets[key.text] = False
        if not is_null(value):
            secret = reader.fields(value, f"on.workflow_call.secrets.{key.text}", ("description", "required"))
            _described(reader, secret, key.text)
            secrets[key.text] = _is_true(reader, secret, "required")
    outputs: dict[str, Template] = {}
    for key, value in reader.entries(fields.get("outputs"), "on.workflow_call.outputs"):
        what = f"on.workflow_call.outputs.{key.text}"
        output = reader.fields(value, what, ("description", "value"), ("value",))
        _described(reader, output, key.text)
        template = reader.template(output.get("value"), what, "on.workflow_call.outputs.<output_id>.value")
        if template is not None:
            outputs[key.text] = template
    return Trigger("workflow_call", place, {}, inputs, secrets, outputs)


def _inputs(reader: Reader, fields: Fields, what: str, read: Callable[[str, str, Node], Input]) -> dict[str, Input]:
    if "inputs" not in fields or is_null(fields["inputs"]):
        return {}
    return {
        key.text: read(key.text, f"{what}.{key.text}", value) for key, value in reader.entries(fields["inputs"], what)
    }


def _dispatch_input(reader: Reader, name: str, what: str, node: Node) -> Input:
    if is_null(node):
        return Input(name, "string", node.place)
    fields = reader.fields(node, what, ("description", "type", "required", "default", "options"))
    kind = reader.choice(fields.get("type"), f"{what}.type", _DISPATCH_TYPES)
    kind = kind if "type" in fields else "string"
    options: tuple[str, ...] = ()
    if "options" in fields:
        found = (
            reader.text(item, f"{what}.options", empty=True)
            for item in reader.items(fields["options"], f"{what}.options")
        )
        options = tuple(option for option in found if option is not None)
    if kind == "choice" and not options:
        reader.error(node.place, f"{what} is a choice without options")
    elif kind != "choice" and "options" in fields:
        reader.error(fields.places["options"], f"{what} has options, but is no choice", "add type: choice")
    default = _default(reader, fields, what, kind)
    if options and isinstance(default, Template) and default.text not in options:
        reader.error(fields["default"].place, f"{what}.default is none of its options")
    return Input(
        name, kind or "string", node.place, _is_true(reader, fields, "required"), default, options,
        _described(reader, fields, what),
    )  # fmt: skip


def _call_input(reader: Reader, name: str, what: str, node: Node) -> Input:
    fields = reader.fields(node, what, ("description", "type", "required", "default"), ("type",))
    kind = reader.choice(fields.get("type"), f"{what}.type", _CALL_TYPES)
    default: Tree = None
    if "default" in fields and is_expression(fields["default"]):
        default = reader.template(fields["default"], what, "on.workflow_call.inputs.<inputs_id>.default")
    else:
        default = _default(reader, fields, what, kind)
    return Input(
        name, kind or "string", node.place, _is_true(reader, fields, "required"), default, (),
        _described(reader, fields, what),
    )  # fmt: skip


def _default(reader: Reader, fields: Fields, what: str, kind: str | None) -> Tree:
    if "default" not in fields:
        return None
    node, what = fields["default"], f"{what}.default"
    if is_null(node):
        return None
    if kind == "boolean":
        return reader.boolean(node, what)
    if kind == "number":
        return reader.number(node, what)
    text = reader.text(node, what, empty=True)
    literal = None if text is None else Template.literal(text, node.place)
    if text is not None and isinstance(node, Scalar) and not isinstance(node.value, str):
        reader.error(node.place, f"{what} must be text like the input itself, not {node.text}", "quote it")
    return literal


def _described(reader: Reader, fields: Fields, what: str) -> str:
    if "description" not in fields:
        return ""
    return reader.text(fields["description"], f"{what}.description", empty=True) or ""


def _is_true(reader: Reader, fields: Fields, name: str) -> bool:
    return name in fields and reader.boolean(fields[name], name) is True
