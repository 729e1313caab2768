"""The line between engine and task, with a box played here: who is let in, what is applied once, what is believed."""

import hashlib
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.core.clock import SystemClock
from engine.worker.steps.session import Session
from engine.worker.swarm.frames import LineBroken
from engine.worker.swarm.key import key_of
from engine.worker.swarm.line import Door, Guest
from engine.worker.swarm.mirror import Mirror

TOKEN = "ab" * 32


class PlayedBox:
    """A courier: it dials, proves itself, and is asked what it got."""

    def __init__(self, home: Path, port: int, task: str, token: str = TOKEN, seq: int = 0, step: str = "-") -> None:
        context = ssl.create_default_context(cafile=str(home / "swarm.pem"))
        context.check_hostname = False
        self.line = context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=20))
        self.file = self.line.makefile("rb")
        self.line.sendall(b"treadle\n")
        nonce, mine = self.file.readline().split()[1].decode(), "0" * 32
        proof = hashlib.sha256(f"{token}:box:{nonce}:{mine}".encode()).hexdigest()
        self.line.sendall(f"box {task} played {mine} {proof} {seq} {step}\n".encode())
        self.word = self.file.readline().split()
        self.engine = hashlib.sha256(f"{token}:engine:{nonce}:{mine}".encode()).hexdigest()

    def hang_up(self) -> None:
        self.file.close()
        self.line.close()

    def frame(self) -> tuple[list[str], bytes]:
        """Return the next line that is not a beat, and the bytes that belong to it."""
        words = self.file.readline().decode().split()
        while words == ["beat"]:
            words = self.file.readline().decode().split()
        length = int(words[-1]) if words[1:2] in (["put"], ["tar"]) else 0
        return words, self.file.read(length)

    def frames(self, last: str) -> dict[str, bytes]:
        """Return files by name, up to one."""
        found: dict[str, bytes] = {}
        while last not in found:
            words, data = self.frame()
            if words[1:2] == ["put"]:
                found[words[2]] = data
        return found

    def say(self, text: str, data: bytes = b"") -> None:
        self.line.sendall(text.encode() + b"\n" + data)


class Lab:
    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / "attempt"
        self.folder.mkdir()
        Session.prepare(self.folder)
        self.tasks: list[str] = []
        self.played: list[PlayedBox] = []
        self.door = Door(key_of(home), ("127.0.0.1", 0), SystemClock())
        self.port = self.door.port
        self.guest = self.admit()

    def admit(self, task: str = "") -> Guest:
        mirror = Mirror(self.folder, lambda begun: begun.start())
        guest = Guest("box", TOKEN, mirror, self.tasks.append, 60.0, 0.0, task)
        self.door.admit(guest)
        return guest

    def dial(self, task: str = "t1", **more: str | int) -> PlayedBox:
        self.played.append(PlayedBox(self.home, self.port, task, **more))  # type: ignore[arg-type]
        return self.played[-1]

    def until(self, path: str, data: bytes) -> None:
        pause, place = threading.Event(), self.folder / "channel" / path
        for _ in range(1000):
            if place.exists() and place.read_bytes() == data:
                return
            pause.wait(0.01)
        raise AssertionError(place.read_bytes())

    def hand_over(self, number: int) -> None:
        channel = self.folder / "channel"
        (channel / "log" / str(number)).touch()
        (channel / "step" / f"{number}.sh").write_text("true")
        (channel / "next").write_text(f"{number}\n")
        fd = os.open(channel / "go", os.O_RDWR | os.O_NONBLOCK)
        os.write(fd, b"\n")
        os.close(fd)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path)
    yield lab
    lab.door.close()
    for box in lab.played:
        box.hang_up()


def test_who_knows_the_token_is_let_in_and_hears_a_proof_of_it(lab: Lab) -> None:
    box = lab.dial()
    assert box.word == [b"go", box.engine.encode()]
    assert lab.tasks == ["t1"]


def test_who_does_not_know_the_token_is_refused(lab: Lab) -> None:
    assert lab.dial(token="00" * 32).word == [b"no"]
    assert lab.tasks == []


def test_only_the_first_task_has_the_attempt(lab: Lab) -> None:
    lab.dial("t1")
    assert lab.dial("t2").word == [b"no"]
    assert lab.dial("t1").word[0] == b"go"
    lab.door.dismiss("box")
    lab.admit(task="t1")  # another engine of the home has read who it was
    assert lab.dial("t2").word == [b"no"]


def test_nobody_is_let_in_once_the_box_is_gone(lab: Lab) -> None:
    lab.door.dismiss("box")
    assert lab.dial().word == [b"no"]


def test_a_key_is_for_its_owner_alone(lab: Lab) -> None:
    assert (lab.home / "swarm.pem").stat().st_mode & 0o077 == 0


def test_a_step_is_handed_over_with_all_it_needs_before_it_is_named(lab: Lab) -> None:
    (lab.folder / "channel" / "file" / "0.output").touch()
    box = lab.dial()
    lab.hand_over(0)
    files = list(box.frames("next").items())
    assert files[-1] == ("next", b"0\n")
    assert dict(files) == {"step/0.sh": b"true", "file/0.output": b"", "log/0": b"", "next": b"0\n"}


def test_what_was_applied_is_not_sent_again_and_what_was_not_is(lab: Lab) -> None:
    first = lab.dial()
    lab.hand_over(0)
    first.frames("next")
    first.hang_up()
    again = lab.dial(seq=2)  # `start`, and the first file
    assert [word for word in iter(lambda: again.frame()[0], ["ready"]) if word[0] != "have"] == []
    assert "step/0.sh" not in again.frames("next")


def test_an_engine_that_takes_over_hands_over_only_what_the_box_has_not(lab: Lab) -> None:
    lab.dial()
    lab.hand_over(0)
    lab.door.dismiss("box")
    lab.admit(task="t1")
    assert set(lab.dial(seq=5, step="-").frames("next")) == {"step/0.sh", "log/0", "next"}
    lab.door.dismiss("box")
    lab.admit(task="t1")
    box = lab.dial(seq=9, step="0")
    lab.hand_over(1)
    assert set(box.frames("next")) == {"step/1.sh", "log/1", "next"}


def test_output_is_taken_by_offset_once(lab: Lab) -> None:
    box = lab.dial()
    lab.hand_over(0)
    box.frames("next")
    box.say("at log/0 0 5", b"hello")
    box.say("at log/0 3 5", b"lo, y")
    box.say("at ev 0 2", b"R\n")
    lab.until("ev", b"R\n")
    lab.until("log/0", b"hello, y")
    box.hang_up()
    again = lab.dial(seq=9, step="0")
    assert [again.frame()[0] for _ in range(3)] == [["have", "ev", "2"], ["have", "log/0", "8"], ["ready"]]


@pytest.mark.parametrize(
    "said",
    [
        "at log/0 4 1", "at ../../x 0 1", "at next 0 1", "at ev 0 -1", "file step/0.sh 1", "file file/../x 1",
        "file file/.x 1", "file exchange/a/b 1", "file file/x -1", "out a1 0 999999999999", "did x", "left", "",
        "x" * 2000,
    ],
)  # fmt: skip
def test_what_a_box_makes_up_breaks_its_line_and_nothing_else(lab: Lab, said: str) -> None:
    box = lab.dial()
    while box.frame()[0] != ["ready"]:
        pass
    box.frame()  # `start`
    box.say(said, b"x")
    assert box.file.read() == b""
    assert lab.dial().word[0] == b"go"


def test_a_file_of_the_box_is_placed_whole_and_not_sent_back(lab: Lab) -> None:
    box = lab.dial()
    (lab.folder / "channel" / "file" / "0.output").touch()
    box.say("file file/0.output 9", b"a=1\nb=2\n\n")
    box.say("file exchange/empty 0")
    lab.until("file/0.output", b"a=1\nb=2\n\n")
    lab.until("exchange/empty", b"")
    lab.hand_over(1)
    assert set(box.frames("next")) == {"step/1.sh", "log/1", "next"}


def test_an_answer_that_a_broken_line_took_along_is_not_waited_for(lab: Lab) -> None:
    box = lab.dial()
    while box.frame()[0] != ["ready"]:
        pass
    assert lab.guest.arrived.wait(10)
    answer = lab.guest.mirror.ask("true")
    box.hang_up()
    assert answer.done.wait(10)
    assert answer.code is None


def test_an_unknown_word_is_an_error_of_its_line(tmp_path: Path) -> None:
    (tmp_path / "channel").mkdir()
    with pytest.raises(LineBroken):
        Mirror(tmp_path, lambda _: None).hear(["rm", "-rf"])


def test_a_box_that_is_dismissed_while_it_is_let_in_has_no_line(lab: Lab) -> None:
    mirror = Mirror(lab.folder, lambda begun: lab.door.dismiss("box"))
    guest = Guest("box", TOKEN, mirror, lab.tasks.append, 60.0, 0.0)
    lab.door.admit(guest)
    box = lab.dial()
    assert box.file.read() == b""  # it is hung up on, and hears no order
    assert guest.line is None
    assert not guest.arrived.is_set()
    assert lab.dial().word == [b"no"]


def test_a_box_that_nobody_knows_yet_is_not_refused_but_asked_to_come_again(lab: Lab) -> None:
    """An engine that has just begun opens its door before it has taken up what an earlier one left."""
    lab.door.close()
    lab.door = Door(key_of(lab.home), ("127.0.0.1", 0), SystemClock())
    lab.port = lab.door.port
    assert lab.dial().word == []
    lab.admit()
    assert lab.dial().word[0] == b"go"


def test_a_box_that_dials_while_the_engine_stops_is_not_refused(lab: Lab) -> None:
    """It would end itself, and the next engine has nothing to take up."""
    lab.door.close()
    here, there = socket.socketpair()
    with here, there:
        there.sendall(b"treadle\nbox t1 played " + b"0" * 32 + b" " + b"0" * 64 + b" 0 -\n")
        assert lab.door._greet(here) is None  # type: ignore[arg-type]
        here.shutdown(socket.SHUT_WR)
        assert there.makefile("rb").read().splitlines()[1:] == []
