"""The laws of `actions:`, where the repositories of actions come from."""

from pathlib import Path

import pytest

from engine.core.errors import SettingsError
from engine.settings.actions import ActionPlace, place_of
from engine.settings.file import parse_settings

ACTIONS = {
    "acme/*": "https://git.lan/acme/",
    "acme/build": "/srv/build.git",
    "Own/Kit": "https://git.lan/{repo}-of-{owner}.git",
    "github.com": "https://git.lan/mirror",
    "*": "/srv/actions",
}


@pytest.mark.parametrize(
    ("actions", "repository", "host", "place"),
    [
        (ACTIONS, "acme/deploy", "", ActionPlace("https://git.lan/acme/deploy", True)),
        (ACTIONS, "Acme/Build", "", ActionPlace("/srv/build.git", True)),
        (ACTIONS, "own/kit", "", ActionPlace("https://git.lan/kit-of-own.git", True)),
        (ACTIONS, "other/thing", "", ActionPlace("https://git.lan/mirror/other/thing")),
        (ACTIONS, "other/thing", "github.com", ActionPlace("https://git.lan/mirror/other/thing")),
        (ACTIONS, "other/thing", "code.example", ActionPlace("https://code.example/other/thing")),
        ({"*": "/srv/actions"}, "other/Thing", "", ActionPlace("/srv/actions/other/Thing")),
        ({"*": "https://x/{owner}/{repo}"}, "a/b", "", ActionPlace("https://x/a/b")),
        ({"code.example": "/srv"}, "a/b", "code.example", ActionPlace("/srv/a/b")),
        ({}, "a/b", "", ActionPlace("https://github.com/a/b")),
    ],
)
def test_the_nearest_line_says_where_an_action_comes_from(
    actions: dict[str, str], repository: str, host: str, place: ActionPlace
) -> None:
    assert place_of(actions, repository, host) == place


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("actions: {'a/b/c': /srv}", "a/b/c"), ("actions: {'*/x': /srv}", "OWNER/*"),
        ("actions: {a/b: srv/here}", "whole path"), ("actions: [x]", "mapping"),
    ],
)  # fmt: skip
def test_what_says_no_place_is_refused_with_its_line(text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=r"treadle\.yml:1: ") as caught:
        parse_settings(Path("/h"), Path("treadle.yml"), text.encode(), {})
    assert words in str(caught.value)
