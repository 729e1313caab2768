"""The keys as help: those of the focused pane first, then what one wants to do on its page, then what works everywhere.

How one moves is the same in every pane, and told once, at the end.
"""

from collections.abc import Iterable, Iterator

from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen

from app.tui.key_words import HEADINGS, LAST, TOGETHER, heading_of, joined
from app.tui.page import Page
from widgets.help_screen import Group, HelpScreen

FOREIGN = ("screen.copy_text", "scroll_", "page_", "quit")
"""How actions begin that Textual brings along and that our own stand for."""
MOST = 4  # keys in a line; of more, the first and the last are told


def help_screen(page: Page) -> Screen[None]:
    """Return the help for what has the focus on a page."""
    return HelpScreen("Keys", tuple(_groups(page)), ascii=page.ui.ascii)


def _groups(page: Page) -> Iterator[Group]:
    chain: list[DOMNode] = [*page.focused.ancestors_with_self] if page.focused else [page]
    nodes = dict.fromkeys([*(node for node in chain if node is not page.app), *page.panes(), page.app])
    told: dict[str, dict[tuple[str, str], list[Binding]]] = {}
    seen: set[tuple[str, str]] = set()
    for node in nodes:
        if node is page:
            for title in HEADINGS:
                told.setdefault(title, {})
        for deed, bindings in _deeds(node).items():
            id = bindings[0].id or ""
            title = heading_of(id, HEADINGS) or heading_of(id, LAST) or page.node_title(node)
            if deed not in seen and page.allows(bindings[0]):
                seen.add(deed)
                told.setdefault(title, {})[deed] = bindings
    for title in sorted(told, key=lambda title: title in LAST):
        if lines := tuple(_lines(page, told[title].values())):
            yield title, lines


def _lines(page: Page, deeds: Iterable[list[Binding]]) -> Iterator[tuple[str, str]]:
    """Yield keys and what they do, those that belong together in one line; no key twice."""
    by_id = {bindings[0].id or bindings[0].action: bindings for bindings in deeds}
    shown: set[str] = set()
    for id in [*by_id]:
        ids = next((ids for ids in TOGETHER if id in ids), (id,))
        group = [by_id.pop(one) for one in ids if one in by_id]
        if not group:
            continue
        keys = _keys([page.app.get_key_display(one) for bindings in group for one in bindings])
        if keys not in shown:
            shown.add(keys)
            yield keys, joined([bindings[0].description for bindings in group])


def _keys(keys: list[str]) -> str:
    several = list(dict.fromkeys(keys))
    return " ".join(several if len(several) <= MOST else [several[0], "-", several[-1]])


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
