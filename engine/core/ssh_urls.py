"""Urls for ssh, written as such or as for scp: which server they speak to, and what lies there. Pure."""

import re
from urllib.parse import unquote, urlsplit

from pipelines.records import dataclass

SCHEMES = ("ssh", "git+ssh", "ssh+git")
PORT = 22
_SCP = re.compile(r"(?:(?P<user>[^@/:\[\]]+)@)?(?P<host>\[[^\]/]+\]|[^/:\[\]]{2,}):(?!//)(?P<path>.*)", re.DOTALL)
_BRACKETS = re.compile(r"\[(?P<host>[^\]]*?)(?::(?P<port>[0-9]+))?\]")


@dataclass(frozen=True, slots=True)
class Host:
    """A server that is spoken to over ssh."""

    name: str
    port: int = PORT
    user: str = ""

    @property
    def entry(self) -> str:
        """How known_hosts calls it."""
        return self.name if self.port == PORT else f"[{self.name}]:{self.port}"


def host_of(url: str) -> Host | None:
    """Return whom a url for ssh, or one as for scp, speaks to; None for any other url."""
    parts = parts_of(url)
    return None if parts is None else parts[0]


def parts_of(url: str) -> tuple[Host, str] | None:
    """Return the server and the path there, as it is written: one as for scp may be relative to the user's home."""
    if "://" in url:
        parts = urlsplit(url)
        if parts.scheme not in SCHEMES or not parts.hostname:
            return None
        return Host(parts.hostname, parts.port or PORT, unquote(parts.username or "")), parts.path
    if (match := _SCP.fullmatch(url)) is None:
        return None
    name, port = match["host"], PORT
    if (inner := _BRACKETS.fullmatch(name)) is not None:
        one = inner["port"] and ":" not in inner["host"]  # else it is an address of many colons, without a port
        name, port = (inner["host"], int(inner["port"])) if one else (name[1:-1], PORT)
    return Host(name.lower(), port, match["user"] or ""), match["path"]
