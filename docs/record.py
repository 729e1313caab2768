"""Records docs/hold-fix-retry.cast: a step fails, its box is held, a person mends it there and runs it again.

`python docs/record.py` drives the real `treadle` in a terminal (tmux), on Docker, with scripted keys. It goes on when
the screen shows what it waits for, never after a while; how long a person may look is said in the file alone. Beside
the session (asciicast v2, each key a marker) it keeps the screens that the page on fixing shows, as text.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from engine.core.clock import SystemClock  # noqa: E402
from engine.git.repository import start_repository  # noqa: E402
from tests.app.tui.terminal import Terminal, terminal  # noqa: E402

CAST, FRAMES = FOLDER / "hold-fix-retry.cast", FOLDER / "hold-fix-retry.txt"
SIZE = (112, 22)
IMAGE = "treadle-test/debian:1"  # bash, git, python3; made by .ci/docker-up
STEP_S, LETTER_S, LOOK_S = 0.05, 0.07, 2.5  # for a piece of output, between letters, for a person to read
CONFIG = f"workers: 1\nlisten: 127.0.0.1:0\ngrace: 1s\nlabels: {{ubuntu-latest: '{IMAGE}'}}\n"
WORKFLOW = """\
name: ci
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    hold: on-failure
    steps:
      - uses: actions/checkout@v4
      - name: Install
        run: echo 'hello, wurld' > page.txt
      - name: Test
        run: grep world page.txt
      - name: Pack
        run: tar -cf site.tar page.txt && echo packed
"""


@dataclass
class Recording:
    """What came into a terminal, with times that a person can follow; and some of its screens."""

    there: Terminal
    raw: Path
    at_s: float = 0.0
    read: int = 0
    events: list[tuple[float, str, str]] = field(default_factory=list)
    frames: list[str] = field(default_factory=list)

    def press(self, key: str, name: str, binding: str = "") -> None:
        """Press a key, and mark it: `binding` is the id by which the UI knows it."""
        self._add("m", f"{name} {binding}".strip())
        self.there.press(key)

    def type(self, text: str) -> None:
        """Type a line, letter by letter."""
        for letter in text:
            self.there.write(letter)
            self._take(LETTER_S)
        self.there.press("Enter")

    def shows(self, *words: str, look_s: float = LOOK_S, without: str = "", frame: str = "") -> None:
        """Go on when all these words are on the screen and `without` is not; keep it as a frame if it has a caption."""

        def there() -> bool:
            self._take()
            text = self.there.text
            return all(word in text for word in words) and (not without or without not in text)

        self.there.until(there)
        before = ""
        while before != (before := self.there.text):  # the rest of what is being painted
            self._take()
        if frame:
            self.frames.append(f"{frame}\n\n{before.rstrip()}")
        self.at_s += look_s

    def _add(self, kind: str, text: str) -> None:
        self.events.append((round(self.at_s, 2), kind, text))

    def _take(self, pause_s: float = 0.0) -> None:
        with self.raw.open("rb") as file:
            file.seek(self.read)
            data = file.read()
        text = _whole(data)
        if text:
            self.read += len(text.encode())
            self.at_s += STEP_S
            self._add("o", text)
        self.at_s += pause_s


def _whole(data: bytes) -> str:
    """Return the text of some bytes, without a letter that has not come in whole yet."""
    for end in range(len(data), max(-1, len(data) - 4), -1):
        try:
            return data[:end].decode()
        except UnicodeDecodeError:
            pass
    return data.decode(errors="replace")


def play(it: Recording) -> None:
    """The session itself."""
    it.type("treadle")
    it.shows("Nothing has run here yet")
    it.press("t", "t")
    it.shows("✗ failed", look_s=1.5)
    it.press("Enter", "enter", "rows.open")
    it.shows("held", "Notice", without=" ▌", frame="A step failed; its box is held.", look_s=4)
    it.press("!", "!", "held.shell")
    it.shows("leads back", "workspace#", look_s=1.5)
    it.type("cat page.txt")
    it.shows("wurld", look_s=2)
    it.type("sed -i s/wurld/world/ page.txt && grep world page.txt")
    it.shows("hello, world", frame="A shell where it failed: `!`", look_s=2)
    it.type("exit")
    it.shows("Jobs", "held", look_s=1.5)
    it.press(".", ".", "held.again")
    it.shows(
        "packed",
        "test success patched",
        "patched by hand",
        without=" ▌",
        look_s=4,
        frame="The step again in the same box, and those after it: `.`",
    )
    it.press("Escape", "escape", "run.back")
    it.shows("WORKFLOW", "patched", look_s=2)
    it.press("q", "q", "quit")
    it.shows("$", look_s=1)


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        home, site = folder / "home", folder / "site"
        home.mkdir(mode=0o700)
        (home / "treadle.yml").write_text(CONFIG)
        workflow = site / ".treadle/workflows/ci.yml"
        workflow.parent.mkdir(parents=True)
        workflow.write_text(WORKFLOW)
        start_repository(site, "Say hello", SystemClock().now())
        with terminal(site, SIZE, TREADLE_HOME=str(home)) as there:
            raw = folder / "raw"
            raw.touch()
            there.record(raw)
            it = Recording(there, raw, at_s=1.0, events=[(0.0, "o", "$ ")])
            try:
                play(it)
            finally:  # where it went otherwise, nothing is left in Docker
                command = [str(site / ".tools" / "treadle"), "release", "j1"]
                subprocess.run(command, env=dict(there.environment), check=False, capture_output=True)
    header: dict[str, Any] = {
        "version": 2, "width": SIZE[0], "height": SIZE[1], "title": "Treadle: hold, fix, retry",
        "env": {"TERM": "xterm-256color"},
    }  # fmt: skip
    CAST.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in (header, *it.events)))
    FRAMES.write_text("\n\f\n".join(it.frames) + "\n")


if __name__ == "__main__":
    main()
