"""Makes a box's localhost lead to the ports that its services publish, as it does on GitHub's machines.

A container joins the box's network and passes connections on. It is made from whatever image of the job has a program
for that, so that nothing needs to be fetched. It lasts as long as the services.
"""

import shutil
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engine.core.clock import Clock
from engine.worker.docker.client import DockerClient
from engine.worker.docker.config import PIDS_LIMIT
from engine.worker.services import ServicePlan

PROGRAMS = tuple(Path(__file__).with_name(name) for name in ("relay.sh", "relay.pl"))
FOLDER = "/treadle-relay"
_PATIENCE_S = 20.0


def rules_of(services: Iterable[ServicePlan]) -> tuple[str, ...]:
    """Return what is to be carried where, as the relay reads it."""
    return tuple(
        f"{port.protocol}:{port.host}:{service.name}:{port.container}" for service in services for port in service.ports
    )


def prepare_relay(folder: Path) -> Path:
    """Lay the relay's programs out in a folder of the attempt's, which no step sees; return it."""
    place = folder / "relay"
    shutil.rmtree(place, ignore_errors=True)  # an earlier relay may have put links there: nothing is written over
    place.mkdir()
    place.chmod(0o777)  # root without capabilities is nobody in another user's folder
    for program in PROGRAMS:
        shutil.copyfile(program, place / program.name)
        (place / program.name).chmod(0o644)
    return place


def relay_config(image: str, place: Path, box_id: str, rules: Iterable[str], labels: dict[str, str]) -> dict[str, Any]:
    """Return the body of the create call."""
    return {
        "Image": image,
        "User": "0",
        "Entrypoint": ["sh"],
        "Cmd": [f"{FOLDER}/relay.sh", FOLDER, *rules],
        "Labels": labels,
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": {
            "NetworkMode": f"container:{box_id}",
            "Mounts": [{"Type": "bind", "Source": str(place), "Target": FOLDER}],
            "Init": True,
            "LogConfig": {"Type": "none"},
            "CapDrop": ["ALL"],
            "CapAdd": ["NET_BIND_SERVICE"],
            "PidsLimit": 2 * PIDS_LIMIT,  # two processes a connection
            "SecurityOpt": ["no-new-privileges"],
            "ReadonlyRootfs": True,
        },
    }


def await_relay(client: DockerClient, container: str, place: Path, clock: Clock) -> bool:
    """Wait until a started relay listens; False when its image has nothing to do it with."""
    until_s, pause = clock.monotonic_s() + _PATIENCE_S, 0.01
    while not (place / "ready").exists():
        state = client.api.inspect_container(container)["State"]
        if not state["Running"] or clock.monotonic_s() > until_s:
            return (place / "ready").exists()
        threading.Event().wait(pause)
        pause = min(pause * 1.5, 0.1)
    return True
