"""What the Docker Engine says of itself, for people who ask. Starts nothing and changes nothing."""

from engine.core.errors import ExecutorUnavailable
from engine.worker.docker.client import DockerClient, explain
from pipelines.records import dataclass


@dataclass(frozen=True, slots=True)
class DockerFacts:
    """`images` are the names (with tag) of what is here; `cgroup_version` is 1 or 2, as text."""

    version: str
    api: str
    storage_driver: str
    cgroup_version: str
    rootless: bool
    images: frozenset[str]


def docker_facts() -> DockerFacts:
    """Ask the engine that jobs would run on. Raises ExecutorUnavailable, with the fix, when none answers."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    client = DockerClient()
    try:
        version, info, images = client.api.version(), client.api.info(), client.api.images()
    except (DockerException, RequestException) as error:
        raise ExecutorUnavailable(
            f"The Docker Engine fails: {explain(error)}.", "See what `docker info` says."
        ) from error
    finally:
        client.close()
    return DockerFacts(
        version=version.get("Version", "?"),
        api=version.get("ApiVersion", "?"),
        storage_driver=info.get("Driver", "?"),
        cgroup_version=str(info.get("CgroupVersion", "1")),
        rootless=any("rootless" in option for option in info.get("SecurityOptions") or ()),
        images=frozenset(tag for image in images for tag in image.get("RepoTags") or ()),
    )
