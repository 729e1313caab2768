"""What a box in a swarm is made from, as data: the body of a service, and the files that its task is given.

Pure, but for the files read. What may hold a secret is in none of it: see `begin` in swarm/box.py.
"""

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.core.errors import ExecutorUnavailable
from engine.settings.model import SwarmSettings
from engine.worker.docker.box import CHANNEL, TEMP, WORKSPACE
from engine.worker.docker.config import CAPABILITIES, OOM_FILES, PIDS_LIMIT, SHM_BYTES
from engine.worker.executor import BoxSpec
from engine.worker.steps.session import DRIVER
from engine.worker.swarm.key import Key
from pipelines.records import dataclass

KIT = "/run/treadle"
TOKEN = "treadle"  # the secret's name in /run/secrets
PIECE_BYTES = 480_000  # a config holds 500 KB
PROGRAMS = (Path(__file__).with_name("courier.sh"), Path(__file__).with_name("sweep.sh"), DRIVER)
VOLUME_LABEL = "treadle.swarm"  # not `treadle`: what bears that in Docker is swept by the Docker executor
REFUSED, NO_MEANS, LINE_LOST, BROKEN = 95, 96, 97, 98  # how a courier leaves that was not told to
_STOP_NS = 3 * 10**9


@dataclass(frozen=True, slots=True)
class KitFile:
    """A file of the kit: where a task sees it, and the name of the config that holds it."""

    target: str
    config: str
    data: bytes


def kit_of(home_id: str, key: Key, busybox: bytes | None) -> tuple[KitFile, ...]:
    """Return what a task is given to begin with. Configs are named after their content: boxes share them."""
    files = {program.name: program.read_bytes() for program in PROGRAMS}
    files["engine.pem"] = key.certificate.encode()
    for at in range(0, len(busybox or b""), PIECE_BYTES):
        files[f"busybox.{at // PIECE_BYTES}"] = (busybox or b"")[at : at + PIECE_BYTES]
    return tuple(
        KitFile(f"{KIT}/{name}", f"treadle-{home_id[:12]}-{hashlib.sha256(data).hexdigest()[:24]}", data)
        for name, data in files.items()
    )


def busybox_of(path: str | None) -> bytes | None:
    """Return a busybox that needs no library, None where this machine has none.

    Raises ExecutorUnavailable for a `path` that is named and cannot be sent.
    """
    found = path or shutil.which("busybox")
    if not found:
        return None
    try:
        program = Path(found).read_bytes()
    except OSError as error:
        raise ExecutorUnavailable(f"The busybox {found} cannot be read: {error.strerror}.", _BUSYBOX) from error
    # A program that needs libraries names its loader (PT_INTERP), and that is the path of an ld.
    usable = program[:4] == b"\x7fELF" and b"/ld-" not in program[:4096] and len(program) <= 10 * PIECE_BYTES
    if path and not usable:
        raise ExecutorUnavailable(f"{found} is no static busybox of at most 4 MB.", _BUSYBOX)
    return program if usable else None


_BUSYBOX = "Install busybox-static, and name its program as `swarm: {busybox: PATH}` in treadle.yml."


def service_body(
    spec: BoxSpec,
    name: str,
    home_id: str,
    settings: SwarmSettings,
    address: str,
    key: Key,
    configs: Sequence[tuple[KitFile, str]],
    secret: tuple[str, str],
) -> dict[str, Any]:
    """Return the body of the create call. `configs` are the kit with the ids of its configs, `secret` name and id."""
    options = spec.options
    container: dict[str, Any] = {
        "Image": spec.image,
        "Command": ["sh", f"{KIT}/courier.sh"],
        "User": "0",
        "Dir": "/",
        "Init": True,
        "StopGracePeriod": _STOP_NS,
        "Healthcheck": {"Test": ["NONE"]},
        "ReadOnly": options.read_only,
        "CapabilityDrop": ["ALL"],
        "CapabilityAdd": [f"CAP_{name.removeprefix('CAP_')}" for name in sorted({*CAPABILITIES, *options.cap_add})],
        "Env": [f"{name}={value}" for name, value in _environment(name, settings, address, key).items()],
        "Mounts": _mounts(spec, home_id),
        "Configs": [_file(file.target, config_id, file.config) for file, config_id in configs],
        "Secrets": [
            {
                "File": {"Name": TOKEN, "UID": "0", "GID": "0", "Mode": 0o400},
                "SecretID": secret[1],
                "SecretName": secret[0],
            }
        ],
    }
    if options.hostname:
        container["Hostname"] = options.hostname
    if options.ulimits:
        container["Ulimits"] = [_ulimit(entry) for entry in options.ulimits]
    limits: dict[str, Any] = {"Pids": PIDS_LIMIT}
    reserved: dict[str, Any] = {}
    if spec.cpus:
        limits["NanoCPUs"] = reserved["NanoCPUs"] = round(spec.cpus * 1e9)
    if spec.memory_bytes:
        limits["MemoryBytes"] = reserved["MemoryBytes"] = spec.memory_bytes
    return {
        "Name": name,
        "Labels": {**spec.labels, "treadle": home_id},
        "Mode": {"Replicated": {"Replicas": 1}},
        "TaskTemplate": {
            "ContainerSpec": container,
            "Resources": {"Limits": limits, "Reservations": reserved},
            "RestartPolicy": {"Condition": "none"},
            "Placement": {"Constraints": list(settings.constraints)},
            "Networks": [{"Target": settings.network}] if settings.network else [],
            "LogDriver": {"Name": "none"},
        },
    }


def driver_env(env: Mapping[str, str], workdir: str | None) -> bytes:
    """Return what the driver's shell begins with: its variables. They go by the line, for a service can be inspected
    by all who reach a manager, and Swarm would take what stands in braces there for its own."""
    import re
    import shlex

    lines = ["unset TREADLE_ADDRESS TREADLE_BOX TREADLE_TASK TREADLE_LIMIT TREADLE_PIN TREADLE_FLIGHT TREADLE_OOM"]
    words: list[str] = []
    for name, value in env.items():
        if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            lines.append(f"export {name}={shlex.quote(value)}")
        else:
            words.append(shlex.quote(f"{name}={value}"))
    lines.append(f"cd {shlex.quote(workdir or WORKSPACE)} 2>/dev/null || cd /")
    prefix = f"env {' '.join(words)} " if words else ""
    lines.append(f'exec {prefix}"$6" {KIT}/driver.sh "$3" "$4" "$5"')
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")


def _environment(name: str, settings: SwarmSettings, address: str, key: Key) -> dict[str, str]:
    return {
        "TREADLE_ADDRESS": address,
        "TREADLE_BOX": name,
        "TREADLE_TASK": "{{.Task.ID}}",
        "TREADLE_LIMIT": str(round(settings.lost_s)),
        "TREADLE_PIN": key.pin,
        "TREADLE_FLIGHT": str(key.flight),
        "TREADLE_OOM": OOM_FILES,
    }


def _mounts(spec: BoxSpec, home_id: str) -> list[dict[str, Any]]:
    targets = [CHANNEL, WORKSPACE, TEMP, *(volume.target for volume in spec.volumes)]
    options = {"Labels": {VOLUME_LABEL: home_id}, "NoCopy": True}
    mounts: list[dict[str, Any]] = [{"Type": "volume", "Target": place, "VolumeOptions": options} for place in targets]
    shm = spec.options.shm_size_bytes or SHM_BYTES
    mounts.append({"Type": "tmpfs", "Target": "/dev/shm", "TmpfsOptions": {"SizeBytes": shm, "Mode": 0o1777}})
    for entry in spec.options.tmpfs:
        mounts.append({"Type": "tmpfs", "Target": entry.partition(":")[0]})
    return mounts


def _file(target: str, config_id: str, name: str) -> dict[str, Any]:
    return {
        "File": {"Name": target, "UID": "0", "GID": "0", "Mode": 0o444},
        "ConfigID": config_id,
        "ConfigName": name,
    }


def _ulimit(entry: str) -> dict[str, Any]:
    name, _, limits = entry.partition("=")
    soft, _, hard = limits.partition(":")
    return {"Name": name, "Soft": int(soft), "Hard": int(hard or soft)}
