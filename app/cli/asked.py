"""The engine that a command line speaks to over HTTP: which one that is, and what its refusals mean here."""

import argparse
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from app.cli.place import home_of
from app.client import ApiError, Client, Query
from engine.core.errors import EngineError, NoEngine, SettingsError

NO_TOKEN, WRONG = (401, 403), 422
SILENCE_S = 60.0  # a stream of bytes that brings nothing for so long is given up


class Asked:
    """One engine. Raises SettingsError for what is wrong usage, as a home here would, NoEngine, else ApiError."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def get(self, path: str, query: Query | None = None) -> Any:
        with translated(self.client):
            return self.client.get(path, query)

    def listed(self, path: str, name: str, query: Query | None = None) -> list[Mapping[str, Any]]:
        """Return the list `name` of an answer."""
        with translated(self.client):
            return list(self.client.get(path, query)[name])

    def post(self, path: str, body: Mapping[str, Any] | None = None, query: Query | None = None) -> Any:
        with translated(self.client):
            return self.client.post(path, body, query)

    def done(self, path: str, body: Mapping[str, Any] | None = None) -> str:
        """Ask for something to be done; return what was, as a sentence."""
        with translated(self.client):
            return str(self.client.post(path, body)["done"])

    def delete(self, path: str, query: Query | None = None) -> Any:
        with translated(self.client):
            return self.client.delete(path, query)

    def stream(self, path: str, query: Query | None = None, start: int = 0) -> Iterator[bytes]:
        with translated(self.client):
            yield from self.client.stream(path, query, timeout_s=SILENCE_S, start=start)


def engine_of(args: argparse.Namespace, *, at_home: bool = False) -> Asked | None:
    """Return the engine of `--connect`; else, if `at_home`, the one that runs on the home, unless another --config is
    meant. None: the home's files are meant, whether an engine runs there or not. Raises SettingsError."""
    check_where(args)
    if args.connect is not None:
        return Asked(client_at(args.connect, args.token))
    if at_home and not args.config:
        engine = Client.of_home(home_of(args))
        return Asked(engine) if engine.is_there() else None
    return None


def check_where(args: argparse.Namespace) -> None:
    """Raise SettingsError for a line that means two places, or shows a token to none."""
    if args.connect is not None and (args.home or args.config):
        raise SettingsError(
            "--connect speaks to an engine with a home and configuration of its own.",
            "Leave out --home and --config.",
        )
    if args.connect is None and args.token is not None:
        raise SettingsError("--token is for --connect; a home on this machine needs none.")


def client_at(url: str, token: str | None) -> Client:
    """Return who speaks to a URL. The token comes from the environment if none is given. Raises SettingsError."""
    token = token or os.environ.get("TREADLE_TOKEN") or None
    if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
        raise SettingsError("The token is none that `treadle token create` makes.")
    if "@" in url:
        raise SettingsError("The address of an engine holds no name or password; there is --token for that.")
    try:
        urlsplit(url)
        return Client.of_url(url, token)
    except (EngineError, ValueError) as error:
        raise SettingsError(f"{url!r} is no address of an engine.", "It looks like http://HOST:8484.") from error


@contextmanager
def translated(client: Client) -> Iterator[None]:
    """Make a wrong token and what cannot be wrong usage, and what speaks another language no engine."""
    try:
        yield
    except ApiError as error:
        if error.status in NO_TOKEN:
            raise SettingsError(str(error), "Give one with --token or as TREADLE_TOKEN.") from error
        if error.status == WRONG:
            raise SettingsError(str(error)) from error
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise NoEngine(f"What answers at {client.where} is no engine of this version of Treadle.") from error
