"""Where events are from, when no forge sent them, and which deliveries are those of `treadle run`. Pure."""

import uuid

PERSON = "person"  # somebody at this machine
PROGRAM = "api"  # somebody with a token, over the network: as far from this machine as a forge is
WATCH, POLL, SCHEDULE = "watch", "poll", "schedule"
START = "start"  # a look at the start: a delivery was missed while no engine ran
RUN = "run"  # another run came to something
OURS = frozenset({PERSON, WATCH, POLL, SCHEDULE, START, RUN})
SEEN = frozenset({WATCH, POLL, START})
_LOCAL = "local-"


def local_delivery() -> str:
    """Return a delivery id for what `treadle run` records by itself: its files may be others later on."""
    return f"{_LOCAL}{uuid.uuid4()}"


def is_local(delivery: str) -> bool:
    """Return whether a delivery is one of `treadle run`: nobody else knows of it, and it cannot be planned anew."""
    return delivery.startswith(_LOCAL)
