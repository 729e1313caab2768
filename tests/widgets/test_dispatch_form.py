"""The form of a run by hand: typed controls, keyboard alone, nothing wrong gets through."""

from tests.widgets.dialogs import answered, driven, shown
from widgets.dispatch_form import Dispatch, DispatchForm
from widgets.input_field import InputField

FIELDS = (
    InputField("who", default="World", description="Whom to [b]greet[/]"),
    InputField("loud", "boolean", default="false"),
    InputField("speed", "choice", options=("slow", "fast", "warp"), default="fast"),
    InputField("times", "number", required=True, last="3"),
)


def twin(asked):
    ref = f" --ref {asked.ref}" if asked.ref else ""
    return f"treadle dispatch site ci.yml{ref}" + "".join(f" --input {k}={v}" for k, v in asked.inputs.items())


def form(fields=FIELDS, **more):
    return DispatchForm("Run ci.yml of site", fields, ("main", "next"), **more)


def test_enter_alone_runs_with_what_the_form_begins_with():
    inputs = {"who": "World", "loud": "false", "speed": "fast", "times": "3"}
    assert answered(form(), *["enter"] * 6) == [Dispatch(None, inputs)]


def test_each_control_is_filled_by_keys():
    keys = ["exclamation_mark", "tab", "space", "tab", "w", "tab", "backspace", "9", "enter", "n", "right", "ctrl+s"]
    inputs = {"who": "World!", "loud": "true", "speed": "warp", "times": "9"}
    assert answered(form(), *keys) == [Dispatch("next", inputs)]


def test_a_wrong_value_keeps_the_form_open_and_is_told():
    screen, answers = shown(form(ascii=True), "down", "down", "down", "x", "ctrl+s")
    assert answers == []
    assert any("! times has to be a number" in line for line in screen)
    assert "\n".join(screen).isascii()


def test_a_wrong_value_is_told_when_its_field_is_left():
    screen, _ = shown(form(), "down", "down", "down", "x", "up")
    assert any("✗ times has to be a number" in line for line in screen)


def test_a_right_value_ends_the_complaint_and_the_focus_is_at_the_first_wrong_one():
    assert answered(form(), "down", "down", "down", "x", "tab", "ctrl+s", "backspace", "ctrl+s") != []


def test_escape_and_cancel_run_nothing():
    assert answered(form(), "escape") == [None]
    assert answered(form(), "up", "enter") == [None]


def test_a_workflow_without_inputs_is_one_enter_away():
    assert answered(form(fields=()), "enter", "enter") == [Dispatch(None, {})]


def test_the_command_follows_what_is_typed():
    screen, _ = shown(form(twin=twin), "S", "tab", "space")
    assert "--input who=WorldS --input loud=true --input speed=fast" in " ".join(line.strip("│ ") for line in screen)


def test_names_and_descriptions_are_no_markup():
    screen, _ = shown(form())
    assert any("Whom to [b]greet[/]" in line for line in screen)


def test_twenty_five_inputs_leave_the_buttons_in_view():
    fields = tuple(InputField(f"input{number}") for number in range(25))
    screen, _ = shown(form(fields=fields, twin=twin), size=(60, 20))
    assert any("Run" in line and "Cancel" in line for line in screen)


def test_the_mouse_switches_and_steps():
    async def deed(app, pilot):
        await pilot.click("Switch")
        await pilot.click("Options")
        await pilot.click("#run")

    inputs = {"who": "World", "loud": "true", "speed": "warp", "times": "3"}
    assert driven(form(), deed).answers == [Dispatch(None, inputs)]


def test_what_a_workflow_says_cannot_command_the_terminal():
    hostile = "a\x1b]0;PWNED\x07\x1b[5;5Hb\x9b31m"
    fields = (
        InputField(hostile, default=hostile, description=hostile, required=True),
        InputField("c", "choice", options=(hostile, "q")),
    )
    screen, _ = shown(DispatchForm(hostile, fields, (hostile,), twin=twin), "down", "down", "up")
    assert not any(char in "\n".join(screen) for char in "\x1b\x07\x9b")


def test_a_default_of_several_lines_is_left_to_apply_by_itself():
    fields = (InputField("text", default="one\ntwo"), InputField("c", "choice", options=("p\tq", "r")))
    assert answered(form(fields=fields), "ctrl+s") == [Dispatch(None, {"c": "p\tq"})]
    assert answered(form(fields=fields), "s", "ctrl+s") == [Dispatch(None, {"text": "one twos", "c": "p\tq"})]
