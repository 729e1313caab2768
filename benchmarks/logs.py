"""What it costs to carry a step's output into its log: CPU seconds for 100 MB of each kind, and the peak of memory.

Run it from the repository's root: `python benchmarks/logs.py`. The floor is copying the same bytes from file to file.
"""

import os
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from engine.store.logs.reader import LogReader
from engine.store.logs.writer import LogWriter, compress
from engine.worker.log.commands import CommandStream
from engine.worker.log.pump import CHUNK_BYTES, LogPump
from engine.worker.log.secrets_mask import Mask

SIZE = 100_000_000
NOW = datetime(2025, 1, 1, tzinfo=UTC)
LINE = b"12345 the quick brown fox jumps over the lazy dog, twice, and is quite tired now\n"
SECRETS = ("s3cr3t-value", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "correct horse battery staple")
KEY = "-----BEGIN KEY-----\n" + "\n".join(f"MIIEvgIBADANBgkqhkiG9w0BAQEF{n:036}" for n in range(26))

KINDS: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "plain lines": (LINE, ()),
    "plain lines, 3 secrets": (LINE, SECRETS),
    "plain lines, a key of 27 lines": (LINE, (KEY,)),
    "a secret each 10 lines": (LINE * 9 + b"token s3cr3t-value is set\n", SECRETS),
    "std:: in each line": (LINE[:-1] + b" std::string\n", ()),
    "a group each 100 lines": (b"::group::part\n" + LINE * 98 + b"::endgroup::\n", ()),
    "a notice each 10 lines": (b"::notice file=a.c,line=1::look\n" + LINE * 9, SECRETS),
    "one endless line": (b"x" * 81, ()),
}


def cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def copy(source: int, target: int) -> None:
    at = 0
    while chunk := os.pread(source, CHUNK_BYTES, at):
        at += os.pwrite(target, chunk, at)


def pumped(folder: Path, source: int, secrets: tuple[str, ...]) -> float:
    writer = LogWriter(folder / "1-1.log", SIZE * 2)
    mask = Mask(secrets)
    pump = LogPump(writer, mask, lambda _: CommandStream(hide=mask.text), lambda: NOW, folder / "journal")

    def work() -> None:
        while pump.pump(0, source):
            pass
        pump.finish(0, source)

    seconds = cpu(work)
    pump.close()
    writer.close()
    return seconds


def measure(folder: Path, name: str, unit: bytes, secrets: tuple[str, ...]) -> None:
    raw = folder / "raw"
    block = unit * (CHUNK_BYTES // len(unit))
    with raw.open("wb") as file:
        while file.tell() < SIZE:
            file.write(block)
    source, target = os.open(raw, os.O_RDONLY), os.open(folder / "copy", os.O_RDWR | os.O_CREAT)
    copy(source, target)
    floor = cpu(lambda: copy(source, target))
    seconds = pumped(folder, source, secrets)
    print(f"{name:34} {floor:7.2f} {seconds:7.2f} {SIZE / 1e6 / seconds:6.0f}")
    os.close(source)
    os.close(target)


def squeeze(path: Path) -> None:
    seconds = cpu(lambda: compress(path))
    with LogReader(path) as reader:
        jumps = cpu(lambda: [reader.read(at, at + 4096) for at in range(0, SIZE, SIZE // 20)])
    print(f"  compressed in {seconds:.2f} s, 20 reads of 4 KiB anywhere in {jumps * 1000:.0f} ms")


def main() -> None:
    print(f"{'100 MB of':34} {'copy s':>7} {'pump s':>7} {'MB/s':>6}")
    for name, (unit, secrets) in KINDS.items():
        with tempfile.TemporaryDirectory() as place:
            measure(Path(place), name, unit, secrets)
            if name == "plain lines":
                squeeze(Path(place) / "1-1.log")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


if __name__ == "__main__":
    main()
