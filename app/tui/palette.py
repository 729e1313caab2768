"""The palette: whatever can be done or gone to from where one is, found by a few letters."""

from collections.abc import Callable, Iterator
from functools import partial

from rich.text import Text
from textual.command import DiscoveryHit, Hit, Hits, Provider

from app.tui.page import Page
from app.tui.tui import PAGES, TreadleApp
from widgets.safe_text import plain

Command = tuple[str, str, Callable[[], object]]


class Commands(Provider):
    """Offers the page's own commands, the other pages, the themes and the way out."""

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
        yield "Keys", "every key of the focused pane", ui.action_help
        yield "Quit", "leave Treadle", ui.action_leave
        for theme in sorted(ui.available_themes):
            yield f"Theme {theme}", "use these colours from now on", partial(ui.use_theme, theme)

    async def discover(self) -> Hits:
        for words, help_text, action in self._commands():
            yield DiscoveryHit(Text(plain(words)), action, plain(words), plain(help_text))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for words, help_text, action in self._commands():
            if (score := matcher.match(plain(words))) > 0:
                yield Hit(score, matcher.highlight(plain(words).replace("[", "\\[")), action, plain(words), help_text)
