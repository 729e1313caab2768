"""What belongs to the person: theme, keys, what is remembered, the palette, copies."""

import json

import pytest

from app.tui import themes
from app.tui.prefs import Prefs
from tests.app.tui.harness import Tui, tui_over
from tests.engine.fakes import jobs


@pytest.fixture
def site(site):
    site.lab.run(jobs(a=""), title="something")
    return site


def test_a_theme_is_chosen_in_the_palette_and_remembered(site, tmp_path):
    async def deed(it: Tui) -> None:
        assert it.app.theme == themes.DEFAULT
        await it.press(":")
        await it.until(lambda: it.app.screen is not it.app.page)
        await it.press(*"colourblindlight")
        await it.shows("Theme treadle-colour-blind-light")
        await it.press("enter")
        await it.until(lambda: it.app.theme == "treadle-colour-blind-light")

    tui_over(site, deed, prefs=tmp_path).prefs.keep()

    async def looks(it: Tui) -> None:
        assert it.app.theme == "treadle-colour-blind-light"

    tui_over(site, looks, prefs=tmp_path)


@pytest.mark.parametrize(
    "theme", [theme.name for theme in themes.THEMES] + ["textual-ansi", "nord", "no-such-theme", ""]
)
def test_every_theme_paints_and_one_that_is_gone_is_the_usual(site, tmp_path, theme):
    (tmp_path / "ui.json").write_text(json.dumps({"theme": theme}))

    async def deed(it: Tui) -> None:
        await it.shows("something", "queued")
        known = theme in it.app.available_themes
        assert it.app.theme == (theme if known else themes.DEFAULT)

    tui_over(site, deed, prefs=tmp_path)


BROKEN = (
    "", "{", "null", "[]", '"x"', "\x00\xff", "[" * 100_000,
    '{"theme": 7, "run.side": "wide", "run.opened": {"a": 1}, "Runs.filter": null, "run.dag": -9}',
    '{"keys": {"run.cancel": 5, "no.such": "x", "help": ""}, "inputs": {"a:b": 3}}',
    '{"run.opened": [1, null, {}], "run.side": 100000, "run.dag": 100000, "slo.window": "9y"}',
)  # fmt: skip


@pytest.mark.parametrize("text", BROKEN)
def test_whatever_is_in_the_file_of_what_is_remembered_the_ui_opens(site, tmp_path, text):
    (tmp_path / "ui.json").write_text(text, errors="surrogateescape")

    async def deed(it: Tui) -> None:
        await it.shows("something", "queued")
        await it.press("enter")
        await it.until(lambda: type(it.app.page).__name__ == "RunPage" and it.app.page.fetched)
        await it.shows("a queued")
        await it.press("5", "1")
        await it.press("escape")
        await it.shows("something")

    app = tui_over(site, deed, prefs=tmp_path)
    app.use_theme("treadle-light")
    app.prefs.keep()
    assert Prefs(tmp_path).get("theme", "") == "treadle-light"


def test_keys_are_the_persons_and_the_help_says_so(site, tmp_path):
    (tmp_path / "ui.json").write_text(json.dumps({"keys": {"run.cancel": "x", "page.queue": "f2"}}))

    async def deed(it: Tui) -> None:
        await it.shows("x cancel")
        await it.press("c")
        assert "Cancel" not in it.text
        await it.press("question_mark")
        await it.shows("Keys")
        await it.press(*"cancel")
        assert any("x" in line.split() and "cancel" in line.split() for line in it.lines)
        await it.press("escape")
        await it.press("x")
        await it.shows("Cancel: CI #1?")
        await it.press("n", "f2")
        await it.until(lambda: it.lines[0].startswith("Queue"))

    tui_over(site, deed, prefs=tmp_path)


def test_the_palette_goes_and_acts_where_one_is(site):
    async def deed(it: Tui) -> None:
        await it.press("ctrl+p")
        await it.until(lambda: it.app.screen is not it.app.page)
        await it.press(*"go to queue")
        await it.shows("Go to queue")
        await it.press("enter")
        await it.until(lambda: it.lines[0].startswith("Queue"))
        await it.press(":")
        await it.until(lambda: it.app.screen is not it.app.page)
        await it.press(*"pause")
        await it.shows("pause or resume")
        await it.press("enter")
        await it.until(lambda: "paused by" in it.lines[0])

    tui_over(site, deed)


def test_the_palette_leads_to_a_run_and_to_the_log_of_a_job(site):
    async def deed(it: Tui) -> None:
        await it.press(":")
        await it.until(lambda: it.app.screen is not it.app.page)
        await it.press(*"something")
        await it.shows("Open CI #1 something")
        await it.press("enter")
        await it.until(lambda: "› CI #1" in it.lines[0])
        await it.shows("a queued")
        await it.press(":")
        await it.until(lambda: it.app.screen is not it.app.page)
        await it.press(*"log of a")
        await it.shows("Log of a")
        await it.press("enter")
        await it.until(lambda: it.app.page is it.app.screen and type(it.app.screen.focused).__name__ == "LogView")

    tui_over(site, deed)


def test_the_palette_offers_nothing_that_acts_where_only_reading_is_allowed(site):
    async def deed(it: Tui) -> None:
        await it.press(":")
        await it.until(lambda: it.app.screen is not it.app.page)
        await it.press(*"cancel")
        await it.pilot.pause(0.3)
        assert "key c" not in it.text

    tui_over(site, deed, read_only=True)


def test_what_is_copied_is_kept_in_a_file_of_ones_own(site, tmp_path):
    (tmp_path / "copied.txt").symlink_to(tmp_path / "elsewhere")

    async def deed(it: Tui) -> None:
        it.app.copy_out("one\ntwo", 2)
        await it.until(lambda: it.told)

    app = tui_over(site, deed, folder=tmp_path)
    assert app.clipboard == "one\ntwo"
    assert (tmp_path / "copied.txt").read_text() == "one\ntwo"


def test_a_click_on_the_key_bar_is_its_key_and_on_the_breadcrumb_goes_back(site):
    async def deed(it: Tui) -> None:
        bar = len(it.lines) - 1
        await it.pilot.click(offset=(it.lines[bar].index("help"), bar))
        await it.shows("Keys")
        await it.press("escape")
        await it.pilot.click(offset=(10, 2), times=2)
        await it.until(lambda: "› CI #1" in it.lines[0])
        await it.pilot.click(offset=(1, 0))
        await it.until(lambda: "›" not in it.lines[0])

    tui_over(site, deed)
