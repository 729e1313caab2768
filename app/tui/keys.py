"""The keys as help: those of the focused pane first, then the page's, then those that work everywhere."""

from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen

from app.tui.page import Page
from widgets.help_screen import HelpScreen


def help_screen(page: Page) -> Screen[None]:
    """Return the help for what has the focus on a page."""
    groups: list[tuple[str, tuple[tuple[str, str], ...]]] = []
    seen: set[tuple[str, str]] = set()
    chain: list[DOMNode] = [*(page.focused.ancestors_with_self if page.focused else [page]), page.app]
    for node in dict.fromkeys([*chain, *page.panes()]):
        keys = []
        for binding in _bindings(node):
            entry = (page.app.get_key_display(binding), binding.description)
            if binding.description and not binding.system and (binding.action, binding.description) not in seen:
                seen.add((binding.action, binding.description))
                keys.append(entry)
        if keys:
            groups.append((page.node_title(node), tuple(keys)))
    return HelpScreen("Keys", tuple(groups))


def _bindings(node: DOMNode) -> list[Binding]:
    """Return a node's own bindings, each action once, its keys together."""
    together: dict[tuple[str, str], list[Binding]] = {}
    for bindings in node._bindings.key_to_bindings.values():
        for one in bindings:
            together.setdefault((one.action, one.description), []).append(one)
    return [found[0] for found in together.values()]
