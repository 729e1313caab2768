"""`options:` of a container: which flags of `docker run` may be set, as a table. What weakens the box is refused."""

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import field
from difflib import get_close_matches
from typing import Any

from pipelines.quantities import duration_s, size_bytes
from pipelines.records import dataclass


@dataclass(frozen=True, slots=True)
class BoxOptions:
    """What `options:` may ask of the container itself, already checked. Names are those of `docker run`.

    `aliases` are more names on the network of a job that has services.
    """

    user: str | None = None
    workdir: str | None = None
    network: str | None = None
    hostname: str | None = None
    shm_size_bytes: int | None = None
    cap_add: tuple[str, ...] = ()
    read_only: bool = False
    tmpfs: tuple[str, ...] = ()
    ulimits: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """How the engine finds out whether a service is ready. What is None is as the image has it; `off`: not at all."""

    command: str | None = None
    interval_s: float | None = None
    timeout_s: float | None = None
    start_period_s: float | None = None
    retries: int | None = None
    off: bool = False


@dataclass(frozen=True, slots=True)
class ContainerOptions:
    """The flags that were set: those of the box, and those that Treadle has words of its own for.

    `entrypoint` is one that a service alone may set.
    """

    box: BoxOptions = BoxOptions()
    cpus: float | None = None
    memory_bytes: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    health: Health | None = None
    entrypoint: str | None = None


class OptionRefused(ValueError):
    """An option that Docker has and a job here may not have, or that Treadle does not know. `what` names it."""

    def __init__(self, what: str, hint: str | None = None) -> None:
        super().__init__(f"{what} is refused" + (f": {hint}" if hint else ""))
        self.what = what
        self.hint = hint


def _cpus(text: str) -> float:
    try:
        count = float(text)
    except ValueError:
        count = 0.0
    if not 0 < count <= 4096:
        raise ValueError(f"{text!r} is no number of CPUs")
    return count


def _network(text: str) -> str:
    if text not in ("none", "bridge"):
        raise OptionRefused(f"--network {text}", "a job may join none and bridge")
    return text


def _capability(text: str) -> str:
    name = text.upper().removeprefix("CAP_")
    if name not in _CAPABILITIES:
        raise OptionRefused(f"the capability {text}", f"allowed are {', '.join(_CAPABILITIES)}")
    return name


def _ulimit(text: str) -> str:
    name, equals, limits = text.partition("=")
    if not (name and equals and all(part.lstrip("-").isdigit() for part in limits.split(":"))):
        raise ValueError(f"{text!r} is no limit such as nofile=1024:2048")
    return text


def _absolute(text: str) -> str:
    if not text.startswith("/"):
        raise ValueError(f"{text!r} is no absolute path")
    return text


def _alias(text: str) -> str:
    if not _ALIAS.fullmatch(text):
        raise ValueError(f"{text!r} is no name of a container")
    return text


def _mount(text: str) -> str:
    given = dict(pair.partition("=")[::2] for pair in text.split(","))
    target = next((given.pop(name) for name in ("destination", "dst", "target") if name in given), "")
    if given.pop("type", "") != "tmpfs":
        raise OptionRefused(f"--mount {text}", "only type=tmpfs is allowed: others would open the box to this machine")
    size, mode = given.pop("tmpfs-size", ""), given.pop("tmpfs-mode", "")
    if given:
        raise ValueError(f"{next(iter(given))!r} is not supported")
    options = [f"size={size_bytes(size)}"] if size else []
    return ":".join(filter(None, (_absolute(target), ",".join(options + ([f"mode={mode}"] if mode else [])))))


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 10000:
        raise ValueError(f"{text!r} is no number from 1")
    return int(text)


def _variable(text: str) -> str:
    if text.partition("=")[0] in ("", text):
        raise ValueError(f"{text!r} is no NAME=value; the engine's own environment is never passed on")
    return text


_CAPABILITIES = (
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "IPC_LOCK", "KILL", "MKNOD", "NET_BIND_SERVICE",
    "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT", "SYS_NICE", "SYS_PTRACE",
)  # fmt: skip

_ALIAS = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}")

# flag → field, how its value is read, whether it may be repeated
_FLAGS: dict[str, tuple[str, Callable[[str], Any], bool]] = {
    "--user": ("user", str, False),
    "--workdir": ("workdir", _absolute, False),
    "--network": ("network", _network, False),
    "--hostname": ("hostname", str, False),
    "--shm-size": ("shm_size_bytes", size_bytes, False),
    "--cap-add": ("cap_add", _capability, True),
    "--tmpfs": ("tmpfs", _absolute, True),
    "--ulimit": ("ulimits", _ulimit, True),
    "--cpus": ("cpus", _cpus, False),
    "--memory": ("memory_bytes", size_bytes, False),
    "--env": ("env", _variable, True),
    "--mount": ("tmpfs", _mount, True),
    "--name": ("aliases", _alias, True),
    "--network-alias": ("aliases", _alias, True),
    "--entrypoint": ("entrypoint", str, False),
    "--health-cmd": ("command", str, False),
    "--health-interval": ("interval_s", duration_s, False),
    "--health-timeout": ("timeout_s", duration_s, False),
    "--health-start-period": ("start_period_s", duration_s, False),
    "--health-retries": ("retries", _count, False),
}
_SWITCHES = {"--read-only": "read_only", "--no-healthcheck": "off", "--init": "init"}
_HEALTH = tuple(Health.__dataclass_fields__)
_SHORT = {"-u": "--user", "-w": "--workdir", "-h": "--hostname", "-m": "--memory", "-e": "--env", "--net": "--network"}
_WEAKENING = (
    "--privileged", "--pid", "--ipc", "--userns", "--uts", "--cgroupns", "--cgroup-parent", "--device", "--gpus",
    "--device-cgroup-rule", "--security-opt", "-v", "--volume", "--volumes-from", "--volume-driver", "-p",
    "--runtime", "--sysctl", "--group-add", "--add-host", "--link", "--publish", "-P", "--publish-all",
    "--oom-kill-disable", "--oom-score-adj",
)  # fmt: skip


def parse_container_options(text: str, service: bool = False) -> ContainerOptions:
    """Return what the options of a job's container, or of a service, ask for.

    Raises ValueError naming the first flag that is not allowed there (OptionRefused) or makes no sense.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"the options cannot be split into words: {error}") from None
    found: dict[str, Any] = {}
    at = 0
    while at < len(words):
        word, at = words[at], at + 1
        flag, equals, value = word.partition("=")
        if flag in _SHORT or flag.startswith("--"):
            flag = _SHORT.get(flag, flag)
        elif word[:2] in _SHORT:  # -u1000
            flag, equals, value = _SHORT[word[:2]], "=", word[2:]
        if flag in _SWITCHES:
            found[_SWITCHES[flag]] = _switch(flag, value if equals else "true")
            continue
        if flag == ("--network" if service else "--entrypoint"):
            raise OptionRefused(f"the option {flag}", "it is Treadle's own to set")
        if flag not in _FLAGS:
            raise _refusal(flag)
        if not equals:
            if at >= len(words):
                raise ValueError(f"{flag} lacks its value")
            value, at = words[at], at + 1
        name, read, many = _FLAGS[flag]
        try:
            setting = read(value)
        except OptionRefused:
            raise
        except ValueError as error:
            raise ValueError(f"{flag}: {error}") from None
        found[name] = (*found.get(name, ()), setting) if many else setting
    if "env" in found:
        found["env"] = dict(pair.split("=", 1) for pair in found["env"])
    found.pop("init", None)  # all containers of a job have one
    own = {name: found.pop(name) for name in ("cpus", "memory_bytes", "env", "entrypoint") if name in found}
    health = {name: found.pop(name) for name in _HEALTH if name in found}
    return ContainerOptions(BoxOptions(**found), **own, health=Health(**health) if health else None)


def _switch(flag: str, value: str) -> bool:
    if value not in ("true", "false"):
        raise ValueError(f"{flag} is true or false, not {value!r}")
    return value == "true"


def _refusal(flag: str) -> ValueError:
    if flag in _WEAKENING:
        return OptionRefused(f"the option {flag}", "it would open the job's box to this machine")
    if not flag.startswith("-"):
        return ValueError(f"{flag!r} is no option")
    near = get_close_matches(flag, [*_FLAGS, *_SWITCHES], 1)
    return OptionRefused(f"the option {flag}", f"did you mean {near[0]}?" if near else None)
