"""Artifacts for tests, as if a job had left them."""

import io
import tarfile
from collections.abc import Mapping
from typing import Any

from engine.store.contents.manifest import Artifact
from tests.app.server.site import Site


def leave(site: Site, run_id: int, name: str, files: Mapping[str, bytes] | None = None, **more: Any) -> Artifact:
    """Have a run's first job leave an artifact. A file whose content begins with `-> ` is a symbolic link."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for path, content in (files or {"a.txt": b"alpha"}).items():
            member = tarfile.TarInfo(path)
            if content.startswith(b"-> "):
                member.type, member.linkname = tarfile.SYMTYPE, content[3:].decode()
                content = b""
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    data.seek(0)
    job = site.lab.store.queries.jobs(run_id)[0]
    return site.desk.artifacts.save_tar(run_id, job.id, 1, name, data, 1 << 30, **more)
