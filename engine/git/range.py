"""The commits between one that worked and one that does not, as `git bisect` takes them."""

from engine.core.errors import GitError
from engine.git import repository
from pipelines.records import dataclass

MOST = 10_000


@dataclass(frozen=True, slots=True)
class CommitRange:
    """What `bad` leads back to, itself included, and `good` does not: each commit with its parents."""

    good: str
    bad: str
    parents: dict[str, tuple[str, ...]]


def commits_between(repo: repository.Repo, good: str, bad: str, most: int = MOST) -> CommitRange:
    """Return the commits that `bad` leads back to and `good` does not, at most so many.

    Raises GitError where `good` is no ancestor of `bad`, where there are more, and for a history with holes.
    """
    import pygit2

    handle = repository.open_repository(repo)
    if good == bad:
        raise GitError(f"{good[:12]} cannot be both good and bad.")
    if not leads_to(repo, bad, good):
        base = repository.merge_base(repo, good, bad)
        hint = f"They part at {base[:12]}: try that as the good one." if base else "They have no history in common."
        raise GitError(f"{good[:12]} is no ancestor of {bad[:12]}.", hint)
    parents: dict[str, tuple[str, ...]] = {}
    try:
        walker = handle.walk(pygit2.Oid(hex=bad), pygit2.enums.SortMode.TOPOLOGICAL)
        walker.hide(pygit2.Oid(hex=good))
        for commit in walker:
            if len(parents) >= most:
                raise GitError(
                    f"More than {most} commits lie between {good[:12]} and {bad[:12]}.", "Name a nearer good one."
                )
            parents[str(commit.id)] = tuple(str(parent) for parent in commit.parent_ids)
    except (KeyError, pygit2.GitError) as error:
        raise GitError(f"The history of {bad[:12]} is not all here: {error}.") from None
    return CommitRange(good, bad, parents)


def leads_to(repo: repository.Repo, sha: str, ancestor: str) -> bool:
    """Return whether `ancestor` is behind `sha`; False also for a commit that is not here."""
    import pygit2

    try:
        return bool(repository.open_repository(repo).descendant_of(pygit2.Oid(hex=sha), pygit2.Oid(hex=ancestor)))
    except (KeyError, ValueError, pygit2.GitError):
        return False
