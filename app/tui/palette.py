"""The palette: whatever can be done or gone to from where one is, found by a few letters."""

from collections.abc import Callable, Iterator
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.markup import escape

from app.tui.page import Page
from app.tui.tui import PAGES, TreadleApp
from widgets.safe_text import plain

Command = tuple[str, str, Callable[[], object]]
OTHERS = (
    ("bisects", "Searches for commits", "which commit broke a job: what was found, what is looked for"),
    ("flaky", "Flaky failures", "what comes and goes: how often, since when"),
    ("snapshots", "Snapshots", "what each added, what changed, take one"),
)
"""Pages that no number leads to: name, words, what they show."""


class Commands(Provider):
    """Offers the page's own commands, the other pages, what lies on this one, the themes and the way out."""

    @property
    def _ui(self) -> TreadleApp:
        assert isinstance(self.app, TreadleApp)
        return self.app

    def _commands(self) -> Iterator[Command]:
        ui, page = self._ui, self._ui.page
        if isinstance(page, Page):
            yield from page.commands()
        for name in PAGES:
            yield f"Go to {name}", "open that page", partial(ui.switch_mode, name)
        yield "Find words in all logs", "key F", ui.action_search
        for name, words, about in OTHERS:
            yield words, about, partial(ui.show_over, name)
        yield "Keys", "every key of the focused pane", ui.action_help
        yield "Quit", "leave Treadle", ui.action_leave
        if isinstance(page, Page):
            yield from page.places()
        for theme in sorted(ui.available_themes):
            yield f"Theme {theme}", "use these colours from now on", partial(ui.use_theme, theme)

    async def discover(self) -> Hits:
        for words, help_text, action in self._commands():
            yield DiscoveryHit(Content(plain(words)), action, plain(words), _literal(help_text))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for words, help_text, action in self._commands():
            if (score := matcher.match(plain(words))) > 0:
                yield Hit(score, matcher.highlight(_literal(words)), action, plain(words), _literal(help_text))


def _literal(text: str) -> str:
    """Return a text as the palette reads it: as markup, which a stranger's is not to be."""
    return escape(plain(text))
