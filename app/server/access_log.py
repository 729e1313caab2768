"""One terse line for each request: what was asked, what was answered, how long it took. Never a header, never a query:
tokens and secrets could stand there."""

from collections import Counter

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

COUNTERS = web.AppKey("counters", Counter[tuple[str, str]])
LONGEST = 200
QUIET = ("/healthz", "/readyz", "/metrics")


class AccessLog(AbstractAccessLogger):
    """Counts every request, too. Probes are logged only when somebody debugs."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        path = request.rel_url.raw_path[:LONGEST].encode("ascii", "backslashreplace").decode()
        say = self.logger.debug if path in QUIET else self.logger.info
        say("%s %s %d %.1f ms", request.method, path, response.status, time * 1000)
        if isinstance(request, web.Request):
            labels = f'method="{request.method}",status="{response.status}"'
            request.app[COUNTERS]["treadle_http_requests_total", labels] += 1
