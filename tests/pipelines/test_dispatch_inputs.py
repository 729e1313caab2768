"""The laws of the inputs of a run by hand."""

import re

import pytest

from pipelines.dispatch_inputs import InputError, dispatch_inputs
from pipelines.errors import Place
from pipelines.model import Input, Trigger
from pipelines.template import Template


def declared(name: str, type: str, **more: object) -> Input:
    return Input(name, type, Place(1, 1), **more)  # type: ignore[arg-type]


def trigger(*inputs: Input) -> Trigger:
    return Trigger("workflow_dispatch", Place(1, 1), inputs={one.name: one for one in inputs})


def test_inputs_are_typed_and_defaults_fill_up() -> None:
    asked = trigger(
        declared("flag", "boolean"),
        declared("on", "boolean", default=True),
        declared("n", "number", default=Template.literal("3")),
        declared("level", "choice", options=("low", "high"), default=Template.literal("low")),
        declared("text", "string"),
        declared("must", "string", required=True, default=Template.literal("x")),
    )
    assert dispatch_inputs(asked, {}) == {
        "flag": False,
        "on": True,
        "n": 3,
        "level": "low",
        "text": "",
        "must": "x",
    }
    assert dispatch_inputs(asked, {"flag": "TRUE", "n": "1.5", "level": "high", "must": "y"})["n"] == 1.5


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "The input 'must' is required."),
        ({"must": ""}, "The input 'must' is required."),
        ({"must": "x", "flag": "yes"}, "'flag' is true or false, not 'yes'"),
        ({"must": "x", "n": "many"}, "'n' is a number, not 'many'"),
        ({"must": "x", "level": "mid"}, "'level' is one of low, high, not 'mid'"),
        ({"must": "x", "levle": "mid"}, "There is no input 'levle'. Did you mean 'level'?"),
        ({"zzz": "x"}, "There is no input 'zzz'; there are flag, n, level, must.\nThe input 'must' is required."),
    ],
)
def test_every_wrong_input_is_named(given: dict[str, str], words: str) -> None:
    asked = trigger(
        declared("flag", "boolean"),
        declared("n", "number"),
        declared("level", "choice", options=("low", "high")),
        declared("must", "string", required=True),
    )
    with pytest.raises(InputError, match=re.escape(words)):
        dispatch_inputs(asked, given)
