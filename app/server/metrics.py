"""What Prometheus scrapes: counted while it happens, or asked of the store when somebody looks."""

from collections.abc import Iterator

from aiohttp import web

from app.server.answers import SAFE
from app.server.desk import Call, Desk
from app.server.metric import Metric
from app.server.route import Route
from app.server.slo_metrics import slo_metrics
from app.server.stream import FEED
from app.version import VERSION
from engine.core.states import JobStatus

TEXT = "text/plain; version=0.0.4; charset=utf-8"
COUNTED = {
    "treadle_deliveries_total": "Deliveries acknowledged, new ones and those that were known.",
    "treadle_http_requests_total": "Requests answered, by method and status.",
    "treadle_sse_dropped_total": "Streams that were ended because their reader took nothing.",
}


async def metrics(call: Call) -> web.StreamResponse:
    """Tell all metrics as Prometheus text."""
    feed = call.request.app[FEED]
    found = [*counted(call.desk), *await call.desk.ask(lambda: list(stored(call.desk)))]
    found.append(Metric("treadle_sse_streams", "gauge", "Streams that are open.", {"": feed.readers}))
    slo = await call.desk.ask(call.desk.slo.report, call.desk.clock.now())
    found += slo_metrics(slo)
    text = "\n".join(line for metric in found for line in metric.lines()) + "\n"
    return web.Response(body=text.encode(), headers=SAFE | {"Content-Type": TEXT})


def counted(desk: Desk) -> Iterator[Metric]:
    for name, says in COUNTED.items():
        values = {labels: count for (counter, labels), count in sorted(desk.counters.items()) if counter == name}
        yield Metric(name, "counter", says, values)


def stored(desk: Desk) -> Iterator[Metric]:
    """Ask the store; a few counts over indexes."""
    store = desk.store
    jobs = store.queries.counts()
    yield Metric("treadle_build_info", "gauge", "The version that runs.", {f'version="{VERSION}"': 1})
    yield Metric("treadle_ready", "gauge", "Does the engine take work?", {"": desk.ready and not desk.draining})
    yield Metric("treadle_workers", "gauge", "How many jobs can run at once.", {"": desk.settings.worker_count})
    yield Metric("treadle_workers_busy", "gauge", "How many workers have a job.", {"": desk.busy()})
    paused = store.queue.pause.get() is not None
    yield Metric("treadle_queue_paused", "gauge", "Has a person paused the queue?", {"": paused})
    room = store.disk.look()
    yield Metric("treadle_disk_free_bytes", "gauge", "Room on the disk of the home.", {"": room.free_bytes})
    yield Metric("treadle_disk_floor_bytes", "gauge", "Below this no job is started.", {"": room.floor_bytes})
    yield Metric("treadle_disk_short", "gauge", "Is no job started for want of room?", {"": room.short})
    read = not desk.live.problem
    yield Metric("treadle_settings_read", "gauge", "Is the configuration, as its file is now, in force?", {"": read})
    by_status = {f'status="{status}"': jobs.get(str(status), 0) for status in JobStatus}
    yield Metric("treadle_jobs", "gauge", "Jobs by status.", by_status)
    backlog = store.inbox.backlog()
    yield Metric("treadle_inbox_backlog", "gauge", "Events that wait to be planned.", {"": backlog})
    yield Metric("treadle_outbox_waiting", "gauge", "Letters that have still to be sent.", {"": store.outbox.waiting()})
    yield Metric("treadle_transitions", "counter", "The newest transition.", {"": store.queries.last_sequence()})
    size = store.database.path.stat().st_size
    yield Metric("treadle_database_bytes", "gauge", "Size of the database file.", {"": size})


ROUTES = (
    Route("GET", "/metrics", metrics, "metrics, as Prometheus text", gives="text/plain"),
)  # fmt: skip
