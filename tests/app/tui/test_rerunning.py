"""Running again otherwise than as a whole, by keys: from a step on, with debug logging, with other inputs."""

import pytest

from engine.store.tables.runs import JobRow, RunRow
from tests.app.server.test_retries import dispatched, failed
from tests.app.tui.harness import Tui, tui_over


async def open_run(it: Tui) -> None:
    await it.press("enter")
    await it.until(lambda: type(it.app.page).__name__ == "RunPage" and it.app.page.fetched)


async def says(it: Tui, words: str) -> None:
    await it.until(lambda: any(words in told for told in it.told))


def test_a_step_is_chosen_and_the_job_begins_there(site) -> None:
    job_id = failed(site, kept=(0,))

    async def deed(it: Tui) -> None:
        await open_run(it)
        await it.press("ctrl+r")
        await it.shows("Run again how?", "a, from a later step")
        await it.press("s")
        await it.shows("Run a again from which step?", "1 two", "2 three", "on what attempt 1 was after step 0")
        await it.hides("0 one")
        await it.press("enter")
        await says(it, f"$ treadle retry j{job_id} --step 1")

    tui_over(site, deed)
    assert JobRow.get_by_id(job_id).begin_at["step"] == 1


def test_where_nothing_is_kept_it_is_said_how_it_would_be(site) -> None:
    failed(site)

    async def deed(it: Tui) -> None:
        await open_run(it)
        await it.press("ctrl+r")
        await it.shows("Run again how?")
        await it.press("s")
        await says(it, "Nothing is kept of a: `checkpoint: true`")

    tui_over(site, deed)


@pytest.mark.parametrize(
    ("key", "line"), [("t", "retry j1 --debug"), ("f", "retry r1 --failed --debug"), ("a", "retry r1 --debug")]
)
def test_debug_logging_is_chosen(site, key, line) -> None:
    job_id = failed(site)

    async def deed(it: Tui) -> None:
        await open_run(it)
        await it.press("ctrl+r")
        await it.shows("Run again how?")
        await it.press(key)
        await says(it, line)

    tui_over(site, deed)
    assert JobRow.get_by_id(job_id).debug


def test_other_inputs_begin_with_those_of_the_run(site) -> None:
    run_id = dispatched(site)
    row = RunRow.get_by_id(run_id)
    RunRow.update(contexts={**row.contexts, "inputs": {"where": "there", "loud": True}}).where(
        RunRow.id == run_id
    ).execute()

    async def deed(it: Tui) -> None:
        await open_run(it)
        await it.press("ctrl+r")
        await it.shows("With other inputs")
        await it.press("i")
        await it.shows("with other inputs", "to where", "there")
        await it.hides("default branch")
        await it.press("left", "ctrl+s")
        await says(it, f"$ treadle retry r{run_id} --input where=here")

    tui_over(site, deed)
    made = RunRow.get_by_id(run_id + 1)
    assert made.contexts["inputs"] == {"where": "here", "loud": True}


def test_a_run_without_inputs_is_not_offered_any(site) -> None:
    failed(site)

    async def deed(it: Tui) -> None:
        await open_run(it)
        await it.press("ctrl+r")
        await it.shows("Run again how?")
        await it.hides("With other inputs")

    tui_over(site, deed)
