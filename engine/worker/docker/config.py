"""What a box asks of the Docker Engine, as data: pure functions from a BoxSpec to the bodies of API calls.

Hardening costs nothing measurable, so it is the default. `no-new-privileges` is not: boxes are root inside anyway
unless asked otherwise, and for a box with another user it would break exactly the `sudo` that CI images ship.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from engine.core.errors import ExecutorUnavailable
from engine.worker.docker.box import ACTIONS, CHANNEL, NODE, SOURCE, TEMP, WORKSPACE
from engine.worker.executor import BoxSpec
from pipelines.container_options import BoxOptions
from pipelines.ports import Port
from pipelines.volumes import Volume

BOX_LABEL = "treadle.box"  # on volumes, services and networks: the name of the box's container
PORT_TAKEN = ("port is already allocated", "address already in use")
SERVICE_LABEL = "treadle.service"
# What chown, apt, useradd, su and sudo (AUDIT_WRITE) need; no raw sockets, no device nodes.
CAPABILITIES = (
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL"),
    *("NET_BIND_SERVICE", "SETGID", "SETUID"),
)
PIDS_LIMIT = 2048
SHM_BYTES = 1 << 30  # the engine's 64 MiB break browsers and databases
OOM_FILES = "/sys/fs/cgroup/memory/memory.oom_control /sys/fs/cgroup/memory.events"  # cgroup v1, v2
_OVERLAY_UNSAFE = re.compile(r"[:,\\\s]")  # the option string of an overlay mount has its own syntax


def container_name(home_id: str, name: str) -> str:
    """Return a name that is the same for the same box, so that a create repeated after a lost reply is noticed."""
    return re.sub(r"[^a-zA-Z0-9_.-]", "-", f"treadle-{home_id[:12]}-{name}")


def overlay_layers(name: str) -> tuple[str, str]:
    """Return the names of the volumes that hold what a box writes over its source, and the kernel's own work."""
    return f"{name}-upper", f"{name}-work"


def may_overlay(spec: BoxSpec) -> bool:
    """Can the workspace be an overlay? Not for a box with its own user: it could not write the source's files."""
    return bool(spec.overlay and spec.source and not spec.options.user and not _OVERLAY_UNSAFE.search(str(spec.source)))


def owned_volumes(spec: BoxSpec, name: str) -> tuple[str, ...]:
    """Return the named volumes that go with the box: its overlay's, and those of its `volumes:`."""
    layers = overlay_layers(name) if may_overlay(spec) else ()
    return (*layers, *(volume_name(volume, name) for volume in spec.volumes if volume.name))


def volume_name(volume: Volume, box_name: str) -> str:
    return f"{box_name}-volume-{volume.name}"


def joins_slot(spec: BoxSpec) -> bool:
    """May the box join another container's network? Not with a network, ports or a hostname of its own."""
    own = (spec.options.network, spec.options.hostname, spec.network, spec.ports)
    return not any(own)


def container_config(
    home_id: str, spec: BoxSpec, overlay: tuple[str, str] | None, slot_id: str | None, etc: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return the body of the create call. `overlay` are the host paths of upper and work folder, `etc` extra mounts."""
    options = spec.options
    name = container_name(home_id, spec.name)
    labels = {**spec.labels, "treadle": home_id}
    mounts = [
        {"Type": "bind", "Source": str(spec.folder / "channel"), "Target": CHANNEL},
        _volume(WORKSPACE, {**labels, BOX_LABEL: name}, _overlay_driver(spec, overlay)),
        _volume(TEMP, {**labels, BOX_LABEL: name}),
        *(volume_mount(volume, name, labels) for volume in spec.volumes),
        *etc,
    ]
    if spec.source:
        mounts.append(_read_only(spec.source, SOURCE))
    if (spec.folder / "actions").is_dir():
        mounts.append(_read_only(spec.folder / "actions", ACTIONS))
    if spec.node:
        mounts.append(_read_only(spec.node, NODE))
    host: dict[str, Any] = {
        "Mounts": mounts,
        "Init": True,
        "LogConfig": {"Type": "none"},
        "NetworkMode": f"container:{slot_id}" if slot_id else spec.network or options.network or "default",
        "PortBindings": port_bindings(spec.ports),
        **limits(options, CAPABILITIES, spec.cpus, spec.memory_bytes),
    }
    config: dict[str, Any] = {
        "Image": spec.image,
        "Entrypoint": ["sh"],
        "Cmd": [f"{CHANNEL}/driver.sh", CHANNEL, OOM_FILES],
        "Env": [f"{key}={value}" for key, value in spec.env.items()],
        "Labels": labels,
        "WorkingDir": options.workdir or WORKSPACE,
        "Healthcheck": {"Test": ["NONE"]},
        "ExposedPorts": {port.key: {} for port in spec.ports},
        "NetworkDisabled": options.network == "none",  # spares the sandbox as well
        "HostConfig": host,
    }
    return config | identity(options, spec.network)


def limits(
    options: BoxOptions, capabilities: Sequence[str], cpus: float | None, memory_bytes: int | None
) -> dict[str, Any]:
    """Return what of a HostConfig holds a container in."""
    host: dict[str, Any] = {
        "CapDrop": ["ALL"],
        "CapAdd": sorted({*capabilities, *options.cap_add}),
        "PidsLimit": PIDS_LIMIT,
        "ShmSize": options.shm_size_bytes or SHM_BYTES,
        "ReadonlyRootfs": options.read_only,
        "Tmpfs": dict(_tmpfs(entry) for entry in options.tmpfs),
        "Ulimits": [_ulimit(entry) for entry in options.ulimits],
    }
    if memory_bytes:
        host |= {"Memory": memory_bytes, "MemorySwap": memory_bytes}
    if cpus:
        host |= {"NanoCpus": round(cpus * 1e9)}
    return host


def identity(options: BoxOptions, network: str, *aliases: str) -> dict[str, Any]:
    """Return what of a config says who a container is, and by which names it is found on its job's network."""
    config: dict[str, Any] = {}
    if options.user:
        config["User"] = options.user
    if options.hostname:
        config["Hostname"] = options.hostname
    if network:
        names = [*aliases, *options.aliases]
        config["NetworkingConfig"] = {"EndpointsConfig": {network: {"Aliases": names}}}
    return config


def volume_mount(volume: Volume, box_name: str, labels: dict[str, str]) -> dict[str, Any]:
    """Return the mount of a volume of the job; those with a name are the same for all containers of the job."""
    mount: dict[str, Any] = {"Type": "volume", "Target": volume.target, "ReadOnly": volume.read_only}
    if volume.name:
        mount["Source"] = volume_name(volume, box_name)
    return mount | {"VolumeOptions": {"Labels": {**labels, BOX_LABEL: box_name}}}


def port_bindings(ports: Iterable[Port]) -> dict[str, list[dict[str, str]]]:
    """Return where ports are published: on this machine alone, for nobody promised to open them to others."""
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in ports:
        bindings.setdefault(port.key, []).append({"HostIp": "127.0.0.1", "HostPort": str(port.host or "")})
    return bindings


def _read_only(source: Path, target: str) -> dict[str, Any]:
    return {"Type": "bind", "Source": str(source), "Target": target, "ReadOnly": True}


def _volume(target: str, labels: dict[str, str], driver: dict[str, Any] | None = None) -> dict[str, Any]:
    """An anonymous volume: it goes with its container, and the engine deletes what root has left in it."""
    options: dict[str, Any] = {"Labels": labels, "NoCopy": True}
    if driver:
        options["DriverConfig"] = driver
    return {"Type": "volume", "Target": target, "VolumeOptions": options}


def _overlay_driver(spec: BoxSpec, layers: tuple[str, str] | None) -> dict[str, Any] | None:
    if layers is None:
        return None
    upper, work = layers
    # Without redirect_dir a folder of the source could not be renamed (EXDEV), which builds do.
    o = f"lowerdir={spec.source},upperdir={upper},workdir={work},redirect_dir=on"
    return {"Name": "local", "Options": {"type": "overlay", "device": "overlay", "o": o}}


def _tmpfs(entry: str) -> tuple[str, str]:
    path, _, options = entry.partition(":")
    return path, options


def _ulimit(entry: str) -> dict[str, Any]:
    name, _, limits = entry.partition("=")
    soft, _, hard = limits.partition(":")
    try:
        return {"Name": name, "Soft": int(soft), "Hard": int(hard or soft)}
    except ValueError:
        raise ExecutorUnavailable(f"--ulimit {entry} is not NAME=SOFT[:HARD].", "Mend `container.options`.") from None
