"""The page of snapshots: what each added, what changed between two, taking one."""

from datetime import timedelta

from app.tui.presenters import snapshots as presenter
from tests.app.tui.harness import tui_over
from tests.engine.fakes import START, jobs


def test_a_snapshot_that_lacks_contents_and_one_that_is_damaged_say_so():
    told = {
        "id": "20300101-000000", "kind": "hand", "created_at": (START - timedelta(hours=2)).isoformat(), "runs": 3,
        "jobs": 5, "artifacts": 1, "size_bytes": 2048, "new_bytes": 12, "incomplete": ["artifacts/1/x"],
    }  # fmt: skip
    damaged, whole = presenter.snapshot_rows([told], [{"id": "20290101-000000", "problem": "torn"}], START)
    assert [cell.text for cell in whole.cells] == [
        "20300101-000000", "hand", "2 h ago", "3", "5", "1", "2.0 KiB", "12 B", "not whole: artifacts/1/x",
    ]  # fmt: skip
    assert damaged.cells[-1].text.startswith("damaged: torn; `treadle snapshot prune 20290101-000000`")


def test_snapshots_are_taken_listed_and_compared(site):
    lab = site.lab

    async def deed(tui):
        await tui.press("4", "S")
        await tui.shows("No snapshot yet")
        await tui.press("n")
        await tui.shows("hand", "NEW ON DISK")
        await tui.until(lambda: any("$ treadle snapshot create" in note for note in tui.told))
        lab.clock.advance(60)
        lab.run(jobs(a=""), "acme/app")
        for _ in range(2):
            await tui.press("n")
            await tui.until(lambda: len(tui.app.page.snapshots) > len(ids))
            ids[:] = [one["id"] for one in tui.app.page.snapshots]
            lab.clock.advance(60)
        await tui.press("g", "j", "enter")
        await tui.shows("What changed", f"$ treadle snapshot diff {ids[2]} {ids[1]}", "run: 1 added", "+ CI #1")
        await tui.press("escape", "g", "space", "G", "space", "enter")
        await tui.shows(f"$ treadle snapshot diff {ids[2]} {ids[0]}")
        await tui.press("escape", "escape", "G", "enter")
        await tui.until(lambda: any("none before it" in note for note in tui.told))

    ids = [""]
    tui_over(site, deed)


def test_the_palette_leads_to_the_snapshots_and_a_reader_takes_none(site):
    async def deed(tui):
        await tui.press("colon", *"snapshots", "enter")
        await tui.shows("No snapshot yet")
        await tui.press("n")
        assert tui.told == ["This session is read only."] and "take one now" not in tui.lines[-1]

    tui_over(site, deed, read_only=True)
