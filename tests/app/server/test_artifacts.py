"""The laws of artifacts over HTTP: listed, whole as a tar, file by file; nothing that was damaged passes for whole."""

import http.client
import io
import tarfile

import pytest

from engine.store.contents.manifest import Artifact
from tests.app.server.artifacts import leave
from tests.app.server.site import Site
from tests.engine.fakes import jobs

FILES = {"a.txt": b"alpha\n", "deep/b \xfc.bin": bytes(range(256)) * 5000, "empty": b""}


@pytest.fixture
def artifact(site: Site) -> Artifact:
    return leave(site, site.lab.run(jobs(a="")), "site ü", FILES)


def test_a_run_lists_its_artifacts(site: Site, artifact: Artifact) -> None:
    (told,) = site.get(f"/api/v1/runs/{artifact.run_id}/artifacts").json["artifacts"]
    assert (told["id"], told["name"], told["files"]) == (artifact.id, "site ü", 3)
    assert told["size_bytes"] == sum(map(len, FILES.values()))


def test_all_runs_artifacts_are_listed_the_newest_runs_first(site: Site) -> None:
    runs = [site.lab.run(jobs(a="")), site.lab.run(jobs(b=""), repo="acme/app")]
    for run in runs:
        leave(site, run, "first")
        site.lab.clock.advance(60)
        leave(site, run, "second", retention_days=2)
    assert site.get("/api/v1/artifacts", scope=None).status == 401
    told = site.get("/api/v1/artifacts", scope="read").json
    assert [(one["run"], one["name"]) for one in told["artifacts"]] == [
        (runs[1], "second"), (runs[1], "first"), (runs[0], "second"), (runs[0], "first"),
    ]  # fmt: skip
    assert told["before"] is None
    newest = told["artifacts"][0]
    assert (newest["repo"], newest["workflow"], newest["job_name"], newest["run_number"]) == ("acme/app", "CI", "b", 1)
    assert (newest["created_at"], newest["kept_until"]) == ("2030-01-02T03:06:05.000Z", "2030-01-04T03:06:05.000Z")
    assert told["artifacts"][1]["kept_until"] == "2030-02-01T03:05:05.000Z"
    only = site.get("/api/v1/artifacts?repo=acme/app").json["artifacts"]
    assert {one["run"] for one in only} == {runs[1]}
    assert site.get(f"/api/v1/artifacts?run={runs[0]}").json["artifacts"] == told["artifacts"][2:]
    assert site.get("/api/v1/artifacts?run=99").status == 404


def test_a_page_of_artifacts_ends_with_a_whole_run_and_tells_where_to_go_on(site: Site) -> None:
    runs = [site.lab.run(jobs(a="")) for _ in range(4)]
    for run in (runs[0], runs[1], runs[3]):
        for name in "xyz":
            leave(site, run, name)
    seen, query = [], ""
    for _ in range(3):
        told = site.get(f"/api/v1/artifacts?limit=2{query}").json
        seen.append({one["run"] for one in told["artifacts"]})
        assert len(told["artifacts"]) == 3
        query = f"&before={told['before']}"
    assert seen == [{runs[3]}, {runs[1]}, {runs[0]}]
    assert told["before"] is None


def test_a_list_tells_at_once_what_came_was_replaced_and_went(site: Site) -> None:
    run = site.lab.run(jobs(a=""))

    def listed() -> list[tuple[str, int]]:
        return [(one["name"], one["size_bytes"]) for one in site.get("/api/v1/artifacts").json["artifacts"]]

    assert listed() == []
    gone = leave(site, run, "x", {"a": b"1"})
    assert listed() == [("x", 1)]
    leave(site, run, "x", {"a": b"two"}, overwrite=True)
    assert listed() == [("x", 3)]
    assert site.get(f"/api/v1/artifacts/{gone.id}").status == 404
    site.desk.artifacts.delete(gone)
    assert listed() == []


def test_an_artifact_of_a_pinned_run_is_kept_without_end(site: Site, artifact: Artifact) -> None:
    assert site.ask("POST", f"/api/v1/runs/{artifact.run_id}/pin", {}).status in (200, 202)
    (told,) = site.get("/api/v1/artifacts").json["artifacts"]
    assert told["kept_until"] is None


def test_an_artifact_comes_as_a_tar(site: Site, artifact: Artifact) -> None:
    answer = site.get(f"/api/v1/artifacts/{artifact.id}")
    assert answer.headers["Content-Type"] == "application/x-tar"
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''site%20%C3%BC.tar"
    with tarfile.open(fileobj=io.BytesIO(answer.body)) as tar:
        found = {member.name: tar.extractfile(member).read() for member in tar.getmembers()}  # type: ignore[union-attr]
    assert found == FILES


def test_a_single_file_and_any_range_of_it_can_be_had(site: Site, artifact: Artifact) -> None:
    path = f"/api/v1/artifacts/{artifact.id}/files"
    assert [file["path"] for file in site.get(path).json["files"]] == sorted(FILES)
    whole = FILES["deep/b \xfc.bin"]
    url = f"{path}/deep/b%20%C3%BC.bin"
    assert site.get(url).body == whole
    part = site.get(url, headers={"Range": "bytes=1000000-1100000"})
    assert (part.status, part.body) == (206, whole[1_000_000:1_100_001])
    assert site.get(f"{path}/empty").body == b""
    assert site.get(f"{path}/none").status == site.get(f"{path}/../../x").status == 404


@pytest.mark.parametrize("form", ["tar", "zip"])
def test_an_archive_comes_from_any_byte_on_while_it_is_the_same_one(site: Site, artifact: Artifact, form: str) -> None:
    url = f"/api/v1/artifacts/{artifact.id}?format={form}"
    whole = site.get(url)
    assert whole.headers["Content-Length"] == str(len(whole.body))
    assert site.get(f"/api/v1/artifacts/{artifact.id}/files").json["archives"][form] == len(whole.body)
    half, tag = len(whole.body) // 2, whole.headers["ETag"]
    part = site.get(url, headers={"Range": f"bytes={half}-", "If-Range": tag})
    assert (part.status, part.body) == (206, whole.body[half:])
    assert site.get(url, headers={"Range": f"bytes={half}-", "If-Range": '"another"'}).body == whole.body
    assert site.get(url, headers={"Range": f"bytes={len(whole.body)}-"}).status == 416
    assert site.get(f"/api/v1/artifacts/{artifact.id}?format=rar").status == 400


def test_a_damaged_artifact_does_not_pass_for_whole(site: Site, artifact: Artifact) -> None:
    digest = next(file.digest for file in artifact.files if file.path.startswith("deep"))
    (site.home / "artifacts" / "blobs" / digest[:2] / f"{digest}.zst").unlink()
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        site.get(f"/api/v1/artifacts/{artifact.id}")
