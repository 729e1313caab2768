"""Reading a tar that somebody else wrote."""

import tarfile

HEADER_LIMIT_BYTES = 1 << 20
_EXTENDED = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class Member(tarfile.TarInfo):
    """A header that may not make us read a gigabyte of extended attributes into memory."""

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in _EXTENDED and self.size > HEADER_LIMIT_BYTES:
            raise tarfile.ReadError("a header is larger than 1 MiB")
        found: tarfile.TarInfo = super()._proc_member(tar)  # type: ignore[misc]
        return found
