"""Workflow texts: kept once, forgotten when nobody speaks of them, and never in the way of who plans."""

import threading
from concurrent.futures import ThreadPoolExecutor

from tests.engine.fakes import Lab

TEXT = "on: push\njobs:\n  a:\n    runs-on: x\n    steps: [{run: 'true'}]\n"


def test_who_plans_inside_a_write_never_waits_for_who_forgets(lab: Lab) -> None:
    digest, _ = lab.store.definitions.keep("ci.yml", TEXT, "")
    begun = threading.Event()

    def forget() -> None:
        begun.set()
        lab.store.definitions.forget([digest])
        lab.store.close()

    with ThreadPoolExecutor(1) as other:
        with lab.store.database.write():
            forgotten = other.submit(forget)
            assert begun.wait(5)
            threading.Event().wait(0.05)  # it waits for this write by now, holding nothing that we need
            assert lab.store.definitions.workflow(digest).jobs.keys() == {"a"}
        forgotten.result(5)
    assert lab.store.definitions.workflow(digest).jobs.keys() == {"a"}  # asked for meanwhile: spared
