"""One terse line for each request: what was asked, what was answered, how long it took. Never a header, never a query:
tokens and secrets could stand there."""

from collections import Counter

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

LONGEST = 200
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
QUIET = ("/healthz", "/readyz", "/metrics")


def access_log(counters: Counter[tuple[str, str]]) -> type[AbstractAccessLogger]:
    """Return what writes the lines, and counts the requests. Probes are logged only when somebody debugs."""

    class AccessLog(AbstractAccessLogger):
        def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
            path = request.rel_url.raw_path[:LONGEST].encode("ascii", "backslashreplace").decode()
            say = self.logger.debug if path in QUIET else self.logger.info
            say("%s %s %d %.1f ms", request.method, path, response.status, time * 1000)
            method = request.method if request.method in METHODS else "other"
            counters["treadle_http_requests_total", f'method="{method}",status="{response.status}"'] += 1

    return AccessLog
