"""Keeps an attempt's channel folder the same here and in a task elsewhere, so that nobody who reads it need know.

What the engine writes goes up as numbered frames, each applied once however often the line breaks; what the box writes
comes down by offset, or as whole files. Nothing that comes from the box names a file outside the channel.
"""

import gzip
import os
import re
import stat
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from engine.worker.actions.built_in.checkout import pack
from engine.worker.swarm.frames import INLINE_BYTES, Answer, Frame, LineBroken, Sink

ANSWER_BYTES = 64 << 20
_PLAIN = re.compile(r"(file|exchange)/[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
_GROWS = re.compile(r"ev|log/[0-9]{1,9}")
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
Fingerprint = tuple[int, int, int]


class Mirror:
    """One attempt's, from any thread. `nudge` is called when there is something to be sent.

    `begin` says what a box that has done nothing yet is to have first.
    """

    def __init__(self, folder: Path, begin: Callable[["Mirror"], None]) -> None:
        self.folder = folder
        self.nudge: Callable[[], None] = lambda: None
        self.left: int | None = None
        self._channel = folder / "channel"
        self._begin = begin
        self._lock = threading.RLock()
        self._queue: deque[Frame] = deque()
        self._orders: deque[bytes] = deque()
        self._answers: dict[str, Answer] = {}
        self._asked = 0
        self._seq = 0
        self._next: str | None = None
        self._met = self._interrupted = False
        self._shipped: dict[str, Fingerprint] = {}
        self._actions: set[str] = set()
        self._got: dict[str, int] = {}

    # -- the line ---------------------------------------------------------------------------------------------------

    def greet(self, applied: int, number: str) -> tuple[bytes, list[Frame]]:
        """Return what a box that dialled is to hear first. It has applied frames up to `applied` and was handed step
        `number` last ('-' for none)."""
        with self._lock:
            if not self._met:
                self._met = True
                self._seq = applied
                if applied == 0:
                    self._begin(self)
                else:  # an earlier engine of this home has begun it
                    self._next = None if number == "-" else number
                    self._remember()
            self._trim(applied)
            self.look()
            self._signal()
            names = ["ev"] + ([] if number == "-" else [f"log/{number}"])
            haves = "".join(f"have {name} {self._offset(name)}\n" for name in names)
            for answer in self._answers.values():
                answer.done.set()
            self._answers.clear()
            return f"{haves}ready\n".encode(), list(self._queue)

    def outgoing(self, after: int) -> tuple[list[bytes], list[Frame]]:
        """Return orders and frames that are still to be sent, of which the last sent was `after`."""
        with self._lock:
            orders = list(self._orders)
            self._orders.clear()
            return orders, [frame for frame in self._queue if frame.seq > after]

    def hear(self, words: list[str]) -> Sink | None:
        """Take a line from the box; return who takes the bytes that follow, None when there are none.

        Raises LineBroken.
        """
        try:
            match words:
                case ["at", name, offset, length] if _GROWS.fullmatch(name):
                    return self._grown(name, int(offset), int(length))
                case ["file", name, length] if _PLAIN.fullmatch(name):
                    return _Whole(self, name, int(length)).begun()
                case ["out", name, code, length]:
                    return self._answered(name, int(code), int(length))
                case ["did", seq]:
                    with self._lock:
                        self._trim(int(seq))
                case ["left", code]:
                    self.left = int(code)
                case ["beat"]:
                    pass
                case _:
                    raise LineBroken(f"nobody knows {' '.join(words)[:100]!r}")
        except ValueError as error:
            raise LineBroken(str(error)) from error
        return None

    # -- what the engine asks ---------------------------------------------------------------------------------------

    def order(self, words: str) -> None:
        """Say something that is worth nothing later: it is lost when there is no line."""
        with self._lock:
            self._orders.append(f"{words}\n".encode())
        self.nudge()

    def interrupt(self) -> None:
        """Ask the driver to end the current step; a mark that the session left for it goes first."""
        with self._lock:
            self._interrupted = True
            if self._met:
                self.look()
                self._signal()
        self.nudge()

    def ask(self, script: str) -> Answer:
        """Run a script beside the steps."""
        answer = Answer()
        with self._lock:
            self._asked += 1
            name = f"a{self._asked}"
            self._answers[name] = answer
            text = script.encode("utf-8", "surrogateescape")
            self._orders.append(f"run {name} {len(text)}\n".encode() + text)
        self.nudge()
        return answer

    def hang_up(self) -> None:
        """Let nobody wait for an answer any more."""
        with self._lock:
            for answer in self._answers.values():
                answer.done.set()
            self._answers.clear()

    def put(self, name: str, mode: str, data: bytes) -> None:
        with self._lock:
            self._send(f"put {name} {mode}", data=data)

    def unpack(self, folder: Path, inside: str) -> None:
        """Have the files of `folder` in the box at `inside`."""
        with self._lock:
            place = self.folder / f"sent-{self._seq + 1}.tar"
            with gzip.GzipFile(place, mode="wb", compresslevel=1, mtime=0) as packed:
                pack(folder, cast("BinaryIO", packed))
            self._send(f"tar {inside}", path=place, temporary=True)

    def start(self) -> None:
        with self._lock:
            self._send("start", data=b"")

    def look(self) -> None:
        """Queue what the engine has written since the last look, once it is known what the box has."""
        with self._lock:
            if not self._met:
                return
            number = self._text("next")
            if number is not None and number != self._next:
                self._hand_over(number)
            for name in sorted(self._names("step")):
                if name.endswith(".stop") and name not in self._shipped:
                    self._ship(name, "644")
            if "end" not in self._shipped and (self._channel / "end").exists():
                self._ship("end", "644")

    def _signal(self) -> None:
        if self._interrupted:
            self._interrupted = False
            self._send("sig", data=b"")

    # -- up ---------------------------------------------------------------------------------------------------------

    def _hand_over(self, number: str) -> None:
        for root in self._action_roots():
            if root not in self._actions:
                self._actions.add(root)
                self.unpack(self.folder / "actions" / root, f"/github/actions/{root}")
        here = {name for folder in ("step", "file", "exchange") for name in self._names(folder)}
        for name in [name for name in self._shipped if "/" in name and name not in here]:
            del self._shipped[name]
            self._send(f"del {name}", data=b"")
        for name in sorted(here):
            self._ship(name, "644" if name.startswith("step/") else "666")
        if (self._channel / "grace").exists():
            self._ship("grace", "644")
        self._send(f"put log/{number} 666", data=b"")
        self._send(f"fifo pipe/{number}", data=b"")
        self._got[f"log/{number}"] = 0
        self._next = number
        self._send("put next 644", data=f"{number}\n".encode())

    def _ship(self, name: str, mode: str) -> None:
        """Send a file unless the box has it as it is."""
        path = self._channel / name
        try:
            found = path.lstat()
        except FileNotFoundError:
            return
        if not stat.S_ISREG(found.st_mode) or self._shipped.get(name) == _fingerprint(found):
            return
        self._shipped[name] = _fingerprint(found)
        words = f"put {name} {mode}"
        if found.st_size <= INLINE_BYTES:
            self._send(words, data=path.read_bytes())
        else:
            self._send(words, path=path)

    def _send(self, words: str, path: Path | None = None, data: bytes = b"", temporary: bool = False) -> None:
        self._seq += 1
        self._queue.append(Frame(self._seq, words, path, data, temporary))

    def _trim(self, applied: int) -> None:
        while self._queue and self._queue[0].seq <= applied:
            frame = self._queue.popleft()
            if frame.temporary and frame.path:
                frame.path.unlink(missing_ok=True)

    def _remember(self) -> None:
        """Take it that the box has what was there when its step was handed over: it would not have begun without."""
        self._actions.update(self._action_roots())
        if self._text("next") != self._next:
            return
        for name in [*(name for folder in ("step", "file", "exchange") for name in self._names(folder)), "grace"]:
            if not name.endswith(".stop") and (self._channel / name).exists():
                self._shipped[name] = _fingerprint((self._channel / name).lstat())

    def _names(self, folder: str) -> Iterator[str]:
        with os.scandir(self._channel / folder) as entries:
            for entry in entries:
                if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
                    yield f"{folder}/{entry.name}"

    def _action_roots(self) -> list[str]:
        """Return the folders of actions, which are named after commits."""
        top, found = self.folder / "actions", list[str]()
        for folder, names, _ in os.walk(top) if top.is_dir() else ():
            for name in [name for name in names if _COMMIT.fullmatch(name)]:
                found.append(str((Path(folder) / name).relative_to(top)))
                names.remove(name)
            names[:] = [name for name in names if not name.endswith(".partial")]
        return sorted(found)

    def _text(self, name: str) -> str | None:
        try:
            return (self._channel / name).read_text().strip() or None
        except OSError:
            return None

    # -- down -------------------------------------------------------------------------------------------------------

    def _offset(self, name: str) -> int:
        """Return up to where the box's file is here: known by its size when an earlier engine took it in."""
        if name not in self._got:
            path = self._channel / name
            self._got[name] = path.lstat().st_size if path.exists() else 0
        return self._got[name]

    def _grown(self, name: str, offset: int, length: int) -> Sink:
        known = self._offset(name)
        if not 0 <= offset <= known or length < 0:
            raise LineBroken(f"{name} goes on at {offset}, and {known} is known")
        return _Grown(self, name, known - offset, length)

    def append(self, name: str, data: memoryview) -> None:
        """Add what came to a file of the channel; one that the engine has done with takes nothing more."""
        try:
            fd = os.open(self._channel / name, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return
        try:
            while data:
                written = os.write(fd, data)
                self._got[name] += written
                data = data[written:]
        finally:
            os.close(fd)

    def wake(self) -> None:
        """Tell the session that there is news."""
        try:
            fd = os.open(self._channel / "wake", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return
        try:
            os.write(fd, b"\n")
        except BlockingIOError:
            pass  # nobody has read what is in it
        finally:
            os.close(fd)

    def place(self, name: str, partial: Path) -> None:
        """Put a whole file from the box where the session looks for it."""
        with self._lock:
            try:
                partial.rename(self._channel / name)
            except OSError as error:
                raise LineBroken(f"{name} cannot be put down: {error.strerror}") from error
            self._shipped[name] = _fingerprint((self._channel / name).lstat())

    @property
    def channel(self) -> Path:
        return self._channel

    def _answered(self, name: str, code: int, length: int) -> Sink | None:
        with self._lock:
            answer = self._answers.pop(name, Answer())
        if not 0 <= length <= ANSWER_BYTES:
            raise LineBroken(f"an answer of {length} bytes")
        answer.code, answer.left = code, length
        if length:
            return answer
        answer.done.set()
        return None


class _Grown:
    def __init__(self, mirror: Mirror, name: str, known: int, length: int) -> None:
        self.left = length
        self._mirror = mirror
        self._name = name
        self._known = known

    def write(self, data: memoryview) -> None:
        self.left -= len(data)
        known = min(self._known, len(data))
        self._known -= known
        if known < len(data):
            self._mirror.append(self._name, data[known:])
        if self._name == "ev" and not self.left:
            self._mirror.wake()


class _Whole:
    def __init__(self, mirror: Mirror, name: str, length: int) -> None:
        if length < 0:
            raise LineBroken("a file of negative size")
        self.left = length
        self._mirror = mirror
        self._name = name
        folder, _, plain = name.partition("/")
        self._partial = mirror.channel / folder / f".{plain}.box"
        self._partial.unlink(missing_ok=True)
        self._file = self._partial.open("xb")

    def begun(self) -> "_Whole | None":
        if self.left:
            return self
        self._finish()
        return None

    def write(self, data: memoryview) -> None:
        self.left -= len(data)
        self._file.write(data)
        if not self.left:
            self._finish()

    def _finish(self) -> None:
        self._file.close()
        self._mirror.place(self._name, self._partial)


def _fingerprint(found: os.stat_result) -> Fingerprint:
    return found.st_ino, found.st_size, found.st_mtime_ns
