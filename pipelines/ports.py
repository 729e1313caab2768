"""`ports:` of a container: `HOST:CONTAINER`, as `docker run --publish` reads them."""

import re
from collections.abc import Iterable

from pipelines.records import dataclass

_PORT = re.compile(
    r"(?:(?P<address>\[[0-9a-fA-F:]+\]|\d+\.[0-9.]+|localhost):)?(?:(?P<host>\d{1,5}(?:-\d{1,5})?)?:)?"
    r"(?P<container>\d{1,5}(?:-\d{1,5})?)(?:/(?P<protocol>[a-z]+))?"
)
_ADDRESSES = (None, "0.0.0.0", "127.0.0.1", "localhost", "[::]", "[::1]")  # a job's ports never leave this machine
_FREE = range(49152, 65536)  # IANA's own range for what somebody picks


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a container, and the one that it is reached by from outside; None: any that is free."""

    container: int
    host: int | None = None
    protocol: str = "tcp"

    @property
    def key(self) -> str:
        """How Docker names the container's port."""
        return f"{self.container}/{self.protocol}"


def parse_ports(text: str) -> tuple[Port, ...]:
    """Return what one entry asks for, several for a range. Raises ValueError with what is wrong."""
    found = _PORT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text[:60]!r} is no port such as 5432, 8080:80 or 53:53/udp")
    if found["address"] not in _ADDRESSES:
        raise ValueError(f"{text[:60]!r}: ports are published on this machine alone, not on {found['address']}")
    protocol = found["protocol"] or "tcp"
    if protocol not in ("tcp", "udp"):
        raise ValueError(f"{text[:60]!r}: the protocol is tcp or udp, not {protocol}")
    inside = _range(found["container"])
    outside = _range(found["host"]) if found["host"] else None
    if outside is not None and len(outside) != len(inside):
        raise ValueError(f"{text[:60]!r}: the two ranges differ in length")
    return tuple(Port(port, outside[i] if outside else None, protocol) for i, port in enumerate(inside))


def assign_ports(ports: Iterable[Port]) -> list[Port]:
    """Return the ports with a host port each: where any would do, the container's own number if it is free.

    Raises ValueError when two ask for the same one.
    """
    wanted = list(ports)
    taken: set[tuple[str, int]] = set()
    for port in wanted:
        if port.host is not None and (port.protocol, port.host) in taken:
            raise ValueError(f"two services ask for the port {port.host}")
        if port.host is not None:
            taken.add((port.protocol, port.host))
    assigned = []
    for port in wanted:
        host = port.host
        if host is None:
            host = next(n for n in (port.container, *_FREE) if (port.protocol, n) not in taken)
            taken.add((port.protocol, host))
        assigned.append(Port(port.container, host, port.protocol))
    return assigned


def _range(text: str) -> list[int]:
    first, _, last = text.partition("-")
    numbers = list(range(int(first), int(last or first) + 1)) if int(last or first) < 65536 else []
    if not numbers or numbers[0] == 0:
        raise ValueError(f"{text!r} is no port from 1 to 65535, nor a range of them")
    return numbers
