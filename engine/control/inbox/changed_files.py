"""The files that an event changed, by a diff of trees: forges cut their lists short."""

from functools import cached_property

from engine.control.inbox.occasions import Occasion
from engine.control.inbox.places import EventPlace
from engine.core.errors import GitError
from engine.core.refs import HEADS
from engine.git import repository


class ChangedFiles:
    """Worked out when the first filter asks.

    Of a push: from what was there before it; of a new branch: from where it leaves the default branch; of a pull
    request: from where it leaves its base.
    """

    def __init__(self, occasion: Occasion, place: EventPlace) -> None:
        self._occasion = occasion
        self._place = place

    @cached_property
    def files(self) -> tuple[str, ...] | None:
        """Return the paths, or None when Git cannot tell: for tags, forced pushes, the default branch's first push."""
        try:
            repo = self._place.open_repo()
            base, head = self._ends(repo)
            return tuple(repository.changed_files(repo, base, head)) if base else None
        except GitError:  # a commit that is not here any more
            return None

    def _ends(self, repo: repository.Repo) -> tuple[str | None, str]:
        event, sha = self._occasion.event, self._place.commit.sha
        if event is not None and event.pr_number is not None:
            head = event.head_sha or sha
            return repository.merge_base(repo, event.base_sha or f"{HEADS}{event.base_ref}", head), head
        if event is None or event.name != "push" or event.tag is not None:
            return None, sha
        if event.before is not None:
            return event.before, sha
        default = self._occasion.default_branch
        if not default or event.branch == default:
            return None, sha
        return repository.merge_base(repo, f"{HEADS}{default}", sha), sha
