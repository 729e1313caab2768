"""Whether jobs can run: on Docker, on a swarm, on this machine itself; and what of this home there is in Docker."""

from collections.abc import Iterator
from pathlib import Path

from app.cli.checks.check import Check, tried
from app.wording import size
from engine.core.errors import EngineError, ExecutorUnavailable
from engine.settings.model import Settings


def executors(home: Path, settings: Settings | None) -> Iterator[Check]:
    """Look at each executor that the settings use; Docker's where there are none."""
    if settings is not None and settings.executor == "host":
        yield _host()
    else:
        yield from _docker(home, settings)
    if settings is not None and wants_swarm(settings):
        yield _swarm(settings)


def _host() -> Check:
    from engine.worker.host.executor import HostExecutor

    return tried("host", lambda: HostExecutor("doctor").check(), "jobs run as processes on this machine")


def _docker(home: Path, settings: Settings | None) -> Iterator[Check]:
    from engine.worker.docker.facts import docker_facts

    try:
        facts = docker_facts()
    except ExecutorUnavailable as error:
        yield Check("docker", "fail", error.args[0], error.fix, executor=True)
        return
    rootless = ", rootless" if facts.rootless else ""
    yield Check("docker", "ok", f"Docker {facts.version}, API {facts.api}, {facts.storage_driver}{rootless}")
    if home.exists():
        from engine.worker.docker.sight import check_sight

        yield tried("sight", lambda: check_sight(home), "the Docker Engine sees the home")
        yield from _leftovers(home)
    if facts.cgroup_version == "2":
        yield Check("cgroup", "ok", "cgroup v2: limits and out-of-memory kills are seen")
    else:
        fix = "Boot with systemd.unified_cgroup_hierarchy=1."
        yield Check("cgroup", "warn", "cgroup v1: out-of-memory kills may be reported as plain failures", fix)
    yield _overlay()
    for label, image in sorted((settings.labels if settings else {}).items()):
        yield _image(label, image, facts.images)


def _leftovers(home: Path) -> Iterator[Check]:
    """Tell what of this home there is in Docker; an engine removes what its jobs left, at its start and hourly."""
    from engine.home import home_id
    from engine.worker.docker.client import DockerClient
    from engine.worker.docker.sweep import DockerSweep
    from engine.worker.last_use import LastUse

    if not (home / "home.id").exists():
        return  # it has never had any
    client = DockerClient()
    try:
        ours = DockerSweep(client, home_id(home), tuple, LastUse(home)).tell()
    except EngineError as error:
        yield Check("docker objects", "warn", str(error), "See what `docker info` says.")
        return
    finally:
        client.close()
    counts = [
        (ours.containers, f"containers ({ours.running} running)"),
        (ours.networks, "networks"),
        (ours.volumes, "volumes"),
        (ours.images, f"built images ({size(ours.images_bytes)})"),
    ]
    said = ", ".join(f"{count} {what}" for count, what in counts if count) or "nothing of this home"
    stopped = ours.containers - ours.running
    if stopped:
        mark = f"label=treadle={home_id(home)}"
        fix = f"The engine removes them within the hour; by hand: docker rm $(docker ps -aqf {mark} -f status=exited)"
        yield Check("docker objects", "warn", said, fix)
    else:
        yield Check("docker objects", "ok", said)


def _overlay() -> Check:
    try:
        known = "\toverlay\n" in Path("/proc/filesystems").read_text()
    except OSError:
        known = False
    if known:
        return Check("overlay", "ok", "workspaces can be copy-on-write views")
    return Check("overlay", "warn", "no overlay file system: workspaces are copied", "modprobe overlay")


def _image(label: str, image: str, here: frozenset[str]) -> Check:
    name = f"label {label}"
    if image == "host":
        return Check(name, "ok", "runs as processes on this machine")
    if image.startswith("swarm:"):
        return Check(
            name, "ok", f"{image.removeprefix('swarm:')}, in the swarm: the node that runs the job has it pulled"
        )
    wanted = image if "@" in image or ":" in image.rpartition("/")[2] else f"{image}:latest"
    if wanted in here:
        return Check(name, "ok", wanted)
    return Check(name, "warn", f"{wanted} is not here; the first job that needs it pulls it", f"docker pull {wanted}")


def wants_swarm(settings: Settings) -> bool:
    return settings.executor == "swarm" or any(image.startswith("swarm:") for image in settings.labels.values())


def _swarm(settings: Settings) -> Check:
    from engine.worker.docker.client import DockerClient
    from engine.worker.swarm.facts import swarm_facts

    client = DockerClient()
    try:
        facts = swarm_facts(client, settings.swarm)
    except ExecutorUnavailable as error:
        return Check("swarm", "fail", error.args[0], error.fix, executor=True)
    finally:
        client.close()
    message = f"a manager; {facts.nodes} nodes ready; their tasks dial {facts.host}:{facts.port}"
    if not facts.has_busybox:
        fix = "Install busybox-static, which is sent to them."
        return Check("swarm", "warn", f"{message}; images without openssl cannot be used", fix)
    return Check("swarm", "ok", message)
