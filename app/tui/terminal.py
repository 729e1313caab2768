"""The terminal that the UI is drawn on, and what may become of it: it closes, or somebody ends the process."""

import asyncio
import signal
import sys
from typing import IO, TYPE_CHECKING, Any

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from app.tui.tui import TreadleApp

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
GONE = 128 + signal.SIGHUP
NOISE = 1000  # stumbles, until they are no longer taken for noise


class _Screen:
    """The file that is painted on. One that is gone takes everything and says so once: nobody waits for it."""

    def __init__(self, file: IO[str], gone: Any) -> None:
        self._file = file
        self._gone = gone

    def write(self, text: str) -> None:
        self._try(self._file.write, text)

    def flush(self) -> None:
        self._try(self._file.flush)

    def fileno(self) -> int:
        return self._file.fileno()

    def _try(self, deed: Any, *args: Any) -> None:
        if self._gone is not None:
            try:
                deed(*args)
            except OSError:
                gone, self._gone = self._gone, None
                gone()


class TerminalDriver(LinuxDriver):
    """Textual's own, for a terminal that may be closed at any moment: then the UI ends as if it had been left."""

    def __init__(self, app: App[Any], **more: Any) -> None:
        super().__init__(app, **more)
        file = sys.stderr if sys.stderr.isatty() else sys.stdout  # `treadle 2>errors` is no reason to show nothing
        self._file: Any = _Screen(file, self._gone)

    def _run_input_thread(self) -> None:
        noise = 0
        while not self.exit_event.is_set():
            try:
                self.run_input_thread()
            except OSError:
                self._gone()
            except Exception as error:
                # A key of another encoding, or a slip of the line, makes Textual's parser stumble: nothing was meant.
                noise += 1
                if isinstance(error, ValueError | OverflowError) and noise <= NOISE:
                    continue
                self._app.call_later(self._app._handle_exception, error)
            return

    def _gone(self) -> None:
        """Called on any thread."""
        self._app.call_later(self._app.exit, None, GONE)


async def shown(app: "TreadleApp") -> int:
    """Show the UI until it is left or the process is told to end; return the exit code.

    However it comes about, the terminal is given back as it was, and an engine of this process is left in order.
    """
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as by nohup
            loop.add_signal_handler(number, app.exit, None, 128 + number)
    code = await app.run_async()
    return app.return_code or code or 0
