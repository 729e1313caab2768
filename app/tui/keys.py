"""The keys as help: those of the focused pane first, then the page's and its other panes', then what works everywhere.

How one moves is the same in every pane, and told once, at the end.
"""

from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen

from app.tui.page import Page
from widgets.help_screen import Group, HelpScreen

FOREIGN = ("screen.copy_text", "scroll_", "page_", "quit")
"""How actions begin that Textual brings along and that our own stand for."""
LAST = {"held.": "A held job", "pane.": "Panes", "size.": "Panes", "move.": "Moving, in every pane"}
"""How the ids of bindings begin that are told last, whichever pane has them, and under which heading."""


def help_screen(page: Page) -> Screen[None]:
    """Return the help for what has the focus on a page."""
    chain: list[DOMNode] = [*page.focused.ancestors_with_self] if page.focused else [page]
    nodes = dict.fromkeys([*(node for node in chain if node is not page.app), *page.panes(), page.app])
    groups: list[Group] = []
    last: dict[str, dict[tuple[str, str], str]] = {title: {} for title in LAST.values()}
    seen: set[tuple[str, str]] = set()
    for node in nodes:
        keys = []
        for deed, bindings in _deeds(node).items():
            if not page.allows(bindings[0]):
                continue
            shown = " ".join(dict.fromkeys(page.app.get_key_display(binding) for binding in bindings))
            if title := next((LAST[start] for start in LAST if (bindings[0].id or "").startswith(start)), None):
                last[title].setdefault(deed, shown)
            elif deed not in seen:
                seen.add(deed)
                keys.append((shown, deed[1]))
        if keys:
            groups.append((page.node_title(node), tuple(keys)))
    groups += [
        (title, tuple((shown, words) for (_, words), shown in told.items())) for title, told in last.items() if told
    ]
    return HelpScreen("Keys", groups, ascii=page.ui.ascii)


def _deeds(node: DOMNode) -> dict[tuple[str, str], list[Binding]]:
    """Return what the keys of a node do, by action and words, with all keys for it, as the person has set them."""
    bindings = node._bindings.copy()
    bindings.apply_keymap(node.app._keymap)
    together: dict[tuple[str, str], list[Binding]] = {}
    for of_key in bindings.key_to_bindings.values():
        for one in of_key:
            if one.description and not one.system and not one.action.startswith(FOREIGN):
                together.setdefault((one.action, one.description), []).append(one)
    return together
