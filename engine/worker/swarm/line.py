"""Where tasks of a swarm dial in: one port, one line at a time for each attempt, TLS by the home's own key.

A task proves that it knows the token of its attempt, and hears a proof of the same, without either telling it. The
first task that does has the attempt; any other, were it started by Swarm for whatever reason, is refused.
"""

import hmac
import logging
import os
import re
import secrets
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import field
from hashlib import sha256

from engine.core.clock import Clock
from engine.worker.swarm.frames import Frame, LineBroken, Sink
from engine.worker.swarm.key import Key
from engine.worker.swarm.mirror import Mirror
from pipelines.records import dataclass

BEAT_S = 5.0
SILENCE_S = 30.0
_HELLO_S = 20.0
_LOOK_S = 0.25
_HELLO_BYTES = 1000
_BLOCK = 1 << 18
_AT_DOOR = 64  # who may be dialling at once
_HELLO = re.compile(
    rb"(?P<box>[\w.-]{1,200}) (?P<task>\w{1,64}) (?P<way>\w{1,20}) (?P<nonce>[0-9a-f]{32}) (?P<proof>[0-9a-f]{64})"
    rb" (?P<seq>\d{1,15}) (?P<step>-|\d{1,9})\n"
)
_log = logging.getLogger(__name__)


@dataclass
class Guest:
    """Who may dial: a box by its name. `task` is the task that has it, '' for the first that comes; `bound` is told.

    `arrived` is set once there was a line, `way` how it was dialled, `silent_since_s` when there was none any more. A
    task that has not heard of an engine for `lost_s` ends itself.
    """

    name: str
    token: str
    mirror: Mirror
    bound: Callable[[str], None]
    lost_s: float
    silent_since_s: float
    task: str = ""
    way: str = ""
    arrived: threading.Event = field(default_factory=threading.Event)
    line: "Line | None" = None


class Door:
    """Listens at `address` until it is closed. Any thread."""

    def __init__(self, key: Key, address: tuple[str, int], clock: Clock) -> None:
        """Raises OSError when nothing can listen there."""
        self._context = key.context()
        self._clock = clock
        self._guests: dict[str, Guest] = {}
        self._dismissed: set[str] = set()
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(_AT_DOOR)
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._socket = socket.create_server(address, family=family, backlog=128)
        self.port = int(self._socket.getsockname()[1])
        self._closed = False
        self._thread = threading.Thread(target=self._accept, name="swarm-door", daemon=True)
        self._thread.start()

    def admit(self, guest: Guest) -> None:
        with self._lock:
            self._guests[guest.name] = guest
            self._dismissed.discard(guest.name)

    def dismiss(self, name: str) -> None:
        """Let a box dial no more, and break its line."""
        with self._lock:
            guest = self._guests.pop(name, None)
            self._dismissed.add(name)
        if guest and guest.line:
            guest.line.close()

    def close(self) -> None:
        self._closed = True
        self._thread.join()  # while it waits for callers the port stays taken, even if the socket is closed
        self._socket.close()
        with self._lock:
            guests, self._guests = self._guests, {}
        for guest in guests.values():  # none is dismissed: who is just dialling may ask the next engine
            if guest.line:
                guest.line.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                if not select.select([self._socket], [], [], _LOOK_S)[0]:
                    continue
                caller, _ = self._socket.accept()
            except (OSError, ValueError):  # closed
                return
            if self._room.acquire(timeout=_HELLO_S):
                threading.Thread(target=self._receive, args=(caller,), name="swarm-line", daemon=True).start()
            else:
                caller.close()

    def _receive(self, caller: socket.socket) -> None:
        line = None
        try:
            caller.settimeout(_HELLO_S)
            caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with caller, self._context.wrap_socket(caller, server_side=True) as spoken:
                line = self._greet(spoken)
                self._room.release()
                if line:
                    line.run()
        except (OSError, LineBroken) as error:
            if line is None:
                self._room.release()
            _log.debug("A line of a task ended: %s", error)
        finally:
            if line:
                line.ended()

    def _greet(self, spoken: ssl.SSLSocket) -> "Line | None":
        """Return the line of who proved to be a guest, having told the others that they are not."""
        if _read_line(spoken) != b"treadle\n":
            return None
        nonce = secrets.token_hex(16)
        spoken.sendall(f"treadle {nonce}\n".encode())
        hello = _HELLO.fullmatch(_read_line(spoken))
        with self._lock:
            name = hello["box"].decode() if hello else ""
            guest = self._guests.get(name)
            if guest is None and name not in self._dismissed:
                return None  # an engine that has just begun may be about to take it up: it may ask again
            if hello is None or guest is None or not _proves(guest, "box", nonce, hello):
                spoken.sendall(b"no\n")
                return None
            task = hello["task"].decode()
            if guest.task and guest.task != task:
                _log.warning("The task %s is refused: %s has its attempt.", task, guest.task)
                spoken.sendall(b"no\n")
                return None
            if not guest.task:
                guest.bound(task)
                guest.silent_since_s, guest.task = self._clock.monotonic_s(), task
            earlier = guest.line
        if earlier:
            earlier.close()
            earlier.over.wait(_HELLO_S)
        line = Line(spoken, guest, self._clock)
        theirs = _proof(guest.token, "engine", nonce, hello["nonce"].decode())
        try:
            line.begin(int(hello["seq"]), hello["step"].decode())
            spoken.sendall(f"go {theirs}\n".encode())
            with self._lock:
                guest.way, guest.line = hello["way"].decode(), line
                if self._guests.get(guest.name) is not guest:  # dismissed meanwhile, when there was no line to break
                    raise LineBroken("its box is over")
        except BaseException:
            line.ended()
            raise
        guest.arrived.set()
        return line


class Line:
    """One connection, served by the thread that runs it; TLS lets no two threads use it at once."""

    def __init__(self, spoken: ssl.SSLSocket, guest: Guest, clock: Clock) -> None:
        self.over = threading.Event()
        self._socket = spoken
        self._guest = guest
        self._mirror = guest.mirror
        self._clock = clock
        self._sent = 0
        self._out: Iterator[bytes] = iter(())
        self._block = memoryview(b"")
        self._in = bytearray()
        self._sink: Sink | None = None
        self._closing = False
        self._nudged, self._nudge = os.pipe()
        os.set_blocking(self._nudged, False)
        os.set_blocking(self._nudge, False)
        self._go = os.open(self._mirror.channel / "go", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def begin(self, applied: int, number: str) -> None:
        first, frames = self._mirror.greet(applied, number)
        self._out = self._blocks([first], [frame for frame in frames if frame.seq > applied])
        self._sent = max([applied, *(frame.seq for frame in frames)])
        self._mirror.nudge = self._poke

    def close(self) -> None:
        """Have it end soon. Any thread."""
        self._closing = True
        self._poke()

    def ended(self) -> None:
        """Give back what it took."""
        if self._guest.line is self:
            self._guest.line, self._guest.silent_since_s = None, self._clock.monotonic_s()
            self._mirror.nudge = lambda: None
            self._mirror.hang_up()
        for fd in (self._nudged, self._go):
            os.close(fd)
        self._nudge, nudge = -1, self._nudge
        os.close(nudge)
        self.over.set()
        self._mirror.wake()

    def run(self) -> None:
        """Carry until it breaks. Raises OSError and LineBroken."""
        self._socket.settimeout(0)
        heard_s = beat_s = looked_s = self._clock.monotonic_s()
        while not self._closing:
            moved_in, moved_out = self._receive(), self._send()
            now_s = self._clock.monotonic_s()
            if moved_in:
                heard_s = now_s
            if now_s - heard_s > min(SILENCE_S, self._guest.lost_s):
                # What is on its way may not arrive later: `lost_s` counts from the last that a task hears.
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                raise LineBroken("nothing was heard")
            if now_s - looked_s > _LOOK_S:  # for a mark to stop that nobody has told of
                looked_s = now_s
                self._mirror.look()
            if now_s - beat_s > min(BEAT_S, self._guest.lost_s / 3):
                beat_s = now_s
                self._mirror.order("beat")
            if not moved_in and not moved_out:
                self._wait()

    def _wait(self) -> None:
        socket_fd = self._socket.fileno()
        ready, _, _ = select.select(
            [socket_fd, self._nudged, self._go], [socket_fd] if self._block else [], [], _LOOK_S
        )
        for fd in (self._nudged, self._go):
            if fd in ready:
                try:
                    os.read(fd, 1 << 16)
                except BlockingIOError:
                    pass  # somebody else has read it
        if self._go in ready:
            self._mirror.look()

    def _poke(self) -> None:
        try:
            os.write(self._nudge, b"\n")
        except (BlockingIOError, OSError):
            pass  # it looks anyway, or has ended

    def _blocks(self, orders: list[bytes], frames: list[Frame]) -> Iterator[bytes]:
        yield from orders
        for frame in frames:
            yield from frame.blocks()

    def _send(self) -> bool:
        moved = False
        for _ in range(16):
            if not self._block:
                block = next(self._out, None)
                if block is None:
                    orders, frames = self._mirror.outgoing(self._sent)
                    if not orders and not frames:
                        return moved
                    self._sent = max([self._sent, *(frame.seq for frame in frames)])
                    self._out = self._blocks(orders, frames)
                    continue
                self._block = memoryview(block)
            try:
                sent = self._socket.send(self._block[:_BLOCK])
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                return moved
            self._block = self._block[sent:]
            moved = True
        return moved

    def _receive(self) -> bool:
        try:
            data = self._socket.recv(_BLOCK)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        if not data:
            raise LineBroken("the other side closed")
        view = memoryview(data)
        while view:
            if self._sink is not None:
                taken = view[: self._sink.left]
                self._sink.write(taken)
                view = view[len(taken) :]
                if not self._sink.left:
                    self._sink = None
                continue
            found = data.find(b"\n", len(data) - len(view))
            end = len(view) if found < 0 else found - (len(data) - len(view)) + 1
            self._in += view[:end]
            view = view[end:]
            if found >= 0:
                line, self._in = bytes(self._in[:-1]), bytearray()
                self._sink = self._mirror.hear(line.decode("ascii", "replace").split(" "))
                if self._mirror.left is not None:
                    self._mirror.wake()
            elif len(self._in) > _HELLO_BYTES:
                raise LineBroken("a line without end")
        return True


def _read_line(spoken: ssl.SSLSocket) -> bytes:
    """Return a line with its end; less of it when it is too long, or was not ended."""
    said = bytearray()
    while not said.endswith(b"\n") and len(said) < _HELLO_BYTES and (byte := spoken.recv(1)):
        said += byte
    return bytes(said)


def _proves(guest: Guest, who: str, nonce: str, hello: "re.Match[bytes]") -> bool:
    wanted = _proof(guest.token, who, nonce, hello["nonce"].decode())
    return hmac.compare_digest(wanted, hello["proof"].decode())


def _proof(token: str, who: str, nonce: str, theirs: str) -> str:
    return sha256(f"{token}:{who}:{nonce}:{theirs}".encode()).hexdigest()
