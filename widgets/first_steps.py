"""What a home without anything shows: how to begin, one key for each way."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Label

from widgets.menu import Menu, MenuItem

WAYS = (
    MenuItem("here", "t", "This repository", "Add the Git repository of this folder and run what a push would run."),
    MenuItem("forge", "f", "A forge", "Add a repository by its address and set up its webhook, or poll it."),
    MenuItem("demo", "d", "A demo", "Run the bundled workflow: needs nothing but an executor."),
)


class FirstSteps(VerticalScroll, can_focus=False):
    """Says that nothing is here yet and what to do about it. What cannot be done here is left out of `ways`."""

    DEFAULT_CSS = """
    FirstSteps { align: center middle; }
    FirstSteps > Label { width: 64; max-width: 100%; margin-bottom: 1; text-style: bold; }
    FirstSteps > Menu { width: 64; max-width: 100%; }
    """

    class Chosen(Message):
        """A way to begin was chosen, by its name."""

        def __init__(self, way: str) -> None:
            super().__init__()
            self.way = way

    def __init__(
        self,
        ways: Sequence[MenuItem] = WAYS,
        heading: str = "Nothing has run here yet. Begin with",
        *,
        ascii: bool = False,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._heading, self._ways, self.ascii = heading, tuple(ways), ascii

    def compose(self) -> ComposeResult:
        yield Label(self._heading, markup=False)
        yield Menu(self._ways, ascii=self.ascii)

    def on_mount(self) -> None:
        """Have the keys; what is taken away before it was whole has no menu to have them."""
        for menu in self.query(Menu):
            menu.focus()

    def on_menu_chosen(self, event: Menu.Chosen) -> None:
        event.stop()
        self.post_message(self.Chosen(event.name))
