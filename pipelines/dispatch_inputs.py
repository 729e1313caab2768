"""The `inputs` of a run by hand: what a person gave as text, typed as the workflow declares it."""

import math
from collections.abc import Mapping
from difflib import get_close_matches

from pipelines.json_value import Json
from pipelines.model import Input, Trigger
from pipelines.template import resolve
from pipelines.values import to_number, to_string


class InputError(ValueError):
    """Inputs that a workflow does not take; the message holds a sentence for each that is wrong."""


def dispatch_inputs(trigger: Trigger, given: Mapping[str, str]) -> dict[str, Json]:
    """Return the `inputs` context of a run by hand: what was given, typed, and the defaults for the rest.

    An input that is neither given nor has a default is false, 0 or empty. Raises InputError.
    """
    complaints = [_unknown(name, trigger.inputs) for name in given if name not in trigger.inputs]
    inputs: dict[str, Json] = {}
    for name, declared in trigger.inputs.items():
        try:
            inputs[name] = _input(declared, given.get(name))
        except InputError as error:
            complaints.append(str(error))
    if complaints:
        raise InputError("\n".join(complaints))
    return inputs


def _input(declared: Input, given: str | None) -> Json:
    value: Json = given
    if given is None and declared.default is not None:
        value = resolve(declared.default, {})
    if value is None or (value == "" and declared.required):
        if declared.required:
            raise InputError(f"The input {declared.name!r} is required.")
        return {"boolean": False, "number": 0}.get(declared.type, "")
    return _typed(declared, to_string(value))


def _typed(declared: Input, text: str) -> Json:
    if declared.type == "boolean":
        if text.lower() not in ("true", "false"):
            raise InputError(f"The input {declared.name!r} is true or false, not {text!r}.")
        return text.lower() == "true"
    if declared.type == "number":
        number = to_number(text)
        if not text.strip() or math.isnan(number):
            raise InputError(f"The input {declared.name!r} is a number, not {text!r}.")
        return number
    if declared.type == "choice" and text not in declared.options:
        raise InputError(f"The input {declared.name!r} is one of {', '.join(declared.options)}, not {text!r}.")
    return text


def _unknown(name: str, known: Mapping[str, Input]) -> str:
    near = get_close_matches(name, known, n=1)
    if near:
        return f"There is no input {name!r}. Did you mean {near[0]!r}?"
    return f"There is no input {name!r}; " + (f"there are {', '.join(known)}." if known else "the workflow takes none.")
