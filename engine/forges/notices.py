"""What webhooks of ours (`notify:`) hear of a run that has ended: which notices, and the JSON of each. Pure."""

from collections.abc import Mapping

from engine.core.refs import HEADS, TAGS
from engine.core.states import RunStatus
from engine.forges.statuses import Standing, description
from pipelines.records import dataclass

_NOTICES = {RunStatus.FAILED: "failed", RunStatus.CANCELLED: "cancelled", RunStatus.SUCCESS: "success"}


def notices_for(status: RunStatus, failed_before: bool) -> tuple[str, ...]:
    """Return what the end of a run is to `notify:`. A success is `fixed`, too, when what ran before it had failed."""
    if status not in _NOTICES:
        return ()
    fixed = status == RunStatus.SUCCESS and failed_before
    return (_NOTICES[status], "fixed") if fixed else (_NOTICES[status],)


@dataclass(frozen=True, slots=True)
class Noticed:
    """Which run a notice is about."""

    repo: str
    workflow: str
    number: int
    ref: str
    sha: str
    event: str
    title: str


def notice_body(notice: str, told: Noticed, standing: Standing) -> Mapping[str, object]:
    """Return the JSON of a `notify:` webhook. `text` alone is enough for a chat; it holds nothing of a stranger's but
    the branch's name, made harmless."""
    verb = {"fixed": "works again"}.get(notice, "succeeded" if notice == "success" else notice)
    branch = told.ref.removeprefix(HEADS).removeprefix(TAGS)
    text = f"{told.repo}: {told.workflow} #{told.number} {verb} on {branch} ({description(standing)})"
    for char, harmless in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(char, harmless)
    return {
        "notice": notice,
        "text": text,
        "run": {
            "id": standing.run_id,
            "number": told.number,
            "repo": told.repo,
            "workflow": told.workflow,
            "title": told.title,
            "event": told.event,
            "ref": told.ref,
            "sha": told.sha,
            "status": str(standing.status),
            "seconds": round(standing.seconds, 3),
            "jobs": {"total": standing.total, "good": standing.good, "failed": list(standing.failed[:20])},
        },
    }
