"""The workspace of a box: the layers of one that is a copy-on-write view, and the filling of one that is a copy."""

import shlex

from engine.core.clock import Clock
from engine.core.errors import EngineError
from engine.worker.docker.box import SOURCE, TEMP, WORKSPACE, DockerBox
from engine.worker.docker.client import DockerClient
from engine.worker.docker.config import BOX_LABEL, overlay_layers
from engine.worker.executor import BoxSpec

_FILL_LIMIT_S = 600.0


def make_layers(client: DockerClient, home_id: str, spec: BoxSpec, name: str) -> tuple[str, str]:
    """Make what the overlay writes into, volumes too: the engine, not we, must delete what root leaves there.

    Return where they lie on the engine's machine.
    """
    labels = {**spec.labels, "treadle": home_id, BOX_LABEL: name}
    upper, work = (client.api.create_volume(layer, labels=labels)["Mountpoint"] for layer in overlay_layers(name))
    return str(upper), str(work)


def fill(client: DockerClient, clock: Clock, box: DockerBox, spec: BoxSpec) -> None:
    """Copy the source into the workspace and hand both folders to the box's user, as root inside the box.

    Raises EngineError when that fails or takes too long.
    """
    commands = []
    if spec.overlay and spec.source:
        commands.append(f"cp -a {SOURCE}/. {WORKSPACE}/")
    if user := spec.options.user:
        commands.append(f"chown -R {shlex.quote(user)} {WORKSPACE} {TEMP}")
    api = client.api
    attached = client.is_podman
    run = api.exec_create(box.id, ["sh", "-c", " && ".join(commands)], stdout=attached, stderr=attached, user="0")["Id"]
    api.exec_start(run, detach=not attached)
    deadline = clock.monotonic_s() + _FILL_LIMIT_S
    while (state := api.exec_inspect(run))["Running"] or state["ExitCode"] is None:
        if clock.monotonic_s() > deadline or box.exited(0.02):
            raise EngineError(f"The workspace of {spec.name} could not be filled in {_FILL_LIMIT_S:.0f} s.")
    if state["ExitCode"]:
        raise EngineError(f"The workspace of {spec.name} could not be filled: exit code {state['ExitCode']}.")
