"""What is said in a colour can be read in every theme, and is said without colours as well."""

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from app.tui.themes import COLOURED, LEAST_CONTRAST, THEMES, contrast, legible
from tests.app.tui.harness import Tui, tui_over
from tests.engine.fakes import jobs
from widgets.glyphs import LOOKS
from widgets.status_styles import TOKENS


@pytest.mark.parametrize("theme", [*THEMES, *BUILTIN_THEMES.values()], ids=lambda theme: theme.name)
def test_every_coloured_text_can_be_read(theme: Theme):
    variables = legible(theme.to_color_system().generate() | theme.variables)
    ground = Color.parse(variables["background"])
    for name in COLOURED:
        colour = Color.parse(variables[name])
        assert colour.ansi is not None or ground.ansi is not None or contrast(colour, ground) >= LEAST_CONTRAST


def test_black_on_white_is_the_greatest_contrast_and_a_colour_has_none_to_itself():
    white, black = Color.parse("#ffffff"), Color.parse("#000000")
    assert contrast(white, black) == pytest.approx(21)
    assert contrast(white, white) == 1


def test_no_two_statuses_are_told_apart_by_colour_alone():
    assert len({look.glyph for look in LOOKS.values()}) == len({look.ascii for look in LOOKS.values()}) == len(LOOKS)
    assert len({look.word for look in LOOKS.values()}) == len(LOOKS)
    assert set(TOKENS) == set(LOOKS)


def test_what_is_selected_is_seen_without_colours(site, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    site.lab.run(jobs(a=""))

    async def deed(it: Tui) -> None:
        assert it.app.screen.get_component_rich_style("screen--selection").reverse

    tui_over(site, deed)
