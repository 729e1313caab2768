"""The laws of the log pane: what is in view, whatever the log does meanwhile, and what every key does."""

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest
from textual.events import Key, MouseScrollDown, MouseScrollUp
from textual.pilot import Pilot

from tests.widgets.log_case import LogApp, MemoryLog
from tests.widgets.screen import text_of
from widgets.log_source import BLOCK, LogStep

Play = Callable[[LogApp, Pilot[None]], Awaitable[None]]
STEPS = (LogStep(0, "Say hi", "success", 1.2), LogStep(1, "Build it", "failed", 75), LogStep(2, "Deploy", "skipped"))


def play(app: LogApp, script: Play, size: tuple[int, int] = (80, 20)) -> None:
    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await script(app, pilot)

    asyncio.run(run())


def lines(count: int, start: int = 0) -> bytes:
    return b"".join(b"line %d\n" % number for number in range(start, start + count))


def failed_log() -> MemoryLog:
    log = MemoryLog()
    log.step(0, b"##[group]Run echo\necho hi\n##[endgroup]\nhi\n")
    log.step(1, lines(50) + b"##[error]boom\nafter\n##[error]exit code 1\n")
    return log


def rows(app: LogApp) -> list[str]:
    """Return the rows of the log, without the scrollbar beside them."""
    return [line[: app.size.width - 1].rstrip() for line in text_of(app)[:-1]]


def told(app: LogApp) -> list[str]:
    """Return the rows of the log without the cursor and what they are indented by."""
    return [line.strip("▌ ") for line in rows(app)]


def status(app: LogApp) -> str:
    return text_of(app)[-1]


def cursor(app: LogApp) -> str:
    """Return the row under the cursor, without its marker."""
    return next(line for line in rows(app) if line.startswith(("▌", ">")))[1:].strip()


# -- opening --------------------------------------------------------------------------------------------------------


def test_a_failed_log_opens_at_its_first_error_with_the_other_steps_closed():
    async def script(app, pilot):
        shown = await app.sees("Error: boom", "Error: exit code 1")
        assert cursor(app) == "Error: boom"
        assert any("– Deploy  skipped" in line for line in shown)
        await pilot.press("g")
        assert "▸ ✓ Say hi  success 1.2 s  4 lines" in text_of(app)[0]
        assert "▾ ✗ Build it  failed 1 m 15 s" in text_of(app)[1]

    play(LogApp(failed_log(), STEPS), script)


def test_a_log_that_ended_well_opens_at_its_end():
    log = MemoryLog()
    log.step(0, lines(5))
    log.step(1, lines(100))

    async def script(app, pilot):
        await app.sees("line 99", "END", "line 105 of 105")
        assert cursor(app) == "line 99"
        await pilot.press("g")
        assert told(app)[:2] == [
            "▸ ✓ one  success  5 lines", "▾ ✓ two  success",
        ]  # fmt: skip

    play(LogApp(log, (LogStep(0, "one", "success"), LogStep(1, "two", "success"))), script)


def test_a_log_of_a_million_lines_opens_by_reading_a_few_blocks():
    log = MemoryLog(b"".join(b"%d %s\n" % (number, b"x" * 112) for number in range(1_000_000)))

    async def script(app, pilot):
        await app.sees("999999 xxx", "line 1,000,000 of 1,000,000")
        assert app.source.parts[0] > len(log.data)  # its end comes first
        assert sum(end - start for start, end in log.reads) <= 8 * BLOCK
        await pilot.press("g")
        await app.sees("0 xxx", "18 xxx", "line 1 of 1,000,000")
        await pilot.press("G")
        await app.sees("999999 xxx")
        assert sum(end - start for start, end in log.reads) <= 16 * BLOCK

    play(LogApp(log), script)


def test_where_one_is_stays_when_the_beginning_of_a_large_log_comes():
    log = MemoryLog(b"".join(b"%d %s\n" % (number, b"x" * 90) for number in range(60_000)))
    log.hold = True

    async def script(app, pilot):
        await app.sees("59999 xxx", "counting lines")
        await pilot.press(*["k"] * 30)
        assert cursor(app).startswith("59969 ")
        before = rows(app)
        log.release()
        await app.sees("line 59,970 of 60,000")
        assert rows(app) == before

    play(LogApp(log), script)


def test_nothing_to_show_is_no_error():
    async def script(app, pilot):
        await app.sees("no lines")
        await pilot.press(*"jkgGfneEtwy+-", "enter", "escape", "pagedown", "pageup", "Y", "s", "o")
        assert "no lines" in status(app)
        app.pane.show(None)
        await pilot.pause()
        await pilot.press(*"jG", "enter", "/", *"x", "enter")

    play(LogApp(MemoryLog()), script)


def test_a_log_that_is_not_there_has_not_ended():
    async def script(app, pilot):
        await app.sees("no lines")
        app.pane.show(None)
        await app.sees("no log")
        assert "END" not in status(app)

    play(LogApp(MemoryLog()), script)


# -- following ------------------------------------------------------------------------------------------------------


def test_the_end_is_followed_until_one_scrolls_up_and_again_from_the_end_on():
    log = MemoryLog(lines(100), ended=False)

    async def script(app, pilot):
        await app.sees("line 99", "FOLLOW")
        log.write(lines(10, 100))
        await app.sees("line 109", "FOLLOW")
        await pilot.press("k")
        await app.sees("PAUSED")
        before = rows(app)
        log.write(lines(1234, 110))
        await app.sees("PAUSED +1,234")
        assert rows(app) == before
        await pilot.press("G")
        await app.sees("line 1343", "FOLLOW")
        log.write(lines(1, 1344))
        await app.sees("line 1344")
        await pilot.press("f")
        log.write(lines(5, 1345))
        await app.sees("PAUSED +5")
        await pilot.press("f")
        await app.sees("line 1349", "FOLLOW")
        log.write(b"the end\n", ended=True)
        await app.sees("the end", "END")

    play(LogApp(log), script)


def test_the_wheel_pauses_and_the_bottom_resumes():
    log = MemoryLog(lines(100), ended=False)

    async def script(app, pilot):
        await app.sees("line 99", "FOLLOW")
        await pilot._post_mouse_events([MouseScrollUp], widget=app.pane.view, offset=(5, 5))
        await app.sees("PAUSED")
        assert "line 99" not in "\n".join(text_of(app))
        for _ in range(3):
            await pilot._post_mouse_events([MouseScrollDown], widget=app.pane.view, offset=(5, 5))
        await app.sees("line 99", "FOLLOW")

    play(LogApp(log), script)


def test_the_columns_in_view_stay_while_the_log_is_followed():
    log = MemoryLog(b"0123456789" * 20 + b"\n", ended=False)

    async def script(app, pilot):
        await app.sees("0123456789")
        await pilot.press("l", "l")
        await app.sees("▌ 6789012")
        log.write(b"abcdefghij" * 20 + b"\n")
        await app.sees("▌ ghijabc", "  6789012")
        await pilot.press("h", "h", "h")
        await app.sees("▌ abcdef")

    play(LogApp(log), script)


def test_a_running_step_is_open_and_closes_when_the_next_begins_unless_it_is_read():
    log = MemoryLog(ended=False)
    log.step(0, lines(5), open=True)

    async def script(app, pilot):
        running = (LogStep(0, "one", "running"), LogStep(1, "two", "pending"))
        app.pane.show(app.source, running)
        await app.sees("▾ ● one  running", "line 4", "FOLLOW")
        log.mark("step_end", 0)
        log.step(1, b"second\n", open=True)
        log.write(b"more\n")
        app.pane.show(app.source, (LogStep(0, "one", "success", 3), LogStep(1, "two", "running")))
        await app.sees("▸ ✓ one  success 3.0 s  5 lines", "▾ ● two  running", "more")
        await pilot.press("k")
        log.mark("step_end", 1)
        log.step(2, b"third\n", open=True)
        log.write(b"last\n")
        app.pane.show(app.source, (LogStep(0, "one", "success", 3), LogStep(1, "two", "success", 1)))
        await app.sees("▾ ✓ two  success", "second", "third", "PAUSED")

    play(LogApp(log), script)


def test_a_log_that_was_followed_ends_at_its_error_also_when_the_steps_tell_of_it_later():
    log = MemoryLog(ended=False)
    log.step(0, lines(5))
    log.mark("step_begin", 1)

    async def script(app, pilot):
        stale = (LogStep(0, "one", "running"), LogStep(1, "two", "pending"))
        app.pane.show(app.source, stale)
        await app.sees("line 4", "FOLLOW")
        log.data += b"second\n"
        log.mark("error", 1)
        log.data += b"##[error]boom\nafter\n"
        log.mark("step_end", 1)
        log.write(b"", ended=True)
        await app.sees("END")
        app.pane.show(app.source, (LogStep(0, "one", "success", 3), LogStep(1, "two", "failed", 1)))
        await app.sees("▾ ✗ two  failed", "after")
        assert cursor(app) == "Error: boom"
        await pilot.press("g")
        app.pane.show(app.source, (LogStep(0, "one", "success", 4), LogStep(1, "two", "timed_out", 1)))
        await app.sees("timed out")
        assert "one" in cursor(app), "who went elsewhere stays there"

    play(LogApp(log), script)


def test_an_engine_that_is_away_is_waited_for_and_nothing_is_lost(monkeypatch):
    monkeypatch.setattr("widgets.log_feed.AGAIN_S", 0.02)
    log = MemoryLog(lines(30), ended=False)

    async def script(app, pilot):
        await app.sees("line 29", "FOLLOW")
        log.away = "No engine answers."
        log.write(lines(30, 30))
        await app.sees("No engine answers.")
        log.away = ""
        await app.sees("line 59", "FOLLOW", "line 60 of 60")

    play(LogApp(log), script)


def test_another_log_takes_the_place_of_the_first():
    async def script(app, pilot):
        await app.sees("line 9")
        await pilot.press("/", *"line 3", "enter")
        await app.sees("1/1 match")
        app.pane.show(MemoryLog(b"another\n"))
        shown = await app.sees("another", "line 1 of 1")
        assert "match" not in "\n".join(shown)

    play(LogApp(MemoryLog(lines(10))), script)


# -- folds ----------------------------------------------------------------------------------------------------------


def test_enter_opens_and_closes_folds_and_levels_do_so_for_all():
    async def script(app, pilot):
        await app.sees("Error: boom")
        await pilot.press("g", "enter")
        assert told(app)[:4] == [
            "▾ ✓ Say hi  success 1.2 s", "▸ Run echo  1 line", "hi", "▾ ✗ Build it  failed 1 m 15 s",
        ]  # fmt: skip
        await pilot.press("j", "enter")
        assert text_of(app)[2].strip() == "echo hi"
        await pilot.press("j", "enter")  # within a group: closes it
        assert cursor(app) == "▸ Run echo  1 line"
        await pilot.press("-")
        assert told(app)[:4] == [
            "▸ ✓ Say hi  success 1.2 s  4 lines", "▸ ✗ Build it  failed 1 m 15 s  53 lines ✗2", "– Deploy  skipped", "",
        ]  # fmt: skip
        await pilot.press("+", "+", "g")
        assert told(app)[:4] == [
            "▾ ✓ Say hi  success 1.2 s", "▾ Run echo", "echo hi", "hi",
        ]  # fmt: skip

    play(LogApp(failed_log(), STEPS), script)


def test_a_click_on_the_arrow_folds_and_a_click_on_a_line_goes_there():
    async def script(app, pilot):
        await app.sees("Error: boom")
        await pilot.press("g")
        await pilot.click(app.pane.view, offset=(2, 0))
        await app.sees("▾ ✓ Say hi")
        await pilot.click(app.pane.view, offset=(10, 2))
        await app.until(lambda: cursor(app) == "hi")

    play(LogApp(failed_log(), STEPS), script)


# -- searching ------------------------------------------------------------------------------------------------------


def test_a_search_counts_goes_to_the_next_match_and_opens_what_hides_it():
    async def script(app, pilot):
        await app.sees("Error: boom")
        await pilot.press("g", "/", *"HI")
        await app.sees("/ search text: HI", "ctrl+r: regex")
        await pilot.press("backspace", "backspace", *"hi", "enter")
        await app.sees("1/2 matches of 'hi'")
        assert cursor(app) == "echo hi"
        await pilot.press("n")
        await app.sees("2/2 matches of 'hi'")
        await pilot.press("n")
        await app.sees("1/2 matches of 'hi'", "from the other end")
        await pilot.press("N", "N")
        assert cursor(app) == "echo hi"
        await pilot.press("escape")
        assert "match" not in status(app)

    play(LogApp(failed_log(), STEPS), script)


def test_what_is_typed_in_one_burst_is_the_search_and_what_follows_moves():
    async def script(app, pilot):
        await app.sees("line 99")
        names = {"/": "slash", "\r": "enter", " ": "space"}
        for char in "/line 42\rkkk":
            app.post_message(Key(names.get(char, char), char if char.isprintable() else None))
        await app.sees("match of 'line 42'", "line 42")
        await pilot.press("g", "n")
        assert cursor(app) == "line 42"

    play(LogApp(MemoryLog(lines(100))), script)


def test_a_regular_expression_is_asked_for_by_a_key_and_one_that_is_none_is_told():
    async def script(app, pilot):
        await app.sees("line 99")
        await pilot.press("/", "ctrl+r", *"4(")
        await app.sees("search regex: 4(", "no regex")
        await pilot.press("backspace", *"2$", "enter")
        await app.sees("1/1 match of '42$'")
        assert cursor(app) == "line 42"

    play(LogApp(MemoryLog(lines(100))), script)


def test_a_filter_shows_matching_lines_alone_and_enter_shows_the_rest_again():
    log = MemoryLog(lines(1000), ended=False)

    async def script(app, pilot):
        await app.sees("line 999")
        await pilot.press("&", *"99", "enter")
        await app.sees("19 lines of '99'", "line 99")
        assert told(app)[-2:] == ["line 998", "line 999"]
        log.write(lines(1, 1099))
        await app.sees("20 lines of '99'")
        await pilot.press("g")
        assert cursor(app) == "line 99"
        await pilot.press("enter")
        await app.sees("line 98", "line 100")
        assert cursor(app) == "line 99"
        assert "lines of" not in status(app)

    play(LogApp(log), script)


def test_errors_are_gone_to_round_and_round():
    async def script(app, pilot):
        await app.sees("Error: boom")
        await pilot.press("g", "e")
        assert cursor(app) == "Error: boom"
        await pilot.press("e")
        assert cursor(app) == "Error: exit code 1"
        await pilot.press("e")
        await app.sees("from the other end")
        assert cursor(app) == "Error: boom"
        await pilot.press("E")
        assert cursor(app) == "Error: exit code 1"
        await pilot.press("E")
        assert cursor(app) == "Error: boom"

    play(LogApp(failed_log(), STEPS), script)


# -- modes ----------------------------------------------------------------------------------------------------------


def test_times_are_shown_before_each_line():
    async def script(app, pilot):
        await app.sees("line 9")
        await pilot.press("t")
        shown = await app.sees(":00.000")
        assert all(re.search(r"\d\d:\d\d:\d\d\.\d{3} ", line) for line in shown[:10])
        await pilot.press("t")
        assert not re.search(r"\d\d:\d\d", "\n".join(text_of(app)))

    play(LogApp(MemoryLog(lines(10))), script)


def test_wrapped_lines_are_seen_whole_wherever_they_are():
    text = b"".join(b"<%d>" % number for number in range(100))
    log = MemoryLog(lines(20) + text + b"\n" + lines(20))

    async def script(app, pilot):
        await app.sees("line 19")
        await pilot.press("w", "g")
        await app.sees("line 0", "wrap")
        await pilot.press(*["j"] * 20)
        assert "".join(line[2:] for line in rows(app)[13:19]) == text.decode()
        assert told(app)[12] == "line 19"
        await pilot.press("G")
        await app.sees("line 19")
        assert told(app)[-1] == "line 19"
        await pilot.press(*["k"] * 20)
        assert cursor(app).startswith("<0><1>")
        await pilot.press("w")
        assert "wrap" not in status(app)

    play(LogApp(log), script)


def test_a_wrapped_line_taller_than_the_view_is_scrolled_through():
    text = b"".join(b"<%04d>" % number for number in range(130))
    log = MemoryLog(b"first\n" + text + b"\nlast\n")

    async def script(app, pilot):
        await app.sees("last")
        await pilot.press("w", "g", "j")
        seen = "".join(rows(app))
        for _ in range(9):
            await pilot.press("j")
            seen += "".join(rows(app))
        assert "<0129>" in seen
        assert cursor(app).startswith("last")
        for _ in range(9):
            await pilot.press("k")
        assert cursor(app).startswith("first")

    play(LogApp(log), script, size=(80, 6))


def test_a_resize_keeps_the_cursor_in_view():
    async def script(app, pilot):
        await app.sees("line 99")
        await pilot.press("pageup", "pageup")
        before = cursor(app)
        for wrap in (False, True):
            for size in ((30, 6), (120, 40), (20, 4), (80, 20)):
                await pilot.resize_terminal(*size)
                await pilot.pause()
                assert cursor(app) == before
            if not wrap:
                await pilot.press("w")

    play(LogApp(MemoryLog(lines(100))), script)


# -- taking away ----------------------------------------------------------------------------------------------------


def copied(app: LogApp) -> list[tuple[str, int]]:
    return [(message.text, message.lines) for message in app.heard if hasattr(message, "text")]


def test_lines_steps_and_selections_are_copied_as_they_read():
    log = MemoryLog()
    log.step(0, b"\x1b[31mred\x1b[0m\n##[group]g\nin it\n##[endgroup]\n##[error]no\n")

    async def script(app, pilot):
        await app.sees("Error: no")
        await pilot.press("g", "j", "y")
        await app.until(lambda: len(copied(app)) == 1)
        await pilot.press("Y")
        await app.until(lambda: len(copied(app)) == 2)
        assert copied(app) == [("red", 1), ("red\ng\nin it\nError: no", 4)]
        await app.sees("copied 4 lines")

    play(LogApp(log, (LogStep(0, "one", "failed"),)), script)


def test_a_drag_selects_across_lines_and_its_release_copies():
    async def script(app, pilot):
        await app.sees("line 9")
        view = app.pane.view
        await pilot.mouse_down(view, offset=(4, 2))
        await pilot.hover(view, offset=(5, 4))
        await pilot.mouse_up(view, offset=(5, 4))
        await app.until(lambda: bool(copied(app)))
        assert copied(app) == [("ne 2\nline 3\nline", 3)]
        assert app.screen.get_selected_text() == "ne 2\nline 3\nline"
        await pilot.press("y")
        await app.until(lambda: len(copied(app)) == 2)
        await pilot.press("escape")
        assert app.pane.view.text_selection is None

    play(LogApp(MemoryLog(lines(10))), script)


def test_a_selection_leaves_out_what_is_hidden():
    log = MemoryLog()
    log.step(0, b"one\n##[group]g\nhidden\n##[endgroup]\ntwo\n")

    async def script(app, pilot):
        await app.sees("two")
        view = app.pane.view
        await pilot.mouse_down(view, offset=(4, 1))
        await pilot.hover(view, offset=(7, 3))
        await pilot.mouse_up(view, offset=(7, 3))
        await app.until(lambda: bool(copied(app)))
        assert copied(app) == [("one\ng\ntwo", 3)]

    play(LogApp(log, (LogStep(0, "one", "failed"),)), script)


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        ((0, 1), (1, 2), "one\n"),  # from before the first line's text to before the second one's
        ((4, 2), (6, 3), "two"),  # to the head of a step
        ((6, 3), (4, 4), "t"),  # from the head of a step
        ((6, 4), (6, 1), "e\ntwo\nthr"),  # upwards
        ((5, 4), (5, 10), "hree\nfour"),  # to where there is nothing
        ((20, 1), (20, 2), "\ntwo"),  # behind the texts
    ],
)
def test_a_drag_may_begin_and_end_beside_the_text(start, end, text):
    log = MemoryLog()
    log.step(0, b"one\ntwo\n")
    log.step(1, b"three\nfour\n")

    async def script(app, pilot):
        await app.sees("four")
        await pilot.mouse_down(app.pane.view, offset=start)
        await pilot.hover(app.pane.view, offset=end)
        await pilot.mouse_up(app.pane.view, offset=end)
        await app.until(lambda: bool(copied(app)))
        assert copied(app)[0][0] == text

    play(LogApp(log, (LogStep(0, "a", "failed"), LogStep(1, "b", "failed"))), script)


def test_lines_are_selected_by_keys_too():
    async def script(app, pilot):
        await app.sees("line 9")
        await pilot.press("g", "j", "v", "j", "j", "y")
        await app.until(lambda: bool(copied(app)))
        assert copied(app) == [("line 1\nline 2\nline 3", 3)]
        await pilot.press("k", "v", "k", "escape", "k", "y")
        await app.until(lambda: len(copied(app)) == 2)
        assert copied(app)[1] == ("line 0", 1)

    play(LogApp(MemoryLog(lines(10))), script)


def test_a_search_asked_for_before_the_lines_are_counted_is_done_once_they_are():
    log = MemoryLog(b"".join(b"%d %s\n" % (number, b"x" * 90) for number in range(60_000)))
    log.hold = True

    async def script(app, pilot):
        await app.sees("59999 xxx", "counting lines")
        await pilot.press("/", *"1234 x", "enter")
        log.release()
        await app.sees("line 1,235 of 60,000", "matches", "▌ 1234 xxx")
        assert cursor(app).startswith("1234 ")

    play(LogApp(log), script)


def test_one_goes_from_step_to_step():
    async def script(app, pilot):
        await app.sees("Error: boom")
        seen = []
        for key in ("{", "{", "{", "}", "}", "}"):
            await pilot.press(key)
            seen.append(cursor(app).split("  ")[0])
        assert seen == [
            "▾ ✗ Build it", "▸ ✓ Say hi", "▸ ✓ Say hi", "▾ ✗ Build it", "– Deploy", "– Deploy",
        ]  # fmt: skip

    play(LogApp(failed_log(), STEPS), script)


def test_saving_and_paging_are_the_owners_to_do():
    async def script(app, pilot):
        await app.sees("Error: boom")
        await pilot.press("s", "o")
        await app.until(lambda: len(app.heard) == 2)
        assert [(type(one).__name__, one.step) for one in app.heard] == [("SaveAsked", 1), ("PagerAsked", 1)]
        assert app.heard[1].line == 55

    play(LogApp(failed_log(), STEPS), script)


# -- hostile logs ---------------------------------------------------------------------------------------------------

HOSTILE = (
    b"\x1b]0;title\x07A\x1b]52;c;aGk=\x1b\\B\x1b[2J\x1b[5;5HC\x9bm\xc2\x9b31mD\x1bP1$r\x1b\\E\x1b_x\x1b\\\x1bcF\n",
    b"\x1b[31m\x1b[999999999m\x1b[38;2;300;0;0mcolour\x1b[8mseen\x1b[5m\n",
    b"10%\r50%\r\x1b[Kdone\n",
    b"\xe2\x80\xaeright to left\xe2\x81\xa6 \xf0\x9f\x91\x8d\xef\xb8\x8f\n",
    b"[red]no markup[/red] [@click=app.quit]x[/]\n",
    b"tab\tstop\x00\x08\n",
    b"w" * 3_000_000 + b"\n",
    b"##[group]\x1b]0;x\x07group\n##[endgroup]\n",
)


@pytest.mark.parametrize("keys", ["", "w", "t", "+"])
def test_nothing_that_a_job_writes_moves_or_commands_the_terminal(keys):
    log = MemoryLog()
    log.step(0, b"".join(HOSTILE))

    async def script(app, pilot):
        await app.sees("group")
        await pilot.press(*keys, "g")
        for _ in range(10):
            await pilot.press("j")
            strips = app.screen._compositor.render_strips(app.size)
            for segment in (segment for strip in strips for segment in strip):
                assert segment.text.isprintable(), segment.text
                assert not re.search("[\u202a-\u202e\u2066-\u2069]", segment.text)
        text = "\n".join(text_of(app))
        if not keys:
            assert "ABC" in text
            assert "done" in text
            assert "50%" not in text
            assert "[red]no markup[/red]" in text
            assert "… +3.0 MB" in text

    hostile_step = LogStep(0, "\x1b]0;x\x07name\x1b[2J", "failed")
    play(LogApp(log, (hostile_step,)), script, size=(100, 24))


def test_a_line_too_long_to_read_says_how_much_there_is_more():
    log = MemoryLog(b"w" * 3_100_000 + b"\nnext\n")

    async def script(app, pilot):
        await app.sees("next", "… +3.1 MB")
        assert rows(app)[0].endswith("www … +3.1 MB")

    play(LogApp(log), script)


def test_with_ascii_there_is_nothing_else():
    async def script(app, pilot):
        await app.sees("Error: boom")
        await pilot.press("g")
        assert rows(app)[0] == "> > v Say hi  success 1.2 s  4 lines"
        assert "\n".join(rows(app)).isascii()

    play(LogApp(failed_log(), STEPS, ascii=True), script)


@pytest.mark.parametrize("theme", ["textual-light", "ansi-dark", "nord"])
def test_every_theme_paints_the_log_anew(theme):
    async def script(app, pilot):
        await app.sees("Error: boom")
        app.theme = theme
        await pilot.pause()
        await app.sees("Error: boom")

    play(LogApp(failed_log(), STEPS), script)
