"""What boxes in a swarm are made of: services, their tasks, secrets and configs. Decides nothing about jobs."""

import base64
import json
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from engine.core.clock import Clock
from engine.core.errors import EngineError
from engine.worker.docker.client import DockerClient, explain, status_of
from engine.worker.docker.config import BOX_LABEL
from engine.worker.executor import Credentials
from engine.worker.swarm.config import KitFile

ENDED = ("complete", "failed", "shutdown", "rejected", "orphaned", "remove")
_GONE_S = 30.0


class SwarmObjects:
    """Those of one home, told by the label `treadle`. Raises the SDK's own errors where nothing else is said."""

    def __init__(self, client: DockerClient, home_id: str, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._labels = {"treadle": home_id}
        self._ours = {"label": f"treadle={home_id}"}

    def configs(self, kit: Iterable[KitFile]) -> list[tuple[KitFile, str]]:
        """Return files with the ids of the configs that hold them, making those that are not there."""
        api = self._client.api
        here = {config["Spec"]["Name"]: str(config["ID"]) for config in api.configs(filters=self._ours)}
        for file in kit:
            if file.config not in here:
                here[file.config] = str(api.create_config(file.config, file.data, self._labels)["ID"])
        return [(file, here[file.config]) for file in kit]

    def secret(self, name: str, data: str) -> str:
        """Make the secret of a box; return its id."""
        labels = {**self._labels, BOX_LABEL: name}
        return str(self._client.api.create_secret(name, data.encode(), labels)["ID"])

    def create(self, body: dict[str, Any], login: Credentials | None) -> str:
        """Make a service; return its id. `login` is for the nodes, which pull its image."""
        api = self._client.api
        headers = {"X-Registry-Auth": _auth(login)} if login else {}
        answer = api._post_json(api._url("/services/create"), data=body, headers=headers)
        return str(api._result(answer, json=True)["ID"])

    def labels_of(self, service: str) -> tuple[str, dict[str, str]] | None:
        """Return a service's name and labels, None when it is gone."""
        from docker.errors import APIError

        try:
            spec = self._client.api.inspect_service(service)["Spec"]
        except APIError as error:
            if status_of(error) in (400, 404):
                return None
            raise
        return str(spec["Name"]), dict(spec["Labels"])

    def services(self) -> dict[str, str]:
        """Return the names of the home's services by their ids."""
        return {one["ID"]: str(one["Spec"]["Name"]) for one in self._client.api.services(filters=self._ours)}

    def tasks(self, service: str) -> list[dict[str, Any]]:
        """Return the tasks of a service; none when it is gone, whatever they do."""
        from docker.errors import APIError

        try:
            return list(self._client.api.tasks(filters={"service": service}))
        except APIError as error:
            if status_of(error) == 404:
                return []
            raise

    def end(self, service: str) -> None:
        """Remove a service and see its tasks ended: Swarm may take its removal for no reason to stop them.

        Raises EngineError when one is left. It cannot go on with the attempt: its line is refused, and it ends itself.
        So do those on nodes that are away, which are not waited for.
        """
        from docker.errors import APIError, DockerException
        from requests.exceptions import RequestException

        api = self._client.api
        try:
            ids = [task["ID"] for task in self.tasks(service)]  # by these they are known when the service is not
            try:
                api.remove_service(service)
            except APIError as error:
                if status_of(error) != 404:
                    raise
            until_s, pause = self._clock.monotonic_s() + _GONE_S, 0.05
            while ids and self._go_on(ids):
                if self._clock.monotonic_s() > until_s:
                    raise EngineError(f"A task of the service {service} does not end.")
                threading.Event().wait(pause)
                pause = min(pause * 1.5, 0.5)
        except (DockerException, RequestException) as error:
            raise EngineError(f"The service {service} cannot be removed: {error}.") from error

    def _go_on(self, ids: list[str]) -> bool:
        """Whether one of these tasks has not ended, as far as their nodes can be asked."""
        api = self._client.api
        nodes = [
            task.get("NodeID", "") for task in api.tasks(filters={"id": ids}) if task["Status"]["State"] not in ENDED
        ]
        if not nodes:
            return False
        away = {node["ID"] for node in api.nodes() if node["Status"]["State"] != "ready"}
        return not away.issuperset(nodes)

    def end_named(self, name: str) -> None:
        """Remove all that is called so. Raises EngineError."""
        for service, called in self.services().items():
            if called == name:
                self.end(service)
        self.drop_secrets([name])

    def drop_secrets(self, names: Sequence[str] | None = None, but: Iterable[str] = ()) -> None:
        """Remove the secrets of boxes: those of `names`, or all but those of some. Raises EngineError."""
        from docker.errors import APIError, DockerException
        from requests.exceptions import RequestException

        api, kept = self._client.api, set(but)
        try:
            for secret in api.secrets(filters=self._ours):
                box = secret["Spec"]["Labels"].get(BOX_LABEL)
                if box in kept or (names is not None and box not in names):
                    continue
                try:
                    api.remove_secret(secret["ID"])
                except APIError as error:
                    if status_of(error) not in (400, 404):  # a service that is just going still names it
                        raise
        except (DockerException, RequestException) as error:
            raise EngineError(f"A secret of the swarm cannot be removed: {explain(error)}.") from error

    def drop_configs(self) -> None:
        """Remove the configs of this home, but those that services still name. Raises EngineError."""
        from docker.errors import APIError, DockerException
        from requests.exceptions import RequestException

        api = self._client.api
        try:
            for config in api.configs(filters=self._ours):
                try:
                    api.remove_config(config["ID"])
                except APIError as error:
                    if status_of(error) not in (400, 404):
                        raise
        except (DockerException, RequestException) as error:
            raise EngineError(f"A config of the swarm cannot be removed: {explain(error)}.") from error


def _auth(login: Credentials) -> str:
    text = json.dumps({"username": login.username, "password": login.password})
    return base64.urlsafe_b64encode(text.encode()).decode()
