"""Which files of a box are its job's own doing. Pure: what an engine says of them, and what may be made of that."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from pipelines.records import dataclass

MODIFIED, ADDED, DELETED = range(3)  # as the Docker Engine counts
# Not the job's: the kernel's, and what an engine puts into every container.
FOREIGN = (
    *("/proc", "/sys", "/dev", "/.dockerenv", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab"),
    *("/sbin/docker-init", "/usr/sbin/docker-init", "/run/podman-init", "/run/.containerenv", "/run/secrets"),
)


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """Where a job's files are, by names relative to the folder `base`, which is ROOT in a container.

    `roots` are meant with all that is below them on the same file system, `alone` (files, and folders of the image's
    own) by themselves. `gone` was in the image and is not there any more; one of them may be there again.
    """

    ROOT: ClassVar = "/"

    base: str
    roots: tuple[str, ...]
    alone: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


def own_files(changes: Iterable[tuple[str, int]], volumes: Sequence[str], mounts: Sequence[str]) -> OwnFiles:
    """Return the files of a job in a container: what is in its `volumes`, and its `changes` of the image (path, kind).

    `mounts` are all places where something is mounted: what the image has there is not seen.
    """
    hidden = (*mounts, *FOREIGN)
    roots, alone, gone = list(volumes), list[str](), list[str]()
    whole = ""
    for path, kind in sorted(changes, key=lambda change: change[0].split("/")):
        if is_in(path, hidden) or (whole and is_in(path, (whole,))):
            continue
        if kind == DELETED:
            gone.append(path)
        elif kind == ADDED and not any(is_in(mount, (path,)) for mount in hidden):
            whole = path
            roots.append(path)
        else:
            alone.append(path)
    return OwnFiles(OwnFiles.ROOT, *(tuple(path.lstrip("/") for path in paths) for paths in (roots, alone, gone)))


def is_in(path: str, folders: Iterable[str]) -> bool:
    """Whether a path is one of these, or below one."""
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)
