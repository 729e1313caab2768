"""What a form begins with, what it refuses, what it sends."""

import pytest

from pipelines.dispatch_inputs import dispatch_inputs
from pipelines.errors import Place
from pipelines.model import Input, Trigger
from pipelines.template import Template
from widgets.input_field import InputField


@pytest.mark.parametrize(
    ("field", "initial"),
    [
        (InputField("a"), ""),
        (InputField("a", default="x"), "x"),
        (InputField("a", default="x", last=""), ""),
        (InputField("a", default="x", last="y"), "y"),
        (InputField("a", "boolean"), "false"),
        (InputField("a", "boolean", default="true"), "true"),
        (InputField("a", "choice", options=("p", "q")), "p"),
        (InputField("a", "choice", options=("p", "q"), default="q"), "q"),
        (InputField("a", "choice", options=("p", "q"), default="q", last="gone"), "q"),
        (InputField("a", "number"), ""),
    ],
)
def test_a_form_begins_with_last_time_then_the_default(field, initial):
    assert field.initial == initial


@pytest.mark.parametrize(
    ("field", "text", "problem"),
    [
        (InputField("a"), "", ""),
        (InputField("a", required=True), " ", "is required"),
        (InputField("a", "number"), "", ""),
        (InputField("a", "number", default="3"), "", "has to be a number"),
        (InputField("a", "number"), "-1.5e3", ""),
        (InputField("a", "number"), "0x1f", ""),
        (InputField("a", "number"), "three", "has to be a number"),
        (InputField("a", "number"), "1_000", "has to be a number"),
        (InputField("a", "boolean"), "yes", "is true or false"),
        (InputField("a", "choice", options=("p", "q")), "r", "is one of p, q"),
        (InputField("a", "environment", required=True), "", "is required"),
    ],
)
def test_a_wrong_value_is_told(field, text, problem):
    assert field.problem(text) == problem


KINDS = [("string", ()), ("number", ()), ("boolean", ()), ("choice", ("p", "q")), ("environment", ())]
TEXTS = ["", "x", "3", "-1.5e3", "0x1f", ".5", "1_000", "nan", "true", "false", "q", "r", "Infinity"]


@pytest.mark.parametrize(("kind", "options"), KINDS)
@pytest.mark.parametrize("required", [False, True])
@pytest.mark.parametrize("default", [None, "given"])
def test_what_a_form_lets_through_a_dispatch_takes(kind, options, required, default):
    """The twin of what the language says about inputs: the form refuses at least as much."""
    text = {"string": "d", "number": "7", "boolean": "true", "choice": "p", "environment": "d"}[kind]
    default = text if default else None
    place = Place(1, 1)
    value = None if default is None else Template.literal(default, place)
    trigger = Trigger("workflow_dispatch", place, {}, {"a": Input("a", kind, place, required, value, options)})
    field = InputField("a", kind, default, options, required)
    for text in TEXTS:
        if not field.problem(text):
            dispatch_inputs(trigger, {"a": text} if field.given(text) else {})
