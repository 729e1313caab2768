"""How far events are trusted: pull requests of strangers, and who may have jobs run on this machine itself. Pure."""

from enum import StrEnum

from engine.control.sources import OURS, PERSON
from engine.git.remote import local_path
from engine.settings.model import RepoSettings


class Trust(StrEnum):
    """What may become of an event: RUNS with the repository's secrets, or, being a fork's, without any."""

    RUNS = "runs"
    RUNS_WITHOUT_SECRETS = "runs without secrets"
    WAITS = "waits for a person, without secrets"
    REFUSED = "refused"


def trust(is_fork: bool | None, repo: RepoSettings) -> Trust:
    """Return what the repository's `fork_prs:` makes of an event. None: of a pull request we cannot tell; a fork's.

    No setting lets a fork's pull request see a secret, also not `pull_request_target`, whose code is the base's: what
    such a workflow does with the head is easily got wrong.
    """
    if is_fork is False:
        return Trust.RUNS
    return {"never": Trust.REFUSED, "always": Trust.RUNS_WITHOUT_SECRETS}.get(repo.fork_prs, Trust.WAITS)


def may_use_host(repo: RepoSettings, source: str) -> bool:
    """Return whether the jobs of an event may run on this machine itself, where a label or the executor says so.

    They may if a person here asked, or if nothing of it came over the network: neither the event nor the commits.
    """
    return repo.allow_host or source == PERSON or (source in OURS and local_path(repo.url) is not None)
