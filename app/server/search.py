"""Words in all logs, over HTTP."""

from aiohttp import web

from app.server.answers import Refusal, tell
from app.server.desk import Call
from app.server.route import API, Param, Route
from app.views.search import MOST, USUAL, search_view
from engine.core.states import AttemptStatus
from engine.store.logs.search import Where
from engine.store.logs.words import words_of

LONGEST = 500  # characters of a question
PATIENCE_S = 2.0  # for what has just ended
ENDED = tuple(str(status) for status in AttemptStatus if status is not AttemptStatus.RUNNING)


async def search(call: Call) -> web.StreamResponse:
    """Tell which lines of which logs hold all words: see `search_view`."""
    asked: str = call.query["q"]
    if len(asked) > LONGEST:
        raise Refusal(400, f"The words are longer than {LONGEST} characters.")
    where = Where(call.query.get("repo"), call.query.get("workflow"), call.query.get("status"))
    limit = min(call.query.get("limit", USUAL), MOST)
    index_bytes = call.desk.settings.limits.search_bytes
    return await tell(call, search_view, call.desk.store, words_of(asked), where, limit, index_bytes, PATIENCE_S)


ROUTES = (
    Route(
        "GET", f"{API}/search", search, "lines of all logs that hold all words, the newest logs first",
        query=(
            Param("q", "string", 'words, and "words in a row"; a * at an end stands for any ending', needed=True),
            Param("repo", "string", "only in this repository"),
            Param("workflow", "string", "only in this workflow: a file or a name"),
            Param("status", "string", "only in attempts that ended so", words=ENDED),
            Param("limit", "integer", "how many at most", least=1),
        ),
        answers={200: "the lines", 409: "no log is searched here", 422: "there is no word in `q`"},
    ),
)  # fmt: skip
