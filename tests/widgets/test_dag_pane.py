"""The job graph in a terminal: what is shown, what keys and clicks do, and how little a change repaints."""

import asyncio
import unicodedata
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widgets import Static

from tests.widgets.screen import text_of
from widgets.dag_job import DagJob
from widgets.dag_pane import DagPane

RUN = (
    DagJob(1, "setup", "setup", "success", "31s"),
    DagJob(2, "lint", "lint", "success", "5s", (1,)),
    *(DagJob(10 + n, "unit", f"unit ({n})", "running" if n == 2 else "success", "7s", (1,), "unit") for n in range(4)),
    DagJob(3, "ship", "ship", "pending", "", (2, 10, 11, 12, 13)),
)
HOSTILE = "\x1b]52;c;aGk=\x07[red]名前名前\u202e[/]\x1b[2J\x9b31m"


class Shown(App[None]):
    """One pane, and all that it says."""

    def __init__(self, jobs: tuple[DagJob, ...] = RUN, **how: object) -> None:
        super().__init__()
        self.jobs, self.how, self.said = jobs, how, []

    def compose(self) -> ComposeResult:
        yield Static("above", id="above")
        yield DagPane(**self.how)

    def on_mount(self) -> None:
        self.pane.show(self.jobs)
        self.pane.focus()

    @property
    def pane(self) -> DagPane:
        return self.query_one(DagPane)

    def on_dag_pane_selected(self, message: DagPane.Selected) -> None:
        self.said.append(("selected", message.job_id))

    def on_dag_pane_opened(self, message: DagPane.Opened) -> None:
        self.said.append(("opened", message.job_id))

    def on_dag_pane_folded(self, message: DagPane.Folded) -> None:
        self.said.append(("folded", sorted(message.opened)))


def pane(script: Callable[[Shown, Pilot[None]], Awaitable[None]], size=(140, 12), jobs=RUN, **how: object) -> None:
    async def run() -> None:
        app = Shown(jobs, **how)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await script(app, pilot)

    asyncio.run(run())


def test_a_wide_pane_draws_the_graph_with_every_status_in_words():
    async def script(app, pilot):
        assert text_of(app)[1:4] == [
            "✓ setup success 31s ────────────┬─► ✓ lint success 5s ───────────────┬─► ○ ship pending",
            "                                ╰─► ● unit running 3/4 ▕██████▒▒▏ ───╯",
            "",
        ]

    pane(script)


def test_a_narrow_pane_is_an_outline():
    async def script(app, pilot):
        assert app.pane.is_outline
        assert text_of(app)[1:5] == [
            "✓ setup    success 31s",
            "├ ✓ lint   success 5s",
            "└ ● ▸ unit running 3/4 ▕████████▒▒▏",
            "  └ ○ ship pending + lint",
        ]

    pane(script, size=(80, 12))


def test_ascii_is_ascii():
    async def script(app, pilot):
        assert all(line.isascii() for line in text_of(app)[1:])
        app.pane.form = "outline"
        await pilot.pause()
        assert all(line.isascii() for line in text_of(app)[1:])

    pane(script, ascii=True)


def test_keys_walk_along_the_edges_and_back():
    async def script(app, pilot):
        await pilot.press("down", "l", "j", "l", "h", "k", "left")
        assert app.said == [("selected", id) for id in (1, 2, 12, 3, 12, 2, 1)]
        assert app.pane.selected == 1

    pane(script)


def test_enter_unfolds_a_matrix_opens_a_job_and_space_folds_again():
    async def script(app, pilot):
        app.pane.select(12)
        await pilot.press("enter")
        assert app.said == [("folded", ["unit"])]
        assert sum("unit (" in line for line in text_of(app)) == 4
        assert app.pane.selected == 12
        await pilot.press("k", "enter", "space")
        assert app.said[1:] == [("selected", 11), ("opened", 11), ("folded", [])]
        assert not any("unit (" in line for line in text_of(app))
        assert app.pane.selected == 11

    pane(script)


def test_in_the_outline_the_opened_matrix_keeps_its_row_and_its_cursor():
    async def script(app, pilot):
        app.pane.select(12)
        await pilot.press("enter", "enter", "enter", "j")
        assert app.said == [("folded", ["unit"]), ("folded", []), ("folded", ["unit"]), ("selected", 10)]

    pane(script, size=(80, 12))


def test_a_click_selects_and_a_double_click_opens():
    async def script(app, pilot):
        await pilot.click(DagPane, offset=(40, 0))
        await pilot.click(DagPane, offset=(5, 0), times=2)
        assert app.said == [("selected", 2), ("selected", 1), ("opened", 1)]
        await pilot.click(DagPane, offset=(5, 6))
        assert len(app.said) == 3

    pane(script)


def test_a_changed_status_repaints_its_node_alone_and_lays_nothing_out(monkeypatch):
    async def script(app, pilot):
        painted: list[tuple[Region, ...]] = []
        refresh = DagPane.refresh
        monkeypatch.setattr(
            DagPane,
            "refresh",
            lambda self, *regions, **how: (painted.append(regions), refresh(self, *regions, **how))[1],
        )
        monkeypatch.setattr(DagPane, "_lay_out", lambda self: pytest.fail("laid out again"))
        changed = tuple(replace(job, status="running", note="1m 02s") if job.id == 3 else job for job in RUN)
        app.pane.show(changed)
        assert [[region.height for region in regions] for regions in painted] == [[1]]
        assert painted[0][0].width < 40
        app.pane.show(changed)
        assert len(painted) == 1
        await pilot.pause()
        assert "● ship running 1m 02s" in text_of(app)[1]

    pane(script)


def test_new_jobs_a_failed_member_and_a_new_need_change_the_shape():
    async def script(app, pilot):
        app.pane.select(3)
        jobs = (*RUN, DagJob(99, "more", "more", "queued", "", (3,)))
        app.pane.show(tuple(replace(job, status="failed") if job.id == 11 else job for job in jobs))
        await pilot.pause()
        text = "\n".join(text_of(app))
        assert "✗ unit (1) failed 7s" in text
        assert "─► ◌ more queued" in text
        assert app.pane.selected == 3
        app.pane.show(())
        await pilot.pause()
        assert not any(text_of(app)[1:])
        assert app.pane.selected is None

    pane(script, size=(160, 12))


def test_a_job_selected_before_it_is_there_gets_the_cursor_when_it_comes():
    async def script(app, pilot):
        app.pane.select(3)
        assert app.pane.selected is None
        app.pane.show(RUN)
        await pilot.press("enter")
        assert app.said == [("opened", 3)]

    pane(script, jobs=())


def test_a_resize_changes_the_form_and_keeps_the_cursor():
    async def script(app, pilot):
        app.pane.select(2)
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert app.pane.is_outline
        await pilot.resize_terminal(140, 24)
        await pilot.pause()
        assert not app.pane.is_outline
        assert app.pane.selected == 2
        assert app.said == []

    pane(script)


def test_the_form_can_be_asked_for_and_given_back():
    async def script(app, pilot):
        seen = [app.pane.is_outline]
        for _ in range(2):
            await pilot.press("v")
            seen.append(app.pane.is_outline)
        assert seen == [True, False, True]

    pane(script, size=(60, 12))


def test_the_cursor_stays_in_view():
    jobs = tuple(DagJob(id, "x", f"job-{id}", "pending", "", (0,) if id else ()) for id in range(100))

    async def script(app, pilot):
        await pilot.press("down", "l", "G")
        await pilot.pause()
        assert any("job-99" in line for line in text_of(app))
        await pilot.press("g", "ctrl+d", "pagedown")
        await pilot.pause()
        assert any(f"job-{app.pane.selected} " in line for line in text_of(app))

    pane(script, jobs=jobs)


def test_selecting_the_same_job_again_does_not_scroll_back():
    jobs = tuple(DagJob(id, "x", f"job-{id}", "pending") for id in range(100))

    async def script(app, pilot):
        app.pane.select(0)
        app.pane.scroll_to(y=50, animate=False)
        app.pane.select(0)
        app.pane.show(tuple(replace(job, status="queued") for job in jobs))
        await pilot.pause()
        assert app.pane.scroll_offset.y == 50

    pane(script, jobs=jobs)


def test_a_hidden_pane_takes_what_comes_and_shows_it_later():
    async def script(app, pilot):
        app.pane.select(3)
        app.pane.display = False
        await pilot.pause()
        app.pane.show(RUN[:1])
        app.pane.display = True
        await pilot.pause()
        assert text_of(app)[1:3] == ["✓ setup success 31s", ""]
        assert app.pane.selected is None

    pane(script)


def test_without_a_cursor_what_runs_is_in_view():
    jobs = tuple(DagJob(id, "x", f"job-{id}", "pending") for id in range(100))

    async def script(app, pilot):
        app.pane.show(tuple(replace(job, status="running") if job.id == 77 else job for job in jobs))
        await pilot.pause()
        assert any("job-77 " in line for line in text_of(app))
        assert app.said == []

    pane(script, jobs=jobs)


@pytest.mark.parametrize("width", [80, 140])
def test_hostile_names_are_shown_as_letters(width):
    jobs = tuple(
        DagJob(id, HOSTILE, HOSTILE * id, "success", HOSTILE, (1,) if id > 1 else (), HOSTILE if id > 2 else None)
        for id in range(1, 7)
    )

    async def script(app, pilot):
        app.pane.opened = frozenset([HOSTILE])
        await pilot.pause()
        text = "".join(text_of(app))
        assert "名前" in text
        assert "[red]" in text
        assert not any(unicodedata.category(char) == "Cc" for char in text)

    pane(script, size=(width, 12), jobs=jobs)


def test_the_height_that_it_wants_is_that_of_its_form():
    async def script(app, pilot):
        assert app.pane.preferred_height == app.pane.height_for(140) == 2
        assert app.pane.height_for(80) == 4

    pane(script)


def test_the_cursor_shows_without_colour_and_its_kin_stand_out():
    async def script(app, pilot):
        await pilot.press("down", "l")
        strip = app.pane.render_line(0)
        styles = {segment.text.strip(): segment.style for segment in strip if segment.text.strip()}
        assert styles["lint"].reverse
        assert not styles["setup"].reverse
        other = {segment.text.strip(): segment.style for segment in app.pane.render_line(1) if segment.text.strip()}
        assert other["unit"].color != styles["setup"].color
        line = next(segment for segment in strip if "┬" in segment.text)
        assert line.style.bold

    pane(script)
