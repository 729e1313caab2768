"""Snapshots over HTTP."""

from tests.app.server.site import Site
from tests.engine.fakes import jobs

PATH = "/api/v1/snapshots"


def test_a_snapshot_is_taken_listed_compared_and_removed(site: Site) -> None:
    assert site.get(PATH, scope="read").json == {"snapshots": [], "damaged": []}
    taken = site.ask("POST", PATH, {}, scope="write")
    assert taken.status == 201
    first = taken.json["snapshot"]
    assert (first["kind"], first["runs"], first["incomplete"]) == ("hand", 0, [])
    site.lab.run(jobs(a=""), "acme/app")
    site.lab.clock.advance(60)
    second = site.ask("POST", PATH, {}).json["snapshot"]
    assert [one["id"] for one in site.get(PATH).json["snapshots"]] == [second["id"], first["id"]]
    told = site.get(f"{PATH}/diff?a={first['id']}").json
    assert told["counts"]["run"] == {"added": 1, "removed": 0, "changed": 0}
    assert told["b"]["id"] == second["id"]
    assert site.ask("DELETE", f"{PATH}/{first['id']}").json["removed"] == [first]
    assert site.ask("DELETE", f"{PATH}/{first['id']}").status == 404
    assert site.get(f"{PATH}/diff?a={first['id']}").status == 404


def test_what_the_rules_do_not_keep_is_removed(site: Site) -> None:
    site.ask("POST", PATH, {})
    assert site.ask("POST", f"{PATH}/prune", {"dry_run": True}).json == {"removed": [], "dry_run": True}
    assert site.ask("POST", f"{PATH}/prune", {}).json == {"removed": [], "dry_run": False}


def test_what_tells_of_secrets_and_what_removes_is_for_administrators(site: Site) -> None:
    assert site.ask("POST", PATH, {}, scope="read").status == 403
    for method, path in (("GET", f"{PATH}/diff?a=x"), ("DELETE", f"{PATH}/x"), ("POST", f"{PATH}/prune")):
        assert site.ask(method, path, {} if method == "POST" else None, scope="write").status == 403
