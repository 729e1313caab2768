"""What shells have shown is given piece by piece, however long it is."""

import http.client
import tracemalloc

from tests.app.server.site import Site
from tests.engine.fakes import jobs

PIECE = 1 << 16
PIECES = 512


def test_a_long_record_is_given_whole_and_never_held_whole(site: Site) -> None:
    site.lab.run(jobs(a=""))
    lease = site.lab.start()
    address, token = f"/api/v1/jobs/{lease.job_id}/shell/record", site.token("read")
    assert site.get(address).status == 404
    path = site.lab.store.shell_path(lease.run_id, lease.job_id, lease.number)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as record:
        for _ in range(PIECES):
            record.write(b"x" * PIECE)
    line = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
    tracemalloc.start()
    try:
        line.request("GET", address, headers={"Authorization": f"Bearer {token}"})
        answer, size = line.getresponse(), 0
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
        while piece := answer.read(PIECE):
            size += len(piece)
        assert size == PIECES * PIECE
        assert tracemalloc.get_traced_memory()[1] < PIECES * PIECE / 4
    finally:
        tracemalloc.stop()
        line.close()
