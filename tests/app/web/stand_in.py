"""A Textual app that stands in for the UI: says its pid, size, environment and what is typed."""

import os
import signal
import sys
from io import StringIO

from textual.app import App, ComposeResult
from textual.events import Key, Resize
from textual.widgets import Static


class StandIn(App[None]):
    """`pid` is the first word on its screen; `q` quits."""

    typed = ""

    def compose(self) -> ComposeResult:
        yield Static(f"pid={os.getpid()}.", id="pid")
        yield Static(id="said", markup=False)

    def on_resize(self, event: Resize) -> None:
        self.say(f"size={event.size.width}x{event.size.height}.")

    def on_key(self, event: Key) -> None:
        if event.key == "q":
            self.exit()
        elif event.key == "e":
            self.say("env=" + ",".join(sorted(os.environ)) + ".")
        elif event.key == "d":
            self.deliver_text(StringIO("<script>1</script>"), save_filename="a b.html", open_method="browser")
        else:
            self.typed += event.character or ""
            self.say(f"typed={self.typed}.")

    def say(self, text: str) -> None:
        self.query_one("#said", Static).update(text)


if __name__ == "__main__":
    if "broken" in sys.argv:
        sys.exit("no such \x1b]0;thing\x07 here")
    StandIn().run()
    if "stubborn" in sys.argv:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            signal.pause()
