"""The application: pages, the live beat, acting, and leaving in order. It decides nothing about CI."""

import gc
import os
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.filter import Monochrome, NoColor
from textual.screen import Screen
from textual.scrollbar import ScrollBar
from textual.worker import WorkerFailed

from app.tui import themes
from app.tui.acting import act
from app.tui.actions import READ_ONLY, Action
from app.tui.asking import answer_of
from app.tui.bell import Bell
from app.tui.clipboard import copy
from app.tui.feed import Feed
from app.tui.list_page import ListPage
from app.tui.page import Page
from app.tui.prefs import Prefs
from app.tui.session import Mode, Session
from engine.core.clock import Clock, SystemClock
from engine.core.errors import EngineError
from widgets.safe_text import plain

BEAT_S = 0.1
T = TypeVar("T")
PAGES = ("runs", "queue", "events", "artifacts", "slo", "repos")


class TreadleApp(App[Any]):
    """Shows one engine. `folder` is where copies are kept as files; None: nowhere."""

    CSS_PATH = "treadle.tcss"
    TITLE = "treadle"
    ENABLE_COMMAND_PALETTE = False  # ours is loaded when it is asked for
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-medium"), (140, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {}
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(number), f"show_page('{name}')", f"{name.capitalize() if name != 'slo' else 'SLO'}", show=False,
                    id=f"page.{name}")
            for number, name in enumerate(PAGES, 1)
        ),
        Binding("question_mark,7", "help", "help", key_display="?", id="help"),
        Binding("F", "search", "find words in all logs", show=False, id="search"),
        Binding("colon,ctrl+p", "palette", "commands", show=False, key_display=":", id="palette"),
        Binding("q", "leave", "quit", id="quit"),
        Binding("ctrl+c", "leave_or_copy", "copy what is selected, or quit", show=False, priority=True, id="interrupt"),
    ]  # fmt: skip

    def __init__(
        self,
        session: Session,
        prefs: Prefs,
        *,
        folder: Path | None = None,
        ascii: bool = False,
        read_only: bool = False,
        clock: Clock | None = None,
        driver_class: type[Driver] | None = None,
    ) -> None:
        no_color = bool(os.environ.get("NO_COLOR"))
        super().__init__(driver_class)
        self.no_color = no_color
        self._filters = [one for one in self._filters if not isinstance(one, Monochrome)]  # greys are colours
        self._filters += [NoColor()] * no_color
        self.session = session
        self.prefs = prefs
        self.folder = folder
        self.ascii = ascii
        self.read_only = read_only
        self.clock: Clock = clock or SystemClock()
        self.feed = Feed(session.client)
        self.bells = Bell(self)
        self._down = ""  # why nothing answers
        self.crash: BaseException | None = None  # what it ended of, if not by a wish

    def on_mount(self) -> None:
        if self.ascii:
            from app.tui.ascii import AsciiScrollBar

            self.add_class("-ascii")
            ScrollBar.renderer = AsciiScrollBar
        for theme in themes.THEMES:
            self.register_theme(theme)
        wanted = self.prefs.get("theme", themes.DEFAULT)
        self.theme = wanted if wanted in self.available_themes else themes.DEFAULT
        self.set_keymap({id: keys for id, keys in self.prefs.get("keys", {}).items() if isinstance(keys, str)})
        for name in PAGES:
            self.add_mode(name, partial(page_made, name))
        self.switch_mode("runs")
        self.call_after_refresh(self._settle)
        self.set_interval(BEAT_S, self.beat)
        self.set_interval(1.0, self.tick)

    def _settle(self) -> None:
        """Begin what costs time, after the first frame has been seen."""
        self.session.start()
        gc.collect()
        gc.freeze()
        gc.enable()

    # What pages are given

    @property
    def page(self) -> Page | None:
        """The page in view, also while a question or the help stands before it; None while it is being made."""
        page = next((screen for screen in reversed(self.screen_stack) if isinstance(screen, Page)), None)
        return page if page is not None and page.stands else None

    async def ask(self, question: Any, *args: Any, **kwargs: Any) -> Any:
        """Have a call that blocks made on a thread. Raises what it raises."""
        answer = await answer_of(question, *args, **kwargs)
        self._down = ""
        return answer

    def began(self, sequence: int) -> None:
        """Say up to where the engine has been seen: what changes after that is heard live."""
        if not self.feed.begun:
            self.feed.begin(sequence)

    def unreachable(self, error: EngineError) -> None:
        self._down = "" if self.session.mode is Mode.STARTING else str(error)
        if page := self.page:
            page.show_frame()

    def standing(self) -> str:
        """Return how the line to the engine stands, and what cannot be done over it; "" while all is well."""
        return "  ".join(part for part in (self._line(), "read only" if self.read_only else "") if part)

    @property
    def problem(self) -> str:
        """Why there is no answer, "" while there is, or while it may come."""
        return plain(self.session.problem or self.feed.problem or self._down)

    def _line(self) -> str:
        mode, problem = self.session.mode, self.problem
        if problem or mode is Mode.STARTING:
            return problem or "starting the engine"
        if mode is Mode.REMOTE and not self.feed.begun:
            return plain(f"asking {self.session.client.where}")
        if self.feed.dropped:
            return "reconnecting"
        return "engine: another process" if mode is Mode.GUEST else ""

    def tell(self, text: str, bad: bool = False) -> None:
        """Show a notice. Text from outside is made safe; markup is never read."""
        said = "\n".join(plain(line) for line in text.split("\n"))
        self.notify(said, severity="error" if bad else "information", markup=False, timeout=8 if bad else 4)

    # The beat

    def beat(self) -> None:
        """Take what changed, ten times a second; nothing to take costs nothing."""
        changes = self.feed.drain()
        for change in changes:
            self.bells.heard(change)
        if (page := self.page) is not None:
            if changes:
                page.take(changes)
            if self.feed.back:  # what was removed meanwhile is told by no change
                self.feed.back = False
                page.look_again()
            page.beat()

    def tick(self) -> None:
        while self.session.notes:
            self.tell(self.session.notes.pop(0))
        if (page := self.page) is not None:
            page.tick()
            page.look_if_old()
            page.show_frame()

    # Acting

    def act(self, action: Action, *targets: Mapping[str, Any]) -> None:
        """Ask the engine for something, for each target; ask the person first where something would be lost."""
        if self.read_only:
            self.tell(READ_ONLY, bad=True)
        elif targets:
            self.run_worker(act(self, action, targets), group="act")

    async def question(self, screen: Screen[T]) -> T:
        """Put a question before the page; return the answer."""
        answer: T = await self.push_screen_wait(screen)
        return answer

    def copy_out(self, text: str, lines: int) -> None:
        """Copy by every way there is, and say so."""
        self.copy_to_clipboard(text)

        async def also() -> None:
            kept = await answer_of(copy, text, self.folder)
            count = f"{lines} line{'' if lines == 1 else 's'}"
            self.tell(f"Copied {count}." + (f" Also in {kept}." if kept else ""))

        self.run_worker(also(), group="copy")

    def open_job(self, run_id: int, job_id: int | None, at: tuple[int, int] | None = None) -> None:
        """Show a run, with a job of it selected; `at` a byte of the log of one of its attempts."""
        self.run_worker(self._open(run_id, job_id, at), group="open", exclusive=True)

    async def _open(self, run_id: int, job_id: int | None, at: tuple[int, int] | None) -> None:
        from app.tui.pages.run import RunPage

        try:
            run = await self.ask(self.session.client.get, f"/runs/{run_id}")
        except EngineError as error:
            self.tell(str(error), bad=True)
        else:
            run.pop("jobs")
            self.push_screen(RunPage(run, job_id, at))

    def show_over(self, name: str) -> None:
        """Show a page that no number leads to before whatever is in view, unless it is in view."""
        kind = page_kind(name)
        if not isinstance(self.page, kind):
            self.push_screen(kind())

    def action_search(self) -> None:
        """Ask for words, and show where all logs say them."""
        if self.screen is self.page:
            self.show_over("search")

    def show_runs_of(self, repo: str) -> None:
        """Show the runs of one repository: the list of all, filtered."""
        self.switch_mode("runs")
        if isinstance(page := self.page, ListPage):
            page.only(repo)

    def on_text_screen_copy_asked(self, message: Any) -> None:
        self.copy_out(message.text, message.text.count("\n") + 1)

    def dispatch(self, repo: str = "", path: str = "", ref: str = "") -> None:
        """Have a workflow started by hand: of any repository, of one, or a certain one, on `ref` if any."""
        from app.tui.dispatching import dispatch

        if self.read_only:
            self.tell(READ_ONLY, bad=True)
        else:
            self.run_worker(dispatch(self, repo, path, ref), group="ask", exclusive=True)

    def save_log(self, job: int, attempt: int) -> None:
        from app.tui.log_files import save

        self.run_worker(save(self, job, attempt), group="save")

    def page_log(self, job: int, attempt: int) -> None:
        from app.tui.log_files import page

        self.run_worker(page(self, job, attempt), group="pager", exclusive=True)

    # Going about

    def action_show_page(self, name: str) -> None:
        self.switch_mode(name)

    def action_help(self) -> None:
        from app.tui.keys import help_screen

        if (page := self.page) is not None and self.screen is page:
            self.push_screen(help_screen(page))

    def action_palette(self) -> None:
        from textual.command import CommandPalette

        from app.tui.ascii import AsciiPalette
        from app.tui.palette import Commands

        if not CommandPalette.is_open(self):
            palette = AsciiPalette if self.ascii else CommandPalette
            self.push_screen(palette(providers=[Commands], placeholder="type what you look for"))

    def get_key_display(self, binding: Binding) -> str:
        from app.tui.ascii import key_name

        display = super().get_key_display(binding)
        return key_name(display) if self.ascii else display

    def go_up_to(self, index: int) -> None:
        """Leave pages until the breadcrumb ends at a part; the first part is the page that a number leads to."""
        while index == 0 and len(self.screen_stack) > 1:
            self.pop_screen()

    def get_css_variables(self) -> dict[str, str]:
        """The colours of the theme, such that they can be read."""
        self.theme_variables = themes.legible(super().get_css_variables())
        return self.theme_variables

    def use_theme(self, name: str) -> None:
        """Paint with another theme, from now on and the next time."""
        self.theme = name
        self.prefs.set("theme", name)

    # Leaving

    def action_leave_or_copy(self) -> None:
        selected = self.screen.get_selected_text()
        if selected:
            self.copy_out(selected, selected.count("\n") + 1)
        else:
            self.action_leave()

    def action_leave(self) -> None:
        from app.tui.leaving import leave

        self.run_worker(leave(self), group="leave", exclusive=True)

    def _handle_exception(self, error: Exception) -> None:
        if self.crash is None:
            self.crash = error.error if isinstance(error, WorkerFailed) else error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """End. What went wrong is told by whoever started the app: Textual would print all that it knows."""
        self._close_messages_no_wait()

    async def action_quit(self) -> None:
        """Textual's own key for this ends without a question; ours does not."""
        self.action_leave()

    def on_app_blur(self, _: events.AppBlur) -> None:
        self.bells.away = True

    def on_app_focus(self, _: events.AppFocus) -> None:
        self.bells.away = False


def page_kind(name: str) -> type[Page]:
    """Return the page of a name; its module is loaded when it is first shown."""
    kind: type[Page] = import_module(f"app.tui.pages.{name}").PAGE
    return kind


def page_made(name: str) -> Page:
    return page_kind(name)()
