"""The laws of artifacts over HTTP: whole as a tar, file by file, and nothing that was damaged passes for whole."""

import http.client
import io
import tarfile

import pytest

from engine.store.artifacts import Artifact
from tests.app.server.site import Site
from tests.engine.fakes import jobs

FILES = {"a.txt": b"alpha\n", "deep/b \xfc.bin": bytes(range(256)) * 5000, "empty": b""}


@pytest.fixture
def artifact(site: Site) -> Artifact:
    run_id = site.lab.run(jobs(a=""))
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, content in FILES.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    data.seek(0)
    return site.desk.artifacts.save_tar(run_id, 1, 1, "site ü", data, 1 << 30)


def test_a_run_lists_its_artifacts(site: Site, artifact: Artifact) -> None:
    (told,) = site.get(f"/api/v1/runs/{artifact.run_id}/artifacts").json["artifacts"]
    assert (told["id"], told["name"], told["files"]) == (artifact.id, "site ü", 3)
    assert told["size_bytes"] == sum(map(len, FILES.values()))


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


def test_a_damaged_artifact_does_not_pass_for_whole(site: Site, artifact: Artifact) -> None:
    digest = next(file.digest for file in artifact.files if file.path.startswith("deep"))
    (site.home / "artifacts" / "blobs" / digest[:2] / f"{digest}.zst").unlink()
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        site.get(f"/api/v1/artifacts/{artifact.id}")
