"""The prompt: letters in order, ends in order, texts remembered."""

import ast
import asyncio
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.events import Key
from textual.pilot import Pilot
from textual.widget import Widget

from tests.widgets.screen import text_of
from widgets.prompt import Prompt

ROOT = Path(__file__).resolve().parents[2]


class Pane(Widget, can_focus=True):
    """A pane that tells its app which keys it was given."""

    DEFAULT_CSS = "Pane { height: 1fr; }"

    BINDINGS: ClassVar = [
        Binding("slash", "app.search", priority=True),
        Binding("ampersand", "app.narrow", priority=True),
    ]

    def on_key(self, event: Key) -> None:
        self.app.heard.append(event.key)


class Owner(Widget):
    """A pane and a prompt; what they tell is kept."""

    DEFAULT_CSS = "Owner { height: 1fr; }"

    def compose(self) -> ComposeResult:
        yield Pane()
        yield Prompt()

    def on_prompt_changed(self, event: Prompt.Changed) -> None:
        self.app.heard.append(("changed", event.text))

    def on_prompt_done(self, event: Prompt.Done) -> None:
        self.app.heard.append(("done", event.label, event.text))

    def on_prompt_left(self, event: Prompt.Left) -> None:
        self.app.heard.append(("left", event.label))


class Asking(App[None]):
    """Shows them. ctrl+q ends it."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[object] = []

    def compose(self) -> ComposeResult:
        yield Owner()

    def action_search(self) -> None:
        self.query_one(Prompt).ask("/")

    def action_narrow(self) -> None:
        self.query_one(Prompt).ask("&", "old")


def run(deed: Callable[[Asking, Pilot[None], Prompt], Awaitable[None]]) -> Asking:
    async def go() -> Asking:
        app = Asking()
        async with app.run_test(size=(60, 10)) as pilot:
            app.query_one(Pane).focus()
            await pilot.pause()
            await deed(app, pilot, app.query_one(Prompt))
        return app

    return asyncio.run(go())


def burst(app: Asking, keys: str) -> None:
    """Hand keys over as the reader of a terminal does: all at once, none waited for."""
    names = {"/": "slash", "\r": "enter", "\x1b": "escape", "\x7f": "backspace", "&": "ampersand"}
    for char in keys:
        app.post_message(Key(names.get(char, char), char if char.isprintable() else None))


def test_letters_typed_in_one_burst_all_arrive():
    async def deed(app, pilot, prompt):
        burst(app, "/abc")
        await pilot.pause()
        assert prompt.text == "abc"

    assert run(deed).heard == [("changed", "a"), ("changed", "ab"), ("changed", "abc")]


def test_keys_after_enter_go_to_the_pane_again():
    async def deed(app, pilot, prompt):
        burst(app, "/ab\rnn")
        await pilot.pause()
        assert not prompt.is_open
        assert app.focused is app.query_one(Pane)

    heard = run(deed).heard
    assert heard[:3] == [("changed", "a"), ("changed", "ab"), ("done", "/", "ab")]
    assert heard[3:] == ["n", "n"]


def test_editing_keys_keep_their_place_among_letters():
    async def deed(app, pilot, prompt):
        burst(app, "/abx\x7fc\r")
        await pilot.pause()

    assert run(deed).heard[-1] == ("done", "/", "abc")


def test_escape_leaves_and_gives_the_focus_back():
    async def deed(app, pilot, prompt):
        burst(app, "/ab\x1bj")
        await pilot.pause()
        assert app.focused is app.query_one(Pane)

    assert run(deed).heard[2:] == [("left", "/"), "j"]


def test_a_text_that_is_given_is_no_change():
    async def deed(app, pilot, prompt):
        await pilot.press("ampersand", "s", "enter")

    assert run(deed).heard == [("changed", "olds"), ("done", "&", "olds")]


def test_the_keys_that_open_a_prompt_are_text_in_it():
    async def deed(app, pilot, prompt):
        await pilot.press("slash", "a", "slash", "ampersand")
        assert prompt.text == "a/&"

    run(deed)


def test_up_and_down_go_through_what_was_taken_and_back_to_the_draft():
    async def deed(app, pilot, prompt):
        burst(app, "/one\r/two\r/one\r/draft")
        await pilot.pause()
        assert prompt.history["/"] == ["two", "one"]
        for key, text in [("up", "one"), ("up", "two"), ("up", "two"), ("down", "one"), ("down", "draft")]:
            await pilot.press(key)
            assert prompt.text == text
        await pilot.press("escape", "ampersand", "up")
        assert prompt.text == "old"  # each label has its own past

    run(deed)


def test_a_click_elsewhere_keeps_what_was_typed():
    async def deed(app, pilot, prompt):
        await pilot.press("slash", "a")
        await pilot.click(Pane)
        assert not prompt.is_open
        assert app.focused is app.query_one(Pane)

    assert run(deed).heard[-1] == ("done", "/", "a")


def test_a_note_stands_beside_the_text():
    async def deed(app, pilot, prompt):
        await pilot.press("slash", "a")
        prompt.tell("3/17")
        await pilot.pause()
        line = text_of(app)[-1]
        assert line.startswith("/a")
        assert line.endswith("3/17")

    run(deed)


@pytest.fixture
def tmux(tmp_path) -> Iterator[Callable[..., str]]:
    if not shutil.which("tmux"):
        pytest.skip("tmux is not installed")

    def call(*words: str) -> str:
        line = ["tmux", "-S", str(tmp_path / "socket"), "-f", os.devnull, *words]
        return subprocess.run(line, capture_output=True, text=True, check=True, timeout=60).stdout

    yield call
    subprocess.run(["tmux", "-S", str(tmp_path / "socket"), "kill-server"], capture_output=True, check=False)


APP = """
import sys
from pathlib import Path
from tests.widgets.test_prompt import Asking
class Told(Asking):
    def on_ready(self):
        self.query_one("Pane").focus()
        self.call_after_refresh(Path(sys.argv[1]).write_text, "ready")
app = Told()
app.run()
Path(sys.argv[2]).write_text(repr(app.heard))
"""


def test_a_burst_in_a_real_terminal_is_not_lost(tmux, tmp_path):
    """One write: open, type, mend, take; a key for the pane; the same once more; quit."""
    ready, told = tmp_path / "ready", tmp_path / "told"
    for pipe in (ready, told):
        os.mkfifo(pipe)
    line = [sys.executable, "-c", APP, str(ready), str(told)]
    tmux("new-session", "-d", "-x", "80", "-y", "20", "-c", str(ROOT), f"PYTHONPATH={ROOT} {shlex.join(line)}")
    assert ready.read_text() == "ready"
    burst = b"/abx\x7fc\rn/foo\x15bar\rN\x11"
    tmux("send-keys", "-H", *(f"{byte:02x}" for byte in burst))
    heard = [one for one in ast.literal_eval(told.read_text()) if one[0] != "changed"]
    assert heard == [("done", "/", "abc"), "n", ("done", "/", "bar"), "N"]
