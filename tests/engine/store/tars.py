"""Tars, as a job would hand them over."""

import io
import tarfile
from collections.abc import Mapping


def tar_of(files: Mapping[str, bytes | str]) -> io.BytesIO:
    """Pack files; what is a text is a symbolic link that leads there."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname, content = tarfile.SYMTYPE, content, b""
            member.size, member.mode = len(content), 0o644
            tar.addfile(member, io.BytesIO(content))
    out.seek(0)
    return out
