"""Processes that are measured from outside: how `treadle` is started, what one has used, whether a port answers."""

import http.client
import os
import socket
import sys
from pathlib import Path

TREADLE = (sys.executable, "-m", "app.cli.main")


def memory_mb(pid: int, which: str = "VmRSS") -> float:
    """Return the memory of a process itself: now, or the most there was (VmHWM). Raises OSError when it is gone."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    found = next((line for line in lines if line.startswith(which)), None)
    if found is None:
        raise ProcessLookupError(f"process {pid} is ending")
    return int(found.split()[1]) / 1024


def cpu_s(pid: int) -> float:
    """Return the seconds of CPU that a process has used, in hundredths."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """Return a port of this machine on which nobody listens just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def status_of(port: int, path: str) -> int:
    """Return the status that a server of this machine answers with; 0 while it does not answer."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return 0
